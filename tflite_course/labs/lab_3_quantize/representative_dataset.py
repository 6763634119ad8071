"""Lab 3, representative_dataset: the images from which the converter reads the ranges, made out of scans of paper."""

import functools
import itertools

import numpy as np

from tflite_course.labs.exercise import Exercise, Mistake, mnist

EACH = 10  # images of each digit


def judge(answer, rng):
    from tflite_course.checks import check_representative_dataset
    from tflite_course.errors import CourseError

    try:
        count = check_representative_dataset(answer, (1, 28, 28))
    except CourseError as error:
        raise Mistake(str(error)) from None
    samples = [list(s.values()) if isinstance(s, dict) else s for s in itertools.islice(answer(), count)]
    _check_origin(np.stack([np.asarray(sample[0])[0] for sample in samples]))


@functools.cache
def _training_images():
    """Return {grey values as bytes: label} of the training images."""
    images, labels = mnist()[0]
    return {_bytes(image): int(label) for image, label in zip(images, labels, strict=True)}


def _bytes(image):
    """Return the grey values, 0 to 255, of an image from 0 to 1: one that was divided in another way is the same."""
    return np.round(image * 255).astype(np.uint8).tobytes()


def _check_origin(seen):
    """Raise Mistake unless float32 images (n, 28, 28) are training images, ten or more of each digit and alike many."""
    if seen.max() <= 2 / 255:
        raise Mistake(f"the largest grey value is {seen.max():.4f}: you divide by 255 twice, or the images are empty.")
    if seen.mean() > 0.5:
        raise Mistake("paper is near 1 in your images. The network was trained with 0 for paper and 1 for ink.")
    found = [_training_images().get(_bytes(image)) for image in seen]
    _check_known(seen, found)
    counts = np.bincount([digit for digit in found if digit is not None], minlength=10)
    if counts.min() < EACH or counts.min() != counts.max():
        few, many = int(counts.argmin()), int(counts.argmax())
        often = f"the digit {few} comes {counts[few]} times and the digit {many} {counts[many]} times"
        often = f"each digit comes {counts[few]} times" if few == many else often
        raise Mistake(f"{often}. Take {EACH} of each.")


def _check_known(seen, found):
    """Raise Mistake unless the images are different ones of the training set; found: their labels, None for others."""
    if len(np.unique(seen.reshape(len(seen), -1), axis=0)) < len(seen):
        raise Mistake("it yields an image more than once. Take different ones.")
    strange = sum(label is None for label in found)
    if not strange:
        return
    tests = {_bytes(image) for image in mnist()[1][0]}
    if any(_bytes(image) in tests for image in seen):
        raise Mistake("these are test images. Keep those for the measurement, and calibrate with training images.")
    raise Mistake(
        f"{strange} of {len(seen)} images are not among the scans: is ink 1 - grey / 255, and is each image upright?"
    )


EXERCISE = Exercise(
    points=1,
    tests="your representative dataset: form, dtype, range, and how many of each digit",
    why="the converter reads the ranges of all activations from it; a wrong one gives a model that guesses.",
    judge=judge,
)
