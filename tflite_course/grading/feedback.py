"""Feedback pages, and the settings with which nbgrader's own pages show what students made."""

from pathlib import Path

from tflite_course.grading import gradebook


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

    config = harden(gradebook.make_config(work, lab, student))
    config.GenerateFeedback.preprocessors = [GetGrades, ClearHiddenTests, CSSHTMLHeaderPreprocessor]
    config.ClearHiddenTests.enforce_metadata = False
    gradebook.quietly(GenerateFeedback(coursedir=CourseDirectory(config=config), config=config))
    return Path(work) / "feedback" / student / lab / f"{lab}.html"


FORMGRADER = '''"""Settings of nbgrader's pages, written by the grading command: run `jupyter lab` in this folder."""

from tflite_course.grading import feedback, gradebook
from tflite_course.grading.judge import execute

c = get_config()  # noqa: F821
c.merge(execute.configure(feedback.harden(gradebook.make_config("."))))  # "Autograde" there uses the sandbox too
c.CourseDirectory.student_id = "*"
c.CourseDirectory.source_directory = "source"
'''


def write_formgrader_settings(work):
    """Write nbgrader_config.py into the work folder, so that formgrader opened there is as safe as the feedback."""
    path = Path(work) / "nbgrader_config.py"
    path.write_text(FORMGRADER, encoding="utf-8")
    return path
