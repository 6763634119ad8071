"""Charts of the stored architecture search: how five seeds came along, and what the found networks cost."""

import numpy as np

from tflite_course.errors import CourseError
from tflite_course.lesson.style import COLOURS, course_style
from tflite_course.search.methods import Trial, best_so_far

LOOKS = {"evolution": (COLOURS["blue"], "-"), "random": (COLOURS["vermillion"], "--")}


def search_curves(rows, epochs):
    """Return {method: {seed: float (budget + 1,)}}, the best accuracy after so many epochs of the search, nan before.

    rows: of the experiment, those of the kind "search". Only networks that got all their `epochs` count.
    """
    curves = {}
    for row in rows:
        if row["kind"] != "search":
            continue
        curve = np.full(row["trials"][-1]["spent"] + 1, np.nan)
        for spent, best in best_so_far([Trial.stored(entry) for entry in row["trials"]], epochs):
            curve[spent:] = best
        curves.setdefault(row["method"], {})[row["seed"]] = curve
    return curves


def draw_searches(curves):
    """Draw the curves of search_curves(): thin for each seed, thick for the median; return (figure, sentence)."""
    import matplotlib.pyplot as plt

    ends = {}
    with course_style():
        figure, axes = plt.subplots(figsize=(7.4, 3.4))
        for method, seeds in curves.items():
            colour, line = LOOKS[method]
            values = 100 * np.stack(list(seeds.values()))
            for value in values:
                axes.step(range(len(value)), value, where="post", color=colour, linestyle=line, alpha=0.35, linewidth=1)
            middle = np.where(np.isnan(values).any(axis=0), np.nan, np.median(values, axis=0))
            axes.step(range(len(middle)), middle, where="post", color=colour, linestyle=line, linewidth=2.5)
            ends[method] = (len(middle) - 1, middle[-1])
        highest = max(ends, key=lambda method: ends[method][1])
        for method, end in ends.items():
            place = (6, 3) if method == highest else (6, -11)
            axes.annotate(method, end, xytext=place, textcoords="offset points", color=LOOKS[method][0], weight="bold")
        axes.set(xlabel="trained epochs of the search", ylabel="best validation accuracy (%)")
        axes.set_xlim(0, 1.16 * max(end[0] for end in ends.values()))
    said = "; ".join(f"{method} ends at {end[1]:.1f} %" for method, end in ends.items())
    return figure, f"best network so far, median of {len(next(iter(curves.values())))} seeds: {said}"


def draw_costs(points, cost, label):
    """Draw accuracy against a cost with a name beside each group; return (figure, sentence).

    points: dicts with "group", "name" ("" for none), "accuracy" and the cost. The groups differ in form and colour.
    Raises CourseError for no points.
    """
    import matplotlib.pyplot as plt

    if not points:
        raise CourseError("There is nothing to draw: give points.")
    groups = list(dict.fromkeys(point["group"] for point in points))
    colours = [COLOURS[name] for name in ("blue", "vermillion", "green", "black", "purple")]
    with course_style():
        figure, axes = plt.subplots(figsize=(7.4, 3.8))
        for group, colour, mark in zip(groups, colours, "osD*^", strict=False):
            own = [point for point in points if point["group"] == group]
            x, y = [point[cost] for point in own], [100 * point["accuracy"] for point in own]
            axes.plot(x, y, mark, color=colour, label=group, markersize=10 if mark == "*" else 7, alpha=0.8)
            for point in own:
                place = (point[cost], 100 * point["accuracy"])
                axes.annotate(point["name"], place, xytext=(6, -4), textcoords="offset points", fontsize=8)
        axes.set(xscale="log", xlabel=f"{label}, log scale", ylabel="right answers on MNIST (%)")
        axes.margins(x=0.14, y=0.08)
        axes.legend(loc="lower right")
    best = max(points, key=lambda point: point["accuracy"])
    return figure, f"{len(points)} files by {cost}; the best is {best['name'] or best['group']}"


def winner_rows(rows, methods=("evolution", "random"), control="designed"):
    """Return a row for each seed: the accuracies of both winners and of the control, as text, and a row of medians.

    rows: of the experiment. Raises CourseError when a method lacks a seed that another one has.
    """
    found = {}
    for row in rows:
        if row["kind"] in ("winner", control):
            found.setdefault(row.get("method", control), {})[row["seed"]] = row
    names = [*methods, control]
    seeds = sorted(set().union(*(own.keys() for own in found.values())))
    for name in names:
        if sorted(found.get(name, {})) != seeds:
            raise CourseError(f"'{name}' lacks a seed of {seeds}: run the experiment for all of them.")
    tests = {"MNIST": "accuracy", "pens": "pens"}
    shown = []
    for seed in [*seeds, "median"]:
        row = {"seed": str(seed)}
        for test, key in tests.items():
            for name in names:
                values = [found[name][s][key] for s in seeds]
                row[f"{name}, {test}"] = f"{np.median(values) if seed == 'median' else found[name][seed][key]:.2%}"
        shown.append(row)
    return shown
