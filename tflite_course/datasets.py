"""The data of the course, read from files that come with it; no network."""

import hashlib
import io
from pathlib import Path

import numpy as np

from tflite_course.errors import CourseError
from tflite_course.resources import resource

# Of the files that data/make_mnist.py and data/make_fashion_mnist.py write.
MNIST_SHA256 = "06af5dfe73b70e3bc1c36439982b18a8d76803db9b544f6fdf838a37fbb01b64"
FASHION_MNIST_SHA256 = "becb5cab66a49ad3afd0df43994637b8bfb704a6ebb12d1e147384534e59e762"

# The name of each label of Fashion-MNIST, 0 to 9.
FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def load_mnist(path=None, *, raw=False):
    """Return MNIST as ((x_train, y_train), (x_test, y_test)).

    x_train: float32 (60000, 28, 28) and x_test: float32 (10000, 28, 28), grey values from 0 (paper) to 1 (ink).
    y_train: int64 (60000,) and y_test: int64 (10000,), digits from 0 to 9.
    raw=True gives the images as they are stored, uint8 from 0 to 255.
    path: another copy of mnist.npz. Its SHA-256 is checked before anything is read.

    Raises CourseError when the file is missing or damaged.
    Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits"; see data/README.md.
    """
    return _load("mnist", MNIST_SHA256, path, raw)


def load_fashion_mnist(path=None, *, raw=False):
    """Return the first images of Fashion-MNIST as ((x_train, y_train), (x_test, y_test)).

    x_train: float32 (12000, 28, 28) and x_test: float32 (2000, 28, 28), grey values from 0 (background) to 1.
    y_train: int64 (12000,) and y_test: int64 (2000,), classes from 0 to 9; FASHION_CLASSES has their names.
    raw=True gives the images as they are stored, uint8 from 0 to 255.
    path: another copy of fashion_mnist.npz. Its SHA-256 is checked before anything is read.

    Raises CourseError when the file is missing or damaged.
    Source: Xiao, Rasul, Vollgraf, "Fashion-MNIST", arXiv 1708.07747; see data/README.md.
    """
    return _load("fashion_mnist", FASHION_MNIST_SHA256, path, raw)


def _load(name, checksum, path, raw):
    """Return the arrays of data/NAME.npz, or of the copy at path, after comparing its SHA-256."""
    path = resource(f"data/{name}.npz") if path is None else Path(path)
    cure = (
        f"`git checkout -- data/{name}.npz` brings the course's copy back, `python data/make_{name}.py` builds it anew"
    )
    try:
        content = path.read_bytes()
    except OSError:
        raise CourseError(f"There is no data file {path.name} in the folder '{path.parent.name}': {cure}.") from None
    if hashlib.sha256(content).hexdigest() != checksum:
        raise CourseError(f"{path.name} is damaged ({len(content):,} bytes, the checksum differs): {cure}.")
    with np.load(io.BytesIO(content)) as arrays:
        x_train, y_train, x_test, y_test = (arrays[k] for k in ("x_train", "y_train", "x_test", "y_test"))
    if not raw:
        x_train, x_test = x_train / np.float32(255), x_test / np.float32(255)
    return (x_train, y_train.astype(np.int64)), (x_test, y_test.astype(np.int64))
