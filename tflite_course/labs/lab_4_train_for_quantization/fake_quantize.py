"""Lab 4, fake_quantize: numbers are moved to the nearest point of a grid of 2**bits points."""

import functools

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake


def fake_quantize(x, low, high, bits):
    scale, zero_point = _grid(low, high, 2**bits - 1)
    return (scale * (_whole(x, scale, zero_point, bits) - zero_point)).astype(np.float32)


def _grid(low, high, steps):
    """Return the scale and the zero point, both floats, of a grid of steps over a range that is widened to 0."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / steps
    return scale, np.round(-low / scale)


def _whole(x, scale, zero_point, bits, to_whole=np.round):
    """Return the numbers of the grid's points, counted from 0."""
    return np.clip(to_whole(x / scale) + zero_point, 0, 2**bits - 1)


def cases(rng):
    found = [(np.array([-5.0, -0.3, 0.0, 0.5, 1.6]), -1.0, 2.0, 3)]
    for bits in (2, 4, 8):
        low, high = float(-rng.uniform(0.3, 3)), float(rng.uniform(0.3, 3))
        found.append((rng.uniform(2 * low, 2 * high, (4, 5)), low, high, bits))
    low = float(rng.uniform(0.3, 1))
    found.append((rng.uniform(-1, 6, 12), low, low + float(rng.uniform(1, 3)), 4))  # zero lies below the range
    found.append((rng.uniform(-6, 1, 12), -low - float(rng.uniform(1, 3)), -low, 3))
    return found


def step_too_many(x, low, high, bits):
    scale, zero_point = _grid(low, high, 2**bits)
    return (scale * (_whole(x, scale, zero_point, bits) - zero_point)).astype(np.float32)


def range_without_zero(x, low, high, bits):
    scale = (high - low) / (2**bits - 1)
    zero_point = np.round(-low / scale)
    return (scale * (_whole(x, scale, zero_point, bits) - zero_point)).astype(np.float32)


def zero_point_not_whole(x, low, high, bits):
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / (2**bits - 1)
    q = np.clip(np.round(x / scale - low / scale), 0, 2**bits - 1)
    return (scale * q + low).astype(np.float32)


def not_clipped(x, low, high, bits):
    scale, _ = _grid(low, high, 2**bits - 1)
    return (scale * np.round(x / scale)).astype(np.float32)


def truncated(x, low, high, bits, to_whole=np.trunc):
    scale, zero_point = _grid(low, high, 2**bits - 1)
    return (scale * (_whole(x, scale, zero_point, bits, to_whole) - zero_point)).astype(np.float32)


def rounded_down(x, low, high, bits):
    return truncated(x, low, high, bits, to_whole=np.floor)


def always_8_bits(x, low, high, bits):
    return fake_quantize(x, low, high, 8)


def integers(x, low, high, bits, *, dtype):
    return _whole(x, *_grid(low, high, 2**bits - 1), bits).astype(dtype)


def still_float64(x, low, high, bits):
    scale, zero_point = _grid(low, high, 2**bits - 1)
    return scale * (_whole(x, scale, zero_point, bits) - zero_point)


INTEGERS = "these are the integers of the grid. Fake quantization goes back: subtract the zero point, times scale."

EXERCISE = Exercise(
    points=2,
    tests="fake_quantize(x, low, high, bits) for 2 to 8 bits, on ranges with and beside zero",
    why="training feels the rounding only if it is the one that the int8 kernels do.",
    cases=cases,
    right=fake_quantize,
    mistakes=[
        KnownMistake("you use 2**bits steps. 2**bits points have one gap less between them.", step_too_many),
        KnownMistake(
            "0.0 must lie on the grid: widen the range to include 0 before you compute the scale.", range_without_zero
        ),
        KnownMistake(
            "0.0 is not on your grid: round the zero point to a whole number. The ends of the range move a little.",
            zero_point_not_whole,
        ),
        KnownMistake("values outside the range are not clipped: the grid ends at 0 and 2**bits - 1.", not_clipped),
        KnownMistake("you cut the fraction off. Round to the nearest point.", truncated),
        KnownMistake("you round down. Round to the nearest point.", rounded_down),
        KnownMistake("your grid always has 8 bits: use the argument.", always_8_bits),
        *(
            KnownMistake(INTEGERS, functools.partial(integers, dtype=dtype))
            for dtype in (np.float64, np.float32, np.int64, np.uint8)
        ),
        KnownMistake(
            "the values are right and the dtype is not: return float32, the network trains in it.", still_float64
        ),
    ],
    tolerance=1e-5,
)
