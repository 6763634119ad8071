"""Lab 5, prune_smallest: the weights with the smallest magnitudes become zero."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake


def prune_smallest(weights, sparsity):
    return _zero_first(weights, np.abs(weights), round(sparsity * weights.size))


def _zero_first(weights, keys, count):
    """Return a copy of an array in which the count numbers with the smallest keys are zero."""
    pruned = weights.flatten()
    pruned[np.argsort(keys, axis=None)[:count]] = 0
    return pruned.reshape(weights.shape)


def cases(rng):
    found = [(np.array([[0.9, -0.1], [0.2, -0.8]], np.float32), 0.5)]
    found.append((rng.normal(size=100).astype(np.float32), 0.29))  # 0.29 * 100 is a little less than 29
    for shape, share in (((4, 25), 0.0), ((3, 3, 2, 5), 0.8), ((40, 10), float(rng.integers(1, 20)) / 20)):
        found.append((rng.normal(size=shape).astype(np.float32), share))
    return found


def smallest_numbers(weights, sparsity):
    return _zero_first(weights, weights, round(sparsity * weights.size))


def largest_magnitudes(weights, sparsity):
    return _zero_first(weights, -np.abs(weights), round(sparsity * weights.size))


def count_cut_off(weights, sparsity):
    return _zero_first(weights, np.abs(weights), int(sparsity * weights.size))


def each_row(weights, sparsity):
    if weights.ndim == 1:
        return prune_smallest(weights, sparsity)
    return np.stack([prune_smallest(row, sparsity) for row in weights])


def signs_lost(weights, sparsity):
    return np.abs(prune_smallest(weights, sparsity))


def share_of_largest(weights, sparsity):
    return np.where(np.abs(weights) < sparsity * np.abs(weights).max(), 0, weights).astype(weights.dtype)


def share_that_stays(weights, sparsity):
    return prune_smallest(weights, 1 - sparsity)


def mask(weights, sparsity):
    return (prune_smallest(weights, sparsity) != 0).astype(np.float32)


def to_float64(weights, sparsity):
    return prune_smallest(weights, sparsity).astype(np.float64)


EXERCISE = Exercise(
    points=2,
    tests="prune_smallest(weights, sparsity) on arrays of one to four axes",
    why="a small weight adds little to any sum: which ones go decides what the model forgets.",
    cases=cases,
    right=prune_smallest,
    mistakes=[
        KnownMistake(
            "you take the smallest numbers, so the large negative ones go. Compare magnitudes.", smallest_numbers
        ),
        KnownMistake("you remove the largest magnitudes. The smallest ones add least to a sum.", largest_magnitudes),
        KnownMistake("the number of zeros is cut off: 0.29 * 100 is 28.999... in floats. Use `round`.", count_cut_off),
        KnownMistake("you prune each row for itself. The share is that of the whole array.", each_row),
        KnownMistake("the signs are lost: the weights that stay keep their values.", signs_lost),
        KnownMistake("sparsity is a share of the weights, not of the largest magnitude.", share_of_largest),
        KnownMistake("sparsity is the share of zeros, and here it is the share that stays.", share_that_stays),
        KnownMistake("this is the mask. Asked are the weights themselves.", mask),
        KnownMistake("the values are right and the dtype is not: keep that of the weights.", to_float64),
    ],
)
