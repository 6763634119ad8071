"""Right and wrong answers to every exercise of the labs: the tests of the checks. One module a lab."""

import numpy as np


class EqualsEverything:
    """An object that claims to be any answer."""

    dtype, shape = np.dtype(np.int8), (4,)

    def __eq__(self, other):
        return True

    def __bool__(self):
        return True

    def __array__(self, dtype=None, copy=None):
        return np.zeros(4, np.int8)
