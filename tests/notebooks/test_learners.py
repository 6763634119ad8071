"""Ten scripted readers: their plans do what they say, a defect of a page fails them, one of them reads lesson 03."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.benchmarks import learners as command
from tests.notebooks import learners
from tests.notebooks.learners import LEARNERS, Learner, Reading, Step, plan, read_products
from tests.tools.lessons import LESSONS, deeper_files, notebook_path
from tests.tools.minutes import SECOND_EDITION, learners_of, read_learned
from tflite_course.lesson.guess_file import FILE as GUESSES
from tflite_course.lesson.guess_file import read_guesses

FAY = next(learner for learner in LEARNERS if learner.name == "Fay")


def test_ten_readers_who_differ():
    assert len(LEARNERS) == len({learner.name for learner in LEARNERS}) == 10
    assert {learner.guess for learner in LEARNERS} == set(learners.WAYS_TO_GUESS)
    assert {learner.own for learner in LEARNERS} == {True, False}
    assert {learner.breaks for learner in LEARNERS} == {"", "restart", "second day"}


@pytest.mark.parametrize("name", [*LESSONS, *(path.stem for path in deeper_files())])
def test_each_plan_runs_each_cell_and_can_be_printed(name):
    cells = learners.code_cells(name)
    for learner in LEARNERS:
        steps = plan(learner, name)
        ran = [step.cell for step in steps if step.action == "run"]
        assert set(ran) == set(range(len(cells))) and steps == plan(learner, name)
        first = list(dict.fromkeys(ran))
        assert first == sorted(first), "no cell runs before the one above it"
        assert len(learners.described(learner, name)) == len(steps)


def test_each_value_of_a_turn_is_tried_by_somebody():
    for name in SECOND_EDITION:
        tried = {(s.cell, repr(s.value)) for learner in LEARNERS for s in plan(learner, name) if s.action == "run"}
        for k, cell in enumerate(learners.code_cells(name)):
            ends = [repr(cell.metadata["try"][end]) for end in (0, -1)] if "try" in cell.metadata else []
            assert {(k, value) for value in ends} <= tried, f"{name}, {cell.id}"


@pytest.mark.parametrize("name", SECOND_EDITION)
def test_each_product_stands_in_the_header(name):
    """Its words are those of the row "You will produce", and each file that the row names is looked for."""
    head = nbformat.read(notebook_path(name), as_version=4).cells[1].source
    row = next(line for line in head.splitlines() if "You will produce" in line)
    product = read_products()[name]
    assert product["says"] and all(words in row for words in product["says"])
    named = {part for part in row.split("`")[1::2] if part.startswith("work/")}
    assert named and named <= set(product["files"]) and "assert " in product["check"]
    assert all(part in "".join(product["says"]) for part in named)
    assert set(product.get("pictures", ())) <= {cell.id for cell in learners.code_cells(name)}


def test_products_are_those_of_lessons():
    assert set(read_products()) == set(SECOND_EDITION)


@pytest.mark.parametrize("name", read_learned())
def test_the_record_is_that_of_today(name):
    """`python -m tests.benchmarks.learners NN` makes it, after a cell has come or gone."""
    entry = read_learned()[name]
    assert entry["cells"] == [cell.id for cell in learners.code_cells(name)]
    rows = entry["learners"]
    assert len({row["learner"] for row in rows}) == len(rows) >= 1
    assert [row for row in rows if row["outcome"] != "reached"] == []
    for row in rows:
        learner = next(learner for learner in LEARNERS if learner.name == row["learner"])
        assert row["date"] and row["processor"]
        assert row["command"].startswith("python -m tests.benchmarks.learners")
        assert row["cells"] == sum(step.action == "run" for step in plan(learner, name))


def test_somebody_has_read_each_lesson_of_part_1():
    """How many of the ten have is in notebooks/README.md."""
    assert {name for name in SECOND_EDITION if name < "05"} <= set(read_learned())


def test_what_the_page_of_numbers_says():
    record = {"a": {"learners": [{"outcome": "reached"}, {"outcome": "01-02, run: NameError: name 'x'"}]}}
    assert learners_of("a", record) == "1 of 2" and learners_of("b", record) == ""


@pytest.mark.slow
def test_a_reader_without_an_own_model_reads_lesson_03(tmp_path):
    """The quickest lesson, by one who types words instead of numbers; all ten are in tests/tools/learners.json."""
    name = "03_run_the_interpreter"
    runs, outcome = Reading(FAY, name, command.prepare_folder(tmp_path, FAY, name, None)).outcome()
    assert outcome == "reached" and runs == len(learners.code_cells(name))


QUESTION = "How many times smaller?"
ASK = f'from tflite_course.lesson import explore, guess, reveal\nguess("{QUESTION}", unit="times")'
ANSWER = f'reveal("{QUESTION}", 3.5)'
REVEAL = {"tags": ["reveal", "hide-output"]}
DRAW = (
    "import matplotlib.pyplot as plt\n\ndef draw(bits):\n    return plt.figure(), f'{bits} bits'\n\n"
    "explore(draw, bits=[1, 2, 3])"
)
TURN = 'n = 2\nfrom pathlib import Path\nPath("work").mkdir(exist_ok=True)\nPath("work/n.txt").write_text(str(n))'
PAD = "from tflite_course.pad import DigitPad\nimport numpy as np\npad = DigitPad(lambda canvas: np.eye(10)[3])\n"
PAD += 'pad.with_controls({"three": pad.predict}, keep="work/my_digits.npz")'
CHECK = 'import pathlib\nassert int(pathlib.Path("work/n.txt").read_text()) == n, "another number was kept"'


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Return a function that writes a lesson of sources, lets a reader go through it, and returns what came out."""
    (tmp_path / "notebooks").mkdir()
    monkeypatch.setattr("tests.notebooks.lesson_kernel.ROOT", tmp_path)
    monkeypatch.setattr(learners, "notebook_path", lambda name: tmp_path / "notebooks" / f"{name}.ipynb")
    products = {"99_small": {"says": ["`work/n.txt`"], "files": ["work/n.txt"], "pictures": [], "check": CHECK}}
    monkeypatch.setattr(learners, "read_products", lambda: products)
    (tmp_path / "reader").mkdir()

    def go(learner, sources):
        cells = [new_markdown_cell("# 99")]
        for source in sources:
            metadata = {"tags": ["your-turn"], "try": [1, 9]} if source.startswith("n =") else {}
            metadata = REVEAL if source.startswith("reveal") else metadata
            cells.append(new_code_cell(source, id=f"c{len(cells)}", metadata=metadata))
        nbformat.write(new_notebook(cells=cells), tmp_path / "notebooks" / "99_small.ipynb")
        return Reading(learner, "99_small", tmp_path / "reader").outcome()

    go.folder = tmp_path / "reader"
    return go


def test_a_reader_types_moves_draws_and_keeps(read):
    """Through the messages of a browser; after a second day all is there, in the field too."""
    learner = Learner("Kim", "in words, then a number", "any value, then back", breaks="second day", late=True)
    runs, outcome = read(learner, [ASK, ANSWER, DRAW, TURN, PAD, "print(n)"])
    assert (outcome, runs) == ("reached", 12)  # the turn twice, and five cells again
    [entry] = read_guesses(read.folder / GUESSES)
    assert entry["question"] == QUESTION and 2 <= entry["guess"] <= 98 and entry["value"] == 3.5


BROKEN = {
    "c2, run: NameError: name 'm' is not defined": ["n = 2", "print(m)", TURN],
    "c1, run with 9: ZeroDivisionError": ["n = 3\nprint(1 / (n - 9))", TURN],
    "c1, it warns: ": ['import warnings\nwarnings.warn("old")', TURN],
    "the product work/n.txt is missing": ["print(1)"],
    "the product is not as promised: AssertionError: another number": [TURN, "n = 'x'\nn = 77"],
    "c3, the answer has no two lines": [ASK, TURN, "reveal = print\nreveal(1)"],
    "c1, position 59 of a slider says 'This position cannot be drawn": [
        "from tflite_course.lesson import explore\nimport matplotlib.pyplot as plt\n\n\ndef draw(bits):\n"
        "    return plt.figure(), f'{1 / (bits - 60)}'\n\n\nexplore(draw, bits=range(1, 61))",
        TURN,
    ],
    "the guess 55 for 'How many times smaller?' is lost": [
        ASK,
        'import pathlib\npathlib.Path("work/guesses.json").unlink()',
        TURN,
    ],
    "kept were [": [PAD, 'import pathlib\npathlib.Path("work/my_digits.npz").unlink()', TURN],
}


@pytest.mark.parametrize("sentence", BROKEN)
def test_a_defect_of_a_page_fails_its_reader(read, sentence):
    learner = Learner("Kim", "a number", "the last value")
    outcome = read(learner, BROKEN[sentence])[1]
    words = sentence.split("55")
    assert outcome != "reached" and all(part in outcome for part in words), outcome


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("'a few' is not a number: type digits, for example 4 or 0.5.", True),
        ("None of these: draw one digit from 0 to 9.", True),
        ("KeyError: 'x'", False),
        ("The file is damaged. Look into /tmp/x/y.", False),
        ("could not read it", False),
        ("Something failed", False),
    ],
)
def test_what_a_clear_sentence_is(text, good):
    if good:
        learners.look_at_sentence(text, "it")
    else:
        with pytest.raises(learners.Failed, match="it is answered by"):
            learners.look_at_sentence(text, "it")


def test_the_record_takes_a_row_and_forgets_those_of_other_cells(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "LEARNED", tmp_path / "learners.json")
    monkeypatch.setattr("tests.tools.minutes.LEARNED", tmp_path / "learners.json")
    name = "03_run_the_interpreter"
    for learner, outcome in (("Jo", "no"), ("Ada", "reached"), ("Jo", "reached")):
        command.store(name, {"learner": learner, "cells": 1, "outcome": outcome})
    entry = read_learned()[name]
    assert [(row["learner"], row["outcome"]) for row in entry["learners"]] == [("Ada", "reached"), ("Jo", "reached")]
    cells = learners.code_cells(name)[1:]
    monkeypatch.setattr(command, "code_cells", lambda name: cells)
    command.store(name, {"learner": "Ben", "cells": 1, "outcome": "reached"})
    assert [row["learner"] for row in read_learned()[name]["learners"]] == ["Ben"]


def test_the_command_refuses_what_is_not_there(monkeypatch, capsys):
    for arguments, sentence in ((["77"], "There is no lesson 77."), (["03", "--learner", "11"], "learners 1 to 10")):
        monkeypatch.setattr("sys.argv", ["learners", *arguments])
        with pytest.raises(SystemExit, match=sentence):
            command.main()
    monkeypatch.setattr("sys.argv", ["learners", "03", "--learner", "3", "--plan"])
    with pytest.raises(SystemExit):
        command.main()
    printed = capsys.readouterr().out
    assert printed.startswith("3. Chi, 03_run_the_interpreter") and "types 'about " in printed


def test_steps_that_follow_a_break_run_what_stands_in_the_cells():
    learner = Learner("Kim", "a number", "the first value", breaks="restart")
    steps = plan(learner, "03_run_the_interpreter")
    place = next(i for i, step in enumerate(steps) if step.action == "restart")
    last = steps[place].cell
    again = steps[place + 1 : place + 2 + last]
    assert [step.cell for step in again] == list(range(last + 1))
    assert set(again) == {step for step in steps[:place] if isinstance(step, Step) and step.action == "run"}
