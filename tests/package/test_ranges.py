"""What lesson 05 uses: weights of a file, networks with other kernels, checks of an int8 file, pictures of ranges."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest

from tflite_course.authoring.experiments import ranges as experiment
from tflite_course.datasets import load_mnist
from tflite_course.errors import CourseError
from tflite_course.evaluation import compare_answers, predict
from tflite_course.lesson import keep_record, ranges, stored_record
from tflite_course.models import model_path

WEIGHTS = np.random.default_rng(0).normal(size=400)


@pytest.fixture(autouse=True)
def no_figures_stay_open():
    yield
    plt.close("all")


def test_weights_of_a_float_and_an_int8_file():
    for variant, dtype, scales in (("float32", np.float32, 0), ("int8", np.int8, 16)):
        layers = ranges.layers_with_weights(model_path("mnist_cnn", variant))
        assert [kind for kind, _, _ in layers] == ["CONV_2D"] * 3 + ["FULLY_CONNECTED"]
        kind, weights, details = layers[0]
        assert weights.shape == (16, 3, 3, 1) and weights.dtype == dtype
        assert len(details["quantization_parameters"]["scales"]) == scales


@pytest.mark.parametrize("name", [*experiment.RANGES, experiment.THREE_POINTS])
def test_a_grid_of_two_bits_has_three_points_for_each_channel(name):
    flat = WEIGHTS.reshape(-1, 4) * [1, 2, 3, 100]
    found = experiment.change(flat, name, 2)
    for channel in found.T:
        values = np.unique(np.round(channel, 9))
        assert len(values) == 3 and values[1] == 0 and values[0] == -values[2]


def test_the_outer_point_of_each_range():
    size = np.abs(WEIGHTS.reshape(-1, 4))
    assert np.array_equal(experiment.largest_weight(size, 8), size.max(axis=0))
    assert (experiment.percentile(size, 8) < size.max(axis=0)).all()
    best, errors = experiment.least_squares(size, 2), []
    for point in (best, 0.8 * best, 1.2 * best, size.max(axis=0)):
        errors.append(((experiment.on_grid(size, 2, point) - size) ** 2).sum(axis=0))
    assert (errors[0] <= np.min(errors, axis=0) * 1.02).all()  # 40 points are tried, not all
    assert np.allclose(experiment.on_grid(np.array([-3.0, 0.2, 0.6, 9.0]), 2, 1.0), [-1, 0, 1, 1])


def test_the_mean_magnitude_of_what_stays():
    flat = np.array([[1.0], [-3.0], [0.1], [0.1]])  # mean 1.05, bound 0.735
    assert np.allclose(experiment.change(flat, experiment.THREE_POINTS, 2), [[2], [-2], [0], [0]])


class ReadsTheFirstPixel:
    def predict(self, images, **_):
        return np.eye(10)[images[:, 0, 0].astype(int)]


def test_answers_of_several_sets():
    sets = {"MNIST": np.arange(7) % 10, "pens": np.arange(5, 9)}
    digits = {title: (np.tile(k[:, None, None], (1, 28, 28)), k) for title, k in sets.items()}
    found = ranges.read_all(ReadsTheFirstPixel(), digits, step=3)
    assert {title: k.tolist() for title, k in found.items()} == {"MNIST": [0, 3, 6], "pens": [5, 8]}


def test_fixed_and_broken_count_against_the_first():
    images = np.zeros((4, 28, 28), np.float32)
    digits = {"MNIST": (images, np.array([1, 2, 3, 4])), "pens": (images[:2], np.array([5, 6]))}
    answers = {
        "float": {"MNIST": np.array([1, 2, 3, 0]), "pens": np.array([5, 6])},
        "other": {"MNIST": np.array([1, 0, 0, 4]), "pens": np.array([5, 0])},
    }
    first, other = compare_answers(answers, digits)
    assert first == {"model": "float", "MNIST": 0.75, "pens": 1.0, "fixed": 0, "broken": 0, "p": 1.0}
    assert other == {"model": "other", "MNIST": 0.5, "pens": 0.5, "fixed": 1, "broken": 2, "p": 1.0}
    with pytest.raises(CourseError, match="at least one model"):
        compare_answers({}, digits)
    with pytest.raises(CourseError, match="There are 2 images and the predictions"):
        compare_answers({"float": {"MNIST": answers["float"]["MNIST"], "pens": np.array([1])}}, digits)


def test_what_the_checks_of_a_file_say():
    _, (images, labels) = load_mnist()
    digits = {"MNIST": (images[:20], labels[:20])}
    logits = predict(model_path("mnist_ds"), digits["MNIST"][0])
    row = ranges.check_file(model_path("mnist_ds", "int8"), digits, logits)
    assert (row["bytes"], row["input"], row["bridges"]) == (21416, "int8", 0)
    assert 0 < row["logits off"] < 1 and row["MNIST"] == 1
    same = ranges.check_file(model_path("mnist_ds"), digits, logits)
    assert same["input"] == "float32" and same["logits off"] < 1e-5


@pytest.mark.parametrize(("bits", "share"), [(2, 1), (4, 0.3), (8, 0.1)])
def test_a_range_under_sliders(bits, share):
    figure, sentence = ranges.draw_range(WEIGHTS, experiment.on_grid, bits, share)
    assert len(figure.axes) == 2
    grid = experiment.on_grid(WEIGHTS, bits, share * np.abs(WEIGHTS).max())
    assert f"rms error {np.sqrt(np.mean((grid - WEIGHTS) ** 2)):.4f}" in sentence
    assert f"{100 * np.mean(grid == 0):.0f} % of the weights become 0" in sentence


def test_stored_experiments_are_drawn():
    figure, sentence = ranges.draw_by_bits(stored_record("ranges"), "mnist_cnn")
    lines = {line.get_label(): line.get_ydata() for line in figure.axes[0].get_lines()}
    assert set(lines) == {*experiment.RANGES, experiment.THREE_POINTS}
    assert lines["largest weight"][-1] < 50 < lines["least squares"][-1] and "at 2 bits" in sentence
    with pytest.raises(CourseError, match="no row of 'mnist_nano'"):
        ranges.draw_by_bits(stored_record("ranges"), "mnist_nano")
    figure, sentence = ranges.draw_calibration(stored_record("calibration"))
    assert len(figure.axes) == 2 and "from 1 to 1000 images" in sentence
    figure, sentence = ranges.draw_channels(np.array([[1.0, -2.0], [0.5, 0.5]]))
    assert "from 0.50 to 2.00" in sentence


def test_a_record_is_kept_in_the_folder_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = keep_record("05_x", {"share": np.float32(0.5), "rows": [{"p": np.float64(1)}]})
    assert path.parts == ("work", "05_x.json")
    assert json.loads(path.read_text(encoding="utf-8")) == {"share": 0.5, "rows": [{"p": 1.0}]}
