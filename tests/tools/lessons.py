"""The one list of lessons, notebooks/NN_name.ipynb, and of what goes deeper, notebooks/deeper/NN_topic.ipynb."""

from tests import ROOT


def number_of(lesson):
    """Return the number that a lesson's name begins with, an int."""
    return int(lesson.split("_", 1)[0])


def lesson_files(root=ROOT):
    """Return the paths of the lessons, by number."""
    return sorted(root.glob("notebooks/[0-9]*_*.ipynb"), key=lambda path: number_of(path.stem))


def deeper_files(root=ROOT):
    """Return the paths of the notebooks that go deeper than a lesson, by its number."""
    return sorted(root.glob("notebooks/deeper/[0-9]*_*.ipynb"), key=lambda path: (number_of(path.stem), path.stem))


def notebook_path(name, root=ROOT):
    """Return the path of a lesson, or of a notebook that goes deeper, by its name."""
    path = root / "notebooks" / f"{name}.ipynb"
    deeper = root / "notebooks" / "deeper" / path.name
    return deeper if deeper.is_file() else path


LESSONS = [path.stem for path in lesson_files()]
ON_TARGETS = [lesson for lesson in LESSONS if number_of(lesson) >= 10]  # part 3
