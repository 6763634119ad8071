"""Centring as MNIST's makers did it: from a canvas to the 28 x 28 image that a model reads.

data/centring.npz holds drawings and what every language of the course must make of them.
"""

import numpy as np
from PIL import Image

from tflite_course.errors import CourseError

INK = 25  # of 255: what is darker counts as paper
SMALLEST = 1 / 8  # of the canvas: a drawing whose longer side is shorter is a dot, or too small to read


class EmptyDrawing(CourseError):
    """There is nothing to recognise on the canvas. The text is the hint for the person who draws."""


def check_canvas(canvas):
    """Return a drawing as uint8 (H, W), 0 = paper, 255 = ink.

    Takes uint8 from 0 to 255 or floats from 0 to 1. Raises CourseError that names what is wrong with it.
    """
    canvas = np.asarray(canvas)
    if canvas.ndim != 2 or min(canvas.shape) < 2:
        raise CourseError(f"A drawing has the shape (H, W), this one {canvas.shape}: give one grey image.")
    if canvas.dtype == bool:
        return canvas.astype(np.uint8) * 255
    if np.issubdtype(canvas.dtype, np.floating):
        if not (np.isfinite(canvas).all() and canvas.min() >= 0 and canvas.max() <= 1):
            raise CourseError("A drawing of floats goes from 0 (paper) to 1 (ink): divide by 255, or give uint8.")
        return np.round(canvas * 255).astype(np.uint8)
    if canvas.dtype != np.uint8:
        raise CourseError(
            f"A drawing is uint8 from 0 to 255, this one is {canvas.dtype}: use `canvas.astype('uint8')`."
        )
    return canvas


def find_ink(canvas):
    """Return the box around the ink of a uint8 (H, W) drawing as two slices, rows and columns.

    Raises EmptyDrawing when there is no ink or only a dot, CourseError when the paper is bright and the ink dark.
    """
    ink = canvas > INK
    if not ink.any():
        raise EmptyDrawing("The drawing is empty: draw one digit from 0 to 9.")
    if (canvas > 127).mean() > 0.5:
        raise CourseError("The paper is bright and the ink dark, the models expect the opposite: use `255 - canvas`.")
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    if max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1 < SMALLEST * max(canvas.shape):
        raise EmptyDrawing("That is only a dot: draw one whole digit, about half as tall as the pad.")
    return box


def center_like_mnist(canvas):
    """Return a drawing scaled and centred as the images of MNIST are: float32 (28, 28), 0 = paper, 1 = ink.

    canvas: uint8 (H, W) with 0 = paper and 255 = ink, or floats from 0 to 1.
    The box around the ink is scaled so that its longer side is 20 pixels (each new pixel is the mean of those it
    covers), and moved by whole pixels so that its centre of mass lies in the middle of the image.

    Raises EmptyDrawing for a blank canvas or a dot, CourseError for a wrong shape, dtype or range.
    Source of the rule: LeCun, Cortes, Burges, "The MNIST database of handwritten digits".
    """
    canvas = check_canvas(canvas)
    digit = Image.fromarray(np.ascontiguousarray(canvas[find_ink(canvas)]))
    scale = 20 / max(digit.size)
    width, height = (max(1, round(side * scale)) for side in digit.size)
    small = np.asarray(digit.resize((width, height), Image.Resampling.BOX), np.float32) / 255
    top = round(14 - float(small.sum(1) @ np.arange(height) / small.sum()))
    left = round(14 - float(small.sum(0) @ np.arange(width) / small.sum()))
    top, left = min(max(top, 0), 28 - height), min(max(left, 0), 28 - width)  # a heavy end must not leave the image
    image = np.zeros((28, 28), np.float32)
    image[top : top + height, left : left + width] = small
    return image


def resize_only(canvas):
    """Return a drawing scaled to float32 (28, 28) as a whole, without centring: what lesson 04 shows to fail."""
    canvas = check_canvas(canvas)
    find_ink(canvas)
    small = Image.fromarray(np.ascontiguousarray(canvas)).resize((28, 28), Image.Resampling.BOX)
    return np.asarray(small, np.float32) / 255
