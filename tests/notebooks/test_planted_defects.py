"""Does the regression test bite? Each defect of planted_defects.toml must be caught in the cell that it names."""

import copy
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import matplotlib
import nbformat
import numpy as np
import pytest
from matplotlib import font_manager

from tests import ROOT
from tests.notebooks.test_hygiene import cells_with_other_assertions
from tflite_course.authoring import kernels

DEFECTS = tomllib.loads((Path(__file__).with_name("planted_defects.toml")).read_text(encoding="utf-8"))["defect"]
LINKED = ["data", "assets", "conftest.py", "pyproject.toml", "tests"]


def copy_of_the_course(folder, *, package):
    """Make a folder in which one notebook can be changed: all else are links; package=True copies tflite_course."""
    (folder / "notebooks").mkdir()
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)
    if package:
        shutil.copytree(ROOT / "tflite_course", folder / "tflite_course")
    return folder


def replace_once(text, old, new):
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times there, not once"
    return text.replace(old, new)


def plant(defect, folder):
    """Copy the notebook, cut after the named cell, and put the defect into it or into the package."""
    notebook = nbformat.read(ROOT / "notebooks" / f"{defect['notebook']}.ipynb", as_version=4)
    places = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    notebook.cells = notebook.cells[: places[defect["cell"]] + 1]
    file = defect.get("file")
    if file:
        path = folder / file
        path.write_text(replace_once(path.read_text(encoding="utf-8"), defect["old"], defect["new"]), encoding="utf-8")
    elif "old" in defect:
        code = [cell for cell in notebook.cells if cell.cell_type == "code" and defect["old"] in cell.source]
        assert len(code) == 1, f"{defect['old']!r} stands in {len(code)} cells, not in one"
        code[0].source = replace_once(code[0].source, defect["old"], defect["new"])
    path = folder / "notebooks" / f"{defect['notebook']}.ipynb"
    nbformat.write(notebook, path)
    return path


def failed_cells(path, folder, **variables):
    """Run nbval on a notebook in a fresh kernel and return the numbers of the cells that failed, in order."""
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-rf", "--color=no", "-p", "no:xdist", str(path)]
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        env=environment(folder) | variables,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode in (0, 1), done.stdout[-3000:] + done.stderr[-3000:]
    return [int(n) for n in re.findall(r"^FAILED .*::Cell (\d+)", done.stdout, re.M)], done.stdout


def environment(folder):
    import os

    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "IPYTHONDIR"))}
    return inherited | {"PYTHONPATH": str(folder)}


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda d: f"{d['notebook'][:2]}-{d['name']}")
def test_defect_is_caught(defect, tmp_path):
    missing = [program for program in defect.get("needs", []) if not shutil.which(program)]
    if missing:  # then the lesson shows stored results
        pytest.skip(f"this defect shows only where {' and '.join(missing)} can be run: make test installs them")
    folder = copy_of_the_course(tmp_path, package="file" in defect or "model" in defect)
    if "model" in defect:
        plant_worse_model(folder, defect["model"])
    path = plant(defect, folder)
    if defect.get("guard") == "hygiene":  # nothing is printed, so nbval cannot see it
        assert cells_with_other_assertions(nbformat.read(path, as_version=4)) == [defect["cell"]]
        return
    failed, output = failed_cells(path, folder)
    assert failed, f"nobody noticed: {defect['name']}\n{output[-2000:]}"
    assert failed[0] == defect["cell"], f"caught in cell {failed[0]}, not in {defect['cell']}\n{output[-3000:]}"


def plant_worse_model(folder, file):
    """Disturb the last layer of a shipped .tflite so that it loses about two points of accuracy."""
    from ai_edge_litert.schema_py_generated import Model

    from tflite_course import evaluation
    from tflite_course.datasets import load_mnist

    (folder / "assets").unlink()
    shutil.copytree(ROOT / "assets", folder / "assets")
    path = folder / "assets" / "models" / file
    content = bytearray(path.read_bytes())
    model = Model.GetRootAs(content)
    buffers = [model.Buffers(i).DataAsNumpy() for i in range(model.BuffersLength())]
    weights = max((b for b in buffers if not isinstance(b, int)), key=len).view(np.float32)
    original, rng = weights.copy(), np.random.default_rng(0)
    noise = rng.normal(0, original.std(), original.shape).astype(np.float32)
    _, test_set = load_mnist()
    before = evaluation.accuracy(bytes(content), *test_set)
    for strength in np.arange(0.1, 3, 0.1):
        weights[:] = original + noise * np.float32(strength)
        loss = before - evaluation.accuracy(bytes(content), *test_set)
        if loss >= 0.015:
            break
    assert 0.015 <= loss <= 0.035, f"the worse model is worse by {loss:.3f}"
    path.write_bytes(content)


def test_there_are_enough_defects_over_all_lessons():
    by_lesson = {d["notebook"] for d in DEFECTS}
    assert len(DEFECTS) >= 16 + 12 and by_lesson == {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert min(sum(d["notebook"] == lesson for d in DEFECTS) for lesson in by_lesson) >= 3
    assert len({(d["notebook"], d["name"]) for d in DEFECTS}) == len(DEFECTS)


def test_an_honest_copy_passes(tmp_path):
    """The control: without a defect the same procedure is green."""
    folder = copy_of_the_course(tmp_path, package=True)
    failed, output = failed_cells(plant({"notebook": "04_draw_digits", "cell": 12}, folder), folder)
    assert failed == [] and " passed" in output


def test_fonts_of_another_environment_change_nothing(tmp_path):
    """A list of fonts in the user's folder that lacks matplotlib's own makes each log scale warn: not in the tests."""
    bad = tmp_path / f"{kernels.MATPLOTLIB}bad"
    bad.mkdir()
    fonts = copy.copy(font_manager.fontManager)
    own = matplotlib.get_data_path()
    fonts.ttflist = [font for font in fonts.ttflist if not str(font.fname).startswith(own)]
    font_manager.json_dump(fonts, bad / f"fontlist-v{font_manager.FontManager.__version__}.json")
    folder = copy_of_the_course(tmp_path, package=False)
    cell = nbformat.v4.new_code_cell("import matplotlib.pyplot as plt\n\nplt.loglog([1, 100], [1, 100])\nplt.show()")
    picture = {"image/png": "", "text/plain": "<Figure size 640x480 with 1 Axes>"}
    cell.update(execution_count=1, outputs=[nbformat.v4.new_output("display_data", picture)])
    path = folder / "notebooks" / "log_scale.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    failed, output = failed_cells(path, folder, MPLCONFIGDIR=str(bad))  # as if it had been made for the tests
    assert failed == [0] and "fields from running code: {'stderr'}" in output
    bad = bad.rename(tmp_path / "users")
    failed, output = failed_cells(path, folder, MPLCONFIGDIR=str(bad))
    assert failed == [] and " passed" in output


def test_stored_outputs_are_there():
    """A cell without a stored output would be compared with nothing."""
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        assert any(cell.get("outputs") for cell in cells), path.name
