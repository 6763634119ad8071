"""Write the template repository of an assignment in GitHub Classroom: `make classroom LAB=lab_3_quantize OUT=folder`.

It holds the lab as it is handed out and the workflow that grades it; several labs may share one repository.
"""

import argparse
import shutil
import sys
from pathlib import Path

from tflite_course import __version__
from tflite_course.authoring import ROOT, publish
from tflite_course.errors import CourseError

WORKFLOW = ".github/workflows/classroom.yml"
IGNORED = ".grades/\n.ipynb_checkpoints/\n__pycache__/\nwork/\n"


def workflow(root=ROOT, version=__version__, course=None):
    """Return the workflow's text, with the address and the tag of the course. course: another address."""
    address, _, tag = publish.course_source(root, version).partition("@")
    text = (root / "assets" / "elsewhere" / "github" / "classroom.yml").read_text(encoding="utf-8")
    return text.replace("@COURSE@", course or address).replace("@TAG@", tag)


def write(lab, out, root=ROOT, course=None):
    """Write lab and workflow into a folder; return their paths. A lab that is there is left as it is.

    Raises CourseError when there is no such lab.
    """
    source, out = root / "labs" / lab / f"{lab}.ipynb", Path(out)
    if not source.is_file():
        known = ", ".join(sorted(path.parent.name for path in (root / "labs").glob("*/*.ipynb")))
        raise CourseError(f"There is no lab {lab}: choose from {known}.")
    if course and not publish.ADDRESS.fullmatch(course):
        raise CourseError(f"'{course}' is not an address of a Git repository: give it as https://host/owner/name.git.")
    (out / WORKFLOW).parent.mkdir(parents=True, exist_ok=True)
    (out / WORKFLOW).write_text(workflow(root, course=course), encoding="utf-8")
    (out / ".gitignore").write_text(IGNORED, encoding="utf-8")
    if not (out / source.name).exists():
        shutil.copy(source, out / source.name)
    return [out / WORKFLOW, out / ".gitignore", out / source.name]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("lab")
    parser.add_argument("out", type=Path)
    parser.add_argument("--course", help="the address from which the course is fetched (default: its own)")
    options = parser.parse_args()
    try:
        paths = write(options.lab, options.out, course=options.course)
    except CourseError as error:
        sys.exit(str(error))
    print("\n".join(map(str, paths)))


if __name__ == "__main__":
    main()
