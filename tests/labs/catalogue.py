"""The tests of a lab's checks: right answers pass, wrong ones score nothing, and each known mistake gets its own hint.

A module test_<lab>.py calls make_tests(), so that only the answers of its lab are imported.
"""

import pytest

from tflite_course.labs import check, load_exercises

VISIBLE, HIDDEN = 0, 99
SEEDS = range(40)


def answers_of(module):
    """Yield (exercise, name, function that makes the answer, part of the hint; False for a right answer)."""
    lazy = getattr(module, "LAZY_ANSWERS", {})
    for exercise, (right, wrong) in {**module.ANSWERS, **lazy}.items():
        for name, answer in right.items():
            yield exercise, f"right: {name}", answer if exercise in lazy else lambda a=answer: a, False
        for name, (answer, hint) in wrong.items():
            yield exercise, f"wrong: {name}", answer if exercise in lazy else lambda a=answer: a, hint


def make_tests(lab, module):
    """Return (test_check, test_known_mistake, test_catalogue) of a lab.

    module: holds ANSWERS and perhaps LAZY_ANSWERS, {exercise: (right answers, {name: (wrong answer, hint)})}; those of
    LAZY_ANSWERS are functions that make the answer when it is needed.
    """
    exercises = load_exercises(lab)
    answers = list(answers_of(module))

    @pytest.mark.parametrize(
        ("exercise", "make", "hint"),
        [(exercise, make, hint) for exercise, _, make, hint in answers],
        ids=[f"{exercise} {name}" for exercise, name, _, _ in answers],
    )
    def test_check(exercise, make, hint, capsys):
        answer, points = make(), exercises[exercise].points
        scores = [check(lab, exercise, answer, seed=seed) for seed in (VISIBLE, HIDDEN)]
        said = capsys.readouterr().out
        if hint is False:
            assert scores == [points, points], said
        else:
            assert scores[1] == 0.0, f"a wrong answer scores: {said}"
            assert hint is None or hint in said, said
            assert "Traceback" not in said and len(said) < 2000

    known = [(name, number) for name, exercise in exercises.items() for number in range(len(exercise.mistakes))]

    @pytest.mark.parametrize(("name", "number"), known, ids=[f"{name} mistake {number}" for name, number in known])
    def test_known_mistake(name, number):
        """A check never pays for a mistake that it names, whatever the seed, and its hint is given."""
        hint, answer = exercises[name].mistakes[number]
        for seed in SEEDS:
            assert exercises[name].grade(answer, seed) == (0.0, hint), f"seed {seed}"

    def test_catalogue():
        table = {**module.ANSWERS, **getattr(module, "LAZY_ANSWERS", {})}
        assert set(table) == set(exercises)
        for name, (right, wrong) in table.items():
            assert len(right) >= 3 and len(wrong) + len(exercises[name].mistakes) >= 6, name
            hinted = sum(hint is not None for _, hint in wrong.values()) + len(exercises[name].mistakes)
            assert hinted >= 3, f"{name}: hints of the common mistakes"
            hints = [hint for hint, _ in exercises[name].mistakes]
            assert all(hint == hint.strip() and hint for hint in hints), f"{name}: a hint begins or ends with a blank"

    return test_check, test_known_mistake, test_catalogue
