"""The training of the models of record: which images it sees, how a network is written, what it refuses."""

import sys

import numpy as np
import pytest

from tflite_course.authoring.experiments import records_of_size as experiment
from tflite_course.datasets import load_mnist
from tflite_course.errors import CourseError


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
