"""Collect submissions as a learning platform gives them: a folder of zip files, folders or notebooks, one a student.

The name of a student is the name of the file or folder, or the part before the first "_" of names such as
ada_12345_678_lab_3_quantize.ipynb (Canvas) and Ada Lovelace_2031_assignsubmission_file_ (Moodle).
"""

import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from tflite_course.errors import CourseError

MOST_BYTES, MOST_FILES = 50 * 2**20, 200
STUDENT = re.compile(r"[^A-Za-z0-9.@-]+")


@dataclass
class Submission:
    """What one student handed in: the text of a notebook for each lab, and what was wrong with the rest."""

    student: str
    notebooks: dict = field(default_factory=dict)  # lab: text
    problems: list = field(default_factory=list)


def student_name(path):
    """Return the name of a student from the name of a file or folder."""
    name = path.name if path.is_dir() else path.stem
    name = STUDENT.sub("-", name.split("_")[0]).strip("-.")
    return name or "unnamed"


def _lab_of(name, labs):
    """Return the lab that a file name speaks of: lab_3_quantize(1).ipynb is lab_3_quantize."""
    stem = Path(name).stem
    return next((lab for lab in sorted(labs, key=len, reverse=True) if lab in stem), None)


def _read_zip(path, submission, labs):
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(entries) > MOST_FILES or sum(entry.file_size for entry in entries) > MOST_BYTES:
                submission.problems.append(f"{path.name} unpacks to too much: {len(entries)} files; nothing was taken")
                return
            for entry in entries:
                lab = _lab_of(entry.filename, labs)
                if entry.filename.endswith(".ipynb") and lab and "__MACOSX" not in entry.filename:
                    with archive.open(entry) as stream:
                        submission.notebooks[lab] = stream.read(MOST_BYTES).decode("utf-8", "replace")
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
        submission.problems.append(f"{path.name} cannot be unpacked ({error})")


def collect(folder, labs):
    """Return [Submission], one a student, sorted by name.

    folder: where the platform's files lie; labs: the names to look for. A student of whom nothing can be used has a
    Submission too, with the problem named. Raises CourseError when the folder is missing or empty.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CourseError(f"There is no folder {folder.name} with submissions: give its path as SUBMISSIONS=folder.")
    found = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "__MACOSX")) or path.is_symlink():
            continue
        submission = found.setdefault(student_name(path), Submission(student_name(path)))
        if path.suffix == ".zip":
            _read_zip(path, submission, labs)
        elif path.is_dir():
            for inner in sorted(path.rglob("*")):
                if inner.is_symlink() or not inner.is_file():
                    continue
                if inner.suffix == ".zip":
                    _read_zip(inner, submission, labs)
                elif inner.suffix == ".ipynb" and _lab_of(inner.name, labs):
                    _take(inner, submission, labs)
        elif path.suffix == ".ipynb" and _lab_of(path.name, labs):
            _take(path, submission, labs)
        else:
            submission.problems.append(f"{path.name} is not a lab")
    if not found:
        raise CourseError(f"The folder {folder.name} is empty: put one zip file or folder a student into it.")
    for submission in found.values():
        if not submission.notebooks:
            submission.problems.append("no notebook of a lab was found")
    return [found[name] for name in sorted(found)]


def _take(path, submission, labs):
    if path.stat().st_size > MOST_BYTES:
        submission.problems.append(f"{path.name} is larger than {MOST_BYTES:,} bytes")
        return
    submission.notebooks[_lab_of(path.name, labs)] = path.read_text(encoding="utf-8", errors="replace")
