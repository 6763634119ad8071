"""A list of your own models in a file: each entry stays, whatever happens."""

import datetime
import hashlib
import json
import os
from pathlib import Path

from tflite_course.errors import CourseError
from tflite_course.locking import locked

PATH = Path("work/leaderboard.json")


def add(name, model, images, labels, *, path=PATH):
    """Measure a .tflite model, append it to the leaderboard and return all entries, in the order of their dates.

    name: what you call it; model: its bytes or a path; images, labels: the test set, as in evaluation.accuracy.
    An entry has "name", "bytes", "accuracy", "low", "high", "date" and "sha256" (of the model). The same model is
    entered once under the same name. The file is written beside and then moved, so a crash leaves the old one.

    Raises CourseError for a damaged leaderboard, which is left as it is, for one that another notebook goes on writing,
    and for what evaluation.predict refuses.
    """
    from tflite_course import evaluation
    from tflite_course.models import read_model

    content = read_model(model)
    logits = evaluation.predict(content, images)
    right = int((logits.argmax(1) == evaluation.check_labels(labels, len(logits))).sum())
    low, high = evaluation.accuracy_band(right, len(logits))
    entry = {"name": str(name), "bytes": len(content), "accuracy": right / len(logits), "low": low, "high": high}
    entry["date"] = datetime.datetime.now().isoformat(timespec="seconds")
    entry["sha256"] = hashlib.sha256(content).hexdigest()
    path = Path(path)
    with locked(path):
        entries = load(path)
        if not any(all(old.get(key) == entry[key] for key in ("name", "sha256", "accuracy")) for old in entries):
            entries.append(entry)
            beside = path.with_name(path.name + ".new")
            beside.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
            os.replace(beside, path)
    return entries


def load(path=PATH):
    """Return the entries of a leaderboard, a list of dicts; [] when there is no file yet.

    Raises CourseError for a file that holds something else: it is neither changed nor removed.
    """
    path = Path(path)
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except ValueError:
        entries = None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise CourseError(
            f"{path.name} is damaged and was left as it is: fix it in an editor, or give it another name and go on."
        )
    return entries


def table(entries):
    """Return the entries as text, smallest model first. A star marks the front: no smaller one is as accurate."""
    lines, best = ["  bytes  accuracy (95 % band)       model"], 0.0
    for entry in sorted(entries, key=lambda entry: (entry["bytes"], -entry["accuracy"])):
        star, best = " *"[entry["accuracy"] > best], max(best, entry["accuracy"])
        band = f"{entry['accuracy']:.2%} ({entry['low']:.2%}-{entry['high']:.2%})"
        lines.append(f"{entry['bytes']:7,}  {band:23} {star}  {entry['name']}")
    return "\n".join(lines)
