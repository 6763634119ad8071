"""Figures that lessons draw: bars with their numbers, bars of parts, and small matrices beside each other."""

import numpy as np

from tflite_course.lesson.style import COLOURS, course_style, label_bars


def draw_bars(values, label, *, scale=1):
    """Draw {name: number} as horizontal bars with the number behind each, and return the figure.

    label: what the axis shows, with its unit; scale: by what the numbers are divided for the axis.
    """
    import matplotlib.pyplot as plt

    with course_style():
        figure, axes = plt.subplots(figsize=(6.4, 0.9 + 0.32 * len(values)))
        axes.barh(list(values), [value / scale for value in values.values()])
        axes.set(xlabel=label)
        axes.grid(visible=False)
        axes.invert_yaxis()
        label_bars(axes, [f"{value:,}" for value in values.values()])
    return figure


def draw_parts(rows, label):
    """Draw {name: {part: number}} as horizontal bars of equal length, cut into shares, and return the figure.

    A share of a twelfth and more has its per cent; the parts, at most four and the same in each row, are named above.
    label: what the whole of a bar is.
    """
    import matplotlib.pyplot as plt

    fills = [(COLOURS["blue"], "white"), (COLOURS["sky"], "black"), (COLOURS["orange"], "black"), ("#CCCCCC", "black")]
    with course_style():
        figure, axes = plt.subplots(figsize=(6.4, 1.2 + 0.36 * len(rows)))
        left, wholes = np.zeros(len(rows)), np.array([sum(parts.values()) for parts in rows.values()])
        for part, (colour, ink) in zip(next(iter(rows.values())), fills, strict=False):
            share = 100 * np.array([parts[part] for parts in rows.values()]) / wholes
            bars = axes.barh([str(name) for name in rows], share, left=left, color=colour, label=part)
            texts = [f"{value:.0f} %" if value > 100 / 12 else "" for value in share]
            axes.bar_label(bars, texts, label_type="center", color=ink)
            left += share
        axes.set(xlabel=label, xlim=(0, 100))
        axes.grid(visible=False)
        axes.invert_yaxis()
        figure.legend(loc="outside upper center", ncols=len(fills))
    return figure


def draw_matrices(named):
    """Draw {title: 2-D array} beside each other, each value written in its field, and return the figure.

    Orange is above zero, violet below; each matrix has its own range, symmetric about zero.
    """
    import matplotlib.pyplot as plt

    with course_style():
        figure, panels = plt.subplots(1, len(named), figsize=(2.5 * len(named), 2.6), squeeze=False)
        for axes, (title, values) in zip(panels[0], named.items(), strict=True):
            largest = np.abs(values).max() or 1
            axes.imshow(values, cmap="PuOr_r", vmin=-largest, vmax=largest)
            axes.set(title=title, xticks=[], yticks=[])
            axes.grid(visible=False)
            for (row, column), value in np.ndenumerate(values):
                ink = "white" if abs(value) > 0.7 * largest else "black"
                axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=ink)
    return figure
