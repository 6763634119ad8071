"""What leaves the gradebook: CSV files by criterion, for Canvas and for Moodle.

CSV is written by the csv module, quoted where it must be: a name such as O"Neil, Ada stays in its column. A text that
a spreadsheet would take for a formula gets an apostrophe.
"""

from pathlib import Path

from tflite_course.grading import gradebook, spreadsheet


def export(work, labs):
    """Write criteria.csv, canvas.csv and moodle.csv into the work folder; return their paths."""
    from nbgrader.api import Gradebook

    criteria, totals = [], {}
    with Gradebook(gradebook.database(work), gradebook.COURSE_ID) as book:
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
    spreadsheet.write(files[0], header, criteria)
    header = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *labs]
    rows = [["    Points Possible", "", "", "", "", *(f"{most[lab]:g}" for lab in labs)]]
    for student in sorted(people):
        rows.append([names[student], numbers[student], student, student, ""])
        rows[-1] += [totals.get((student, lab), "") for lab in labs]
    spreadsheet.write(files[1], header, rows)
    header = ["ID number", "Full name", "Email address", *(f"Assignment: {lab} (Real)" for lab in labs)]
    rows = [[numbers[s], names[s], mail[s], *(totals.get((s, lab), "") for lab in labs)] for s in sorted(people)]
    spreadsheet.write(files[2], header, rows)
    return files


def open_questions(work, labs):
    """Return [(student, lab, number of answers that a person has to mark)], students without any left out."""
    from nbgrader.api import Gradebook

    found = []
    with Gradebook(gradebook.database(work), gradebook.COURSE_ID) as book:
        for lab in labs:
            for submission in book.assignment_submissions(lab):
                waiting = sum(bool(row.needs_manual_grade) for part in submission.notebooks for row in part.grades)
                if waiting:
                    found.append((submission.student_id, lab, waiting))
    return sorted(found)
