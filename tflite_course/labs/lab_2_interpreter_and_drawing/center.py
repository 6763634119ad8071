"""Lab 2, center: a drawing as MNIST prepared its digits."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake, Mistake, describe, require_function
from tflite_course.labs.lab_2_interpreter_and_drawing.common import call
from tflite_course.labs.lab_2_interpreter_and_drawing.drawings import draw

EMPTY = "the image is empty, or divided by 255 twice."
INVERTED = "ink and paper are exchanged: paper is 0."
ONLY_SMALL = "the canvas is only made small. Cut out the box around the ink first."
TURNED = [  # hint, and what was done to the drawing
    ("rows and columns are exchanged.", np.transpose),
    ("the digit is mirrored.", np.fliplr),
    ("the digit stands on its head.", np.flipud),
]


def _mass(image):
    total = image.sum()
    return float(image.sum(1) @ np.arange(28) / total), float(image.sum(0) @ np.arange(28) / total)


def _box(image):
    ink = image > 0.02
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def _off_middle(image):
    """Return how far the middle of the box around the ink is from the middle of the image, in pixels."""
    top, bottom, left, right = _box(image)
    return max(abs((top + bottom) / 2 - 14), abs((left + right) / 2 - 14))


def _canvases(rng):
    """Return drawings whose centred image does not touch the edge, and two of them lean to one side."""
    from tflite_course.pad import center_like_mnist

    found = []
    while len(found) < 6:
        canvas = draw(rng, digit=(7, 9, 6, None, None, None)[len(found)])
        image = center_like_mnist(canvas)
        top, bottom, left, right = _box(image)
        inside = top > 0 and left > 0 and bottom < 28 and right < 28
        central = max(abs(m - 14) for m in _mass(image)) <= 0.6
        if inside and central and (len(found) > 1 or _off_middle(image) >= 2):
            found.append(canvas)
    return found


def judge(answer, rng):
    from tflite_course.pad import center_like_mnist, resize_only

    require_function(answer)
    for canvas in _canvases(rng):
        image = call(answer, canvas.copy())
        _check_values(image)
        if np.abs(image - resize_only(canvas)).mean() < 0.01:
            raise Mistake(ONLY_SMALL)
        expected = center_like_mnist(canvas)
        _check_size(image, expected)
        _check_place(image)
        _check_picture(image, expected)


def _check_values(image):
    if type(image) is not np.ndarray or image.shape != (28, 28):
        raise Mistake(f"an image is expected, float32 (28, 28), this is {describe(image)}.")
    if image.dtype != np.float32:
        raise Mistake(f"the image is {image.dtype}, the model takes float32.")
    if not (np.isfinite(image).all() and image.min() > -0.01 and image.max() < 1.01):
        raise Mistake(f"the values go from {image.min():.3g} to {image.max():.3g}, they must go from 0 to 1.")
    if image.max() < 0.05:
        raise Mistake(EMPTY)
    if image.mean() > 0.5:
        raise Mistake(INVERTED)


def _check_size(image, expected):
    top, bottom, left, right = _box(image)
    height, width = bottom - top, right - left
    right_top, right_bottom, right_left, right_right = _box(expected)
    if height == width == 20 and min(right_bottom - right_top, right_right - right_left) < 17:
        raise Mistake("the digit is stretched to a square. Scale both sides by the same factor.")
    if max(height, width) > 22:
        raise Mistake(f"the longer side of the ink is {max(height, width)} pixels instead of 20: leave a margin.")
    if max(height, width) < 18:
        raise Mistake(f"the longer side of the ink is {max(height, width)} pixels. Scale the box so that it is 20.")


def _check_place(image):
    row, column = _mass(image)
    if max(abs(row - 14), abs(column - 14)) > 1.1:
        if _off_middle(image) <= 1:
            raise Mistake("the box is in the middle. The centre of mass must be there: the mean place of the ink.")
        raise Mistake(f"the centre of mass is at row {row:.1f} and column {column:.1f}, it must be at 14 and 14.")


def _likeness(image, other):
    """Return the largest cosine of two images over moves by at most one pixel."""
    moves = [np.roll(other, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    return max(float((image * m).sum() / np.sqrt((image**2).sum() * (m**2).sum())) for m in moves)


def _check_picture(image, expected):
    if _likeness(image, expected) >= 0.8:
        return
    for hint, turn in TURNED:
        if _likeness(image, turn(expected)) > 0.8:
            raise Mistake(hint)
    raise Mistake("size and place are right, and the picture is another one: look at it with `imshow`.")


def _centred(change_canvas=None, change_image=None):
    """Return an answer that centres as the course does, with a change of the drawing or of the image."""

    def center(canvas):
        from tflite_course.pad import center_like_mnist

        image = center_like_mnist(canvas if change_canvas is None else np.ascontiguousarray(change_canvas(canvas)))
        return image if change_image is None else change_image(image)

    return center


def only_made_small(canvas):
    from tflite_course.pad import resize_only

    return resize_only(canvas)


EXERCISE = Exercise(
    points=3,
    tests="center(canvas) on six drawings: dtype, range, size of the digit, shape and centre of mass",
    why="no weight changes, and most of the mistakes on drawings go away.",
    judge=judge,
    mistakes=[
        KnownMistake(EMPTY, _centred(change_image=lambda image: image / np.float32(255))),
        KnownMistake(INVERTED, _centred(change_image=lambda image: 1 - image)),
        KnownMistake(ONLY_SMALL, only_made_small),
        *(KnownMistake(hint, _centred(turn)) for hint, turn in TURNED),
    ],
)
