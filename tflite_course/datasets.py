"""The data of the course, read from files that come with it; no network."""

import hashlib
import io
from pathlib import Path

import numpy as np

from tflite_course.errors import CourseError
from tflite_course.resources import resource

# Of the file that data/make_mnist.py writes.
MNIST_SHA256 = "06af5dfe73b70e3bc1c36439982b18a8d76803db9b544f6fdf838a37fbb01b64"


def load_mnist(path=None, *, raw=False):
    """Return MNIST as ((x_train, y_train), (x_test, y_test)).

    x_train: float32 (60000, 28, 28) and x_test: float32 (10000, 28, 28), grey values from 0 (paper) to 1 (ink).
    y_train: int64 (60000,) and y_test: int64 (10000,), digits from 0 to 9.
    raw=True gives the images as they are stored, uint8 from 0 to 255.
    path: another copy of mnist.npz. Its SHA-256 is checked before anything is read.

    Raises CourseError when the file is missing or damaged.
    Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits"; see data/README.md.
    """
    path = resource("data/mnist.npz") if path is None else Path(path)
    cure = "`git checkout -- data/mnist.npz` brings the course's copy back, `python data/make_mnist.py` builds it anew"
    try:
        content = path.read_bytes()
    except OSError:
        raise CourseError(f"There is no data file {path.name} in the folder '{path.parent.name}': {cure}.") from None
    if hashlib.sha256(content).hexdigest() != MNIST_SHA256:
        raise CourseError(f"{path.name} is damaged ({len(content):,} bytes, the checksum differs): {cure}.")
    with np.load(io.BytesIO(content)) as arrays:
        x_train, y_train, x_test, y_test = (arrays[k] for k in ("x_train", "y_train", "x_test", "y_test"))
    if not raw:
        x_train, x_test = x_train / np.float32(255), x_test / np.float32(255)
    return (x_train, y_train.astype(np.int64)), (x_test, y_test.astype(np.int64))
