"""tflite_course.datasets, and the data as they are published."""

import hashlib

import numpy as np
import pytest

from tflite_course.datasets import load_mnist
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


def test_loading_needs_no_network(monkeypatch):
    import socket

    def refuse(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert len(load_mnist()[1][1]) == 10000


def test_missing_file(tmp_path):
    with pytest.raises(CourseError, match=r"no data file mnist\.npz .* `git checkout"):
        load_mnist(tmp_path / "mnist.npz")


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text"])
def test_damaged_file(tmp_path, damage):
    content = bytearray(resource("data/mnist.npz").read_bytes())
    if damage == "flipped":
        content[5_000_000] ^= 1
    content = {"cut": content[:-1000], "flipped": content, "empty": b"", "text": b"<html>404</html>"}[damage]
    (tmp_path / "mnist.npz").write_bytes(content)
    with pytest.raises(CourseError, match=r"damaged .*`git checkout .*make_mnist\.py"):
        load_mnist(tmp_path / "mnist.npz")


def test_missing_resource_names_the_cure():
    with pytest.raises(CourseError, match="git checkout -- data/no.npz"):
        resource("data/no.npz")
