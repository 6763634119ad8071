"""Core ML: the NumPy program that executes a package, and the stored figures of lesson 13 against new ones."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tests import ROOT
from tflite_course import models
from tflite_course.authoring.targets import coreml as target
from tflite_course.errors import CourseError
from tflite_course.targets import coreml as execute
from tflite_course.targets import golden

# coremltools warns of versions it was not tested with, scikit-learn of fewer weights than a palette has places.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.xdist_group("coreml")]

IMAGES = 200
COMMAND = [sys.executable, "-m", "tflite_course.targets.coreml"]


@pytest.fixture(scope="module")
def record():
    return json.loads((ROOT / "assets" / "targets" / "coreml.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """The variants of lesson 13 that are checked anew: {name: saved package}."""
    missing = target.missing_packages()
    if missing:
        pytest.skip(missing)
    folder, saved = tmp_path_factory.mktemp("packages"), {}
    for name, model in target.variants():
        saved[name] = folder / f"{len(saved)}.mlpackage"
        model.save(str(saved[name]))
        if name == "palette, 4 bits":
            return saved


def slow_convolution(x, weight, strides, pads, groups):
    """Convolution by its definition, one number after the other."""
    x = np.pad(x, [(0, 0), (0, 0), *pads])
    out, per_group, height, width = weight.shape
    rows, columns = (x.shape[2] - height) // strides[0] + 1, (x.shape[3] - width) // strides[1] + 1
    result = np.zeros((len(x), out, rows, columns), np.float32)
    for k in range(out):
        start = k // (out // groups) * per_group
        for i in range(rows):
            for j in range(columns):
                top, left = i * strides[0], j * strides[1]
                seen = x[:, start : start + per_group, top : top + height, left : left + width]
                result[:, k, i, j] = (seen * weight[k]).sum((1, 2, 3))
    return result


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (5, 2)])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (2, 1)])
def test_convolution_is_that_of_the_definition(groups, kernel, strides):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 4, 9, 8)).astype(np.float32)
    weight = rng.normal(size=(8, 4 // groups, *kernel)).astype(np.float32)
    bias = rng.normal(size=8).astype(np.float32)
    for kind, custom, pads in (
        ("valid", None, [(0, 0), (0, 0)]),
        ("custom", [1, 2, 0, 3], [(1, 2), (0, 3)]),
        ("same", None, execute.padding("same", None, (9, 8), kernel, strides)),
    ):
        found = execute.conv(x, weight, bias, strides, kind, custom, groups=groups)
        expected = slow_convolution(x, weight, strides, pads, groups) + bias[:, None, None]
        assert found.shape == expected.shape and np.allclose(found, expected, atol=1e-5)


def test_same_padding_puts_the_odd_pixel_behind():
    assert execute.padding("same", None, (28, 28), (3, 3), (2, 2)) == [(0, 1), (0, 1)]
    assert execute.padding("same", None, (7, 7), (5, 5), (1, 1)) == [(2, 2), (2, 2)]
    with pytest.raises(CourseError, match="same_lower"):
        execute.padding("same_lower", None, (7, 7), (5, 5), (1, 1))


def test_small_operations():
    x = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4) - 8
    assert execute.max_pool(x, (2, 2), (2, 2)).tolist() == [[[[-3, -1], [5, 7]]]]
    assert execute.max_pool(x - 100, (3, 3), (1, 1), "same").max() == -93, "padding must not win"
    operations = execute.OPERATIONS
    assert operations["relu6"](x).max() == 6 and operations["relu"](x).min() == 0
    assert operations["reduce_mean"](x, [2, 3]).tolist() == [[-0.5]]
    assert operations["reduce_mean"](x, [2, 3], np.True_).shape == (1, 1, 1, 1)
    assert np.allclose(operations["softmax"](x, -1).sum(-1), 1)
    assert operations["linear"](np.ones((1, 2)), np.array([[1, 2], [3, 4]]), np.array([10, 20])).tolist() == [[13, 27]]
    for refused in (lambda: execute.max_pool(x, (2, 2), ceil_mode=True), lambda: execute.conv(x, np.ones((1, 1, 3)))):
        with pytest.raises(CourseError, match="export the model so"):
            refused()


def test_half_precision_rounds_after_each_operation(packages):
    program = execute.open_package(packages["float16"])
    assert {dtype for *_, dtype in program.steps} == {np.float16}
    logits = execute.run(program, golden.golden_images(np.float32)[:4])
    assert np.array_equal(logits, logits.astype(np.float16)) and logits.dtype == np.float32


@pytest.mark.parametrize("name", ["float32", "float16", "int8", "palette, 6 bits", "palette, 4 bits"])
def test_stored_figures(packages, record, name):
    program, expected = execute.open_package(packages[name]), golden.load_golden()
    logits = execute.run(program, golden.golden_images(np.float32)[:IMAGES])
    found, stored = golden.agreement(logits, expected["mnist_cnn_float32"][:IMAGES]), record["packages"][name]
    assert found["of"] - found["argmax"] <= stored["of"] - stored["argmax"]
    assert found["largest"] <= 2 * stored["largest"] + 1e-4
    sizes = execute.package_bytes(packages[name])
    assert program.compressed == stored["compressed"]
    assert abs(sizes["weights"] - stored["weights"]) <= 64 and abs(sizes["bytes"] - stored["bytes"]) <= 500
    assert [kind for kind, *_ in program.steps] == record["operations"]


def test_rows_of_the_matrix(record):
    assert [row["runtime"] for row in record["rows"]] == [f"Core ML {name}, NumPy" for name in target.IN_MATRIX]
    for row in record["rows"]:
        assert row["model"] == "mnist_cnn_float32" and row["of"] == golden.COUNT and row["argmax"] >= 998
    assert record["rows"][0]["largest"] < 1e-3 < record["rows"][2]["largest"]
    for name, size in record["tflite"].items():
        assert models.model_path("mnist_cnn", name).stat().st_size == size
    assert set(record["versions"]) == {"coremltools", "scikit-learn", "tensorflow", "numpy"}


def test_another_network_agrees_with_litert(tmp_path):
    """mnist_ds has what mnist_cnn has not: strides, groups and a mean."""
    if target.missing_packages():
        pytest.skip(target.missing_packages())
    path = tmp_path / "ds.mlpackage"
    target.convert(models.load_model("mnist_ds"), "FLOAT32").save(str(path))
    program = execute.open_package(path)
    assert {"reduce_mean", "conv"} <= {kind for kind, *_ in program.steps}
    images = golden.golden_images(np.float32)[:100]
    expected = golden.run_litert(models.model_path("mnist_ds"), images)
    assert np.abs(execute.run(program, images) - expected).max() < 1e-3
    with pytest.raises(CourseError, match=r"\(1, 28, 28\)"):
        execute.run(program, np.zeros((2, 27, 28), np.float32))


def test_what_is_no_package(packages, tmp_path, monkeypatch):
    with pytest.raises(CourseError, match="is not a Core ML package"):
        execute.open_package(tmp_path)
    broken = tmp_path / "broken.mlpackage"
    shutil.copytree(packages["int8"], broken)
    next(broken.rglob("weight.bin")).write_bytes(b"\0" * 100)
    with pytest.raises(CourseError, match="broken.mlpackage is damaged"):
        execute.open_package(broken)
    next(broken.rglob("*.mlmodel")).write_bytes(b"nothing")
    with pytest.raises(CourseError, match="broken.mlpackage is damaged"):
        execute.open_package(broken)
    monkeypatch.delitem(execute.OPERATIONS, "max_pool")
    with pytest.raises(CourseError, match="the operation max_pool, which this module does not compute"):
        execute.open_package(packages["float16"])


@pytest.mark.slow
def test_the_command(packages, tmp_path):
    done = subprocess.run([*COMMAND, packages["int8"]], capture_output=True, text=True, check=True)
    assert "linear       float16  (10, 3136)" in done.stdout and "constexpr_affine_dequantize" in done.stdout
    done = subprocess.run([*COMMAND, tmp_path], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.strip().endswith("give the folder that save() wrote.")


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setattr(target, "find_spec", lambda name: None)
    assert "`pip install coremltools scikit-learn`" in target.missing_packages()
    with pytest.raises(SystemExit, match="coremltools"):
        target.main()
