"""Lab 3, predict: run an int8 model on images from 0 to 1."""

import functools

import numpy as np

from tflite_course.labs.exercise import (
    Exercise,
    KnownMistake,
    Mistake,
    describe,
    mnist,
    require_function,
    require_returned,
    same,
)

IMAGES = 40


def _predict(content, images, *, prepare):
    """Return the digits of images that prepare(images, scale, zero_point) makes int8."""
    from tflite_course import evaluation

    source = evaluation.make_interpreter(content).get_input_details()[0]
    return evaluation.invoke(content, prepare(images, *source["quantization"])).argmax(1)


def _cast(images, scale, zero_point):
    return images.astype(np.int8)


def _cast_grey_values(images, scale, zero_point):
    return (images * 255).astype(np.uint8).astype(np.int8)


def _no_zero_point(images, scale, zero_point):
    return np.clip(np.round(images / scale), -128, 127).astype(np.int8)


def _zero_point_subtracted(images, scale, zero_point):
    return np.clip(np.round(images / scale) - zero_point, -128, 127).astype(np.int8)


NOT_ON_THE_GRID = (
    "the images are not on the grid of the input, and most of them get the same digit: a cast alone makes 0 of what is "
    "below 1, grey values above 127 wrap around, and subtracting the zero point makes 127 of all. Divide by the scale, "
    "round, add the zero point."
)
MISTAKES = [
    KnownMistake(NOT_ON_THE_GRID, functools.partial(_predict, prepare=_cast)),
    KnownMistake(NOT_ON_THE_GRID, functools.partial(_predict, prepare=_cast_grey_values)),
    KnownMistake(NOT_ON_THE_GRID, functools.partial(_predict, prepare=_zero_point_subtracted)),
    KnownMistake(
        "the zero point of the input is missing: add it after the division.",
        functools.partial(_predict, prepare=_no_zero_point),
    ),
]


def judge(answer, rng):
    from tflite_course import evaluation
    from tflite_course.models import model_path

    content = model_path("mnist_cnn", "int8").read_bytes()
    images = mnist()[1][0]
    chosen = rng.choice(len(images), IMAGES, replace=False)
    given = images[chosen].copy()
    digits = _as_digits(require_returned(require_function(answer)(content, given)))
    if not np.array_equal(given, images[chosen]):
        raise Mistake("your function changes the images that it is given. Work on a new array.")
    expected = evaluation.predict(content, given).argmax(1)
    if same(digits, expected.astype(np.int64)):
        return
    if (digits == digits[0]).all():
        raise Mistake(NOT_ON_THE_GRID)
    for hint, mistaken in MISTAKES:
        if same(digits, mistaken(content, given).astype(np.int64)):
            raise Mistake(hint)
    right = int((digits == expected).sum())
    raise Mistake(
        f"{right} of {IMAGES} digits are those that the interpreter gives: look at the dtype and the range of x."
    )


def _as_digits(value):
    """Return the digits that the answer gave as int64 (IMAGES,), or raise Mistake."""
    digits = np.array(value) if type(value) is list else value
    if type(digits) is not np.ndarray or digits.shape != (IMAGES,) or digits.dtype.kind not in "iu":
        raise Mistake(f"for {IMAGES} images, {IMAGES} digits (integers) are expected, this is {describe(digits)}.")
    return digits.astype(np.int64)


EXERCISE = Exercise(
    points=3,
    tests="predict(content, images) on an int8 model and test images",
    why="on a device, your own program has to convert the input.",
    judge=judge,
    mistakes=MISTAKES,
)
