"""An evening of marking, as INSTRUCTORS.md tells it: `python -m tests.benchmarks.dry_run`.

    python -m tests.benchmarks.dry_run --keep /tmp/evening

Six students, lab 3, lab 9 and the journal, as Moodle's downloads with its grading worksheets, class.csv and
grading.toml: one is late, one has extra days, two are a group, one hands in nothing and comes later. The four commands
of "From download to upload" run, the question of the inbox is answered in a terminal, and the desk gets its marks over
the address that its page uses. Printed are the commands with their seconds, and what is uploaded. That each mark is
right is asserted; how long a person reads is not counted.
"""

import argparse
import contextlib
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from pathlib import Path

from tests import ROOT
from tests.grading.test_desk import journal_of, serving
from tests.grading.test_regrade import read, with_answer
from tflite_course.grading.desk.model import SAMPLE, Desk

L3, L9, JOURNAL = "lab_3_quantize", "lab_9_microcontroller", "journal"
ASSIGNMENTS = {L3: 201, L9: 202, JOURNAL: 203}  # lab: Moodle's number
CLASS = {  # name: (group, extra days)
    "Ada Lovelace": ("", 0),
    "Bob Byron": ("", 0),
    "王伟": ("", 3),
    "Eve Adams": ("pair 1", 0),
    "Finn Müller": ("pair 1", 0),
    "Gus Novak": ("", 0),
}
IN_TIME, TWO_DAYS_LATE = "Sunday, 16 November 2025, 8:00 PM", "Tuesday, 18 November 2025, 8:00 PM"
GRADING = """timezone = "Europe/Berlin"

[late]
percent_per_day = 10
grace_minutes = 15

[final]
out_of = 100

[labs.lab_3_quantize]
due = 2025-11-16
[labs.lab_9_microcontroller]
due = 2025-11-16
group = true
[labs.journal]
due = 2025-11-16
weight = 2
"""
HEADER = "Identifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,"
HEADER += "Last modified (submission),Last modified (grade),Feedback comments"
GRADE, DESK = "make grade SUBMISSIONS=downloads", ".venv/bin/python -m tflite_course.grading desk"
MARKS = {JOURNAL: 3, L3: 2, L9: 2}  # what the desk gives for each criterion or written answer


def number(name, lab):
    """Return the participant's number of a student in an assignment; Moodle has other ones in each."""
    return 1000 * (ASSIGNMENTS[lab] - 200) + list(CLASS).index(name)


def email(name):
    return f"s{list(CLASS).index(name)}@school.example"


def handed_in():
    """Return {lab: {name: (notebook, time)}}."""
    part, names = read("labs", L3), list(CLASS)
    answers = {c.metadata.nbgrader.grade_id: c.source for c in read(lab=L3).cells if "nbgrader" in c.metadata}
    mine = [c for c in part.cells if c.metadata.get("nbgrader", {}).get("solution")]
    half = with_answer(part, **{c.metadata.nbgrader.grade_id: answers[c.metadata.nbgrader.grade_id] for c in mine[::2]})
    full = {lab: read(lab=lab) for lab in (L3, L9)}
    labs = {lab: {name: (full[lab], IN_TIME) for name in names[:4]} for lab in (L3, L9)}
    labs[L3] |= {"Bob Byron": (full[L3], TWO_DAYS_LATE), "王伟": (half, TWO_DAYS_LATE), "Finn Müller": (part, IN_TIME)}
    kinds = ("strong", "fair", "weak", "strong", "fair")
    own = {name: journal_of(kind, f"\n\nMeasured by {name}.") for name, kind in zip(names, kinds, strict=False)}
    labs[JOURNAL] = {name: (notebook, IN_TIME) for name, notebook in own.items()}
    return labs


def write_downloads(folder, labs):
    """Write class.csv, grading.toml, and an archive and a worksheet of each assignment, as Moodle gives them."""
    import nbformat

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "grading.toml").write_text(GRADING, encoding="utf-8")
    rows = [f"{101 + k},{n},{email(n)},{group},{days}" for k, (n, (group, days)) in enumerate(CLASS.items())]
    (folder / "class.csv").write_text("\n".join(["id,name,email,group,extra days", *rows, ""]), encoding="utf-8")
    for lab, files in labs.items():
        with zipfile.ZipFile(folder / f"ML-{lab}-{ASSIGNMENTS[lab]}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, (notebook, _) in files.items():
                inside = f"{name}_{number(name, lab)}_assignsubmission_file/{lab}.ipynb"
                archive.writestr(inside, nbformat.writes(notebook))
        lines = [HEADER]
        for name in CLASS:
            status, when = ("Submitted", files[name][1]) if name in files else ("No submission", "-")
            lines.append(f'Participant {number(name, lab)},{name},{email(name)},{status},,100.00,Yes,"{when}",-,')
        sheet = folder / f"Grades-ML-{lab}-{ASSIGNMENTS[lab]}.csv"
        sheet.write_text("\n".join([*lines, ""]), encoding="utf-8-sig")


class Evening:
    """Runs and counts the commands. `seconds`: [(command as in INSTRUCTORS.md, seconds)]."""

    def __init__(self, folder):
        self.downloads, self.work, self.seconds = folder / "downloads", folder / "grading", []

    @contextlib.contextmanager
    def counted(self, text):
        start = time.monotonic()
        yield
        self.seconds.append((text, time.monotonic() - start))
        print(f"{len(self.seconds)}. {text}: {self.seconds[-1][1]:.0f} s", flush=True)

    def grade(self):
        """Run what `make grade SUBMISSIONS=downloads` runs, answer y in a terminal; return what it printed."""
        command = [sys.executable, "-m", "tflite_course.grading", self.downloads, "--work", self.work]
        person, terminal = os.openpty()
        try:
            os.write(person, b"y\n")
            with self.counted(GRADE):
                done = subprocess.run(
                    command, stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
                )
        finally:
            os.close(person)
            os.close(terminal)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def mark(self):
        """Open the desk and mark everything in it, samples first, over its address; return how many marks."""
        count = 0
        with self.counted(DESK), serving(self.work) as address:
            for k, task in enumerate(Desk(self.work).tasks):
                for place, student in enumerate(task["students"]):
                    given = {"task": k, "place": place, "points": MARKS[task["lab"]], "remark": "Which number?"}
                    item = call(address, "mark", **(given if place % 2 else given | {"remark": ""}))
                    assert item["points"] == MARKS[task["lab"]], item
                    count += not student.startswith(SAMPLE)
        return count


def call(address, name, **values):
    request = urllib.request.Request(
        f"{address}call/{name}", json.dumps(values).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.loads(reply.read())


def rows_of(path):
    with open(path, encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def check_first(evening, said):
    """After the first command: the inbox said what is odd, and no mark that waits is in a file for the platform."""
    assert "14 files in, 14 submissions of 5 students out" in said, said
    assert "missing in lab_3_quantize: 1 of 6: Gus Novak" in said and "14 submissions to grade" in said
    assert "missing in lab_9_microcontroller: 1 of 6: Gus Novak" in said  # Finn's partner handed in
    assert said.count("late by 1 d 20 h") == 1, said
    sheets = [row for lab in ASSIGNMENTS for row in rows_of(evening.work / f"moodle_{lab}.csv")]
    waiting = {row["student"] for row in rows_of(evening.work / "notes.csv") if row["waiting"]}
    assert len(sheets) == 18 and waiting >= {"101", "102", "103", "104"}
    assert all(row["Grade"] == "" for row in sheets if row["Full name"] in ("Ada Lovelace", "Bob Byron", "王伟"))


def check_last(evening):
    """At the end: each student's marks, what the late rule and the extension did, and files for the upload."""
    final = {row["name"]: row for row in rows_of(evening.work / "final.csv")}
    assert list(final) == list(CLASS)
    assert final["Ada Lovelace"][L3] == f"{100 * 15 / 16:.1f} %" and final["Ada Lovelace"][JOURNAL] == "75.0 %"
    assert final["Bob Byron"][L3] == f"{80 * 15 / 16:.1f} %" and "late by 2 days" in final["Bob Byron"]["why"]
    assert 20 < float(final["王伟"][L3].split()[0]) < 80 and "late" not in final["王伟"]["why"]
    assert final["Finn Müller"][L9] == final["Eve Adams"][L9] == f"{100 * 18 / 19:.1f} %"
    assert "handed in by Eve Adams for the group" in final["Finn Müller"]["why"]
    gus = final["Gus Novak"]  # whose answer came last, and has still to be read
    assert gus[JOURNAL] == "0.0 %" and gus[L3] == "" and "lab_3_quantize waits for a person" in gus["why"]
    pages = {}
    for lab in ASSIGNMENTS:
        grades = {row["Full name"]: row["Grade"] for row in rows_of(evening.work / f"moodle_{lab}.csv")}
        assert grades["Gus Novak"] == "" and grades["Ada Lovelace"] and grades["Finn Müller"], grades
        with zipfile.ZipFile(evening.work / "upload" / f"moodle_{lab}.zip") as archive:
            pages[lab] = archive.namelist()
            assert f"Ada Lovelace_{number('Ada Lovelace', lab)}_assignsubmission_file/{lab}_feedback.html" in pages[lab]
    assert [len(pages[lab]) for lab in ASSIGNMENTS] == [6, 4, 5]


def run(folder):
    """Run the evening in a folder; return the Evening. Raises AssertionError when a mark is not right."""
    evening, labs = Evening(Path(folder)), handed_in()
    write_downloads(evening.downloads, labs)
    check_first(evening, evening.grade())
    marks = evening.mark()
    said = evening.grade()
    assert "0 submissions to grade" in said and "to mark by hand" not in said, said
    labs[L3]["Gus Novak"] = (labs[L3]["Ada Lovelace"][0], TWO_DAYS_LATE)
    write_downloads(evening.downloads, labs)
    said = evening.grade()
    assert "1 submissions to grade" in said and "to mark by hand: 106 lab_3_quantize: 1" in said, said
    check_last(evening)
    print(f"{marks} marks at the desk")
    return evening


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keep", type=Path, help="a new folder for downloads and work; it stays")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as base:
        evening = run(options.keep or base)
        minutes = sum(seconds for _, seconds in evening.seconds) / 60
        print(f"{len(evening.seconds)} commands, {minutes:.1f} minutes")
        for path in sorted([*evening.work.glob("moodle_*.csv"), *(evening.work / "upload").iterdir()]):
            print(f"upload {path.relative_to(evening.work)}")


if __name__ == "__main__":
    main()
