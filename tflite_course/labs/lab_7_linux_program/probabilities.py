"""Lab 7, probabilities: softmax of an output tensor, whatever its dtype."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake
from tflite_course.labs.lab_7_linux_program.common import details as tensor_details


def probabilities(values, details):
    return _softmax(logits(values, details))


def logits(values, details):
    row = values[0].astype(np.float64)
    if details["dtype"] == np.float32:
        return row
    scale, zero_point = details["quantization"]
    return scale * (row - zero_point)


def _softmax(row):
    return _share(np.exp(row - row.max()))


def _share(powers):
    return powers / powers.sum()


def as_float64(value):
    """Return float32 as float64: which of the two comes back is not part of the exercise."""
    if type(value) is np.ndarray and value.dtype == np.float32:
        return value.astype(np.float64)
    return value


def cases(rng):
    saturated = np.array([[-128, -90, 127, 100, 120, -3, 0, 9, -128, 60]], np.int8)
    large = rng.integers(-100, 126, (1, 10)).astype(np.int8)
    large[0, 4] = 127  # a logit of about 2,000
    rows = [
        (rng.integers(-30, 30, (1, 10)).astype(np.int8), (0.15, 4)),
        (saturated, (0.1, 90)),
        (rng.integers(-128, 128, (1, 10)).astype(np.int8), (0.19, -100)),
        (large, (8.0, -128)),
        (rng.integers(0, 256, (1, 10)).astype(np.uint8), (0.05, 130)),
        (rng.normal(0, 4, (1, 10)).astype(np.float32), (0.0, 0)),
    ]
    return [(row, tensor_details(rng, row.dtype.type, quantization, (1, 10))) for row, quantization in rows]


def _of_integers(values, details, change):
    """Return what change makes of the row, the scale and the zero point of an integer model."""
    if details["dtype"] == np.float32:
        return probabilities(values, details)
    return change(values[0], *details["quantization"])


def zero_point_wraps(values, details):
    return _of_integers(values, details, lambda q, s, z: _softmax((q - q.dtype.type(z)).astype(np.float64) * s))


def largest_wraps(values, details):
    return _of_integers(values, details, lambda q, s, z: _share(np.exp((q - q.max()).astype(np.float64) * s)))


def no_scale(values, details):
    return _of_integers(values, details, lambda q, s, z: _softmax(q.astype(np.float64)))


def overflow(values, details):
    return _share(np.exp(logits(values, details)))


def overflow_in_float32(values, details):
    return _share(np.exp(logits(values, details).astype(np.float32)))


def not_divided(values, details):
    row = logits(values, details)
    return np.exp(row - row.max())


def scale_of_a_float_model(values, details):
    scale, zero_point = details["quantization"]
    return _softmax(scale * (values[0].astype(np.float64) - zero_point))


def two_axes(values, details):
    return probabilities(values, details)[np.newaxis]


def as_list(values, details):
    return probabilities(values, details).tolist()


WRAPS = "int8 minus int8 stays int8 and wraps around. Make it float before you subtract"
OVERFLOW = "`exp` of a large logit is infinite. Subtract the largest logit first: the result is the same."

EXERCISE = Exercise(
    points=2,
    tests="probabilities(values, details) on int8, uint8 and float32 outputs, with small and large logits",
    why="a wrapped difference makes a probability that looks fine and belongs to another digit.",
    cases=cases,
    right=probabilities,
    mistakes=[
        KnownMistake(f"{WRAPS} the zero point.", zero_point_wraps),
        KnownMistake(f"{WRAPS} the largest.", largest_wraps),
        KnownMistake(
            "the scale is missing: softmax needs the real logits, and one step of int8 is `scale`.",
            no_scale,
        ),
        KnownMistake(OVERFLOW, overflow),
        KnownMistake(OVERFLOW, overflow_in_float32),
        KnownMistake("these are the logits. Softmax makes probabilities of them.", logits),
        KnownMistake("they do not add up to 1: divide by their sum.", not_divided),
        KnownMistake("a float model has no scale (it is 0): its output is the logits already.", scale_of_a_float_model),
        KnownMistake("ten numbers are expected, shape (10,): take the first row of the output.", two_axes),
        KnownMistake("this is a list. Return the array that NumPy computes.", as_list),
    ],
    tolerance=1e-5,
    plain=as_float64,
)
