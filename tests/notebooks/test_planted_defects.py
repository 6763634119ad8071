"""Does the regression test bite? Each defect of planted_defects.toml must be caught in the cell that it names."""

import copy
import functools
import os
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
from tests.notebooks.learners import code_cells
from tests.notebooks.lesson_kernel import Lesson
from tests.notebooks.test_hygiene import cells_with_other_assertions
from tests.tools import tiers
from tests.tools.lessons import LESSONS, deeper_files, notebook_path
from tflite_course.authoring import kernels

PLANTED = Path(__file__).with_name("planted_defects.toml")
LINKED = ["data", "assets", "conftest.py", "pyproject.toml", "tests"]
ALWAYS = "04_draw_digits"  # its defects run in `make test` too: in cells, in the package, in a model, without a print
WORSE = {"mnist_cnn_plain_float32.tflite": 1.6}  # strength of the noise that costs this file about two points


def read_defects():
    """Return the planted defects; "cell" is the number of the code cell that must catch each of them first."""
    defects = tomllib.loads(PLANTED.read_text(encoding="utf-8"))["defect"]
    for defect in defects:  # an id stays when a cell is put before it, a number does not
        found = [cell.id for cell in code_cells(defect["notebook"])]
        if defect["cell"] not in found:
            raise ValueError(f"{PLANTED.name}: {defect['notebook']} has no code cell {defect['cell']!r}.")
        defect["cell"] = found.index(defect["cell"])
    return defects


DEFECTS = read_defects()


def kind_of(defect):
    """Return how a defect is planted: in a cell, in a file of the package, in a shipped model; or what guards it."""
    if "guard" in defect:
        return defect["guard"]
    return next((kind for kind in ("file", "model") if kind in defect), "cell")


def parameters(*kinds):
    """Return the defects of these kinds for pytest, by lesson and place: one worker takes a lesson."""
    chosen = [defect for defect in DEFECTS if kind_of(defect) in kinds]
    chosen.sort(key=lambda defect: (defect["notebook"], defect["cell"]))
    return [
        pytest.param(
            defect,
            id=f"{defect['notebook'][:2]}-{defect['name']}",
            marks=[
                pytest.mark.xdist_group(f"defects of {defect['notebook'][:2]}"),
                *[pytest.mark.slow] * (kinds != ("hygiene",) and not always_runs(defect["notebook"])),
            ],
        )
        for defect in chosen
    ]


@functools.cache
def always_runs(lesson):
    """Return whether the defects of a lesson run in `make test`: those of one lesson, and of each that has changed."""
    return lesson == ALWAYS or notebook_path(lesson).relative_to(ROOT).as_posix() in tiers.changed_files()


def skip_without(defect):
    missing = [program for program in defect.get("needs", []) if not shutil.which(program)]
    if missing:  # then the lesson shows stored results
        pytest.skip(f"this defect shows only where {' and '.join(missing)} can be run: make test installs them")


def changed_source(lesson, defect):
    """Return (number of the cell that holds the defect's text, its source with the defect)."""
    place = lesson.place_of(defect["old"])
    return place, lesson.stored[place].source.replace(defect["old"], defect["new"])


@pytest.mark.parametrize("defect", parameters("cell"))
def test_defect_in_a_cell_is_caught(defect, lessons):
    skip_without(defect)
    lesson = lessons(defect["notebook"])
    place, source = changed_source(lesson, defect)
    caught, red = lesson.verdict(place, defect["cell"], source)
    assert red is None, red
    assert caught is not None, f"nobody noticed: {defect['name']}"
    assert caught == defect["cell"], f"caught in cell {caught}, not in {defect['cell']}"


@pytest.mark.parametrize("defect", parameters("file", "model"))
def test_defect_in_what_a_lesson_uses_is_caught(defect, tmp_path):
    skip_without(defect)
    folder = copy_of_the_course(tmp_path)
    if "model" in defect:
        plant_worse_model(folder, defect["model"])
    else:
        path = folder / defect["file"]
        path.write_text(replace_once(path.read_text(encoding="utf-8"), defect["old"], defect["new"]), encoding="utf-8")
    lesson = Lesson(defect["notebook"], folder / "notebooks", {"PYTHONPATH": str(folder)})
    try:
        caught = lesson.reach(defect["cell"] + 1)
    finally:
        lesson.close()
    assert caught is not None, f"nobody noticed: {defect['name']}"
    assert caught == defect["cell"], f"caught in cell {caught}, not in {defect['cell']}"


@pytest.mark.parametrize("defect", parameters("hygiene"))
def test_defect_that_prints_nothing_is_caught_by_the_form(defect):
    """An assertion that holds prints nothing, so nbval cannot see that it is gone."""
    notebook = nbformat.read(notebook_path(defect["notebook"]), as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    cell = code[defect["cell"]]
    cell.source = replace_once(cell.source, defect["old"], defect["new"])
    assert cells_with_other_assertions(notebook) == [defect["cell"]]


def copy_of_the_course(folder, *, package=True):
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


def failed_cells(path, folder, **variables):
    """Run nbval on a notebook in a fresh kernel and return the numbers of the cells that failed, in order."""
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-rf", "--color=no", "-p", "no:xdist", str(path)]
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "IPYTHONDIR"))}
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        env=inherited | {"PYTHONPATH": str(folder)} | variables,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode in (0, 1), done.stdout[-3000:] + done.stderr[-3000:]
    return [int(n) for n in re.findall(r"^FAILED .*::Cell (\d+)", done.stdout, re.M)], done.stdout


def cut(lesson, last, folder, old="", new=""):
    """Write a lesson's notebook up to code cell `last` into a folder, with one text replaced; return its path."""
    notebook = nbformat.read(ROOT / "notebooks" / f"{lesson}.ipynb", as_version=4)
    places = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    notebook.cells = notebook.cells[: places[last] + 1]
    for cell in notebook.cells:
        if old and cell.cell_type == "code":
            cell.source = cell.source.replace(old, new)
    path = folder / "notebooks" / f"{lesson}.ipynb"
    nbformat.write(notebook, path)
    return path


@pytest.mark.slow
def test_nbval_gives_the_same_verdict(tmp_path):
    """The control: nbval itself, in a fresh kernel, is green without a defect and catches one where Lesson does."""
    defect = next(d for d in DEFECTS if d["notebook"] == "04_draw_digits" and kind_of(d) == "cell" and d["cell"] <= 12)
    folder = copy_of_the_course(tmp_path, package=False)
    failed, output = failed_cells(cut(defect["notebook"], defect["cell"], folder), folder)
    assert failed == [] and " passed" in output
    failed, output = failed_cells(cut(defect["notebook"], defect["cell"], folder, defect["old"], defect["new"]), folder)
    assert failed and failed[0] == defect["cell"], output[-3000:]


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
    weights[:] = original + noise * np.float32(WORSE[file])
    loss = before - evaluation.accuracy(bytes(content), *test_set)
    assert 0.014 <= loss <= 0.035, f"the worse model is worse by {loss:.3f}: choose another strength"
    path.write_bytes(content)


def test_there_are_enough_defects_over_all_lessons():
    by_lesson = {d["notebook"] for d in DEFECTS}
    assert set(LESSONS) <= by_lesson <= {*LESSONS, *(path.stem for path in deeper_files())}
    assert min(sum(d["notebook"] == lesson for d in DEFECTS) for lesson in LESSONS) >= 3
    assert len({(d["notebook"], d["name"]) for d in DEFECTS}) == len(DEFECTS)


@pytest.mark.slow
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
