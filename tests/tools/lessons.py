"""The one list of lessons: the files in notebooks/, in the order of their numbers."""

from tests import ROOT


def number_of(lesson):
    """Return the number that a lesson's name begins with, an int."""
    return int(lesson.split("_", 1)[0])


def lesson_files(root=ROOT):
    """Return the paths of the lessons, by number."""
    return sorted(root.glob("notebooks/[0-9]*_*.ipynb"), key=lambda path: number_of(path.stem))


LESSONS = [path.stem for path in lesson_files()]
ON_TARGETS = [lesson for lesson in LESSONS if number_of(lesson) >= 10]  # part 3
