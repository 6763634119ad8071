"""Labs come from solutions, untouched labs score nothing, and solutions score full marks."""

import filecmp
import re

import nbformat
import pytest

from tests import ROOT
from tflite_course.authoring import labs as release
from tflite_course.labs import load_exercises

BY_HAND = {"journal"}  # no checks, a person marks it: tests/grading/test_journal.py
LABS = sorted(path.name for path in (ROOT / "solutions").iterdir() if path.is_dir() and path.name not in BY_HAND)


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labs")
    release.release(folder)
    return folder


def files(folder):
    """Return what is in a folder of labs, without what running them left."""
    found = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return sorted(str(path) for path in found if not {"work", ".ipynb_checkpoints"} & set(path.parts))


def test_labs_are_their_solutions(released, tmp_path):
    """labs/ holds what the solutions give, byte for byte, no more and no less; and so on a second run."""
    assert files(released) == files(ROOT / "labs"), "run `make labs`"
    same, different, missing = filecmp.cmpfiles(released, ROOT / "labs", files(released), shallow=False)
    assert (different, missing) == ([], []), "run `make labs`"
    release.release(tmp_path / "again")
    assert filecmp.cmpfiles(released, tmp_path / "again", files(released), shallow=False)[0] == files(released)


@pytest.mark.parametrize("lab", LABS)
def test_solution_is_well_formed(lab):
    notebook = nbformat.read(ROOT / "solutions" / lab / f"{lab}.ipynb", as_version=4)
    nbformat.validate(notebook)
    graded = {c.metadata.nbgrader.grade_id: c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade")}
    exercises = load_exercises(lab)
    checks = {name.removeprefix("check_"): cell for name, cell in graded.items() if cell.cell_type == "code"}
    assert set(checks) == set(exercises)
    for name, cell in checks.items():
        assert cell.metadata.nbgrader.points == exercises[name].points
        assert re.fullmatch(rf'check\("{lab}", "{name}", [^\n]+\)', cell.source), "the judge has seeds of its own"
    assert max(len(cell.source.splitlines()) for cell in notebook.cells if cell.cell_type == "code") <= 25
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook.cells)
    text = "\n".join(cell.source for cell in notebook.cells)
    assert text.count("A first hint") == text.count("A second hint") >= len(exercises)


@pytest.mark.parametrize("lab", [*LABS, *BY_HAND])
def test_lab_keeps_no_answer(lab):
    text = (ROOT / "labs" / lab / f"{lab}.ipynb").read_text(encoding="utf-8")
    for word in ("SOLUTION", "HIDDEN TESTS", "MARK SCHEME", "seed="):
        assert word not in text


def run(path):
    """Execute a notebook; return {grade_id: points} of its checks. No cell may raise."""
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": path.parent}})
    client.execute()
    points = {}
    for cell in notebook.cells:
        data = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and data.get("grade"):
            (result,) = (output for output in cell.outputs if output.output_type == "execute_result")
            points[data.grade_id] = float(result.data["text/plain"])
    return points


@pytest.mark.parametrize("lab", LABS)
def test_untouched_lab_runs_and_scores_nothing(lab):
    points = run(ROOT / "labs" / lab / f"{lab}.ipynb")
    assert len(points) == len(load_exercises(lab)) and set(points.values()) == {0.0}


@pytest.mark.parametrize("lab", LABS)
def test_solution_scores_full_marks(lab):
    points = run(ROOT / "solutions" / lab / f"{lab}.ipynb")
    assert points == {f"check_{name}": exercise.points for name, exercise in load_exercises(lab).items()}
