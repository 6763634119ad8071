"""Lab 10, standardize: the statistics of the training data, for each axis."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake


def standardize(train, test):
    return _by(_mean(train), _spread(train), train, test)


def _by(mean, spread, *parts):
    return tuple((part - mean) / spread for part in parts)


def _axes(part):
    return tuple(range(part.ndim - 1))


def _mean(part):
    return part.mean(axis=_axes(part))


def _spread(part):
    return part.std(axis=_axes(part))


def as_float32(value):
    """Return two float arrays as float32: which float dtype comes back is not part of the exercise."""
    if type(value) in (tuple, list) and len(value) == 2:
        if all(type(part) is np.ndarray and part.dtype.kind == "f" for part in value):
            return tuple(part.astype(np.float32) for part in value)
    return value


def cases(rng):
    found = []
    for shape in ((60, 16, 6), (900, 12)):
        axes = shape[-1]
        spread, middle = rng.uniform(0.2, 5, axes), rng.uniform(-3, 3, axes)
        # windows differ in their own means too, so that statistics of each window are other ones
        train = rng.normal(0, 1, shape) + rng.normal(0, 1, (shape[0], *[1] * (len(shape) - 1)))
        test = rng.normal(0.7, 1.6, (shape[0] // 3, *shape[1:]))
        found.append(tuple((part * spread + middle).astype(np.float32) for part in (train, test)))
    return found


def together(train, test):
    everything = np.concatenate([train, test])
    return _by(_mean(everything), _spread(everything), train, test)


def own_statistics(train, test):
    return tuple(_by(_mean(part), _spread(part), part)[0] for part in (train, test))


def one_number(train, test):
    return _by(train.mean(), train.std(), train, test)


def each_step(train, test):
    return _by(train.mean(axis=0), train.std(axis=0), train, test)


def each_window(train, test):
    return tuple((part - part.mean(axis=1, keepdims=True)) / part.std(axis=1, keepdims=True) for part in (train, test))


def variance(train, test):
    return _by(_mean(train), _spread(train) ** 2, train, test)


def mean_kept(train, test):
    return _by(0, _spread(train), train, test)


def spread_kept(train, test):
    return _by(_mean(train), 1, train, test)


def from_0_to_1(train, test):
    return _by(train.min(axis=_axes(train)), np.ptp(train, axis=_axes(train)), train, test)


def test_kept(train, test):
    return standardize(train, train)[0], test


EXERCISE = Exercise(
    points=2,
    tests="standardize(train, test) on windows and on features: whose statistics, over which axes",
    why="what the test told the preparation is a leak, and a device has no test set.",
    cases=cases,
    right=standardize,
    mistakes=[
        KnownMistake(
            "you take the statistics of training and test together. The test must tell the preparation nothing.",
            together,
        ),
        KnownMistake(
            "the test is standardized by its own statistics. A device has only those of the training.", own_statistics
        ),
        KnownMistake("one mean and one spread serve all axes. Each axis needs its own.", one_number),
        KnownMistake(
            "`axis=0` alone gives a mean for each step of a window. Average over all axes but the last one.", each_step
        ),
        KnownMistake(
            "each window gets its own mean. Then a calm and a wild movement look alike: take those of the training.",
            each_window,
        ),
        KnownMistake("you divide by the variance. Divide by its root, the standard deviation.", variance),
        KnownMistake("the mean is not subtracted.", mean_kept),
        KnownMistake("the mean is gone, the spread is not: divide by the standard deviation.", spread_kept),
        KnownMistake(
            "this maps each axis to 0..1. Subtract the mean, and divide by the standard deviation.", from_0_to_1
        ),
        KnownMistake(
            "the test is left as it is. A device prepares its samples as the training was prepared.", test_kept
        ),
    ],
    tolerance=0.02,
    plain=as_float32,
)
