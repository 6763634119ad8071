"""One style of figures: colours that colour-blind people can tell apart, one font, a white ground in every theme."""

import contextlib
from pathlib import Path

# Okabe and Ito, "Color Universal Design", 2008; without their yellow, which is too light for lines on white.
COLOURS = {
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "black": "#000000",
    "grey": "#767676",  # for what stands behind
}
SHEET = Path(__file__).with_name("course.mplstyle")
WIDE, SMALL = (6.4, 3.0), (4.2, 2.6)  # inches, at 100 dots an inch


@contextlib.contextmanager
def course_style():
    """Draw figures in the course's style: `with course_style(): figure, axes = plt.subplots()`."""
    import matplotlib.pyplot as plt

    with plt.style.context(SHEET):
        yield


def label_bars(axes, texts):
    """Write a text at the end of each horizontal bar of the axes, in place of a legend or of reading the axis."""
    for bar, text in zip(axes.patches, texts, strict=True):
        axes.annotate(
            text,
            (bar.get_width(), bar.get_y() + bar.get_height() / 2),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
        )
    axes.margins(x=0.15)


def time_bars(times, *, title="", log=False):
    """Draw times as horizontal bars, p50 and p95 written beside each; return the matplotlib figure.

    times: {name: microseconds, an array of single calls, or one number}. log: a logarithmic axis.
    """
    import matplotlib.pyplot as plt
    import numpy as np

    middle = [float(np.median(values)) for values in times.values()]
    slow = [float(np.percentile(values, 95)) for values in times.values()]
    texts = [
        f"{p50:,.{digits}f}" + (f"  (p95 {p95:,.{digits}f})" if np.size(values) > 1 else "")
        for values, p50, p95 in zip(times.values(), middle, slow, strict=True)
        for digits in [0 if p50 >= 10 else 1]
    ]
    with course_style():
        figure, axes = plt.subplots(figsize=(WIDE[0], 1.0 + 0.32 * len(times)))
        axes.barh([str(name) for name in times], middle, color=COLOURS["blue"])
        axes.set(xlabel="p50 of one call (microseconds)" + ", log scale" * log, title=title)
        axes.invert_yaxis()
        axes.grid(visible=False)
        label_bars(axes, texts)
        if log:
            axes.set_xscale("log")
            axes.set_xlim(right=30 * max(middle))
        else:
            axes.set_xlim(right=1.4 * max(*middle, 1e-9))
    return figure
