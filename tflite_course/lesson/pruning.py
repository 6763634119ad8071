"""What lesson 07 draws and looks up: lines with their seeds, schedules, patterns, sparsities read off curves."""

import numpy as np

from tflite_course.errors import CourseError
from tflite_course.lesson.ranges import read_all
from tflite_course.lesson.style import COLOURS, course_style
from tflite_course.lesson.tables import table


def draw_lines(panels, xlabel, *, marks=None, bottom=None):
    """Draw accuracies as lines, one panel for each set of digits, and return the figure.

    panels: {title: {line: {x: accuracy from 0 to 1, or a list of one for each seed}}}; a line goes through the means,
    dots are the seeds. marks: {line: x}, a ring at this place. bottom: where the axis begins, in percent.
    """
    import matplotlib.pyplot as plt

    with course_style():
        figure, row = plt.subplots(1, len(panels), figsize=(3.9 * len(panels), 3.0), squeeze=False, sharey=True)
        for axes, (title, lines) in zip(row[0], panels.items(), strict=True):
            for name, runs in lines.items():
                seeds = {x: 100 * np.atleast_1d(values) for x, values in runs.items()}
                means = [values.mean() for values in seeds.values()]
                [line] = axes.plot(list(seeds), means, label=name)
                for x, values in seeds.items():
                    if len(values) > 1:
                        axes.plot([x] * len(values), values, "o", color=line.get_color(), markersize=3.5)
                if name in (marks or {}):
                    at = means[list(seeds).index(marks[name])]
                    axes.plot(marks[name], at, "o", color=line.get_color(), markersize=11, fillstyle="none")
            axes.set(title=title, xlabel=xlabel)
        row[0][0].set_ylabel("right (%)")
        row[0][0].set_ylim(bottom=bottom)
        row[0][-1].legend()
    return figure


def draw_schedules(schedules, steps):
    """Draw {name: {step: target sparsity}} as stairs with a dot where a mask is chosen, and return the figure.

    steps: of the training; a schedule holds its last target to the end.
    """
    import matplotlib.pyplot as plt

    with course_style():
        figure, axes = plt.subplots(figsize=(6.4, 2.6))
        for name, targets in schedules.items():
            values = [0, *targets.values()]
            [line] = axes.step([0, *targets, steps], [*values, values[-1]], where="post", label=name)
            axes.plot(list(targets), values[1:], "o", color=line.get_color(), markersize=4)
        axes.set(xlabel="training step (batches)", ylabel="sparsity (share of zeros)")
        axes.legend(loc="lower right")
    return figure


def draw_weights(before, after):
    """Draw two histograms of weights, that of `after` without its zeros, and return the figure."""
    import matplotlib.pyplot as plt

    edges = np.linspace(-0.3, 0.3, 61)
    with course_style():
        figure, axes = plt.subplots(figsize=(6.4, 2.6))
        axes.hist(np.ravel(before), edges, color=COLOURS["sky"], label="before")
        axes.hist(after[after != 0], edges, color=COLOURS["vermillion"], alpha=0.85, label="after (zeros not drawn)")
        axes.set(xlabel="weight", ylabel="number of weights")
        axes.legend()
    return figure


def draw_groups(named, *, every=4):
    """Draw {title: weights, 2-D} below each other, dark where they are not 0, with a line every so many; the figure."""
    import matplotlib.pyplot as plt

    with course_style():
        figure, panels = plt.subplots(len(named), 1, figsize=(7.8, 0.4 + 1.8 * len(named)), squeeze=False)
        for axes, (title, weights) in zip(panels[:, 0], named.items(), strict=True):
            axes.imshow(weights != 0, cmap="Blues", vmin=0, vmax=1.25, aspect="auto")
            lines = np.arange(0, weights.shape[1] + 1, every)
            axes.set(title=title, ylabel="output", yticks=[])
            axes.set_xticks(lines - 0.5, lines)
            axes.grid(visible=False)
            for x in lines:
                axes.axvline(x - 0.5, color="black", linewidth=1.2)
        panels[-1, 0].set_xlabel(f"weights as they are stored, a line every {every}")
    return figure


def choose_sparsities(curves, points, layers):
    """Return {layer: the largest sparsity that costs at most so many points on each set of digits}.

    curves: {set of digits: {layer: {sparsity: accuracy from 0 to 1}}}, with sparsity 0 among them; points: percentage
    points; layers: those that may give. Raises CourseError for a curve that has no value at 0.
    """
    chosen = {}
    for title, lines in curves.items():
        for layer in layers:
            values = lines.get(layer, {})
            if 0 not in values:
                raise CourseError(f"The curve of '{layer}' on {title} has no value without zeros: measure it first.")
            fits = {s for s, right in values.items() if 100 * (values[0] - right) <= points + 1e-9}
            chosen[layer] = chosen.get(layer, fits) & fits
    return {layer: max(fits) for layer, fits in chosen.items()}


def seeds_by(runs, x, titles):
    """Return {set of digits: {schedule: {x: [accuracy of each seed]}}} of rows of a DataFrame, for draw_lines().

    runs: with the columns "schedule", x and titles, the sets of digits.
    """
    lists = {name: rows.groupby(x)[list(titles)].agg(list) for name, rows in runs.groupby("schedule")}
    return {title: {name: found[title].to_dict() for name, found in lists.items()} for title in titles}


def lead_of_control(runs, titles):
    """Return rows, one for each number of epochs and rate: how many percentage points a control leads by.

    runs: a DataFrame with the columns "schedule" ("control" or "pruned"), "epochs", "rate" and titles, the sets of
    digits, with accuracies from 0 to 1. Returns dicts of percentages, means over the rows that share the others.
    Raises CourseError when one of the two was not trained at a rate: there is nothing to compare with.
    """
    rows = []
    for (epochs, rate), group in runs.groupby(["epochs", "rate"]):
        for schedule in {"control", "pruned"} - set(group.schedule):
            raise CourseError(f"Rate {rate:g}, {epochs} epochs: there is no run '{schedule}' to compare with.")
        means = 100 * group.groupby("schedule")[list(titles)].mean()
        row = {"epochs": int(epochs), "rate": f"{rate:g}"}
        for title in titles:
            control, pruned = (float(means[title][name]) for name in ("control", "pruned"))
            row |= {f"control, {title}": round(control, 2), f"pruned, {title}": round(pruned, 2)}
            row[f"lead, {title}"] = round(control - pruned, 2)
        rows.append(row)
    return rows


def short_table(rows, *, mark=None, caption=""):
    """Return rows of evaluation.compare(..., pens=True) as a table of the columns that fit into a narrow window."""
    from tflite_course.evaluation import kilobytes

    return table(
        [
            {
                "model": row["name"],
                "bytes": row["bytes"],
                "gzip": kilobytes(row["gzip"]),
                "MNIST": f"{row['accuracy']:.2%}",
                "pens": f"{row['pens']:.2%}",
                "fixed": row["fixed"],
                "broken": row["broken"],
            }
            for row in rows
        ],
        mark=mark,
        caption=caption,
    )


def read_right(network, digits, *, step=1):
    """Return {set of digits: the share that a Keras network reads right}, from every step-th image of each set.

    digits: {title: (images, labels)}, float32 (n, 28, 28) and int (n,).
    """
    answers = read_all(network, digits, step=step)
    return {title: float(np.mean(answers[title] == labels[::step])) for title, (_, labels) in digits.items()}


def weights_in(model, layers):
    """Return {layer: weights} of a .tflite file, one for each convolution and dense layer; input channels come last.

    layers: their names, in the order of the operators. Raises CourseError when there are more or less.
    """
    from tflite_course.runtime import make_interpreter, operators

    interpreter = make_interpreter(model)
    places = [s["inputs"][1] for s in operators(interpreter) if s["op_name"] in ("CONV_2D", "FULLY_CONNECTED")]
    if len(places) != len(layers):
        raise CourseError(f"The model has {len(places)} operators with weights, not {len(layers)}: name each of them.")
    return {name: interpreter.get_tensor(place) for name, place in zip(layers, places, strict=True)}
