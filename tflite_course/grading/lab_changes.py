"""Labs that changed after they were graded: released again, and nothing that was marked is lost."""

import json
from pathlib import Path

from tflite_course.authoring import labs as release
from tflite_course.errors import CourseError
from tflite_course.grading import gradebook, records, regrade, versions

PREPARED = "prepared.json"  # {lab: hash of the source that it was released from}


def renew(work, labs, solutions=None):
    """Release the labs that are new in a work folder or have changed; return sentences about what changed.

    nbgrader refuses to add or remove cells of a lab that has submissions: they are added and removed in the gradebook
    first, after a copy of it was made. Raises CourseError when a lab cannot be released.
    """
    solutions = solutions or release.solutions_folder()
    path, said = Path(work) / PREPARED, []
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    there = gradebook.labs(work)
    for lab in labs:
        version = _version(Path(solutions) / lab)
        source, released, _ = regrade.paths(work, lab)
        ready = released.is_file() and lab in there
        if ready and known.get(lab) == version:
            continue
        if not (ready and lab not in known and _version(source.parent) == version):  # of an edition before
            said += _release(work, lab, Path(solutions) / lab / f"{lab}.ipynb", source)
        known[lab] = version
        records.write_text(path, json.dumps(known, indent=1))
    return said


def _version(folder):
    """Return the hash of the files of a lab's source, without what running it left there."""
    files = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return records.fingerprint(
        "".join(
            f"{name.as_posix()} {records.fingerprint(path.read_bytes())}\n"
            for name, path in files.items()
            if not {"work", ".ipynb_checkpoints"} & {*name.parts}  # not of the path to it: it may lie in a folder work
        )
    )


def _release(work, lab, new, source):
    said, before, after = [], versions.cells(source), versions.cells(new)
    if before and _version(source.parent) != _version(new.parent):  # else its gradebook was taken away
        changed = sorted({versions.exercise_of(n) for n in {*before, *after} if before.get(n) != after.get(n)})
        what = f"marks depend on {', '.join(changed)}" if changed else "no mark depends on what changed"
        copy = gradebook.back_up(work)
        said.append(
            f"{lab} has changed since it was released: {what}.{f' The gradebook as it was: {copy}.' * bool(copy)}"
        )
        _fit_cells(work, lab, new)
    from tflite_course.grading import grade

    try:
        grade.prepare(work, [lab], new.parent.parent)
    except RuntimeError as error:
        last = (str(error).strip().splitlines() or ["no message"])[-1]
        raise CourseError(f"{lab} cannot be released ({last}): check solutions/{lab}.") from None
    return said


KINDS = {"grade_cell": ("grade",), "solution_cell": ("solution",), "task_cell": ("task",)}
KINDS["source_cell"] = ("grade", "solution", "task", "locked")


def _fit_cells(work, lab, path):
    """Give the gradebook the cells that a changed lab has, also for submissions that are there, and take the others."""
    from nbgrader.api import MissingEntry

    cells = versions.read_cells(path)
    with gradebook.opened(work) as book:
        try:
            notebook = book.find_notebook(lab, lab)
        except MissingEntry:
            return
        if not notebook.submissions:
            return  # nbgrader makes them anew
        for kind, keys in KINDS.items():
            wanted = {name: (marks, cell) for name, marks, cell in cells if any(marks.get(key) for key in keys)}
            there = {cell.name: cell for cell in getattr(notebook, f"{kind}s")}
            for name in there.keys() - wanted.keys():
                _take_cell(book, there[name])
            for name in wanted.keys() - there.keys():
                _add_cell(book, kind, name, notebook, *wanted[name])
        book.db.commit()


def _take_cell(book, cell):
    for row in (*getattr(cell, "grades", ()), *getattr(cell, "comments", ())):  # a source cell has none
        book.db.delete(row)
    book.db.flush()
    book.db.delete(cell)
    book.db.flush()


def _add_cell(book, kind, name, notebook, marks, cell):
    """Add a cell, and to each submission the row of its mark and the one of its comment, as nbgrader would have."""
    from nbgrader.api import Comment, Grade

    values = {} if kind == "solution_cell" else {"cell_type": cell["cell_type"]}
    if kind in ("grade_cell", "task_cell"):
        values["max_score"] = float(marks.get("points") or 0)
    made = getattr(book, f"add_{kind}")(name, notebook.name, notebook.assignment.name, **values)
    for submission in notebook.submissions if kind != "source_cell" else ():
        if kind != "solution_cell":
            book.db.add(Grade(cell_id=made.id, notebook_id=submission.id))
        if kind != "grade_cell":
            book.db.add(Comment(cell_id=made.id, notebook_id=submission.id))
