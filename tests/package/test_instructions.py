"""tflite_course.instructions: one row for each instruction set that this processor has, and none that ends Python."""

import platform

import pytest

from tflite_course import instructions, models
from tflite_course.errors import CourseError
from tflite_course.instructions import latency_by_instructions

INT8 = models.model_path("mnist_cnn", "int8")


def test_rows_of_this_processor():
    times = latency_by_instructions(INT8, repeats=3)
    known = list(instructions.MASKS.get(platform.machine(), {}))
    assert list(times) == [name for name in known if name in times]  # from the oldest on
    assert not known or "plain C++" in times
    assert all(value > 0 for value in times.values())


def test_an_instruction_that_ends_its_process_is_left_out(monkeypatch):
    # ruy has no product for the mask 2, and ends the process
    monkeypatch.setitem(instructions.MASKS, platform.machine(), {"plain C++": "1", "not there": "2"})
    assert list(latency_by_instructions(INT8, repeats=1)) == ["plain C++"]


def test_a_processor_without_names_and_a_damaged_file(monkeypatch):
    with pytest.raises(CourseError, match="cut short or damaged"):
        latency_by_instructions(INT8.read_bytes()[:1000])
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert latency_by_instructions(INT8) == {}
