"""Repair: each way in which a lab comes back damaged, with the notebook that is graded."""

import copy
import json

import nbformat
import pytest

from tests import ROOT
from tflite_course.grading import pieces, read, repair
from tflite_course.grading.pieces import grade_id

LAB = "lab_9_microcontroller"


@pytest.fixture
def released():
    return nbformat.read(ROOT / "labs" / LAB / f"{LAB}.ipynb", as_version=4)


@pytest.fixture
def solved(released):
    """The released lab with the answers of the solution."""
    notebook = copy.deepcopy(released)
    solution = nbformat.read(ROOT / "solutions" / LAB / f"{LAB}.ipynb", as_version=4)
    sources = {grade_id(cell): cell.source for cell in solution.cells if pieces.is_answer(cell)}
    for cell in notebook.cells:
        cell.source = sources.get(grade_id(cell), cell.source)
    return notebook


def at(notebook, name):
    return next(k for k, cell in enumerate(notebook.cells) if grade_id(cell) == name)


def sources(notebook):
    return {grade_id(cell): cell.source for cell in notebook.cells if grade_id(cell)}


def repaired(notebook, released):
    """Return (notebook, notes) of a notebook as it comes from a file."""
    return repair.repair(read.read(json.dumps(notebook))[0], released)


@pytest.mark.parametrize(
    "lab", sorted(path.parent.name for path in (ROOT / "tflite_course" / "labs").glob("*/__init__.py"))
)
def test_a_solution_that_is_handed_in_is_whole(lab):
    solution, lab = (nbformat.read(ROOT / kind / lab / f"{lab}.ipynb", as_version=4) for kind in ("solutions", "labs"))
    fixed, notes = repair.repair(solution, lab)
    assert notes == [] and [cell.id for cell in fixed.cells] == [cell.id for cell in lab.cells]


def test_what_is_whole_stays_as_it_is(solved, released):
    fixed, notes = repaired(solved, released)
    assert fixed.cells == solved.cells and notes == []


@pytest.mark.parametrize("where", [0, 1], ids=["before", "behind"])
@pytest.mark.parametrize("name", ["dense", "explain", "check_dense", "measure_rounding"])
def test_a_copy_with_its_metadata_is_one_cell(solved, released, name, where):
    twin = copy.deepcopy(solved.cells[at(solved, name)])
    twin["id"] = "a-copy"
    expected = sources(solved)
    solved.cells.insert(at(solved, name) + where, twin)
    fixed, _ = repaired(solved, released)
    assert sources(fixed) == expected and len(fixed.cells) == len(released.cells)


@pytest.mark.parametrize("where", [0, 1], ids=["before", "behind"])
@pytest.mark.parametrize("name", ["dense", "explain"])
def test_of_an_answer_and_a_stub_the_answer_counts(solved, released, name, where):
    expected = sources(solved)
    solved.cells.insert(at(solved, name) + where, copy.deepcopy(released.cells[at(released, name)]))
    fixed, _ = repaired(solved, released)
    assert sources(fixed) == expected
    assert released.cells[at(released, name)].source not in [cell.source for cell in fixed.cells]


def test_a_second_try_stays_behind_the_first(solved, released):
    """Both stand in the notebook, so the last one is in force, as in the student's own kernel."""
    twin = copy.deepcopy(solved.cells[at(solved, "dense")])
    twin["id"], twin.source = "a-copy", twin.source + "\n# better"
    solved.cells.insert(at(solved, "dense") + 1, twin)
    fixed, _ = repaired(solved, released)
    place = at(fixed, "dense")
    assert fixed.cells[place + 1].source == twin.source and fixed.cells[place + 1].metadata == {}
    assert grade_id(fixed.cells[place + 2]) == "check_dense"


@pytest.mark.parametrize("kind", ["code", "markdown", "raw"])
@pytest.mark.parametrize("name", ["dense", "explain", "check_dense"])
def test_a_cell_of_another_type_is_of_its_own_again(solved, released, name, kind):
    k, make = at(solved, name), getattr(nbformat.v4, f"new_{kind}_cell")
    expected = sources(solved)
    solved.cells[k] = make(solved.cells[k].source, id=solved.cells[k]["id"], metadata=solved.cells[k].metadata)
    fixed, _ = repaired(solved, released)
    assert sources(fixed) == expected
    assert fixed.cells[at(fixed, name)].cell_type == released.cells[at(released, name)].cell_type


@pytest.mark.parametrize("line", range(1, 6))
def test_code_that_was_split_is_one_cell(solved, released, line):
    k = at(solved, "dense")
    lines = solved.cells[k].source.split("\n")
    second = copy.deepcopy(solved.cells[k])
    solved.cells[k].source, second.source = "\n".join(lines[:line]), "\n".join(lines[line:])
    second["id"] = "half"
    for metadata in (second.metadata, {}):
        second.metadata = nbformat.from_dict(metadata)
        notebook = copy.deepcopy(solved)
        notebook.cells.insert(k + 1, second)
        fixed, notes = repaired(notebook, released)
        assert sources(fixed)["dense"] == "\n".join(lines)
        assert notes == ["the pieces of a cell that was split were put together again."]


def test_two_cells_that_stand_by_themselves_stay_two(solved, released):
    solved.cells.insert(at(solved, "dense") + 1, nbformat.v4.new_code_cell("print(1)"))
    solved.cells.insert(at(solved, "dense") + 2, nbformat.v4.new_code_cell("x = ("))
    fixed, notes = repaired(solved, released)
    assert sources(fixed) == sources(solved) and notes == [] and len(fixed.cells) == len(solved.cells)


def test_a_written_answer_in_three_cells(solved, released):
    k = at(solved, "explain")
    for number, text in enumerate(("First.", "Second.", "Third.")):
        cell = copy.deepcopy(solved.cells[k + number])
        cell["id"], cell.source = f"part-{number}", text
        solved.cells.insert(k + 1 + number, cell)
    solved.cells[k].source = released.cells[at(released, "explain")].source
    fixed, notes = repaired(solved, released)
    assert sources(fixed)["explain"] == "First.\n\nSecond.\n\nThird."
    assert "explain: the answer was in 3 cells; they were put together." in notes


@pytest.mark.parametrize("length", [2, 3, 4, 6])
def test_merged_cells_are_taken_apart(solved, released, length):
    """Answer, check, question, the next answer ...: whatever an editor merged is found again."""
    k = at(solved, "fold_bias")
    expected = sources(solved)
    solved.cells[k].source = "\n\n".join(cell.source for cell in solved.cells[k : k + length])
    del solved.cells[k + 1 : k + length]
    fixed, notes = repaired(solved, released)
    assert {name: text.strip() for name, text in sources(fixed).items()} == expected
    assert [cell.cell_type for cell in fixed.cells] == [cell.cell_type for cell in released.cells]
    assert notes[0] == "cells that were merged were taken apart again."


def test_a_stub_is_never_put_over_an_answer_in_another_cell(solved, released):
    k = at(solved, "dense")
    solved.cells[at(solved, "fold_bias")].source += "\n\n\n" + solved.cells[k].source
    del solved.cells[k]
    fixed, notes = repaired(solved, released)
    assert sources(fixed)["dense"] == repair.ELSEWHERE
    assert notes == ["dense: the answer stands in another cell; it counts."]


@pytest.mark.parametrize("stubs", [True, False], ids=["stubs left", "stubs deleted"])
@pytest.mark.parametrize("end", [True, False], ids=["at the end", "at the top"])
def test_all_answers_in_one_own_cell(solved, released, stubs, end):
    answers = [k for k, cell in enumerate(solved.cells) if pieces.is_answer(cell) and cell.cell_type == "code"]
    whole = nbformat.v4.new_code_cell("\n\n".join(solved.cells[k].source for k in answers))
    for k in reversed(answers):
        if stubs:
            solved.cells[k].source = released.cells[k].source
        else:
            del solved.cells[k]
    solved.cells.insert(len(solved.cells) if end else 3, whole)
    fixed, _ = repaired(solved, released)
    places = [k for k, cell in enumerate(fixed.cells) if "def fold_bias" in cell.source and cell.cell_type == "code"]
    assert len(places) == 1 and places[0] < at(fixed, "check_to_c_array"), "one definition, and it is before the checks"


def test_a_stub_stays_where_only_the_course_defines_the_name():
    """Lab 7 imports a prepare() of its own before the exercise of that name."""
    lab = "lab_7_linux_program"
    released = nbformat.read(ROOT / "labs" / lab / f"{lab}.ipynb", as_version=4)
    fixed, notes = repaired(released, released)
    assert fixed.cells == released.cells and notes == []


def test_own_cells_lose_foreign_metadata_and_get_valid_ids(solved, released):
    own = [
        nbformat.v4.new_code_cell("a = 1", metadata={"nbgrader": {"grade_id": "other", "solution": True}}),
        nbformat.v4.new_code_cell("b = 2", metadata={"nbgrader": {}, "tags": ["raises-exception"]}),
        nbformat.v4.new_raw_cell("c", metadata={"nbgrader": {"grade_id": "explain2", "points": 99}}),
    ]
    for number, cell in enumerate(own):
        cell["id"] = ["own-5", "#VSC-1234abcd", "16-dense"][number]
        solved.cells.insert(5 + number, cell)
    fixed, _ = repaired(solved, released)
    assert [cell.source for cell in fixed.cells[5:8]] == ["a = 1", "b = 2", "c"]
    assert all(cell.metadata == {} for cell in fixed.cells[5:8])
    nbformat.validate(fixed)
    assert len({cell.id for cell in fixed.cells}) == len(fixed.cells)


def test_a_lab_of_which_only_the_answers_are_left(solved, released):
    expected = sources(solved)
    solved.cells = [cell for cell in solved.cells if pieces.is_answer(cell)]
    fixed, notes = repaired(solved, released)
    assert sources(fixed) == expected and len(fixed.cells) == len(released.cells)
    assert "check_dense: the cell was missing; it was put in as it was released." in notes


def test_another_lab_under_the_name_of_this_one(released):
    other = nbformat.read(ROOT / "solutions" / "lab_3_quantize" / "lab_3_quantize.ipynb", as_version=4)
    for cell in other.cells:
        if grade_id(cell) == "explain":
            cell.metadata.nbgrader.grade_id = "other"
    fixed, notes = repaired(other, released)
    found = sources(fixed)
    named = [cell for cell in released.cells if grade_id(cell) and "def " in cell.source]
    assert len(named) == 7 and all(found[grade_id(cell)] == cell.source for cell in named)
    assert "no answer of this lab was found in the notebook: it may be another lab." in notes


def test_what_a_person_has_to_read(solved, released):
    assert repair.answered(solved, released) == {"explain"} and repair.answered(released, released) == set()
    lab = nbformat.read(ROOT / "labs" / "journal" / "journal.ipynb", as_version=4)
    full = nbformat.read(ROOT / "solutions" / "journal" / "journal.ipynb", as_version=4)
    assert repair.answered(lab, lab) == set()
    read_by_hand = repair.answered(repair.repair(full, lab)[0], lab)
    assert {"introduction", "rubric-clarity"} < read_by_hand and len(read_by_hand) == 11


@pytest.mark.parametrize("cells", [1, 3])
def test_hardly_anything_of_a_lab(released, cells):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(f"text {k}") for k in range(cells)])
    fixed, _ = repaired(notebook, released)
    assert sources(fixed).keys() == sources(released).keys()


def test_python_that_cannot_be_read_is_no_trouble():
    deep = "(" * 100_000
    for source in (
        "def f(:",
        "\0",
        deep,
        "x = " + "-" * 50_000 + "1",
        "%%bash\nls (",
        "!ls\n%time f()",
        "a?",
        "await b",
    ):
        pieces.parse(source)
    assert pieces.defined("%time x = 1\n!ls\ndef f():\n    %timeit g()\ny, (z, w) = 1, (2, 3)") == {"f", "y", "z", "w"}
    assert pieces.defined("from a import b\nimport c") == set()
