"""Lab 3, dequantize: values of int8 back into real numbers."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake


def dequantize(q, scale, zero_point):
    return (np.float32(scale) * (q.astype(np.int32) - zero_point)).astype(np.float32)


def cases(rng):
    found = [(np.array([-128, -74, 0, 127], np.int8), 0.013, -74)]
    for zero_point in (0, -128, 100):
        q = rng.integers(-128, 128, (3, 5)).astype(np.int8)
        q[0, :2] = -128, 127  # differences of 228 and 255: int8 cannot hold them
        found.append((q, float(rng.uniform(0.005, 0.03)), zero_point))
    return found


def wrapped(q, scale, zero_point):
    return (np.float32(scale) * (q - np.int8(zero_point))).astype(np.float32)


def added(q, scale, zero_point):
    return (np.float32(scale) * (q.astype(np.int32) + zero_point)).astype(np.float32)


def divided(q, scale, zero_point):
    return ((q.astype(np.int32) - zero_point) / np.float32(scale)).astype(np.float32)


def no_zero_point(q, scale, zero_point):
    return (np.float32(scale) * q.astype(np.int32)).astype(np.float32)


def as_float64(q, scale, zero_point):
    return scale * (q.astype(np.float64) - zero_point)


EXERCISE = Exercise(
    points=1,
    tests="dequantize(q, scale, zero_point) over all of int8",
    why="NumPy keeps int8 when it subtracts, and wraps around silently.",
    cases=cases,
    right=dequantize,
    mistakes=[
        KnownMistake(
            "int8 minus int8 overflows: NumPy stays in int8. Make it float32 or int32 before you subtract.", wrapped
        ),
        KnownMistake("you add the zero point. It was added on the way in: subtract it here.", added),
        KnownMistake("you divide by the scale. On the way back it is multiplied.", divided),
        KnownMistake("the zero point is missing: subtract it before you multiply.", no_zero_point),
        KnownMistake("the values are right and the dtype is not: return float32, as the models use it.", as_float64),
    ],
    tolerance=1e-5,
)
