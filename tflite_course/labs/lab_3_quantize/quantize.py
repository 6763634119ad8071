"""Lab 3, quantize: real numbers onto the grid of int8."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake


def quantize(real, scale, zero_point):
    return np.clip(np.round(real / scale) + zero_point, -128, 127).astype(np.int8)


def cases(rng):
    found = [(np.array([-0.7, 0.0, 0.5, 2.6]), 0.013, -74), (np.array([3.0, -9.0, 100.0]), 0.013, -74)]
    for zero_point in (0, -128, 13):
        found.append((rng.uniform(-4, 4, (3, 4)).round(3), float(rng.uniform(0.005, 0.03)), zero_point))
    return found


def cast_first(real, scale, zero_point):
    return np.clip(real.astype(np.int8) / scale + zero_point, -128, 127).astype(np.int8)


def not_clipped(real, scale, zero_point):
    return (np.round(real / scale) + zero_point).astype(np.int64).astype(np.int8)


def truncated(real, scale, zero_point):
    return np.clip(real / scale + zero_point, -128, 127).astype(np.int8)


def rounded_down(real, scale, zero_point):
    return np.clip(np.floor(real / scale) + zero_point, -128, 127).astype(np.int8)


def no_zero_point(real, scale, zero_point):
    return np.clip(np.round(real / scale), -128, 127).astype(np.int8)


def zero_point_subtracted(real, scale, zero_point):
    return np.clip(np.round(real / scale) - zero_point, -128, 127).astype(np.int8)


def clipped_early(real, scale, zero_point):
    return (np.clip(np.round(real / scale), -128, 127) + zero_point).astype(np.int64).astype(np.int8)


def multiplied(real, scale, zero_point):
    return np.clip(np.round(real * scale) + zero_point, -128, 127).astype(np.int8)


def still_float(real, scale, zero_point):
    return np.clip(np.round(real / scale) + zero_point, -128, 127)


def to_uint8(real, scale, zero_point):
    return np.clip(np.round(real / scale) + zero_point, 0, 255).astype(np.uint8)


EXERCISE = Exercise(
    points=2,
    tests="quantize(real, scale, zero_point) inside and outside the range",
    why="this is the line that is forgotten or wrong in most programs that run an int8 model.",
    cases=cases,
    right=quantize,
    mistakes=[
        KnownMistake("you cast to int8 before you divide by the scale, so the fractions are lost.", cast_first),
        KnownMistake(
            "values outside the range wrap around, 128 becomes -128. Clip to -128 and 127 before you cast.", not_clipped
        ),
        KnownMistake("you cut the fraction off. Round to the nearest whole number.", truncated),
        KnownMistake("you round down. Round to the nearest whole number.", rounded_down),
        KnownMistake("the zero point is missing: it must be added after the division.", no_zero_point),
        KnownMistake(
            "you subtract the zero point. It is subtracted on the way back, and added here.", zero_point_subtracted
        ),
        KnownMistake("you clip before you add the zero point, so the sum leaves int8. Clip last.", clipped_early),
        KnownMistake("you multiply by the scale. It is the distance between two points: divide by it.", multiplied),
        KnownMistake("the values are right and the dtype is not: end with `.astype(np.int8)`.", still_float),
        KnownMistake("this is uint8, 0 to 255. The result must be int8, -128 to 127.", to_uint8),
    ],
)
