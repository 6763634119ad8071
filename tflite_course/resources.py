"""Where the files of the course lie: beside this package in a clone, inside it when pip installed it alone."""

from pathlib import Path

from tflite_course.errors import CourseError

WORK = "work"  # the folder beside a notebook in which a reader's files are
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


def work_folders():
    """Return where a reader's files can lie: beside this notebook, and in a clone beside all lessons and labs."""
    here = Path.cwd()
    found = [here / WORK]
    for folder in [here, *here.parents][:3]:
        if (folder / "notebooks").is_dir() and (folder / "labs").is_dir():
            found += [folder / "notebooks" / WORK, *sorted(folder.glob(f"labs/*/{WORK}"))]
            break
    return list(dict.fromkeys(found))
