"""tflite_course.datasets, and the data as they are published."""

import hashlib
import zipfile

import numpy as np
import pytest

from tflite_course import evaluation, models
from tflite_course.authoring.data import make_pen_digits
from tflite_course.datasets import (
    FASHION_CLASSES,
    load_fashion_mnist,
    load_mnist,
    load_pen_digits,
    load_pen_strokes,
    load_textures,
    unpack_pen_strokes,
)
from tflite_course.errors import CourseError
from tflite_course.resources import resource


def test_shapes_dtypes_and_range():
    (x_train, y_train), (x_test, y_test) = load_mnist()
    assert x_train.shape == (60000, 28, 28) and x_test.shape == (10000, 28, 28)
    assert y_train.shape == (60000,) and y_test.shape == (10000,)
    assert x_train.dtype == x_test.dtype == np.float32 and y_train.dtype == y_test.dtype == np.int64
    assert x_train.min() == 0 and x_train.max() == 1
    # how many images of each digit the published set has
    assert np.bincount(y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_raw_images_are_the_published_bytes():
    (x_train, y_train), (x_test, y_test) = load_mnist(raw=True)
    assert x_train.dtype == np.uint8

    def idx(array):  # the file format of the original: header, then the bytes
        return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes() + array.astype(np.uint8).tobytes()

    assert hashlib.md5(idx(x_test)).hexdigest() == "2646ac647ad5339dbf082846283269ea"
    assert hashlib.md5(idx(y_test)).hexdigest() == "27ae3e4e09519cfbb04c329615203637"
    assert hashlib.md5(idx(x_train)).hexdigest() == "6bbc9ace898e44ae57da46a324031adb"
    assert hashlib.md5(idx(y_train)).hexdigest() == "a25bea736e30d166cdddb491f175f624"


def test_fashion_mnist():
    (x_train, y_train), (x_test, y_test) = load_fashion_mnist()
    assert x_train.shape == (12000, 28, 28) and x_test.shape == (2000, 28, 28)
    assert x_train.dtype == x_test.dtype == np.float32 and y_train.dtype == y_test.dtype == np.int64
    assert x_train.min() == 0 and x_train.max() == 1
    assert len(FASHION_CLASSES) == 10 and FASHION_CLASSES[y_train[0]] == "Ankle boot"
    # how many images of each class the first 12,000 and the first 2,000 of the published files have
    assert np.bincount(y_train).tolist() == [1122, 1220, 1201, 1212, 1181, 1204, 1244, 1192, 1195, 1229]
    assert np.bincount(y_test).tolist() == [200, 203, 214, 190, 219, 195, 197, 200, 194, 188]
    raw = load_fashion_mnist(raw=True)[0][0]
    assert raw.dtype == np.uint8 and np.array_equal(raw / np.float32(255), x_train)
    # no test image was learned
    assert not {image.tobytes() for image in x_train} & {image.tobytes() for image in x_test}


def test_pen_digits():
    images, labels = load_pen_digits()
    assert images.shape == (7494, 28, 28) and images.dtype == np.float32 and labels.dtype == np.int64
    assert images.min() == 0 and images.max() == 1
    # how many of each digit the published training part has
    assert np.bincount(labels).tolist() == [780, 779, 780, 719, 780, 720, 720, 778, 719, 719]
    raw, _ = load_pen_digits(raw=True)
    assert raw.dtype == np.uint8 and np.array_equal(raw / np.float32(255), images)
    middles = np.stack([images.sum(axis) @ np.arange(28) for axis in (1, 2)]) / images.sum((1, 2))
    assert np.abs(middles - 14).max() < 1.5  # centred to the pixel, but for digits with a heavy end


def test_pen_strokes_draw_the_stored_images():
    digits = load_pen_strokes(50)
    assert len(digits) == 50 and digits[0].label == 8
    assert {"extent", "width", "offset"} == set(digits[0].drawing) and digits[0].strokes[0][0].tolist() == [267, 167]
    images, labels = load_pen_digits(raw=True)
    chosen = np.linspace(0, len(labels) - 1, 50).round().astype(int)
    assert [digit.label for digit in digits] == labels[chosen].tolist()
    drawn = np.stack([make_pen_digits.image_of(digit) for digit in digits])
    assert np.abs(drawn.astype(int) - images[chosen]).mean() < 0.5  # of 255: the same drawings


@pytest.mark.parametrize("count", [0, -1, 7495])
def test_a_count_of_strokes_that_is_not_there(count):
    with pytest.raises(CourseError, match=f"There are 7,494 pen digits, not {count}: give a count from 1"):
        load_pen_strokes(count)


@pytest.mark.parametrize(
    ("name", "variant", "lowest", "highest"),
    [
        ("mnist_cnn", "float32", 0.99, 1),
        ("mnist_cnn", "int8", 0.99, 1),
        ("mnist_cnn_plain", "float32", 0.945, 0.958),  # learned from MNIST alone
        ("mnist_ds", "int8", 0.955, 1),
    ],
)
def test_shipped_models_read_pen_digits(name, variant, lowest, highest):
    accuracy = evaluation.accuracy(models.model_path(name, variant), *load_pen_digits())
    assert lowest <= accuracy <= highest, f"{name} {variant} reads {accuracy:.2%} of the pen digits"


SIZE = {"extent": np.array([200]), "width": np.array([20]), "offset": np.zeros((1, 2), int)}


def unipen(digits):
    """Return digits in the UNIPEN form of the published file: strokes with y upwards, the label in quotes."""
    lines = [".VERSION 1.0", ".X_DIM 500", ".HIERARCHY DIGIT"]
    for writer, digit in enumerate(digits):
        lines += [f'.SEGMENT DIGIT ? ? "{digit.label}"', f".COMMENT {digit.label} {writer} 5", ".DT 10"]
        for stroke in digit.strokes:
            lines += [".PEN_DOWN", *(f" {x:.0f} {500 - y:.0f}" for x, y in stroke), ".PEN_UP"]
    return "\n".join(lines) + "\n"


def test_the_published_forms_are_read_alike(tmp_path):
    digits = load_pen_strokes(40)
    text = unipen(digits).encode()
    arrays = make_pen_digits.read(text)
    assert arrays["labels"].tolist() == [digit.label for digit in digits]
    assert arrays["digit_ends"][-1] == len(arrays["stroke_ends"]) == sum(len(digit.strokes) for digit in digits)
    np.savez(tmp_path / "strokes.npz", **arrays)
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr(make_pen_digits.INSIDE, text)
    for form in ("strokes.npz", "archive.zip"):
        assert make_pen_digits.digest(make_pen_digits.read((tmp_path / form).read_bytes())) == make_pen_digits.digest(
            arrays
        )
    [again] = unpack_pen_strokes(make_pen_digits.pack(make_pen_digits.read(unipen(digits[:1]).encode())) | SIZE)
    assert all(np.array_equal(a, b) for a, b in zip(again.strokes, digits[0].strokes, strict=True))


def test_other_digits_than_the_published_are_refused(tmp_path, monkeypatch):
    (tmp_path / "other.tra").write_text(unipen(load_pen_strokes(5)))
    monkeypatch.setattr(make_pen_digits, "OUTPUT", tmp_path / "pen_digits.npz")
    monkeypatch.setattr("sys.argv", ["make_pen_digits", str(tmp_path / "other.tra")])
    with pytest.raises(SystemExit, match="not the published training digits"):
        make_pen_digits.main()
    assert not (tmp_path / "pen_digits.npz").exists()


@pytest.mark.parametrize("load, count", [(load_mnist, 10000), (load_fashion_mnist, 2000)])
def test_loading_needs_no_network(monkeypatch, load, count):
    import socket

    def refuse(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert len(load()[1][1]) == count


LOADERS = pytest.mark.parametrize(
    ("load", "name"),
    [
        (load_mnist, "mnist"),
        (load_fashion_mnist, "fashion_mnist"),
        (load_textures, "textures"),
        (load_pen_digits, "pen_digits"),
        (lambda path: load_pen_strokes(path=path), "pen_digits"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)


@LOADERS
def test_missing_file(tmp_path, load, name):
    with pytest.raises(CourseError, match=rf"no data file {name}\.npz .* `git checkout -- data/{name}\.npz`"):
        load(tmp_path / f"{name}.npz")


@LOADERS
@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text", "the other set"])
def test_damaged_file(tmp_path, damage, load, name):
    content = bytearray(resource(f"data/{name}.npz").read_bytes())
    other = "mnist" if name != "mnist" else "fashion_mnist"
    if damage == "flipped":
        content[len(content) // 2] ^= 1
    broken = {"cut": content[:-1000], "flipped": content, "empty": b"", "text": b"<html>404</html>"}
    broken["the other set"] = resource(f"data/{other}.npz").read_bytes()
    (tmp_path / f"{name}.npz").write_bytes(broken[damage])
    with pytest.raises(CourseError, match=rf"damaged .*`git checkout .*make_{name}`"):
        load(tmp_path / f"{name}.npz")


def test_missing_resource_names_the_cure():
    with pytest.raises(CourseError, match="git checkout -- data/no.npz"):
        resource("data/no.npz")
