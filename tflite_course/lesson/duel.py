"""The stored duel of lesson 09: which way to a small model is worth what, by one recipe."""

import numpy as np

from tflite_course.errors import CourseError
from tflite_course.lesson.records import stored_record
from tflite_course.lesson.style import COLOURS, course_style
from tflite_course.lesson.ways import COSTS, TESTS
from tflite_course.resources import resource


def read_duel(part="duel"):
    """Return (record, rows) of a part of the stored experiment: "duel", "temperature" or "forgetting".

    record: how it was made, {"command", "date", "settings", ...}. Each row is one file: "name" (its way, and the
    network where several have it), "seed", "bytes", "gzip", "macs", "accuracy", "pens", and "right", {"MNIST", "pens"}:
    bool (n,), which test images it read right. Raises CourseError for a part that the record does not have.
    """
    record = stored_record("duel")
    bits = np.load(resource("assets/experiments/duel_right.npz"))
    sizes = {"MNIST": ("mnist", 10_000), "pens": ("pens", 7_494)}
    rows = []
    for k, row in enumerate(record["rows"]):
        if row["part"] != part:
            continue
        right = {test: np.unpackbits(bits[key][k])[:count].astype(bool) for test, (key, count) in sizes.items()}
        rows.append(row | {"name": _name(row), "right": right})
    if not rows:
        parts = ", ".join(sorted({row["part"] for row in record["rows"]}))
        raise CourseError(f"The stored duel has no part '{part}': choose from {parts}.")
    return record, rows


def _name(row):
    """Return the name of a row: what differs between rows of one seed."""
    if row["way"].startswith("designed"):
        return f"{row['way']}: {row['network']}"
    if row.get("images"):
        return f"{row['way']}, {row['images']}"
    if row["part"] == "temperature" and row["temperature"] is not None:
        return f"{row['way']}, T = {row['temperature']:g}"
    return row["way"]


def medians(rows):
    """Return one dict for each name in the rows: sizes and accuracies as medians over the seeds.

    "name", "bytes", "gzip", "macs", and for each test its median and its spread, (lowest, highest) of the seeds:
    "MNIST", "MNIST spread", "pens", "pens spread". Raises CourseError when the names have other seeds.
    """
    found = {}
    for row in rows:
        found.setdefault(row["name"], []).append(row)
    seeds = {name: sorted(row["seed"] for row in own) for name, own in found.items()}
    first = next(iter(seeds))
    for name, own in seeds.items():
        if own != seeds[first]:
            raise CourseError(f"'{name}' has the seeds {own}, '{first}' has {seeds[first]}: compare equal seeds.")
    result = []
    for name, own in found.items():
        entry = {"name": name} | {cost: int(np.median([row[cost] for row in own])) for cost in COSTS}
        for test, key in TESTS.items():
            values = [row[key] for row in own]
            entry |= {test: float(np.median(values)), f"{test} spread": (min(values), max(values))}
        result.append(entry)
    return result


def duel_rows(ways):
    """Return what medians() gave as rows for a table: sizes, and each accuracy with its spread."""
    shown = []
    for way in ways:
        row = {"way": way["name"], "bytes": way["bytes"], "gzip": way["gzip"], "MACs": way["macs"]}
        for test in TESTS:
            low, high = way[f"{test} spread"]
            row[f"{test} (spread)"] = f"{way[test]:.2%} ({100 * low:.2f} to {100 * high:.2f})"
        shown.append(row)
    return shown


def against(rows, subject, control):
    """Compare two names of the rows, seed by seed: return one dict for each test set and seed.

    "test", "seed", "fixed" (images that only the subject read right), "broken" (only the control), and "by chance":
    the sign test's answer to how probable that is when neither is better.
    Raises CourseError for a name that is not there, and for files that were not measured on the same images.
    """
    from tflite_course.evaluation import sign_test

    found = []
    for name in (subject, control):
        own = {row["seed"]: row for row in rows if row["name"] == name}
        if not own:
            names = ", ".join(dict.fromkeys(row["name"] for row in rows))
            raise CourseError(f"There is no '{name}' in the duel: choose from {names}.")
        found.append(own)
    if found[0].keys() != found[1].keys():
        raise CourseError(f"'{subject}' and '{control}' were trained with other seeds, so other images: not a control.")
    result = []
    for test in TESTS:
        for seed, row in found[0].items():
            one, other = row["right"][test], found[1][seed]["right"][test]
            if one.shape != other.shape:
                raise CourseError(f"'{subject}' and '{control}' were measured on different {test} images.")
            fixed, broken = int((one & ~other).sum()), int((other & ~one).sum())
            result.append({"test": test, "seed": seed, "fixed": fixed, "broken": broken})
            result[-1]["by chance"] = sign_test(fixed, broken)
    return result


def draw_spread(rows, names, *, label="right answers (%)"):
    """Draw one mark a seed for each of these names, MNIST left and pens right, the median as a line; return the figure.

    rows: as read_duel() gives them. The second panel has its own range: strangers' digits are harder.
    """
    import matplotlib.pyplot as plt

    with course_style():
        figure, panels = plt.subplots(1, 2, figsize=(8.0, 0.9 + 0.34 * len(names)), sharey=True)
        for axes, (test, key) in zip(panels, TESTS.items(), strict=True):
            for place, name in enumerate(names):
                values = [100 * row[key] for row in rows if row["name"] == name]
                if not values:
                    raise CourseError(f"There is no '{name}' among the rows to draw.")
                axes.plot(values, [place] * len(values), "o", color=COLOURS["blue"], alpha=0.7)
                middle = np.median(values)
                axes.plot([middle, middle], [place - 0.3, place + 0.3], color=COLOURS["vermillion"])
            axes.set(title=test, xlabel=label, yticks=range(len(names)), yticklabels=names)
            axes.margins(x=0.1)
            axes.set_ylim(len(names) - 0.5, -0.5)
            axes.grid(axis="x")
    return figure
