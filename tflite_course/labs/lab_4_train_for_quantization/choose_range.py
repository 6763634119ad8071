"""Lab 4, choose_range: the two ends of a grid that give activations the least squared error."""

import functools

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake, Mistake, describe, require_function, require_returned

SLACK = 1.05  # a squared error so much larger than the least one is right: who tries twenty ends on each side finds one
ENDS = 20  # tried on each side


def choose_range(values, bits):
    return _search(values, bits)


def _errors(values, lows, highs, bits, *, clipped=True):
    """Return the errors (ranges, values) of rounding to grids of 2**bits points from low to high, 0.0 among them."""
    lows, highs = np.reshape(lows, (-1, 1)), np.reshape(highs, (-1, 1))
    scales = (highs - lows) / (2**bits - 1)
    zero_points = np.round(-lows / scales)
    q = np.round(values / scales) + zero_points
    return scales * ((np.clip(q, 0, 2**bits - 1) if clipped else q) - zero_points) - values


def squared_error(values, low, high, bits):
    return float((_errors(values, low, high, bits) ** 2).sum())


def _squares(errors):
    return (errors**2).sum(axis=1)


def _ends(values):
    """Return the ends of the values themselves, 0 included."""
    return min(float(values.min()), 0.0), max(float(values.max()), 0.0)


def _search(values, bits, *, loss=_squares, clipped=True, move=(True, True), symmetric=False):
    """Return the range with the least loss. move: whether the low and the high end are tried at several places."""
    shares = [np.arange(1, ENDS + 1) / ENDS if moves else np.ones(1) for moves in move]
    low, high = _ends(values)
    lows, highs = (grid.ravel() for grid in np.meshgrid(low * shares[0], high * shares[1]))
    if symmetric:
        highs = max(-low, high) * np.arange(1, ENDS + 1) / ENDS
        lows = -highs
    best = loss(_errors(values, lows, highs, bits, clipped=clipped)).argmin()
    return float(lows[best]), float(highs[best])


def cases(rng):
    """Return [(values, bits)]: behind a ReLU, on both sides of 0, and with one value far above or below the others."""
    relu = np.maximum(rng.laplace(0, rng.uniform(0.5, 2), 300), 0)
    below = rng.normal(1, 2, 250)
    below[0] = -rng.uniform(25, 35)
    above = rng.normal(-1, 1, 250)
    above[0] = rng.uniform(15, 20)
    found = [(relu, 3), (below, 4), (above, 4), (rng.laplace(1, 1, 200), 2)]
    return [(values.astype(np.float32), bits) for values, bits in found]


def judge(answer, rng):
    require_function(answer)
    given = cases(rng)
    chosen = [_call(answer, values, bits) for values, bits in given]
    best = [choose_range(*case) for case in given]
    missed = [k for k, case in enumerate(given) if not _good(case, chosen[k], best[k])]
    if not missed:
        return
    if hint := _closest(chosen, given):
        raise Mistake(hint)
    (values, bits), mine, least = given[missed[0]], chosen[missed[0]], best[missed[0]]
    errors = [squared_error(values, *ends, bits) for ends in (mine, _ends(values), least)]
    raise Mistake(
        f"for {len(values)} values and {bits} bits your range {_text(mine)} gives the squared error {errors[0]:.4g}. "
        f"The lowest and the highest value give {errors[1]:.4g}, and {_text(least)} gives {errors[2]:.4g}."
    )


def _text(ends):
    return f"{ends[0]:.4g} to {ends[1]:.4g}"


def _call(answer, values, bits):
    """Return the ends, two floats, that an answer gives, or raise Mistake."""
    given = values.copy()
    ends = require_returned(answer(given, bits))
    if not np.array_equal(given, values):
        raise Mistake("your function changes the values that it is given. Work on a new array.")
    ends = ends.tolist() if type(ends) is np.ndarray else ends
    if type(ends) not in (tuple, list) or len(ends) != 2:
        raise Mistake(f"two numbers are expected, low and high, this is {describe(ends)}.")
    ends = [end.item() if isinstance(end, (np.ndarray, np.generic)) and end.size == 1 else end for end in ends]
    if not all(type(end) in (int, float) and np.isfinite(end) for end in ends):
        raise Mistake(f"the ends must be finite numbers, these are {describe(ends)}.")
    low, high = map(float, ends)
    if not low <= 0 <= high or low == high:
        raise Mistake(f"0.0 must lie between low and high, your range is {_text((low, high))}.")
    return low, high


def _good(case, ends, best):
    values, bits = case
    return squared_error(values, *ends, bits) <= SLACK * squared_error(values, *best, bits)


def _closest(chosen, given):
    """Return the hint of the known mistake that gives the same ranges, or nearly, and None when there is none."""
    found = []
    for known, steps in [(FORMULAS, 0.0), (SEARCHES, 1.5 / ENDS)]:  # who searches meets other ends than the course does
        for hint, mistaken in known:
            gaps = []
            for ends, case in zip(chosen, given, strict=True):
                apart = np.abs(np.subtract(ends, mistaken(*case))).max() / np.ptp(case[0])
                if apart > steps + 1e-5:
                    break
                gaps.append(apart)
            else:
                found.append((max(gaps), hint))
    return min(found)[1] if found else None


def min_max(values, bits):
    return _ends(values)


def percentiles(values, bits, *, cut):
    low, high = np.percentile(values, [cut, 100 - cut])
    return min(float(low), 0.0), max(float(high), 0.0)


def spreads(values, bits, *, count):
    middle, spread = float(values.mean()), count * float(values.std())
    return min(middle - spread, 0.0), max(middle + spread, 0.0)


def symmetric(values, bits):
    return _search(values, bits, symmetric=True)


def high_alone(values, bits):
    return _search(values, bits, move=(False, True))


def low_alone(values, bits):
    return _search(values, bits, move=(True, False))


def absolute_error(values, bits):
    return _search(values, bits, loss=lambda errors: np.abs(errors).sum(axis=1))


def error_of_the_sum(values, bits):
    return _search(values, bits, loss=lambda errors: np.abs(errors.sum(axis=1)))


def largest_error(values, bits):
    return _search(values, bits, loss=lambda errors: np.abs(errors).max(axis=1))


def without_clipping(values, bits):
    return _search(values, bits, clipped=False)


def largest_loss(values, bits):
    return _search(values, bits, loss=lambda errors: -_squares(errors))


def always_8_bits(values, bits):
    return _search(values, 8)


FIXED = "a fixed share or spread does not know the bits. Try many ends, and keep those with the least squared error."
ONE_END = "you move one end alone. A value may lie far below the others, or far above: try both ends."
SMALL = (
    "your range is nearly the smallest that you tried: clip to the lowest and the highest point of the grid, or it has "
    "more points than the bits allow, and keep the least error, not the largest."
)
LARGE = (
    "these are the lowest and the highest value, or nearly: one value far outside decides them, and at few bits they "
    "lose most. Try smaller ranges too, on a grid of as many bits as the argument says."
)

FORMULAS = [
    KnownMistake(LARGE, min_max),
    *(KnownMistake(FIXED, functools.partial(percentiles, cut=cut)) for cut in (0.1, 0.5, 1, 5)),
    *(KnownMistake(FIXED, functools.partial(spreads, count=count)) for count in (1, 2, 3)),
]
SEARCHES = [
    KnownMistake(
        "your range is symmetric, as for weights in lesson 05. Behind a ReLU half of its points would lie below 0, "
        "where no value is: choose both ends.",
        symmetric,
    ),
    KnownMistake(ONE_END, high_alone),
    KnownMistake(ONE_END, low_alone),
    KnownMistake("you add absolute errors. Square them: large errors count more.", absolute_error),
    KnownMistake("you add the errors with their signs, so they cancel. Square them first.", error_of_the_sum),
    KnownMistake("you look at the largest error alone. Add the squares of all.", largest_error),
    KnownMistake(SMALL, without_clipping),
    KnownMistake(SMALL, largest_loss),
    KnownMistake(LARGE, always_8_bits),
]
MISTAKES = [*FORMULAS, *SEARCHES]

EXERCISE = Exercise(
    points=2,
    tests="choose_range(values, bits) for 2 to 4 bits: behind a ReLU, around 0, and with one value far outside",
    why="at few bits the choice of the range can decide more than training does, and it needs no labels.",
    judge=judge,
    mistakes=MISTAKES,
)
