"""What a notebook is: which lab, told by its cells, and its text as it can be read."""

import json
import re
from functools import lru_cache

from tflite_course.authoring import ROOT

LARGE = 50 * 2**20  # bytes, above which outputs are dropped
LARGE_OUTPUT = 100_000  # characters of an output that is dropped then; the journal's evidence is far below
CHECK = re.compile(r"""\bcheck\(\s*\\?["']([A-Za-z0-9_]+)\\?["']""")
GRADE_ID = re.compile(r'"grade_id"\s*:\s*"([^"]+)"')
CELL_ID = re.compile(r'"id"\s*:\s*"([^"]+)"')


@lru_cache(maxsize=1)
def signs(folder=ROOT / "labs"):
    """Return {lab: {sign}} of the released labs: cell ids, grade ids and the heading, if no other lab has them."""
    found = {}
    for path in sorted(folder.glob("*/*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        mine = found.setdefault(path.parent.name, set())
        for cell in notebook["cells"]:
            mine.add(("id", cell["id"]))
            mine.add(("grade", cell["metadata"].get("nbgrader", {}).get("grade_id")))
        mine.add(("heading", "".join(notebook["cells"][0]["source"]).split("\n")[0].strip()))
    return {
        lab: {sign for sign in mine if sign[1] and not any(sign in found[other] for other in found if other != lab)}
        for lab, mine in found.items()
    }


def titles():
    """Return {lab: its heading, as in "Lab 3. Quantize"}."""
    return {lab: next(text for kind, text in mine if kind == "heading").lstrip("# ") for lab, mine in signs().items()}


def decode(content):
    """Return bytes as text: UTF-8 or UTF-16 with or without a mark, else Windows' letters. Never raises."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    if len(content) > 3 and content[1] == content[3] == 0:
        return content.decode("utf-16-le", "replace")
    if len(content) > 3 and content[0] == content[2] == 0:
        return content.decode("utf-16-be", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def lab_of(text):
    """Return the lab whose cells a notebook has, or None: votes of the checks' first argument, ids and headings."""
    votes = dict.fromkeys(signs(), 0)
    for lab in CHECK.findall(text):
        if lab in votes:
            votes[lab] += 2
    seen = {("grade", name) for name in GRADE_ID.findall(text)} | {("id", name) for name in CELL_ID.findall(text)}
    for lab, mine in signs().items():
        votes[lab] += len(mine & seen)
        heading = next((sign for kind, sign in mine if kind == "heading"), None)
        if heading and (f'"{heading}\\n' in text or f'"{heading}"' in text):
            votes[lab] += 2
    best = max(votes, key=votes.get)
    return best if votes[best] else None


def lab_in(name, labs):
    """Return the lab that a file name speaks of: lab_3_quantize(1).ipynb is lab_3_quantize, and so is Lab 3.ipynb."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower())
    for lab in sorted(labs, key=len, reverse=True):
        if lab in plain:
            return lab
    number = re.search(r"(?:^|_)lab_?(\d+)(?!\d)", plain)
    if number:
        return next((lab for lab in labs if lab.startswith(f"lab_{int(number[1])}_")), None)
    return None


def slim(text):
    """Return (text, dropped): a very large notebook without its large outputs, and how many were dropped."""
    if len(text) <= LARGE:
        return text, 0
    try:
        notebook = json.loads(text)
        dropped = 0
        for cell in notebook["cells"]:
            kept = [out for out in cell.get("outputs", ()) if len(json.dumps(out)) <= LARGE_OUTPUT]
            dropped += len(cell.get("outputs", ())) - len(kept)
            if "outputs" in cell:
                cell["outputs"] = kept
        return json.dumps(notebook), dropped
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return text, 0
