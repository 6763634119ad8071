"""Where the files of the course lie: beside this package in a clone, inside it when pip installed it alone."""

from pathlib import Path

from tflite_course.errors import CourseError

PACKAGE = Path(__file__).resolve().parent
ROOTS = (PACKAGE.parent, PACKAGE / "_shared")


def resource(name):
    """Return the path of a file of the course, for example "data/mnist.npz".

    Raises CourseError when neither the clone nor the installed package has it.
    """
    for root in ROOTS:
        if (root / name).is_file():
            return root / name
    raise CourseError(f"{name} is missing from the course's folder: restore it with `git checkout -- {name}`.")
