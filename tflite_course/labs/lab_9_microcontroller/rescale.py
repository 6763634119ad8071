"""Lab 9, rescale: int32 sums to the scale of the output, rounded twice as TFLM does."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake


def _high(sums, multiplier):
    """Divide sums * multiplier by 2**31, rounded to the nearest, halves up."""
    return (sums.astype(np.int64) * multiplier + 2**30) >> 31


def _away(high, right):
    """Divide by 2**right, rounded to the nearest, halves away from zero."""
    right = np.asarray(right, np.int64)
    return np.sign(high) * ((np.abs(high) + ((1 << right) >> 1)) >> right)


def rescale(sums, multiplier, right):
    return _away(_high(sums, multiplier), right).astype(np.int32)


def cases(rng):
    found = []
    for shape in ((50,), (8, 10)):
        multiplier = rng.integers(2**30, 2**31, shape[-1:])
        right = rng.integers(1, 12, shape[-1:])
        found.append((rng.integers(-40_000, 40_000, shape).astype(np.int32), multiplier, right))
    small = np.arange(-40, 41, dtype=np.int32)
    found.append((small, 2**30, 3))  # 2**30 is 0.5: each odd sum ends in a half
    found.append((small, int(rng.integers(2**30, 2**31)), 0))
    found.append((small * 1000, int(rng.integers(2**30, 2**31)), 4))
    found.append((np.arange(-300, 301, dtype=np.int32), 2**31 - 1, 2))
    found.append((rng.integers(-(2**31), 2**31, 60).astype(np.int32), int(rng.integers(2**30, 2**31)), 14))
    return found


# --- sums that do not fit
def narrow(sums, multiplier, right):
    return _away((sums * multiplier + 2**30) >> 31, right).astype(np.int32)  # NumPy keeps int32 for a Python int


def all_narrow(sums, multiplier, right):
    return narrow(sums, np.asarray(multiplier).astype(np.int32), right)


def widened_late(sums, multiplier, right):
    return _away(((sums * multiplier).astype(np.int64) + 2**30) >> 31, right).astype(np.int32)


# --- other ways to round, all in int64
def _wide(change):
    return lambda sums, multiplier, right: change(
        sums.astype(np.int64), np.asarray(multiplier, np.int64), np.asarray(right, np.int64)
    ).astype(np.int32)


@_wide
def once(sums, multiplier, right):
    return (sums * multiplier + (1 << (30 + right))) >> (31 + right)


@_wide
def once_in_floats(sums, multiplier, right):
    return np.round(sums * (multiplier / 2**31 / 2.0**right))


@_wide
def first_cut(sums, multiplier, right):
    return _away((sums * multiplier) >> 31, right)


@_wide
def second_cut(sums, multiplier, right):
    return _high(sums, multiplier) >> right


@_wide
def both_cut(sums, multiplier, right):
    return ((sums * multiplier) >> 31) >> right


@_wide
def second_up(sums, multiplier, right):
    return (_high(sums, multiplier) + ((1 << right) >> 1)) >> right


@_wide
def first_away(sums, multiplier, right):
    product = sums * multiplier
    return _away(np.sign(product) * ((np.abs(product) + 2**30) >> 31), right)


@_wide
def zero_shift_rounded(sums, multiplier, right):
    high = _high(sums, multiplier)
    return (high + ((1 << right) >> 1) - (high < 0)) >> right


@_wide
def shift_missing(sums, multiplier, right):
    return _high(sums, multiplier)


def as_int64(sums, multiplier, right):
    return rescale(sums, multiplier, right).astype(np.int64)


OVERFLOW = "the product of two int32 numbers needs int64. Widen the sums before you multiply."
ONCE = "you round once. TFLM rounds the division by 2**31, and then the division by 2**right again."

EXERCISE = Exercise(
    points=3,
    tests="rescale(sums, multiplier, right) on small and large sums, on halves, and with right = 0",
    why="two devices that round in another way differ in the last bit, and then nobody trusts a comparison.",
    cases=cases,
    right=rescale,
    mistakes=[
        KnownMistake(OVERFLOW, narrow),
        KnownMistake(OVERFLOW, all_narrow),
        KnownMistake(OVERFLOW, widened_late),
        KnownMistake(ONCE, once),
        KnownMistake(f"{ONCE} And it uses integers only: floats are not exact here.", once_in_floats),
        KnownMistake("you cut off where you divide by 2**31. Add half of it first: 2**30.", first_cut),
        KnownMistake("you cut off in the second step. Add half of 2**right first, and mind the sign.", second_cut),
        KnownMistake("you cut off in both steps. Add half of the divisor before each shift.", both_cut),
        KnownMistake(
            "in the second step a half goes away from zero: -2.5 becomes -3. Yours goes up, to -2.", second_up
        ),
        KnownMistake("in the first step a half goes up: -2.5 becomes -2. Yours goes away from zero.", first_away),
        KnownMistake(
            "with right = 0 there is no second step. For negative numbers you subtract 1 all the same.",
            zero_shift_rounded,
        ),
        KnownMistake("the shift by `right` is missing.", shift_missing),
        KnownMistake("the values are right and the dtype is not: end with `.astype(np.int32)`.", as_int64),
    ],
)
