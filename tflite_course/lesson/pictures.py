"""Pictures that several lessons draw: small grey images, filters, answers and a matrix with its numbers."""

import numpy as np

from tflite_course.errors import CourseError
from tflite_course.lesson.style import course_style


def show_images(images, titles=None, *, columns=10, rows=None, size=0.75, scale="fixed"):
    """Show images, float32 from 0 to 1 or uint8, each (height, width), in rows of so many columns.

    titles: a short text above each image, or None; rows: one text before each row, or None; size: of an image, inches.
    scale: "fixed" from paper to ink, 0 to 1 or 0 to 255; "own", as imshow chooses it, from the image's least to most.
    A notebook prints a line "Figure: ..." behind it, which says what it shows.

    Raises CourseError for no images, and for titles or rows of another number.
    """
    import matplotlib.pyplot as plt

    images, titles = list(images), None if titles is None else list(titles)
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
            full = 255 if np.asarray(image).dtype == np.uint8 else 1
            axis.imshow(image, cmap="gray_r", **({"vmin": 0, "vmax": full} if scale == "fixed" else {}))
            if titles:
                axis.set_title(str(titles[k]), fontsize=8, loc="center")
        for axis, text in zip(axes[:, 0], rows or [], strict=False):
            axis.set_ylabel(text, rotation=0, ha="right", va="center")
        plt.show()


def show_confusion(matrix, *, rows="label", columns="answer"):
    """Show a confusion matrix, int (n, n), each count that is not 0. The colour shows the mistakes alone.

    rows, columns: what stands at its sides. A notebook prints a line "Figure: ..." behind it, which says what it shows.
    """
    import matplotlib.pyplot as plt

    mistakes = matrix - np.diag(np.diag(matrix))
    with course_style():
        figure, axes = plt.subplots(figsize=(5, 4.4))
        axes.imshow(mistakes, cmap="Blues")
        axes.grid(False)
        for row, column in np.argwhere(matrix > 0):
            ink = "white" if mistakes[row, column] > mistakes.max() / 2 else "black"
            axes.text(column, row, matrix[row, column], ha="center", va="center", fontsize=9, color=ink)
        axes.set(xlabel=columns, ylabel=rows, xticks=range(len(matrix)), yticks=range(len(matrix)))
        plt.show()


def show_history(histories):
    """Show loss and accuracy of trainings, {name: what fit() returned as history}: training dashed, validation solid.

    A notebook prints a line "Figure: ..." behind it, which says what it shows.
    """
    import matplotlib.pyplot as plt

    with course_style():
        figure, panels = plt.subplots(1, 2, figsize=(8, 2.8))
        for axes, key in zip(panels, ("loss", "accuracy"), strict=True):
            for name, history in histories.items():
                epochs, kept = range(1, len(history[key]) + 1), history[f"val_{key}"]
                [line] = axes.plot(epochs, kept, "-s")
                axes.plot(epochs, history[key], "--o", color=line.get_color())
                axes.annotate(f" {name}", (epochs[-1], kept[-1]), color=line.get_color(), weight="bold", va="center")
            axes.set(xlabel="epoch", ylabel=key, xticks=range(1, 1 + max(len(h[key]) for h in histories.values())))
            axes.margins(x=0.25)
        plt.show()


def show_answers(image, logits):
    """Show an image, float32 (height, width), and the probabilities that models give it, {name: logits, (10,)}.

    A notebook prints a line "Figure: ..." behind it, which says what it shows.
    """
    import matplotlib.pyplot as plt

    with course_style():
        figure, panels = plt.subplots(1, 1 + len(logits), figsize=(2.2 + 2.4 * len(logits), 2.2))
        panels[0].imshow(image, cmap="gray_r", vmin=0, vmax=1)
        panels[0].grid(False)
        panels[0].set(xticks=[], yticks=[])
        for axes, (name, values) in zip(panels[1:], logits.items(), strict=True):
            powers = np.exp(values - np.max(values))
            axes.bar(range(10), powers / powers.sum())
            axes.set(title=name, xticks=range(10), xlabel="digit", ylim=(0, 1))
        panels[1].set_ylabel("probability")
        plt.show()


def filter_figure(image, weights, feature_map):
    """Return a figure of an image, a filter's weights, (3, 3), and its feature map: what explore() draws."""
    import matplotlib.pyplot as plt

    most = np.abs(weights).max()
    figure, panels = plt.subplots(1, 3, figsize=(6.4, 2.3))
    panels[0].imshow(image, cmap="gray_r", vmin=0, vmax=1)
    panels[1].imshow(weights, cmap="PuOr_r", vmin=-most, vmax=most)
    panels[2].imshow(feature_map, cmap="gray_r", vmin=0)
    for axes, title in zip(panels, ("image", "filter", "feature map"), strict=True):
        axes.set(title=title, xticks=[], yticks=[])
        axes.grid(False)
    for (row, column), value in np.ndenumerate(weights):
        ink = "white" if abs(value) > 0.7 * most else "black"
        panels[1].text(column, row, f"{value:.1f}", ha="center", va="center", color=ink, fontsize=9)
    return figure


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
