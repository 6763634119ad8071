"""Lab 3, representative_dataset: the images from which the converter reads the ranges."""

import itertools

import numpy as np

from tflite_course.labs.exercise import Exercise, Mistake, mnist


def judge(answer, rng):
    from tflite_course.checks import check_representative_dataset
    from tflite_course.errors import CourseError

    try:
        count = check_representative_dataset(answer, (1, 28, 28))
    except CourseError as error:
        raise Mistake(str(error)) from None
    if count < 50:
        raise Mistake(f"it yields {count} images. Take at least 50, so that the largest activations are seen.")
    samples = [list(s.values()) if isinstance(s, dict) else s for s in itertools.islice(answer(), count)]
    _check_origin(np.stack([np.asarray(sample[0])[0] for sample in samples]))


def _check_origin(seen):
    """Raise Mistake unless float32 images (n, 28, 28) are different training images."""
    (x_train, _), (x_test, _) = mnist()
    if len(np.unique(seen.reshape(len(seen), -1), axis=0)) < 0.9 * len(seen):
        raise Mistake("it yields the same image again and again. Take different ones.")
    known = {image.tobytes() for image in x_test}
    if sum(image.astype(np.float32).tobytes() in known for image in seen) > len(seen) / 2:
        raise Mistake("these are test images. Keep those for the measurement, and calibrate with training images.")
    if seen.max() <= 2 / 255:
        raise Mistake(f"the largest grey value is {seen.max():.4f}: you divide by 255, and load_mnist() did that.")
    ink = float(seen.mean())
    if not 0.08 < ink < 0.2:
        raise Mistake(f"the mean grey value is {ink:.3f}, MNIST has {x_train.mean():.3f}: are these training images?")


EXERCISE = Exercise(
    points=2,
    tests="your representative dataset: form, dtype, range, number and origin of its samples",
    why="the converter reads the ranges of all activations from it; a wrong one gives a model that guesses.",
    judge=judge,
)
