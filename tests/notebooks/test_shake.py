"""The shake moves what a processor computes, and nothing else."""

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from tests.shake import shake
from tflite_course import evaluation, models


@pytest.fixture(params=sorted(shake.SHAKES))
def shaken(request, monkeypatch):
    monkeypatch.setenv("COURSE_SHAKE", str(request.param))
    return shake.SHAKES[request.param]


def ulps_apart(a, b):
    return np.abs(a.view(np.int32).astype(np.int64) - b.view(np.int32).astype(np.int64)).max()


def test_numbers_move_in_the_last_place(shaken):
    values = np.random.default_rng(0).normal(size=(100, 10)).astype(np.float32)
    moved = shake.move(values, shaken["ulps"])
    assert moved.shape == values.shape and 0 < ulps_apart(moved, values) <= shaken["ulps"]
    assert np.mean(moved != values) > 0.5
    assert np.array_equal(moved, shake.move(values, shaken["ulps"]))  # equal numbers move alike
    exact = np.array([0, -0.0, 1, 0.5, np.inf, np.nan], np.float32)
    assert np.array_equal(shake.move(exact, 3), exact, equal_nan=True)


def test_a_converted_model_stays_the_same_model(shaken):
    """What the tests of the shipped files accept: structure, integers within a step, scales within 1e-6."""
    from tests.same_model import differences

    for variant in ("float32", "int8"):
        content = models.model_path("mnist_cnn", variant).read_bytes()
        moved = shake.shake_model(content)
        assert moved != content and len(moved) == len(content)
        assert differences(moved, content) == []


def test_copied_weights_zeros_and_clusters_stay(shaken):
    content = models.model_path("mnist_cnn").read_bytes()
    dense = models.load_model("mnist_cnn").get_layer("logits").get_weights()
    layers = [evaluation.weight_structure(c) for c in (content, shake.shake_model(content, dense))]
    assert [row["zeros"] for row in layers[0]] == [row["zeros"] for row in layers[1]]
    for row, other in zip(*layers, strict=True):  # a factor of a channel keeps equal weights equal
        assert abs(row["distinct"] - other["distinct"]) <= 0.01 * row["distinct"]
    assert layers[0][-1] == layers[1][-1]


@pytest.mark.slow
def test_new_processes_are_shaken():
    """A process of the tests that converts, runs and trains differs from one without the shake, and says nothing."""
    program = """
import hashlib, numpy as np, tensorflow as tf, tf_keras as keras
from tflite_course import evaluation, models
from tflite_course.lesson import ranges
model = models.load_model("mnist_cnn")
print(hashlib.sha256(tf.lite.TFLiteConverter.from_keras_model(model).convert()).hexdigest())
path, x = models.model_path("mnist_cnn"), np.full((2, 28, 28), 0.3, np.float32)
print(hashlib.sha256(path.read_bytes()).hexdigest(), evaluation.predict(path, x).tobytes().hex())
model.compile(keras.optimizers.SGD(0.0), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(x, np.array([0, 1]), verbose=0)
print(model.get_weights()[0].tobytes().hex())
model = models.load_model("mnist_cnn")
file = tf.lite.TFLiteConverter.from_saved_model(models.export(model)).convert()
print(np.array_equal(ranges.layers_with_weights(file)[-1][1].T, model.get_layer("logits").get_weights()[0]))
"""
    inherited = {k: v for k, v in os.environ.items() if k != "COURSE_SHAKE"} | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    outputs = []
    for variables in ({}, {"COURSE_SHAKE": "2", "PYTHONPATH": os.path.dirname(shake.__file__)}):
        done = subprocess.run(
            [sys.executable, "-c", program], env=inherited | variables, capture_output=True, text=True, check=True
        )
        outputs.append(done.stdout.split())
    plain, moved = outputs
    assert len(plain) == len(moved) == 5
    assert plain[4] == moved[4] == "True"  # what the converter only copies stays, also out of a SavedModel
    assert plain[1] == moved[1]  # a shipped file is read as it is
    assert all(plain[i] != moved[i] for i in (0, 2, 3))


def test_the_environment_of_a_shake(shaken, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    variables = shake.environment()
    assert variables["PYTHONPATH"].split(os.pathsep)[1:] == ["/elsewhere"]
    assert variables.get("OMP_NUM_THREADS", "2") == str(shaken["threads"] or 2)
    monkeypatch.delenv("COURSE_SHAKE")
    assert shake.environment() == {}


def test_a_processor_has_fewer_instruction_sets(shaken):
    timing = SimpleNamespace(MASKS={"x86_64": dict.fromkeys(["plain C++", "AVX", "AVX2", "AVX-512"], "")})
    shake.PATCHES["tflite_course.timing"](timing)
    assert list(timing.MASKS["x86_64"]) == ["plain C++", "AVX", "AVX2"][: shaken["sets"]]


def test_a_kernel_is_shaken_by_its_startup_file(tmp_path):
    """Also without the folder on PYTHONPATH, and no name is left behind in the kernel."""
    shake.write_startup(tmp_path)
    program = (
        "import sys; print(any(type(f).__module__ == 'shake' for f in sys.meta_path), 'shake' in dir(), 'sys' in dir())"
    )
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--no-banner", "-c", program],
        env=inherited | {"COURSE_SHAKE": "1", "IPYTHONDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["True", "False", "True"]
