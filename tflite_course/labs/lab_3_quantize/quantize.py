"""Lab 3, quantize: real numbers onto the grid of int8, with one scale for all or one for each channel."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake
from tflite_course.labs.lab_3_quantize.common import CUT_OFF, NOT_INT8, ROUNDED_DOWN


def quantize(real, scale, zero_point, axis=None):
    return _quantize(real, scale, zero_point, axis)


def _lie_along(values, real, axis):
    """Return numbers that broadcast over an array: one for all of it, or one for each place of an axis."""
    if axis is None:
        return values
    shape = [1] * real.ndim
    shape[axis] = -1
    return np.reshape(values, shape)


def _quantize(real, scale, zero_point, axis, *, steps=lambda real, scale: real / scale, whole=np.round, sign=1):
    q = whole(steps(real, _lie_along(scale, real, axis))) + sign * _lie_along(zero_point, real, axis)
    return np.clip(q, -128, 127).astype(np.int8)


def cases(rng):
    found = [(np.array([-0.7, 0.0, 0.5, 2.6]), 0.013, -74), (np.array([3.0, -9.0, 100.0]), 0.013, -74)]
    for zero_point in (0, -128, 13):
        found.append((rng.uniform(-4, 4, (3, 4)).round(3), float(rng.uniform(0.005, 0.03)), zero_point))
    for shape, axis in (((5, 3, 3, 2), 0), ((1, 3, 3, 5), 3), ((4, 4), 0), ((4, 4), 1), ((3, 3, 3), 1)):
        count = shape[axis]
        scales, zeros = rng.uniform(0.005, 0.03, count), rng.integers(-100, 100, count)
        zeros[0] = 100
        found.append((rng.uniform(-4, 4, shape).round(3), scales, zeros, axis))
    return found


def cast_first(real, scale, zero_point, axis=None):
    return _quantize(real.astype(np.int8), scale, zero_point, axis, whole=lambda steps: steps)


def not_clipped(real, scale, zero_point, axis=None):
    q = np.round(real / _lie_along(scale, real, axis)) + _lie_along(zero_point, real, axis)
    return q.astype(np.int64).astype(np.int8)


def truncated(real, scale, zero_point, axis=None):
    q = real / _lie_along(scale, real, axis) + _lie_along(zero_point, real, axis)
    return np.clip(q, -128, 127).astype(np.int8)


def rounded_down(real, scale, zero_point, axis=None):
    return _quantize(real, scale, zero_point, axis, whole=np.floor)


def no_zero_point(real, scale, zero_point, axis=None):
    return _quantize(real, scale, zero_point, axis, sign=0)


def zero_point_subtracted(real, scale, zero_point, axis=None):
    return _quantize(real, scale, zero_point, axis, sign=-1)


def clipped_early(real, scale, zero_point, axis=None):
    steps = np.clip(np.round(real / _lie_along(scale, real, axis)), -128, 127)
    return (steps + _lie_along(zero_point, real, axis)).astype(np.int64).astype(np.int8)


def multiplied(real, scale, zero_point, axis=None):
    return _quantize(real, scale, zero_point, axis, steps=np.multiply)


def still_float(real, scale, zero_point, axis=None):
    return quantize(real, scale, zero_point, axis).astype(np.float64)


def to_uint8(real, scale, zero_point, axis=None):
    q = np.round(real / _lie_along(scale, real, axis)) + _lie_along(zero_point, real, axis)
    return np.clip(q, 0, 255).astype(np.uint8)


def last_axis(real, scale, zero_point, axis=None):
    return _quantize(real, scale, zero_point, None)


def first_axis(real, scale, zero_point, axis=None):
    return _quantize(real, scale, zero_point, None if axis is None else 0)


def one_scale(real, scale, zero_point, axis=None):
    return _quantize(real, np.max(scale), np.max(zero_point), None)


def without_axis(real, scale, zero_point):
    return _quantize(real, scale, zero_point, None)


without_axis.__name__ = without_axis.__qualname__ = "quantize"  # Python's error names the function

EXERCISE = Exercise(
    points=2,
    tests="quantize(real, scale, zero_point, axis) inside and outside the range, with one scale and with many",
    why="this is the line that is forgotten or wrong in most programs that run an int8 model.",
    cases=cases,
    right=quantize,
    mistakes=[
        KnownMistake(
            "your function has no `axis`. With it, scale and zero point are arrays that lie along this axis.",
            without_axis,
        ),
        KnownMistake(
            "NumPy lays your scales along the last axis. Reshape them, so that they lie along `axis`.", last_axis
        ),
        KnownMistake("your scales always lie along axis 0. Use the argument `axis`.", first_axis),
        KnownMistake("you take one scale for all channels. Each channel has its own, along `axis`.", one_scale),
        KnownMistake("you cast to int8 before you divide by the scale, so the fractions are lost.", cast_first),
        KnownMistake(
            "values outside the range wrap around, 128 becomes -128. Clip to -128 and 127 before you cast.", not_clipped
        ),
        KnownMistake(CUT_OFF, truncated),
        KnownMistake(ROUNDED_DOWN, rounded_down),
        KnownMistake("the zero point is missing: it must be added after the division.", no_zero_point),
        KnownMistake(
            "you subtract the zero point. It is subtracted on the way back, and added here.", zero_point_subtracted
        ),
        KnownMistake("you clip before you add the zero point, so the sum leaves int8. Clip last.", clipped_early),
        KnownMistake("you multiply by the scale. It is the distance between two points: divide by it.", multiplied),
        KnownMistake(NOT_INT8, still_float),
        KnownMistake("this is uint8, 0 to 255. The result must be int8, -128 to 127.", to_uint8),
    ],
)
