"""Small submissions for the tests of the outside judge: three exercises of a lab that needs no TensorFlow."""

import copy
import json

import nbformat

from tests import ROOT
from tflite_course.grading.judge import execute

LAB = "lab_9_microcontroller"
EXERCISES = ("fits", "multiplier_and_shift", "fold_bias")
FULL = 6.0
ALL = {name: 2.0 for name in EXERCISES}
NONE = {name: 0.0 for name in EXERCISES}


def cells_of(kind, lab=LAB):
    """Return {name of a graded cell: cell} of a lab, and the set-up cells under "set-up"."""
    notebook = nbformat.read(ROOT / kind / lab / f"{lab}.ipynb", as_version=4)
    named = {c.metadata.nbgrader.grade_id: c for c in notebook.cells if "nbgrader" in c.metadata}
    first = next(c for c in notebook.cells if c.cell_type == "code")
    return named | {"set-up": first}


RIGHT, STUBS = cells_of("solutions"), cells_of("labs")


def own(source):
    """Return a cell that a student added."""
    return nbformat.v4.new_code_cell(source)


def edited(cell, source):
    """Return a copy of a cell with another source."""
    changed = copy.deepcopy(cell)
    changed.source = source
    return changed


def submission(before=(), between=(), after=(), answers=RIGHT, setup=None):
    """Return a notebook: set-up, answers and checks, with cells before the answers, between them, and after all."""
    cells = [setup or STUBS["set-up"], *before]
    for name in EXERCISES:
        cells += [answers[name], STUBS[f"check_{name}"], *(between if name == EXERCISES[0] else ())]
    cells = [copy.deepcopy(cell) for cell in [*cells, *after]]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    return nbformat.v4.new_notebook(cells=cells)


def judge(notebook, folder, **settings):
    """Run a notebook in the sandbox; return ({exercise: points}, what the step recorded, the notebook with outputs)."""
    folder.mkdir(exist_ok=True)
    record = folder.parent / f"{folder.name}.json"
    step = execute.Execute(sandboxed=True, record=str(record), timeout=settings.pop("timeout", 60), **settings)
    step.shutdown_kernel = "immediate"
    done, _ = step.preprocess(copy.deepcopy(notebook), {"metadata": {"path": str(folder)}})
    said = json.loads(record.read_text(encoding="utf-8"))
    points = {verdict["exercise"]: verdict["points"] for verdict in said["verdicts"].values()}
    written = {c.metadata.nbgrader.grade_id: c.outputs for c in done.cells if execute.is_check(c)}
    for name, outputs in written.items():  # the outputs, which nbgrader scores, say the same as the record
        assert float(outputs[-1].data["text/plain"]) == points[name.removeprefix("check_")]
        assert [output.output_type for output in outputs] == ["stream", "execute_result"]
    return points, said, done
