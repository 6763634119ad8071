"""The guesses that a student made before measuring, as lessons keep them and a journal carries them.

Lessons write work/guesses.json: a list of {"question", "guess", "value", "unit"}, or {"guesses": that list}. A journal
that is handed in has the file beside it, or carries the list in the bundle of its evidence table.
"""

import json
import math
from pathlib import Path

from tflite_course import journal

FILE = Path("work", "guesses.json")
MOST, MOST_BYTES = 500, 2**20
NEAR = 0.1  # a guess within this share of the measured value is called near


def read(folder):
    """Return the guesses of the submission in a folder, a list of dicts; what is damaged is left out, never raised.

    Each has "question" (text), "guess" and "value" (finite numbers) and "unit" (text, perhaps "").
    """
    found = []
    for text in _texts(Path(folder)):
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            continue
        content = content.get("guesses") if isinstance(content, dict) else content
        for entry in content[:MOST] if isinstance(content, list) else ():
            if (checked := check(entry)) and checked not in found:
                found.append(checked)
    return found


def check(entry):
    """Return a guess as a dict of plain values, or None when it is not one."""
    try:
        question, unit = entry["question"], entry.get("unit") or ""
        numbers = {key: float(entry[key]) for key in ("guess", "value") if not isinstance(entry[key], (bool, str))}
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        return None
    whole = len(numbers) == 2 and all(math.isfinite(number) for number in numbers.values())
    if not whole or not isinstance(question, str) or not question.strip() or not isinstance(unit, str):
        return None
    return {"question": " ".join(question.split())[:300], **numbers, "unit": unit.strip()[:20]}


def _texts(folder):
    """Yield the texts in which the guesses of a submission can stand."""
    path = folder / FILE
    if path.is_file() and path.stat().st_size <= MOST_BYTES:
        yield path.read_text(encoding="utf-8", errors="replace")
    for notebook in sorted(folder.glob("*.ipynb")):
        try:
            cells = json.loads(notebook.read_text(encoding="utf-8", errors="replace"))["cells"]
            bundles = [o.get("data", {}).get(journal.MIME) for cell in cells for o in cell.get("outputs") or ()]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
        for bundle in bundles:
            if isinstance(bundle, dict):
                yield json.dumps(bundle)
            elif isinstance(bundle, (str, list)):
                yield bundle if isinstance(bundle, str) else "".join(map(str, bundle))


def by_question(submissions):
    """Return a row for each question, the most asked first.

    submissions: lists of guesses, one a student. A row has "question", "unit", "students", "median" (of the guesses),
    "measured" (median of the values), "near" (share of the guesses within 10 % of their own value), "below", "above".
    """
    asked = {}
    for found in submissions:
        for entry in {(e["question"], e["unit"]): e for e in found}.values():  # the last of each question counts
            asked.setdefault((entry["question"], entry["unit"]), []).append(entry)
    rows = []
    for (question, unit), entries in asked.items():
        near = [abs(e["guess"] - e["value"]) <= NEAR * abs(e["value"]) for e in entries]
        below = [e["guess"] < e["value"] and not n for e, n in zip(entries, near, strict=True)]
        rows.append(
            {"question": question, "unit": unit, "students": len(entries)}
            | {"median": _median([e["guess"] for e in entries]), "measured": _median([e["value"] for e in entries])}
            | {"near": sum(near) / len(near), "below": sum(below) / len(near)}
        )
        rows[-1]["above"] = 1 - rows[-1]["near"] - rows[-1]["below"]
    return sorted(rows, key=lambda row: (-row["students"], row["question"]))


def _median(numbers):
    numbers = sorted(numbers)
    middle = len(numbers) // 2
    return numbers[middle] if len(numbers) % 2 else (numbers[middle - 1] + numbers[middle]) / 2
