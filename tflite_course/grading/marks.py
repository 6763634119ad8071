"""The marks of a class as they stand: of every student and lab of the work folder, with what waits and why.

Read from the gradebook with a few questions, from records/<lab>/<student>.json where they are, and from what the inbox
stored.
"""

from dataclasses import dataclass, field
from pathlib import Path

from tflite_course.grading import exercise_marks, records
from tflite_course.grading.inbox import HANDED_IN
from tflite_course.grading.inbox.people import read_json

NO_RESPONSE = "No response."  # nbgrader's remark on an empty text answer


@dataclass
class Mark:
    """What one student has for one lab."""

    student: str
    lab: str
    score: float
    most: float
    waiting: int = 0  # answers that a person has to mark
    notes: list = field(default_factory=list)
    entry: dict = field(default_factory=dict)  # of handed_in.json: platform, when, late, version, stem, file, odd

    @property
    def why(self):
        """The notes as one line."""
        return " | ".join(" ".join(str(note).split()) for note in self.notes if str(note).strip())


@dataclass
class Marks:
    """All marks, {(student, lab): Mark}; labs with their points; students with what is known of them; criteria."""

    marks: dict
    most: dict  # lab: points, in the order of their names
    students: dict  # student: {"id", "name", "email", ...}
    criteria: list = field(default_factory=list)  # rows of criteria.csv

    def get(self, student, lab, settings=None):
        """Return the Mark of a student for a lab: the student's own, or that of the group for a lab of groups."""
        own = self.marks.get((student, lab))
        group = self.students.get(student, {}).get("group")
        if own or not group or settings is None or not settings.of(lab, "group", False):
            return own
        others = [s for s, facts in self.students.items() if facts.get("group") == group]
        found = [mark for s in others if (mark := self.marks.get((s, lab)))]
        return max(found, key=lambda mark: (mark.entry.get("when") or "", mark.score), default=None)

    def waiting(self, labs):
        """Return the Marks of labs in which a person has to mark something, sorted by student."""
        found = [mark for mark in self.marks.values() if mark.waiting and mark.lab in labs]
        return sorted(found, key=lambda mark: (mark.student, mark.lab))

    def name(self, student):
        """Return a student's name as it stands, or the student's id."""
        return self.students[student].get("name") or student


def handed_in(work):
    """Return {student: what handed_in.json says}, empty where there is none."""
    return read_json(Path(work) / HANDED_IN)


def read_marks(work):
    """Return the Marks of all labs that the gradebook of a work folder knows."""
    known, rows = handed_in(work), exercise_marks.by_submission(exercise_marks.read(work))
    people, labs, submissions = exercise_marks.read_class(work)
    found, students, criteria = {}, {}, []
    for student, (first, last, email, number) in sorted(people.items()):
        if known.get(student, {}).get("joined"):  # with another student, by the roster
            continue
        facts = {"id": number or student, "name": " ".join(p for p in (first, last) if p), "email": email or ""}
        students[student] = facts | {key: value for key, value in known.get(student, {}).items() if value != ""}
    most = {lab: labs[lab] for lab in sorted(labs, key=_natural)}
    for (student, lab), comments in sorted(submissions.items(), key=lambda item: (_natural(item[0][1]), item[0])):
        if student in students:
            mine = rows.get((lab, student), {})
            found[student, lab] = _mark(work, student, lab, most[lab], mine, comments, known.get(student, {}))
            criteria += [_criterion(row) for row in mine.values()]
    return Marks(found, most, students, criteria)


def _natural(name):
    """Sort lab_2 before lab_10."""
    return [int(part) if part.isdigit() else part for part in name.replace("_", " _ ").split()], name


def _criterion(row):
    """Return a row of criteria.csv: student, lab, name, automatic, manual, score, most, whether it waits, remark."""
    said = row.note if row.remark is None else row.remark
    points = [row.automatic, row.manual, row.score, row.most]
    return [row.student, row.lab, row.exercise, *points, row.waiting, said]


def _mark(work, student, lab, most, rows, comments, entry):
    waiting = sum(row.waiting for row in rows.values())
    mark = Mark(student, lab, float(sum(row.score for row in rows.values())), most, waiting)
    mark.entry = entry.get("labs", {}).get(lab, {})
    record = records.read(work, lab, student) or {}
    hints = [f"{exercise}: {text}" for exercise, text in (record.get("hints") or {}).items()]
    notes = [*record.get("notes", ()), *hints, *record.get("flags", ())]
    if not record:
        notes = [note for note in comments if note != NO_RESPONSE]
    mark.notes = [*mark.entry.get("odd", ()), *notes]
    return mark
