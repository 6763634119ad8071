"""Three hundred ways in which a submission changes on its way: none stops the class, none costs points.

Each case is drawn from a seed: a lab, right or right in part, and one to three mutations. Honest mutations (cells that
are split, merged, copied, retyped, moved or pasted, lost metadata, other encodings and formats) must leave every answer
in force at its check; damaged bytes must leave a notebook that can be graded, or one sentence.
"""

import ast
import copy
import csv
import functools
import itertools
import json
import random
import subprocess
import sys
import zipfile

import nbformat
import pytest

from tests import ROOT
from tests.grading.submissions import need_sandbox
from tflite_course.errors import CourseError
from tflite_course.grading import pieces, read, repair
from tflite_course.grading.pieces import grade_id, is_answer

CASES = 300
LABS = ("lab_9_microcontroller", "lab_7_linux_program", "lab_3_quantize", "lab_10_gestures", "lab_8_browser", "journal")
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@functools.cache
def _load(kind, lab):
    return nbformat.read(ROOT / kind / lab / f"{lab}.ipynb", as_version=4)


def load(kind, lab):
    return copy.deepcopy(_load(kind, lab))


def lab_of(notebook):
    """Return the lab that a notebook is, by its title."""
    return next(lab for lab in LABS if load("labs", lab).cells[0].source == notebook.cells[0].source)


def handed_in(lab, rng):
    """Return a submission: the released lab with right answers, some of them left open or wrong."""
    notebook, solved = load("labs", lab), {grade_id(c): c.source for c in load("solutions", lab).cells if grade_id(c)}
    for cell in notebook.cells:
        if is_answer(cell):
            roll = rng.random()
            if roll > 0.2 or cell.cell_type == "markdown":
                cell.source = solved[grade_id(cell)]
            elif roll > 0.1 and "return " in solved[grade_id(cell)]:
                cell.source = solved[grade_id(cell)].replace("return ", "return None and ")
    return notebook


# --- mutations of cells: each changes the notebook in place


def answers(notebook, kind=None):
    return [k for k, c in enumerate(notebook.cells) if is_answer(c) and kind in (None, c.cell_type)]


def split(notebook, rng):
    """Split a cell between two lines, as an editor does: both halves have the metadata, or the second has none."""
    k = rng.choice(answers(notebook))
    lines = notebook.cells[k].source.split("\n")
    if len(lines) < 2:
        return
    at = rng.randrange(1, len(lines))
    second = copy.deepcopy(notebook.cells[k])
    notebook.cells[k].source, second.source = "\n".join(lines[:at]), "\n".join(lines[at:])
    second["id"] = f"half-{k}-{rng.randrange(10**6)}"
    if notebook.cells[k].cell_type == "code" and rng.random() < 0.5:
        second.metadata = nbformat.NotebookNode()
    notebook.cells.insert(k + 1, second)


def merge(notebook, rng):
    """Merge two to four cells of one type into the first."""
    k = rng.randrange(3, len(notebook.cells) - 1)
    first, length = notebook.cells[k], rng.randrange(2, 5)
    while len(notebook.cells) > k + 1 and length > 1 and notebook.cells[k + 1].cell_type == first.cell_type:
        first.source += "\n\n" + notebook.cells.pop(k + 1).source
        length -= 1


def copy_cell(notebook, rng):
    """Copy a cell with its metadata, behind itself; the copy of an answer may be the unanswered one."""
    k = rng.randrange(3, len(notebook.cells))
    twin = copy.deepcopy(notebook.cells[k])
    twin["id"] = rng.choice([twin["id"], f"copy-{rng.randrange(10**6)}"])
    if is_answer(twin) and rng.random() < 0.5:
        lab = lab_of(notebook)
        twin.source = next(c.source for c in load("labs", lab).cells if grade_id(c) == grade_id(twin))
    notebook.cells.insert(k + rng.randrange(2), twin)


def retype(notebook, rng):
    """Make another type of a cell of the lab."""
    k = rng.randrange(3, len(notebook.cells))
    cell = notebook.cells[k]
    make = {"code": nbformat.v4.new_markdown_cell, "markdown": nbformat.v4.new_raw_cell, "raw": None}[cell.cell_type]
    if rng.random() < 0.5 and cell.cell_type == "markdown":
        make = nbformat.v4.new_code_cell
    if make:
        notebook.cells[k] = make(cell.source, id=cell["id"], metadata=cell.metadata)


def move(notebook, rng):
    """Move a cell of the lab to another place."""
    k = rng.randrange(3, len(notebook.cells))
    notebook.cells.insert(rng.randrange(3, len(notebook.cells)), notebook.cells.pop(k))


def paste(notebook, rng):
    """Paste cells of code of another lab behind everything, with metadata and ids: set-up, answers or checks."""
    lab = lab_of(notebook)
    other = load("solutions", rng.choice([other for other in LABS if other not in (lab, "journal")]))
    notebook.cells += rng.sample([cell for cell in other.cells if cell.cell_type == "code"], 2)


def lose_metadata(notebook, rng):
    for cell in notebook.cells:
        if rng.random() < 0.7:
            cell.metadata = rng.choice([nbformat.NotebookNode(), nbformat.from_dict({"nbgrader": {}}), cell.metadata])


def lose_ids(notebook, rng):
    for number, cell in enumerate(notebook.cells):
        cell["id"] = rng.choice(["#VSC-12", "same", f"new-{number}", cell["id"]])


def add_pictures(notebook, rng):
    for k in answers(notebook, "markdown"):
        notebook.cells[k]["attachments"] = {"image.png": {"image/png": PIXEL, "text/html": "<script>1</script>"}}
        notebook.cells[k].source += "\n\n![image.png](attachment:image.png)"


def add_own_cells(notebook, rng):
    for source in ("import numpy\nprint(numpy.pi)", "%matplotlib inline", "!ls", "1 / 0", "def unfinished(:"):
        notebook.cells.insert(rng.randrange(3, len(notebook.cells)), nbformat.v4.new_code_cell(source))
    notebook.cells.append(nbformat.v4.new_markdown_cell("half a letter \ud83d and \x00"))


def delete_checks(notebook, rng):
    keep = [c for c in notebook.cells if not grade_id(c) or is_answer(c) or rng.random() < 0.5]
    notebook.cells[:] = keep


def edit_checks(notebook, rng):
    for cell in notebook.cells:
        if grade_id(cell) and not is_answer(cell) and rng.random() < 0.5:
            cell.source = rng.choice(["3.0", cell.source + "\nprint(1)", "# " + cell.source])


def answer_elsewhere(notebook, rng):
    """Write an answer into the cell of the exercise before it, and delete its own."""
    places = answers(notebook, "code")
    if len(places) < 2:
        return
    n = rng.randrange(1, len(places))
    notebook.cells[places[n - 1]].source += "\n\n\n" + notebook.cells[places[n]].source
    del notebook.cells[places[n]]


def answers_in_one_cell(notebook, rng):
    """Write all answers into one own cell at the top or the end; the cells of the lab stay as they were released."""
    lab = lab_of(notebook)
    stubs = {grade_id(c): c.source for c in load("labs", lab).cells if grade_id(c)}
    places = answers(notebook, "code")
    whole = "\n\n\n".join(notebook.cells[k].source for k in places)
    for k in places:
        notebook.cells[k].source = stubs[grade_id(notebook.cells[k])]
    place = places[0] if places and rng.random() < 0.5 else len(notebook.cells)
    notebook.cells.insert(place, nbformat.v4.new_code_cell(whole))


OF_CELLS = [split, merge, copy_cell, retype, move, paste, lose_metadata, lose_ids, add_pictures, add_own_cells]
OF_CELLS += [delete_checks, edit_checks, answer_elsewhere, answers_in_one_cell]


# --- mutations of files: each returns bytes


def as_json(notebook):
    return json.loads(json.dumps(notebook))


def encode(notebook, rng):
    text = json.dumps(as_json(notebook), ensure_ascii=rng.random() < 0.5, indent=rng.choice([None, 1, 4]))
    if rng.random() < 0.3:
        text = text.replace("\n", "\r\n")
    return text.encode(rng.choice(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"]), "surrogatepass")


def reformat(notebook, rng):
    data = as_json(notebook)
    for cell in data["cells"]:
        if rng.random() < 0.5:
            cell["source"] = cell["source"].splitlines(keepends=True)
        if cell["cell_type"] == "code":
            cell["outputs"] = rng.choice([None, [], [{"output_type": "stream", "text": None}], [[1]]])
            cell["execution_count"] = rng.choice([None, "*", float("nan")])
    if rng.random() < 0.5:
        for cell in data["cells"]:
            if cell["cell_type"] == "code":
                cell["input"] = cell.pop("source")
            cell.pop("id", None)
        data = {"nbformat": 3, "metadata": None, "worksheets": [{"cells": data["cells"]}, None, {"cells": []}]}
    return json.dumps(data).encode()


def add_garbage(notebook, rng):
    return rng.choice([b"\xef\xbb\xbf", b"", b"\n\n"]) + encode_plain(notebook) + rng.choice([b"\n}", b"\0" * 99, b"x"])


def encode_plain(notebook):
    return json.dumps(as_json(notebook), indent=1, sort_keys=True).encode()


def flip_bytes(notebook, rng):
    content = bytearray(encode_plain(notebook))
    for _ in range(rng.randrange(1, 8)):
        content[rng.randrange(len(content))] = rng.randrange(256)
    return bytes(content)


def cut(notebook, rng):
    content = encode_plain(notebook)
    return content[: rng.randrange(len(content))]


def lose_a_part(notebook, rng):
    content = encode_plain(notebook)
    start = rng.randrange(len(content))
    return content[:start] + content[start + rng.randrange(1, 4000) :]


HONEST_FILES = [encode, reformat, add_garbage, lambda notebook, rng: encode_plain(notebook)]
DAMAGE = [flip_bytes, cut, lose_a_part]


def make_case(seed):
    """Return (lab, the submission, its file after the mutations, whether they were honest, their names)."""
    rng = random.Random(seed)
    lab = rng.choice(LABS)
    original = handed_in(lab, rng)
    notebook, names = copy.deepcopy(original), []
    honest = seed % 4 != 0
    chosen = rng.sample(OF_CELLS, rng.choice([1, 1, 1, 2])) if honest or rng.random() < 0.3 else []
    for mutate in sorted(chosen, key=lambda mutate: mutate not in (answer_elsewhere, answers_in_one_cell)):
        mutate(notebook, rng)
        names.append(mutate.__name__)
    write = rng.choice(HONEST_FILES if honest else DAMAGE)
    return lab, original, write(notebook, rng), honest, [*names, write.__name__]


# --- what has to hold


def in_force(notebook, released):
    """Return {check: {name: the definition that is in force there}} of the names that the check asks for, and texts."""
    found, state = {}, {}
    course = {cell.source.strip() for cell in released.cells if not is_answer(cell)}
    for cell in notebook.cells:
        name = grade_id(cell)
        if cell.cell_type == "code" and name and not is_answer(cell):
            asked = {node.id for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name)} - {"check"}
            found[name] = {key: state.get(key) for key in sorted(asked)}
        elif cell.cell_type == "code" and cell.source.strip() not in course:
            tree = pieces.parse(cell.source)
            for node in tree.body if tree else ():
                for key in pieces.defined(ast.unparse(node)):
                    state[key] = ast.dump(node)
    return found


def texts(notebook):
    return {grade_id(c): c.source for c in notebook.cells if is_answer(c) and c.cell_type == "markdown"}


def graded(notebook):
    return [grade_id(c) for c in notebook.cells if grade_id(c) and not (is_answer(c) and c.cell_type == "code")]


@pytest.mark.parametrize("seed", range(CASES))
def test_a_mutation_costs_nothing(seed):
    lab, original, content, honest, names = make_case(seed)
    released = load("labs", lab)
    try:
        found, notes = read.read(content)
    except CourseError as error:
        assert not honest and "\n" not in str(error), names
        return
    fixed, more = repair.repair(found, released)
    nbformat.validate(fixed)
    nbformat.writes(fixed).encode("utf-8")
    assert graded(fixed) == graded(released), names
    assert len({cell.id for cell in fixed.cells}) == len(fixed.cells)
    assert all(cell.metadata in ({}, *(c.metadata for c in released.cells)) for cell in fixed.cells)
    assert all("\n" not in note and note.endswith(".") for note in notes + more)
    if honest:
        assert in_force(fixed, released) == in_force(original, released), (names, notes + more)
        for name, text in texts(original).items():
            assert set(text.split()) <= set(texts(fixed)[name].split()), (names, name)
        for cell in fixed.cells:  # the course's own cells are whole again
            if grade_id(cell) and not is_answer(cell):
                assert cell.source == next(c.source for c in released.cells if grade_id(c) == grade_id(cell))


def test_every_mutation_is_drawn():
    drawn = {name for seed in range(CASES) for name in make_case(seed)[4]}
    assert {mutate.__name__ for mutate in [*OF_CELLS, *HONEST_FILES, *DAMAGE]} <= drawn


# --- a class of them, to the end

RUN = (*LABS[:2], "journal")  # labs that run in seconds, and whose answers do not need each other
SAMPLE = 15  # submissions; `python -m tests.benchmarks.mutations` grades 300


def expected(lab, submission):
    """Return the points by checks of a submission: an answer is that of the solution, or it scores nothing.

    One that calls another answer scores only with that one: lab 9's dense() calls rescale().
    """
    solved = {grade_id(c): c.source for c in load("solutions", lab).cells if grade_id(c)}
    given = {grade_id(c): c.source for c in submission.cells if is_answer(c)}
    cells = [cell for cell in submission.cells if grade_id(cell) and not is_answer(cell)]
    points = {grade_id(cell): cell.metadata.nbgrader.get("points") for cell in cells}
    right = {name for name, source in given.items() if source == solved[name]}
    called = {name: {other for other in given if other != name and f"{other}(" in solved[name]} for name in right}
    return sum(points.get(f"check_{name}", 0) for name in right if called[name] <= right)


def draw_class(count):
    """Return {student: (lab, file, points or None when the file was damaged)}: neighbours, and so many mutations."""
    found = {}
    for lab in RUN:
        full = load("labs", lab)
        for cell in full.cells:
            if is_answer(cell):
                cell.source = next(c.source for c in load("solutions", lab).cells if grade_id(c) == grade_id(cell))
        found[f"neighbour-{lab.split('_')[-1]}"] = (lab, encode_plain(full), expected(lab, full))
    found["neighbour-idle"] = (LABS[0], encode_plain(load("labs", LABS[0])), 0)
    seeds = (seed for seed in range(100 * CASES) if random.Random(seed).choice(LABS) in RUN)  # as make_case chooses
    for seed in itertools.islice(seeds, count):
        lab, original, content, honest, _ = make_case(seed)
        found[f"s{seed}"] = (lab, content, expected(lab, original) if honest else None)
    return found


def hand_in(folder, drawn):
    """Write the files of a class, every third one in an archive, in folders that are nobody's."""
    for number, (student, (lab, content, _)) in enumerate(drawn.items()):
        place = folder / student
        place.mkdir(parents=True)
        if number % 3 == 0:
            with zipfile.ZipFile(place / "work.zip", "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(f"deep/er/{lab}.ipynb", content)
        else:
            (place / f"{lab}.ipynb").write_bytes(content)


def what_went_wrong(work, drawn):
    """Return sentences: who has no row, other points than the answers are worth, or no page."""
    rows, wrong = {}, []
    with open(work / "criteria.csv", encoding="utf-8-sig", newline="") as stream:
        for row in csv.DictReader(stream):
            rows.setdefault((row["student"], row["lab"]), []).append(row)
    for student, (lab, _, points) in drawn.items():
        mine = rows.get((student, lab), [])
        checked = sum(float(row["automatic"] or 0) for row in mine if row["criterion"].startswith("check_"))
        most = expected(lab, load("solutions", lab))
        if not mine or not 0 <= checked <= most or (points is not None and checked != points):
            wrong.append(f"{student} {lab}: {checked:g} points by checks in {len(mine)} rows, expected {points}")
        page = work / "feedback" / student / lab / f"{lab}.html"
        if not page.is_file() or "cannot be shown here" in page.read_text(encoding="utf-8"):
            wrong.append(f"{student} {lab}: no feedback page")
    return wrong


def grade_class(folder, drawn):
    """Hand in and grade a class with the command; return what it printed, and what went wrong."""
    hand_in(folder / "in", drawn)
    command = [sys.executable, "-m", "tflite_course.grading", folder / "in", "--work", folder / "work"]
    done = subprocess.run([*command, "--labs", *RUN, "--workers", "2", "--yes"], capture_output=True, text=True)
    said = done.stdout[-3000:] + done.stderr[-3000:]
    return said, what_went_wrong(folder / "work", drawn) if done.returncode == 0 else ["the command stopped"]


@pytest.mark.slow
def test_a_class_of_mutations_is_graded_to_the_end(tmp_path):
    need_sandbox()
    said, wrong = grade_class(tmp_path, draw_class(SAMPLE))
    assert wrong == [], said
