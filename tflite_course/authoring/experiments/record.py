"""Store the results of an experiment as data, with the date, the versions and the command that made them."""

import datetime
import json
import sys
from pathlib import Path

from tflite_course.authoring import ROOT

FOLDER = ROOT / "assets" / "experiments"


def store(name, rows, seconds, **settings):
    """Write assets/experiments/NAME.json: rows, a list of dicts, and how to get them again."""
    from importlib.metadata import version

    packages = ("tensorflow", "tf-keras", "tensorflow-model-optimization", "ai-edge-litert", "litert-quantizer")
    record = {
        "date": datetime.date.today().isoformat(),
        "command": " ".join(["python -m tflite_course.authoring", Path(sys.argv[0]).stem, *sys.argv[1:]]),
        "versions": {package: version(package) for package in packages},
        "seconds": round(seconds),
        "settings": settings,
        "rows": rows,
    }
    text = json.dumps(record, indent=1)
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print(f"{name}.json: {len(rows)} rows, {seconds:.0f} s")
