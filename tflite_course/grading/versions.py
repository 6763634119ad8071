"""What a mark depends on, as hashes: what was handed in, each answer, each cell of the lab, each check."""

import ast
import json
import re
from pathlib import Path

from tflite_course.authoring import labs as release
from tflite_course.grading.records import fingerprint

CHECK = "check_"  # begins the grade_id of a cell that checks; the exercise's name follows
CODE = release.ROOT / "tflite_course" / "labs"


def exercise_of(name):
    """Return the exercise that a grade_id belongs to: check_quantize is quantize, explain is explain."""
    return name.removeprefix(CHECK)


def read_cells(path):
    """Return the cells of a notebook that carry nbgrader's marks: [(grade_id, their nbgrader metadata, cell)].

    The file is read as JSON: nbformat takes longer to import than a class of 200 to compare. Empty without the file.
    """
    try:
        cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    found = []
    for cell in cells:
        marks = cell.get("metadata", {}).get("nbgrader") or {}
        if marks.get("grade_id"):
            source = cell.get("source", "")
            found.append(
                (marks["grade_id"], marks, {**cell, "source": source if isinstance(source, str) else "".join(source)})
            )
    return found


def answers(path):
    """Return {grade_id: hash} of the answers in a submission, and of the evidence beside it: {"": hash}.

    path: its notebook, repaired, so that each answer has its grade_id. Spaces at the ends of lines do not count.
    """
    found = {}
    for name, marks, cell in read_cells(path):
        if marks.get("solution"):
            found[name] = fingerprint(re.sub(r"[ \t]+$", "", cell["source"], flags=re.M).strip())
    evidence = Path(path).parent / "work" / "journal.json"
    found[""] = fingerprint(evidence.read_bytes()) if evidence.is_file() else ""
    return found


def needs(path):
    """Return {grade_id of a mark: grade_ids of the answers that it was given for}.

    path: the notebook of a lab. A written answer stands for itself; a check is for the answers between it and the mark
    before it; a criterion is for all answers and the evidence.
    """
    cells, found, since = read_cells(path), {}, []
    everything = [name for name, marks, _ in cells if marks.get("solution")]
    for name, marks, cell in cells:
        if marks.get("task"):
            found[name] = ["", *everything]
        elif marks.get("grade"):
            found[name] = [name] if marks.get("solution") else since or everything
            since = []
        elif marks.get("solution") and cell["cell_type"] == "code":
            since = [*since, name]
    return found


def cells(path):
    """Return {grade_id: [hash, points]} of the cells of a lab that give marks. path: its source, with what is hidden.

    The hash is that of a check. It is "" where a person marks: the text there is the author's, and a mark scheme that
    is worded better changes no mark.
    """
    found = {}
    for name, marks, cell in read_cells(path):
        if marks.get("task") or marks.get("grade"):
            checked = marks.get("grade") and not marks.get("solution")
            found[name] = [fingerprint(cell["source"]) if checked else "", float(marks.get("points") or 0)]
    return found


def lab_version(path):
    """Return the hash of a released lab, or None when it is not released."""
    return fingerprint(Path(path).read_bytes()) if Path(path).is_file() else None


def _code(lab, folder):
    """Return {module: path} of the code of a lab's checks, and of what all labs share."""
    files = [*Path(folder).glob("*.py"), *(Path(folder) / lab).rglob("*.py")]
    return {".".join(path.relative_to(folder).with_suffix("").parts): path for path in sorted(files)}


def checks_version(lab, folder=None):
    """Return the hash of all code of a lab's checks."""
    files = _code(lab, folder or CODE)
    return fingerprint("".join(f"{name} {fingerprint(path.read_bytes())}\n" for name, path in files.items()))


def checks(lab, folder=None):
    """Return {exercise: hash of the code that its check runs}, of the modules below tflite_course.labs.

    An exercise's check is the module of its name, with all modules that this one imports; what is imported for all
    exercises of the lab, and for all labs, counts for each.
    """
    files = _code(lab, folder or CODE)
    arrows = {name: _imported(path, lab, files) for name, path in files.items()}
    found = {}
    for name in files:
        if name.startswith(f"{lab}.") and not name.endswith("__init__"):
            seen, left = set(), [name, "__init__", "exercise"]
            while left:
                module = left.pop()
                if module in files and module not in seen:
                    seen.add(module)
                    left += arrows[module] if module != "__init__" else []
            found[name.split(".", 1)[1]] = fingerprint(
                "".join(fingerprint(files[m].read_bytes()) for m in sorted(seen))
            )
    return found


def _imported(path, lab, files):
    """Return the modules of the labs' code that a file imports."""
    found = set()
    try:
        tree = ast.parse(path.read_bytes())
    except SyntaxError:
        return found
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tflite_course.labs"):
            base = node.module.removeprefix("tflite_course.labs").lstrip(".")
            for name in (base, *(f"{base}.{alias.name}".lstrip(".") for alias in node.names)):
                if name in files and not name.endswith("__init__"):
                    found.add(name)
    return found
