"""Capstone, representative_dataset: images of the kind that the model will see."""

import numpy as np

from tflite_course.labs.capstone.common import fashion
from tflite_course.labs.exercise import Exercise, Mistake, require_function, require_returned


def judge(answer, rng):
    require_function(answer)
    seen = _seen(answer)
    _check_origin(seen)
    _check_grey_values(seen)
    _check_classes(seen)


def _seen(answer):
    """Return the images that a representative dataset yields, float32 (n, 28, 28), or raise Mistake."""
    from tflite_course.checks import check_representative_dataset
    from tflite_course.errors import CourseError

    made = require_returned(answer())
    try:
        first = next(iter(made), None)
        values = list(first.values()) if isinstance(first, dict) else first
        channel = np.ndim(values[0]) == 4 if isinstance(values, (list, tuple)) and values else False
        count = check_representative_dataset(answer, (1, 28, 28, 1) if channel else (1, 28, 28))
    except CourseError as error:
        raise Mistake(str(error)) from None
    if count < 100:
        raise Mistake(f"it yields {count} images. Take at least 100, so that all kinds of clothes are among them.")
    samples = [list(s.values()) if isinstance(s, dict) else s for s, _ in zip(answer(), range(count), strict=False)]
    return np.stack([np.asarray(sample[0]).reshape(28, 28) for sample in samples]).astype(np.float32)


def _check_origin(seen):
    """Raise Mistake when the images are the same or those of the test set."""
    if len(np.unique(seen.reshape(len(seen), -1), axis=0)) < 0.9 * len(seen):
        raise Mistake("it yields the same image again and again. Take different ones.")
    tested = {image.tobytes() for image in fashion()[1][0]}
    if sum(image.tobytes() in tested for image in seen) > len(seen) / 2:
        raise Mistake("these are test images. Keep those for the measurement, and calibrate with training images.")


def _check_grey_values(seen):
    """Raise Mistake unless range and mean are those of Fashion-MNIST."""
    if seen.max() <= 2 / 255:
        raise Mistake(f"the largest grey value is {seen.max():.4f}: the loader has divided by 255 already.")
    found = f"the mean grey value is {seen.mean():.2f}, that of Fashion-MNIST {fashion()[0][0].mean():.2f}"
    if seen.mean() < 0.2:
        raise Mistake(f"{found}: are these digits? Calibrate with images of the kind that the model will see.")
    if seen.mean() > 0.4:
        raise Mistake(f"{found}: what are these?")


def _check_classes(seen):
    """Raise Mistake when classes are missing among training images."""
    known = {image.tobytes(): label for image, label in zip(*fashion()[0], strict=True)}
    labels = [known[image.tobytes()] for image in seen if image.tobytes() in known]
    classes = len(set(labels))
    if len(labels) > len(seen) / 2 and classes < 10:
        raise Mistake(f"only {classes} of the 10 classes are among them: take images as they come, or some of each.")


EXERCISE = Exercise(
    points=2,
    tests="your representative dataset: form, range, origin, and how many classes are in it",
    why="ranges come from what the converter sees: digits are darker than clothes, and one class is not ten.",
    judge=judge,
)
