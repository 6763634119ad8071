"""Rows of small grey images, one figure: ink is dark, paper is light, and the scale is fixed."""

from tflite_course.errors import CourseError
from tflite_course.lesson.style import course_style


def show_images(images, titles=None, *, columns=10, rows=None, size=0.75):
    """Show images, float32 from 0 to 1 or uint8, each (height, width), in rows of so many columns.

    titles: a short text above each image, or None; rows: one text before each row, or None; size: of an image, inches.
    A notebook prints a line "Figure: ..." behind it, which says what it shows.

    Raises CourseError for no images, and for titles or rows of another number.
    """
    import matplotlib.pyplot as plt
    import numpy as np

    images = list(images)
    if not images:
        raise CourseError("There are no images to show: give at least one array (height, width).")
    lines = -(-len(images) // columns)
    for name, texts, count in (("titles", titles, len(images)), ("rows", rows, lines)):
        if texts is not None and len(texts) != count:
            raise CourseError(f"There are {len(texts)} {name} for {count}: give one text for each, or None.")
    height = size + (0.22 * (1 + max(str(t).count("\n") for t in titles)) if titles else 0)
    width = size * columns + (1.0 if rows else 0)
    with course_style():
        figure, axes = plt.subplots(lines, columns, figsize=(width, height * lines), squeeze=False)
        for axis in axes.flat:
            axis.set(xticks=[], yticks=[])
            axis.grid(False)
            for side in axis.spines.values():
                side.set_visible(False)
        for k, (axis, image) in enumerate(zip(axes.flat, images, strict=False)):
            axis.imshow(image, cmap="gray_r", vmin=0, vmax=255 if np.asarray(image).dtype == np.uint8 else 1)
            if titles:
                axis.set_title(str(titles[k]), fontsize=8, loc="center")
        for axis, text in zip(axes[:, 0], rows or [], strict=False):
            axis.set_ylabel(text, rotation=0, ha="right", va="center")
        plt.show()
