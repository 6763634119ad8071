"""Store the results of an experiment as data, with the date, the versions and the command that made them."""

import datetime
import json
import sys
import time
from pathlib import Path

from tflite_course.authoring import ROOT
from tflite_course.errors import CourseError

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


def remake(name, key, chosen, known, run, **settings):
    """Make some parts of an experiment and store them; rows of the other parts stay as they are.

    key: the entry of a row that names its part; chosen: the parts to make, or nothing for all; known: all parts, in
    the order of the rows; run: function, part -> its rows. The command that is stored makes all rows again.
    Raises CourseError for a part that is not known.
    """
    if unknown := [part for part in chosen if part not in known]:
        raise CourseError(f"There is no {', '.join(unknown)} in this experiment: choose from {', '.join(known)}.")
    chosen, file = chosen or list(known), FOLDER / f"{name}.json"
    start, rows, before = time.perf_counter(), [], 0
    if file.exists():
        stored = json.loads(file.read_text(encoding="utf-8"))
        rows = [row for row in stored["rows"] if row[key] not in chosen]
        before = stored["seconds"] if rows else 0
    for part in chosen:
        for row in run(part):
            print(json.dumps(row), flush=True)
            rows.append(row)
    rows.sort(key=lambda row: list(known).index(row[key]))
    sys.argv[1:] = [part for part in known if any(row[key] == part for row in rows)]
    store(name, rows, before + time.perf_counter() - start, **settings)
