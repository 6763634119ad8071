"""The data of the course, read from files that come with it; no network."""

import hashlib
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tflite_course.errors import CourseError
from tflite_course.resources import resource

# Of the files that the scripts in data/ write.
MNIST_SHA256 = "06af5dfe73b70e3bc1c36439982b18a8d76803db9b544f6fdf838a37fbb01b64"
FASHION_MNIST_SHA256 = "becb5cab66a49ad3afd0df43994637b8bfb704a6ebb12d1e147384534e59e762"
TEXTURES_SHA256 = "558c09faeb46b996c4de7d9a5ac07164b43ecd45ffb5ca2f832a6a6351a8f34b"
WATCH_SHA256 = "e311285559a9eee414971719b0d96870cd0181d425dfb9871aea4d433499f4c0"
PEN_DIGITS_SHA256 = "6f44f1368fe681892b66b25982672a17fe9a6b8483c3322ef26595148151af70"

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
# The name of each label of data/textures.npz.
TEXTURES = ("brick", "grass", "gravel")
# The samples a second of data/watch.npz, the name of each of its axes, and the exercise that each label stands for.
WATCH_RATE = 50
WATCH_AXES = ("ax", "ay", "az", "wx", "wy", "wz")
WATCH_EXERCISES = (
    "pendulum",
    "abduction",
    "forward elevation",
    "internal rotation",
    "external rotation",
    "trapezius row",
    "bent-over row",
)


class Recording(NamedTuple):
    """One person who repeats one exercise about twenty times with one arm.

    samples: float32 (n, 6), 50 a second: the accelerometer in g (ax, ay, az), then the gyroscope in radians a second
    (wx, wy, wz). person: 1 to 10. side: "left" or "right", the arm that wears the watch. exercise: 0 to 6, see
    WATCH_EXERCISES.
    """

    samples: np.ndarray
    person: int
    side: str
    exercise: int


class PenDigit(NamedTuple):
    """One digit that a person drew with a pen.

    strokes: a list of float arrays (n, 2) of x, y with y downwards, in units of the tablet (a box of 500 x 500).
    label: 0 to 9. drawing: {"extent", "width", "offset"}, how data/pen_digits.npz draws it, in pixels of the pad's
    canvas: `pad.draw(digit.strokes, **digit.drawing)`.
    """

    strokes: list
    label: int
    drawing: dict


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


def load_textures(path=None):
    """Return squares of three photographs as ((x_train, y_train), (x_test, y_test)), 24 and 120 of them.

    Images: uint8 (n, 96, 96), grey; labels: int64 (n,) from 0 to 2, see TEXTURES. Training images are upright; test
    images come from another part of each photograph and are turned, scaled, lit and noisy.
    path: another copy of textures.npz. Its SHA-256 is checked before anything is read.

    Raises CourseError when the file is missing or damaged.
    Source: scikit-image's brick, grass and gravel, CC0; see data/README.md.
    """
    return _load("textures", TEXTURES_SHA256, path, raw=True)


def load_watch(path=None):
    """Return the recordings of a smartwatch, a list of 140 Recording: 10 persons, 2 arms, 7 exercises.

    They come in the order of person, side (left first) and exercise.
    path: another copy of watch.npz. Its SHA-256 is checked before anything is read.

    Raises CourseError when the file is missing or damaged.
    Source: Burns and others, Physiological Measurement 39 (2018) 075007; see data/README.md.
    """
    stored = _read("watch", WATCH_SHA256, path)
    samples = stored["samples"] * stored["scale"]
    parts = np.split(samples, np.cumsum(stored["lengths"])[:-1])
    sides = np.where(stored["right"], "right", "left").tolist()
    return [
        Recording(*row)
        for row in zip(parts, stored["person"].tolist(), sides, stored["exercise"].tolist(), strict=True)
    ]


def load_pen_digits(path=None, *, raw=False):
    """Return digits that 30 people drew with a pen as (images, labels): strangers' hands, as the pad shows them.

    images: float32 (7494, 28, 28), grey values from 0 (paper) to 1 (ink), drawn with the pad's pen and centred as
    MNIST is. labels: int64 (7494,), digits from 0 to 9. Who drew which digit is not known. It is a test set: none of
    the course's models has learned from it.
    raw=True gives the images as they are stored, uint8 from 0 to 255.
    path: another copy of pen_digits.npz. Its SHA-256 is checked before anything is read.

    Raises CourseError when the file is missing or damaged.
    Source: Alpaydin, Alimoglu, "Pen-Based Recognition of Handwritten Digits", UCI, 1998; see data/README.md.
    """
    stored = _read("pen_digits", PEN_DIGITS_SHA256, path)
    images = stored["images"] if raw else stored["images"] / np.float32(255)
    return images, stored["labels"].astype(np.int64)


def load_pen_strokes(count=None, path=None):
    """Return the strokes of load_pen_digits(), a list of PenDigit in the same order.

    count: how many, taken at equal distances from all of them; None gives all 7,494. Draw one on the pad with
    `pad.draw(digit.strokes, **digit.drawing)`, or as an array with tflite_course.pad.strokes.draw_strokes.
    path: another copy of pen_digits.npz. Its SHA-256 is checked before anything is read.

    Raises CourseError when the file is missing or damaged, and for a count that is not from 1 to 7,494.
    Source: Alpaydin, Alimoglu, "Pen-Based Recognition of Handwritten Digits", UCI, 1998; see data/README.md.
    """
    digits = unpack_pen_strokes(_read("pen_digits", PEN_DIGITS_SHA256, path))
    if count is None:
        return digits
    if not 1 <= count <= len(digits):
        raise CourseError(f"There are {len(digits):,} pen digits, not {count}: give a count from 1 to that.")
    return [digits[i] for i in np.linspace(0, len(digits) - 1, count).round().astype(int)]


def unpack_pen_strokes(stored):
    """Return the list of PenDigit that the arrays of pen_digits.npz hold."""
    ends = np.cumsum(stored["points"].astype(int))
    begins = ends - stored["points"]
    points = np.zeros((ends[-1], 2))
    points[np.delete(np.arange(ends[-1]), begins)] = stored["steps"].T
    points[begins] = stored["begins"]
    strokes = [np.cumsum(part, axis=0) for part in np.split(points, ends[:-1])]
    parts = np.cumsum(stored["strokes"].astype(int))
    drawings = zip(stored["extent"].tolist(), stored["width"].tolist(), stored["offset"].tolist(), strict=True)
    return [
        PenDigit(strokes[end - count : end], label, {"extent": extent, "width": width, "offset": tuple(offset)})
        for end, count, label, (extent, width, offset) in zip(
            parts.tolist(), stored["strokes"].tolist(), stored["labels"].tolist(), drawings, strict=True
        )
    ]


def _read(name, checksum, path):
    """Return {name: array} of data/NAME.npz, or of the copy at path, after comparing its SHA-256."""
    path = resource(f"data/{name}.npz") if path is None else Path(path)
    cure = (
        f"`git checkout -- data/{name}.npz` brings the course's copy back, "
        f"`python -m tflite_course.authoring make_{name}` builds it anew"
    )
    try:
        content = path.read_bytes()
    except OSError:
        raise CourseError(f"There is no data file {path.name} in the folder '{path.parent.name}': {cure}.") from None
    if hashlib.sha256(content).hexdigest() != checksum:
        raise CourseError(f"{path.name} is damaged ({len(content):,} bytes, the checksum differs): {cure}.")
    with np.load(io.BytesIO(content)) as arrays:
        return dict(arrays)


def _load(name, checksum, path, raw):
    """Return the images and labels of data/NAME.npz as ((x_train, y_train), (x_test, y_test))."""
    arrays = _read(name, checksum, path)
    x_train, y_train, x_test, y_test = (arrays[k] for k in ("x_train", "y_train", "x_test", "y_test"))
    if not raw:
        x_train, x_test = x_train / np.float32(255), x_test / np.float32(255)
    return (x_train, y_train.astype(np.int64)), (x_test, y_test.astype(np.int64))
