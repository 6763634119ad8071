"""From the file that a student handed in to the notebook that is graded."""

from tflite_course.errors import CourseError
from tflite_course.grading import evidence, read, repair


def take(content, released, folder):
    """Return (notebook, notes): what was handed in, read and put into the form of its lab, with what was fixed.

    content: bytes or str; released: the notebook of the lab; folder: where the evidence of a journal is kept.
    Raises CourseError when nothing of it is a notebook.
    """
    found, notes = read.read(content)
    evidence.keep_evidence(found, folder)
    notebook, more = repair.repair(found, released)
    return notebook, notes + more


def why_not(error):
    """Return the sentence about a file that take() could not use. Raises what is not the file's fault: a full disk."""
    if isinstance(error, (OSError, MemoryError)):
        raise error
    if isinstance(error, CourseError):
        return f"{str(error).rstrip('.')}; it scores 0."
    return f"the file cannot be brought into the form of its lab ({type(error).__name__}); it scores 0."
