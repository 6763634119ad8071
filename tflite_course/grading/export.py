"""What leaves the gradebook: CSV files by criterion, for Canvas and for Moodle, and a feedback page for each student.

CSV is written by the csv module, quoted where it must be: a name such as O"Neil, Ada stays in its column. A text that
a spreadsheet would take for a formula gets an apostrophe.
"""

import csv
from pathlib import Path

from tflite_course.grading import grade


def _text(value):
    """Return a value for a cell of a spreadsheet that does not begin as a formula does."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return "" if value is None else value


def _write(path, header, rows):
    with open(path, "w", newline="", encoding="utf-8-sig") as stream:  # the mark makes Excel read UTF-8
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows([_text(value) for value in row] for row in rows)


def export(work, labs):
    """Write criteria.csv, canvas.csv and moodle.csv into the work folder; return their paths."""
    from nbgrader.api import Gradebook

    criteria, totals = [], {}
    with Gradebook(grade.database(work), grade.COURSE_ID) as book:
        most = {lab: float(book.find_assignment(lab).max_score) for lab in labs}
        people = {student.id: student for student in book.students}
        for lab in labs:
            for submission in book.assignment_submissions(lab):
                totals[submission.student_id, lab] = float(submission.score)
                for notebook in submission.notebooks:
                    comments = {comment.name: comment.comment for comment in notebook.comments}
                    for row in sorted(notebook.grades, key=lambda row: row.name):
                        criteria.append(
                            [submission.student_id, lab, row.name, row.auto_score, row.manual_score, row.score]
                            + [row.max_score, bool(row.needs_manual_grade), comments.get(row.name)]
                        )
        names = {
            student: " ".join(part for part in (person.first_name, person.last_name) if part) or student
            for student, person in people.items()
        }
        numbers = {student: person.lms_user_id or student for student, person in people.items()}
        mail = {student: person.email for student, person in people.items()}
    files = [Path(work) / name for name in ("criteria.csv", "canvas.csv", "moodle.csv")]
    header = ["student", "lab", "criterion", "automatic", "manual", "score", "most", "needs marking", "comment"]
    _write(files[0], header, criteria)
    header = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *labs]
    rows = [["    Points Possible", "", "", "", "", *(f"{most[lab]:g}" for lab in labs)]]
    for student in sorted(people):
        rows.append([names[student], numbers[student], student, student, ""])
        rows[-1] += [totals.get((student, lab), "") for lab in labs]
    _write(files[1], header, rows)
    header = ["ID number", "Full name", "Email address", *(f"Assignment: {lab} (Real)" for lab in labs)]
    rows = [[numbers[s], names[s], mail[s], *(totals.get((s, lab), "") for lab in labs)] for s in sorted(people)]
    _write(files[2], header, rows)
    return files


def open_questions(work, labs):
    """Return [(student, lab, number of answers that a person has to mark)], students without any left out."""
    from nbgrader.api import Gradebook

    found = []
    with Gradebook(grade.database(work), grade.COURSE_ID) as book:
        for lab in labs:
            for submission in book.assignment_submissions(lab):
                waiting = sum(bool(row.needs_manual_grade) for part in submission.notebooks for row in part.grades)
                if waiting:
                    found.append((submission.student_id, lab, waiting))
    return sorted(found)


def safe_markdown(source):
    """Return markdown as HTML without scripts, event handlers and foreign frames; tables stay.

    nbgrader's pages show a submission in the marker's Jupyter, so a script in it would run as the marker.
    """
    import nh3
    from nbconvert.filters import markdown2html

    def keep(tag, attribute, value):
        return None if value.strip().lower().startswith("data:") and tag != "img" else value

    return nh3.clean(
        markdown2html(source), url_schemes={"http", "https", "mailto", "data"}, attribute_filter=keep, link_rel=None
    )


def harden(config):
    """Add to nbgrader's settings what its pages need to show a submission safely; used by feedback and formgrader."""
    config.HTMLExporter.sanitize_html = True  # outputs
    config.HTMLExporter.filters = {"markdown2html": safe_markdown}  # text
    return config


def feedback(work, lab, student):
    """Write the feedback page of one submission, without hidden tests; return its path."""
    from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
    from nbgrader.converters import GenerateFeedback
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.preprocessors import ClearHiddenTests, GetGrades

    config = harden(grade.make_config(work, lab, student))
    config.GenerateFeedback.preprocessors = [GetGrades, ClearHiddenTests, CSSHTMLHeaderPreprocessor]
    config.ClearHiddenTests.enforce_metadata = False
    grade.quietly(GenerateFeedback(coursedir=CourseDirectory(config=config), config=config))
    return Path(work) / "feedback" / student / lab / f"{lab}.html"


FORMGRADER = '''"""Settings of nbgrader's pages, written by the grading command: run `jupyter lab` in this folder."""

from tflite_course.grading import export, grade

c = get_config()  # noqa: F821
c.merge(export.harden(grade.make_config(".")))
c.CourseDirectory.student_id = "*"
c.CourseDirectory.source_directory = "source"
'''


def write_formgrader_settings(work):
    """Write nbgrader_config.py into the work folder, so that formgrader opened there is as safe as the feedback."""
    path = Path(work) / "nbgrader_config.py"
    path.write_text(FORMGRADER, encoding="utf-8")
    return path
