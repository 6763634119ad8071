"""data/centring.npz against every program of the course that centres: Python, the device, JavaScript in Node.

Java and Swift are tested in test_android.py, the page in Chromium in test_web.py.
"""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from tests.targets.test_edge_program import read_digits
from tests.tools import centring
from tflite_course.authoring.data import make_centring
from tflite_course.errors import CourseError
from tflite_course.pad import EmptyDrawing, center_like_mnist


@pytest.fixture(scope="module")
def cases():
    return centring.load_cases()


def test_the_file_holds_all_kinds_of_drawings(cases):
    outcomes = [case.outcome for case in cases]
    assert len(cases) >= 300 and outcomes.count(centring.EMPTY) >= 20 and outcomes.count(centring.BRIGHT) >= 10
    shapes = {case.drawing.shape for case in cases}
    assert {(140, 140), (280, 280), (28, 28)} < shapes and sum(height != width for height, width in shapes) > 20


def test_the_file_can_be_made_again(cases, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(make_centring, "PATH", tmp_path / "centring.npz")
    make_centring.main()
    with np.load(tmp_path / "centring.npz") as made:
        assert np.array_equal(made["drawings"], np.concatenate([case.drawing.ravel() for case in cases]))
        assert np.array_equal(made["images"], np.stack([case.image for case in cases]))
        assert made["outcomes"].tolist() == [case.outcome for case in cases]


def test_python(cases):
    for number, case in enumerate(cases):
        try:
            outcome, image = centring.CENTRED, center_like_mnist(case.drawing)
        except CourseError as error:
            outcome = centring.EMPTY if isinstance(error, EmptyDrawing) else centring.BRIGHT
            image = np.zeros((28, 28), np.float32)
        assert outcome == case.outcome and np.array_equal(image, case.image), number


def test_the_program_for_the_device(cases):
    """It has no Pillow."""
    for number, case in enumerate(cases):
        try:
            image = read_digits.center(case.drawing) / np.float32(255)
        except read_digits.Refused as refused:
            assert case.outcome == (centring.BRIGHT if "bright" in str(refused) else centring.EMPTY), number
        else:
            assert case.outcome == centring.CENTRED and np.array_equal(image, case.image), number


SCRIPT = """
import { readFileSync, writeFileSync } from "node:fs";
import { centerLikeMnist, EmptyDrawing } from "./center.mjs";
const all = new Uint8Array(readFileSync("drawings.bin")), outcomes = [], images = [];
let place = 0;
for (const [rows, columns] of JSON.parse(readFileSync("shapes.json", "utf8"))) {
  let image = new Float32Array(784), outcome = 0;
  try { image = centerLikeMnist(all.subarray(place, place + rows * columns), rows, columns); }
  catch (error) { outcome = error instanceof EmptyDrawing ? 1 : 2; }
  place += rows * columns;
  outcomes.push(outcome);
  images.push(Buffer.from(image.buffer));
}
writeFileSync("images.bin", Buffer.concat(images));
console.log(JSON.stringify(outcomes));
"""


def test_javascript(cases, root, tmp_path):
    if not shutil.which("node"):
        pytest.skip("There is no Node.js to run center.js: install it (Debian: apt-get install nodejs).")
    for name in ("center", "problem"):
        text = (root / "assets" / "web" / f"{name}.js").read_text(encoding="utf-8")
        (tmp_path / f"{name}.mjs").write_text(re.sub(r"\./(\w+)\.js", r"./\1.mjs", text), encoding="utf-8")
    (tmp_path / "drawings.bin").write_bytes(b"".join(case.drawing.tobytes() for case in cases))
    (tmp_path / "shapes.json").write_text(json.dumps([case.drawing.shape for case in cases]))
    (tmp_path / "run.mjs").write_text(SCRIPT)
    done = subprocess.run(["node", "run.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [case.outcome for case in cases]
    found = np.frombuffer((tmp_path / "images.bin").read_bytes(), np.float32).reshape(-1, 28, 28)
    different = np.flatnonzero((found != np.stack([case.image for case in cases])).any(axis=(1, 2)))
    assert len(different) == 0, f"{len(different)} of {len(cases)} differ, first {different[:5]}"
