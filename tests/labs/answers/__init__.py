"""Right and wrong answers to every exercise of the labs: the tests of the checks. One module a lab."""

import functools

import numpy as np

from tflite_course.datasets import load_mnist


class EqualsEverything:
    """An object that claims to be any answer."""

    dtype, shape = np.dtype(np.int8), (4,)

    def __eq__(self, other):
        return True

    def __bool__(self):
        return True

    def __array__(self, dtype=None, copy=None):
        return np.zeros(4, np.int8)


@functools.cache
def mnist():
    """Return load_mnist() once for all labs, read-only: every worker of pytest imports all of these modules."""
    parts = load_mnist()
    for array in (array for part in parts for array in part):
        array.flags.writeable = False
    return parts
