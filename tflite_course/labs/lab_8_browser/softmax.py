"""Lab 8, softmax: probabilities of one row and of several, also where the logits are very large."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake, compare_function


def softmax(logits):
    return _share(_shifted(logits))


def _shifted(logits):
    """Return powers of e, those of the largest logit of each row being 1."""
    return np.exp(logits - logits.max(axis=-1, keepdims=True))


def _share(powers, axis=-1):
    return powers / powers.sum(axis=axis, keepdims=True)


def as_float32(value):
    """Return a float array as float32: which float dtype comes back is not part of the exercise."""
    if type(value) is np.ndarray and value.dtype.kind == "f":
        return value.astype(np.float32)
    return value


def cases(rng):
    return [(rng.normal(0, 4, shape).astype(np.float32),) for shape in ((10,), (6, 10), (10, 10))]


def large_cases(rng):
    logits = rng.normal(0, 4, (5, 10)).astype(np.float32)
    logits[1] += 900
    logits[2] -= 900
    logits[3, int(rng.integers(0, 10))] = 120  # exp is infinite in float32, not in float64
    return [(logits,)]


def along_columns(logits):
    return _share(np.exp(logits), axis=0)


def all_together(logits):
    return _share(np.exp(logits), axis=None)


def powers_alone(logits):
    return np.exp(logits)


def shifted_powers_alone(logits):
    return _shifted(logits)


def logarithm(logits):
    return np.log(softmax(logits))


def powers_of_2(logits):
    return _share(np.exp2(logits))


def no_powers(logits):
    return _share(logits)


def squares(logits):
    return _share(np.square(logits))


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def overflow(logits):
    return _share(np.exp(logits))


def overflow_in_float64(logits):
    return _share(np.exp(logits.astype(np.float64)))


def one_largest(logits):
    return _share(np.exp(logits - logits.max()))


def clipped(logits):
    return _share(np.exp(np.clip(logits, -80, 80)))


def nan_replaced(logits):
    return np.nan_to_num(overflow(logits))


OVERFLOW = (
    "logits near 900 give nan: their powers are too large for a float, and those of -900 are all 0. Subtract the "
    "largest logit of the row first; the result stays the same."
)
LIMITED = (
    "with very large and very small logits the probabilities are wrong. Subtract the largest logit of each row, then "
    "nothing has to be clipped or replaced."
)

MISTAKES = [
    KnownMistake("each column sums to 1. Each row must: use the last axis.", along_columns),
    KnownMistake("all rows together sum to 1. Each row must.", all_together),
    KnownMistake("the powers do not sum to 1: divide them by their sum.", powers_alone),
    KnownMistake(
        "the largest of each row is 1. Divide the powers by their sum, not by the largest.", shifted_powers_alone
    ),
    KnownMistake("this is the logarithm of the probabilities.", logarithm),
    KnownMistake("you take the powers of 2. The models were trained with those of e: `np.exp`.", powers_of_2),
    KnownMistake("the logits are divided by their sum, without powers. A probability is never negative.", no_powers),
    KnownMistake("you square the logits. Take their powers, `np.exp`.", squares),
    KnownMistake("this is a sigmoid for each logit. The ten must sum to 1 in each row.", sigmoid),
    KnownMistake(OVERFLOW, overflow),
    KnownMistake(OVERFLOW, overflow_in_float64),
    KnownMistake(
        "you subtract the largest logit of all rows. In a row with far smaller ones all powers are 0: take the "
        "largest of each row.",
        one_largest,
    ),
    KnownMistake(LIMITED, clipped),
    KnownMistake(LIMITED, nan_replaced),
]


def judge(answer, rng):
    """Look at large logits only when the others are right: nearly every mistake gives other numbers there."""
    for stage in (cases, large_cases):
        compare_function(answer, softmax, stage(rng), MISTAKES, tolerance=1e-5, plain=as_float32)


EXERCISE = Exercise(
    points=2,
    tests="softmax(logits) on one row and on several, with usual and with very large logits",
    why="exp(900) is infinite in every language, and infinity divided by infinity is not a probability.",
    judge=judge,
    mistakes=MISTAKES,
)
