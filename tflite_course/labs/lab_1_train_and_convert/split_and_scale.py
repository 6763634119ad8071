"""Lab 1, split_and_scale: training and validation images, float32 from 0 to 1."""

import functools

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake


def split_and_scale(images, labels, held_back, *, scale=lambda x: x / np.float32(255), train=None, valid=None):
    """Split and scale; the options are for the mistakes: how to scale, and which slices are taken."""
    cut = len(images) - held_back
    train, valid = train or slice(None, cut), valid or slice(cut, None)
    return (scale(images[train]), labels[train]), (scale(images[valid]), labels[valid])


def cases(rng):
    found = []
    for count, held_back in ((12, 3), (20, 5), (int(rng.integers(9, 30)), 7), (6, 0)):
        images = rng.integers(0, 256, (count, 28, 28)).astype(np.uint8)
        images[0, 0, :2] = 0, 255
        labels = rng.integers(0, 10, count)
        labels[[0, -1]] = 3, 7  # the first and the last images differ in their labels too
        found.append((images, labels, held_back))
    found[1] = (found[1][0] // 2 + 10, *found[1][1:])  # neither 0 nor 255: the largest value found is a wrong divisor
    return found


def _scaled(scale):
    return functools.partial(split_and_scale, scale=scale)


def first_held_back(images, labels, held_back):
    return split_and_scale(images, labels, held_back, train=slice(held_back, None), valid=slice(held_back))


def leak(images, labels, held_back):
    return split_and_scale(images, labels, held_back, train=slice(None))


def minus_zero(images, labels, held_back):
    return split_and_scale(images, labels, held_back, train=slice(-held_back), valid=slice(-held_back, None))


def exchanged(images, labels, held_back):
    return split_and_scale(images, labels, held_back)[::-1]


def four_arrays(images, labels, held_back):
    (x_train, y_train), (x_valid, y_valid) = split_and_scale(images, labels, held_back)
    return x_train, y_train, x_valid, y_valid


def four_arrays_by_kind(images, labels, held_back):
    (x_train, y_train), (x_valid, y_valid) = split_and_scale(images, labels, held_back)
    return x_train, x_valid, y_train, y_valid


def pairs_by_kind(images, labels, held_back):
    (x_train, y_train), (x_valid, y_valid) = split_and_scale(images, labels, held_back)
    return (x_train, x_valid), (y_train, y_valid)


def only_training_scaled(images, labels, held_back):
    train, (_, y_valid) = split_and_scale(images, labels, held_back)
    return train, (images[len(images) - held_back :], y_valid)


TWO_PAIRS = "return two pairs, `(x_train, y_train), (x_valid, y_valid)`, not four arrays in a row."

EXERCISE = Exercise(
    points=2,
    tests="split_and_scale(images, labels, held_back) on random uint8 images, also with nothing held back",
    why="a wrong range trains without an error, and a leak makes every later number look too good.",
    cases=cases,
    right=split_and_scale,
    mistakes=[
        KnownMistake(
            "the images are not scaled: they still go from 0 to 255. Divide by 255.",
            _scaled(lambda x: x.astype(np.float32)),
        ),
        KnownMistake("the images are still uint8 from 0 to 255. Divide by 255, as float32.", _scaled(lambda x: x)),
        KnownMistake(
            "the images are float64. `/ np.float32(255)` stays float32, and LiteRT takes nothing else.",
            _scaled(lambda x: x / 255),
        ),
        KnownMistake(
            "you divide by 256: full ink becomes 0.996. The largest value is 255.",
            _scaled(lambda x: x / np.float32(256)),
        ),
        KnownMistake(
            "you divide by 255 twice: the largest value is 0.004, and the images are nearly black.",
            _scaled(lambda x: x / np.float32(255) / np.float32(255)),
        ),
        KnownMistake(
            "`//` cuts the fraction off, only 0 and 1 are left. Use `/`.",
            _scaled(lambda x: (x // 255).astype(np.float32)),
        ),
        KnownMistake(
            "you divide by the largest value that you find. Another set has another one: always divide by 255.",
            _scaled(lambda x: (x / np.float32(x.max() if x.size else 1)).astype(np.float32)),
        ),
        KnownMistake(
            "the validation images are not scaled. Both sets need the same preparation.", only_training_scaled
        ),
        KnownMistake("you hold back the first images. Hold back the last ones.", first_held_back),
        KnownMistake("the validation images are part of the training set, so validation tells nothing new.", leak),
        KnownMistake(
            "`[:-held_back]` means `[:0]` when nothing is held back, and the training set is empty. Cut at "
            "len(images) minus held_back.",
            minus_zero,
        ),
        KnownMistake("the two pairs are exchanged: training comes first.", exchanged),
        KnownMistake(TWO_PAIRS, four_arrays),
        KnownMistake(TWO_PAIRS, four_arrays_by_kind),
        KnownMistake(
            "each pair holds images and their labels: `(x_train, y_train), (x_valid, y_valid)`.", pairs_by_kind
        ),
    ],
    tolerance=1e-6,
)
