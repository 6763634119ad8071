"""An invited change never raises: each turn of each lesson, with each of its values, to the end of the lesson."""

import ast
import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tests import ROOT
from tests.notebooks.lesson_kernel import Lesson
from tests.notebooks.your_turn import first_failure, name_of, rounds, turns, with_value
from tests.tools.lessons import deeper_files, lesson_files

# The rounds of a lesson share a kernel: a reader goes back to a turn when the cells below it have run.
ROUNDS = [
    pytest.param(path.stem, changes, id=f"{path.stem} {k}", marks=pytest.mark.xdist_group(f"turns of {path.stem}"))
    for path in [*lesson_files(), *deeper_files()]
    for k, changes in enumerate(rounds(nbformat.read(path, as_version=4)))
]

EVERY_POSITION = "from tflite_course.lesson import explorables\nexplorables.draw_all()"


@pytest.mark.parametrize(("name", "changes"), ROUNDS)
def test_a_lesson_runs_to_its_end_with_each_invited_value(name, changes, lessons):
    lesson, first = lessons(name), min(changes)
    assert lesson.reach(first) is None
    lesson.done = first  # the cells behind it run anew
    failure = first_failure(lesson, changes)
    assert failure is None, failure
    assert lesson.failure_of(EVERY_POSITION) is None


@pytest.mark.parametrize("path", [*lesson_files(), *deeper_files()], ids=lambda path: path.stem)
def test_each_turn_names_its_value_and_what_is_tried(path):
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, values in turns(notebook):
        name_of(code[number].source)
        assert 2 <= len(values) <= 4, f"cell {number}: two to four values, the extremes among them"
    assert all("your-turn" in cell.metadata.get("tags", []) for cell in code if "try" in cell.metadata)


@pytest.mark.parametrize("path", [*lesson_files(), *deeper_files()], ids=lambda path: path.stem)
def test_each_name_that_the_text_offers_is_tried(path):
    """A text such as: **Your turn.** Convert `"mnist_small"` or `"mnist_nano"`."""
    text, missing = "", []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            text = cell.source
        elif "try" in cell.metadata:
            offered = set(re.findall(r'`"([^"`]+)"`', text.partition("Your turn")[2]))
            stored = ast.parse(cell.source).body[0].value
            known = {str(value) for value in cell.metadata["try"]} | {ast.unparse(stored).strip("'")}
            missing += [(cell.id, name) for name in sorted(offered - known)]
    assert missing == []


def test_a_value_is_put_in_place():
    source = "batch = (\n    2\n)\nprint(batch)"
    assert with_value(source, [1, "a"]) == "batch = [1, 'a']\nprint(batch)" and name_of(source) == "batch"
    with pytest.raises(AssertionError, match="begins with `name = value`, not with 'print"):
        name_of("print(1)")


def test_each_value_is_in_a_round():
    tries = [[2, 8], [], [1, 2, 3]]
    cells = [new_code_cell("n = 4", metadata={"tags": ["your-turn"], "try": values}) for values in tries]
    assert rounds(new_notebook(cells=cells)) == [{0: 2, 2: 1}, {0: 8, 2: 2}, {0: 2, 2: 3}]
    assert rounds(new_notebook()) == []


def test_a_change_that_raises_in_a_later_cell_is_named(tmp_path, monkeypatch):
    cells = [
        new_code_cell("x = 1", id="a", execution_count=1),
        new_code_cell("n = 4\nprint(n)", id="b", execution_count=2, metadata={"tags": ["your-turn"], "try": [2, 0]}),
        new_code_cell("x / 0", id="c", execution_count=3, outputs=[new_output("error", ename="ZeroDivisionError")]),
        new_code_cell("y = [1][4 // n - 1] if n else x / n", id="d", execution_count=4),
    ]
    cells[1].outputs = [new_output("stream", text="4\n")]
    cells[2].outputs[0].update(evalue="division by zero", traceback=["ZeroDivisionError: division by zero"])
    (tmp_path / "notebooks").mkdir()
    nbformat.write(new_notebook(cells=cells), tmp_path / "notebooks" / "99_lesson.ipynb")
    monkeypatch.setattr("tests.notebooks.lesson_kernel.ROOT", tmp_path)
    lesson = Lesson("99_lesson", ROOT / "notebooks")
    try:
        assert lesson.reach(1) is None
        assert first_failure(lesson, {1: 4}) is None
        assert first_failure(lesson, {1: 2}) == "with n = 2, cell 3 ends with ['IndexError']: list index out of range"
        assert first_failure(lesson, {1: 0}) == "with n = 0, cell 3 ends with ['ZeroDivisionError']: division by zero"
        make = "import matplotlib.pyplot as plt\nfrom tflite_course.lesson import explore\n"
        make += "explore(lambda bits: (plt.figure(), str(1 / bits)), bits=[1, 0])"
        assert lesson.failure_of(make) is None
        assert lesson.failure_of(EVERY_POSITION) == "ZeroDivisionError: division by zero"
    finally:
        lesson.close()
