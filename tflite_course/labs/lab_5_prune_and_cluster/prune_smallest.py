"""Lab 5, prune_smallest: the weights with the smallest magnitudes of all layers together become zero."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake


def prune_smallest(layers, sparsity):
    return _zero_first(layers, np.abs, round(sparsity * _size(layers)))


def _size(layers):
    return sum(layer.size for layer in layers)


def _zero_first(layers, key, count):
    """Return copies of arrays in which the count numbers with the smallest keys, over all arrays, are zero."""
    flat = np.concatenate([layer.ravel() for layer in layers])
    flat[np.argsort(key(flat))[:count]] = 0
    parts = np.split(flat, np.cumsum([layer.size for layer in layers])[:-1])
    return [part.reshape(layer.shape) for part, layer in zip(parts, layers, strict=True)]


def cases(rng):
    found = [([np.array([0.9, -0.7], np.float32), np.array([[0.2], [-0.1]], np.float32)], 0.5)]
    found.append(([rng.normal(size=100).astype(np.float32)], 0.29))  # 0.29 * 100 is a little less than 29
    for shapes, share in (
        (((4, 25), (30,)), 0.0),
        (((3, 3, 1, 4), (3, 3, 4, 5), (40, 10)), 0.8),
        (((20, 10), (5, 5), (3, 3, 2, 4)), float(rng.integers(4, 17)) / 20),
    ):
        spreads = rng.permutation(len(shapes)) * 0.8 + 0.3  # a layer with large weights keeps more of them
        layers = [rng.normal(0, s, shape).astype(np.float32) for s, shape in zip(spreads, shapes, strict=True)]
        found.append((layers, share))
    return found


def each_layer(layers, sparsity):
    return [prune_smallest([layer], sparsity)[0] for layer in layers]


def smallest_numbers(layers, sparsity):
    return _zero_first(layers, np.asarray, round(sparsity * _size(layers)))


def largest_magnitudes(layers, sparsity):
    return _zero_first(layers, lambda flat: -np.abs(flat), round(sparsity * _size(layers)))


def count_cut_off(layers, sparsity):
    return _zero_first(layers, np.abs, int(sparsity * _size(layers)))


def signs_lost(layers, sparsity):
    return [np.abs(layer) for layer in prune_smallest(layers, sparsity)]


def share_of_largest(layers, sparsity):
    limit = sparsity * max(np.abs(layer).max() for layer in layers)
    return [np.where(np.abs(layer) < limit, 0, layer).astype(layer.dtype) for layer in layers]


def share_that_stays(layers, sparsity):
    return prune_smallest(layers, 1 - sparsity)


def masks(layers, sparsity):
    return [(layer != 0).astype(np.float32) for layer in prune_smallest(layers, sparsity)]


def to_float64(layers, sparsity):
    return [layer.astype(np.float64) for layer in prune_smallest(layers, sparsity)]


def one_array(layers, sparsity):
    return np.concatenate([layer.ravel() for layer in prune_smallest(layers, sparsity)])


EXERCISE = Exercise(
    points=2,
    tests="prune_smallest(layers, sparsity) on networks of one to three layers",
    why="a small weight adds little to any sum: which ones go decides what the model forgets.",
    cases=cases,
    right=prune_smallest,
    mistakes=[
        KnownMistake(
            "each of your layers loses the same share, as in lesson 07. Sort the weights of all layers together.",
            each_layer,
        ),
        KnownMistake(
            "you take the smallest numbers, so the large negative ones go. Compare magnitudes.", smallest_numbers
        ),
        KnownMistake("you remove the largest magnitudes. The smallest ones add least to a sum.", largest_magnitudes),
        KnownMistake("the number of zeros is cut off: 0.29 * 100 is 28.999... in floats. Use `round`.", count_cut_off),
        KnownMistake("the signs are lost: the weights that stay keep their values.", signs_lost),
        KnownMistake("sparsity is a share of the weights, not of the largest magnitude.", share_of_largest),
        KnownMistake("sparsity is the share of zeros, and here it is the share that stays.", share_that_stays),
        KnownMistake("these are the masks. Asked are the weights themselves.", masks),
        KnownMistake("the values are right and the dtype is not: keep that of the weights.", to_float64),
        KnownMistake("this is one flat array. Give a list with the shapes of the layers.", one_array),
    ],
)
