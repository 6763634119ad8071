"""Pictures of grids: the staircase of fake quantization, ranges that do not fit, and QAT beside its controls."""

import numpy as np

from tflite_course.lesson.style import COLOURS, course_style
from tflite_course.low_bits import RANGES, round_kernel

# a colour and a mark for each method: no line is told by its colour alone
METHODS = {
    "largest": ("grey", "x", ":"),
    "norms": ("green", "s", "-"),
    "control": ("blue", "o", "--"),
    "QAT": ("orange", "v", ":"),
    "QAT, ranges": ("vermillion", "^", "-"),
    "QAT, ranges set": ("green", "s", "-"),
}


def staircase_figure(low, high):
    """Return the function for explore(..., bits=[...]) that draws fake quantization and the gradient that is used.

    low, high: the range that TensorFlow's fake_quant_with_min_max_vars is given.
    """
    import matplotlib.pyplot as plt
    import tensorflow as tf

    def draw(bits):
        x = tf.Variable(np.linspace(low - 1, high + 1, 1001, dtype=np.float32))
        with tf.GradientTape() as tape:
            stairs = tf.quantization.fake_quant_with_min_max_vars(x, low, high, num_bits=bits)
        gradient, place, stairs = tape.gradient(stairs, x).numpy(), x.numpy(), stairs.numpy()
        figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 2.6))
        left.plot(place, place, "--", color=COLOURS["sky"])
        left.plot(place, stairs, color=COLOURS["blue"])
        left.set(xlabel="x (no unit)", ylabel="value (no unit)", title="dashed: x itself; solid: on the grid")
        right.plot(place, gradient, color=COLOURS["vermillion"])
        right.set(xlabel="x (no unit)", ylim=(-0.1, 1.1), title="the gradient that is used")
        inside = place[gradient == 1]
        said = f"{len(np.unique(stairs))} points with {bits} bits, furthest from x inside the range by "
        apart = np.abs(stairs - place)[gradient == 1].max()
        return figure, f"{said}{apart:.2f}; the gradient is 1 from {inside.min():.2f} to {inside.max():.2f}, else 0"

    return draw


def draw_ranges(logits, held, relu, watched):
    """Draw which logits a file can hold and which points of a ReLU's grid it uses; return the figure.

    logits: those of the float model, any shape; held: (lowest, highest) of the file. relu: values of the float model,
    none below 0; watched: (lowest, highest) of the grid that they are put on.
    """
    import matplotlib.pyplot as plt

    with course_style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 2.8))
        values = np.ravel(logits)
        bins = np.linspace(min(values.min(), held[0]), max(values.max(), held[1]), 61)
        for side, colour, hatch in ((values, "vermillion", "///"), (np.clip(values, *held), "blue", None)):
            inside = side[(side > held[0]) & (side < held[1])] if hatch is None else side
            left.hist(inside, bins, color=COLOURS[colour], hatch=hatch, edgecolor="white", linewidth=0.3)
        for end in held:
            left.axvline(end, color=COLOURS["black"], linestyle="--", linewidth=1.2)
        left.set(xlabel="logit of the float model (no unit)", ylabel="how many", yscale="log")
        left.set_title("hatched: clipped in the file")
        scale = (watched[1] - watched[0]) / 255
        points = np.round(np.minimum(np.ravel(relu), watched[1]) / scale) - np.round(watched[0] / scale)
        right.hist(points, np.arange(0, 257, 4), color=COLOURS["blue"])
        right.axvspan(0, -watched[0] / scale, color=COLOURS["vermillion"], alpha=0.25, hatch="..", linewidth=0)
        right.set(xlabel="point of the grid of relu_1 (0 to 255)", yscale="log", xlim=(0, 255))
        right.set_title("shaded: points below 0, never used")
    return figure


def kernel_figure(kernel):
    """Return the function for explore(..., channel=..., bits=...) that draws a channel's weights on two grids.

    kernel: float32 (..., output channels).
    """
    import matplotlib.pyplot as plt

    def draw(channel, bits):
        weights = kernel[..., channel].ravel()
        figure, panels = plt.subplots(2, 1, figsize=(6.8, 3.4), sharex=True)
        errors = []
        for axes, ranges, colour in zip(panels, RANGES, ("vermillion", "blue"), strict=True):
            on_grid = round_kernel(kernel, bits, ranges)[..., channel].ravel()
            step = np.diff(np.unique(on_grid)).min() if len(np.unique(on_grid)) > 1 else np.abs(weights).max()
            steps = 2 ** (bits - 1) - 1
            axes.hist(weights, 60, color=COLOURS["grey"])
            axes.vlines(
                step * np.arange(-steps, steps + 1), 0, axes.get_ylim()[1], color=COLOURS[colour], linewidth=1.2
            )
            errors.append(np.sqrt(np.mean((on_grid - weights) ** 2)) / np.sqrt(np.mean(weights**2)))
            axes.set(title=f"lines: grid by {ranges}, error {errors[-1]:.0%} of the weights", ylabel="weights")
        panels[1].set_xlabel("weight (no unit)")
        return figure, (
            f"channel {channel} with {bits} bits: the error is {errors[0]:.0%} of the weights on the grid that ends at "
            f"the largest, {errors[1]:.0%} on the grid of least squares"
        )

    return draw


def draw_seeds(parts, control="control", count=10_000):
    """Draw accuracies in percent, a line for each seed and a dot for each method; return the figure.

    parts: {title: {method: accuracies of the seeds in percent}}, the same seeds for all methods of a part. Behind it
    lies the 95 % band of the first seed of `control`, out of count test images.
    """
    import matplotlib.pyplot as plt

    from tflite_course.evaluation import accuracy_band

    with course_style():
        figure, panels = plt.subplots(1, len(parts), figsize=(2.2 * len(parts) + 0.8, 3.0), sharey=True, squeeze=False)
        for axes, (title, methods) in zip(panels[0], parts.items(), strict=True):
            low, high = accuracy_band(round(methods[control][0] / 100 * count), count)
            axes.axhspan(100 * low, 100 * high, color=COLOURS["sky"], alpha=0.25, linewidth=0)
            axes.plot(np.array(list(methods.values())), color=COLOURS["grey"], linewidth=0.8)
            for place, (method, values) in enumerate(methods.items()):
                colour, mark, _ = METHODS[method]
                axes.plot([place] * len(values), values, mark, color=COLOURS[colour])
            names = [method.replace(", ", ",\n") for method in methods]
            axes.set(title=title, xlim=(-0.5, len(methods) - 0.5))
            axes.set_xticks(range(len(methods)), names)
        panels[0, 0].set_ylabel("accuracy (%)")
    return figure


def draw_border(frame, methods=("largest", "norms", "control", "QAT", "QAT, ranges")):
    """Draw wrong answers on MNIST by bits, a panel for each network and a line for each method; return the figure.

    frame: the rows of the experiment qat_border as a DataFrame; a point is the mean over the seeds.
    """
    import matplotlib.pyplot as plt

    networks = list(dict.fromkeys(frame["model"]))
    wrong = 100 - 100 * frame.groupby(["model", "method", "bits"])["MNIST"].mean()
    with course_style():
        figure, panels = plt.subplots(1, len(networks), figsize=(7.4, 3.4), sharey=True, squeeze=False)
        for axes, network in zip(panels[0], networks, strict=True):
            for method in methods:
                values = wrong[network, method].sort_index(ascending=False)
                colour, mark, line = METHODS[method]
                style = {"marker": mark, "color": COLOURS[colour], "label": method}
                axes.plot([str(bits) for bits in values.index], values.to_numpy(), line, **style)
            axes.set(title=network, yscale="log", xlabel="bits of a weight")
        panels[0, 0].set_ylabel("wrong answers (%, log scale)")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=len(methods))
    return figure
