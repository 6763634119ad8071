"""The marks in the gradebook, read with one question to the database, and set by hand.

nbgrader's own classes ask for every row and take seconds to import, so a class of 200 is read without them.
"""

from dataclasses import dataclass

from tflite_course.grading import gradebook

QUERY = """
select sa.student_id, a.name, bc.name, bc.type, gc.cell_type, coalesce(gc.max_score, tc.max_score),
    g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade, g.id, sn.id
from grade g join submitted_notebook sn on g.notebook_id = sn.id
join submitted_assignment sa on sn.assignment_id = sa.id join assignment a on sa.assignment_id = a.id
join base_cell bc on g.cell_id = bc.id
left join grade_cells gc on gc.id = bc.id left join task_cells tc on tc.id = bc.id
"""
COLUMNS = {"lab": "a.name", "student": "sa.student_id"}
COMMENTS = """
select c.notebook_id, bc.name, c.auto_comment, c.manual_comment
from comment c join base_cell bc on c.cell_id = bc.id
where c.auto_comment is not null or c.manual_comment is not null
"""

STUDENTS = "select id, first_name, last_name, email, lms_user_id from student"
LABS = """
select a.name, sum(coalesce(gc.max_score, tc.max_score, 0)) from assignment a
left join notebook n on n.assignment_id = a.id left join base_cell bc on bc.notebook_id = n.id
left join grade_cells gc on gc.id = bc.id left join task_cells tc on tc.id = bc.id group by a.name
"""
SUBMISSIONS = """
select sa.student_id, a.name, c.auto_comment
from submitted_assignment sa join assignment a on sa.assignment_id = a.id
left join submitted_notebook sn on sn.assignment_id = sa.id
left join comment c on c.notebook_id = sn.id and c.auto_comment is not null
"""


@dataclass
class ExerciseMark:
    """One exercise or criterion of one submission. Points are floats, None where there are none."""

    student: str
    lab: str
    exercise: str  # the grade_id of its cell
    kind: str  # "checks" run, a written "answer", or a "criterion" of a rubric
    most: float
    automatic: float | None
    manual: float | None
    extra: float | None
    waiting: bool  # for a person
    note: str | None = None  # the grader's
    remark: str | None = None  # the marker's
    row: str = ""  # the primary key of its grade
    notebook: str = ""

    @property
    def score(self):
        """Points as nbgrader counts them: those by hand before those of the checks."""
        base = self.manual if self.manual is not None else self.automatic
        return 0.0 if base is None else float(base) + float(self.extra or 0)

    def as_dict(self):
        keys = ("kind", "most", "automatic", "manual", "extra", "waiting", "remark")
        return {key: getattr(self, key) for key in keys}


def read(work, lab=None, student=None):
    """Return the marks of a work folder, a list of ExerciseMark sorted by lab, student and exercise.

    Empty when there is no gradebook. lab, student: only theirs.
    """
    import sqlalchemy

    if not gradebook.exists(work):
        return []
    values = {name: value for name, value in (("lab", lab), ("student", student)) if value is not None}
    where = [f"{COLUMNS[name]} = :{name}" for name in values]
    with gradebook.connection(work) as link:
        if not sqlalchemy.inspect(link).has_table("grade"):
            return []
        rows = link.execute(sqlalchemy.text(QUERY + (f"where {' and '.join(where)}" if where else "")), values)
        found = [_mark(*row) for row in rows]
        notes = {(row[0], row[1]): row[2:] for row in link.execute(sqlalchemy.text(COMMENTS))}
    for mark in found:
        mark.note, mark.remark = notes.get((mark.notebook, mark.exercise), (None, None))
    return sorted(found, key=lambda mark: (mark.lab, mark.student, mark.exercise))


def read_class(work):
    """Return (students, labs, submissions) of a gradebook; all empty when there is none.

    students: {id: (first name, last name, e-mail, the platform's id)}; labs: {lab: points};
    submissions: {(student, lab): the grader's notes, a list of text}.
    """
    import sqlalchemy

    if not gradebook.exists(work):
        return {}, {}, {}
    with gradebook.connection(work) as link:
        if not sqlalchemy.inspect(link).has_table("grade"):
            return {}, {}, {}
        students, labs, rows = (link.execute(sqlalchemy.text(text)).all() for text in (STUDENTS, LABS, SUBMISSIONS))
    submissions = {}
    for student, lab, note in rows:
        submissions.setdefault((student, lab), []).extend([note] if note else [])
    return {row[0]: tuple(row[1:]) for row in students}, {lab: float(most or 0) for lab, most in labs}, submissions


def _mark(student, lab, exercise, cell, written_in, most, automatic, manual, extra, waiting, row, notebook):
    kind = "criterion" if cell == "TaskCell" else "checks" if written_in == "code" else "answer"
    return ExerciseMark(
        **{"student": student, "lab": lab, "exercise": exercise, "kind": kind, "most": float(most or 0)},
        **{"automatic": automatic, "manual": manual, "extra": extra, "waiting": bool(waiting)},
        **{"row": row, "notebook": notebook},
    )


def by_submission(found):
    """Return {(lab, student): {exercise: ExerciseMark}} of a list of marks."""
    submissions = {}
    for mark in found:
        submissions.setdefault((mark.lab, mark.student), {})[mark.exercise] = mark
    return submissions


def waiting(work, labs):
    """Return [(student, lab, number of answers that a person has to mark)], without those that have none."""
    counts = {}
    for mark in read(work):
        if mark.lab in labs and mark.waiting:
            counts[mark.student, mark.lab] = counts.get((mark.student, mark.lab), 0) + 1
    return [(*key, count) for key, count in sorted(counts.items())]


def write(work, changed):
    """Write manual, extra, waiting, automatic and remark of marks that read() returned back into the gradebook."""
    import sqlalchemy

    grades = sqlalchemy.text(
        "update grade set auto_score = :automatic, manual_score = :manual, extra_credit = :extra, "
        "needs_manual_grade = :waiting where id = :row"
    )
    remarks = sqlalchemy.text(
        "update comment set manual_comment = :remark where notebook_id = :notebook "
        "and cell_id in (select id from base_cell where name = :exercise)"
    )
    values = [
        {"row": m.row, "notebook": m.notebook, "exercise": m.exercise}
        | {key: getattr(m, key) for key in ("automatic", "manual", "extra", "waiting", "remark")}
        for m in changed
    ]
    if not values:
        return
    with gradebook.connection(work) as link:
        for value in values:
            link.execute(grades, value)
            link.execute(remarks, value)
        link.commit()
