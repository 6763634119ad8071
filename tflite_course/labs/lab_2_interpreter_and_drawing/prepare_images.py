"""Lab 2, prepare_images: any images of MNIST as the model takes them."""

import functools

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake


def _by_dtype(images, full=255):
    return (images / np.float32(full if images.dtype == np.uint8 else 1)).astype(np.float32)


def prepare_images(images, *, scale=_by_dtype):
    return scale(images.reshape(-1, 28, 28))


def cases(rng):
    stored = rng.integers(0, 256, (int(rng.integers(3, 7)), 28, 28)).astype(np.uint8)
    stored[:, 0, :2] = 0, 255
    return [
        (stored[0],),
        (stored,),
        (stored[..., np.newaxis],),
        (stored[0] / 255,),
        (rng.random((2, 28, 28), np.float32),),
        ((stored > 128).astype(np.uint8),),  # a faint image: its largest value is 1, and it is uint8 all the same
    ]


def _scaled(scale):
    return functools.partial(prepare_images, scale=scale)


def by_largest_value(images):
    return (images / np.float32(255 if images.max() > 1 else 1)).astype(np.float32)


def no_batch_axis(images):
    made = prepare_images(images)
    return made[0] if images.ndim == 2 else made


def channel_kept(images):
    made = prepare_images(images)
    return made[..., np.newaxis] if images.ndim == 4 else made


def channel_added(images):
    return prepare_images(images)[..., np.newaxis]


EXERCISE = Exercise(
    points=2,
    tests="prepare_images(images) on uint8 and float images, with and without batch and channel axis",
    why="a wrong dtype or shape raises an error, a wrong range does not: the answers silently become worse.",
    cases=cases,
    right=prepare_images,
    mistakes=[
        KnownMistake(
            "floats from 0 to 1 are divided once more. Divide only what is uint8.",
            _scaled(lambda x: (x / np.float32(255)).astype(np.float32)),
        ),
        KnownMistake(
            "the dtype is right and the range is not: uint8 goes from 0 to 255, the model learned from 0 to 1.",
            _scaled(lambda x: x.astype(np.float32)),
        ),
        KnownMistake(
            "you choose by the largest value. A faint uint8 image has no value above 1: look at the dtype.",
            _scaled(by_largest_value),
        ),
        KnownMistake(
            "the result is float64. LiteRT converts nothing: end with `.astype(np.float32)`.",
            _scaled(lambda x: x / (255 if x.dtype == np.uint8 else 1)),
        ),
        KnownMistake("you divide by 256, the largest value is 255.", _scaled(functools.partial(_by_dtype, full=256))),
        KnownMistake(
            "`//` cuts the fraction off, only 0 and 1 are left. Use `/`.",
            _scaled(lambda x: (x // 255 if x.dtype == np.uint8 else x).astype(np.float32)),
        ),
        KnownMistake("a single image has no batch axis yet: its result must be (1, 28, 28).", no_batch_axis),
        KnownMistake("the channel axis is still there: the result must be (n, 28, 28).", channel_kept),
        KnownMistake("the model of this course takes no channel axis: the result must be (n, 28, 28).", channel_added),
    ],
    tolerance=1e-6,
)
