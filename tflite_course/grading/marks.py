"""The marks of a class as they stand: of every student and lab of the work folder, with what waits and why.

Read from the gradebook, from records/<lab>/<student>.json where they are, and from what the inbox stored.
"""

from dataclasses import dataclass, field
from pathlib import Path

from tflite_course.grading import gradebook, records
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
    from nbgrader.api import Gradebook

    known = handed_in(work)
    found, most, students, criteria = {}, {}, {}, []
    with Gradebook(gradebook.database(work), gradebook.COURSE_ID) as book:
        for person in book.students:
            if known.get(person.id, {}).get("joined"):  # with another student, by the roster
                continue
            whole = " ".join(part for part in (person.first_name, person.last_name) if part)
            facts = {"id": person.lms_user_id or person.id, "name": whole, "email": person.email or ""}
            students[person.id] = facts | {key: value for key, value in known.get(person.id, {}).items() if value != ""}
        for assignment in sorted(book.assignments, key=lambda assignment: _natural(assignment.name)):
            most[assignment.name] = float(assignment.max_score)
            for submission in book.assignment_submissions(assignment.name):
                if submission.student_id not in students:
                    continue
                mark = _mark(work, submission, assignment.name, known.get(submission.student_id, {}))
                found[mark.student, mark.lab] = mark
                criteria += _criteria(submission, assignment.name)
    return Marks(found, most, dict(sorted(students.items())), criteria)


def _natural(name):
    """Sort lab_2 before lab_10."""
    return [int(part) if part.isdigit() else part for part in name.replace("_", " _ ").split()], name


def _criteria(submission, lab):
    """Return a row for each criterion: student, lab, name, automatic, manual, score, most, whether it waits, remark."""
    rows = []
    for notebook in submission.notebooks:
        comments = {comment.name: comment.comment for comment in notebook.comments}
        for row in sorted(notebook.grades, key=lambda row: row.name):
            rows.append(
                [submission.student_id, lab, row.name, row.auto_score, row.manual_score, row.score, row.max_score]
                + [bool(row.needs_manual_grade), comments.get(row.name)]
            )
    return rows


def _mark(work, submission, lab, student):
    waiting = sum(bool(row.needs_manual_grade) for part in submission.notebooks for row in part.grades)
    mark = Mark(submission.student_id, lab, float(submission.score), float(submission.max_score), waiting)
    mark.entry = student.get("labs", {}).get(lab, {})
    record = records.read(work, lab, mark.student) or {}
    hints = [f"{exercise}: {text}" for exercise, text in (record.get("hints") or {}).items()]
    notes = [*record.get("notes", ()), *hints, *record.get("flags", ())]
    if not record:
        comments = (comment.auto_comment for part in submission.notebooks for comment in part.comments)
        notes = [note for note in comments if note and note != NO_RESPONSE]
    mark.notes = [*mark.entry.get("odd", ()), *notes]
    return mark
