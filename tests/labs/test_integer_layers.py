"""What lab 3 calls right is what the interpreter computes: the convolution, on parts of real layers."""

import platform

import numpy as np
import pytest

from tests.labs.answers.lab_3_quantize import convolve_fixed_point, convolve_loop, convolve_windows
from tflite_course.labs.lab_3_quantize import convolve as exercise


@pytest.mark.parametrize("number", range(exercise.LAYERS))
def test_a_part_of_a_layer_is_that_of_the_interpreter(number):
    layer = exercise.layers()[number]
    for seed in range(60):
        case, theirs = exercise.cut(np.random.default_rng(seed), layer)
        for function in (exercise.convolve, convolve_loop, convolve_windows, convolve_fixed_point):
            assert np.array_equal(function(*case), theirs), (seed, function.__name__)


def test_kernels_differ_near_a_half_alone():
    """Over a whole layer one rounding and two differ in some numbers, by one: why the cases stay away from a half."""
    layer = exercise.layers()[1]
    arguments = [layer[key] for key in ("w", "b", "zero_x", "zero_y", "multiplier")]
    padded = np.pad(layer["x"], ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=layer["zero_x"])
    once = np.stack([exercise.convolve(x, *arguments) for x in padded]).astype(int)
    twice = np.stack([convolve_fixed_point(x, *arguments) for x in padded])
    if platform.machine().lower() in ("x86_64", "amd64"):  # on Arm the built-in kernels round in another way
        assert np.array_equal(twice, layer["y"])
    apart = np.abs(once - twice)
    assert 0 < apart.sum() < 0.001 * apart.size and apart.max() == 1
