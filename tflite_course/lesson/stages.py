"""Pictures of what a model gets and gives: the stages of one prediction, and one image prepared in several ways."""

import numpy as np

from tflite_course.lesson.style import COLOURS, course_style


def draw_stages(image, logits, probabilities):
    """Return a figure of one prediction: the image, its ten logits and its ten probabilities.

    image: (28, 28), paper is its smallest value; logits, probabilities: (10,).
    """
    import matplotlib.pyplot as plt

    best = int(np.argmax(probabilities))
    with course_style():
        figure, (left, middle, right) = plt.subplots(1, 3, figsize=(7.4, 2.4))
        left.imshow(image, cmap="gray_r")
        left.set(title="pre-process: image", xticks=[], yticks=[])
        left.grid(visible=False)
        colours = [COLOURS["blue" if digit == best else "grey"] for digit in range(10)]
        for axes, values, title in ((middle, logits, "infer: logits"), (right, probabilities, "map: probabilities")):
            axes.bar(range(10), values, color=colours)
            axes.set(title=title, xlabel="digit", xticks=range(10))
        middle.axhline(0, color=COLOURS["black"], linewidth=0.8)
        right.set_ylim(0, 1)
    return figure


def draw_inputs(images, answers, label):
    """Return a figure of what a model sees of one digit that was prepared in several ways.

    images: {name: float (28, 28)}, paper 0 and ink 1, drawn on that one scale; answers: {name: digit}; label: the
    digit that it is. A wrong answer is marked by its colour and a word.
    """
    import matplotlib.pyplot as plt

    rows = -(-len(images) // 4)
    with course_style():
        figure, panels = plt.subplots(rows, 4, figsize=(7.4, 2.2 * rows), squeeze=False)
        for axes in panels.flat:
            axes.set_axis_off()
        for axes, (name, image) in zip(panels.flat, images.items(), strict=False):
            axes.imshow(image, cmap="gray_r", vmin=0, vmax=1)
            axes.add_patch(plt.Rectangle((0, 0), 1, 1, transform=axes.transAxes, fill=False, color=COLOURS["grey"]))
            right = answers[name] == label
            said = f"{name}\nsays {answers[name]}, {'right' if right else 'WRONG'}"
            axes.set_title(said, loc="center", color=COLOURS["black" if right else "vermillion"])
    return figure


def inputs_figure(images, answers, labels):
    """Return the function for explore(..., image=range(n)) that draws draw_inputs() of one image at a time.

    images: {name: float (n, 28, 28)}; answers: {name: int (n,)}; labels: int (n,) or longer.
    """

    def draw(image):
        digits = {name: int(values[image]) for name, values in answers.items()}
        figure = draw_inputs({name: seen[image] for name, seen in images.items()}, digits, labels[image])
        said = ", ".join(f"{name} {digit}" for name, digit in digits.items())
        return figure, f"a {labels[image]} as the model sees it, and its answer: {said}"

    return draw


def time_histogram(times, title=""):
    """Return a figure of single calls as a histogram up to their p99, with lines at p50 and p95.

    times: microseconds, (n,).
    """
    import matplotlib.pyplot as plt

    p50, p95, p99 = np.percentile(times, [50, 95, 99])
    with course_style():
        figure, axes = plt.subplots()
        axes.hist(np.asarray(times)[times <= p99], bins=60, color=COLOURS["blue"])
        for name, value, side in (("p50", p50, "right"), ("p95", p95, "left")):
            axes.axvline(value, color=COLOURS["vermillion"])
            axes.text(value, 0.92, f" {name} {value:.0f} ", ha=side, transform=axes.get_xaxis_transform())
        axes.set_xlim(left=p50 - 0.3 * (p99 - p50))  # room for the first label
        axes.set(yscale="log", ylabel="number of calls (log scale)", title=title)
        axes.set_xlabel("time of one call (microseconds), up to p99")
    return figure
