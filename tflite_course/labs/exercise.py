"""What an exercise of a lab is: how an answer is tried, and how it is compared without trusting it."""

import contextlib
import copy
import functools
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tflite_course.checks import is_keras_3 as is_keras_3  # for the checks of the labs

NO_ANSWER = "there is no answer yet. Replace the line `...` and run both cells again."


@functools.cache
def mnist():
    """Return what load_mnist() returns, loaded once for all checks of a lab."""
    from tflite_course.datasets import load_mnist

    return load_mnist()


def itself(value):
    """Return a value that an answer returned: in the student's own process it is what it is now."""
    return value


as_it_is_now = itself  # the outside judge asks the student's process


class Mistake(Exception):
    """What is wrong with an answer: one or two sentences for the student."""


@dataclass(frozen=True)
class Partly:
    """What a judge returns for an answer that earns some of the points, with the sentence that says what is missing."""

    points: float
    mistake: str


class KnownMistake(NamedTuple):
    """A mistake that students make: the hint that names it, and an answer that has it."""

    hint: str
    answer: object


@dataclass(frozen=True)
class Exercise:
    """One exercise of a lab, as data: what it is worth, what is tried, and which mistakes have a hint of their own.

    points: what a right answer earns. tests: what is tried. why: why it matters. Both are printed to the student.

    An answer that is a function is compared with the right one:
    cases: cases(rng) returns a list of tuples of arguments, the same for the same state of the generator.
    right: the function that is correct. mistakes: functions with one mistake each; their hint is given to an answer
    that fails as they do. tolerance: the largest absolute difference between numbers that are called equal.
    plain: turns what the answer and the mistakes return into what right returns, where several forms are right.

    An answer that is something else (a file, a model, a text) has a judge of its own:
    judge(answer, rng) returns None when the answer is right, returns Partly for an answer between the two, and raises
    Mistake when it is wrong. Points are returned and never raised: an answer can raise.
    mistakes may then hold answers too: the tests give each back to the judge and expect its hint.
    """

    points: float
    tests: str
    why: str
    judge: Callable | None = None
    cases: Callable | None = None
    right: Callable | None = None
    mistakes: Sequence[KnownMistake] = ()
    tolerance: float = 0.0
    plain: Callable | None = None

    def __post_init__(self):
        data = [part is not None for part in (self.cases, self.right)]
        if not all(data) if self.judge is None else any(data):
            raise ValueError("An exercise has either a judge, or cases and the right function.")

    def grade(self, answer, seed):
        """Return (points, mistake): all points and None for a right answer, else fewer points and one sentence.

        Whatever an answer raises counts as a mistake of it.
        """
        if answer is None or answer is Ellipsis:
            return 0.0, NO_ANSWER
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # what the answer prints is not part of the check
                verdict = self._judge(answer, np.random.default_rng(seed))
        except Mistake as mistake:
            return 0.0, str(mistake)
        except Exception as error:  # the student's own code may raise anything
            first = (str(error).strip().splitlines() or ["no message"])[0]
            return 0.0, f"your code stops with {type(error).__name__}: {first[:300]}"
        if verdict is None:
            return float(self.points), None
        if not 0 < verdict.points < self.points:
            raise ValueError(f"Partly has {verdict.points} points, it must lie between 0 and {self.points}.")
        return float(verdict.points), verdict.mistake

    def _judge(self, answer, rng):
        if self.judge is not None:
            return self.judge(answer, rng)
        return compare_function(
            answer, self.right, self.cases(rng), self.mistakes, tolerance=self.tolerance, plain=self.plain
        )


# An object of the student's own may claim to equal everything: only these types are compared.
PLAIN = (bool, int, float, str, bytes, type(None), np.bool_, *np.sctypeDict.values())

CHANGEABLE = {np.ndarray: "array", list: "array", dict: "dict"}  # what a function must leave as it is


def same(answer, expected, *, tolerance=0.0, not_finite=False):
    """Return whether an answer has the type of what is expected, and its values within the tolerance.

    Arrays need the same dtype and shape. Tuples and lists are compared item by item, and are the same for this purpose.
    Dicts are compared key by key.
    A Python number and a NumPy scalar are the same when both are whole or both are not.
    not_finite: whether NaN is the same as NaN, and infinity as infinity.
    """
    if isinstance(expected, (tuple, list)):
        fits = type(answer) in (tuple, list) and len(answer) == len(expected)
        return fits and all(
            same(a, e, tolerance=tolerance, not_finite=not_finite) for a, e in zip(answer, expected, strict=True)
        )
    if isinstance(expected, dict):
        fits = type(answer) is dict and len(answer) == len(expected) and all(type(key) in PLAIN for key in answer)
        return fits and all(
            key in answer and same(answer[key], e, tolerance=tolerance, not_finite=not_finite)
            for key, e in expected.items()
        )
    if type(expected) is np.ndarray:
        if type(answer) is not np.ndarray or answer.dtype != expected.dtype or answer.shape != expected.shape:
            return False
        return _near(answer, expected, tolerance, not_finite)
    if type(answer) not in PLAIN:
        return False
    if isinstance(expected, (bool, str, bytes, np.bool_)) or expected is None:
        plain = answer.item() if isinstance(answer, np.generic) else answer
        return type(plain) is type(expected) and plain == expected
    kinds = [isinstance(value, (int, np.integer)) and not isinstance(value, bool) for value in (answer, expected)]
    return (
        kinds[0] == kinds[1]
        and not isinstance(answer, (bool, str, bytes))
        and _near(answer, expected, tolerance, not_finite)
    )


def _near(answer, expected, tolerance, not_finite):
    answer, expected = np.asarray(answer, np.float64), np.asarray(expected, np.float64)
    with np.errstate(invalid="ignore"):  # infinity minus infinity
        near = np.abs(answer - expected) <= tolerance
    if not_finite:
        near |= (answer == expected) | (np.isnan(answer) & np.isnan(expected))
    return bool(np.all(near))


def describe(value):
    """Return a value as text for a hint, of at most 200 characters: a list may be long."""
    return _text(value)[:200]


def _text(value):
    if isinstance(value, (tuple, list)):
        return "(" + ", ".join(_text(item) for item in value[:50]) + ")"
    if type(value) is dict:
        return "{" + ", ".join(f"{_text(key)}: {_text(item)}" for key, item in value.items()) + "}"
    if type(value) is np.ndarray:
        text = np.array2string(value.ravel()[:6], precision=4, separator=", ")
        return f"{text}{' ...' if value.size > 6 else ''} ({value.dtype}, shape {value.shape})"
    if isinstance(value, (float, np.floating)):
        return f"{float(value):.6g}"
    if isinstance(value, (int, bool, str, np.integer, np.bool_)):
        return str(value)[:100]
    if type(value) is bytes:
        return f"{len(value):,} bytes"
    return f"a {type(value).__name__}"


def require_function(answer):
    """Return an answer that can be called, or raise Mistake."""
    if not callable(answer):
        raise Mistake(f"a function is expected, this is {describe(answer)}.")
    return answer


def require_returned(value):
    """Return what a function of the student's returned, or raise Mistake when it is nothing."""
    if value is None or value is Ellipsis:
        raise Mistake("your function returns nothing yet: replace the line `...`, and end with `return`.")
    return value


def compare_function(answer, right, cases, mistakes=(), *, tolerance=0.0, plain=None):
    """Call the answer with the arguments of each case and raise Mistake when it does not return what right returns.

    right: the function that is correct; cases: a list of tuples of arguments.
    mistakes: a list of KnownMistake, functions with one mistake each. When the answer agrees with one of them on every
    case on which that one can be told from right, its hint is given.
    plain: applied to what answer and mistakes return, before it is compared.
    """
    require_function(answer)
    returned = []
    for case in cases:
        given, untouched = copy.deepcopy(case), copy.deepcopy(case)
        returned.append(_call(answer, given, plain))
        pairs = zip(given, untouched, strict=True)
        for given_one, untouched_one in pairs:
            if not same(untouched_one, untouched_one, not_finite=True):  # it holds what cannot be compared
                continue
            if type(untouched_one) in CHANGEABLE and not same(given_one, untouched_one, not_finite=True):
                kind = CHANGEABLE[type(untouched_one)]
                raise Mistake(f"your function changes the {kind} that it is given. Work on a new one.")
    if all(value is None for value in returned):
        require_returned(None)
    expected = [right(*copy.deepcopy(case)) for case in cases]
    wrong = [k for k in range(len(cases)) if not same(returned[k], expected[k], tolerance=tolerance)]
    if not wrong:
        return
    for hint, mistaken in mistakes:
        if _does_as(mistaken, cases, returned, expected, tolerance, plain):
            raise Mistake(hint)
    k = wrong[0]
    if isinstance(returned[k], _Raised):
        raise Mistake(f"with {describe(cases[k])} your function stops with {returned[k].text}")
    arguments = ", ".join(describe(argument) for argument in cases[k])
    place, mine, wanted = _first_difference(returned[k], expected[k], tolerance)
    what = f"your function returns {describe(mine)}"
    if place:
        what = f"{place} of what your function returns: {describe(mine)}"
    raise Mistake(f"with {arguments} {what}, expected {describe(wanted)}.")


def _first_difference(returned, expected, tolerance, place=""):
    """Return (place, part of what was returned, part of what is expected): where dicts and lists of dicts differ."""
    if type(returned) is dict and type(expected) is dict:
        if set(map(str, returned)) != set(map(str, expected)):
            return f"the keys{' of ' if place else ''}{place}", sorted(map(str, returned)), sorted(map(str, expected))
        pairs = [(f"[{key!r}]", returned.get(key), part) for key, part in expected.items()]
    elif _holds_dicts(expected) and type(returned) in (tuple, list) and len(returned) == len(expected):
        pairs = [(f"[{k}]", returned[k], part) for k, part in enumerate(expected)]
    else:
        return place, returned, expected
    for step, mine, part in pairs:
        if not same(mine, part, tolerance=tolerance):
            return _first_difference(mine, part, tolerance, place + step)
    return place, returned, expected


def _holds_dicts(value):
    return type(value) in (tuple, list) and any(type(part) is dict for part in value)


def _does_as(mistaken, cases, returned, expected, tolerance, plain):
    """Return whether a known mistake is right and wrong on the same cases as what was returned, and wrong alike."""
    for case, mine, right in zip(cases, returned, expected, strict=True):
        theirs = _call(mistaken, copy.deepcopy(case), plain)
        wrong = not same(theirs, right, tolerance=tolerance)
        if wrong != (not same(mine, right, tolerance=tolerance)):
            return False
        if wrong and not _as_wrong(mine, theirs, tolerance):
            return False
    return True


def _as_wrong(returned, theirs, tolerance):
    """Return whether an answer and a known mistake give the same: a value, NaN and infinity included, or an error."""
    if isinstance(returned, _Raised) or isinstance(theirs, _Raised):
        return isinstance(returned, _Raised) and isinstance(theirs, _Raised) and returned.kind == theirs.kind
    return same(returned, theirs, tolerance=tolerance, not_finite=True)


class _Raised:
    """What stands for the result of a call that raised.

    text: what the student is told. kind: the same for two errors that are alike. NumPy's errors about shapes are, for
    their words depend on how the same mistake is written.
    """

    def __init__(self, error):
        self.text = f"{type(error).__name__}: {(str(error).strip().splitlines() or ['no message'])[0][:200]}"
        shapes = isinstance(error, ValueError) and ("broadcast" in self.text or "matmul" in self.text)
        self.kind = "the shapes do not fit" if shapes else self.text


def _call(function, arguments, plain):
    try:
        with np.errstate(all="ignore"):
            value = function(*arguments)
            return value if plain is None or value is None else plain(value)
    except Exception as error:
        return _Raised(error)
