"""Pictures of clustered weights: centroids, codebooks, moves, and curves by the number of clusters."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from tflite_course.errors import CourseError
from tflite_course.lesson.clusters import draw_centroids, draw_codebook, draw_counts, draw_moves, draw_sensitivity


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_a_centroid_is_drawn_as_high_as_its_cluster():
    values = np.array([-1.0, -0.9, -0.8, 0.1, 0.9, 1.0])
    figure = draw_centroids(values, np.array([1.0, -0.9, 0.0]))  # in any order
    [dots] = [line for line in figure.axes[1].lines if line.get_marker() == "o"]
    assert dots.get_xdata().tolist() == [-0.9, 0.0, 1.0] and dots.get_ydata().tolist() == [3, 1, 2]


def test_an_empty_cluster_stands_on_the_ground():
    figure = draw_centroids(np.array([0.0, 0.1]), np.array([0.0, 5.0, 9.0]))
    [dots] = [line for line in figure.axes[1].lines if line.get_marker() == "o"]
    assert dots.get_ydata().tolist() == [2, 0, 0]


def test_a_codebook_shows_the_index_of_each_weight():
    codebook = np.array([-1.0, 0.0, 2.0], np.float32)
    figure = draw_codebook(codebook[np.array([[0, 1], [2, 2]])], codebook)
    left, right = figure.axes
    assert [text.get_text() for text in left.texts] == ["0", "1", "2", "2"]
    assert [bar.get_width() for bar in right.patches] == [-1.0, 0.0, 2.0]


def test_a_weight_that_is_not_in_the_codebook_is_named():
    with pytest.raises(CourseError, match="weights that are not in the codebook"):
        draw_codebook(np.array([[0.5]]), np.array([0.0, 1.0]))


def test_moves_are_arrows_in_both_directions():
    figure = draw_moves(np.array([-1.0, 0.0, 1.0]), np.array([-0.998, 0.0, 0.997]))
    up, down = [line for line in figure.axes[0].lines if line.get_marker() in ("^", "v")]
    assert np.allclose(up.get_ydata(), [2, 0]) and np.allclose(down.get_ydata(), [-3])


def test_curves_have_a_tick_for_each_number_of_clusters():
    lost = {"conv_1": {2: 0.03, 8: 0.01}, "logits": {2: 0.0, 8: 0.0}}
    [axes] = draw_sensitivity(lost, sizes={"conv_1": 144, "logits": 31360}).axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["2", "8"]
    assert [text.get_text() for text in axes.get_legend().texts] == ["conv_1, 144 weights", "logits, 31,360 weights"]
    [axes] = draw_counts({"fine-tuned": {4: 0.993, 16: 0.994}}, band=(0.992, 0.995), label="control").axes
    assert [text.get_text() for text in axes.get_legend().texts] == ["control", "fine-tuned"]
