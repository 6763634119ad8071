"""Feedback pages, and the settings with which nbgrader's own pages show what students made."""

import os
import re
from pathlib import Path

import jinja2
import nbformat

from tflite_course.errors import CourseError
from tflite_course.grading import clean_html, gradebook, page


def harden(config):
    """Add to nbgrader's settings what its pages need to show a submission safely; used by formgrader."""
    config.HTMLExporter.sanitize_html = True  # outputs
    config.HTMLExporter.filters = {"markdown2html": markdown_of_cell, "clean_html": clean_html.clean}
    return config


@jinja2.pass_context
def markdown_of_cell(context, source):
    """Return the Markdown of the cell that a template shows as clean HTML, with the cell's attached pictures."""
    return clean_html.markdown(source, context.get("cell", {}).get("attachments"))


def feedback(work, lab, student):
    """Write the feedback page of one submission, without hidden tests; return its path.

    What cannot be shown gets a plain page with the points and the reason, so that no submission stops the others.
    Raises OSError when the page cannot be written.
    """
    work, path = Path(work), Path(work) / "feedback" / student / lab / f"{lab}.html"
    released = nbformat.read(work / "release" / lab / f"{lab}.ipynb", as_version=4)
    notes = []
    try:
        notes = page.notes_of(work, lab, student)
        graded = nbformat.read(work / "autograded" / student / lab / f"{lab}.ipynb", as_version=4)
        made = page.make_page(work, lab, student, without_hidden_tests(graded), released, notes)
    except Exception as error:
        reason = f"The notebook itself cannot be shown here ({type(error).__name__}); its points are those below."
        made = page.make_plain_page(work, lab, student, released, [*notes, reason])
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    try:
        part.write_text(made, encoding="utf-8", errors="replace")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path


def write_pages(work, submissions, written=lambda lab, student: None):
    """Write the page of each (lab, student); yield a sentence for each that could not be written.

    written: called after each page that is there. Raises CourseError when the disk is full: then no other page can be
    written either.
    """
    for lab, student in submissions:
        try:
            feedback(work, lab, student)
        except Exception as error:  # whatever a submission holds, it stops no other's page
            if gradebook.is_disk_full(error):
                raise CourseError(
                    f"The disk is full, at the feedback for {student}: make room and run the command once more. "
                    "Nothing is lost, and it goes on where it stopped."
                ) from None
            if isinstance(error, OSError):
                why = f"the feedback page cannot be written ({error.strerror}); its marks are in the tables."
            else:
                reason = " ".join(str(error).split())[-300:] or type(error).__name__
                why = f"its feedback page could not be made ({reason}); its marks are kept."
            yield f"{student} {lab}: {why}"
        else:
            written(lab, student)


def without_hidden_tests(notebook):
    """Return a notebook without the lines between BEGIN and END HIDDEN TESTS."""
    for cell in notebook.cells:
        cell.source = HIDDEN.sub("", cell.source)
    return notebook


HIDDEN = re.compile(r"^### BEGIN HIDDEN TESTS.*?(?:^### END HIDDEN TESTS[^\n]*\n?|\Z)", re.M | re.S)


FORMGRADER = '''"""Settings of nbgrader's pages, written by the grading command: run `jupyter lab` in this folder."""

from tflite_course.grading import feedback, gradebook, marking_pages
from tflite_course.grading.judge import execute

c = get_config()  # noqa: F821
c.merge(execute.configure(feedback.harden(gradebook.make_config("."))))  # "Autograde" there uses the sandbox too
c.CourseDirectory.student_id = "*"
c.CourseDirectory.source_directory = "source"
marking_pages.guard()
'''


def write_formgrader_settings(work):
    """Write nbgrader_config.py into the work folder, so that formgrader opened there is as safe as the feedback."""
    path = Path(work) / "nbgrader_config.py"
    path.write_text(FORMGRADER, encoding="utf-8")
    return path
