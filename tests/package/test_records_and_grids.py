"""Tables of stored experiments and of duels, and the pictures of grids."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from tflite_course.datasets import load_mnist
from tflite_course.errors import CourseError
from tflite_course.lesson import grids, records
from tflite_course.models import model_path


def test_rows_of_an_experiment():
    rows = records.read_rows("quantization_aware_training")
    assert {"part", "method", "seed", "accuracy"} <= set(rows.columns) and len(rows) > 30
    with pytest.raises(CourseError, match="experiments/nothing.json is missing"):
        records.read_rows("nothing")
    assert records.read_file("qat_int8_cnn_qat")[4:8] == b"TFL3"


def test_duels_count_the_same_digits():
    _, (x, y) = load_mnist()
    models = {"float": model_path(), "int8": model_path("mnist_cnn", "int8"), "small": model_path("mnist_nano", "int8")}
    rows = records.duels(models, "float", {"few": (x[:500], y[:500])})
    assert [row["against float"] for row in rows] == ["int8", "small"]
    assert rows[1]["few: broken"] > rows[1]["few: fixed"] and float(rows[0]["few: p"]) == 1
    with pytest.raises(CourseError, match="no model 'int4'"):
        records.duels(models, "int4", {})


def border(methods=("largest", "norms", "control", "QAT", "QAT, ranges")):
    rows = []
    for network in ("a", "b"):
        for bits in (4, 2):
            for place, method in enumerate(methods):
                for seed in (0, 1):
                    row = {"model": network, "bits": bits, "method": method, "seed": seed}
                    row |= {f"{t} {k}": place for t in ("MNIST", "pens") for k in ("fixed", "broken")}
                    rows.append(row | {"MNIST": 0.9 + 0.01 * place + 0.005 * seed, "pens": 0.8})
    return pd.DataFrame(rows)


def test_a_case_of_the_border():
    rows = records.border_rows(border(), "a", 2)
    assert [row["method"] for row in rows] == ["largest", "norms", "control", "QAT", "QAT, ranges"]
    assert rows[0]["MNIST, %"] == "90.25" and rows[2]["pens: fixed/broken by seed"] == "2/2, 2/2"
    assert rows[1]["MNIST: fixed/broken by seed"] == ""
    with pytest.raises(CourseError, match=r"no case \('a', 3\): choose from \[\('a', 2\), \('a', 4\)"):
        records.border_rows(border(), "a", 3)


def test_pictures_of_records():
    figure = grids.draw_border(border())
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["a", "b"]
    assert [len(axes.lines) for axes in figure.axes] == [5, 5]
    shown = {"8 bits": {"control": [99.4, 99.3], "QAT": [99.2, 99.3]}}
    figure = grids.draw_seeds(shown)
    dots = [line for line in figure.axes[0].lines if line.get_marker() in "ov"]
    assert [list(line.get_ydata()) for line in dots] == [[99.4, 99.3], [99.2, 99.3]]
    plt.close("all")


def test_a_clipped_range_and_a_half_empty_grid():
    rng = np.random.default_rng(0)
    figure = grids.draw_ranges(rng.normal(0, 8, 1000), (-7, 6.6), np.abs(rng.normal(size=500)), (-6, 6))
    left, right = figure.axes
    assert [line.get_xdata()[0] for line in left.lines] == [-7, 6.6]
    heights = [patch.get_height() for patch in right.patches if hasattr(patch, "get_height")]
    assert sum(heights[:31]) == 0 < sum(heights[32:64])
    plt.close("all")


def test_grids_that_follow_sliders():
    figure, said = grids.staircase_figure(-1.0, 2.0)(bits=3)
    assert said.startswith("8 points with 3 bits") and len(figure.axes) == 2
    kernel = np.random.default_rng(0).normal(size=(1, 1, 50, 2)).astype(np.float32)
    figure, said = grids.kernel_figure(kernel)(channel=1, bits=2)
    assert "channel 1 with 2 bits" in said and len(figure.axes) == 2
    plt.close("all")
