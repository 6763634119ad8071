"""tflite_course.lesson.pruning: what lesson 07 draws, reads off curves and looks up in files."""

import numpy as np
import pandas as pd
import pytest

from tflite_course import models
from tflite_course.errors import CourseError
from tflite_course.lesson import pruning

CURVES = {
    "MNIST": {"a": {0: 0.99, 0.5: 0.985, 0.9: 0.9}, "b": {0: 0.99, 0.5: 0.99, 0.9: 0.989}},
    "pens": {"a": {0: 0.98, 0.5: 0.98, 0.9: 0.97}, "b": {0: 0.98, 0.5: 0.97, 0.9: 0.96}},
}


@pytest.mark.parametrize(
    ("points", "chosen"),
    [
        (0.2, {"a": 0, "b": 0}),  # a loses half a point on MNIST, b a whole one on pens
        (0.5, {"a": 0.5, "b": 0}),
        (1, {"a": 0.5, "b": 0.5}),
        (2, {"a": 0.5, "b": 0.9}),
        (9, {"a": 0.9, "b": 0.9}),
    ],
)
def test_the_worse_of_both_sets_decides(points, chosen):
    assert pruning.choose_sparsities(CURVES, points, ["a", "b"]) == chosen
    assert pruning.choose_sparsities(CURVES, points, ["b"]) == {"b": chosen["b"]}


def test_a_curve_that_rises_again():
    curves = {"MNIST": {"a": {0: 0.99, 0.5: 0.95, 0.6: 0.99}}}
    assert pruning.choose_sparsities(curves, 1, ["a"]) == {"a": 0.6}
    with pytest.raises(CourseError, match="'a' on MNIST has no value without zeros"):
        pruning.choose_sparsities({"MNIST": {"a": {0.5: 0.9}}}, 1, ["a"])


RUNS = pd.DataFrame(
    {"schedule": schedule, "epochs": 1, "rate": 0.001, "MNIST": share, "pens": share - 0.01}
    for schedule, share in [("control", 0.99), ("control", 0.994), ("pruned", 0.98), ("pruned", 0.984)]
)


def test_how_much_a_control_leads_by():
    assert pruning.lead_of_control(RUNS, ["MNIST"]) == [
        {"epochs": 1, "rate": "0.001", "control, MNIST": 99.2, "pruned, MNIST": 98.2, "lead, MNIST": 1.0}
    ]
    with pytest.raises(CourseError, match="Rate 0.001, 1 epochs: there is no run 'control' to compare with"):
        pruning.lead_of_control(RUNS[RUNS.schedule == "pruned"], ["MNIST"])


def test_seeds_stand_in_lists():
    found = pruning.seeds_by(RUNS, "rate", ["MNIST", "pens"])
    assert found["MNIST"] == {"control": {0.001: [0.99, 0.994]}, "pruned": {0.001: [0.98, 0.984]}}


def test_lines_go_through_means_and_a_ring_marks_a_place():
    figure = pruning.draw_lines(CURVES, "zeros", marks={"a": 0.5})
    for axes, lines in zip(figure.axes, CURVES.values(), strict=True):
        drawn = [line for line in axes.lines if line.get_label() in lines]
        assert [list(line.get_ydata()) for line in drawn] == [[100 * v for v in c.values()] for c in lines.values()]
        [ring] = [line for line in axes.lines if line.get_fillstyle() == "none"]
        assert list(ring.get_xdata()) == [0.5] and list(ring.get_ydata()) == [100 * lines["a"][0.5]]
    figure = pruning.draw_lines({"MNIST": {"a": {1: [0.9, 0.92], 2: [0.8, 0.8]}}}, "rate", bottom=70)
    assert np.allclose(figure.axes[0].lines[0].get_ydata(), [91, 80]) and figure.axes[0].get_ylim()[0] == 70
    assert sum(len(line.get_xdata()) for line in figure.axes[0].lines[1:]) == 4  # each seed is a dot


def test_a_schedule_holds_its_last_target_to_the_end():
    figure = pruning.draw_schedules({"climbs": {10: 0.5, 20: 0.8}}, 94)
    stairs, dots = figure.axes[0].lines
    assert list(stairs.get_xdata()) == [0, 10, 20, 94] and list(stairs.get_ydata()) == [0, 0.5, 0.8, 0.8]
    assert list(dots.get_xdata()) == [10, 20]


def test_histogram_and_groups():
    before, after = np.array([0.1, -0.2, 0.05, 0.01]), np.array([0.1, -0.2, 0, 0])
    heights = [[patch.get_height() for patch in box] for box in pruning.draw_weights(before, after).axes[0].containers]
    assert [sum(h) for h in heights] == [4, 2]
    figure = pruning.draw_groups({"free": np.eye(8), "2:4": np.zeros((8, 8))})
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["free", "2:4"]
    assert np.array_equal(figure.axes[0].images[0].get_array(), np.eye(8) != 0)
    assert [line.get_xdata()[0] for line in figure.axes[0].lines] == [-0.5, 3.5, 7.5]


def test_weights_by_layer():
    file = models.model_path("mnist_cnn")
    names = ("conv_1", "conv_2", "conv_3", "logits")
    shapes = {name: values.shape for name, values in pruning.weights_in(file, names).items()}
    assert shapes == {"conv_1": (16, 3, 3, 1), "conv_2": (32, 3, 3, 16), "conv_3": (64, 3, 3, 32), "logits": (10, 3136)}
    with pytest.raises(CourseError, match="4 operators with weights, not 1"):
        pruning.weights_in(file, ["conv_1"])


class AlwaysOne:
    def predict(self, images, **_):
        return np.tile(np.eye(10)[1], (len(images), 1))


def test_shares_of_every_second_digit():
    digits = {"MNIST": (np.zeros((4, 28, 28), np.float32), np.array([1, 0, 1, 0]))}
    assert pruning.read_right(AlwaysOne(), digits) == {"MNIST": 0.5}
    assert pruning.read_right(AlwaysOne(), digits, step=2) == {"MNIST": 1.0}


def test_a_narrow_table():
    row = {"name": "a", "bytes": 1000, "gzip": 900, "accuracy": 0.99, "pens": 0.9812, "fixed": 3, "broken": 5}
    shown = pruning.short_table([row | {"weights": 5}], mark="a", caption="to b")
    assert list(shown.frame.columns) == ["model", "bytes", "gzip", "MNIST", "pens", "fixed", "broken"]
    assert str(shown).splitlines()[2].split() == ["▶", "a", "1,000", "0.90", "kB", "99.00%", "98.12%", "3", "5"]
