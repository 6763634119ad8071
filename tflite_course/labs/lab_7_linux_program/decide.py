"""Lab 7, decide: a digit, or None when the model is not sure."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake


def decide(probabilities, sure, margin):
    first, lead = first_and_lead(probabilities)
    return int(np.argmax(probabilities)) if first >= sure and lead >= margin else None


def first_and_lead(probabilities):
    """Return the largest probability, and by how much it leads the second."""
    second, first = np.sort(probabilities)[-2:]
    return first, first - second


def cases(rng):
    def row(first, second, places=None):
        places = rng.permutation(10)[:2] if places is None else places
        values = np.full(10, (1 - first - second) / 8)
        values[places] = first, second
        return values

    return [
        (row(0.9, 0.05), 0.5, 0.25),
        (row(0.9, 0.05, [0, 7]), 0.5, 0.25),
        (row(0.75, 0.1875), 0.75, 0.25),  # exactly on a bound, as the next one
        (row(0.75, 0.25), 0.5, 0.5),
        (row(0.5, 0.4375), 0.5, 0.125),
        (row(0.5, 0.4375), 0.4, 0.25),
        (row(0.4, 0.05), 0.5, 0.25),
        (row(0.3, 0.1), 0.5, 0.25),
        (np.full(10, 0.1), 0.05, 0.05),
        (row(0.4, 0.0625), 0.375, 0.3125),
        (np.full(10, np.nan), 0.5, 0.25),
    ]


def no_margin(probabilities, sure, margin):
    return decide(probabilities, sure, 0)


def no_threshold(probabilities, sure, margin):
    return decide(probabilities, 0, margin)


def one_bound_is_enough(probabilities, sure, margin):
    first, lead = first_and_lead(probabilities)
    return int(np.argmax(probabilities)) if first >= sure or lead >= margin else None


def above_the_bounds(probabilities, sure, margin):
    first, lead = first_and_lead(probabilities)
    return int(np.argmax(probabilities)) if first > sure and lead > margin else None


def minus_one(*arguments):
    return -1 if decide(*arguments) is None else decide(*arguments)


def false(*arguments):
    return False if decide(*arguments) is None else decide(*arguments)


def always(probabilities, sure, margin):
    return int(np.argmax(probabilities))


def zero_lost(*arguments):
    return decide(*arguments) or None


def whether_sure(*arguments):
    return decide(*arguments) is not None


# The same, asked the other way round: what is below a bound is refused, and NaN is not below any.
def nan_passes(probabilities, sure, margin):
    first, lead = first_and_lead(probabilities)
    return None if first < sure or lead < margin else int(np.argmax(probabilities))


def no_margin_and_nan_passes(probabilities, sure, margin):
    return nan_passes(probabilities, sure, 0)


def no_threshold_and_nan_passes(probabilities, sure, margin):
    return nan_passes(probabilities, 0, margin)


def one_bound_is_enough_and_nan_passes(probabilities, sure, margin):
    first, lead = first_and_lead(probabilities)
    return None if first < sure and lead < margin else int(np.argmax(probabilities))


def above_the_bounds_and_nan_passes(probabilities, sure, margin):
    first, lead = first_and_lead(probabilities)
    return None if first <= sure or lead <= margin else int(np.argmax(probabilities))


NO_MARGIN = "the margin does not count: the first must lead the second by at least `margin`."
NO_THRESHOLD = "the threshold does not count: the first must reach `sure`."
ONE_BOUND = "one of the two bounds is enough for you. Both must hold: `and`."
ABOVE = "a value exactly on a bound counts: `>=`, not `>`."

EXERCISE = Exercise(
    points=1,
    tests="decide(probabilities, sure, margin) above, below and exactly on both bounds, and on NaN",
    why="an action that waits for certainty is often the most important line of the program.",
    cases=cases,
    right=decide,
    mistakes=[
        KnownMistake(NO_MARGIN, no_margin),
        KnownMistake(NO_MARGIN, no_margin_and_nan_passes),
        KnownMistake(NO_THRESHOLD, no_threshold),
        KnownMistake(NO_THRESHOLD, no_threshold_and_nan_passes),
        KnownMistake(ONE_BOUND, one_bound_is_enough),
        KnownMistake(ONE_BOUND, one_bound_is_enough_and_nan_passes),
        KnownMistake(ABOVE, above_the_bounds),
        KnownMistake(ABOVE, above_the_bounds_and_nan_passes),
        KnownMistake("you return -1 for an answer that is not sure. Return None: -1 is an index too.", minus_one),
        KnownMistake(
            "you return False for an answer that is not sure. Return None: False is equal to the digit 0.", false
        ),
        KnownMistake("you always name a digit. Return None when it is not sure.", always),
        KnownMistake("the digit 0 is lost: Python takes 0 for false.", zero_lost),
        KnownMistake("you return whether it is sure. Return the digit, or None.", whether_sure),
        KnownMistake(
            "a row of NaN gives a digit: NaN is neither below nor above a bound. Ask what must be true, `>=`.",
            nan_passes,
        ),
    ],
)
