"""Two kinds of figures that several lessons draw: bars with their numbers, and small matrices beside each other."""

import numpy as np

from tflite_course.lesson.style import course_style, label_bars


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
