"""Lab 4, claim: what the accuracies of several seeds allow to say."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake

BETTER, WORSE, NO_DIFFERENCE = "better", "worse", "no difference shown"


def claim(qat, control, count):
    return _claim(qat, control, _half_band(np.mean(control), count))


def _half_band(share, count):
    """Return half of the 95 % band of an accuracy."""
    return 1.96 * np.sqrt(share * (1 - share) / count)


def _claim(qat, control, noise, *, every_seed=True):
    gains = np.asarray(qat) - np.asarray(control)
    for sign, word in ((1, BETTER), (-1, WORSE)):
        if sign * gains.mean() > noise and (not every_seed or (sign * gains > 0).all()):
            return word
    return NO_DIFFERENCE


def cases(rng):
    found = [
        (np.array([0.9935, 0.9932, 0.9933, 0.9932]), np.array([0.9941, 0.9941, 0.9944, 0.9941]), 10_000),
        (np.array([0.9929, 0.9920, 0.9917, 0.9928]), np.array([0.9874, 0.9862, 0.9890, 0.9903]), 10_000),
    ]
    for count in (500, 2_000, 10_000):
        low, high = sorted(rng.uniform(0.1, 0.7, 2))
        found += [
            _seeds(rng, count, [low, 0.5, high]),  # always better, inside the noise
            _seeds(rng, count, [-low, -0.5, -high, -0.2]),
            _seeds(rng, count, [3 + low, 4, 5, -0.3]),  # better on average, and not every time
            _seeds(rng, count, [-4, -3 - high, -5, 0.4]),
            _seeds(rng, count, [4 + low, 3, 5]),
            _seeds(rng, count, [1.3 + low, 1.4, 1.5, 1.6]),  # between the half and the whole band
            _seeds(rng, count, [-1.3 - high, -1.6, -1.4]),
            _seeds(rng, count, [1.4, 1.5 + low, 1.6], spread=6.0),  # seeds differ more than methods
            _seeds(rng, count, [0.4, -0.2, -0.3], spread=-0.1),
        ]
    return found


def _seeds(rng, count, sizes, *, spread=0.0):
    """Return QAT's accuracies, those of the control and the count; sizes: the gains in half bands."""
    share = rng.uniform(0.9, 0.97)
    control = share + spread * np.linspace(-1, 1, len(sizes)) * _half_band(share, count)
    return control + np.asarray(sizes) * _half_band(share, count), control, count


def without_noise(qat, control, count):
    return _claim(qat, control, 0.0)


def sign_of_the_mean(qat, control, count):
    return _claim(qat, control, 0.0, every_seed=False)


def mean_alone(qat, control, count):
    return _claim(qat, control, _half_band(np.mean(control), count), every_seed=False)


def whole_band(qat, control, count):
    return _claim(qat, control, 2 * _half_band(np.mean(control), count))


def best_seed(qat, control, count):
    return _claim([max(qat)], [max(control)], 0.0)


def best_seed_and_noise(qat, control, count):
    return _claim([max(qat)], [max(control)], _half_band(np.mean(control), count))


def not_paired(qat, control, count):
    return BETTER if min(qat) > max(control) else WORSE if max(qat) < min(control) else NO_DIFFERENCE


def not_paired_and_noise(qat, control, count):
    word = not_paired(qat, control, count)
    return word if word == claim(qat, control, count) else NO_DIFFERENCE


def swapped(qat, control, count):
    return claim(control, qat, count)


def band_in_percent(qat, control, count):
    return _claim(qat, control, 100 * _half_band(np.mean(control), count))


BEST_SEED = "the best seed of each side is luck. Compare seed by seed."
PAIRS = "a seed gives both models the same images: subtract seed by seed, before you look at the spread."

EXERCISE = Exercise(
    points=3,
    tests="claim(qat, control, count) on clear and on doubtful results over several seeds",
    why="one good seed is an anecdote, and a difference inside the noise is none.",
    cases=cases,
    right=claim,
    mistakes=[
        KnownMistake(
            "some of these gains are smaller than the noise of the test set: compare the mean with half the band.",
            without_noise,
        ),
        KnownMistake(
            "the sign of the mean is not enough: compare the mean with half the band, and ask every seed.",
            sign_of_the_mean,
        ),
        KnownMistake("the mean is not enough: every seed must point the same way.", mean_alone),
        KnownMistake("you compare with the whole band. Take half of it: 1.96 * sqrt(p * (1 - p) / count).", whole_band),
        KnownMistake(BEST_SEED, best_seed),
        KnownMistake(BEST_SEED, best_seed_and_noise),
        KnownMistake(PAIRS, not_paired),
        KnownMistake(PAIRS, not_paired_and_noise),
        KnownMistake("you have QAT and control swapped: a gain is QAT minus control.", swapped),
        KnownMistake(
            "the accuracies are shares from 0 to 1, so the band must be one, too: do not multiply by 100.",
            band_in_percent,
        ),
    ],
)
