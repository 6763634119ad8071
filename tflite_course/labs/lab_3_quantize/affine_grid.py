"""Lab 3, affine_grid: the scale and the zero point of a range."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake


def affine_grid(low, high):
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / 255
    return scale, int(np.clip(np.round(-128 - low / scale), -128, 127))


def cases(rng):
    ranges = [(-0.7, 2.6), (0.0, 1.0), (0.4, 1.0), (-3.0, -1.0), (-1.0, 1.0)]
    ranges += [(float(-a), float(b)) for a, b in rng.uniform(0.1, 9, (6, 2)).round(2)]
    ranges += [(float(a), float(a + b)) for a, b in rng.uniform(0.1, 9, (2, 2)).round(2)]
    return ranges


def divided_by_256(low, high):
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / 256
    return scale, int(np.clip(np.round(-128 - low / scale), -128, 127))


def range_without_zero(low, high):
    scale = (high - low) / 255
    return scale, int(np.clip(np.round(-128 - low / scale), -128, 127))


def range_without_zero_not_clipped(low, high):
    scale = (high - low) / 255
    return scale, int(np.round(-128 - low / scale))


def zero_point_not_rounded(low, high):
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / 255
    return scale, -128 - low / scale


def zero_point_of_uint8(low, high):
    scale, zero_point = affine_grid(low, high)
    return scale, zero_point + 128


def symmetric(low, high):
    return max(abs(low), abs(high)) / 127, 0


def exchanged(low, high):
    return affine_grid(low, high)[::-1]


WIDEN = "0.0 must lie on the grid: widen the range to include 0 before you compute the scale."

EXERCISE = Exercise(
    points=2,
    tests="affine_grid(low, high) on ranges that contain zero, end at zero, or lie beside it",
    why="a wrong scale saturates or wastes part of the 256 values, and the shapes do not show it.",
    cases=cases,
    right=affine_grid,
    mistakes=[
        KnownMistake("you divide by 256. 256 points have 255 gaps between them.", divided_by_256),
        KnownMistake(WIDEN, range_without_zero),
        KnownMistake(WIDEN, range_without_zero_not_clipped),
        KnownMistake(
            "the zero point must be a whole number (int): round it, or 0.0 is not on the grid.", zero_point_not_rounded
        ),
        KnownMistake("your zero point is that of uint8 (0 to 255). int8 goes from -128 to 127.", zero_point_of_uint8),
        KnownMistake(
            "this is the symmetric grid. The asymmetric one is needed here: it fits both low and high.", symmetric
        ),
        KnownMistake("the order is (scale, zero_point).", exchanged),
    ],
    tolerance=1e-9,
)
