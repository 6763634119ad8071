"""The models of record: their files are what the stored experiment says, and read what it says, in LiteRT and TFLM."""

import json
import sys

import numpy as np
import pytest

from tests import ROOT
from tflite_course import evaluation
from tflite_course.authoring.experiments import records_of_size as experiment
from tflite_course.datasets import load_mnist, load_pen_digits
from tflite_course.errors import CourseError
from tflite_course.lesson.records import models_of_record

STORED = json.loads((ROOT / "assets" / "experiments" / "records_of_size.json").read_text(encoding="utf-8"))
BUDGETS = sorted({int(row["budget"]) for row in STORED["rows"]})
IMAGES = 3  # so many images may be read otherwise on another processor


def seeds_of(budget):
    return [row for row in STORED["rows"] if row["budget"] == str(budget) and row["stage"] == "seed"]


def record_of(budget):
    """Return (row, file) of a record."""
    [row] = [row for row in seeds_of(budget) if row["record"]]
    return row, (ROOT / "assets" / "models" / f"record_{budget}.tflite").read_bytes()


@pytest.mark.parametrize("budget", BUDGETS)
def test_the_file_is_that_of_the_row_and_fits(budget):
    row, content = record_of(budget)
    assert len(content) == row["bytes"] <= budget
    names = [entry["op_name"] for entry in evaluation.operators(evaluation.make_interpreter(content))]
    assert "RESHAPE" not in names and len([name for name in names if name != "DELEGATE"]) == row["operators"]


@pytest.mark.parametrize("budget", BUDGETS)
def test_it_reads_what_is_stored(budget):
    row, content = record_of(budget)
    for key, (images, labels) in (("test", load_mnist()[1]), ("pens", load_pen_digits())):
        right = evaluation.accuracy(content, images, labels) * len(images)
        assert abs(right - row[key] * len(images)) <= IMAGES, key


@pytest.mark.parametrize("budget", BUDGETS)
def test_tflm_gives_the_same_digits(budget):
    pytest.importorskip("tflite_micro", reason="There is no TFLM here: install tflite-micro (Linux, x86-64).")
    from tflite_course.targets import tflm

    _, content = record_of(budget)
    values = evaluation.contract(content).encode(load_mnist()[1][0][:100])
    here, there = evaluation.invoke(content, values), tflm.run(content, values)
    assert np.abs(here.astype(int) - there).max() <= 2
    assert (here.argmax(1) == there.argmax(1)).mean() >= 0.99


@pytest.mark.parametrize("budget", BUDGETS)
def test_the_choice_was_made_by_validation(budget):
    seeds = seeds_of(budget)
    assert [row["seed"] for row in seeds] == list(experiment.SEEDS) and len({row["network"] for row in seeds}) == 1
    record, _ = record_of(budget)
    assert record["validation"] == max(row["validation"] for row in seeds)
    candidates = [row for row in STORED["rows"] if row["budget"] == str(budget) and row["stage"] == "candidate"]
    best = max((row for row in candidates if row["fits"]), key=lambda row: row["validation"])
    assert best["network"] == record["network"]
    assert all("test" not in row and "pens" not in row for row in candidates)


def test_the_medians_of_five_and_what_is_missing():
    rows = models_of_record()
    assert [row["budget"] for row in rows] == BUDGETS
    for row in rows:
        values = sorted(seed["test"] for seed in seeds_of(row["budget"]))
        assert row["median"] == values[2] and row["spread"] == (values[0], values[4])
        assert row["target"] == experiment.BUDGETS[row["budget"]].target
        shipped = record_of(row["budget"])[0]["test"]
        assert row["shipped"] == shipped and row["shipped"] + row["missing"] >= row["target"] - 1e-9
        assert (row["missing"] == 0) == (shipped >= row["target"])


def test_validation_images_are_of_the_training_set_and_not_trained_on(tmp_path, monkeypatch):
    (x, _), (test, _) = load_mnist()
    seen = {image.tobytes() for image in x[-experiment.HELD_OUT :]}
    assert not seen & {image.tobytes() for image in test}
    monkeypatch.setattr(experiment, "CACHE", tmp_path)
    monkeypatch.setattr(experiment, "COPIES", 0)
    monkeypatch.setattr(experiment.evaluation, "predict", lambda model, images: np.zeros((len(images), 10)))
    trained = experiment.Images(invented=0).images[-1]
    assert trained.shape == (len(x) - experiment.HELD_OUT, 28, 28)
    assert not seen & {(image / np.float32(255)).tobytes() for image in trained}


def test_an_unknown_budget_is_one_sentence(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["records_of_size", "5000"])
    with pytest.raises(CourseError, match="There is no 5000 in this experiment: choose from 1536, 3072, 4096"):
        experiment.main()


def test_words_of_a_network():
    model = experiment.build("4:3/2v max 6:3 mean dense")
    assert model.output_shape == (None, 10)
    assert [layer.output_shape[1:3] for layer in model.layers if "pool" in layer.name][0] == (6, 6)
    with pytest.raises(CourseError, match="'4x3' is not a part of a network"):
        experiment.build("4x3 mean")
