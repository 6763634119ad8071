"""tflite_course.timing: calls in turns, a row for each operator and for each instruction set of this processor."""

import platform

import pytest

from tflite_course import evaluation, models, timing
from tflite_course.errors import CourseError
from tflite_course.timing import in_turns, latency_by_instructions, latency_by_operator

INT8 = models.model_path("mnist_cnn", "int8")


def test_rows_of_this_processor():
    times = latency_by_instructions(INT8, repeats=3)
    known = list(timing.MASKS.get(platform.machine(), {}))
    assert list(times) == [name for name in known if name in times]  # from the oldest on
    assert not known or "plain C++" in times
    assert all(value > 0 for value in times.values())


def test_an_instruction_that_ends_its_process_is_left_out(monkeypatch):
    # ruy has no product for the mask 2, and ends the process
    monkeypatch.setitem(timing.MASKS, platform.machine(), {"plain C++": "1", "not there": "2"})
    assert list(latency_by_instructions(INT8, repeats=1)) == ["plain C++"]


def test_a_processor_without_names_and_a_damaged_file(monkeypatch):
    with pytest.raises(CourseError, match="cut short or damaged"):
        latency_by_instructions(INT8.read_bytes()[:1000])
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert latency_by_instructions(INT8) == {}


def test_calls_take_turns():
    order = []
    times = in_turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, rounds=3, warm_up=2)
    assert order == ["a", "b"] * 5
    assert [(name, values.shape) for name, values in times.items()] == [("a", (3,)), ("b", (3,))]
    assert all((values > 0).all() for values in times.values())


@pytest.mark.parametrize(("runs", "rounds"), [({}, 3), ({"a": int}, 0)])
def test_nothing_to_time(runs, rounds):
    with pytest.raises(CourseError, match="give at least one of each"):
        in_turns(runs, rounds=rounds)


def test_a_row_for_each_operator():
    times = latency_by_operator(INT8, rounds=3)
    steps = evaluation.operators(evaluation.make_interpreter(INT8))
    assert list(times) == [f"{n} {step['op_name']}" for n, step in enumerate(steps)]
    assert all(value >= 0 for value in times.values()) and sum(times.values()) > 0


def test_operators_share_the_time_of_the_call(monkeypatch):
    """Made-up times: one that goes down again, as noise makes them, counts as 0."""
    monkeypatch.setattr(timing, "in_turns", lambda runs, rounds: {n: [3.0 * n if n != 5 else 11.0] for n in runs})
    times = list(latency_by_operator(INT8).values())
    assert times == [3, 3, 3, 3, 0, 7, *[3] * 5]
