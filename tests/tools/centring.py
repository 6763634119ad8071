"""The truth about centring, data/centring.npz, for the tests of every language."""

from typing import NamedTuple

import numpy as np

from tflite_course.resources import resource

CENTRED, EMPTY, BRIGHT = range(3)  # outcomes in the file


class Case(NamedTuple):
    """drawing: uint8 (height, width); outcome: one of the three; image: float32 (28, 28), zeros when refused."""

    drawing: np.ndarray
    outcome: int
    image: np.ndarray


def load_cases():
    """Return all cases of the file."""
    with np.load(resource("data/centring.npz")) as content:
        ends = np.cumsum(content["shapes"].prod(axis=1))
        drawings = [
            part.reshape(shape)
            for part, shape in zip(np.split(content["drawings"], ends[:-1]), content["shapes"], strict=True)
        ]
        return [Case(*case) for case in zip(drawings, content["outcomes"].tolist(), content["images"], strict=True)]
