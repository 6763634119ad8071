"""What cells printed and showed, made harmless: no scripts, no foreign metadata, no secrets, no endless texts."""

import base64
import binascii
import copy
import math
import os
import re
from pathlib import Path

import nbformat

from tflite_course import journal

MOST_OUTPUT = 40_000  # letters of a text that a cell printed
MOST_LETTERS = 5_000_000  # of a table or drawing
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
TEXTS = ("text/plain", "text/html", "text/markdown", "text/latex", "image/svg+xml", journal.MIME)
SEED = re.compile(r"\bseed\s*=\s*\d+")  # the inputs that an answer is graded with are not for the student
SCHEME = re.compile(r"^=== (BEGIN|END) MARK SCHEME ===[ \t]*\n?", re.M)


def flat(items):
    """Yield the items of lists in lists."""
    for item in items:
        if isinstance(item, list):
            yield from flat(item)
        else:
            yield item


def clean_text(text):
    """Return text that can be stored and shown: whole letters, line breaks as "\\n", no control characters."""
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")


def pictures(bundle):
    """Return {type: base64} of the pictures in a bundle; what is not base64 is left out."""
    clean = {}
    for kind in PICTURES:
        value = bundle.get(kind)
        value = "".join(part for part in flat(value) if isinstance(part, str)) if isinstance(value, list) else value
        if not isinstance(value, str):
            continue
        try:
            value = re.sub(r"\s", "", value)
            base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            continue
        clean[kind] = value
    return clean


def clean_outputs(outputs):
    """Return what a cell gave, in the right shape: texts, pictures and tables; no scripts, no foreign metadata.

    A page shows width and height of a picture: of the metadata only these stay, as whole numbers. Long texts lose
    their middle.
    """
    clean = []
    for output in outputs:
        if isinstance(output, dict):
            made = _CLEAN.get(output.get("output_type"), lambda _: None)(output)
            if made is not None:
                clean.append(made)
    return clean


def _stream(output):
    name = output.get("name", output.get("stream"))
    text = _shortened(_joined(output.get("text")))
    return nbformat.v4.new_output("stream", name="stderr" if name == "stderr" else "stdout", text=text)


def _error(output):
    trace = output.get("traceback")
    lines = [_shortened(line) for line in trace if isinstance(line, str)] if isinstance(trace, list) else []
    name, value = (_shortened(str(output.get(key, ""))) for key in ("ename", "evalue"))
    return nbformat.v4.new_output("error", ename=name, evalue=value, traceback=lines[-50:])


def _display(output):
    data = output.get("data")
    data = data if isinstance(data, dict) else {}
    kept = {kind: _text_of(kind, data[kind]) for kind in TEXTS if kind in data}
    kept |= pictures(data)
    kept = {kind: value for kind, value in kept.items() if value is not None}
    if not kept:
        return None
    kind = output["output_type"]
    if kind == "pyout":
        kind = "execute_result"
    made = nbformat.v4.new_output("display_data" if kind != "execute_result" else kind, data=kept)
    metadata = output.get("metadata")
    for name, sizes in metadata.items() if isinstance(metadata, dict) else ():
        if name in kept and isinstance(sizes, dict):
            whole = {key: sizes[key] for key in ("width", "height") if type(sizes.get(key)) is int}
            made.metadata[name] = {key: value for key, value in whole.items() if 0 < value < 10_000}
    return made


_CLEAN = {
    "stream": _stream,
    "error": _error,
    "pyerr": _error,
    "display_data": _display,
    "execute_result": _display,
    "pyout": _display,
    "update_display_data": _display,
}


def _text_of(kind, value):
    if kind == journal.MIME:
        return _finite(copy.deepcopy(value))
    text = _joined(value)
    if text and kind == "text/plain":
        return _shortened(text)
    return clean_text(text) if text and len(text) <= MOST_LETTERS else None


def _finite(value, depth=0):
    """Return plain data without what JSON does not have: NaN and infinity become None."""
    if depth > 20:
        return None
    if isinstance(value, dict):
        return {clean_text(str(key)): _finite(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item, depth + 1) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return clean_text(value) if isinstance(value, str) else value


def _joined(value):
    if isinstance(value, list):
        return "".join(part for part in flat(value) if isinstance(part, str))
    return value if isinstance(value, str) else ""


def _shortened(text):
    """Return a text that a cell printed; of a very long one the beginning and the end."""
    if len(text) > MOST_OUTPUT:
        left = len(text) - MOST_OUTPUT
        text = f"{text[: MOST_OUTPUT // 2]}\n[... {left:,} letters are left out ...]\n{text[-MOST_OUTPUT // 2 :]}"
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return re.sub(r"[\x00-\x07\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]", "", text)  # \b, \r and colours are obeyed


def clean_graded(path, source):
    """Make the notebook that was run fit for a page, where it lies: clean outputs, no seeds, mark schemes to read.

    source: the notebook with the solutions. Behind a written answer comes what its points are for, in a cell that has
    "mark_scheme" in its metadata; feedback leaves it out.
    """
    notebook, cells = nbformat.read(path, as_version=4), []
    schemes = mark_schemes(nbformat.read(source, as_version=4)) if Path(source).is_file() else {}
    for cell in notebook.cells:
        data = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code":
            cell.outputs = [_without_seeds(output) for output in clean_outputs(cell.outputs)]
        elif data.get("task"):
            cell.source = SCHEME.sub(lambda mark: "**Levels**\n" if mark[1] == "BEGIN" else "", cell.source)
        cells.append(cell)
        if data.get("grade_id") in schemes:
            name = data.grade_id
            text = f"**For the marker: what the points are for**\n\n{schemes[name]}"
            cells.append(nbformat.v4.new_markdown_cell(text, id=f"scheme-{name}"[:64], metadata={"mark_scheme": name}))
    notebook.cells = cells
    write(notebook, path)


def mark_schemes(solution):
    """Return {grade_id of a written answer that gives points: what its points are for}, out of a solution."""
    graded = [cell for cell in solution.cells if cell.cell_type == "markdown" and "nbgrader" in cell.metadata]
    return {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in graded
        if cell.metadata.nbgrader.get("solution") and cell.metadata.nbgrader.get("points")
    }


def write(notebook, path):
    """Write a notebook whole or not at all: a full disk leaves the file that was there."""
    part = Path(path).with_suffix(".part")
    try:
        nbformat.write(notebook, part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _without_seeds(value):
    if isinstance(value, str):
        return SEED.sub("seed=...", value)
    if isinstance(value, dict):
        return nbformat.from_dict({key: _without_seeds(item) for key, item in value.items()})
    return [_without_seeds(item) for item in value] if isinstance(value, list) else value
