"""The charts of lesson 09, and the MACs of a .tflite."""

import numpy as np
import pytest

from tflite_course import evaluation
from tflite_course.errors import CourseError
from tflite_course.lesson import ways
from tflite_course.models import model_path
from tflite_course.models.flatbuffer import strip
from tflite_course.models.macs import count_macs


@pytest.mark.parametrize(
    ("name", "variant", "macs"),
    [
        ("mnist_cnn", "float32", 112_896 + 2 * 903_168 + 31_360),
        ("mnist_cnn", "int8", 1_950_592),
        ("mnist_ds", "int8", 418_512),
        ("mnist_small", "int8", 1_245_574),
    ],
)
def test_macs_are_counted_from_the_file(name, variant, macs):
    """By hand: height x width of the output times the weights, of each layer."""
    assert count_macs(model_path(name, variant)) == macs
    assert count_macs(strip(model_path(name, variant))) == macs


def test_products_that_are_not_counted(monkeypatch):
    monkeypatch.setattr(evaluation, "operators", lambda _: [{"op_name": "BATCH_MATMUL", "inputs": [], "outputs": []}])
    with pytest.raises(CourseError, match="The MACs of the operator BATCH_MATMUL are not counted"):
        count_macs(model_path("mnist_nano", "int8"))


def test_the_chart_has_mine_and_the_front_has_files_alone():
    sizes = {"gzip": 5, "macs": 7, "pens": 0.4}
    points = [
        {"name": "large", "group": "ways", "bytes": 100, "MNIST": 0.85, "MNIST spread": (0.8, 0.9)} | sizes,
        {"name": "small", "group": "ways", "bytes": 10, "MNIST": 0.86} | sizes,
        {"name": "mine", "group": "mine", "bytes": 50, "gzip": 40, "macs": 1, "MNIST": 0.99, "pens": 0.9},
    ]
    figure, said = ways.draw_ways([*points, *ways.published_points()])
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert "mine" in texts and "  small\n" in texts[-1]
    assert said.endswith("on the front: small (10, 86.00%), mine (50, 99.00%)")
    assert "on the front: mine" in ways.draw_ways(points, "macs", "pens")[1]
    with pytest.raises(CourseError, match="There is no cost 'price'"):
        ways.draw_ways(points, "price")
    with pytest.raises(CourseError, match="No point has macs and pens"):
        ways.draw_ways(ways.published_points(), "macs", "pens")


def test_my_own_file_as_a_point():
    point = ways.own_point(model_path("mnist_nano", "int8"))
    assert (point["name"], point["macs"], point["bytes"]) == ("mine", 152_990, 4_024)
    assert 0.9 < point["pens"] < point["MNIST"] < 1


def test_digits_that_are_invented():
    images, labels = ways.invented_digits(12, np.random.default_rng(0))
    assert images.shape == (12, 28, 28) and images.dtype == np.float32 and labels.tolist() == [*range(10), 0, 1]
    assert 0 <= images.min() < images.max() <= 1
    assert evaluation.accuracy(model_path("mnist_cnn"), images, labels) > 0.8


def test_zeros_are_held_in_a_training():
    keras = pytest.importorskip("tf_keras")
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(2)])
    kernel, bias = model.layers[0].get_weights()
    kernel[::2] = 0
    model.layers[0].set_weights([kernel, bias])
    model.compile("adam", "mse")
    draw = np.random.default_rng(0)
    x, y = (draw.random((64, n), np.float32) for n in (4, 2))
    model.fit(x, y, epochs=2, verbose=0, callbacks=[ways.hold_zeros(model)])
    after = model.layers[0].get_weights()[0]
    assert (after[::2] == 0).all() and (after[1::2] != kernel[1::2]).all()


def test_bars_of_two_tests():
    figure = ways.bars_of_two({"a": {"MNIST": 0.5, "pens": 0.4}})
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["MNIST", "pens"]
