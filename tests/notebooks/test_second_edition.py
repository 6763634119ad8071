"""Minutes by the formula, and the rules of the second edition: for the lessons that are listed, and for small ones."""

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests import ROOT
from tests.notebooks.conditions import FOLDER
from tests.tools import minutes as rules
from tests.tools.lessons import LESSONS, deeper_files, lesson_files


@pytest.mark.parametrize("name", rules.SECOND_EDITION)
def test_a_lesson_of_the_second_edition_keeps_its_rules(name):
    assert rules.broken_rules(nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)) == []


def test_the_list_names_lessons():
    assert set(rules.SECOND_EDITION) <= set(LESSONS)


@pytest.mark.parametrize("path", [*lesson_files(), *deeper_files()], ids=lambda path: path.stem)
def test_an_answer_is_hidden_and_belongs_to_a_question(path):
    notebook = nbformat.read(path, as_version=4)
    assert rules.wrong_reveals(notebook) == []
    assert 0 < rules.minutes(notebook) < 240


OUT_OF_SIGHT = [path for path in [*lesson_files(), *deeper_files()] if (FOLDER / f"{path.stem}.py").exists()]


@pytest.mark.parametrize("path", OUT_OF_SIGHT, ids=lambda path: path.stem)
def test_conditions_stay_out_of_sight_and_numbers_stand_for_booleans(path):
    """Also in a lesson of the first edition, once its conditions have moved."""
    notebook = nbformat.read(path, as_version=4)
    assert rules.count(notebook)["asserts"] <= rules.MOST_ASSERTS
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    said = {cell.id: "".join(rules.text_of(output) for output in cell.outputs).split() for cell in code}
    assert [cell_id for cell_id, words in said.items() if words and set(words) <= {"True", "False"}] == []


@pytest.mark.parametrize("path", lesson_files(), ids=lambda path: path.stem)
def test_header_and_readme_say_the_computed_minutes(path):
    notebook = nbformat.read(path, as_version=4)
    head = "\n".join(cell.source for cell in notebook.cells[:3])
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    row = re.search(rf"\]\(notebooks/{path.name}\).*\| (\d+) \|$", readme, re.MULTILINE)
    assert re.search(r"\*\*Time\*\* \| (\d+) minutes", head)[1] == row[1] == str(rules.minutes(notebook))


def test_the_page_of_numbers_is_that_of_today():
    """`python -m tests.tools.minutes --write` writes it."""
    assert rules.OVERVIEW.read_text(encoding="utf-8") == rules.overview()


def test_each_lesson_of_the_second_edition_is_scored():
    """A new one needs its entry in tests/tools/rubric.json."""
    assert rules.wrong_scores(rules.read_rubric(), rules.SECOND_EDITION) == []


def scored():
    """Return a rubric of two criteria with one scored lesson."""
    criteria = [{"id": name, "name": name, "of": "course", "all": "A.", "partly": "P."} for name in ("clear", "short")]
    entry = {"scores": {"clear": "all", "short": "none"}, "weakest": "It is long."}
    return {"criteria": criteria, "lessons": {"01_a": entry}}


WRONG_SCORES = {
    "02_b has no entry": lambda rubric: None,
    "01_a has no score of 'short'": lambda rubric: rubric["lessons"]["01_a"]["scores"].pop("short"),
    "01_a has no score of 'new'": lambda rubric: rubric["criteria"].append(rubric["criteria"][0] | {"id": "new"}),
    "'nice', which is not a criterion": lambda rubric: rubric["lessons"]["01_a"]["scores"].update(nice="all"),
    "'good' for 'clear' is not one of": lambda rubric: rubric["lessons"]["01_a"]["scores"].update(clear="good"),
    "01_a: the weakest point is one sentence": lambda rubric: rubric["lessons"]["01_a"].update(weakest=""),
    "03_c is not a lesson of the second": lambda rubric: rubric["lessons"].update({"03_c": rubric["lessons"]["01_a"]}),
}


@pytest.mark.parametrize("sentence", WRONG_SCORES)
def test_a_missing_or_wrong_score_is_named(sentence):
    rubric = scored()
    WRONG_SCORES[sentence](rubric)
    lessons = ["01_a", "02_b"] if sentence.startswith("02_b") else ["01_a"]
    [found] = rules.wrong_scores(rubric, lessons)
    assert sentence in found


def test_the_scores_are_a_table_with_their_source():
    assert rules.wrong_scores(scored(), ["01_a"]) == []
    page = rules.scores_page(scored())
    assert "| [01_a](01_a.ipynb) | all | none |" in page and "- **01_a**: It is long." in page
    assert "Hardebolle" in page and "CC BY 4.0" in page and "https://go.epfl.ch/notebook-rubric" in page


def test_the_formula():
    picture = new_output("display_data", {"image/png": "", "text/plain": "Figure: " + "a line\n" * 100})
    lines = new_output("stream", text="line\n" * 40)  # 2 minutes
    cells = [
        new_markdown_cell("word " * 220 + "[a link](https://example.org/not/read)"),  # 222 words: 2.02 minutes
        new_code_cell("x = 1\n\n" * 24, outputs=[lines, picture]),  # 2 minutes and 5 s
        new_code_cell("y = 1", metadata={"tags": ["your-turn"]}),  # 2 minutes and 5 s
    ]
    assert rules.minutes(new_notebook(cells=cells)) == round(222 / 110 + 25 / 12 + 40 / 20 + 5 / 60 + 3 * 5 / 60 + 2)
    found = rules.count(new_notebook(cells=cells))
    assert (found["words"], found["code lines"], found["output lines"]) == (222, 25, 40)
    assert (found["figures"], found["turns"], found["cells"]) == (1, 1, 3)


def good_lesson():
    """Return the cells of a notebook that keeps all rules."""
    plot = [new_output("display_data", {"image/png": "", "text/plain": "Figure: a"})]
    svg = "![a drawing](../assets/figures/a.svg)"
    cells = [
        new_markdown_cell("# 01. Title"),
        new_markdown_cell("| **Time** | 0 minutes |"),
        new_code_cell("prepare()", id="setup"),
        new_code_cell("plot()", outputs=plot),
        new_markdown_cell(f"{svg}\n{svg}"),
        new_code_cell("explore(draw, bits=[1, 2])", outputs=plot),
        new_code_cell('from tflite_course.lesson import guess\n\nguess("How many?")'),
        *[new_code_cell("plot()", outputs=plot) for _ in range(2)],
        *[new_code_cell("n = 1", metadata={"tags": ["your-turn"], "try": [0, 9]}) for _ in range(4)],
    ]
    cells[1].source = f"| **Time** | {rules.minutes(new_notebook(cells=cells))} minutes |"
    return cells


def test_a_lesson_that_keeps_all_rules():
    assert rules.broken_rules(new_notebook(cells=good_lesson())) == []


BREAKS = {
    "71 cells": lambda cells: cells.extend(new_markdown_cell("") for _ in range(71 - len(cells))),
    "minutes, 45 are the most": lambda cells: cells.append(new_markdown_cell("word " * 5000)),
    "the header says 0 minutes": lambda cells: cells.__setitem__(1, new_markdown_cell("| **Time** | 0 minutes |")),
    "the header says None minutes": lambda cells: cells.__setitem__(1, new_markdown_cell("no time")),
    "no result within the first 8": lambda cells: [cell.update(outputs=[]) for cell in cells[3:8] if "outputs" in cell],
    "the set-up has more than 3": lambda cells: cells[2].update(source="a = 1\nb = 2\n\nc = 3\nprepare()"),
    "5 guesses": lambda cells: cells[6].update(source=cells[6].source + '\nguess("How many?")' * 4),
    "3 turns": lambda cells: cells.pop(),
    "5 figures": lambda cells: cells[7].update(outputs=[]),
    "1 drawn diagrams": lambda cells: cells[4].update(source="![a](a.svg)\n![b](b.png)"),
    "no interactive figure": lambda cells: cells[5].update(source="plot()"),
    "4 asserts": lambda cells: cells[6].update(source="assert a\nassert b\nassert c\nnp.testing.assert_allclose(a, b)"),
    "more than 79 columns in setup": lambda cells: cells[2].update(source="prepare()  # " + "x" * 70),
    "2 lines end with True or False": lambda cells: cells[6].update(
        outputs=[new_output("stream", text="same: True\nFalse\nTrue or not")]
    ),
}


@pytest.mark.parametrize("sentence", BREAKS)
def test_each_rule_is_noticed(sentence):
    cells = good_lesson()
    BREAKS[sentence](cells)
    assert any(sentence in broken for broken in rules.broken_rules(new_notebook(cells=cells)))


HIDDEN = {"jupyter": {"outputs_hidden": True}, "tags": ["reveal", "hide-output"]}


def test_a_hidden_output_does_not_begin_with_the_answer():
    for first, count in (("A?\n", 0), ("It is 3.\n", 1)):
        outputs = [new_output("stream", text=f"{first}measured: 3")]
        answer = new_code_cell('reveal("A?", 3)', metadata=HIDDEN, outputs=outputs)
        wrong = rules.wrong_reveals(new_notebook(cells=[new_code_cell('guess("A?")'), answer]))
        assert len(wrong) == count and all("shows its first line" in sentence for sentence in wrong)


@pytest.mark.parametrize(
    ("asked", "reveals", "metadata", "wrong"),
    [
        ('guess("A?", unit="x")', 'reveal("A?", 3)', HIDDEN, []),
        ('guess("A?")', 'q = "A?"\nreveal(q, 3)', HIDDEN, []),
        ('guess("A?")', 'reveal("B?", 3)', HIDDEN, ["nobody was asked 'B?' before"]),
        ('guess("A?")', 'reveal("A?", 3)', {}, ["the answer is seen before", "the tags reveal and hide-output"]),
    ],
)
def test_reveals_that_are_not_as_they_must_be(asked, reveals, metadata, wrong):
    found = rules.wrong_reveals(new_notebook(cells=[new_code_cell(asked), new_code_cell(reveals, metadata=metadata)]))
    assert len(found) == len(wrong) and all(part in sentence for part, sentence in zip(wrong, found, strict=True))
