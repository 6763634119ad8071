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
