"""Conditions of the regression beside a lesson: what must hold after a cell and is not what the lesson teaches.

conditions/NN_name.py holds them, under a line `# %% CELL-ID` for each cell. They run in the notebook's own kernel
right after that cell, with the variables that it left, in every strict run and for every planted defect. Each is an
assert with a sentence; what they assign is forgotten.

    python -m tests.notebooks.conditions 02_convert                   all conditions of a lesson, seen and out of sight
    python -m tests.notebooks.conditions 02_convert --before HEAD~1   and what was lost since a commit
"""

import argparse
import ast
import re
import subprocess
import sys

import nbformat

from tests import ROOT
from tests.tools.lessons import deeper_files, notebook_path, number_of

FOLDER = ROOT / "tests" / "notebooks" / "conditions"
CELL = re.compile(r"^# %% (\S+)\s*$", re.M)
RUN = "exec(compile({source!r}, 'conditions', 'exec'), dict(globals()))"


def read_conditions(lesson, folder=FOLDER):
    """Return {cell id: source} of a lesson's conditions, {} when it has none."""
    path = folder / f"{lesson}.py"
    if not path.is_file():
        return {}
    parts = CELL.split(path.read_text(encoding="utf-8"))
    return {parts[i]: parts[i + 1].strip() for i in range(1, len(parts), 2)}


def to_run(source):
    """Return the code that checks conditions in a kernel and leaves no variable behind."""
    return RUN.format(source=source)


def failure_after(path, cell, client, timeout=120):
    """Run the conditions of a notebook's cell in its kernel; return what does not hold, None when all do.

    path: of the notebook; client: a blocking client of the kernel, which has just run the cell.
    """
    source = read_conditions(path.stem).get(cell) if path.parent.name in ("notebooks", "deeper") else None
    if source is None:
        return None
    # the reply says how it ended; a silent request changes no execution count
    reply = client.execute(to_run(source), silent=True, store_history=False, reply=True, timeout=timeout)["content"]
    return None if reply["status"] == "ok" else f"{reply['ename']}: {reply['evalue']}"


def assertions(source):
    """Return what a source asserts, one text each: assert statements, and calls such as np.testing.assert_allclose."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assert):
            found.append(ast.unparse(node.test))
        elif isinstance(node, ast.Call) and re.match(r"assert_", ast.unparse(node.func).split(".")[-1]):
            node.keywords = [keyword for keyword in node.keywords if keyword.arg != "err_msg"]
            found.append(ast.unparse(node))
    return found


def of_notebook(notebook):
    """Return [(cell id, assertion)] that a reader of a notebook sees."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [(cell.id, text) for cell in code for text in assertions(cell.source)]


def all_conditions(notebook, conditions):
    """Return [(cell id, assertion, "seen" or "out of sight")] of a notebook and its {cell id: source}."""
    seen = [(cell, text, "seen") for cell, text in of_notebook(notebook)]
    return seen + [(cell, text, "out of sight") for cell, source in conditions.items() for text in assertions(source)]


def of_lesson(name):
    """Return all_conditions() of a lesson, or of a notebook that goes deeper, as it is now."""
    return all_conditions(nbformat.read(notebook_path(name), as_version=4), read_conditions(name))


def lost(before, now):
    """Return the (cell id, assertion) of `before` that are in neither part of `now`, as all_conditions gives them.

    An `a and b` may have become two; a condition may have moved to another cell, or to a notebook that goes deeper.
    """
    there = {part for _, text, _ in now for part in _parts(text)}
    return [(cell, text) for cell, text, _ in before if not _parts(text) <= there]


def _parts(text):
    node = ast.parse(text, mode="eval").body
    values = node.values if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And) else [node]
    return {ast.unparse(value) for value in values}


def at_commit(commit, path):
    """Return a file of the course as it was at a commit, "" when it was not there."""
    done = subprocess.run(["git", "show", f"{commit}:{path}"], cwd=ROOT, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else ""


def before(lesson, commit):
    """Return all_conditions() of a lesson at a commit."""
    notebook = at_commit(commit, f"notebooks/{lesson}.ipynb")
    if not notebook:
        sys.exit(f"There is no lesson {lesson} at {commit}.")
    parts = CELL.split(at_commit(commit, f"tests/notebooks/conditions/{lesson}.py"))
    conditions = {parts[i]: parts[i + 1].strip() for i in range(1, len(parts), 2)}
    return all_conditions(nbformat.reads(notebook, as_version=4), conditions)


def main():
    parser = argparse.ArgumentParser(description="List the conditions of a lesson.")
    parser.add_argument("lesson")
    parser.add_argument("--before", metavar="COMMIT", help="also list what was lost since a commit")
    options = parser.parse_args()
    now = of_lesson(options.lesson)
    for cell, text, place in now:
        print(f"{cell:8} {place:13} {text}")
    print(f"{len(now)} conditions, {sum(place == 'seen' for _, _, place in now)} of them seen")
    if options.before:
        there = [path.stem for path in deeper_files() if number_of(path.stem) == number_of(options.lesson)]
        moved = [condition for name in there if name != options.lesson for condition in of_lesson(name)]
        if moved:
            print(f"{len(moved)} conditions in {', '.join(there)}")
        gone = lost(before(options.lesson, options.before), now + moved)
        for cell, text in gone:
            print(f"LOST {cell}: {text}")
        sys.exit(bool(gone))


if __name__ == "__main__":
    main()
