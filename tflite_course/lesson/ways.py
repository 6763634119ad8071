"""Charts of lesson 09: ways to a small model by cost and accuracy, and two tests beside one another."""

from tflite_course.errors import CourseError
from tflite_course.lesson.style import COLOURS, course_style

TESTS = {"MNIST": "accuracy", "pens": "pens"}  # name of a test set: its key in a row of evaluation.compare()
COSTS = {"bytes": "file, stripped (bytes)", "gzip": "file after gzip (bytes)", "macs": "MACs for one image"}
GROUPS = {  # what stands in a chart: marker and colour
    "ways": ("o", COLOURS["blue"]),
    "published": ("*", COLOURS["grey"]),
    "mine": ("D", COLOURS["vermillion"]),
}


def draw_ways(points, cost="bytes", test="MNIST", lowest=0.75):
    """Draw points by cost and accuracy, a number beside each and the names at the right; return (figure, sentence).

    A line joins the front of those that are files: what was published counts other bytes.

    points: dicts with "name", "group" (of GROUPS), the cost, and the test; a point without one of them is left out, and
    one below `lowest` stands at the bottom edge. "mine" is marked by its colour, its form and a word.
    """
    import matplotlib.pyplot as plt

    if cost not in COSTS or test not in TESTS:
        raise CourseError(f"There is no cost '{cost}' or test '{test}': {', '.join(COSTS)}; {', '.join(TESTS)}.")
    shown = sorted((p for p in points if p.get(cost) and p.get(test)), key=lambda p: p[cost])
    if not shown:
        raise CourseError(f"No point has {cost} and {test}: give points that have both.")
    with course_style():
        figure, axes = plt.subplots(figsize=(8.4, 4.0))
        for number, point in enumerate(shown, 1):
            marker, colour = GROUPS[point["group"]]
            x, y = point[cost], 100 * max(point[test], lowest)
            axes.plot(x, y, marker, color=colour, markersize=12 if marker == "*" else 8, zorder=3)
            if f"{test} spread" in point:
                low, high = (100 * max(value, lowest) for value in point[f"{test} spread"])
                axes.plot([x, x], [low, high], color=colour, linewidth=1)
            said = "mine" if point["group"] == "mine" else str(number)
            place = (7, -12) if said == "mine" else [(7, 4), (-14, 4), (7, -11), (-14, -11)][number % 4]
            axes.annotate(said, (x, y), xytext=place, textcoords="offset points", fontsize=8, weight="bold")
        front = pareto_front([p for p in shown if p["group"] != "published"], cost, test)
        axes.step(
            [p[cost] for p in front], [100 * max(p[test], lowest) for p in front], "k-", lw=0.8, where="post", zorder=1
        )
        names = "\n".join(f"{k:2}  {p['name']}" for k, p in enumerate(shown, 1))
        axes.text(1.02, 1.0, names, transform=axes.transAxes, va="top", fontsize=8)
        axes.set(xscale="log", xlabel=f"{COSTS[cost]}, log scale", ylabel=f"right answers on {test} (%)")
        axes.margins(x=0.08, y=0.08)
    best = ", ".join(f"{p['name']} ({p[cost]:,}, {p[test]:.2%})" for p in front)
    return figure, f"{len(shown)} models by {cost} and {test}; on the front: {best}"


def pareto_front(points, cost, test):
    """Return the points that no other beats in cost and accuracy, cheapest first."""
    front, best = [], 0
    for point in sorted((p for p in points if p.get(cost) and p.get(test)), key=lambda p: (p[cost], -p[test])):
        if point[test] > best:
            front.append(point)
            best = point[test]
    return front


def bars_of_two(shares):
    """Draw {name: {"MNIST": share, "pens": share}} as bars, one panel for each test, each number written; a figure."""
    import matplotlib.pyplot as plt

    with course_style():
        figure, panels = plt.subplots(1, 2, figsize=(7.6, 0.8 + 0.3 * len(shares)), sharey=True)
        for axes, test in zip(panels, TESTS, strict=True):
            values = [100 * share[test] for share in shares.values()]
            bars = axes.barh(list(shares), values, color=COLOURS["blue"])
            axes.bar_label(bars, [f"{value:.1f}" for value in values], padding=3)
            axes.set(title=test, xlabel="right answers (%)", xlim=(0, 115), xticks=(0, 50, 100))
            axes.grid(visible=False)
        panels[0].invert_yaxis()
    return figure


# (bytes, right on MNIST) as their authors state them: weights alone, at four bytes a parameter where only those are
# counted. The sources stand at the end of lesson 09.
PUBLISHED = {
    "BitNetMCU, 5.4 kB of weights": (5_400, 0.9906),
    "697 parameters": (4 * 697, 0.9903),
    "neural golfing, 575 parameters": (4 * 575, 0.98),
}


def published_points():
    """Return what others reached as points for draw_ways(): they have bytes and MNIST alone."""
    return [{"name": n, "group": "published", "bytes": b, "MNIST": a} for n, (b, a) in PUBLISHED.items()]


def own_point(model):
    """Return a .tflite model, bytes or a path, as the point "mine" of draw_ways(): all costs, both tests."""
    from tflite_course.datasets import load_mnist, load_pen_digits
    from tflite_course.evaluation import accuracy, size_ledger
    from tflite_course.models.macs import count_macs

    point = {"name": "mine", "group": "mine", "macs": count_macs(model)} | size_ledger(model)
    return point | {"MNIST": accuracy(model, *load_mnist()[1]), "pens": accuracy(model, *load_pen_digits())}


def invented_digits(count, draw):
    """Return pen digits that the course invents, drawn and centred as on the pad: float32 (count, 28, 28), int64.

    draw: a numpy Generator; the labels run from 0 to 9 again and again.
    """
    import numpy as np

    from tflite_course.pad import center_like_mnist
    from tflite_course.pad.strokes import draw_strokes, invent_digit

    labels = np.arange(count) % 10
    images = [
        center_like_mnist(
            draw_strokes(invent_digit(digit, draw), extent=draw.uniform(110, 255), width=draw.uniform(10, 28))
        )
        for digit in labels
    ]
    return np.stack(images), labels


def hold_zeros(model):
    """Return a Keras callback that keeps those kernels' weights at zero that are zero now."""
    import tensorflow as tf
    import tf_keras

    kernels = [weight for weight in model.trainable_weights if "kernel" in weight.name]
    masks = [tf.cast(kernel != 0, tf.float32) for kernel in kernels]

    def again(batch, logs=None):
        for kernel, mask in zip(kernels, masks, strict=True):
            kernel.assign(kernel * mask)

    return tf_keras.callbacks.LambdaCallback(on_train_batch_end=again)


def int8_file(weights, count=200):
    """Return mnist_cnn with stored weights as int8 .tflite bytes, calibrated with the first images of MNIST.

    weights: the path of a .weights.h5; count: of the images.
    """
    from tflite_course.datasets import load_mnist
    from tflite_course.models import load_model, to_int8

    (images, _), _ = load_mnist()
    return to_int8(load_model("mnist_cnn", weights=weights), images[:count])
