"""Lab 9, fold_bias: the zero point of the input goes into the bias."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake


def fold_bias(weights, bias, zero_in):
    return (bias - zero_in * weights.sum(axis=1, dtype=np.int64)).astype(np.int32)


def cases(rng):
    found = []
    for shape, zero_in in (((4, 30), -128), ((6, 6), -128), ((10, 16), int(rng.integers(-100, 100))), ((3, 50), 7)):
        weights = rng.integers(-127, 128, shape).astype(np.int8)
        weights[0] = 127 - np.arange(shape[1]) % 3  # its sum leaves int8 by far
        found.append((weights, rng.integers(-5000, 5000, shape[0]).astype(np.int32), zero_in))
    return found


def wrong_sign(weights, bias, zero_in):
    return fold_bias(weights, bias, -zero_in)


def narrow_sum(weights, bias, zero_in):
    return (bias - zero_in * weights.sum(axis=1, dtype=np.int8).astype(np.int64)).astype(np.int32)


def narrow_product(weights, bias, zero_in):
    return (bias - (weights * np.int8(zero_in)).sum(axis=1)).astype(np.int32)


def no_zero_point(weights, bias, zero_in):
    return fold_bias(weights, bias, 1)


def all_weights(weights, bias, zero_in):
    return (bias - zero_in * int(weights.sum(dtype=np.int64))).astype(np.int32)


def columns(weights, bias, zero_in):
    return fold_bias(weights.T, bias, zero_in)


def no_bias(weights, bias, zero_in):
    return fold_bias(weights, np.zeros_like(bias), zero_in)


def as_int64(weights, bias, zero_in):
    return fold_bias(weights, bias, zero_in).astype(np.int64)


EXERCISE = Exercise(
    points=2,
    tests="fold_bias(weights, bias, zero_in) on several shapes and zero points",
    why="the kernel then multiplies the bytes as they are, without a subtraction for each of them.",
    cases=cases,
    right=fold_bias,
    mistakes=[
        KnownMistake("the sign is wrong: the kernel multiplies x, and it should multiply x - zero_in.", wrong_sign),
        KnownMistake("the sum of int8 weights wraps around. Add up in int32 or more.", narrow_sum),
        KnownMistake(
            "int8 times int8 stays int8 and wraps around. Add up the weights first, in int32, then multiply.",
            narrow_product,
        ),
        KnownMistake("the zero point is missing: it multiplies the sum of the weights.", no_zero_point),
        KnownMistake("you add up all weights. Each output has a row of its own: `axis=1`.", all_weights),
        KnownMistake("you add up the columns. Each output has a row of weights: `axis=1`.", columns),
        KnownMistake("the bias is missing: subtract from it.", no_bias),
        KnownMistake("the values are right and the dtype is not: a bias is int32.", as_int64),
    ],
)
