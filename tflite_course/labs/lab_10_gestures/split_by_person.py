"""Lab 10, split_by_person: no person in both parts."""

import numpy as np

from tflite_course.labs.exercise import (
    Exercise,
    KnownMistake,
    Mistake,
    describe,
    require_function,
    require_returned,
    same,
)
from tflite_course.labs.lab_10_gestures.common import require_unchanged


def split_by_person(persons, held_out):
    unseen = np.isin(persons, held_out)
    return np.flatnonzero(~unseen), np.flatnonzero(unseen)


def exchanged(persons, held_out):
    return split_by_person(persons, held_out)[::-1]


def numbers_of_persons(persons, held_out):
    return tuple(persons[part] for part in split_by_person(persons, held_out))


MISTAKES = [
    KnownMistake("the two parts are exchanged: the windows to learn from come first.", exchanged),
    KnownMistake(
        "these are the numbers of the persons. Return the positions of their windows.",
        numbers_of_persons,
    ),
]


def judge(answer, rng):
    require_function(answer)
    for shuffled in (False, True):
        persons = np.repeat(np.arange(1, 11), rng.integers(4, 9, 10))
        if shuffled:
            persons = rng.permutation(persons)
        held_out = tuple(int(p) for p in rng.permutation(10)[:3] + 1)
        given = persons.copy()
        found = require_returned(answer(given, held_out))
        require_unchanged([given], [persons])
        _compare(_parts(found), persons, held_out)


def _parts(found):
    """Return the two parts of what was returned as arrays in their order, or raise Mistake."""
    if type(found) not in (tuple, list) or len(found) != 2:
        raise Mistake(f"two arrays are expected, learned and unseen, this is {describe(found)}.")
    parts = [np.array(part) if type(part) is list else part for part in found]
    if not all(type(part) is np.ndarray and part.ndim == 1 for part in parts):
        raise Mistake(f"two arrays of positions are expected, this is {describe(found)}.")
    if any(part.dtype == bool for part in parts):
        raise Mistake("these are arrays of True and False. `np.flatnonzero` gives the positions of True.")
    if any(part.dtype.kind not in "iu" for part in parts):
        raise Mistake(f"positions are whole numbers, these are {parts[0].dtype} and {parts[1].dtype}.")
    return [np.sort(part.astype(np.int64)) for part in parts]


def _compare(parts, persons, held_out):
    """Raise Mistake unless these are the positions of the persons who are not held out, and of those who are."""
    expected = split_by_person(persons, held_out)
    if same(parts, expected):
        return
    for hint, mistaken in MISTAKES:
        if same(parts, _parts(mistaken(persons, held_out))):
            raise Mistake(hint)
    for some in (held_out[:1], held_out[-1:], held_out[:-1]):
        if same(parts[1], split_by_person(persons, some)[1]):
            raise Mistake(f"{describe(held_out)} are held out, and your second part has {describe(some)} only.")
    _require_each_once(*parts, persons)
    who = describe(np.unique(persons[parts[1]]))
    raise Mistake(f"{describe(held_out)} are held out; your second part has the persons {who}.")


def _require_each_once(learned, unseen, persons):
    """Raise Mistake when a position is none, a person is in both parts, or a window is in none or in one twice."""
    count, everything = len(persons), np.concatenate([learned, unseen])
    if len(everything) and (everything.min() < 0 or everything.max() >= count):
        raise Mistake(f"there are {count} windows, so positions go from 0 to {count - 1}.")
    both = np.intersect1d(persons[learned], persons[unseen])
    if len(both):
        raise Mistake(
            f"person {both[0]} is in both parts: this is the leak. Decide by the person of a window, not by its place "
            f"or by chance."
        )
    if len(everything) < count:
        raise Mistake(f"{count - len(everything)} of {count} windows are in no part.")
    if len(np.unique(everything)) < len(everything):
        raise Mistake("a window is in a part more than once.")


EXERCISE = Exercise(
    points=2,
    tests="split_by_person(persons, held_out) with windows in order and in disorder",
    why="a person in both parts makes the accuracy higher than any new user will see.",
    judge=judge,
    mistakes=MISTAKES,
)
