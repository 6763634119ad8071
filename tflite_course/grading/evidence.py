"""The evidence that a journal carries in its outputs: what the student measured, checked entry by entry."""

import json
from pathlib import Path

from tflite_course import journal

MOST_ENTRIES = 500


def evidence_of(notebook):
    """Return the entries that the outputs of a stored notebook carry, checked; what is damaged is left out.

    notebook: as nbformat reads it. The last evidence table of the notebook counts.
    """
    found = []
    for cell in notebook.get("cells", []):
        outputs = cell.get("outputs") if isinstance(cell, dict) else None
        for output in outputs if isinstance(outputs, list) else []:
            data = output.get("data", {}) if isinstance(output, dict) else {}
            bundle = data.get(journal.MIME) if isinstance(data, dict) else None
            if isinstance(bundle, str):
                try:
                    bundle = json.loads(bundle)
                except (ValueError, RecursionError):
                    continue
            if isinstance(bundle, dict) and isinstance(bundle.get("entries"), list):
                found = checked(bundle["entries"])[0]
    return found


def keep_evidence(notebook, folder):
    """Write the evidence that a handed-in notebook carries to work/journal.json in the folder of the submission.

    Grading runs a notebook anew, without the student's machine: so its evidence table shows what the student measured.
    Without evidence an older file is removed. Returns the number of entries.
    """
    path, found = Path(folder) / journal.FILE, evidence_of(notebook)
    path.unlink(missing_ok=True)
    if found:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"journal": 1, "entries": found}), encoding="utf-8")
    return len(found)


def checked(entries):
    """Return (entries that are right, number of those that are not)."""
    right, wrong = [], max(0, len(entries) - MOST_ENTRIES)
    for entry in entries[:MOST_ENTRIES]:
        try:
            right.append(journal.check_entry(entry))
        except (ValueError, TypeError, OverflowError):
            wrong += 1
    return right, wrong
