"""How many minutes a lesson takes, by one formula; what the second edition of a lesson has to have; and its scores.

python -m tests.tools.minutes                 minutes, cells, figures, guesses and turns of each lesson
python -m tests.tools.minutes --write         the same as a table, into notebooks/README.md
"""

import ast
import json
import re
import sys
from pathlib import Path

import nbformat

from tests import ROOT
from tests.notebooks.conditions import of_notebook
from tests.tools.lessons import deeper_files, lesson_files, number_of

# What is read in a minute, and what takes its time: LESSON's formula.
WORDS, CODE_LINES, OUTPUT_LINES = 110, 12, 20
PICTURE, CELL, TURN = 5 / 60, 5 / 60, 2
MOST_CELLS, MOST_MINUTES, MOST_GUESSES, FEWEST_TURNS, MOST_ASSERTS = 70, 45, 4, 4, 3
FEWEST_FIGURES, FEWEST_DIAGRAMS, FEWEST_EXPLORABLES = 6, 2, 1
FIRST_RESULT, SETUP_LINES, COLUMNS = 8, 3, 79
PICTURE_IN_TEXT = re.compile(r"!\[[^\]]*\]\(([^)]*)\)|<img\b")
# Lessons that keep to the rules below; the others are of the first edition.
SECOND_EDITION = (
    "01_train_mnist",
    "02_convert",
    "03_run_the_interpreter",
    "04_draw_digits",
    "05_post_training_quantization",
    "06_quantization_aware_training",
    "07_pruning",
    "08_weight_clustering",
    "09_combine_and_redesign",
)


def count(notebook):
    """Return what there is in a notebook, {name: number}: what the formula and the rules count."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    outputs = [output for cell in code for output in cell.outputs]
    diagrams = [match for match in PICTURE_IN_TEXT.finditer(prose) if ".svg" in (match[1] or "")]
    ours = any("tflite_course.lesson import" in cell.source for cell in code)  # a lesson may have a guess() of its own
    plots = sum("image/png" in output.get("data", {}) for output in outputs)
    return {
        "cells": len(notebook.cells),
        "words": len(re.sub(r"```.*?```|\]\([^)]*\)", " ", prose, flags=re.S).split()),
        "code lines": sum(bool(line.strip()) for cell in code for line in cell.source.splitlines()),
        "output lines": sum(len(text_of(output).splitlines()) for output in outputs),
        "figures": plots + len(PICTURE_IN_TEXT.findall(prose)),
        "diagrams": len(diagrams),
        "guesses": sum(calls(cell.source, "guess") for cell in code) if ours else 0,
        "turns": sum("your-turn" in cell.metadata.get("tags", []) for cell in code),
        "explorables": sum(calls(cell.source, "explore") for cell in code),
        "asserts": len(of_notebook(notebook)),
    }


def text_of(output):
    """Return what a reader reads of an output: not the words that stand for a picture."""
    data = output.get("data", {})
    return output.get("text", "") if not data or "image/png" in data else data.get("text/plain", "")


def calls(source, name):
    """Return how often a function is called by its bare name in a source."""
    nodes = ast.walk(ast.parse(source))
    return sum(isinstance(node, ast.Call) and getattr(node.func, "id", None) == name for node in nodes)


def minutes(notebook):
    """Return the minutes that a lesson takes, a whole number."""
    found = count(notebook)
    reading = found["words"] / WORDS + found["code lines"] / CODE_LINES + found["output lines"] / OUTPUT_LINES
    return round(reading + found["figures"] * PICTURE + found["cells"] * CELL + found["turns"] * TURN)


def broken_rules(notebook):
    """Return what a lesson of the second edition must not have, or lacks: one sentence each, [] when all is right."""
    found, code = count(notebook), [cell for cell in notebook.cells if cell.cell_type == "code"]
    head = "\n".join(cell.source for cell in notebook.cells[:3] if cell.cell_type == "markdown")
    stated = re.search(r"\*\*Time\*\* \| (\d+) minutes", head)
    early = [cell for cell in notebook.cells[:FIRST_RESULT] if cell.cell_type == "code"][1:]
    wide = [cell.id for cell in code if any(len(line) > COLUMNS for line in cell.source.splitlines())]
    booleans = sum(len(re.findall(r"\b(True|False)$", text_of(o), re.M)) for cell in code for o in cell.outputs)
    rules = {
        f"{found['cells']} cells, {MOST_CELLS} are the most": found["cells"] <= MOST_CELLS,
        f"{minutes(notebook)} minutes, {MOST_MINUTES} are the most": minutes(notebook) <= MOST_MINUTES,
        f"the header says {stated and stated[1]} minutes, the formula {minutes(notebook)}": bool(stated)
        and int(stated[1]) == minutes(notebook),
        f"no result within the first {FIRST_RESULT} cells": any(cell.outputs for cell in early),
        f"the set-up has more than {SETUP_LINES} lines that are seen": _visible_lines(code[0]) <= SETUP_LINES,
        f"{found['guesses']} guesses, {MOST_GUESSES} are the most": found["guesses"] <= MOST_GUESSES,
        f"{found['turns']} turns, {FEWEST_TURNS} are the fewest": found["turns"] >= FEWEST_TURNS,
        f"{found['figures']} figures, {FEWEST_FIGURES} are the fewest": found["figures"] >= FEWEST_FIGURES,
        f"{found['diagrams']} drawn diagrams, {FEWEST_DIAGRAMS} are the fewest": found["diagrams"] >= FEWEST_DIAGRAMS,
        "no interactive figure": found["explorables"] >= FEWEST_EXPLORABLES,
        f"{found['asserts']} asserts are seen, {MOST_ASSERTS} are the most": found["asserts"] <= MOST_ASSERTS,
        f"code of more than {COLUMNS} columns in {', '.join(wide)}": not wide,
        f"{booleans} lines end with True or False": not booleans,
    }
    return [sentence for sentence, holds in rules.items() if not holds]


def _visible_lines(cell):
    """Return the lines of a code cell that a reader sees: none of a folded one."""
    if cell.metadata.get("jupyter", {}).get("source_hidden"):
        return 0
    return sum(bool(line.strip()) for line in cell.source.splitlines())


def wrong_reveals(notebook):
    """Return what is wrong with the reveals of a notebook, of any edition: one sentence each."""
    asked, wrong, texts = set(), [], {}
    for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
        tree = ast.parse(cell.source)
        for node in ast.walk(tree):  # question = "..."
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                texts[ast.unparse(node.targets[0])] = node.value.value
        for node in (node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args):
            name, first = getattr(node.func, "id", None), node.args[0]
            question = first.value if isinstance(first, ast.Constant) else texts.get(ast.unparse(first))
            if name == "guess":
                asked.add(question)
            if name != "reveal":
                continue
            if question not in asked:
                wrong.append(f"{cell.id}: nobody was asked {question!r} before")
            if not cell.metadata.get("jupyter", {}).get("outputs_hidden"):
                wrong.append(f"{cell.id}: the answer is seen before the cell is run (metadata outputs_hidden)")
            said = "".join(output.get("text", "") for output in cell.outputs).splitlines()
            if said and said[0] != question:
                wrong.append(
                    f"{cell.id}: a hidden output shows its first line: it must be the question, not {said[0]!r}"
                )
            if not {"reveal", "hide-output"} <= set(cell.metadata.get("tags", [])):
                wrong.append(f"{cell.id}: the tags reveal and hide-output are missing")
    return wrong


RUBRIC = Path(__file__).with_name("rubric.json")  # the criteria, and one entry for each lesson of the second edition
LEARNED = Path(__file__).with_name("learners.json")  # who reached the product: tests/benchmarks/learners.py
LEVELS = ("all", "partly", "none")  # of what a criterion asks for


def read_rubric():
    """Return {"criteria": [{"id", "name", "of", "all", "partly"}], "lessons": {name: {"scores", "weakest"}}}."""
    return json.loads(RUBRIC.read_text(encoding="utf-8"))


def read_learned():
    """Return {lesson: {"cells": [ids], "learners": [rows]}}.

    A row has "learner", a name; "cells", how many were run; "outcome": "reached", or what went wrong; "date",
    "processor" and "command".
    """
    return json.loads(LEARNED.read_text(encoding="utf-8")) if LEARNED.is_file() else {}


def learners_of(name, record):
    """Return "9 of 10" for the readers of a lesson who reached the product; "" when none has read it."""
    rows = record.get(name, {}).get("learners", [])
    return f"{sum(row['outcome'] == 'reached' for row in rows)} of {len(rows)}" if rows else ""


def wrong_scores(rubric, lessons):
    """Return what is missing or wrong in the scores of these lessons: one sentence each, [] when all is there."""
    wrong, ids = [], [criterion["id"] for criterion in rubric["criteria"]]
    for name in lessons:
        entry = rubric["lessons"].get(name)
        if entry is None:
            wrong.append(f"{name} has no entry in {RUBRIC.name}: read it as a stranger, and score each criterion")
            continue
        scores = entry.get("scores", {})
        wrong += [f"{name} has no score of '{one}'" for one in ids if one not in scores]
        wrong += [f"{name} has a score of '{one}', which is not a criterion" for one in scores if one not in ids]
        wrong += [f"{name}: '{s}' for '{one}' is not one of {LEVELS}" for one, s in scores.items() if s not in LEVELS]
        if not re.fullmatch(r"[A-Z][^.]+\.", entry.get("weakest", "")):
            wrong.append(f"{name}: the weakest point is one sentence")
    return wrong + [
        f"{name} is not a lesson of the second edition" for name in rubric["lessons"] if name not in lessons
    ]


SCORES = """
## How good they are

Each lesson of the second edition was read from top to bottom as by somebody who does not know it, and scored once, by
the course itself; no teacher from outside has done so yet. The first three criteria are from the rubric of EPFL: Cécile
Hardebolle and Aditi Kothiyal, *Jupyter Notebooks for Teaching and Learning Rubric*, CC BY 4.0,
<https://go.epfl.ch/notebook-rubric>, in our words. **Its other criteria are not scored yet.** The criteria after them
are the course's own, on the same three levels: **all** of what is asked for, **partly**, or **none** of it.
"""


def scores_page(rubric):
    """Return the part of notebooks/README.md with the criteria, the scores and the weakest point of each lesson."""
    lines = ["| criterion | all | partly |", "|---|---|---|"]
    for criterion in rubric["criteria"]:
        lines.append(f"| {criterion['name']} | {criterion['all']} | {criterion['partly']} |")
    names = [criterion["name"] for criterion in rubric["criteria"]]
    lines += ["", f"| lesson | {' | '.join(names)} |", "|---|" + "---|" * len(names)]
    for lesson, entry in sorted(rubric["lessons"].items()):
        scores = [entry["scores"][criterion["id"]] for criterion in rubric["criteria"]]
        lines.append(f"| [{lesson}]({lesson}.ipynb) | {' | '.join(scores)} |")
    lines += ["", "The weakest point of each:", ""]
    lines += [f"- **{lesson}**: {entry['weakest']}" for lesson, entry in sorted(rubric["lessons"].items())]
    return SCORES + "\n" + "\n".join(lines) + "\n"


NAMES = ("cells", "figures", "diagrams", "guesses", "turns", "explorables", "asserts")
OVERVIEW = ROOT / "notebooks" / "README.md"
HEAD = """# The lessons in numbers

`python -m tests.tools.minutes --write` writes this page. **Minutes** are computed: 110 words, 12 lines of code and 20
lines of output a minute, 5 s for a cell and 5 s for a picture, 2 minutes for a cell of **Your turn**. **Turns** are
those cells, **explorables** are figures with sliders, **asserts** are those that a reader sees; the other conditions of
the regression run out of sight. **Learners** are scripted first-time readers who guess, change, draw and restart as the
page invites, and reached what the header promises (`python -m tests.benchmarks.learners --plan` prints what they do; no
person is among them). A lesson of the second edition has at most 70 cells and 45 minutes; what is more stands
in `deeper/`.
"""


def rows():
    """Yield (lesson, its numbers) of every lesson and of what goes deeper."""
    for path in [*lesson_files(), *deeper_files()]:
        notebook = nbformat.read(path, as_version=4)
        found = count(notebook)
        yield path, [minutes(notebook), *(found[name] for name in NAMES)]


def overview():
    """Return notebooks/README.md."""
    names, record = ("minutes", *NAMES, "learners"), read_learned()
    lines = [f"| notebook | edition | {' | '.join(names)} |", "|---|---|" + "---:|" * len(names)]
    for path, numbers in rows():
        place = path.relative_to(OVERVIEW.parent).as_posix()
        edition = "deeper" if "/" in place else "second" if path.stem in SECOND_EDITION else "first"
        numbers.append(learners_of(path.stem, record))
        lines.append(f"| [{path.stem}]({place}) | {edition} | {' | '.join(map(str, numbers))} |")
    return HEAD + "\n" + "\n".join(lines) + "\n" + scores_page(read_rubric())


def main():
    if "--write" in sys.argv[1:]:
        OVERVIEW.write_text(overview(), encoding="utf-8")
        return
    print(f"{'lesson':32} minutes  " + "  ".join(NAMES))
    for path, (time, *numbers) in rows():
        print(
            f"{path.stem:32} {time:7}  " + "  ".join(f"{n:{len(name)}}" for n, name in zip(numbers, NAMES, strict=True))
        )
    print(f"second edition: {', '.join(str(number_of(name)) for name in SECOND_EDITION) or 'none yet'}")


if __name__ == "__main__":
    main()
