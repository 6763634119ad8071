"""Lab 3, convolve: a convolution in whole numbers, as an int8 kernel computes it."""

import functools

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake
from tflite_course.labs.lab_3_quantize.common import CUT_OFF, NOT_INT8, ROUNDED_DOWN

IMAGES = 12  # of the test set, whose activations the cases are cut from
LAYERS = 2  # the first convolutions of the shipped model


def convolve(x, w, b, zero_x, zero_y, multiplier):
    return _finish(_sums(x, w, zero_x) + b, zero_y, multiplier)


def _sums(x, w, zero_x, *, dtype=np.int64):
    """Return the sums of products, (height, width, filters), without the bias."""
    rows, columns = w.shape[1:3]
    height, width = x.shape[0] - rows + 1, x.shape[1] - columns + 1
    moved, sums = x.astype(dtype) - dtype(zero_x), np.zeros((height, width, len(w)), dtype)
    for i in range(rows):
        for j in range(columns):
            sums += moved[i : i + height, j : j + width] @ w[:, i, j].astype(dtype).T
    return sums


def _finish(sums, zero_y, multiplier, whole=np.round):
    return np.clip(whole(sums * multiplier) + zero_y, -128, 127).astype(np.int8)


@functools.cache
def layers():
    """Return [{x, w, b, zero_x, zero_y, multiplier, y}] of the shipped int8 model: what enters and leaves a layer.

    x and y hold the activations of the first test images, as the reference kernels compute them. The edges of y come
    from padding, and what is cut from the middle does not.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    from tflite_course import evaluation, models
    from tflite_course.labs.exercise import mnist

    net = Interpreter(
        str(models.model_path("mnist_cnn", "int8")),
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
    )
    source = net.get_input_details()[0]
    net.resize_tensor_input(source["index"], [IMAGES, 28, 28])
    net.allocate_tensors()
    net.set_tensor(source["index"], evaluation.quantize_input(mnist()[1][0][:IMAGES], source))
    net.invoke()
    steps = [step for step in evaluation.operators(net) if step["op_name"] == "CONV_2D"][:LAYERS]
    return [_layer(net, [int(k) for k in (*step["inputs"], *step["outputs"])]) for step in steps]


def _layer(net, indices):
    grids = {entry["index"]: entry["quantization_parameters"] for entry in net.get_tensor_details()}
    x, w, b, y = (net.get_tensor(index) for index in indices)
    (scale_x,), scales_w, _, (scale_y,) = (grids[index]["scales"].astype(np.float64) for index in indices)
    zero_x, zero_y = (int(grids[index]["zero_points"][0]) for index in (indices[0], indices[3]))
    multiplier = scale_x * scales_w / scale_y
    return {"x": x, "w": w, "b": b, "y": y, "zero_x": zero_x, "zero_y": zero_y, "multiplier": multiplier}


def cut(rng, layer):
    """Return (arguments of a case, what the interpreter has there): a part of a layer and three by four outputs.

    Kernels round a half in several ways, once or twice. So a part with an output near a half is drawn again.
    """
    while True:
        filters = rng.choice(len(layer["w"]), 4, replace=False)
        image, top, left = (int(rng.integers(0, most)) for most in (IMAGES, *np.subtract(layer["x"].shape[1:3], 5)))
        x = layer["x"][image, top : top + 5, left : left + 6].copy()
        w, b, multiplier = layer["w"][filters], layer["b"][filters], layer["multiplier"][filters]
        case = x, w, b, layer["zero_x"], layer["zero_y"], multiplier
        there = layer["y"][image, top + 1 : top + 4, left + 1 : left + 5, filters]
        if _clear(case) and len(np.unique(convolve(*case))) > 3:
            return case, np.moveaxis(there, 0, -1)


def _clear(case):
    """Return whether no output is near a half, where kernels differ."""
    x, w, b, zero_x, _, multiplier = case
    real = (_sums(x, w, zero_x) + b) * multiplier
    return np.abs(real - np.floor(real) - 0.5).min() > 0.01


def _drawn(rng, shape, kernel, zero_x, zero_y):
    """Return a case of random integers that passes every limit: of int8, of int16, and of the output."""
    while True:
        x = rng.integers(-128, 128, shape).astype(np.int8)
        x[0, :2, 0] = -128, 127  # one of the differences from the zero point needs nine bits
        w = rng.integers(-127, 128, (3, *kernel, shape[2])).astype(np.int8)
        b = rng.integers(-3000, 3000, 3).astype(np.int32)
        spread = np.abs(_sums(x, w, zero_x) + b).max(axis=(0, 1))
        case = x, w, b, zero_x, zero_y, rng.uniform(150, 220, 3) / spread
        if _clear(case):
            return case


def cases(rng):
    x, w = np.array([[-128, 0], [127, -128]], np.int8), np.array([[1, -2], [3, 4]], np.int8)
    found = [
        (x[..., np.newaxis], w[np.newaxis, ..., np.newaxis], np.array([91], np.int32), -128, -10, np.array([0.05]))
    ]
    found += [cut(rng, layer)[0] for layer in layers()]
    found.append(_drawn(rng, (4, 5, 3), (2, 3), 100, -20))
    found.append(_drawn(rng, (3, 3, 8), (3, 3), -128, 7))
    return found


def wrapped(x, w, b, zero_x, zero_y, multiplier):
    return _finish(_sums(x - np.int8(zero_x), w, 0) + b, zero_y, multiplier)


def sums_in_int16(x, w, b, zero_x, zero_y, multiplier):
    return _finish(_sums(x, w, zero_x, dtype=np.int16) + b, zero_y, multiplier)


def zero_x_forgotten(x, w, b, zero_x, zero_y, multiplier):
    return convolve(x, w, b, 0, zero_y, multiplier)


def zero_x_added(x, w, b, zero_x, zero_y, multiplier):
    return convolve(x, w, b, -zero_x, zero_y, multiplier)


def no_bias(x, w, b, zero_x, zero_y, multiplier):
    return convolve(x, w, 0 * b, zero_x, zero_y, multiplier)


def bias_at_the_end(x, w, b, zero_x, zero_y, multiplier):
    whole = np.round(_sums(x, w, zero_x) * multiplier) + b + zero_y
    return np.clip(whole, -128, 127).astype(np.int8)


def zero_y_forgotten(x, w, b, zero_x, zero_y, multiplier):
    return convolve(x, w, b, zero_x, 0, multiplier)


def zero_y_before_the_rescale(x, w, b, zero_x, zero_y, multiplier):
    return _finish(_sums(x, w, zero_x) + b + zero_y, 0, multiplier)


def rounded_down(x, w, b, zero_x, zero_y, multiplier):
    return _finish(_sums(x, w, zero_x) + b, zero_y, multiplier, whole=np.floor)


def truncated(x, w, b, zero_x, zero_y, multiplier):
    return np.clip((_sums(x, w, zero_x) + b) * multiplier + zero_y, -128, 127).astype(np.int8)


def not_clipped(x, w, b, zero_x, zero_y, multiplier):
    whole = np.round((_sums(x, w, zero_x) + b) * multiplier) + zero_y
    return whole.astype(np.int64).astype(np.int8)


def turned_kernel(x, w, b, zero_x, zero_y, multiplier):
    return convolve(x, w[:, ::-1, ::-1], b, zero_x, zero_y, multiplier)


def filters_first(x, w, b, zero_x, zero_y, multiplier):
    return np.moveaxis(convolve(x, w, b, zero_x, zero_y, multiplier), -1, 0).copy()


def first_multiplier(x, w, b, zero_x, zero_y, multiplier):
    return convolve(x, w, b, zero_x, zero_y, multiplier[:1])


def still_wide(x, w, b, zero_x, zero_y, multiplier, *, dtype):
    return convolve(x, w, b, zero_x, zero_y, multiplier).astype(dtype)


BIAS = "add the bias to the sums, before the rescale: it stands on their grid."

EXERCISE = Exercise(
    points=2,
    tests="convolve(x, w, b, zero_x, zero_y, multiplier) on parts of two real layers, and on integers at their limits",
    why="this is all that an int8 convolution does: who has written it knows where a device can go wrong.",
    cases=cases,
    right=convolve,
    mistakes=[
        KnownMistake(
            "int8 minus int8 overflows: NumPy stays in int8. Make x int32 before you subtract its zero point.", wrapped
        ),
        KnownMistake("the sums overflow in int16: so many products need int32.", sums_in_int16),
        KnownMistake("the zero point of x is missing: subtract it before you multiply.", zero_x_forgotten),
        KnownMistake("you add the zero point of x. Subtract it: zero_x stands for 0.0.", zero_x_added),
        KnownMistake("the bias is missing: add it to the sums.", no_bias),
        KnownMistake(BIAS, bias_at_the_end),
        KnownMistake("the zero point of y is missing: add it after the rescale.", zero_y_forgotten),
        KnownMistake(
            "you add the zero point of y before the rescale. It stands on the grid of y: add it at the end.",
            zero_y_before_the_rescale,
        ),
        KnownMistake(ROUNDED_DOWN, rounded_down),
        KnownMistake(CUT_OFF, truncated),
        KnownMistake("values outside int8 wrap around. Clip to -128 and 127 before you cast.", not_clipped),
        KnownMistake(
            "your kernel is turned by 180 degrees, as mathematics defines it. Networks do not turn it: w[f, 0, 0] "
            "belongs to the upper left number of the window.",
            turned_kernel,
        ),
        KnownMistake("the filters are the first axis of what you return. They must be the last.", filters_first),
        KnownMistake("you use one multiplier for all filters. Each has its own.", first_multiplier),
        *(
            KnownMistake(NOT_INT8, functools.partial(still_wide, dtype=dtype))
            for dtype in (np.int32, np.int64, np.float64, np.float32)
        ),
    ],
)
