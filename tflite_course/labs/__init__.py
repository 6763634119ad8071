"""Checks of the labs: they say what was tested, why, what was expected, and which mistake an answer looks like.

A lab calls check() in its locked cells. It prints, never raises, and returns points: an untouched lab runs from top to
bottom and scores 0. The exercises of a lab stand in the module of the lab's name, as EXERCISES.
"""

import importlib

from tflite_course.labs.exercise import Exercise, KnownMistake, Mistake, Partly, compare_function, same

__all__ = ["Exercise", "KnownMistake", "Mistake", "Partly", "check", "compare_function", "load_exercises", "same"]


def load_exercises(lab):
    """Return {name: Exercise} of a lab, for example "lab_3_quantize"."""
    from tflite_course.errors import CourseError

    try:
        return importlib.import_module(f"tflite_course.labs.{lab}").EXERCISES
    except ModuleNotFoundError:
        raise CourseError(f"There is no lab '{lab}': the name is that of the lab's folder.") from None


def check(lab, exercise, answer, *, seed=0):
    """Print what is right or wrong with an answer and return its points, a float from 0 to the exercise's points.

    seed chooses the inputs that the answer is tried on: 0 in the lab, another one when it is graded.
    """
    chosen = load_exercises(lab)[exercise]
    print(f"Tested: {chosen.tests}")
    points, mistake = chosen.grade(answer, seed)
    print(verdict(chosen, points, mistake))
    return points


def verdict(exercise, points, mistake):
    """Return what a student reads about an answer that was tried: why it matters, what is missing, the points."""
    if mistake is None:
        return f"Right. {points:g} of {points:g} points."
    said = f"{'So far' if points else 'Not yet'}: {mistake}"
    return f"Why it matters: {exercise.why}\n{said}\n{points:g} of {exercise.points:g} points."
