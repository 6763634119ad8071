"""tflite_course.datasets, and the data as they are published."""

import hashlib

import numpy as np
import pytest

from tflite_course.datasets import FASHION_CLASSES, load_fashion_mnist, load_mnist, load_textures
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
    [(load_mnist, "mnist"), (load_fashion_mnist, "fashion_mnist"), (load_textures, "textures")],
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
