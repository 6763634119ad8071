"""Lab 9, dense: a dense layer in integers."""

import functools

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake
from tflite_course.labs.lab_9_microcontroller.rescale import rescale


def _sums(x, weights, dtype):
    return (x.astype(dtype) @ weights.T.astype(dtype)).astype(np.int64)


def _rescaled(sums, multiplier, right):
    return rescale(sums.astype(np.int32), multiplier, right).astype(np.int64)


def _saturated(values, low=-128):
    return np.clip(values, low, 127).astype(np.int8)


def dense(x, weights, bias, multiplier, right, zero_out):
    return _saturated(_rescaled(_sums(x, weights, np.int64) + bias, multiplier, right) + zero_out)


def cases(rng):
    found = []
    for count, inputs, outputs in ((3, 11, 10), (20, 16, 10), (1, 72, 8), (5, 12, 12)):
        x = rng.integers(-128, 128, (count, inputs)).astype(np.int8)
        weights = rng.integers(-127, 128, (outputs, inputs)).astype(np.int8)
        bias = rng.integers(-20_000, 20_000, outputs).astype(np.int32)
        multiplier, right = rng.integers(2**30, 2**31, outputs), rng.integers(7, 10, outputs)
        found.append((x, weights, bias, multiplier, right, int(rng.integers(20, 60)) * int(rng.choice([-1, 1]))))
    many = rng.integers(-128, 128, (200, 9)).astype(np.int8)  # enough rows for the rare ones that round otherwise
    right = rng.integers(3, 5, 6)
    weights = rng.integers(-3, 4, (6, 9)).astype(np.int8)
    found.append((many, weights, rng.integers(-900, 900, 6).astype(np.int32), rng.integers(2**30, 2**31, 6), right, -4))
    return found


def narrow_sums(x, weights, bias, multiplier, right, zero_out, *, dtype):
    return _saturated(_rescaled(_sums(x, weights, dtype) + bias, multiplier, right) + zero_out)


def no_bias(x, weights, bias, *others):
    return dense(x, weights, np.zeros_like(bias), *others)


def no_zero_point(x, weights, bias, multiplier, right, zero_out):
    return dense(x, weights, bias, multiplier, right, 0)


def zero_point_subtracted(x, weights, bias, multiplier, right, zero_out):
    return dense(x, weights, bias, multiplier, right, -zero_out)


def wrapped(x, weights, bias, multiplier, right, zero_out):
    return (_rescaled(_sums(x, weights, np.int64) + bias, multiplier, right) + zero_out).astype(np.int8)


def clipped_early(x, weights, bias, multiplier, right, zero_out):
    values = np.clip(_rescaled(_sums(x, weights, np.int64) + bias, multiplier, right), -128, 127)
    return (values + zero_out).astype(np.int8)


def clipped_at_zero(x, weights, bias, multiplier, right, zero_out):
    return _saturated(_rescaled(_sums(x, weights, np.int64) + bias, multiplier, right) + zero_out, low=0)


def rounded_once(x, weights, bias, multiplier, right, zero_out):
    sums = _sums(x, weights, np.int64) + bias
    return _saturated(((sums * multiplier + (1 << (30 + right))) >> (31 + right)) + zero_out)


def not_transposed(x, weights, *others):
    return dense(x, weights.T, *others)


def as_int32(*arguments):
    return dense(*arguments).astype(np.int32)


EXERCISE = Exercise(
    points=3,
    tests="dense(x, weights, bias, multiplier, right, zero_out) on five layers, bit by bit",
    why="this is the kernel that runs millions of times a day, and a convolution is the same on each patch.",
    cases=cases,
    right=dense,
    mistakes=[
        KnownMistake(
            "int8 times int8 wraps around in NumPy, and so does the sum. Make both int32 before `@`.",
            functools.partial(narrow_sums, dtype=np.int8),
        ),
        KnownMistake(
            "int16 is too small for the sum of the products. Use int32, as the kernel does.",
            functools.partial(narrow_sums, dtype=np.int16),
        ),
        KnownMistake("the bias is missing: add it to the sums before you rescale.", no_bias),
        KnownMistake("the zero point of the output is missing: add it after the rescaling.", no_zero_point),
        KnownMistake(
            "you subtract the zero point of the output. It is added on the way into int8.", zero_point_subtracted
        ),
        KnownMistake("values outside int8 wrap around. Clip to -128 and 127 before you cast.", wrapped),
        KnownMistake("you clip before you add the zero point, so the sum leaves int8. Clip last.", clipped_early),
        KnownMistake("you clip at 0, which is not a bound here: the bounds are -128 and 127.", clipped_at_zero),
        KnownMistake("your layer rounds once. Use your `rescale`, which rounds twice, as TFLM does.", rounded_once),
        KnownMistake("the weights must be transposed: `weights.T` has a column for each output.", not_transposed),
        KnownMistake("the values are right and the dtype is not: end with `.astype(np.int8)`.", as_int32),
    ],
)
