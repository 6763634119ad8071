"""Measure ranges for lesson 05: where the outer points of a grid stand, at 8 to 2 bits a weight, without training.

    python -m tflite_course.authoring ranges        # about two minutes on two cores

Every row is a network of the course whose kernels lie on symmetric grids, one for each output channel; biases,
batch normalization and activations stay in float. The rows differ in "range", which chooses the outer point:

    largest weight       max |w|, what converters take
    99th percentile      of |w|, so that one weight of a hundred is clipped
    least squares        of 40 outer points the one with the smallest squared error
    threshold            three points only: what is above 0.7 mean |w| becomes its own mean (arXiv:1605.04711)

"anew" says whether the statistics of batch normalization were measured again afterwards, on 4,000 training images
without their labels. Writes ranges.json: "right" of the 10,000 test images, "pens" of the 7,494 pen digits, and
"fixed" and "broken" test images against the float network.
"""

import time

import numpy as np

from tflite_course import evaluation, models
from tflite_course.authoring.experiments.record import store
from tflite_course.datasets import load_mnist, load_pen_digits
from tflite_course.low_bits import measure_norms
from tflite_course.setup import prepare

NAMES, BITS, TRIES, ANEW, BATCH = ("mnist_cnn",), (8, 4, 3, 2), 40, 4000, 100


def on_grid(weights, bits, point):
    """Return weights on the symmetric grid of so many bits whose outer points are +-point."""
    most = 2 ** (bits - 1) - 1
    scale = point / most
    return scale * np.clip(np.round(weights / scale), -most, most)


def largest_weight(size, bits):
    return size.max(axis=0)


def percentile(size, bits):
    return np.quantile(size, 0.99, axis=0)


def least_squares(size, bits):
    tries = np.linspace(0.05, 1, TRIES)[:, None] * size.max(axis=0)
    errors = [((on_grid(size, bits, points) - size) ** 2).sum(axis=0) for points in tries]
    return tries[np.argmin(errors, axis=0), np.arange(size.shape[1])]


RANGES = {"largest weight": largest_weight, "99th percentile": percentile, "least squares": least_squares}
THREE_POINTS = "threshold"


def change(flat, name, bits):
    """Return weights (n, channels) on the grids that the range `name` gives them."""
    size = np.abs(flat)
    if name != THREE_POINTS:
        return on_grid(flat, bits, RANGES[name](size, bits))
    kept = size > 0.7 * size.mean(axis=0)
    return np.where(kept, (size * kept).sum(axis=0) / kept.sum(axis=0), 0) * np.sign(flat)


def put_on_grids(network, name, bits):
    """Change the kernels of a Keras network in place; a depthwise kernel has its channels in its third axis."""
    for layer in network.layers:
        kernel, *rest = layer.get_weights() or [np.zeros(0)]
        if kernel.ndim >= 2:
            channels = kernel.shape[2] if "Depthwise" in type(layer).__name__ else kernel.shape[-1]
            flat = change(kernel.reshape(-1, channels).astype(np.float64), name, bits)
            layer.set_weights([flat.reshape(kernel.shape).astype(np.float32), *rest])


def row_of(network, tests, before, **labels):
    """Return one row; tests: {"right": (images, digits), "pens": ...}; before: answers of the float network."""
    read = {title: network.predict(x, 500, verbose=0).argmax(1) for title, (x, _) in tests.items()}
    change = evaluation.churn(read["right"], before, tests["right"][1])
    counts = {title: int((read[title] == y).sum()) for title, (_, y) in tests.items()}
    row = {**labels, **counts, "fixed": change["fixed"], "broken": change["broken"]}
    print(row, flush=True)
    return row


def main():
    start = time.time()
    prepare()
    (x_train, _), mnist = load_mnist()
    tests, rows = {"right": mnist, "pens": load_pen_digits()}, []
    for model in NAMES:
        network = models.load_model(model)
        before = network.predict(mnist[0], 500, verbose=0).argmax(1)
        rows.append(row_of(network, tests, before, model=model, bits=32, range="float", anew=False))
        for bits in BITS:
            for name in (*RANGES, *[THREE_POINTS] * (bits == 2)):
                network = models.load_model(model)
                put_on_grids(network, name, bits)
                labels = {"model": model, "bits": bits, "range": name}
                rows.append(row_of(network, tests, before, **labels, anew=False))
                measure_norms(network, x_train[:ANEW], BATCH)
                rows.append(row_of(network, tests, before, **labels, anew=True))
    images = {title: len(y) for title, (_, y) in tests.items()}
    store("ranges", rows, time.time() - start, images=images, anew=ANEW, batch=BATCH, tries=TRIES)


if __name__ == "__main__":
    main()
