"""Read any file that calls itself a notebook, and make a clean one of it.

Editors, uploads and e-mail programs damage notebooks in many ways. What is in the cells counts: it is taken out of
whatever format it stands in, and put into a notebook of today's format with valid ids and nothing else that a student's
tool wrote. For each thing that had to be fixed there is a sentence.
"""

import re

import nbformat

from tflite_course.errors import CourseError
from tflite_course.grading import outputs, salvage

MOST_BYTES = 400 * 2**20  # of a file; outputs make files large, and they are dropped
MOST_CELLS, MOST_LETTERS = 5_000, 5_000_000  # of a notebook, of the source of a cell
ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
KINDS = {"code": "code", "markdown": "markdown", "raw": "raw", "heading": "markdown", "html": "markdown"}
VSCODE_KINDS = {1: "markdown", 2: "code"}  # as VS Code writes cells that were not saved as .ipynb


def read(content):
    """Return (notebook, notes): a clean notebook of format 4.5, and a sentence for each thing that was fixed.

    content: bytes or str. Of the metadata of a cell only nbgrader's grade_id is kept, of its id a valid one; outputs
    that have the right shape stay. Raises CourseError, with one sentence, when nothing of it is a notebook.
    """
    text, notes = decode(content)
    found = _load(text, notes)
    if len(found) > MOST_CELLS:
        notes.append(f"the notebook has {len(found):,} cells; the first {MOST_CELLS:,} were taken.")
        found = found[:MOST_CELLS]
    counts = dict.fromkeys(COUNTED, 0)
    cells = [_clean_cell(cell, counts) for cell in found]
    _give_ids(cells, counts)
    notes += [sentence.format(_count(counts[name])) for name, sentence in COUNTED.items() if counts[name]]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbformat.validate(notebook)
    return notebook, notes


COUNTED = {
    "ids": "{} had an invalid id or that of another cell; it was given a new one.",
    "kinds": "{} had an unknown type; it was taken for code or text.",
    "letters": "{} held halves of letters or zero bytes; they were replaced.",
    "long": "{} was too long; its end was left out.",
    "breaks": "{} had lost its line breaks; they were put back.",
    "pictures": "{} held an attachment that is not a picture; it was left out.",
}


def _count(number):
    return "a cell" if number == 1 else f"each of {number} cells"


# --- bytes to text


def decode(content):
    """Return (text, notes) of a file's bytes: UTF-8, UTF-16 or UTF-32 with or without a mark, or Western European."""
    if isinstance(content, str):
        return content, []
    for mark, name in MARKS.items():
        if content.startswith(mark):
            text = content[len(mark) :].decode(name, "replace")
            return text, [] if name == "utf-8" else [f"the file was in {name.upper()}; it was read as that."]
    head = content[:400]
    for name, zeros in (("utf-32-le", b"\0\0\0"), ("utf-16-le", b"\0"), ("utf-16-be", b"\0")):
        first = head.lstrip(b" \t\r\n\0")[:1]
        if first in (b"{", b"[") and zeros in head and head.count(b"\0") > len(head) // 3:
            if (head[:1] == b"\0") == name.endswith("be"):
                return content.decode(name, "replace"), [f"the file was in {name.upper()}; it was read as that."]
    try:
        return content.decode("utf-8"), []
    except UnicodeDecodeError:
        return _decode_damaged(content)


MARKS = {
    b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe\0\0": "utf-32-le",
    b"\0\0\xfe\xff": "utf-32-be",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
}


def _decode_damaged(content):
    """Decode bytes that are not UTF-8: damaged UTF-8 when most letters outside ASCII are right, else Windows-1252."""
    text = content.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    right = sum(1 for letter in text if letter > "\x7f") - wrong
    if right >= wrong:
        return text, ["some bytes of the file were damaged; each is shown as \ufffd."]
    return content.decode("cp1252", "replace"), ["the file was not in UTF-8; it was read as Windows-1252."]


# --- text to data


def _load(text, notes):
    """Return the cells, a list of dicts, in the JSON of a notebook; what is damaged is read as far as it can be."""
    text = text.replace("\0", "").lstrip("\ufffd").strip("\ufeff \t\r\n")
    if not text:
        raise CourseError("The file is empty: the notebook was not saved or not uploaded to its end.")
    if re.match(r"<(?!<<)", text):
        raise CourseError("The file is a web page and not a notebook: download the .ipynb file itself.")
    try:
        data, damaged = salvage.decode(text), False
    except (ValueError, RecursionError):
        data, damaged = None, True
    if not _cells_of(data):
        if not damaged and '"cell_type"' not in text:
            raise CourseError("The file holds no cells: it is not a notebook.")
        data, sentences = salvage.salvage(text)
        notes += sentences
    cells = [cell for cell in _cells_of(data) if isinstance(cell, dict)]
    if not cells:
        raise CourseError("The file is not a notebook, and no cell in it can be read.")
    return cells


def _cells_of(data, depth=0):
    """Return the cells, a list of anything, in what a file holds: a notebook of any format, or what wraps one."""
    if isinstance(data, list):
        return data if any(isinstance(cell, dict) and _looks_like_cell(cell) for cell in data) else []
    if not isinstance(data, dict) or depth > 3:
        return []
    if isinstance(data.get("cells"), list):
        return data["cells"]
    if isinstance(data.get("cells"), dict):  # {"0": {...}, "1": {...}}
        return list(data["cells"].values())
    if isinstance(data.get("worksheets"), list):  # formats 2 and 3
        sheets = [sheet.get("cells") for sheet in data["worksheets"] if isinstance(sheet, dict)]
        return [cell for cells in sheets if isinstance(cells, list) for cell in cells]
    for name in ("content", "ipynb", "notebook"):  # Jupyter's and Colab's answers about a file
        if found := _cells_of(data.get(name), depth + 1):
            return found
    return []


def _looks_like_cell(cell):
    return "cell_type" in cell or "source" in cell or {"kind", "value"} <= set(cell)


# --- cells


def _clean_cell(cell, counts):
    kind = _kind(cell, counts)
    source = _source(cell, kind, counts)
    if cell.get("cell_type") == "heading":
        level = cell.get("level") if isinstance(cell.get("level"), int) else 1
        source = f"{'#' * min(max(level, 1), 6)} {source}"
    metadata = {"nbgrader": {"grade_id": grade_id}} if (grade_id := _grade_id(cell)) else {}
    make = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
    clean = make.get(kind, nbformat.v4.new_raw_cell)(source, metadata=metadata)
    clean["id"] = cell.get("id")
    if kind == "code":
        given = cell.get("outputs")
        clean.outputs = outputs.clean_outputs(given if isinstance(given, list) else [])
    elif attachments := _attachments(cell.get("attachments"), counts):
        clean["attachments"] = attachments
    return clean


def _kind(cell, counts):
    if isinstance(cell.get("kind"), int) and cell["kind"] in VSCODE_KINDS:
        return VSCODE_KINDS[cell["kind"]]
    named = cell.get("cell_type")
    named = named.strip().lower() if isinstance(named, str) else None
    if named in KINDS:
        return KINDS[named]
    counts["kinds"] += 1
    return "code" if {"outputs", "execution_count", "input", "prompt_number"} & set(cell) else "markdown"


def _grade_id(cell):
    """Return nbgrader's name of a cell, from the metadata of any of its versions, or None."""
    metadata = cell.get("metadata")
    data = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    name = data.get("grade_id") if isinstance(data, dict) else None
    return name if isinstance(name, str) and ID.fullmatch(name) else None


def _source(cell, kind, counts):
    named = [name for name in ("source", "input", "value") if cell.get(name) is not None]
    # the word "source" itself may be damaged
    named = named or [name for name, value in cell.items() if name not in KEYS and isinstance(value, (str, list))]
    found = cell[named[0]] if named else ""
    if isinstance(found, list):
        lines = [line for line in outputs.flat(found) if isinstance(line, str)]
        if len(lines) > 1 and not any("\n" in line or "\r" in line for line in lines[:-1]):
            counts["breaks"] += 1
            lines = ["\n".join(lines)]
        found = "".join(lines)
    text = str(found) if isinstance(found, (str, int, float)) else ""
    clean = outputs.clean_text(text).lstrip("\ufeff")
    counts["letters"] += clean.count("\ufffd") > text.count("\ufffd") or "\0" in text
    counts["long"] += len(clean) > MOST_LETTERS
    return clean[:MOST_LETTERS]


KEYS = {"id", "cell_type", "metadata", "outputs", "execution_count", "prompt_number", "attachments", "language"}
KEYS |= {"level", "collapsed", "trusted", "kind"}


def _attachments(found, counts):
    """Return {name: {type: base64}} of the pictures in a cell's attachments."""
    clean = {}
    if not isinstance(found, dict):
        return clean
    for name, bundle in found.items():
        pictures = outputs.pictures(bundle if isinstance(bundle, dict) else {})
        counts["pictures"] += not pictures
        if pictures:
            clean[outputs.clean_text(name)] = pictures
    return clean


def _give_ids(cells, counts):
    """Give each cell a valid id of its own; one that is missing (before format 4.5) is not worth a sentence."""
    taken = set()
    for number, cell in enumerate(cells):
        given = cell.pop("id", None)
        if not (isinstance(given, str) and ID.fullmatch(given)) or given in taken:
            counts["ids"] += given is not None
            given = _free_id(f"read-{number}", taken)
        cell["id"] = given
        taken.add(given)


def _free_id(wanted, taken):
    free, number = wanted, 1
    while free in taken:
        free, number = f"{wanted}-{number}", number + 1
    return free
