"""Conditions beside a lesson: they run in its kernel, each has a sentence, and none is lost on the way."""

import ast
import re
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests import ROOT
from tests.notebooks import conditions
from tests.notebooks.conditions import all_conditions, assertions, lost, read_conditions, to_run
from tests.tools.lessons import notebook_path

FILES = sorted(conditions.FOLDER.glob("*.py"))
# How many a lesson has at least, seen and out of sight: as many as on the day on which they moved.
FEWEST = {
    "01_image_check": 2,
    "01_keras_and_files": 9,  # two are in 02_inside_the_file since the optimizer is weighed there alone
    "01_train_mnist": 23,
    "02_convert": 24,
    "02_bring_your_own": 4,
    "02_inside_the_file": 15,
    "02_when_it_fails": 4,
    "03_run_the_interpreter": 47,
    "03_interpreter_in_depth": 33,
    "03_accelerators": 10,
    "04_draw_digits": 20,
    "04_centring": 10,
    "05_post_training_quantization": 38,
    "05_conversion_in_depth": 32,
    "05_one_layer_by_hand": 11,
    "05_tools_of_quantization": 25,
    "05_integer_network": 13,
    "06_quantization_aware_training": 33,
    "06_qat_in_depth": 12,
    "06_when_tfmot_fails": 15,
    "07_pruning": 33,
    "07_pruning_in_depth": 35,
    "07_sparse_kernels": 4,
    "08_weight_clustering": 33,
    "08_sixteen_values": 17,
    "08_clustering_in_depth": 17,
    "09_combine_and_redesign": 25,
    "09_combining_steps": 8,
    "09_filters_and_bytes": 17,
    "09_architecture_search": 14,
    "09_models_of_record": 8,
}


def lesson(path):
    return nbformat.read(notebook_path(path.stem), as_version=4)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_condition_belongs_to_a_cell_and_has_a_sentence(path):
    cells = {cell.id for cell in lesson(path).cells if cell.cell_type == "code"}
    found = read_conditions(path.stem)
    assert found and set(found) <= cells
    for cell, source in found.items():
        assert assertions(source), f"{cell}: nothing is asserted"
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Assert):
                assert node.msg is not None, f"{cell}: {ast.unparse(node.test)} has no sentence"
            elif isinstance(node, ast.Call) and ast.unparse(node.func).startswith("np.testing."):
                assert "err_msg" in {keyword.arg for keyword in node.keywords}, f"{cell}: no sentence"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_lesson_keeps_its_conditions_and_shows_few(path):
    found = all_conditions(lesson(path), read_conditions(path.stem))
    assert len(found) >= FEWEST[path.stem]
    assert sum(place == "seen" for _, _, place in found) <= 3


def test_what_is_lost_is_listed():
    def listed(seen, hidden):
        cells = [new_code_cell(source, id=f"c{k}") for k, source in enumerate(seen)]
        return all_conditions(new_notebook(cells=cells), hidden)

    before = listed(["assert a and b\nassert c", "np.testing.assert_allclose(x, y)"], {})
    moved = {"c0": "assert a, 'a'\nassert b, 'b'", "c1": "np.testing.assert_allclose(x, y, err_msg='x')"}
    assert lost(before, listed(["assert c"], moved)) == []
    assert lost(before, listed([], moved)) == [("c0", "c")]
    assert lost(before, listed(["assert c"], {"c0": "assert a, 'a'"})) == [
        ("c0", "a and b"),
        ("c1", "np.testing.assert_allclose(x, y)"),
    ]


def test_conditions_leave_no_variable_behind():
    names = {"x": 1}
    exec(to_run("y = x + 1\nassert y == 2, 'not two'"), names)
    assert "y" not in names
    with pytest.raises(AssertionError, match="not three"):
        exec(to_run("assert x == 3, 'not three'"), names)


def test_nbval_runs_them(tmp_path):
    """A notebook whose stored output agrees, in a course whose condition for it does not hold."""
    for name in ("notebooks", "tests/notebooks/conditions"):
        (tmp_path / name).mkdir(parents=True)
    cells = [new_code_cell(source, id=name, execution_count=1) for name, source in (("one", "x = 1"), ("two", "y = 2"))]
    nbformat.write(new_notebook(cells=cells), tmp_path / "notebooks" / "99_lesson.ipynb")
    path = tmp_path / "tests" / "notebooks" / "conditions" / "99_lesson.py"
    program = (
        "import sys, pytest; from pathlib import Path; from tests.notebooks import conditions;"
        "conditions.FOLDER = Path(sys.argv[1]);"
        "read = conditions.read_conditions;"
        "conditions.read_conditions = lambda lesson: read(lesson, conditions.FOLDER);"
        "sys.exit(pytest.main(['--nbval', '-q', '-rf', '-p', 'no:xdist', '--rootdir', '.', '-c', 'pyproject.toml',"
        " '--color=no', sys.argv[2]], plugins=['conftest']))"
    )
    for condition, code in (("assert x == 1, 'x is not one'", 0), ("assert x == 2, 'x is not two'", 1)):
        path.write_text(f"# %% one\n{condition}\n")
        command = [sys.executable, "-c", program, path.parent, tmp_path / "notebooks" / "99_lesson.ipynb"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == code, done.stdout + done.stderr
    assert "A condition of the regression does not hold: AssertionError: x is not two" in done.stdout
    assert re.findall(r"^FAILED .*::Cell (\d+)", done.stdout, re.M) == ["0"]
