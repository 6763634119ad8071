"""Lab 6, choose: the smallest model that fits and is not clearly worse than the best that fits."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake


def choose(rows, budget):
    fitting = [row for row in rows if row["bytes"] <= budget]
    return _smallest_near_best(fitting)


def _smallest_near_best(rows, near=lambda row, best: row["high"] >= best["low"]):
    """Return the name of the smallest row that near(row, the most accurate row), or None without rows."""
    if not rows:
        return None
    best = max(rows, key=lambda row: row["accuracy"])
    return min((row for row in rows if near(row, best)), key=lambda row: row["bytes"])["name"]


def cases(rng):
    shown = [_row("nano", 4024, 9790), _row("tiny", 8040, 9930), _row("small", 16300, 9940), _row("cnn", 62712, 9937)]
    found = [(shown, budget) for budget in (4023, 4024, 10_000, 20_000, 100_000)]
    found += [([], 5000)]
    found += [([_row("a", 3000, 9900), _row("b", 9000, 9930)], 9000)]  # the accuracy of a lies below the band of b
    found += [([_row("a", 3000, 9500), _row("b", 5000, 9700), _row("c", 60_000, 9990)], 10_000)]
    found += [([*shown, _row("bad", 1500, 6000)], budget) for budget in (5000, 9000)]
    for images, lowest in ((10_000, 0.95), (1_000, 0.9), (300, 0.9), (10_000, 0.6)):
        table = _table(rng, images, lowest)
        sizes = sorted(row["bytes"] for row in table)
        found += [(table, sizes[5]), (table, 70_000), (table, sizes[2] - 1), (table, sizes[0] - 1)]
    return found


def _row(name, size, right, images=10_000, *, packed=0.5):
    """Return a row as evaluation.compare makes it; packed: the share of the bytes that gzip leaves."""
    from tflite_course.evaluation import accuracy_band

    low, high = accuracy_band(right, images)
    row = {"name": name, "bytes": size, "gzip": int(size * packed), "accuracy": right / images}
    return row | {"low": low, "high": high}


def _table(rng, images, lowest, count=8):
    return [
        _row(f"model {k}", int(size), int(rng.uniform(lowest, 0.999) * images), images, packed=rng.uniform(0.3, 0.9))
        for k, size in enumerate(rng.choice(np.arange(2000, 60_000), count, replace=False))
    ]


def most_accurate(rows, budget):
    return _smallest_near_best([row for row in rows if row["bytes"] <= budget], near=lambda row, best: row is best)


def smallest(rows, budget):
    return _smallest_near_best([row for row in rows if row["bytes"] <= budget], near=lambda row, best: True)


def less_than_budget(rows, budget):
    return _smallest_near_best([row for row in rows if row["bytes"] < budget])


def gzip_fits(rows, budget):
    return _smallest_near_best([row for row in rows if row["gzip"] <= budget])


def best_of_all(rows, budget):
    best = max(rows, key=lambda row: row["accuracy"], default=None)
    near = [row for row in rows if row["bytes"] <= budget and row["high"] >= best["low"]]
    return min(near, key=lambda row: row["bytes"])["name"] if near else None


def without_budget(rows, budget):
    return _smallest_near_best(rows)


def one_band(rows, budget):
    fitting = [row for row in rows if row["bytes"] <= budget]
    return _smallest_near_best(fitting, near=lambda row, best: row["accuracy"] >= best["low"])


def row_for_name(rows, budget):
    name = choose(rows, budget)
    return next((row for row in rows if row["name"] == name), None)


EXERCISE = Exercise(
    points=2,
    tests="choose(rows, budget) on tables of models, with wide and narrow bands",
    why="the most accurate row of a table is often lucky, and the smallest good one is what you ship.",
    cases=cases,
    right=choose,
    mistakes=[
        KnownMistake("you take the most accurate one. A smaller one may be as good within the bands.", most_accurate),
        KnownMistake("you take the smallest that fits, however bad it is.", smallest),
        KnownMistake("a model that has exactly the budget fits: `<=`.", less_than_budget),
        KnownMistake("you compare gzip with the budget. Flash holds the file as it is.", gzip_fits),
        KnownMistake("you compare with the best of all rows. It may be one that does not fit.", best_of_all),
        KnownMistake("you ignore the budget.", without_budget),
        KnownMistake(
            "you compare its accuracy with the best's band. Both have a band: its `high` with the best's `low`.",
            one_band,
        ),
        KnownMistake('you return the whole row. Asked is its "name".', row_for_name),
    ],
)
