"""The golden vectors: every runtime that this machine has is run over them and compared with what is stored."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests import ROOT
from tests.notebooks.test_hygiene import MACHINE_PATHS
from tflite_course.authoring.targets import linux
from tflite_course.errors import CourseError
from tflite_course.models import model_path
from tflite_course.targets import golden

TARGETS = sorted((ROOT / "assets" / "targets").glob("*.json"))
only_x86 = pytest.mark.skipif(golden.architecture() != "x86-64", reason="The stored rows are those of an x86-64.")
# The tests in emulation share one environment: one worker makes it.
emulation = pytest.mark.xdist_group("emulation")


@pytest.fixture(scope="module")
def expected():
    return golden.load_golden()


@pytest.fixture(scope="module")
def stored():
    """The stored rows of lesson 10 as {(runtime, model, against): row}."""
    record = json.loads((ROOT / "assets" / "targets" / "linux.json").read_text(encoding="utf-8"))
    return {(row["runtime"], row["model"], row["against"]): row for row in record["rows"]}


@pytest.fixture(scope="module")
def arm():
    """The environment for 64-bit Arm, made when it is not there."""
    missing = linux.missing_tools()
    if missing:
        pytest.skip(missing)
    try:
        linux.make_arm()
    except CourseError as error:
        pytest.skip(f"The environment for Arm could not be made, check the network: {error}")


@pytest.mark.slow
def test_the_script_makes_the_same_rows_again(expected, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "data"))
    from tflite_course.authoring.data import make_golden as script

    contents = []
    for name in ("first.npz", "second.npz")[: 1 if sys.version_info >= (3, 14) else 2]:
        monkeypatch.setattr(script, "OUTPUT", tmp_path / name)
        script.main()
        contents.append((tmp_path / name).read_bytes())
    assert len(set(contents)) == 1, "two runs write different bytes"
    with np.load(tmp_path / "first.npz") as found:
        assert set(found) == {*expected, "names", "sha256"}
        for name, array in expected.items():
            assert found[name].dtype == array.dtype, name
            if array.dtype != np.float32:
                assert np.array_equal(found[name], array), name
        assert np.abs(found["mnist_cnn_float32"] - expected["mnist_cnn_float32"]).max() < 1e-4


def test_golden_rows_are_those_of_the_test_set(expected):
    assert expected["index"].tolist() == list(range(1000))
    for name in golden.MODELS:
        assert expected[name].dtype == np.int8 and expected[name].shape == (1000, 10)
        assert (expected[name].argmax(axis=1) == expected["labels"]).mean() > 0.975, name
    agree = golden.agreement(np.zeros((1000, 10), np.float32), expected["mnist_cnn_float32"])
    assert agree["bit_exact"] == 0 and agree["within_1"] is None
    assert (ROOT / "data" / "golden.npz").stat().st_size < 100_000


def test_golden_images_in_three_dtypes():
    whole, grey, real = (golden.golden_images(dtype) for dtype in (np.int8, np.uint8, np.float32))
    assert whole.dtype == np.int8 and grey.dtype == np.uint8 and real.dtype == np.float32
    assert np.array_equal(whole.astype(int) + 128, grey) and np.allclose(real * 255, grey)
    assert real.max() == 1 and whole.min() == -128


def test_agreement_counts_by_hand():
    expected = np.zeros((4, 10), np.int8)
    expected[:, 3] = 100
    rows = expected.copy()
    rows[1, 0] = -1  # within one step
    rows[2, 0] = 2  # two steps, the same digit
    rows[3, 4] = 127  # another digit
    counted = golden.agreement(rows, expected)
    assert counted == {"bit_exact": 1, "within_1": 2, "argmax": 3, "largest": 127, "of": 4}
    opposite = np.full((1, 10), -128, np.int8)  # int8 would overflow
    assert golden.agreement(opposite, np.full((1, 10), 127, np.int8))["largest"] == 255


@pytest.mark.parametrize("rows", [np.zeros((3, 10), np.int8), np.zeros((2, 10), np.uint8), np.zeros((2, 9), np.int8)])
def test_rows_that_cannot_be_compared(rows):
    with pytest.raises(CourseError, match="one row for each golden image"):
        golden.agreement(rows, np.zeros((2, 10), np.int8))


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 cut"])
def test_damaged_golden_vectors(content, tmp_path, monkeypatch):
    (tmp_path / "golden.npz").write_bytes(content)
    monkeypatch.setattr(golden, "resource", lambda name: tmp_path / "golden.npz")
    with pytest.raises(CourseError, match="golden.npz is damaged: `git checkout"):
        golden.load_golden()


def test_golden_vectors_of_another_model(tmp_path, monkeypatch):
    other = tmp_path / "mnist_tiny_int8.tflite"
    other.write_bytes(model_path("mnist_nano", "int8").read_bytes())
    files = {**golden.golden_files(), "mnist_tiny": other}
    monkeypatch.setattr(golden, "golden_files", lambda: files)
    with pytest.raises(CourseError, match="made with another mnist_tiny_int8.tflite"):
        golden.load_golden()


def test_unknown_kernels():
    with pytest.raises(CourseError, match="no kernels 'fast': choose from reference, built-in, XNNPACK"):
        golden.run_litert(model_path("mnist_nano", "int8"), golden.golden_images()[:1], "fast")


def test_values_and_models_that_do_not_run():
    model = model_path("mnist_nano", "int8")
    for values in (
        golden.golden_images(np.float32)[:2],
        golden.golden_images()[:2, 1:],
    ):
        with pytest.raises(CourseError, match=r"takes int8 \[1, 28, 28, 1\] .* the values are"):
            golden.run_litert(model, values)
    with pytest.raises(CourseError, match="no values to run"):
        golden.run_litert(model, golden.golden_images()[:0])


def test_a_row_that_lacks_a_number(tmp_path):
    with pytest.raises(CourseError, match="x.json has no against, argmax"):
        row = {"runtime": "r", "model": "m", "bit_exact": 1, "within_1": 1, "of": 1}
        golden.store_target(tmp_path / "x.json", [row], command="", versions={})


@pytest.mark.parametrize("path", TARGETS, ids=lambda p: p.stem)
def test_form_of_the_stored_targets(path):
    record = json.loads(path.read_text(encoding="utf-8"))
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", record["date"]) and record["versions"] and record["rows"]
    module = "targets.browser" if path.stem == "browser" else f"authoring {path.stem}"
    assert record["command"].startswith(f"python -m tflite_course.{module}")
    assert not MACHINE_PATHS.search(json.dumps(record))
    keys = [(row["runtime"], row["model"], row["against"]) for row in record["rows"]]
    assert len(set(keys)) == len(keys), "two rows of one runtime and model"
    for row in record["rows"]:
        assert row["model"].removesuffix("_float32") in golden.MODELS
        counts = [row["bit_exact"], row["argmax"], *([] if row["within_1"] is None else [row["within_1"]])]
        assert all(0 <= count <= row["of"] for count in counts) and row["of"] == golden.COUNT
        assert row["within_1"] is None or row["bit_exact"] <= row["within_1"]
        if row["against"] == "LiteRT reference":
            assert row["argmax"] >= 0.99 * row["of"], row


@only_x86
def test_litert_on_this_machine(stored):
    rows, outputs = golden.measure()
    for row in rows:
        assert row == stored[row["runtime"], row["model"], "LiteRT reference"]
    assert len(rows) == len(outputs) == 15


def test_the_reference_kernels_are_exact_everywhere(expected):
    """Also on a computer with an Arm processor, where the other kernels are not those that were stored."""
    for name in golden.MODELS:
        found = golden.run_litert(model_path(name, "int8"), golden.golden_images()[:200], "reference")
        assert np.array_equal(found, expected[name][:200]), name


def test_tflm(stored):
    pytest.importorskip("tflite_micro", reason="There is no TFLM here: install tflite-micro (Linux, x86-64).")
    for row in linux.tflm_rows():
        assert row == stored["TFLM, x86-64", row["model"], "LiteRT reference"]
        assert row["within_1"] == row["of"]


@emulation
@pytest.mark.slow
def test_arm_in_emulation(arm, stored):
    """The smallest model over all images; the others over a few, for the translator is slow."""
    for row in [row for rows in linux.arm_rows(["mnist_nano"]) for row in rows]:
        assert row == stored[row["runtime"], row["model"], row["against"]]
    for row in [row for rows in linux.arm_rows(golden.MODELS, count=40) for row in rows]:
        whole = stored[row["runtime"], row["model"], row["against"]]
        missing = whole["of"] - whole["bit_exact"]
        assert row["of"] - row["bit_exact"] <= missing and row["of"] - row["argmax"] <= whole["of"] - whole["argmax"]
        assert row["largest"] <= whole["largest"]


@emulation
def test_the_program_in_emulation(arm):
    assert linux.program_lines(emulate=True) == linux.program_lines(emulate=False)


@emulation
def test_without_an_identity_the_emulated_runtime_crashes(arm, tmp_path, monkeypatch):
    """Why linux.py writes proc/cpuinfo. When this fails, LiteRT or QEMU has learned to do without."""
    if "GenuineIntel" not in (cpu := Path("/proc/cpuinfo").read_text()) and "AuthenticAMD" not in cpu:
        pytest.skip("This machine tells nothing of its processor.")
    for folder in linux.ARM_ROOT.iterdir():
        if folder.name not in ("proc", "sys"):
            (tmp_path / folder.name).symlink_to(folder)
    monkeypatch.setattr(linux, "ARM_ROOT", tmp_path)
    code = "import sys; from ai_edge_litert.interpreter import Interpreter; Interpreter(sys.argv[1])"
    command, environment = linux.emulated("-c", code, model_path("mnist_nano", "int8"))
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0 and "Segmentation fault" in done.stderr


def test_missing_tools_are_named(monkeypatch):
    monkeypatch.setattr(linux.platform, "system", lambda: "Linux")
    monkeypatch.setattr(linux.golden, "architecture", lambda: "x86-64")
    monkeypatch.setattr(linux.shutil, "which", lambda tool: None)
    assert linux.missing_tools().endswith("install the package qemu-user-static and mmdebstrap.")
    with pytest.raises(CourseError, match="qemu-user-static"):
        linux.make_arm()
    monkeypatch.setattr(linux.shutil, "which", lambda tool: tool)
    assert linux.missing_tools() is None
    monkeypatch.setattr(linux.platform, "system", lambda: "Windows")
    assert "python -m tflite_course.targets.golden" in linux.missing_tools()


def test_a_command_that_fails_says_its_last_line():
    with pytest.raises(CourseError, match="ended with 3: the cause"):
        linux.run(sys.executable, "-c", "import sys; print('much\\nthe cause', file=sys.stderr); sys.exit(3)")


def test_the_command_prints_the_matrix(tmp_path):
    command = [sys.executable, "-m", "tflite_course.targets.golden", "--models", "mnist_nano", "--count", "20"]
    file = tmp_path / "rows.npz"
    done = subprocess.run([*command, "--rows", file], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n\n")[0].splitlines()[1].split()[-1] == "20"
    assert len(np.load(file)) == 3
    blocked = tmp_path / "tensorflow.py"  # a device has no TensorFlow
    blocked.write_text("raise ImportError('TensorFlow must not be needed')")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    assert subprocess.run(command, env=environment, capture_output=True, cwd=tmp_path).returncode == 0


def test_first_prediction_measures_itself():
    probe = ROOT / "assets" / "edge" / "first_prediction.py"
    done = subprocess.run(
        [sys.executable, probe, "litert", model_path("mnist_nano", "int8")], capture_output=True, text=True, check=True
    )
    used = json.loads(done.stdout)
    assert set(used) == {"memory", "cpu", "wall", "modules"} and used["cpu"] > 0 and used["modules"] > 50
    if sys.platform == "linux":
        assert 10 < used["memory"] < 200


def test_the_runtime_alone_is_a_fraction_of_tensorflow():
    record = json.loads((ROOT / "assets" / "targets" / "linux.json").read_text(encoding="utf-8"))
    alone, full = (record["environments"][name] for name in ("LiteRT alone", "full TensorFlow"))
    assert alone["packages"] == linux.pinned(*linux.RUNTIME), "measured with other versions: run linux.py again"
    for what in ("installed", "memory", "cpu"):
        assert full[what] > 5 * alone[what]
    assert record["program"]["lines"] == record["program"]["lines in emulation"]


def test_qemu_is_the_one_that_is_named():
    if not shutil.which("qemu-aarch64-static"):
        pytest.skip("Arm cannot be emulated here: install the package qemu-user-static.")
    help_text = subprocess.run(["qemu-aarch64-static", "-cpu", "help"], capture_output=True, text=True).stdout
    assert "cortex-a72" in help_text
