"""The graphs of lesson 02: what is read from a file and a traced function, what belongs together, and small figures."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from tflite_course.errors import CourseError
from tflite_course.evaluation import against_keras, size_ledger
from tflite_course.lesson import draw_bars, draw_fusion, draw_matrices, message_of
from tflite_course.lesson.graphs import fused, operations, operator_names, read_operators
from tflite_course.models import model_path

FUSED_BLOCK = ["Conv2D", "FusedBatchNormV3", "Relu", "MaxPool"]


@pytest.fixture(autouse=True)
def no_figures_stay_open():
    yield
    plt.close("all")


def test_the_operators_of_a_shipped_file():
    path = model_path("mnist_cnn")
    steps = read_operators(path)
    convolutions = [step for step in steps if step["name"] == "CONV_2D"]
    assert [step["constants"][0].shape for step in convolutions] == [(16, 3, 3, 1), (32, 3, 3, 16), (64, 3, 3, 32)]
    assert {step["activation"] for step in convolutions} == {"RELU"}
    assert steps[-1]["name"] == "FULLY_CONNECTED" and steps[-1]["activation"] is None
    assert steps[-1]["bytes"] == 4 * (3136 * 10 + 10)
    assert operator_names(path.read_bytes()) == [step["name"] for step in steps]
    assert sum(step["bytes"] for step in steps) == pytest.approx(size_ledger(path)["weights"], abs=100)


def test_int8_constants_have_their_types():
    first = next(step for step in read_operators(model_path("mnist_cnn", "int8")) if step["name"] == "CONV_2D")
    assert [array.dtype for array in first["constants"]] == [np.int8, np.int32]


def test_what_is_no_model_is_named():
    with pytest.raises(CourseError, match="not a .tflite file"):
        read_operators(b"<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("before", "after", "groups"),
    [
        (FUSED_BLOCK, ["CONV_2D", "MAX_POOL_2D"], [[0, 1, 2], [3]]),
        (["Reshape", "MatMul", "BiasAdd"], ["RESHAPE", "FULLY_CONNECTED"], [[0], [1, 2]]),
        (["StridedSlice", "Conv2D", "Conv2D"], ["STRIDED_SLICE", "CONV_2D", "CONV_2D"], [[0], [1], [2]]),
    ],
)
def test_what_belongs_together(before, after, groups):
    assert fused(before, after) == groups


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (["Conv2D"], ["CONV_2D", "SOFTMAX"], "SOFTMAX of the file and nothing of the traced function"),
        (["Conv2D", "Softmax"], ["CONV_2D"], "Nothing in the file does Softmax"),
        (["Add"], ["MUL"], "MUL of the file and Add of the traced function are no pair"),
    ],
)
def test_graphs_that_do_not_fit_are_named(before, after, sentence):
    with pytest.raises(CourseError, match=sentence):
        fused(before, after)


def test_a_small_network_is_drawn_before_and_after():
    tf = pytest.importorskip("tensorflow")
    kernel = tf.constant(np.ones((3, 3, 1, 2), np.float32))

    @tf.function(input_signature=[tf.TensorSpec((1, 8, 8, 1), tf.float32)])
    def network(image):
        return tf.nn.relu(tf.nn.conv2d(image, kernel, 1, "SAME"))

    function = network.get_concrete_function()
    assert operations(function) == ["Conv2D", "Relu"]
    content = tf.lite.TFLiteConverter.from_concrete_functions([function], network).convert()
    figure, sentence = draw_fusion(function, content)
    assert sentence == "2 traced operations become 1 operators; 1 do the work of several"
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert {"Conv2D", "Relu"} <= texts and any("CONV_2D" in text and "RELU" in text for text in texts)


def test_small_figures_say_their_numbers():
    bars = draw_bars({"a": 1000, "b": 20}, "bytes", scale=10)
    assert [text.get_text() for text in bars.axes[0].texts] == ["1,000", "20"]
    assert [bar.get_width() for bar in bars.axes[0].patches] == [100, 2]
    matrices = draw_matrices({"one": np.eye(2), "zero": np.zeros((2, 2))})
    assert [axes.get_title(loc="left") for axes in matrices.axes] == ["one", "zero"]
    assert [text.get_text() for text in matrices.axes[0].texts] == ["1.00", "0.00", "0.00", "1.00"]


def test_a_message_names_no_source_file():
    def fail():
        raise RuntimeError("a/path/kernel.cc:12 wrong shape")

    assert message_of(fail) == "RuntimeError: wrong shape"
    with pytest.raises(CourseError, match="expected to fail and did not"):
        message_of(lambda: None)


def test_a_file_beside_its_keras_model():
    class Network:
        def predict(self, images, **_):
            return np.eye(10)[[7, 2, 1, 1]]

    from tflite_course.datasets import load_mnist

    (_, _), (images, labels) = load_mnist()
    (row,) = against_keras("m", Network(), model_path("mnist_cnn"), {"four": (images[:4], labels[:4])})
    assert row == {
        "model": "m",
        "digits": "four",
        "Keras": "75.00%",
        "file": "100.00%",
        "changed": 1,
        "fixed": 1,
        "broken": 0,
    }
