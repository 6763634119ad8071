"""What the tests of the page of lesson 11 share, whichever browser runs them."""

import re

import numpy as np

from tflite_course import evaluation
from tflite_course.pad import softmax
from tflite_course.pad.strokes import invent_digit
from tflite_course.targets import browser as target
from tflite_course.targets import golden
from tflite_course.targets import web as build


def strokes_of(digit):
    return invent_digit(digit, np.random.default_rng(2))


def check_golden(reply):
    """Assert that what a browser did with the golden vectors is what is stored for lesson 11; reply: read_reply()."""
    stored, found = golden.stored_targets()["browser"], target.compare(reply["rows"])
    assert len(found) == len(stored["rows"])
    for now, before in zip(found, stored["rows"], strict=True):
        if now["within_1"] is None:  # float32: the last bits depend on the processor
            assert now["argmax"] == before["argmax"] and now["largest"] < 1e-3
        else:
            assert now == before
    exact = [row["bit_exact"] for row in found if row["against"] == "LiteRT XNNPACK" and row["within_1"] is not None]
    assert exact == [1000] * 5
    assert target.compare_centred(reply["centred"]) == stored["centred"] == {"same": 100, "of": 100}
    assert reply["refused"] == stored["refused"] and "taken" not in reply["refused"].values()


def check_answers(answers, image):
    """Assert that the table's answers are those of Python.

    answers: {"mnist_cnn uint8": "7 (100 %)", ...}; image: what the models were given, float32 (28, 28).
    """
    assert len(answers) == len(build.MODELS)
    for name, variant in build.MODELS:
        [logits] = evaluation.predict(build.read_model_for_page(name, variant), image[None])
        shown = re.fullmatch(r"(\d) \((\d+) %\)", answers[f"{name} {variant}"])
        assert int(shown[1]) == logits.argmax() and abs(int(shown[2]) - 100 * softmax(logits).max()) < 0.6
