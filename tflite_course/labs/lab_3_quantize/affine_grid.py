"""Lab 3, affine_grid: the scale and the zero point of a range, for any number of bits."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake


def affine_grid(low, high, bits, signed):
    return _grid(min(low, 0.0), max(high, 0.0), *_ends(bits, signed))


def _ends(bits, signed):
    """Return the lowest and the highest integer."""
    lowest = -(2 ** (bits - 1)) if signed else 0
    return lowest, lowest + 2**bits - 1


def _grid(low, high, lowest, highest):
    scale = (high - low) / (highest - lowest)
    return scale, int(np.clip(np.round(lowest - low / scale), lowest, highest))


def cases(rng):
    found = [(-0.7, 2.6, 8, True), (-0.7, 2.6, 4, False), (0.0, 1.0, 8, False), (0.4, 1.0, 8, True)]
    found += [(-3.0, -1.0, 4, True), (0.5, 2.0, 4, False), (-4.0, -0.5, 8, False)]
    for bits in (4, 8, 16):
        for signed in (False, True):
            scale, points = float(rng.uniform(0.002, 0.05)), 2**bits
            below = int(rng.integers(1, points // 2)) + float(rng.uniform(-0.4, 0.4))  # in steps, away from a half
            found.append((-scale * below, scale * (points - 1 - below), bits, signed))
    return found


def eight_bits_of_int8(low, high, bits, signed):
    return affine_grid(low, high, 8, True)


def always_signed(low, high, bits, signed):
    return affine_grid(low, high, bits, True)


def always_unsigned(low, high, bits, signed):
    return affine_grid(low, high, bits, False)


def step_too_many(low, high, bits, signed):
    low, high = min(low, 0.0), max(high, 0.0)
    lowest, highest = _ends(bits, signed)
    scale = (high - low) / 2**bits
    return scale, int(np.clip(np.round(lowest - low / scale), lowest, highest))


def range_without_zero(low, high, bits, signed):
    return _grid(low, high, *_ends(bits, signed))


def range_without_zero_not_clipped(low, high, bits, signed):
    lowest, highest = _ends(bits, signed)
    scale = (high - low) / (highest - lowest)
    return scale, int(np.round(lowest - low / scale))


def zero_point_not_rounded(low, high, bits, signed):
    low, high = min(low, 0.0), max(high, 0.0)
    lowest, highest = _ends(bits, signed)
    scale = (high - low) / (highest - lowest)
    return scale, lowest - low / scale


def symmetric(low, high, bits, signed):
    return max(abs(low), abs(high)) / _ends(bits, True)[1], 0


def exchanged(low, high, bits, signed):
    return affine_grid(low, high, bits, signed)[::-1]


WIDEN = "0.0 must lie on the grid: widen the range to include 0 before you compute the scale."

EXERCISE = Exercise(
    points=2,
    tests="affine_grid(low, high, bits, signed) with 4, 8 and 16 bits, on ranges around zero and beside it",
    why="a wrong scale saturates or wastes a part of the points, and the shapes do not show it.",
    cases=cases,
    right=affine_grid,
    mistakes=[
        KnownMistake(
            "your grid always has 256 points from -128 to 127, as in lesson 05: use `bits` and `signed`.",
            eight_bits_of_int8,
        ),
        KnownMistake("your integers are always signed. Unsigned ones go from 0 to 2**bits - 1.", always_signed),
        KnownMistake(
            "your integers always begin at 0. Signed ones go from -2**(bits - 1) to 2**(bits - 1) - 1.", always_unsigned
        ),
        KnownMistake("you divide by 2**bits. 2**bits points have one gap less between them.", step_too_many),
        KnownMistake(WIDEN, range_without_zero),
        KnownMistake(WIDEN, range_without_zero_not_clipped),
        KnownMistake(
            "the zero point must be a whole number (int): round it, or 0.0 is not on the grid.", zero_point_not_rounded
        ),
        KnownMistake(
            "this is the symmetric grid. The asymmetric one is needed here: it fits both low and high.", symmetric
        ),
        KnownMistake("the order is (scale, zero_point).", exchanged),
    ],
    tolerance=1e-9,
)
