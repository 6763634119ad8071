"""A list of your own models in a file: each entry stays, whatever happens."""

import datetime
import hashlib
import json
import os
from pathlib import Path

from tflite_course.datasets import load_pen_digits
from tflite_course.errors import CourseError
from tflite_course.locking import locked

PATH = Path("work/leaderboard.json")


def add(name, model, images, labels, *, path=PATH):
    """Measure a .tflite model, append it to the leaderboard and return all entries, in the order of their dates.

    name: what you call it; model: its bytes or a path; images, labels: the test set, as in evaluation.accuracy.
    An entry has "name", "bytes", "accuracy", "low", "high", "pens" (the accuracy on the pen digits of strangers),
    "date" and "sha256" (of the model). The same model is entered once under the same name; its entry of an earlier
    version, which has no "pens", is given them. The file is written beside and then moved, so a crash leaves the old
    one.

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
    pens, digits = load_pen_digits()
    entry["pens"] = float((evaluation.predict(content, pens).argmax(1) == digits).mean())
    entry["date"] = datetime.datetime.now().isoformat(timespec="seconds")
    entry["sha256"] = hashlib.sha256(content).hexdigest()
    path = Path(path)
    with locked(path):
        entries = load(path)
        known = [old for old in entries if all(old.get(key) == entry[key] for key in ("name", "sha256", "accuracy"))]
        changed = not known or any("pens" not in old for old in known)
        for old in known:
            old.setdefault("pens", entry["pens"])
        if changed:
            entries += [] if known else [entry]
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
    """Return the entries as text, smallest model first. A star marks the front: no other one beats it.

    To beat it means: not larger, not less accurate on the test set nor on the pen digits, and better in one of these.
    An entry without "pens" keeps its row with a dash: it is compared by what it has, and beats none that has them.
    """
    lines = ["  bytes  accuracy (95 % band)       pen digits     model"]
    for entry in sorted(entries, key=lambda entry: (entry["bytes"], -entry["accuracy"])):
        star = " " if any(_beats(other, entry) for other in entries) else "*"
        band = f"{entry['accuracy']:.2%} ({entry['low']:.2%}-{entry['high']:.2%})"
        pens = f"{entry['pens']:.2%}" if "pens" in entry else "-"
        lines.append(f"{entry['bytes']:7,}  {band:26}{pens:>10}  {star}  {entry['name']}")
    return "\n".join(lines)


def _beats(other, entry):
    """Return whether an entry is as good as another in all that this one has, and better in something."""
    gains = [entry["bytes"] - other["bytes"], other["accuracy"] - entry["accuracy"]]
    if "pens" in entry:
        gains.append(other.get("pens", -1.0) - entry["pens"])
    return min(gains) >= 0 and max(gains) > 0
