"""Pictures that several lessons draw: a row of grey images, and a matrix of answers with its numbers."""

import numpy as np

from tflite_course.errors import CourseError
from tflite_course.lesson.style import course_style


def picture_row(pictures, *, height=2.0):
    """Return a figure with grey images side by side, each under its title.

    pictures: {title: array (H, W), 0 = black, or a Pillow image}; height: of the figure, in inches.
    Raises CourseError when there is none.
    """
    import matplotlib.pyplot as plt

    if not pictures:
        raise CourseError("There are no pictures to show: give a dict {title: image}.")
    with course_style():
        figure, axes = plt.subplots(1, len(pictures), figsize=(8, height), squeeze=False)
        for ax, (title, picture) in zip(axes[0], pictures.items(), strict=True):
            ax.imshow(picture, cmap="gray")
            ax.set_title(title, loc="center")
            ax.axis("off")
    return figure


def show_pictures(pictures, said, *, height=2.0):
    """Show what picture_row() draws, and print a line below that says what is seen: it stands for the figure."""
    import matplotlib.pyplot as plt

    picture_row(pictures, height=height)
    plt.show()
    print(f"Figure: {said}")


def matrix_picture(matrix, *, rows="label", columns="read as"):
    """Return a figure of a matrix of counts, (n, n), with the number in each cell that is not zero.

    rows, columns: what stands at its sides. The darker a cell, the larger its number.
    """
    import matplotlib.pyplot as plt

    matrix = np.asarray(matrix)
    with course_style():
        figure, ax = plt.subplots(figsize=(4.8, 4.2))
        ax.imshow(matrix, cmap="Blues")
        ax.grid(visible=False)
        for i, j in np.argwhere(matrix):
            colour = "white" if matrix[i, j] > 0.6 * matrix.max() else "black"
            ax.text(j, i, f"{matrix[i, j]}", ha="center", va="center", color=colour, fontsize=8)
        ax.set(xlabel=columns, ylabel=rows, xticks=range(len(matrix)), yticks=range(len(matrix)))
    return figure
