"""Models of Keras 3 and PyTorch: the stored record, its PyTorch file, and the exporting where its environment is."""

import json
import sys

import numpy as np
import pytest

from tests import ROOT
from tflite_course.authoring.experiments import keras3
from tflite_course.datasets import load_mnist
from tflite_course.evaluation import contract, predict
from tflite_course.models import model_path
from tflite_course.targets.environments import OwnEnvironment
from tflite_course.targets.keras3 import environment

RECORD = json.loads((ROOT / "assets" / "experiments" / "keras3.json").read_text(encoding="utf-8"))
STRANGER = ROOT / "assets" / "experiments" / "keras3_pytorch.tflite"


def rows(backend, way=""):
    return [row for row in RECORD["rows"] if row["backend"] == backend and way in row["way"]]


def test_the_record_names_what_made_it():
    wanted = (ROOT / "tflite_course" / "targets" / "keras3" / "requirements.txt").read_text(encoding="utf-8")
    pinned = dict(line.split("==") for line in wanted.splitlines() if "==" in line)
    for package, version in RECORD["settings"]["environment"].items():
        assert version.split("+")[0] == pinned.get(package, version.split("+")[0]), package
    assert RECORD["settings"]["processor"]


def test_every_file_of_the_record_reads_like_the_course_s_own():
    ran = [row for row in RECORD["rows"] if "changed" in row]
    assert {row["backend"] for row in ran} == {"tensorflow", "torch"} and len(ran) >= 7
    for row in ran:
        assert row["changed"] <= 2 and row["flex"] == [] and row["mnist"] > 0.99 and row["pens"] > 0.98, row["way"]


def test_the_record_has_what_lesson_02_says_of_it():
    (lacks,) = [row for row in rows("tensorflow", "operator that LiteRT lacks") if "built-in" not in row["way"]]
    assert lacks["flex"] == ["FlexAdjustContrastv2"] and "Select TensorFlow" in lacks["error"] + "Select TensorFlow"
    (stops,) = rows("tensorflow", "built-in operators only")
    assert "AdjustContrastv2" in stops["error"] and "bytes" not in stops
    for row in rows("tensorflow", ".keras file"):
        assert row["error"].startswith("TypeError")
    assert [row["signature"][0] for row in rows("torch", "litert") if "changed" in row] == [1, 50, 1]


def test_the_pytorch_file_reads_digits():
    (_, _), (images, labels) = load_mnist()
    found = contract(STRANGER)
    assert found.one == (1, 28, 28) and found.batch == 1 and found.kind == "logits"
    answers = predict(STRANGER, images[:300]).argmax(1)
    assert np.sum(answers != predict(model_path("mnist_cnn"), images[:300]).argmax(1)) <= 1


def test_an_environment_belongs_to_its_requirements(tmp_path, monkeypatch):
    wanted = tmp_path / "requirements.txt"
    wanted.write_text("numpy\n")
    own = OwnEnvironment("Nothing", tmp_path / "env", wanted, "1 GB")
    assert not own.is_ready()
    own.python().parent.mkdir(parents=True)
    own.python().touch()
    own.stamp().touch()
    assert own.is_ready()
    own.make()  # nothing is installed
    wanted.write_text("scipy\n")
    assert not own.is_ready()
    monkeypatch.setattr("subprocess.run", lambda *args, **kwargs: None)
    monkeypatch.setattr("subprocess.call", lambda *args, **kwargs: 1)
    with pytest.raises(SystemExit, match=r"Nothing could not be installed: check the network .*\(1 GB\)"):
        own.make()


def test_a_program_that_fails_is_named(tmp_path, monkeypatch):
    own = OwnEnvironment("Nothing", tmp_path, tmp_path / "requirements.txt", "1 GB", {"WORD": "said"})
    monkeypatch.setattr(own, "python", lambda: sys.executable)
    program = tmp_path / "program.py"
    program.write_text("import os, sys\nprint(os.environ['WORD'], sys.argv[1])\nsys.exit(sys.argv[1])\n")
    with pytest.raises(RuntimeError, match="program.py failed:\nno"):
        own.run(program, "no")
    program.write_text("import os, sys\nprint(os.environ['WORD'], sys.argv[1])\n")
    assert own.run(program, "yes") == "said yes\n"


@pytest.mark.slow
def test_keras_3_exports_here(tmp_path):
    if not environment.is_ready():
        pytest.skip("Keras 3 has no environment: python -m tflite_course.targets.keras3.environment makes it (3 GB).")
    (_, _), (images, _) = load_mnist()
    digits = {"mnist": load_mnist()[1], "pens": load_mnist()[1]}
    digits = {title: (x[:200], y[:200]) for title, (x, y) in digits.items()}
    reference = {title: predict(model_path("mnist_cnn"), x).argmax(1) for title, (x, _) in digits.items()}
    found, versions = keras3.rows_of("tensorflow", tmp_path / "tensorflow", digits, reference)
    stored = {row["way"]: row for row in rows("tensorflow")}
    assert {row["way"] for row in found} == set(stored)
    for row in found:
        assert row.get("operators") == stored[row["way"]].get("operators"), row["way"]
        assert row.get("changed", 0) == 0
    assert versions == RECORD["settings"]["environment"]
