"""The work of a marker: what there is to mark, the marks of each marker, and the bank of remarks.

Each marker has a file, desk/<marker>.json in the work folder. The mark of whoever marked an answer first is the one in
the gradebook; another marker's is kept beside it and compared, until somebody says that theirs counts.
"""

import copy
import hashlib
import json
import math
import re
from pathlib import Path

from tflite_course.errors import CourseError
from tflite_course.grading import exercise_marks, records, regrade, versions
from tflite_course.grading.desk import agreement, texts
from tflite_course.grading.journal_report import NOTEBOOK_ID
from tflite_course.locking import locked

FOLDER, BANK = "desk", "remarks.json"
NAME = re.compile(r"[^\W_][\w .-]{0,39}")
MOST_REMARK, MOST_BANK = 4000, 500
SAMPLE = "/sample/"  # begins the key of a sample journal; no student's folder can be called so


class Desk:
    """All that one marker can mark. Raises CourseError for a work folder without anything to mark, and a bad name."""

    def __init__(self, work, marker="by hand", labs=None, samples=True):
        self.work, self.marker, self._kept = Path(work), marker, {}
        if not NAME.fullmatch(marker):
            raise CourseError(f"The marker '{marker}' is not a name: use letters, digits, spaces, at most 40.")
        regrade.synchronize(self.work)
        self.samples = texts.samples() if samples else {}
        rows = [m for m in exercise_marks.read(self.work) if m.kind != "checks" and m.most > 0]
        rows = [row for row in rows if labs is None or row.lab in labs]
        if not rows:
            raise CourseError(
                f"There is nothing to mark by hand in {self.work.name}: grade a journal or a lab with a written answer "
                "first, or give another folder with --work."
            )
        self.tasks = self._make_tasks(rows)

    def _make_tasks(self, rows):
        """Return [{"lab", "exercise", "title", "most", ...}] in the order of the labs."""
        found = {}
        for row in rows:
            found.setdefault((row.lab, row.exercise), []).append(row)
        order = {}
        for lab in {lab for lab, _ in found}:
            names = [name for name, _, _ in versions.read_cells(regrade.paths(self.work, lab)[0])]
            order |= {(lab, name): k for k, name in enumerate(names)}
        tasks = []
        for lab, exercise in sorted(found, key=lambda key: (key[0], order.get(key, 99))):
            asked, scheme = texts.scheme(self.work, lab, exercise)
            title = re.match(r"\*\*(.+?)\*\*", asked) or re.match(r"#+ *(.+)", asked)
            students = sorted((row.student for row in found[lab, exercise]), key=lambda s: _shuffled(lab, s))
            own = [SAMPLE + name for name in self.samples] if self._has_samples(lab, exercise) else []
            tasks.append(
                {"lab": lab, "exercise": exercise, "title": _plain(title[1] if title else exercise), "scheme": scheme}
                | {"most": found[lab, exercise][0].most, "asked": asked, "students": [*own, *students]}
            )
        return tasks

    def _has_samples(self, lab, exercise):
        criterion = exercise.removeprefix("rubric-")
        return lab == NOTEBOOK_ID and any(criterion in marked for _, marked, _ in self.samples.values())

    # --- files of markers

    def _path(self, marker):
        return self.work / FOLDER / f"{marker}.json"

    def markers(self):
        """Return the names of those who have marked here, and this one."""
        there = {path.stem for path in (self.work / FOLDER).glob("*.json") if path.name != BANK}
        return sorted({name for name in there if NAME.fullmatch(name)} | {self.marker})

    def given(self, marker):
        """Return {lab: {student: {exercise: {"points", "remark", "date", "answer", "counts"}}}} of a marker."""
        path = self._path(marker)
        try:
            return self._cached(path, lambda: json.loads(path.read_text(encoding="utf-8"))) or {}
        except ValueError:
            raise CourseError(f"{FOLDER}/{path.name} is damaged: rename it, the gradebook has its marks.") from None

    def _mark_of(self, marker, task, student):
        """Return a marker's mark of an answer as it is now, or None; one of an earlier answer does not count."""
        found = self.given(marker).get(task["lab"], {}).get(student, {}).get(task["exercise"])
        return found if found and found["answer"] == self._answer(task, student) else None

    def _answer(self, task, student):
        """Return the hash of what a mark is given for."""
        if student.startswith(SAMPLE):
            return ""
        source, _, submitted = regrade.paths(self.work, task["lab"], student)
        answers = self._cached(submitted, lambda: versions.answers(submitted)) or {}
        needed = self._cached(source, lambda: versions.needs(source)) or {}
        needed = needed.get(task["exercise"], [task["exercise"]])
        return records.fingerprint("\n".join(f"{name} {answers.get(name)}" for name in needed))

    def _cached(self, path, read):
        """Return what read() makes of a file, read anew when the file has changed; None when there is none."""
        try:
            stamp = (path.stat().st_mtime_ns, path.stat().st_size)
        except FileNotFoundError:
            return None
        if self._kept.get(path, (None,))[0] != stamp:
            self._kept[path] = (stamp, read())
        return self._kept[path][1]

    # --- what the page shows

    def overview(self):
        """Return the tasks with how many are marked, for the page."""
        rows = {(m.lab, m.exercise, m.student): m for m in exercise_marks.read(self.work)}
        return [
            {"title": task["title"], "lab": task["lab"], "most": task["most"]}
            | {"marks": [self._state(task, student, rows) for student in task["students"]]}
            for task in self.tasks
        ]

    def _state(self, task, student, rows):
        """Return this marker's points for an answer, else those in the gradebook that nobody of the desk gave."""
        mine = self._mark_of(self.marker, task, student)
        if mine:
            return mine["points"]
        row = rows.get((task["lab"], task["exercise"], student))
        if row is None or row.waiting or row.manual is None or self._owner(task, student):
            return None
        return row.manual

    def _owner(self, task, student):
        """Return the other marker whose mark of an answer is in the gradebook, or None."""
        for marker in self.markers():
            if marker != self.marker and (self._mark_of(marker, task, student) or {}).get("counts"):
                return marker
        return None

    def item(self, number, place, names=False):
        """Return what is shown of one answer: its text, the mark, and what stands beside it."""
        task = self.tasks[number]
        student = task["students"][place]
        mine = self._mark_of(self.marker, task, student)
        shown = {"sample": student.startswith(SAMPLE), "points": None, "remark": "", "others": [], "lines": []}
        if shown["sample"]:
            text, marked, entries = self.samples[student.removeprefix(SAMPLE)]
            shown |= {"label": f"Sample {place + 1}", "parts": texts.sample_parts(text)}
            if mine:
                ours = marked[task["exercise"].removeprefix("rubric-")]
                shown["others"] = [{"marker": "the course", "points": ours["mark"], "remark": ours["reason"]}]
                shown["label"] = f"Sample: {student.removeprefix(SAMPLE)}"
        else:
            parts, lines = texts.submission(self.work, task["lab"], student, task["exercise"])
            entries = texts.evidence_of(self.work, student) if task["lab"] == NOTEBOOK_ID else []
            own = sum(name.startswith(SAMPLE) for name in task["students"])
            shown |= {"label": f"Answer {place + 1 - own}", "parts": parts, "lines": lines}
            if names:
                shown["label"] = student
            else:
                shown["lines"] = [self._without_names(task, line) for line in lines]
            beside = self._beside(task, student, mine)
            shown |= beside | {"lines": [*shown["lines"], *beside["lines"]]}
        if table := texts.evidence_table(entries):
            shown["parts"] = [*shown["parts"], ("Evidence", table)]
        if mine:
            shown |= {"points": mine["points"], "remark": mine["remark"]}
        return shown

    def _without_names(self, task, line):
        """Return a line of the journal report with the number of an answer in place of the student that it names."""
        kind, _, rest = line.partition(": ")
        other, colon, what = rest.partition(": ")
        if kind not in ("same evidence", "near duplicates") or other not in task["students"]:
            return line
        own = sum(name.startswith(SAMPLE) for name in task["students"])
        return f"{kind}: Answer {task['students'].index(other) + 1 - own}{colon}{what}"

    def _beside(self, task, student, mine):
        """Return other marks of an answer: those of other markers once this one has marked, and earlier ones."""
        shown, record = {"others": [], "lines": []}, records.read(self.work, task["lab"], student)
        row = {m.exercise: m for m in exercise_marks.read(self.work, task["lab"], student)}.get(task["exercise"])
        owner = self._owner(task, student)
        if mine is None and row is not None and row.manual is not None and not row.waiting and owner is None:
            shown |= {"points": row.manual, "remark": row.remark or ""}
        if mine:
            for marker in self.markers():
                theirs = self._mark_of(marker, task, student)
                if marker != self.marker and theirs:
                    shown["others"].append({"marker": marker} | {k: theirs[k] for k in ("points", "remark", "counts")})
        old = [e for e in (record or {}).get("history", ()) if e["exercise"] == task["exercise"]]
        if row is not None and row.waiting and old and old[-1]["by"] == "regrading" and old[-1]["old"] is not None:
            said = f" ({old[-1]['remark']})" if old[-1]["remark"] else ""
            shown["lines"] = [f"marked before the answer changed: {old[-1]['old']:g}{said}"]
        return shown

    def task(self, number):
        """Return what stands beside the answers of a task: the question and the mark scheme."""
        task = self.tasks[number]
        levels = texts.levels(task["scheme"])
        return {
            "title": task["title"],
            "lab": task["lab"],
            "most": task["most"],
            "asked": texts.as_html(task["asked"]),
            "levels": [[points, texts.as_html(said)] for points, said in sorted(levels.items())],
            "scheme": "" if levels else texts.as_html(task["scheme"]),
        }

    # --- marking

    def mark(self, number, place, points, remark="", *, settle=False):
        """Give points and a remark to an answer; return item(). settle: this mark counts, whoever marked before.

        Raises CourseError for points outside the scale.
        """
        task = self.tasks[number]
        student = task["students"][place]
        if isinstance(points, bool) or not isinstance(points, (int, float)) or not math.isfinite(points):
            raise CourseError("Points are a number.")
        if not 0 <= points <= task["most"]:
            raise CourseError(f"{points:g} points are outside the scale: give 0 to {task['most']:g}.")
        remark = str(remark or "").strip()[:MOST_REMARK]
        sample = student.startswith(SAMPLE)
        with locked(self.work / FOLDER / "marks"):
            owner = None if sample else self._owner(task, student)
            counts = not sample and (owner is None or settle)
            mark = {"points": float(points), "remark": remark, "date": records.now(), "counts": counts}
            self._keep(self.marker, task, student, mark | {"answer": self._answer(task, student)})
            if counts and owner:
                theirs = self._mark_of(owner, task, student)
                self._keep(owner, task, student, theirs | {"counts": False})
            if counts:
                self._write(task, student, float(points), remark, f"counts instead of {owner}'s" if owner else "marked")
        return self.item(number, place)

    def unmark(self, number, place):
        """Take back this marker's mark of an answer; return item()."""
        task = self.tasks[number]
        student = task["students"][place]
        with locked(self.work / FOLDER / "marks"):
            mine = self._mark_of(self.marker, task, student)
            if mine:
                self._keep(self.marker, task, student, None)
            if mine and mine["counts"]:
                self._write(task, student, None, None, "taken back")
        return self.item(number, place)

    def _keep(self, marker, task, student, mark):
        given = copy.deepcopy(self.given(marker))
        mine = given.setdefault(task["lab"], {}).setdefault(student, {})
        if mark is None:
            mine.pop(task["exercise"], None)
        else:
            mine[task["exercise"]] = mark
        records.write_text(self._path(marker), json.dumps(given, indent=1, ensure_ascii=False))

    def _write(self, task, student, points, remark, reason):
        """Write a mark into the gradebook and into the history of the submission."""
        (row,) = (m for m in exercise_marks.read(self.work, task["lab"], student) if m.exercise == task["exercise"])
        old, row.manual, row.remark, row.waiting = row.manual, points, remark or None, points is None
        exercise_marks.write(self.work, [row])
        record = records.read(self.work, task["lab"], student)
        if record:
            record["history"].append(regrade.entry(self.marker, row.exercise, old, points, reason, row.remark))
            record["marks"][row.exercise] = row.as_dict()
            records.write(self.work, record)

    # --- the bank of remarks

    def bank(self):
        """Return the remarks of the bank, a list of text."""
        path = self.work / FOLDER / BANK
        try:
            kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
            return [text for text in kept if isinstance(text, str)]
        except ValueError:
            raise CourseError(f"{FOLDER}/{BANK} is damaged: rename it, or correct it in an editor.") from None

    def keep_remark(self, text):
        """Put a remark into the bank, once; return the bank."""
        text = str(text).strip()[:MOST_REMARK]
        with locked(self.work / FOLDER / BANK):
            kept = self.bank()
            if text and text not in kept:
                kept = [*kept, text][-MOST_BANK:]
                records.write_text(self.work / FOLDER / BANK, json.dumps(kept, indent=1, ensure_ascii=False))
        return kept

    def agreement(self):
        """Return [{"marker", "task", "pairs", "exact", "kappa"}]: this marker with others and the samples.

        task: the number of a task, or None for all together.
        """
        found, all_pairs = [], {}
        for number, task in enumerate(self.tasks):
            pairs = self._pairs(task)
            for marker, both in pairs.items():
                found.append({"marker": marker, "task": number} | agreement.compare(both))
                all_pairs.setdefault(marker, []).extend(both)
        return found + [{"marker": m, "task": None} | agreement.compare(both) for m, both in all_pairs.items()]

    def _pairs(self, task):
        pairs = {}
        for student in task["students"]:
            mine = self._mark_of(self.marker, task, student)
            if not mine:
                continue
            if student.startswith(SAMPLE):
                ours = self.samples[student.removeprefix(SAMPLE)][1].get(task["exercise"].removeprefix("rubric-"))
                if ours:
                    pairs.setdefault("the course, samples", []).append((mine["points"], float(ours["mark"])))
                continue
            for marker in self.markers():
                theirs = self._mark_of(marker, task, student) if marker != self.marker else None
                if theirs:
                    pairs.setdefault(marker, []).append((mine["points"], theirs["points"]))
        return pairs


def _plain(title):
    return re.sub(r"\s*\(\d+ points?\)$", "", title)


def _shuffled(lab, student):
    """Sort answers in an order that is the same each time and says nothing about names."""
    return hashlib.sha256(f"{lab} {student}".encode()).hexdigest()
