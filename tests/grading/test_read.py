"""Reading: whatever a tool of the last ten years wrote, or what was left of it, becomes a clean notebook."""

import json

import nbformat
import pytest

from tests import ROOT
from tflite_course.errors import CourseError
from tflite_course.grading import outputs, read

LAB = "lab_9_microcontroller"
PATH = ROOT / "solutions" / LAB / f"{LAB}.ipynb"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture
def notebook():
    return nbformat.read(PATH, as_version=4)


def plain(notebook):
    return json.loads(nbformat.writes(notebook))


def contents(notebook):
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


def as_bytes(data, encoding="utf-8", **options):
    return json.dumps(data, ensure_ascii=False, **options).encode(encoding)


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "cp1252"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encodings(notebook, encoding):
    notebook.cells[3].source += " naïve café"
    found, notes = read.read(as_bytes(plain(notebook), encoding))
    assert contents(found) == contents(notebook)
    assert len(notes) == (not encoding.startswith("utf-8"))


def test_damaged_utf8_keeps_the_other_letters(notebook):
    notebook.cells[3].source += " naïve café, Ωmega"
    content = as_bytes(plain(notebook)).replace("Ω".encode(), b"\xce\xff")
    found, notes = read.read(content)
    assert "naïve café, \ufffd" in found.cells[3].source and "damaged" in notes[0]


@pytest.mark.parametrize("version", [2, 3, 4])
def test_older_formats(notebook, version):
    data = plain(notebook) | {"nbformat": version}
    if version < 4:
        for cell in data["cells"]:
            if cell["cell_type"] == "code":
                cell |= {"input": cell.pop("source"), "language": "python", "prompt_number": 3}
        data["cells"].append({"cell_type": "heading", "level": 2, "source": "A title", "metadata": {}})
        data["cells"].append({"cell_type": "html", "source": ["<b>x</b>"], "metadata": {}})
        data["worksheets"] = [{"cells": data.pop("cells")}]
    found, notes = read.read(as_bytes(data))
    older = [("markdown", "## A title"), ("markdown", "<b>x</b>")]
    assert contents(found) == contents(notebook) + older * (version < 4) and notes == []


def wrapped(notebook):
    data = plain(notebook)
    cells = data["cells"]
    code = {"markdown": 1, "code": 2}
    return {
        "contents API": {"name": "x.ipynb", "type": "notebook", "content": data},
        "Colab": {"ipynb": data},
        "a list": cells,
        "numbered": {"cells": {str(k): cell for k, cell in enumerate(cells)}},
        "VS Code": {"cells": [{"kind": code[c["cell_type"]], "value": c["source"]} for c in cells]},
        "two worksheets": {"nbformat": 3, "worksheets": [{"cells": cells[:9]}, {"cells": cells[9:]}]},
    }


@pytest.mark.parametrize("name", ["contents API", "Colab", "a list", "numbered", "VS Code", "two worksheets"])
def test_what_wraps_a_notebook(notebook, name):
    assert contents(read.read(as_bytes(wrapped(notebook)[name]))[0]) == contents(notebook)


SHAPES = {
    "no metadata": lambda cell: cell.pop("metadata"),
    "metadata null": lambda cell: cell.update(metadata=None),
    "metadata list": lambda cell: cell.update(metadata=[1, {"x": 2}]),
    "nbgrader empty": lambda cell: cell["metadata"].update(nbgrader={}),
    "nbgrader list": lambda cell: cell["metadata"].update(nbgrader=["x"]),
    "nbgrader version 1": lambda cell: cell["metadata"].update(nbgrader={"schema_version": 1, "grade": "yes"}),
    "grade_id number": lambda cell: cell["metadata"].update(nbgrader={"grade_id": 7, "schema_version": 99}),
    "no id": lambda cell: cell.pop("id"),
    "id null": lambda cell: cell.update(id=None),
    "id number": lambda cell: cell.update(id=3),
    "id of a foreign tool": lambda cell: cell.update(id="#VSC-1234abcd"),
    "id too long": lambda cell: cell.update(id="x" * 65),
    "id of all": lambda cell: cell.update(id="same"),
    "source as a list": lambda cell: cell.update(source=cell["source"].splitlines(keepends=True)),
    "source without breaks": lambda cell: cell.update(source=cell["source"].split("\n")),
    "source with CRLF": lambda cell: cell.update(source=cell["source"].replace("\n", "\r\n")),
    "source in lists": lambda cell: cell.update(source=[[cell["source"]], None, 3]),
    "type in capitals": lambda cell: cell.update(cell_type=cell["cell_type"].upper()),
    "no type": lambda cell: cell.pop("cell_type"),
    "outputs null": lambda cell: cell.update(outputs=None) if "outputs" in cell else None,
    "outputs of odd shapes": lambda cell: cell.update(outputs=ODD_OUTPUTS) if "outputs" in cell else None,
    "attachments list": lambda cell: cell.update(attachments=[1]),
    "attachments null": lambda cell: cell.update(attachments={"a": None, "b": {"image/png": 3}}),
    "execution times": lambda cell: cell["metadata"].update(execution={"iopub.execute_input": "x"}, collapsed="no"),
    "many more keys": lambda cell: cell.update(prompt_number="a", language=["r"], execution_count="*", trusted=1),
}
ODD_OUTPUTS = [
    None, "x", [], {}, {"output_type": "stream"}, {"output_type": "stream", "name": 3, "text": [None, "a"]},
    {"output_type": "display_data"}, {"output_type": "display_data", "data": [], "metadata": []},
    {"output_type": "execute_result", "data": {"text/plain": ["a", "b"], "image/png": {"x": 1}}, "metadata": None},
    {"output_type": "error"}, {"output_type": "pyout", "text": "x"}, {"output_type": 7},
    {"output_type": "display_data", "data": {"application/javascript": "alert(1)"}, "metadata": {}},
]  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_odd_shapes(notebook, name):
    data = plain(notebook)
    for cell in data["cells"]:
        cell["source"] = "".join(cell["source"])
        SHAPES[name](cell)
    found, _ = read.read(as_bytes(data))
    nbformat.validate(found)
    assert [source for _, source in contents(found)] == [source for _, source in contents(notebook)]
    assert contents(found) == contents(notebook)
    assert len({cell.id for cell in found.cells}) == len(found.cells)
    assert {key for cell in found.cells for key in cell.metadata} <= {"nbgrader"}


@pytest.mark.parametrize("metadata", [None, [], {"widgets": {"x": [1]}, "kernelspec": None}, {"celltoolbar": 3}])
def test_odd_metadata_of_the_notebook(notebook, metadata):
    data = plain(notebook) | {"metadata": metadata, "nbformat": "four", "nbformat_minor": None}
    assert contents(read.read(as_bytes(data))[0]) == contents(notebook)


def test_numbers_that_are_not_json(notebook):
    text = json.dumps(plain(notebook) | {"metadata": {"a": float("nan"), "b": float("-inf"), "c": 1}})
    found, _ = read.read(text.replace('"c": 1', '"c": ' + "9" * 5000))
    assert contents(found) == contents(notebook)


def test_halves_of_letters_and_zero_bytes(notebook):
    data = plain(notebook)
    data["cells"][3]["source"] = ["half \ud83d, zero \x00, whole \U0001f600"]
    found, notes = read.read(json.dumps(data))
    assert found.cells[3].source == "half \ufffd, zero , whole \U0001f600"
    assert any("halves of letters" in note for note in notes)
    nbformat.writes(found).encode("utf-8")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("indent", [None, 1])
def test_a_file_that_is_cut_off_keeps_its_complete_cells(notebook, share, indent):
    text = json.dumps(plain(notebook), indent=indent, sort_keys=True)
    cut = text[: int(len(text) * share)]
    found, notes = read.read(cut)
    complete = cut.count('"id": ') - 1
    assert contents(found)[:complete] == contents(notebook)[:complete] and complete > 5
    assert "cut off" in notes[0]


def test_a_damaged_output_costs_no_answer(notebook):
    place = next(k for k, c in enumerate(notebook.cells) if c.cell_type == "code" and "fold_bias" in c.id)
    notebook.cells[place].outputs = [nbformat.v4.new_output("stream", text="some output\n")]
    text = nbformat.writes(notebook).replace("some output", 'some "output')
    found, notes = read.read(text)
    assert contents(found) == contents(notebook) and "1 of them in part" in notes[0]
    assert found.cells[place].metadata == {"nbgrader": {"grade_id": "fold_bias"}}


@pytest.mark.parametrize("cells", [(3, 4), (0, 1, 2), (35, 36)])
def test_cells_that_are_damaged_one_behind_the_other(notebook, cells):
    text = nbformat.writes(notebook)
    for k in cells:
        text = text.replace(f'"id": "{notebook.cells[k].id}"', f'"id": "{notebook.cells[k].id}')
    assert contents(read.read(text)[0]) == contents(notebook)


def test_what_surrounds_the_json(notebook):
    text = nbformat.writes(notebook)
    for content in (text + "\n}garbage", "\ufeff\n" + text, "From: ada\n\n" + text, text + "\0" * 512):
        assert contents(read.read(content)[0]) == contents(notebook)


def test_two_versions_that_git_left(notebook):
    lines = nbformat.writes(notebook).split("\n")
    start = next(k for k, line in enumerate(lines) if "def fold_bias" in line)
    theirs = lines[start].replace("fold_bias", "fold_bias2")
    lines[start : start + 1] = ["<<<<<<< HEAD", lines[start], "=======", theirs, ">>>>>>> branch"]
    found, notes = read.read("\n".join(lines))
    assert contents(found) == contents(notebook) and "two versions" in notes[0]


@pytest.mark.parametrize("word", ["cells", "source", "cell_type", "metadata", "nbgrader", "markdown", "nbformat"])
def test_a_damaged_word(notebook, word):
    text = nbformat.writes(notebook)
    place = text.index(f'"{word}"', len(text) // 2) if word != "cells" else text.index('"cells"')
    found, _ = read.read(text[: place + 2] + "~" + text[place + 3 :])
    assert [source for _, source in contents(found)] == [source for _, source in contents(notebook)]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "is empty"),
        (b" \n\0\0", "is empty"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"PK\x03\x04 docx", "no cell in it can be read"),
        (b"{no notebook", "no cell in it can be read"),
        (b"[1, 2]", "holds no cells"),
        (b"null", "holds no cells"),
        (b'{"cells": []}', "holds no cells"),
        (b'{"cells": [1, null]}', "no cell in it can be read"),
        (b"[" * 200_000, "no cell in it can be read"),
        (b'{"cells":' * 50_000, "no cell in it can be read"),
        (bytes(range(256)) * 40, "no cell in it can be read"),
    ],
    ids=[
        "nothing",
        "blanks",
        "a page",
        "a document",
        "a brace",
        "a list",
        "null",
        "no cells",
        "odd cells",
        "deep lists",
        "deep cells",
        "all bytes",
    ],
)
def test_what_is_not_a_notebook_gets_a_sentence(content, part):
    with pytest.raises(CourseError, match=part):
        read.read(content)


# --- attachments and outputs


def test_pictures_stay_and_nothing_else():
    cell = {"cell_type": "markdown", "source": "![a](attachment:a.png)"}
    cell["attachments"] = {"a.png": {"image/png": PIXEL + "\n", "text/html": "<script>"}, "b": {"text/html": "x"}}
    cell["attachments"]["c"] = {"image/png": '"><script>'}
    found, notes = read.read(as_bytes({"cells": [cell]}))
    assert found.cells[0].attachments == {"a.png": {"image/png": PIXEL}}
    assert "not a picture" in notes[0]


def test_of_the_metadata_of_outputs_whole_numbers_stay():
    output = {"output_type": "display_data", "data": {"image/png": PIXEL, "text/plain": "a"}}
    output["metadata"] = {"image/png": {"width": "1 onerror=alert(1)", "height": 7, "x": 1}, "isolated": True}
    output["data"]["application/javascript"] = "alert(1)"
    (clean,) = outputs.clean_outputs([output])
    assert clean.metadata == {"image/png": {"height": 7}} and set(clean.data) == {"image/png", "text/plain"}
    assert outputs.clean_outputs([output | {"metadata": {"image/png": {"width": True, "height": -1}}}])[0].metadata == {
        "image/png": {}
    }


def test_long_texts_lose_their_middle():
    (clean,) = outputs.clean_outputs([{"output_type": "stream", "name": "stdout", "text": "a" * 10**6 + "end"}])
    assert len(clean.text) < 2 * outputs.MOST_OUTPUT and clean.text.endswith("end") and "are left out" in clean.text
