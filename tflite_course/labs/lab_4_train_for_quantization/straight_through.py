"""Lab 4, straight_through: the gradient passes fake quantization, except where it clips."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake


def straight_through(x, upstream, low, high):
    return np.where((x >= low) & (x <= high), upstream, 0).astype(np.float32)


def cases(rng):
    x = np.array([-2.0, -0.75, -0.2, 0.0, 1.5, 3.0], np.float32)
    found = [(x, np.array([2, -3, 0.5, 1, 4, 5], np.float32), -0.75, 1.5)]  # both ends are among the values
    for shape in ((7,), (3, 4), (30,)):
        low, high = float(-rng.uniform(0.2, 2)), float(rng.uniform(0.2, 2))
        values = rng.uniform(1.6 * low, 1.6 * high, shape).astype(np.float32)
        found.append((values, rng.normal(size=shape).astype(np.float32), low, high))
    return found


def true_slope(x, upstream, low, high):
    return np.zeros_like(x)


def passes_everything(x, upstream, low, high):
    return upstream


def slope_alone(x, upstream, low, high):
    return straight_through(x, np.ones_like(upstream), low, high)


def ends_left_out(x, upstream, low, high):
    return np.where((x > low) & (x < high), upstream, 0).astype(np.float32)


def gradient_clipped(x, upstream, low, high):
    return np.clip(upstream, low, high).astype(np.float32)


def outside(x, upstream, low, high):
    return upstream - straight_through(x, upstream, low, high)


def times_x(x, upstream, low, high):
    return (np.clip(x, low, high) * upstream).astype(np.float32)


EXERCISE = Exercise(
    points=1,
    tests="straight_through(x, upstream, low, high) inside, outside and at the ends of the range",
    why="a staircase is flat: without this rule no weight would ever learn.",
    cases=cases,
    right=straight_through,
    mistakes=[
        KnownMistake(
            "this is the true slope of the stairs, 0 everywhere: with it no weight would ever move.", true_slope
        ),
        KnownMistake("where x is clipped the gradient is 0: a change of x changes nothing there.", passes_everything),
        KnownMistake(
            "you return the slope alone. The chain rule multiplies it by the gradient that comes in.", slope_alone
        ),
        KnownMistake("x at an end of the range is not clipped yet: take <= and >=.", ends_left_out),
        KnownMistake("you clip the gradient. x is what is clipped; the gradient passes or does not.", gradient_clipped),
        KnownMistake(
            "you kept the gradient where x is clipped, and dropped it inside. It is the other way round.", outside
        ),
        KnownMistake("the slope inside the range is 1, not x.", times_x),
    ],
    tolerance=1e-6,
)
