"""Lab 7, compare: what a device answers, against golden vectors."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake


def compare(rows, expected):
    return (*_rows_that_agree(_apart(rows, expected)), _same_digit(rows, expected))


def _apart(rows, expected):
    return np.abs(rows.astype(np.int64) - expected)


def _rows_that_agree(apart):
    """Return how many rows are equal, and how many lie within one step, of distances (n, 10)."""
    return int((apart == 0).all(axis=1).sum()), int((apart <= 1).all(axis=1).sum())


def _same_digit(rows, expected, digit=lambda array: array.argmax(axis=1)):
    return int((digit(rows) == digit(expected)).sum())


def cases(rng):
    found = []
    for count in (6, 30, 41):
        expected = rng.integers(-128, 128, (count, 10)).astype(np.int8)
        step = rng.choice([0, 0, 0, 1, -1], (count, 10)) * (rng.random((count, 1)) < 0.6)
        rows = np.clip(expected + step, -128, 127).astype(np.int8)
        rows[0], expected[0] = np.arange(10), np.arange(10)
        rows[0, 3] = expected[0, 3] - 9  # one value far below, the digit stays
        found.append((rows, expected))
    return [*found, _far_apart(*found[1]), _ties()]


def _far_apart(rows, expected):
    rows, expected = rows.copy(), expected.copy()
    rows[1] = expected[1] = np.arange(-5, 5)
    rows[1, 2], expected[1, 2] = -128, 127  # 255 apart: int8 says 1
    rows[2] = expected[2] = np.arange(-9, 1)
    rows[2, 4], expected[2, 4] = 100, -28  # 128 apart: int8 says -128, and so does its absolute value
    return rows, expected


def _ties():
    rows, expected = np.zeros((12, 10), np.int8), np.zeros((12, 10), np.int8)
    rows[:5, 7] = expected[3:6, 2] = 1
    rows[6, [3, 8]] = expected[6, 3] = 1  # the same digit, when the first of the largest counts
    return rows, expected


def wraps(rows, expected):
    return (*_rows_that_agree(np.abs(rows - expected)), _same_digit(rows, expected))


def wraps_and_is_widened_later(rows, expected):
    return (*_rows_that_agree(np.abs((rows - expected).astype(np.int64))), _same_digit(rows, expected))


def not_absolute(rows, expected):
    return (*_rows_that_agree(rows.astype(np.int64) - expected), _same_digit(rows, expected))


def values(rows, expected):
    apart = _apart(rows, expected)
    return int((apart == 0).sum()), int((apart <= 1).sum()), _same_digit(rows, expected)


def one_value_is_enough(rows, expected):
    apart = _apart(rows, expected)
    return int((apart == 0).any(axis=1).sum()), int((apart <= 1).any(axis=1).sum()), _same_digit(rows, expected)


def equal_rows_left_out(rows, expected):
    exact, near, digits = compare(rows, expected)
    return exact, near - exact, digits


def shares(rows, expected):
    return tuple(count / len(rows) for count in compare(rows, expected))


def argmax_of_all(rows, expected):
    return (*compare(rows, expected)[:2], int(rows.argmax() == expected.argmax()))


def argmax_of_columns(rows, expected):
    return (*compare(rows, expected)[:2], _same_digit(rows, expected, lambda array: array.argmax(axis=0)))


def largest_values(rows, expected):
    return (*compare(rows, expected)[:2], _same_digit(rows, expected, lambda array: array.max(axis=1)))


def last_of_ties(rows, expected):
    return (*compare(rows, expected)[:2], _same_digit(rows, expected, lambda array: 9 - array[:, ::-1].argmax(axis=1)))


WRAPS = "127 and -128 are one step apart for you: int8 minus int8 wraps around. Widen before you subtract."

EXERCISE = Exercise(
    points=3,
    tests="compare(rows, expected) on equal, near and distant rows of int8, and on ties",
    why="the comparison is what you trust when a device answers differently, so it must not wrap around itself.",
    cases=cases,
    right=compare,
    mistakes=[
        KnownMistake(WRAPS, wraps),
        KnownMistake(WRAPS, wraps_and_is_widened_later),
        KnownMistake("a value far below counts as near. Take the absolute difference.", not_absolute),
        KnownMistake("you count values. Count the rows in which all ten numbers agree: `all(axis=1)`.", values),
        KnownMistake(
            "one number that agrees is enough for you. All ten of a row must agree.",
            one_value_is_enough,
        ),
        KnownMistake("a row that is equal is within one step too: count it in both.", equal_rows_left_out),
        KnownMistake("these are shares. Return counts of rows.", shares),
        KnownMistake("`argmax` without an axis looks at all rows at once. Write `axis=1`.", argmax_of_all),
        KnownMistake(
            "`axis=0` runs down the columns. A digit is the largest of a row: `axis=1`.",
            argmax_of_columns,
        ),
        KnownMistake("you compare the largest values. Compare their places, the digits.", largest_values),
        KnownMistake("with equal values the first place counts, as with `argmax`.", last_of_ties),
    ],
)
