"""The checks of lab_6_smallest_model: right answers, wrong answers, and every mistake that they name."""

import numpy as np
import pytest

from tests.labs.answers import lab_6_smallest_model as answers
from tests.labs.catalogue import make_tests
from tflite_course.labs import tflite_file
from tflite_course.models import CHECKPOINTS

test_check, test_known_mistake, test_catalogue = make_tests("lab_6_smallest_model", answers)


@pytest.mark.parametrize("variant", ["float32", "int8"])
def test_weights_of_the_course_are_known_from_another_processor_too(variant, monkeypatch):
    shipped = {(name, v): tflite_file._shipped(name, v) for name, variants in CHECKPOINTS.items() for v in variants}
    monkeypatch.setattr(tflite_file, "_shipped", lambda name, variant: shipped[name, variant])

    def named(change):
        weights = [change(w.copy()) for w in shipped["mnist_ds", variant]]
        monkeypatch.setattr(tflite_file, "weights_of", lambda interpreter: weights)
        return tflite_file.source_checkpoint(None)

    def moved(share):
        def change(weights):
            flat, every = weights.reshape(-1), round(1 / share)
            if variant == "int8":
                flat[::every] -= np.sign(flat[::every])
            else:
                flat *= np.float32(1 + share * 1e-4)
            return weights

        return change

    assert named(lambda weights: weights) == named(moved(0.005)) == "mnist_ds"
    assert named(moved(0.5)) is None, "trained on"
    assert named(lambda weights: weights[:-1]) is None
