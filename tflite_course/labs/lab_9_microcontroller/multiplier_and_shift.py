"""Lab 9, multiplier_and_shift: a scale as a 32-bit integer and a shift."""

import functools
import math

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake


def multiplier_and_shift(scale, *, whole=lambda value: math.floor(value + 0.5), carry=True, sign=-1, halve=True):
    fraction, exponent = math.frexp(scale)
    multiplier = whole(fraction * 2**31)
    if multiplier == 2**31 and carry:
        multiplier, exponent = 2**30, exponent + int(halve)
    return multiplier, sign * exponent


def cases(rng):
    scales = [0.0071, 0.5, 0.25, 1.0, 5.3]
    scales += [0.5 - 2.0**-36, 2.0 ** -int(rng.integers(3, 9)) - 2.0**-45]  # these round up to a power of two
    while len(scales) < 20:
        scale = float(np.exp(rng.uniform(np.log(1e-5), np.log(3))))
        if abs(math.frexp(scale)[0] * 2**31 % 1 - 0.5) > 1e-3:  # a half may go both ways
            scales.append(scale)
    return [(scale,) for scale in scales]


def in_float32(scale):
    fraction, exponent = math.frexp(scale)
    return int(np.float32(fraction) * np.float32(2**31)), -exponent


def half(scale):
    multiplier, right = multiplier_and_shift(scale)
    return multiplier // 2, right - 1


def no_shift(scale):
    return math.floor(scale * 2**31 + 0.5), 0


def still_a_fraction(scale):
    fraction, exponent = math.frexp(scale)
    return fraction, -exponent


def as_float(scale):
    multiplier, right = multiplier_and_shift(scale)
    return float(multiplier), right


def exchanged(scale):
    return multiplier_and_shift(scale)[::-1]


EXERCISE = Exercise(
    points=2,
    tests="multiplier_and_shift(scale) on small, exact and large scales, and on two that round up to a power of two",
    why="a multiplier that leaves int32 becomes negative, and a layer answers nonsense.",
    cases=cases,
    right=multiplier_and_shift,
    mistakes=[
        KnownMistake(
            "2**31 does not fit into int32. When rounding gives it, take 2**30 and one shift less.",
            functools.partial(multiplier_and_shift, carry=False),
        ),
        KnownMistake(
            "after the halving to 2**30 the shift must change too: one less to the right.",
            functools.partial(multiplier_and_shift, halve=False),
        ),
        KnownMistake(
            "you cut the fraction off. Round to the nearest whole number.",
            functools.partial(multiplier_and_shift, whole=int),
        ),
        KnownMistake(
            "the sign of the shift is wrong: `frexp` gives an exponent of 2, and a shift to the right divides.",
            functools.partial(multiplier_and_shift, sign=1),
        ),
        KnownMistake("float32 has 24 bits, the multiplier 31. Compute in Python's floats.", in_float32),
        KnownMistake(
            "the multiplier lies between 2**30 and 2**31, yours is half: take the fraction times 2**31.", half
        ),
        KnownMistake("without a shift small scales lose their digits. `math.frexp` splits the scale.", no_shift),
        KnownMistake("the fraction is still a float. Multiply by 2**31 and round.", still_a_fraction),
        KnownMistake("the multiplier must be a whole number (int).", as_float),
        KnownMistake("the order is (multiplier, right).", exchanged),
    ],
)
