"""Lab 8, to_grey: the pixels of a canvas as the model wants them."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake

WEIGHTS = np.array([0.299, 0.587, 0.114])


def to_grey(data, width, height):
    return _grey(data, width, height)


def _grey(data, width, height, *, weights=WEIGHTS, alpha=lambda a: a / 255, paper=255, invert=True):
    """Return the picture; the options are the mistakes that people make."""
    pixels = data.reshape(height, width, 4).astype(np.float64)
    opaque = alpha(pixels[..., 3:])
    grey = (pixels[..., :3] * opaque + paper * (1 - opaque)) @ weights
    return _to_uint8(255 - grey if invert else grey)


def _to_uint8(values):
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def cases(rng):
    found = []
    for ink in ((0, 0, 0), (200, 30, 20), None):
        width, height = (int(size) for size in rng.permutation(np.arange(5, 12))[:2])
        found.append((_canvas(rng, width, height, ink), width, height))
    solid = found[-1][0].copy()
    solid[3::4] = 255  # nothing is transparent
    return [*found, (solid, *found[-1][1:])]


def _canvas(rng, width, height, ink=None):
    """Return flat uint8 (height * width * 4,): strokes on transparent paper, as getImageData gives them."""
    data = np.zeros((height, width, 4), np.uint8)
    inside = rng.random((height, width)) < 0.4
    data[..., :3] = rng.integers(0, 200, (height, width, 3)) if ink is None else ink
    data[..., 3] = rng.integers(40, 256, (height, width))
    data[~inside] = 0  # nothing was drawn here
    return data.ravel()


def no_alpha(data, width, height):
    return _grey(data, width, height, alpha=np.ones_like)


def alpha_as_colour(data, width, height):
    return np.round(255 - data.reshape(height, width, 4).mean(axis=2)).astype(np.uint8)


def black_paper(data, width, height):
    return _grey(data, width, height, paper=0)


def not_inverted(data, width, height):
    return _grey(data, width, height, invert=False)


def mean_of_colours(data, width, height):
    return _grey(data, width, height, weights=np.full(3, 1 / 3))


def red_only(data, width, height):
    return _grey(data, width, height, weights=np.array([1.0, 0, 0]))


def blue_first(data, width, height):
    return _grey(data, width, height, weights=WEIGHTS[::-1])


def alpha_alone(data, width, height):
    return data[3::4].reshape(height, width)


def wrapped(data, width, height):
    pixels = data.reshape(height, width, 4)
    opaque = pixels[..., 3:]
    return _to_uint8(255 - (pixels[..., :3] * opaque / 255 + (255 - opaque)) @ WEIGHTS)


def turned(data, width, height):
    return _grey(data, height, width)


def from_0_to_1(data, width, height):
    return (_grey(data, width, height) / 255).astype(np.float32)


# Colours below 200 times alpha, in uint8 and divided by 255, are below 1: what is left of the picture is alpha.
ALPHA = (
    "the result is alpha, whatever the colour is. Use the colours too; and if you multiply uint8 by uint8, it wraps "
    "around: make the pixels float first."
)

EXERCISE = Exercise(
    points=3,
    tests="to_grey(data, width, height) on canvases with black, coloured and half transparent ink",
    why="an untouched canvas is black and transparent: a program that ignores alpha shows the model a black sheet.",
    cases=cases,
    right=to_grey,
    mistakes=[
        KnownMistake(
            "transparent pixels are (0, 0, 0, 0), and you take them for black ink: mix with white paper by alpha.",
            no_alpha,
        ),
        KnownMistake(
            "alpha says how much of a colour covers the paper, it is not a fourth colour.",
            alpha_as_colour,
        ),
        KnownMistake("you mix with black paper. The paper is white: what alpha leaves open is 255.", black_paper),
        KnownMistake(
            "paper and ink are exchanged: the models learned bright ink on dark paper, so return 255 - grey.",
            not_inverted,
        ),
        KnownMistake("the three colours count the same. The weights are 0.299, 0.587 and 0.114.", mean_of_colours),
        KnownMistake("you read red only. Each colour has its weight.", red_only),
        KnownMistake("the weights are in the order blue, green, red. A canvas gives red first.", blue_first),
        KnownMistake(ALPHA, alpha_alone),
        KnownMistake(ALPHA, wrapped),
        KnownMistake(
            "rows and columns are exchanged: a canvas is stored row by row, its shape is (height, width, 4).", turned
        ),
        KnownMistake("your values go from 0 to 1. Return uint8, from 0 to 255.", from_0_to_1),
    ],
    tolerance=1,
)
