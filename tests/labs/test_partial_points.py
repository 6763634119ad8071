"""Some exercises pay for a part: answers between nothing and all points, and none that names its own price."""

import importlib

import pytest

from tests.labs.answers import __name__ as ANSWERS_PACKAGE
from tflite_course.labs import Exercise, Mistake, Partly, check, load_exercises

PARTLY = [("lab_6_smallest_model", "my_model", "MODEL_PARTLY"), ("capstone", "small_model", "SMALL_PARTLY")]


@pytest.mark.parametrize(("lab", "exercise", "table"), PARTLY, ids=[lab for lab, _, _ in PARTLY])
def test_file_between_the_levels(lab, exercise, table, capsys):
    most = load_exercises(lab)[exercise].points
    for name, (make, points, hint) in getattr(importlib.import_module(f"{ANSWERS_PACKAGE}.{lab}"), table).items():
        answer = make()
        assert [check(lab, exercise, answer, seed=seed) for seed in (0, 99)] == [points, points], name
        said = capsys.readouterr().out
        assert "So far: " in said and hint in said and f"{points} of {most} points." in said


@pytest.mark.parametrize(("lab", "exercise", "table"), PARTLY, ids=[lab for lab, _, _ in PARTLY])
def test_levels_rise(lab, exercise, table):
    levels = importlib.import_module(f"tflite_course.labs.{lab}").LEVELS
    assert [points for points, _, _ in levels] == list(range(1, int(load_exercises(lab)[exercise].points) + 1))
    for (_, most, least), (_, next_most, next_least) in zip(levels, levels[1:], strict=False):
        assert next_most <= most and next_least >= least and (next_most, next_least) != (most, least)


def make(judge):
    return Exercise(4, "an answer", "it matters.", judge)


def test_points_are_returned_by_the_judge_alone():
    assert make(lambda answer, rng: None).grade(1, 0) == (4.0, None)
    assert make(lambda answer, rng: Partly(2.5, "half of it.")).grade(1, 0) == (2.5, "half of it.")
    assert make(lambda answer, rng: Partly(2.5, "half of it.")).grade(..., 0)[0] == 0

    class Bribe(Mistake):
        points = 4

    def bribe():
        raise Bribe("all points, please.")

    assert make(lambda answer, rng: answer()).grade(bribe, 0) == (0.0, "all points, please.")


@pytest.mark.parametrize("points", [0, 4, 5, -1])
def test_a_part_is_less_than_all(points):
    with pytest.raises(ValueError, match="must lie between"):
        make(lambda answer, rng: Partly(points, "a mistake in the judge.")).grade(1, 0)
