"""Lab 2, ink_on_paper: bright ink on dark paper, whatever the paper was."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake
from tflite_course.labs.lab_2_interpreter_and_drawing.drawings import draw


def _is_bright(canvas):
    return (canvas > 127).mean() > 0.5


def ink_on_paper(canvas):
    return 255 - canvas if _is_bright(canvas) else canvas.copy()


def cases(rng):
    plain = draw(rng, size=56)
    scan = np.where(draw(rng, size=56) > 0, 30, 225).astype(np.uint8)  # grey pencil on grey paper
    scan = (scan + rng.integers(-20, 21, scan.shape)).astype(np.uint8)
    corner = draw(rng, size=56)
    corner[:9, :9] = 255  # the stroke leaves the canvas through the corner
    faint = (draw(rng, size=56) // 255 * 120).astype(np.uint8)
    return [(plain,), (255 - plain,), (scan,), (255 - scan,), (corner,), (255 - corner,), (faint,), (255 - faint,)]


def always(canvas):
    return 255 - canvas


def never(canvas):
    return canvas.copy()


def wrong_way_round(canvas):
    return canvas.copy() if _is_bright(canvas) else 255 - canvas


def by_corner(canvas):
    return 255 - canvas if canvas[0, 0] > 127 else canvas.copy()


def by_brightest(canvas):
    return 255 - canvas if canvas.max() == 255 else canvas.copy()


def negated(canvas):
    return np.negative(canvas) if _is_bright(canvas) else canvas.copy()


def from_one(canvas):
    return np.uint8(1) - canvas if _is_bright(canvas) else canvas.copy()


def from_largest(canvas):
    return canvas.max() - canvas if _is_bright(canvas) else canvas.copy()


def black_and_white(canvas):
    return np.where(ink_on_paper(canvas) > 127, 255, 0).astype(np.uint8)


def as_float(canvas):
    return (ink_on_paper(canvas) / 255).astype(np.float32)


EXERCISE = Exercise(
    points=2,
    tests="ink_on_paper(canvas) on drawings with dark and with bright paper, faint and noisy ones too",
    why="a model that learned bright ink on dark paper guesses when it sees the opposite, and raises no error.",
    cases=cases,
    right=ink_on_paper,
    mistakes=[
        KnownMistake("you always exchange. A drawing with dark paper is right already.", always),
        KnownMistake("you never exchange. On bright paper, return `255 - canvas`.", never),
        KnownMistake("you decide the wrong way round: bright paper is exchanged, dark paper is not.", wrong_way_round),
        KnownMistake(
            "you look at one pixel, and a stroke may cover it. Most pixels are paper: look at all of them.", by_corner
        ),
        KnownMistake(
            "you look at the brightest pixel. It can be ink as well as paper: look at most of the pixels.", by_brightest
        ),
        KnownMistake("`-canvas` stays in uint8: 255 becomes 1, and 0 stays 0. Write `255 - canvas`.", negated),
        KnownMistake(
            "`1 - canvas` is for floats from 0 to 1; in uint8 it wraps around. Write `255 - canvas`.", from_one
        ),
        KnownMistake("subtract from 255, not from the largest value of the drawing.", from_largest),
        KnownMistake("only black and white are left. Keep the grey values.", black_and_white),
        KnownMistake("the dtype changed: the drawing stays uint8, 0 to 255.", as_float),
    ],
)
