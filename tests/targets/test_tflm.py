"""tflite_course.targets.tflm: the smallest arena, also for models with which TFLM ends the process."""

import pytest

from tests.tools import forms
from tflite_course import models
from tflite_course.errors import CourseError
from tflite_course.targets import tflm

pytest.importorskip("tflite_micro", reason="There is no TFLM here: install tflite-micro (Linux, x86-64).")


def fits(content, arena):
    """Return whether TFLM takes a model in an arena: asked in a process of its own, it may end."""
    tried, _ = tflm._search(content, 0, arena, arena, False)
    return tried[-1][0] == "fits"


@pytest.mark.parametrize("name", ["mnist_nano", "mnist_tiny"])
def test_smallest_arena(name):
    content = models.model_path(name, "int8").read_bytes()
    arena = tflm.smallest_arena(content)
    assert arena % 16 == 0 and fits(content, arena) and not fits(content, arena - 16)


def test_a_model_that_ends_the_process():
    """An LSTM in an arena that is too small: a segmentation fault, and Python goes on."""
    content = forms.make_forms(["LSTM, batch 1"])["LSTM, batch 1"].content
    arena = tflm.smallest_arena(content)
    assert fits(content, arena) and not fits(content, arena - 16)


def test_a_larger_arena_than_usual(monkeypatch):
    monkeypatch.setattr(tflm, "AMPLE", 1024)
    assert tflm.smallest_arena(models.model_path("mnist_nano", "int8")) == 5136


def test_a_model_that_no_arena_holds(monkeypatch):
    monkeypatch.setattr(tflm, "LARGEST", 2048)
    monkeypatch.setattr(tflm, "AMPLE", 1024)
    with pytest.raises(CourseError, match="in no arena up to 2,048 bytes"):
        tflm.smallest_arena(models.model_path("mnist_nano", "int8"))
