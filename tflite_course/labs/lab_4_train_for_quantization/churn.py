"""Lab 4, churn: the answers in which two models differ."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake


def churn(predicted, reference, labels):
    changed = predicted != reference
    fixed, broken = changed & (predicted == labels), changed & (reference == labels)
    return int(changed.sum()), int(fixed.sum()), int(broken.sum())


def cases(rng):
    predicted, reference = np.array([1, 2, 3, 4, 5]), np.array([1, 2, 8, 9, 7])
    found = [(predicted, reference, np.array([1, 0, 3, 9, 0]))]
    for count in (60, 500):
        labels = rng.integers(0, 10, count)
        reference = np.where(rng.random(count) < 0.2, rng.integers(0, 10, count), labels)
        predicted = np.where(rng.random(count) < 0.3, rng.integers(0, 10, count), reference)
        found.append((predicted, reference, labels))
    return found


def shares(predicted, reference, labels):
    return tuple(number / len(labels) for number in churn(predicted, reference, labels))


def swapped(predicted, reference, labels):
    changed, fixed, broken = churn(predicted, reference, labels)
    return changed, broken, fixed


def sum_of_both(predicted, reference, labels):
    _, fixed, broken = churn(predicted, reference, labels)
    return fixed + broken, fixed, broken


def all_wrong_ones(predicted, reference, labels):
    changed, fixed, _ = churn(predicted, reference, labels)
    return changed, fixed, int(((predicted != reference) & (predicted != labels)).sum())


def all_right_ones(predicted, reference, labels):
    changed, _, _ = churn(predicted, reference, labels)
    return changed, int((predicted == labels).sum()), int((reference == labels).sum())


def net_change(predicted, reference, labels):
    _, fixed, broken = churn(predicted, reference, labels)
    return abs(fixed - broken), fixed, broken


def against_labels(predicted, reference, labels):
    _, fixed, broken = churn(predicted, reference, labels)
    return int((predicted != labels).sum()), fixed, broken


EXERCISE = Exercise(
    points=1,
    tests="churn(predicted, reference, labels) on answers of two models",
    why="two models of equal accuracy can disagree on many images, and users notice.",
    cases=cases,
    right=churn,
    mistakes=[
        KnownMistake("asked are numbers of images, not shares.", shares),
        KnownMistake("fixed and broken are swapped: fixed is right now and was not before.", swapped),
        KnownMistake(
            "some answers change from one wrong digit to another: they are changed, and neither fixed nor broken.",
            sum_of_both,
        ),
        KnownMistake("broken was right before. You count all changed answers that are wrong now.", all_wrong_ones),
        KnownMistake(
            "count only answers that changed: those which both models have right are not fixed.", all_right_ones
        ),
        KnownMistake("the difference of the two accuracies hides the churn: compare answer by answer.", net_change),
        KnownMistake("changed compares the two models with each other, not with the labels.", against_labels),
    ],
)
