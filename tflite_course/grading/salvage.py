"""Take the cells out of a notebook's JSON that is cut off, damaged, or two versions in one file."""

import json
import re

MOST_TRIES = 50_000
KEY = r'"(?:cell_type|id|metadata|source|outputs|input|execution_count|attachments|collapsed|prompt_number|language)"'
START = re.compile(r"\{\s*" + KEY + r"\s*:")
# Git writes two versions between these lines when it cannot decide
CONFLICT = re.compile(r"^<{7}[^\n]*\n(.*?)(?:^\|{7}[^\n]*\n.*?)?^={7}[^\n]*\n(.*?)^>{7}[^\n]*\n?", re.M | re.S)


def _whole_number(text):
    return int(text) if len(text) < 400 else None


# strict=False: tools forget to escape tabs and line breaks; NaN and infinity are not JSON and become null
DECODER = json.JSONDecoder(strict=False, parse_constant=lambda _: None, parse_int=_whole_number)


def decode(text):
    """Return what a JSON text holds; what stands behind its end is ignored. Raises ValueError and RecursionError."""
    return DECODER.raw_decode(text)[0]


def salvage(text):
    """Return (notebook, sentences): {"cells": [...]} with what can be read, {} when that is nothing."""
    if CONFLICT.search(text):
        for side, name in ((r"\1", "first"), (r"\2", "second")):
            try:
                return decode(CONFLICT.sub(side, text)), [
                    f"the file held two versions, which Git could not merge; the {name} one was read."
                ]
            except (ValueError, RecursionError):
                pass
    beginning = re.search(r"[{\[]", text)
    if beginning and beginning.start():
        try:
            data = decode(text[beginning.start() :])
            if isinstance(data, dict) and ("cells" in data or "worksheets" in data):
                return data, ["something stood before the notebook in the file; it was left out."]
        except (ValueError, RecursionError):
            pass
    cells, damaged = _cells(text)
    if not cells:
        return {}, []
    sentence = f"the file was damaged or cut off; {len(cells)} cells of it could be read"
    return {"cells": cells}, [sentence + (f", {damaged} of them in part." if damaged else ".")]


def _cells(text):
    """Return (cells, number of them that are damaged) in the order of the text."""
    cells, damaged = [], 0
    position, gap = 0, None  # gap: where the cells begin that could not be read
    starts = [match.start() for match in START.finditer(text)][:MOST_TRIES]
    for start in [*starts, len(text)]:
        if start < position:
            continue
        cell, end = _whole(text, start)
        if cell is None and start < len(text):
            gap = start if gap is None else gap
            continue
        parts = _parts(text[gap:start]) if gap is not None else []
        damaged += len(parts)
        cells += [*parts, *([cell] if cell else [])]
        position, gap = end, None
    return cells, damaged


def _parts(text):
    """Return what can be read of damaged cells that stand one behind the other."""
    begins = [match.start() for match in re.finditer(r'\{\s*"cell_type"\s*:', text)]
    begins = [begin for begin in begins if not re.search(r'"nbgrader"\s*:\s*$', text[max(0, begin - 40) : begin])]
    edges = sorted({0, *begins, len(text)})
    pairs = zip(edges, edges[1:], strict=False)
    return [part for begin, end in pairs if (part := _part(text[begin:end]))]


def _whole(text, start):
    """Return (the cell that begins here, where it ends), or (None, None)."""
    try:
        cell, end = DECODER.raw_decode(text, start)
    except (ValueError, RecursionError, IndexError):
        return None, None
    if isinstance(cell, dict) and "cell_type" in cell and ({"source", "input"} & set(cell)):
        return cell, end
    return None, None


def _part(text):
    """Return the source, type and names of a damaged cell as far as they can be read, or None."""
    sources = [
        value for match in re.finditer(r'"(?:source|input)"\s*:\s*(?=["\[])', text) if (value := _value(text, match))
    ]
    if not sources:
        return None
    kind = re.search(r'"cell_type"\s*:\s*"(\w+)"', text)
    name = re.search(r'"grade_id"\s*:\s*"([\w-]+)"', text)
    code = kind[1] == "code" if kind else re.search(r'"(?:outputs|execution_count)"\s*:', text) is not None
    cell = {"cell_type": kind[1] if kind else "code" if code else "markdown", "source": sources[-1]}
    if own := re.search(r'"id"\s*:\s*"([\w-]+)"', text):
        cell["id"] = own[1]
    if name:
        cell["metadata"] = {"nbgrader": {"grade_id": name[1]}}
    return cell


def _value(text, match):
    try:
        value = DECODER.raw_decode(text, match.end())[0]
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, (str, list)) else None
