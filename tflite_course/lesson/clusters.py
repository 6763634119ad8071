"""Pictures of clustered weights: centroids over a histogram, a codebook with its indices, and how centroids move."""

import numpy as np

from tflite_course.errors import CourseError
from tflite_course.lesson.style import COLOURS, course_style


def draw_centroids(values, centroids):
    """Return a figure of weights as a histogram, with the centroids as lines and dots as high as their clusters.

    values: float (n,); centroids: float (k,), in any order. A weight belongs to the centroid that is nearest to it.
    Dashed lines stand where two clusters meet.
    """
    import matplotlib.pyplot as plt

    points = np.sort(np.asarray(centroids, np.float64))
    between = (points[1:] + points[:-1]) / 2
    counts = np.bincount(np.searchsorted(between, values), minlength=len(points))
    with course_style():
        figure, (top, bottom) = plt.subplots(2, 1, figsize=(6.4, 3.4), sharex=True, height_ratios=(3, 2))
        top.hist(values, bins=80, color=COLOURS["sky"])
        top.vlines(points, 0.7, 3 * len(values), color=COLOURS["vermillion"], linewidth=1.2)
        top.set(yscale="log", ylim=(0.7, None), ylabel="weights")
        bottom.vlines(points, 0, counts, color=COLOURS["vermillion"], linewidth=1.2)
        bottom.plot(points, counts, "o", color=COLOURS["vermillion"], markersize=5)
        bottom.set(ylim=(0, None), ylabel="in a cluster", xlabel="weight; lines: the centroids")
        for axes in (top, bottom) if len(between) < 16 else ():
            axes.vlines(between, 0, axes.get_ylim()[1], color=COLOURS["grey"], linewidth=0.7, linestyle=":")
    return figure


def draw_codebook(weights, codebook, *, rows=8, columns=8):
    """Return a figure of one corner of a clustered layer as indices, and of the codebook that they point into.

    weights: float (m, n), all of them values of the codebook, float (k,) in ascending order. The colour repeats the
    index; a bar of the codebook is as long as its value.

    Raises CourseError for weights that are not in the codebook.
    """
    import matplotlib.pyplot as plt

    codebook = np.asarray(codebook)
    corner = np.asarray(weights)[:rows, :columns]
    indices = np.abs(corner[..., np.newaxis] - codebook).argmin(axis=-1)
    if not np.array_equal(codebook[indices], corner):
        raise CourseError("There are weights that are not in the codebook: replace each by its nearest centroid first.")
    colours = plt.get_cmap("cividis")(np.linspace(0, 1, len(codebook)))
    with course_style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.4), width_ratios=(3, 2))
        left.imshow(colours[indices])
        left.set(title=f"indices of {corner.shape[0]} x {corner.shape[1]} weights", xticks=[], yticks=[])
        for (row, column), index in np.ndenumerate(indices):
            ink = "white" if colours[index, :3].mean() < 0.45 else "black"
            left.text(column, row, index, ha="center", va="center", color=ink)
        right.barh(range(len(codebook)), codebook, color=colours, edgecolor=COLOURS["grey"])
        right.set(title="the codebook", yticks=range(len(codebook)), ylabel="index", xlabel="value of the weight")
        right.tick_params(axis="y", labelsize=7 if len(codebook) > 10 else 9)
        for axes in (left, right):
            axes.grid(visible=False)
    return figure


def draw_moves(start, end):
    """Return a figure of how far each centroid moved: its place below, the move as an arrow in thousandths.

    start, end: float (k,), the same centroids before and after.
    """
    import matplotlib.pyplot as plt

    moves = 1000 * (np.asarray(end, np.float64) - start)
    with course_style():
        figure, axes = plt.subplots(figsize=(6.4, 2.6))
        axes.vlines(start, 0, moves, color=COLOURS["blue"])
        up = moves >= 0
        for chosen, marker in ((up, "^"), (~up, "v")):
            axes.plot(np.asarray(start)[chosen], moves[chosen], marker, color=COLOURS["blue"])
        axes.axhline(0, color=COLOURS["black"], linewidth=0.8)
        axes.set(xlabel="centroid before fine-tuning", ylabel="move (thousandths)")
        axes.margins(y=0.15)
    return figure


def draw_sensitivity(lost, *, sizes=None):
    """Return a figure of the accuracy that is lost when one layer alone has so many different weights.

    lost: {layer: {clusters: share of the images, 0 to 1}}; sizes: {layer: number of weights}, written beside its name.
    """
    import matplotlib.pyplot as plt

    with course_style():
        figure, axes = plt.subplots()
        for (name, curve), marker in zip(lost.items(), "os^Dv<>p", strict=False):
            label = f"{name}, {sizes[name]:,} weights" if sizes else name
            axes.plot(list(curve), [100 * share for share in curve.values()], marker=marker, label=label)
        _ticks_at(axes, {count for curve in lost.values() for count in curve})
        axes.set(xlabel="clusters in this layer alone", ylabel="accuracy lost (points)")
        axes.axhline(0, color=COLOURS["black"], linewidth=0.8)
        axes.legend(title="layer")
    return figure


def draw_counts(curves, *, band=None, label=""):
    """Return a figure of accuracies by the number of clusters, on a log scale.

    curves: {name: {clusters: accuracy, 0 to 1}}; band: the lowest and highest accuracy of what they are compared with,
    drawn as a stripe that label names.
    """
    import matplotlib.pyplot as plt

    with course_style():
        figure, axes = plt.subplots()
        if band:
            axes.axhspan(100 * min(band), 100 * max(band), color=COLOURS["sky"], alpha=0.5, label=label)
        for (name, curve), line in zip(curves.items(), ("s-", "o--", "^:"), strict=False):
            axes.plot(list(curve), [100 * share for share in curve.values()], line, label=name)
        _ticks_at(axes, {count for curve in curves.values() for count in curve})
        axes.set(xlabel="clusters in each layer", ylabel="test accuracy (%)")
        axes.legend()
    return figure


def _ticks_at(axes, counts):
    axes.set_xscale("log")
    axes.set_xticks(sorted(counts), [str(count) for count in sorted(counts)])
    axes.minorticks_off()
