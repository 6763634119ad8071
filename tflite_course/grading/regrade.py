"""Grade again what changed, and only that: the file that was handed in, the lab, or the check of an exercise.

A mark that a person gave stays while the answer that it was given for is the same. When that answer changed, it waits
for a person again, and the old mark and remark are in the history.
"""

import json
import shutil
from pathlib import Path

from tflite_course.errors import CourseError
from tflite_course.grading import exercise_marks as marks
from tflite_course.grading import records, versions

KEEP = ("last", "best")  # which of two files of one student counts


def paths(work, lab, student=None):
    """Return three notebooks of a work folder: a lab's source, its release, and a submission as it was repaired."""
    work, name = Path(work), f"{lab}.ipynb"
    submitted = work / "submitted" / str(student) / lab / name
    return work / "source" / lab / name, work / "release" / lab / name, submitted


def started(work, lab, student):
    """Return the file that is there while a submission is graded, and stays when that was stopped."""
    return Path(work) / "started" / f"{student} {lab}"


def is_graded(work, lab, student, text=None, files=None):
    """Return whether a submission is through: it has a record, and no mark of a start.

    text, files: whether that was with this notebook, and these files beside it.
    """
    record = records.read(work, lab, student)
    if record is None or record["graded_at"] is None or started(work, lab, student).exists():
        return False
    return text is None or record["handed_in"] == records.handed_in(text, files)


def is_done(work, lab, student, text, again, plan, files=None):
    """Return whether a task is done already: the worker that did it died before it could say so."""
    if plan is None:
        return not again and is_graded(work, lab, student, text, files)
    record = records.read(work, lab, student)
    return is_graded(work, lab, student) and record["gradings"] > plan["since"]


# --- before: what has to be graded


def synchronize(work):
    """Bring the records up to the gradebook; return them, {(lab, student): record}.

    What a person marked in nbgrader's pages since the last run goes into the history. A submission that was graded
    before there were records gets one, so that its marks by hand are kept.
    """
    known, there = records.read_all(work), marks.by_submission(marks.read(work))
    for key in known.keys() - there.keys():
        known[key]["missing"] = True  # its gradebook was taken away: the marks are in the record
    for (lab, student), found in there.items():
        record = known.get((lab, student))
        if record is None:
            if started(work, lab, student).exists() or not _was_graded(work, lab, student):
                continue
            record = _adopt(work, lab, student, found)
        elif not _log_by_hand(record, found):
            continue
        elif started(work, lab, student).exists():
            continue  # it was stopped half-way: what the gradebook says of it is not settled
        _take(record, found)
        records.write(work, record)
        known[lab, student] = record
    return dict(sorted(known.items()))


def _was_graded(work, lab, student):
    return (Path(work) / "autograded" / student / lab / f"{lab}.ipynb").is_file()


def _adopt(work, lab, student, found):
    """Return a record of a submission that an edition without records graded."""
    answers = versions.answers(paths(work, lab, student)[2])
    record = records.EMPTY | {"student": student, "lab": lab, "answers": answers, "history": [], "graded_at": ""}
    record["reason"] = "graded before there were records"
    for mark in found.values():
        if mark.manual is not None:
            record["history"].append(entry("by hand", mark.exercise, None, mark.manual, record["reason"], mark.remark))
    return record


def entry(by, exercise, old, new, reason, remark=None):
    """Return one line of the history of a submission's marks."""
    return {
        **{"date": records.now(), "by": by, "exercise": exercise, "old": old, "new": new},
        **{"reason": reason, "remark": remark},
    }


def _log_by_hand(record, found):
    """Append to the history what a person changed since it was last looked at; return whether anything is new."""
    changed = False
    for name, mark in found.items():
        old = record["marks"].get(name, {})
        hand = ("manual", "extra", "waiting", "remark")
        if all(old.get(key) == getattr(mark, key) for key in (*hand, "automatic")):
            continue
        changed = True
        points = [old.get("manual"), mark.manual]
        if mark.extra or old.get("extra"):
            points = [(p or 0) + (e or 0) for p, e in zip(points, (old.get("extra"), mark.extra), strict=True)]
        if points[0] != points[1] or old.get("remark") != mark.remark:
            record["history"].append(entry("by hand", name, *points, "marked in the gradebook", mark.remark))
    return changed


def _take(record, found):
    record["marks"] = {name: mark.as_dict() for name, mark in sorted(found.items())}
    record["score"] = sum(mark.score for mark in found.values())
    record["max_score"] = sum(mark.most for mark in found.values())


def add_arguments(parser):
    """Add what chooses the submissions to grade to the command's arguments; chosen_by() reads them."""
    add = parser.add_argument
    add("--again", action="store_true", help="grade again also what did not change")
    add("--student", action="append", metavar="NAME", help="only this student (may be given more than once)")
    add("--lab", action="append", metavar="LAB", help="only this lab (may be given more than once)")
    add("--exercise", action="append", metavar="NAME", help="change only the marks of this exercise")
    add("--keep", choices=KEEP, default="last", help="which file of a student counts (default: last)")


def chosen_by(options):
    """Return the arguments of choose() that the command's arguments name."""
    names = {"students": options.student, "labs": options.lab, "exercises": options.exercise}
    return {"again": options.again, "keep": options.keep} | names


FIRST = "for the first time"


def choose(tasks, *, again=False, students=None, labs=None, exercises=None, keep="last", known=None):
    """Return (tasks to grade, sentences that say what changed).

    tasks: dicts with "work", "lab", "student", "text" and perhaps "files", what was handed in. Each chosen one gets a
    "plan", a dict: "reason"; "only", the exercises whose marks may change, None for all; "keep"; "since", how often it
    was graded. again: also what did not change. students, labs, exercises: only these. known: what synchronize()
    returned.
    Raises CourseError for a name that nothing has.
    """
    if keep not in KEEP:
        raise CourseError(f"keep is '{keep}': choose from {', '.join(KEEP)}.")
    chosen, reasons, current = [], {}, {}
    _check_names("student", students, {task["student"] for task in tasks})
    _check_names("lab", labs, {task["lab"] for task in tasks})
    tasks = [t for t in tasks if (not students or t["student"] in students) and (not labs or t["lab"] in labs)]
    for task in tasks:
        if task["lab"] not in current:
            current[task["lab"]] = _versions_of(task["work"], task["lab"])
    names = {versions.exercise_of(name) for now in current.values() for name in now["cells"]}
    _check_names("exercise", exercises and [versions.exercise_of(name) for name in exercises], names)
    for task in tasks:
        lab, student = task["lab"], task["student"]
        record = records.read(task["work"], lab, student) if known is None else known.get((lab, student))
        reason, only = _reason(task, record, current[lab], again)
        if exercises and record:
            mine = {versions.exercise_of(name) for name in current[lab]["cells"]}
            wanted = mine & {versions.exercise_of(name) for name in exercises} & set(mine if only is None else only)
            reason, only = (reason, sorted(wanted)) if wanted else (None, None)
        if reason:
            since = record["gradings"] if record else 0
            chosen.append({**task, "plan": {"reason": reason, "only": only, "keep": keep, "since": since}})
            reasons.setdefault((lab, reason), []).append(student)
    return chosen, [
        f"{lab}: {reason}; {len(found)} submission{'s' * (len(found) > 1)} to grade again"
        for (lab, reason), found in reasons.items()
        if reason != FIRST
    ]


def _check_names(kind, given, there):
    for name in given or ():
        if name not in there:
            some = ", ".join(sorted(there)[:12]) or "none"
            raise CourseError(f"There is no {kind} {name} in what was handed in: choose from {some}.")


def _versions_of(work, lab):
    source, released, _ = paths(work, lab)
    return {
        "lab_version": versions.lab_version(released),
        "checks_version": versions.checks_version(lab),
        "cells": versions.cells(source),
        "checks": None,  # takes longer: looked at when checks_version differs
    }


def _reason(task, record, current, again):
    """Return (why a submission has to be graded, the exercises that it concerns or None for all), or (None, None)."""
    if record is None or record["graded_at"] is None:
        return FIRST, None
    if started(task["work"], task["lab"], task["student"]).exists():
        return "the last run was stopped", None
    if record.get("missing"):
        return "the gradebook does not have it", None
    if again:
        return "asked for", None
    if record["handed_in"] is None:
        return "graded before there were records", None
    if record["handed_in"] != records.handed_in(task["text"], task.get("files")):
        return "a new file was handed in", None
    changed = {n for n, cell in current["cells"].items() if record["cells"].get(n) != list(cell)}
    if changed:
        only = sorted({versions.exercise_of(name) for name in changed})
        return f"the lab changed ({', '.join(only)})", only
    if record["checks_version"] != current["checks_version"]:
        current["checks"] = current["checks"] or versions.checks(task["lab"])
        checked = {versions.exercise_of(n) for n, cell in current["cells"].items() if cell[0]}
        only = sorted(e for e in checked if record["checks"].get(e) != current["checks"].get(e))
        if only:
            return f"the checks changed ({', '.join(only)})", only
    return None, None


# --- while a submission is graded


def begin(work, lab, student, plan=None):
    """Mark that a submission is being graded; return its record so far, or None.

    When the best of a student's files counts, the folders of the one before are set aside: they come back when the new
    one has fewer points.
    """
    keep = (plan or {}).get("keep")
    mark, record = started(work, lab, student), records.read(work, lab, student)
    mark.parent.mkdir(exist_ok=True)
    aside = _aside(work, lab, student)
    if keep == "best" and record and not (mark.exists() and aside.exists()):
        shutil.rmtree(aside, ignore_errors=True)
        for kind in ("submitted", "autograded"):
            if (Path(work) / kind / student / lab).is_dir():
                shutil.copytree(Path(work) / kind / student / lab, aside / kind)
    mark.touch()
    return record


def _aside(work, lab, student):
    return Path(work) / "earlier" / student / lab


def settle(work, outcome, text, before, plan=None, files=None):
    """Give back the marks that stay, write the record of a submission, and return what grade() returns.

    outcome: a dict with "lab", "student", "notes", "crashed" and, as far as known, "hints" {exercise: text} and
    "flags" [sentence]. text, files: what was handed in. before: what begin() returned. plan: see choose().
    """
    reason, only, keep = (plan or {}).get("reason", FIRST), (plan or {}).get("only"), (plan or {}).get("keep", "last")
    lab, student = outcome["lab"], outcome["student"]
    source, _, submitted = paths(work, lab, student)
    record = {**records.EMPTY, "student": student, "lab": lab, "history": []} | (before or {})
    found = marks.by_submission(marks.read(work, lab, student)).get((lab, student), {})
    answers, needed = versions.answers(submitted), versions.needs(source)
    handed_in = records.handed_in(text, files)
    worse = keep == "best" and only is None and _is_worse(record, found, handed_in)
    for name, mark in found.items():
        was = record["marks"].get(name)
        if was is None:
            continue
        if worse or (only is not None and versions.exercise_of(name) not in only):
            _give_back(mark, was, ("automatic", "manual", "extra", "waiting", "remark"))
        elif any(was.get(key) is not None for key in ("manual", "extra", "remark")):
            same = all(n in answers and record["answers"].get(n) == answers[n] for n in needed.get(name, [name]))
            if same and record["cells"].get(name, [None, was["most"]])[1] == mark.most:
                _give_back(mark, was, ("manual", "extra", "waiting", "remark"))
            else:
                record["history"].append(entry("regrading", name, was["manual"], None, reason, was.get("remark")))
                mark.manual = mark.extra = mark.remark = None
                mark.waiting = True
    marks.write(work, found.values())
    _log_automatic(record, found, reason)
    if worse:
        _bring_back(work, lab, student)
        points = sum(mark.score for mark in found.values())
        record["notes"] = [f"the file of an earlier time counts, with {points:g} points: the new one has fewer."]
    else:
        _describe(record, outcome, work)
        kept = {n for name in found if only is None or versions.exercise_of(name) in only for n in needed.get(name, [])}
        record["answers"] = answers if only is None else record["answers"] | {n: answers.get(n) for n in kept}
    _remember_versions(record, _versions_of(work, lab), handed_in, only)
    _take(record, found)
    record |= {"graded_at": records.now(), "reason": reason, "gradings": record["gradings"] + 1}
    records.write(work, record)
    started(work, lab, student).unlink(missing_ok=True)
    return records.result(record)


def _give_back(mark, was, keys):
    for key in keys:
        setattr(mark, key, was.get(key))


def _is_worse(record, found, handed_in):
    """Return whether the checks give a new file fewer points than the one before it."""
    old = [was["automatic"] for was in record["marks"].values() if was["kind"] == "checks"]
    new = [mark.automatic for mark in found.values() if mark.kind == "checks"]
    other = record["handed_in"] not in (None, handed_in)
    return bool(other and old and sum(p or 0 for p in new) < sum(p or 0 for p in old))


def _bring_back(work, lab, student):
    for kind in ("submitted", "autograded"):
        there = _aside(work, lab, student) / kind
        if there.is_dir():
            shutil.rmtree(Path(work) / kind / student / lab, ignore_errors=True)
            shutil.move(there, Path(work) / kind / student / lab)


def _log_automatic(record, found, reason):
    for name, mark in found.items():
        old = record["marks"].get(name, {}).get("automatic")
        if mark.kind == "checks" and old != mark.automatic:
            record["history"].append(entry("checks", name, old, mark.automatic, reason, None))


def _describe(record, outcome, work):
    path = Path(work) / "autograded" / outcome["student"] / outcome["lab"] / f"{outcome['lab']}.ipynb"
    record["notes"], record["crashed"] = list(outcome["notes"]), bool(outcome["crashed"])
    record["flags"] = list(outcome.get("flags") or [])
    record["hints"] = dict(outcome["hints"]) if outcome.get("hints") is not None else hints(path)


HINT = ("Not yet: ", "So far: ")  # begin the line in which a check says what is missing


def hints(path):
    """Return {exercise: hint} of the checks in an autograded notebook, the last one of each."""
    found = {}
    for name, _, cell in versions.read_cells(path):
        for output in cell.get("outputs") or []:
            said = output.get("text", "")
            for line in (said if isinstance(said, str) else "".join(said)).splitlines():
                if line.startswith(HINT) and name.startswith(versions.CHECK):
                    found[versions.exercise_of(name)] = line.split(": ", 1)[1]
    return found


def _remember_versions(record, current, handed_in, only):
    """Note the versions that the marks stand for; of a part of the exercises only theirs."""
    current["checks"] = versions.checks(record["lab"])
    if only is None:
        record["handed_in"] = handed_in
        record |= {key: current[key] for key in ("lab_version", "checks_version", "cells", "checks")}
        return
    record["cells"] |= {n: list(c) for n, c in current["cells"].items() if versions.exercise_of(n) in only}
    record["checks"] |= {e: code for e, code in current["checks"].items() if e in only}
    if all(record["cells"].get(n) == list(c) for n, c in current["cells"].items()):
        record["lab_version"] = current["lab_version"]
    if record["checks"] == current["checks"]:
        record["checks_version"] = current["checks_version"]


# --- afterwards: pages that are out of date


def _page(record):
    """Return the fingerprint of what a feedback page shows."""
    shown = [record[key] for key in ("marks", "notes", "flags", "graded_at")]
    return records.fingerprint(json.dumps(shown, sort_keys=True))


def without_page(work, known):
    """Return [(lab, student)] of the submissions whose feedback page does not show their marks of now."""
    pages = Path(work) / "feedback"
    return [
        (lab, student)
        for (lab, student), record in known.items()
        if record["graded_at"] and record["marks"] and not record.get("missing")
        if record.get("page") != _page(record) or not (pages / student / lab / f"{lab}.html").is_file()
    ]


def remember_page(work, known, lab, student):
    """Note that a submission's page shows its marks of now."""
    record = known[lab, student]
    record["page"] = _page(record)
    records.write(work, record)


EXPORTED = "exported.json"


def exported(work, known, also=()):
    """Return the paths of the files of marks when they show those of now, or None when they have to be written.

    That is when no record has changed since remember_export(), and no file is missing. also: what else they are made
    of, texts: the roster, for example.
    """
    try:
        kept = json.loads((Path(work) / EXPORTED).read_text(encoding="utf-8"))
        files, state = [Path(work) / name for name in kept["files"]], kept["state"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return files if state == _state(known, also) and all(file.is_file() for file in files) else None


def remember_export(work, known, files, also=()):
    """Note that files of marks were written, paths in the work folder."""
    names = [Path(file).resolve().relative_to(Path(work).resolve()).as_posix() for file in files]
    kept = {"state": _state(known, also), "files": names}
    records.write_text(Path(work) / EXPORTED, json.dumps(kept, indent=1))


def _state(known, also):
    pages = {f"{lab} {student}": _page(record) for (lab, student), record in known.items()}
    return records.fingerprint(json.dumps([pages, list(also)], sort_keys=True))


def note_failure(work, task, note):
    """Keep in its record that a submission could not be graded; what was graded of it before stays, the file waits."""
    if not Path(work).is_dir():
        return
    record = records.read(work, task["lab"], task["student"])
    record = record or {**records.EMPTY, "student": task["student"], "lab": task["lab"], "crashed": True}
    records.write(work, record | {"notes": [note]})
