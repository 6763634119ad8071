"""CompiledModel on the GPU backend through SwiftShader: the stored record, bad input, and a run where it is there."""

import json
import re

import nbformat
import numpy as np
import pytest

from tests import ROOT
from tests.tools.lessons import notebook_path
from tflite_course.errors import CourseError
from tflite_course.models import model_path
from tflite_course.models.flatbuffer import one_operator
from tflite_course.runtime import make_interpreter, operators
from tflite_course.targets import golden, gpu

RECORD = json.loads((ROOT / "assets" / "targets" / "gpu.json").read_text(encoding="utf-8"))
OPEN = model_path("mnist_cnn")
FIXED = ROOT / "assets" / "experiments" / "keras3_pytorch.tflite"  # float32 (1, 1, 28, 28)
with_swiftshader = pytest.mark.skipif(
    gpu.swiftshader() is None, reason="there is no SwiftShader: install Chromium (Debian: apt-get install chromium)"
)


@pytest.fixture
def batches():
    return golden.golden_images(np.float32)[:3, np.newaxis]


def test_the_record_has_what_the_notebook_takes_from_it():
    cells = nbformat.read(notebook_path("03_accelerators"), as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    names = re.findall(r'\bhere\(\s*"([^"]+)"', code) + re.findall(r'^name = "([^"]+)"', code, re.M)
    assert len(names) == code.count("here(") - 1 and set(names) <= set(RECORD)
    assert RECORD["answers"]["same"] == 200 and RECORD["answers"]["largest"] < 1e-3 and RECORD["answers"]["whole"]
    assert [name for name, yes in RECORD["operators of the digit"] if not yes] == ["ARG_MAX", "ONE_HOT"]
    assert all(yes for _, yes in RECORD["operators"]) and not RECORD["digit, both"]["whole"]
    (_, labels) = golden.load_mnist(raw=True)[1]
    assert np.sum(np.array(RECORD["digit, both"]["digits"]) == labels[:200]) >= 198
    (row,) = RECORD["rows"]
    assert row["argmax"] == row["of"] and "SwiftShader" in row["runtime"] and RECORD["versions"]["chromium"]


def test_one_operator_has_its_own_inputs_alone():
    names = [step["op_name"] for step in operators(make_interpreter(OPEN))]
    for number, name in enumerate(names, 1):
        single = make_interpreter(one_operator(OPEN, number))
        assert [step["op_name"] for step in operators(single)] == [name]
        if name != "PACK":
            inputs = 2 if name == "RESHAPE" and number < 5 else 1  # weights are no inputs, an open shape is one
            assert len(single.get_input_details()) == inputs, name
    for number in (0, len(names) + 1):
        with pytest.raises(CourseError, match=f"{len(names)} operators: give a count from 1 to that, not {number}"):
            one_operator(OPEN, number)


def test_no_driver_is_one_sentence(batches, tmp_path):
    for call in (
        lambda: gpu.run_on(FIXED, batches[:, np.newaxis], ["GPU"], driver=tmp_path / "nowhere.so"),
        lambda: gpu.operators_taken(FIXED, driver=tmp_path / "nowhere.so"),
    ):
        with pytest.raises(CourseError, match="no GPU that LiteRT can use: install a Vulkan driver, or Chromium"):
            call()


def test_bad_input_is_one_sentence(batches):
    with pytest.raises(CourseError, match="takes no open batch: convert the model with a fixed one"):
        gpu.operators_taken(OPEN)
    for values in (batches[:, 0], batches[:0], batches.astype(np.float64), batches[..., :27]):
        with pytest.raises(CourseError, match=r"takes float32 \(1, 28, 28\), the batches are .* give \(n, \*that\)"):
            gpu.run_on(OPEN, values)
    for names in (["TPU"], []):
        with pytest.raises(CourseError, match="choose from CPU, GPU, GPU"):
            gpu.run_on(OPEN, batches, names)
    with pytest.raises(CourseError, match="cut short or damaged"):
        gpu.run_on(OPEN.read_bytes()[:1000], batches)
    with pytest.raises(CourseError, match=r"no answer within 0\.01 s"):
        gpu.run_on(OPEN, batches, ["CPU"], timeout=0.01)


def test_a_process_that_dies_is_one_sentence(monkeypatch, batches):
    monkeypatch.setattr(gpu, "RUN", "import os; os.abort()")
    with pytest.raises(CourseError, match="ended with code -6 .*: take the CPU"):
        gpu.run_on(OPEN, batches)


def test_the_cpu_alone_needs_no_driver(batches):
    found = gpu.run_on(OPEN, batches, ["CPU"])["CPU"]
    expected = golden.load_golden()["mnist_cnn_float32"][: len(batches)]
    assert found["adapter"] == "" and len(found["times"]) == len(batches)
    assert np.abs(found["outputs"][:, 0] - expected).max() < 1e-3


@with_swiftshader
def test_the_gpu_refuses_an_open_batch(batches):
    with pytest.raises(CourseError, match="takes no open batch: convert the model with a fixed one"):
        gpu.run_on(OPEN, batches, ["GPU"], driver=gpu.swiftshader())


@with_swiftshader
def test_the_gpu_answers_as_the_cpu_does(batches):
    found = gpu.run_on(FIXED, batches[:, np.newaxis], driver=gpu.swiftshader())
    assert found["GPU"]["whole"] and found["GPU"]["adapter"].startswith("SwiftShader")
    assert found["GPU"]["outputs"].shape == (len(batches), 1, 10)
    assert np.abs(found["GPU"]["outputs"] - found["CPU"]["outputs"]).max() < 1e-3
    taken = gpu.operators_taken(FIXED, driver=gpu.swiftshader())
    assert [name for name, _ in taken] == [step["op_name"] for step in operators(make_interpreter(FIXED))]
    assert all(yes for _, yes in taken)
