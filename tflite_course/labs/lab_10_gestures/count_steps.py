"""Lab 10, count_steps: how many int8 values each axis takes under one scale."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake


def count_steps(samples, scale, zero_point):
    return _distinct(_quantized(samples, scale, zero_point))


def _quantized(samples, scale, zero_point):
    return _clip(np.round(samples / scale) + zero_point)


def _clip(values):
    return np.clip(values, -128, 127)


def _distinct(q):
    return [len(np.unique(q[:, axis])) for axis in range(q.shape[1])]


def plain_list(value):
    """Return a list of whole numbers for an array of them."""
    if type(value) is np.ndarray and value.ndim == 1 and value.dtype.kind in "iu":
        return value.tolist()
    return value


def cases(rng):
    found = []
    for zero_point in (0, -40, 25):
        # two axes with a few steps, two with many, two that leave the range
        widths = rng.permutation([1.2, 2.3, 12.0, 30.0, 150.0, 260.0])
        scale = float(rng.uniform(0.02, 0.05))
        found.append(((rng.normal(0, 1, (400, 6)) * widths * scale).astype(np.float32), scale, zero_point))
    return found


def not_clipped(samples, scale, zero_point):
    return _distinct(np.round(samples / scale) + zero_point)


def wrapped(samples, scale, zero_point):
    return _distinct((np.round(samples / scale) + zero_point).astype(np.int64).astype(np.int8))


def truncated(samples, scale, zero_point):
    return _distinct(_clip(np.trunc(samples / scale) + zero_point))


def truncated_after_zero_point(samples, scale, zero_point):
    return _distinct(np.trunc(_clip(samples / scale + zero_point)))


def rounded_down(samples, scale, zero_point):
    return _distinct(_clip(np.floor(samples / scale) + zero_point))


def floats(samples, scale, zero_point):
    return _distinct(samples)


def no_zero_point(samples, scale, zero_point):
    return _distinct(_clip(np.round(samples / scale)))


def multiplied(samples, scale, zero_point):
    return _distinct(_clip(np.round(samples * scale) + zero_point))


def all_axes(samples, scale, zero_point):
    return len(np.unique(_quantized(samples, scale, zero_point)))


def own_scales(samples, scale, zero_point):
    return _distinct(_quantized(samples, np.abs(samples).max(axis=0) / 127, zero_point))


def span(samples, scale, zero_point):
    return np.ptp(_quantized(samples, scale, zero_point), axis=0).astype(int).tolist()


def span_with_both_ends(samples, scale, zero_point):
    return [steps + 1 for steps in span(samples, scale, zero_point)]


TRUNCATED = "you cut the fraction off. Round to the nearest whole number."
SPAN = "this is the distance from the smallest to the largest value. Count the values that do occur."

EXERCISE = Exercise(
    points=2,
    tests="count_steps(samples, scale, zero_point) on axes with few values, with many, and outside the range",
    why="one scale serves all axes of an int8 input, and an axis with few steps tells the network nothing.",
    cases=cases,
    right=count_steps,
    mistakes=[
        KnownMistake(
            "values outside the range are not clipped to -128 and 127, so you count steps that int8 does not have.",
            not_clipped,
        ),
        KnownMistake(
            "the cast to int8 wraps values around, 128 becomes -128. Clip to -128 and 127 first.",
            wrapped,
        ),
        KnownMistake(TRUNCATED, truncated),
        KnownMistake(TRUNCATED, truncated_after_zero_point),
        KnownMistake("you round down. Round to the nearest whole number.", rounded_down),
        KnownMistake("you count different floats. Quantize first: divide by the scale and round.", floats),
        KnownMistake(
            "the zero point is missing, or added after the clipping. It moves the range: add it, then clip.",
            no_zero_point,
        ),
        KnownMistake("you multiply by the scale. It is what one step is worth: divide by it.", multiplied),
        KnownMistake("this is one number for all axes together. Return one for each axis.", all_axes),
        KnownMistake(
            "each axis gets a scale of its own. An int8 input has one scale for all: take the one that is given.",
            own_scales,
        ),
        KnownMistake(SPAN, span_with_both_ends),
        KnownMistake(SPAN, span),
    ],
    plain=plain_list,
)
