"""Pictures of ranges: what a grid does to weights, and stored experiments about ranges, drawn. Plumbing only."""

import numpy as np

from tflite_course.errors import CourseError
from tflite_course.lesson.style import COLOURS, course_style
from tflite_course.models import answers_of, read_model

LINES = ("blue", "vermillion", "green", "purple")
MARKS = "os^D"


def layers_with_weights(model):
    """Return [(operator, weights, details)] of the layers of a .tflite model that have weights, in their order.

    model: bytes or a path; details: the entry of the weights in LiteRT's get_tensor_details().
    Raises CourseError for what is not a .tflite file.
    """
    from tflite_course.runtime import make_interpreter, operators

    interpreter = make_interpreter(model)
    details = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    kinds = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
    found = [operator for operator in operators(interpreter) if operator["op_name"] in kinds]
    return [(op["op_name"], interpreter.get_tensor(op["inputs"][1]), details[op["inputs"][1]]) for op in found]


def with_kernels(change, name="mnist_cnn", layers=("conv_1", "conv_2", "conv_3", "logits")):
    """Return a network of the course in which change(kernel) stands in place of each kernel of these layers."""
    from tflite_course.models import load_model

    network = load_model(name)
    for layer in map(network.get_layer, layers):
        kernel, *rest = layer.get_weights()
        layer.set_weights([np.asarray(change(kernel), np.float32), *rest])
    return network


def read_all(network, digits, *, step=1):
    """Return {title: int (n,)}, what a Keras network reads of every step-th image of each set.

    digits: {title: (images, labels)}, float32 (n, 28, 28) and int (n,).
    """
    parts = [images[::step] for images, _ in digits.values()]
    answers = answers_of(network, np.concatenate(parts)).argmax(axis=1)
    return dict(zip(digits, np.split(answers, np.cumsum([len(part) for part in parts])[:-1]), strict=True))


def check_file(model, digits, logits):
    """Return what each check of an int8 file says, a dict.

    "bytes"; "input": its dtype; "bridges": operators between floats and integers, QUANTIZE and DEQUANTIZE; the accuracy
    on each set of digits, {title: (images, labels)}; "logits off": rms difference to the float model's logits, (n, 10),
    of the first set. The images go in as 0 to 1, whatever range a calibration wrote into the file.
    """
    from tflite_course.evaluation import predict
    from tflite_course.lesson.graphs import operator_names
    from tflite_course.runtime import make_interpreter

    content, source = read_model(model), make_interpreter(model).get_input_details()[0]
    bridges = sum(name in ("QUANTIZE", "DEQUANTIZE") for name in operator_names(content))
    row = {"bytes": len(content), "input": np.dtype(source["dtype"]).name, "bridges": bridges}
    answers = {title: predict(content, images, input_range=(0, 1)) for title, (images, _) in digits.items()}
    row |= {title: float(np.mean(answers[title].argmax(1) == labels)) for title, (_, labels) in digits.items()}
    first = next(iter(answers.values()))
    return row | {"logits off": float(np.sqrt(np.mean((first - logits) ** 2)))}


def draw_channels(weights):
    """Return a figure of the largest weight of each channel (axis 0) and the one range that must fit all, a sentence.

    weights: array with the output channels first.
    """
    import matplotlib.pyplot as plt

    largest = np.abs(weights).reshape(len(weights), -1).max(axis=1)
    with course_style():
        figure, axes = plt.subplots()
        axes.bar(range(len(largest)), largest)
        axes.axhline(largest.max(), color=COLOURS["vermillion"], linestyle="--")
        axes.text(len(largest) - 0.4, largest.max(), "one range for all", ha="right", va="bottom")
        axes.set(xlabel="output channel", ylabel="largest weight (magnitude)", ylim=(0, 1.15 * largest.max()))
    said = f"the largest weight of {len(largest)} channels, from {largest.min():.2f} to {largest.max():.2f}."
    return figure, said


def draw_range(weights, on_grid, bits, share):
    """Return a figure of weights under a symmetric grid, with its error beside it, and a sentence: for explore().

    weights: (n,); on_grid: function (weights, bits, outer point) -> weights on the grid; share: the outer point in
    parts of the largest weight. The right side shows the error for every share, split into rounding and clipping.
    """
    import matplotlib.pyplot as plt

    most = np.abs(weights).max()
    shares = np.linspace(0.05, 1, 39)
    parts = np.array([_errors(weights, on_grid, bits, part * most) for part in shares])
    now = _errors(weights, on_grid, bits, share * most)
    lost = float(np.mean(on_grid(weights, bits, share * most) == 0))
    with course_style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 2.6))
        left.hist(weights, 80, range=(-most, most), color=COLOURS["sky"])
        points = 2 ** (bits - 1) - 1
        for point in share * most * np.arange(-points, points + 1) / points if points <= 7 else ():
            left.axvline(point, color=COLOURS["black"], linewidth=0.9)
        for side in (-1, 1):
            left.axvline(side * share * most, color=COLOURS["vermillion"], linewidth=2)
        left.set(xlabel="weight", ylabel="how many (log scale)", yscale="log", title="weights and grid points")
        for name, style, values in zip(("clipping", "rounding"), (":", "--"), parts.T, strict=True):
            right.plot(shares, values, style, color=COLOURS["grey"], label=name)
        right.plot(shares, np.hypot(*parts.T), color=COLOURS["blue"], label="together")
        right.plot([share], [np.hypot(*now)], "o", color=COLOURS["vermillion"])
        right.set(xlabel="outer point / largest weight", title="rms error", xlim=(0, 1.05), ylim=(0, None))
        right.legend(loc="upper center")
    said = (
        f"{bits} bits, the outer points at {share:g} of the largest weight: rms error {np.hypot(*now):.4f}, "
        f"{100 * lost:.0f} % of the weights become 0."
    )
    return figure, said


def _errors(weights, on_grid, bits, point):
    """Return the rms error that comes from clipped weights, and that from rounded ones; squares add up."""
    squares = (on_grid(weights, bits, point) - weights) ** 2
    clipped = np.abs(weights) > point
    return np.sqrt(np.sum(squares[clipped]) / weights.size), np.sqrt(np.sum(squares[~clipped]) / weights.size)


def draw_by_bits(record, model, *, column="right"):
    """Return a figure of accuracy by bits, a line for each way to choose the range, and a sentence.

    record: the stored experiment "ranges"; model: one of its models; column: "right" (MNIST) or "pens".
    Raises CourseError for a model that it does not have.
    """
    import matplotlib.pyplot as plt

    rows = [row for row in record["rows"] if row["model"] == model and not row["anew"] and row["bits"] <= 8]
    if not rows:
        raise CourseError(
            f"There is no row of {model!r} in the record: {sorted({r['model'] for r in record['rows']})}."
        )
    bits = sorted({row["bits"] for row in rows}, reverse=True)
    total = record["settings"]["images"][column]
    said = []
    with course_style():
        figure, axes = plt.subplots()
        for k, name in enumerate(dict.fromkeys(row["range"] for row in rows)):
            values = {row["bits"]: 100 * row[column] / total for row in rows if row["range"] == name}
            places = [bits.index(b) for b in values]
            axes.plot(places, list(values.values()), f"-{MARKS[k]}", color=COLOURS[LINES[k]], label=name)
            said.append(f"{name} {values[2]:.1f}")
        axes.set(xticks=range(len(bits)), xticklabels=bits, xlabel="bits of each weight", ylabel="accuracy (%)")
        axes.legend(loc="lower left")
    return figure, f"accuracy by bits; at 2 bits, in percent: {', '.join(said)}."


def draw_calibration(record):
    """Return a figure of accuracy and error of the logits by the number of calibration images, and a sentence.

    record: the stored experiment "calibration".
    """
    import matplotlib.pyplot as plt

    draws = [row for row in record["rows"] if row["group"] == "count"]
    with course_style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 2.8))
        for k, name in enumerate(dict.fromkeys(row["model"] for row in draws)):
            mine = [row for row in draws if row["model"] == name]
            counts, style = [row["count"] for row in mine], {"marker": MARKS[k], "color": COLOURS[LINES[k]], "s": 18}
            left.scatter(counts, [row["right"] / 100 for row in mine], label=name, **style)
            right.scatter(counts, [row["rms"] for row in mine], **style)
        left.set(xscale="log", xlabel="calibration images", ylabel="accuracy (%)", ylim=(98, 100))
        right.set(xscale="log", xlabel="calibration images", ylabel="rms error of the logits", ylim=(0, None))
        left.legend(loc="lower right")
    rights = [row["right"] / 100 for row in draws]
    rms = [f"{np.median([r['rms'] for r in draws if r['count'] == n]):.2f} with {n}" for n in (1, 10, 100, 1000)]
    return figure, (
        f"accuracy stays between {min(rights):.2f} and {max(rights):.2f} % from 1 to 1000 images; "
        f"the median error of the logits is {', '.join(rms)}."
    )
