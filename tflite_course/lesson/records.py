"""What a lesson measured, kept as a file in the folder work."""

import json
from pathlib import Path


def keep_record(name, record):
    """Write a record, a dict of numbers, texts, lists and dicts, as work/NAME.json; return the path.

    Numbers of NumPy are written as floats.
    """
    path = Path("work", f"{name}.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(record, indent=2, default=float), encoding="utf-8")
    return path
