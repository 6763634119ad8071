"""What a class as a whole has done: `python -m tflite_course.grading.class_report grading`.

Writes class_report.html, one page without scripts: points by exercise and how well each tells students apart, the hint
that was given most, guesses beside what was measured, answers in code that are alike, and who is missing.
"""

import argparse
import base64
import datetime
import hashlib
import json
import math
import re
import sys
from collections import Counter
from pathlib import Path

from tflite_course.errors import CourseError
from tflite_course.grading import code_likeness, gradebook, guesses, records, regrade, versions
from tflite_course.grading import exercise_marks as marks

FILE = "class_report.html"
FEWEST = 10  # students, for a correlation
MOST_PAIRS = 30


# --- what is counted


def correlation(one, two):
    """Return (Pearson's r, low, high) of two lists of numbers, with Fisher's 95 % interval; None when it has none.

    None for fewer than ten pairs, and where one of the lists does not vary.
    """
    count = len(one)
    if count < FEWEST:
        return None
    means = sum(one) / count, sum(two) / count
    pairs = [(a - means[0], b - means[1]) for a, b in zip(one, two, strict=True)]
    spread = math.sqrt(sum(a * a for a, _ in pairs) * sum(b * b for _, b in pairs))
    if spread < 1e-12:
        return None
    r = max(-1.0, min(1.0, sum(a * b for a, b in pairs) / spread))
    if abs(r) > 1 - 1e-12:
        return r, r, r
    half = 1.959964 / math.sqrt(count - 3)
    return r, math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)


def discrimination(scores):
    """Return {exercise: correlation() of its points with the points of all other exercises} of one lab.

    scores: {student: {exercise: points}}; students who lack an exercise are left out of it.
    """
    found = {}
    for name in sorted({name for mine in scores.values() for name in mine}):
        pairs = [
            (mine[name], sum(points for other, points in mine.items() if other != name))
            for mine in scores.values()
            if name in mine and len(mine) > 1
        ]
        found[name] = correlation([a for a, _ in pairs], [b for _, b in pairs])
    return found


# a hint that repeats the student's own numbers is counted by its kind
KINDS = (
    (re.compile(r"^with .* your function stops with (\w+).*", re.S), r"the function stops with \1"),
    (re.compile(r"^your code stops with (\w+).*", re.S), r"the code stops with \1"),
    (re.compile(r"^with .* your function returns .*", re.S), "another value than expected, of no known cause"),
    (re.compile(r"^(there is no answer yet|your function returns nothing yet).*", re.S), "there is no answer yet"),
)


def kind_of_hint(hint):
    """Return a hint as it is counted: one that names a known mistake as it stands, others by their kind."""
    for pattern, kind in KINDS:
        if pattern.match(hint):
            return pattern.sub(kind, hint, count=1)[:200]
    return " ".join(hint.split())[:300]


def _titles(work, lab):
    """Return {exercise: the heading above it} of a lab, in the order of the lab."""
    found, heading = {}, ""
    try:
        cells = json.loads(regrade.paths(work, lab)[1].read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError):
        return found
    for cell in cells:
        source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
        marked = cell["metadata"].get("nbgrader") or {}
        if cell["cell_type"] == "markdown" and not marked:
            if lines := re.findall(r"^#{1,3} +(.+)$", source, re.M):
                heading = re.sub(r"\s*\(\d+ points?\)$", "", lines[-1])
        elif marked.get("task"):
            bold = re.match(r"\*\*(.+?)\*\*", source)
            found[marked["grade_id"]] = bold[1] if bold else marked["grade_id"]
        elif marked.get("grade"):
            found[marked["grade_id"]] = heading or versions.exercise_of(marked["grade_id"])
    return found


def _lab(work, lab, known, found):
    """Return the part of the report about one lab. found: {student: {exercise: ExerciseMark}}."""
    titles = _titles(work, lab)
    counted = {s: {e: m for e, m in mine.items() if m.most and not m.waiting} for s, mine in found.items()}
    scores = {student: {e: m.score for e, m in mine.items()} for student, mine in counted.items()}
    apart, hints = discrimination(scores), {}
    for (of, _), record in known.items():
        for exercise, hint in record["hints"].items() if of == lab else ():
            hints.setdefault(versions.exercise_of(exercise), Counter())[kind_of_hint(hint)] += 1
    rows = []
    names = {e for mine in found.values() for e, m in mine.items() if m.most}
    order = [name for name in titles if name in names] + sorted(names - titles.keys())
    for name in order:
        points = [mine[name] for mine in counted.values() if name in mine]
        most = next(m[name].most for m in found.values() if name in m)
        row = {"title": titles.get(name, name), "most": most, "students": len(points), "apart": apart.get(name)}
        row["waiting"] = sum(mine[name].waiting for mine in found.values() if name in mine)
        row["mean"] = sum(m.score for m in points) / most / len(points) if points else None
        row["full"] = sum(m.score >= m.most for m in points) / len(points) if points else None
        row["none"] = sum(m.score <= 0 for m in points) / len(points) if points else None
        given = hints.get(versions.exercise_of(name), Counter())
        row["hint"], row["times"] = given.most_common(1)[0] if given else ("", 0)
        rows.append(row)
    return {"name": lab, "rows": rows, "students": len(found), "alike": alike_code(work, lab, found)[:MOST_PAIRS]}


def alike_code(work, lab, students):
    """Return what code_likeness.find_alike() says of the code of one lab's submissions."""
    answers = {}
    for student in students:
        cells = versions.read_cells(regrade.paths(work, lab, student)[2])
        answers[student] = {n: c["source"] for n, m, c in cells if m.get("solution") and c["cell_type"] == "code"}
    return code_likeness.find_alike({s: parts for s, parts in answers.items() if parts}, _given(work, lab))


def _given(work, lab):
    try:
        cells = json.loads(regrade.paths(work, lab)[1].read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError):
        return []
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def make_report(work):
    """Return what the page shows, a dict. Raises CourseError when nothing was graded in the work folder."""
    known = regrade.synchronize(work)
    found = marks.by_submission(marks.read(work))
    if not found:
        raise CourseError(
            f"Nothing is graded in {Path(work).name} yet: run `python -m tflite_course.grading` first, with its --work."
        )
    names, labs = gradebook.students(work), {}
    for (lab, student), mine in found.items():
        labs.setdefault(lab, {})[student] = mine
    order = sorted(labs, key=lambda lab: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", lab)])
    kept = [guesses.read(regrade.paths(work, lab, student)[2].parent) for lab, student in found]
    return {
        "date": datetime.date.today().isoformat(),
        "labs": [_lab(work, lab, known, labs[lab]) for lab in order],
        "guesses": guesses.by_question(kept),
        "missing": [{"name": lab, "students": sorted(names.keys() - labs[lab].keys())} for lab in order],
        "people": names,
        "students": len(names),
        "waiting": sum(mark.waiting for mine in found.values() for mark in mine.values()),
        "early": sorted(key for key, record in known.items() if record["crashed"]),
        "flagged": sorted(key for key, record in known.items() if record["flags"]),
        "fewest": FEWEST,
    }


# --- the page


def render(report):
    """Return the report as one HTML page: everything from students is escaped, and nothing is loaded or run."""
    import jinja2

    folder = Path(__file__).parent / "templates"
    loader = jinja2.FileSystemLoader(folder)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["percent"] = lambda share: f"{share:.0%}"
    environment.filters["number"] = lambda number: f"{number:.4g}"
    style = (folder / "class_report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return environment.get_template("class_report.html").render(report, style=style, digest=digest)


def write(work):
    """Write class_report.html into the work folder; return its path."""
    path = Path(work) / FILE
    records.write_text(path, render(make_report(work)))
    return path


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m tflite_course.grading.class_report", description=__doc__.split("\n")[0]
    )
    parser.add_argument("work", type=Path, nargs="?", default=Path("grading"), help="the work folder of the grading")
    try:
        print(write(parser.parse_args(arguments).work))
    except CourseError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
