"""tflite_course.models.pack: fewer bytes, the same answers, in LiteRT and in TFLM."""

import numpy as np
import pytest

from tflite_course import evaluation
from tflite_course.datasets import load_mnist
from tflite_course.errors import CourseError
from tflite_course.models import model_path, to_int8
from tflite_course.models.flatbuffer import strip
from tflite_course.models.pack import bytes_by_kind, pack


@pytest.fixture(scope="module")
def images():
    return load_mnist()[1][0][:200]


@pytest.fixture(scope="module")
def on_a_grid(images):
    """An int8 file of a network with a reshape, each weight one of 15 values, and it with one scale for a layer."""
    import tf_keras as keras

    keras.utils.set_random_seed(1)
    layers = keras.layers
    body = [layers.Conv2D(3, 5, 4, activation="relu"), layers.Flatten(), layers.Dense(10)]
    model = keras.Sequential([layers.Input((28, 28, 1), batch_size=1), *body])
    for layer in (model.layers[0], model.layers[-1]):
        kernel, bias = layer.get_weights()
        steps = np.random.default_rng(1).integers(-7, 8, kernel.shape)
        steps[0] = 7  # the largest of each filter ends its grid
        layer.set_weights([(0.02 * steps).astype(np.float32), bias + np.float32(0.1)])
    return [to_int8(model, images[:50], channels=channels) for channels in (True, False)]


def step_of(model):
    """Return how far two neighbouring outputs of an int8 model are apart."""
    return evaluation.make_interpreter(model).get_output_details()[0]["quantization"][0]


@pytest.mark.parametrize("name", ["mnist_nano", "mnist_tiny"])
def test_bytes_go_and_answers_stay(name, images):
    shipped = model_path(name, "int8").read_bytes()
    packed = pack(shipped)
    assert len(packed) < len(strip(shipped)) - 100
    apart = np.abs(evaluation.predict(packed, images) - evaluation.predict(shipped, images))
    assert apart.max() <= 2 * step_of(shipped) + 1e-5


@pytest.mark.parametrize("per", [0, 1], ids=["a scale for each filter", "a scale for a layer"])
def test_four_bits_halve_the_weights(per, on_a_grid, images):
    plain, packed = on_a_grid[per], pack(on_a_grid[per], bits=4)
    assert bytes_by_kind(pack(plain))["weights"] == 75 + 1080
    assert bytes_by_kind(packed)["weights"] == 38 + 540  # an odd number of weights fills half of its last byte
    apart = np.abs(evaluation.predict(packed, images) - evaluation.predict(plain, images))
    assert apart.max() <= 2 * step_of(plain) + 1e-5
    names = [entry["op_name"] for entry in evaluation.operators(evaluation.make_interpreter(packed))]
    assert [name for name in names if name != "DELEGATE"] == ["CONV_2D", "FULLY_CONNECTED"]


@pytest.mark.parametrize("bits", [8, 4])
def test_tflm_agrees(bits, on_a_grid, images):
    pytest.importorskip("tflite_micro", reason="There is no TFLM here: install tflite-micro (Linux, x86-64).")
    from tflite_course.targets import tflm

    packed = pack(on_a_grid[1 if bits == 4 else 0], bits=bits)  # TFLM refuses scales for each output with 4 bits
    values = evaluation.contract(packed).encode(images[:50])
    here, there = evaluation.invoke(packed, values), tflm.run(packed, values)
    assert np.abs(here.astype(int) - there).max() <= 1


def test_the_kinds_of_bytes_are_all_bytes(on_a_grid):
    packed = pack(on_a_grid[0], bits=4)
    kinds = bytes_by_kind(packed)
    assert sum(kinds.values()) == len(packed)
    assert kinds["biases"] == 4 * (3 + 10) and kinds["ranges"] < kinds["tables"]


def test_what_it_refuses(images):
    with pytest.raises(CourseError, match="bits is 3: a .tflite file holds weights of 8 or 4 bits"):
        pack(model_path("mnist_nano", "int8"), bits=3)
    with pytest.raises(CourseError, match="not on a grid of 4 bits"):
        pack(model_path("mnist_nano", "int8"), bits=4)
    with pytest.raises(CourseError, match="no weights of integers"):
        pack(model_path("mnist_cnn"), bits=4)
    with pytest.raises(CourseError, match="is cut short"):
        pack(model_path("mnist_nano", "int8").read_bytes()[:2000])
