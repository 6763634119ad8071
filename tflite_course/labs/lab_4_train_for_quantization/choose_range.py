"""Lab 4, choose_range: the range of a symmetric grid that gives weights the least squared error."""

import functools

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake, Mistake, describe, require_function, require_returned

SLACK = 1.05  # a squared error so much larger than the least one is right: who tries a hundred ranges finds it


def points_above(bits):
    """Return how many points of a symmetric grid lie above 0: 127, 7, 3 and 1 for 8, 4, 3 and 2 bits."""
    return 2 ** (bits - 1) - 1


def _rounding_errors(weights, tops, count, highest):
    """Return the errors (ranges, weights) of grids with count points up to each top, clipped at the highest one."""
    scales = np.reshape(tops, (-1, 1)) / count
    return scales * np.clip(np.round(weights / scales), -highest, highest) - weights


def squared_error(weights, top, bits):
    count = points_above(bits)
    return float((_rounding_errors(weights, top, count, count) ** 2).sum())


def _squares(errors):
    return (errors**2).sum(axis=1)


def choose_range(weights, bits):
    return _least(weights, points_above(bits), tops=200)


def _least(weights, count, *, highest=None, loss=_squares, tops=100):
    """Return the range with the least loss of so many between 0 and the largest magnitude."""
    tried = np.abs(weights).max() * np.arange(1, tops + 1) / tops
    errors = _rounding_errors(weights, tried, count, count if highest is None else highest)
    return float(tried[loss(errors).argmin()])


def cases(rng):
    """Return [(weights, bits)]: long tails, a bell curve, and one with a weight far outside."""
    outlier = rng.normal(0, 0.1, 400)
    outlier[0] = -rng.uniform(1.5, 2.5)
    tails = [(rng.laplace(0, rng.uniform(0.03, 0.2), 300), bits) for bits in (2, 4)]
    found = [*tails, (outlier, 4), (rng.normal(0, 0.1, 300), 2)]
    return [(weights.astype(np.float32), bits) for weights, bits in found]


def judge(answer, rng):
    require_function(answer)
    given = cases(rng)
    chosen = [_call(answer, weights, bits) for weights, bits in given]
    best = [choose_range(*case) for case in given]
    missed = [k for k, case in enumerate(given) if not _good(case, chosen[k], best[k])]
    if not missed:
        return
    for number, (hint, mistaken) in enumerate(MISTAKES):
        steps = 0.015 if number >= len(FORMULAS) else 0.0  # who searches meets other ranges than the course does
        pairs = zip(chosen, given, strict=True)
        if all(abs(top - mistaken(*case)) <= steps * np.abs(case[0]).max() + 1e-6 for top, case in pairs):
            raise Mistake(hint)
    weights, bits = given[missed[0]]
    tops = chosen[missed[0]], best[missed[0]], float(np.abs(weights).max())
    mine, least, widest = (squared_error(weights, top, bits) for top in tops)
    raise Mistake(
        f"for {len(weights)} weights and {bits} bits your range {tops[0]:.4g} gives the squared error {mine:.4g}. The "
        f"largest magnitude, {tops[2]:.4g}, gives {widest:.4g}, and the best range, {tops[1]:.4g}, {least:.4g}."
    )


def _call(answer, weights, bits):
    """Return the range, a float, that an answer gives, or raise Mistake."""
    given = weights.copy()
    top = require_returned(answer(given, bits))
    if not np.array_equal(given, weights):
        raise Mistake("your function changes the weights that it is given. Work on a new array.")
    if type(top) in (tuple, list) or (type(top) is np.ndarray and top.ndim):
        raise Mistake(f"one number is expected, the range, this is {describe(top)}.")
    top = top.item() if isinstance(top, (np.ndarray, np.generic)) else top
    if type(top) not in (int, float) or not 0 < top < np.inf:
        raise Mistake(f"the range must be a finite number above 0, this is {describe(top)}.")
    return float(top)


def _good(case, top, best):
    weights, bits = case
    return squared_error(weights, top, bits) <= SLACK * squared_error(weights, best, bits)


def min_max(weights, bits):
    return float(np.abs(weights).max())


def largest_number(weights, bits):
    return float(weights.max())


def percentile(weights, bits, *, share):
    return float(np.percentile(np.abs(weights), share))


def spreads(weights, bits, *, count):
    return count * float(np.std(weights))


def scale_for_range(weights, bits):
    return choose_range(weights, bits) / points_above(bits)


def absolute_error(weights, bits):
    return _least(weights, points_above(bits), loss=lambda errors: np.abs(errors).sum(axis=1))


def error_of_the_sum(weights, bits):
    return _least(weights, points_above(bits), loss=lambda errors: np.abs(errors.sum(axis=1)))


def largest_error(weights, bits):
    return _least(weights, points_above(bits), loss=lambda errors: np.abs(errors).max(axis=1))


def without_clipping(weights, bits):
    return _least(weights, points_above(bits), highest=np.inf)


def largest_loss(weights, bits):
    return _least(weights, points_above(bits), loss=lambda errors: -_squares(errors))


def always_8_bits(weights, bits):
    return _least(weights, points_above(8))


def one_point_too_many(weights, bits):
    return _least(weights, points_above(bits) + 1)


def all_points_above(weights, bits):
    return _least(weights, 2**bits - 1)


def least_error_itself(weights, bits):
    return squared_error(weights, choose_range(weights, bits), bits)


SHARE = (
    "a fixed share or spread does not know the bits. Try many ranges, and keep the one with the least squared error."
)

SMALLEST = (
    "this is the smallest range that you tried: clip to the outermost points, or the grid has more of them than the "
    "bits allow, and keep the least error, not the largest."
)
LARGEST = (
    "this is the largest magnitude, or nearly: one large weight decides it, and at few bits it loses most. Try smaller "
    "ranges too, on a grid of as many bits as the argument says."
)

FORMULAS = [
    KnownMistake(LARGEST, min_max),
    KnownMistake("this is the largest number. Compare magnitudes: negative weights need points too.", largest_number),
    *(KnownMistake(SHARE, functools.partial(percentile, share=share)) for share in (90, 95, 99, 99.9)),
    *(KnownMistake(SHARE, functools.partial(spreads, count=count)) for count in (1, 2, 3)),
]
SEARCHES = [
    KnownMistake("this is the scale. The range is the outermost point, scale * (2**(bits - 1) - 1).", scale_for_range),
    KnownMistake("you add absolute errors. Square them: large errors count more.", absolute_error),
    KnownMistake("you add the errors with their signs, so they cancel. Square them first.", error_of_the_sum),
    KnownMistake("you look at the largest error alone. Add the squares of all.", largest_error),
    KnownMistake(SMALLEST, without_clipping),
    KnownMistake(SMALLEST, largest_loss),
    KnownMistake(LARGEST, always_8_bits),
    KnownMistake("your grid has a point too many on each side: 2**(bits - 1) - 1 lie above 0.", one_point_too_many),
    KnownMistake("2**bits - 1 are all points. On each side of 0 there are 2**(bits - 1) - 1.", all_points_above),
    KnownMistake("this is the least error. Asked is the range that gives it.", least_error_itself),
]
MISTAKES = [*FORMULAS, *SEARCHES]

EXERCISE = Exercise(
    points=2,
    tests="choose_range(weights, bits) for 2 and 4 bits, on long tails, a bell curve, and with one weight far outside",
    why="at few bits the choice of the range decides more than training does, and it needs no images.",
    judge=judge,
    mistakes=MISTAKES,
)
