"""Lab 5, kmeans_step: each value chooses the nearest centroid, and each centroid moves to the mean of its values."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake


def kmeans_step(values, centroids):
    indices = _nearest(values, centroids)
    return indices, _moved(values, centroids, indices)


def _nearest(values, centroids):
    return np.abs(values[:, np.newaxis] - centroids).argmin(axis=1)


def _moved(values, centroids, indices, *, center=np.mean, empty=None):
    """Return the centroids, float64, each at the center of its values; empty: where one without values goes."""
    moved = centroids.astype(np.float64)
    for k in range(len(centroids)):
        if (indices == k).any():
            moved[k] = center(values[indices == k])
        elif empty is not None:
            moved[k] = empty
    return moved


def cases(rng):
    found = [(np.array([1.0, 3.0, 9.0, 11.0, 12.0]), np.array([0.0, 5.0, 10.0]))]
    for count, k in ((40, 3), (300, 8), (500, 16)):
        values = rng.normal(0, 0.1, count)
        centroids = rng.choice(values, k, replace=False) + rng.normal(0, 0.003, k)
        found.append((values.astype(np.float32), centroids.astype(np.float32)))
    far = np.array([-0.1, 5.0, 0.1], np.float32)  # the one in the middle is chosen by nobody
    found.append((rng.normal(0, 0.1, 60).astype(np.float32), far))
    return found


def plain(found):
    """Return indices of any whole dtype as int64 and centroids of any float dtype as float64; lists as arrays."""
    if type(found) in (tuple, list) and len(found) == 2:
        return tuple(plain(np.array(part) if type(part) is list else part) for part in found)
    if type(found) is np.ndarray and found.dtype.kind in "iuf":
        return found.astype(np.float64 if found.dtype.kind == "f" else np.int64)
    return found


def empty_is_nan(values, centroids):
    indices = _nearest(values, centroids)
    return indices, _moved(values, centroids, indices, empty=np.nan)


def empty_is_zero(values, centroids):
    indices = _nearest(values, centroids)
    return indices, _moved(values, centroids, indices, empty=0.0)


def most_negative(values, centroids):
    indices = (values[:, np.newaxis] - centroids).argmin(axis=1)
    return indices, _moved(values, centroids, indices)


def farthest(values, centroids):
    indices = np.abs(values[:, np.newaxis] - centroids).argmax(axis=1)
    return indices, _moved(values, centroids, indices)


def indices_after_the_move(values, centroids):
    moved = kmeans_step(values, centroids)[1]
    return _nearest(values, moved), moved


def median(values, centroids):
    indices = _nearest(values, centroids)
    return indices, _moved(values, centroids, indices, center=np.median)


def centroids_for_indices(values, centroids):
    indices, moved = kmeans_step(values, centroids)
    return centroids[indices], moved


def not_moved(values, centroids):
    return _nearest(values, centroids), centroids


def half_way(values, centroids):
    indices, moved = kmeans_step(values, centroids)
    return indices, (moved + centroids) / 2


def centroids_alone(values, centroids):
    return kmeans_step(values, centroids)[1]


EXERCISE = Exercise(
    points=2,
    tests="kmeans_step(values, centroids): who chooses whom, where the centroids go, and one that nobody chose",
    why="these two lines are the whole of clustering.",
    cases=cases,
    right=kmeans_step,
    plain=plain,
    mistakes=[
        KnownMistake(
            "a centroid that nobody chose becomes nan, the mean of nothing. Let it stay where it is.", empty_is_nan
        ),
        KnownMistake("a centroid that nobody chose is set to 0. Let it stay where it is.", empty_is_zero),
        KnownMistake(
            "without `abs` the most negative difference wins: nearest means the smallest distance.", most_negative
        ),
        KnownMistake("this is the farthest centroid. Take `argmin`.", farthest),
        KnownMistake(
            "the indices are those after the move. Return the ones that the means were made from.",
            indices_after_the_move,
        ),
        KnownMistake("this is the median. k-means moves a centroid to the mean.", median),
        KnownMistake("the first array holds the centroids themselves. Asked are their indices.", centroids_for_indices),
        KnownMistake("the centroids did not move: each goes to the mean of the values that chose it.", not_moved),
        KnownMistake("the centroids go only half of the way. Move each to the mean.", half_way),
        KnownMistake("two arrays are expected, the indices and the new centroids.", centroids_alone),
    ],
    tolerance=1e-5,
)
