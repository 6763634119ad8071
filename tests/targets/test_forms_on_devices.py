"""The ordinary forms of a model in lesson 10's program, lesson 14's server and the exporter: right, or one sentence."""

import ast
import importlib.util
import re

import numpy as np
import pytest

from tests import ROOT
from tests.targets import test_firmware as firmware
from tests.tools import forms
from tests.tools.form_files import all_forms, folder_of_forms
from tflite_course.errors import CourseError
from tflite_course.targets import golden

pytest.importorskip("tensorflow", reason="The forms are converted with TensorFlow.")

PROGRAM, SERVER = ROOT / "assets" / "edge" / "read_digits.py", ROOT / "assets" / "server" / "serve.py"
IMAGES = golden.golden_images(np.uint8)[:60]

pytestmark = pytest.mark.xdist_group("forms")  # they are made once


def load_program(path):
    """Import a file that belongs to no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


read_digits = load_program(PROGRAM)


# make test takes these of all forms: it would convert for a minute and more
FEW = (
    "784",
    "softmax by hand",
    "0 to 255",
    "int8",
    "int8, softmax",
    "two signatures",
    "batch 7, fixed inside",
    "output 10 x n",
    "output 10 x 7",
    "two outputs",
)


@pytest.fixture(scope="module")
def made(request, tmp_path_factory):
    if request.config.getoption("--tier") == "all":
        return all_forms(tmp_path_factory)
    folder = folder_of_forms(tmp_path_factory)
    return forms.make_forms(FEW, folder=folder), forms.make_refused(folder=folder)


def one_sentence(text):
    """Whether a text is one sentence with a cause and, after a colon, what helps."""
    return re.fullmatch(r"[^\n]+: [^\n]+", text) and ". " not in text


# What must be refused in a sentence: (which forms, what the sentence says).
WITHOUT_TEN = {"two signatures": "convert the signature for digits alone"}
# Files that the program cannot tell from a badly trained model: it takes them and says how few digits they read.
HINTED = {"unset variables", "LSTM, batch 1", "LSTM, batch 4"}


def check_answers(found, form):
    assert np.mean(found == form.digits) >= form.agree, f"{np.mean(found == form.digits):.2f} agree"


def test_every_form_is_read_by_the_program(made):
    forms, _ = made
    for name, form in forms.items():
        if name in WITHOUT_TEN:
            with pytest.raises(read_digits.UserError, match=WITHOUT_TEN[name]) as raised:
                read_digits.Model(form.content, name)
            assert one_sentence(str(raised.value))
            continue
        model = read_digits.Model(form.content, name)
        answers = np.array([read_digits.infer(model, image) for image in IMAGES])
        check_answers(answers[:, 0], form)
        if name not in HINTED | {"int4"}:
            assert answers[:, 1].mean() > 0.9, f"{name} is shown as unsure: a second softmax?"
        # what the file does not tell is found with known digits, and said
        assert bool(model.hint) == (not form.told or name in HINTED or name in ("Rescaling", "divided by 255")), name
        if model.hint:
            assert one_sentence(model.hint) and "--input-range" in model.hint


def test_an_input_range_that_is_given_is_taken(made):
    form = made[0]["0 to 255"]
    model = read_digits.Model(form.content, "m", input_range=(0, 255))
    check_answers([read_digits.infer(model, image)[0] for image in IMAGES], form)
    wrong = read_digits.Model(form.content, "m", input_range=(0, 1))
    assert wrong.hint is None and np.mean([read_digits.infer(wrong, i)[0] for i in IMAGES] == form.digits) < 0.5


def test_what_no_program_can_run_gets_one_sentence(made):
    for name, (content, _) in made[1].items():
        if name == "two heads of ten":  # the one that reads digits
            model = read_digits.Model(content, name)
            check_answers([read_digits.infer(model, image)[0] for image in IMAGES], made[0]["784"])
            continue
        try:
            model = read_digits.Model(content, name)
        except read_digits.UserError as error:
            assert one_sentence(str(error)), error
        else:
            assert name in HINTED and one_sentence(model.hint)


def test_every_form_is_served(made, tmp_path, capsys):
    pytest.importorskip("fastapi", reason="The server needs the package fastapi: pip install fastapi.")
    serve = load_program(SERVER)
    for name, form in made[0].items():
        (tmp_path / "m.tflite").write_bytes(form.content)
        if name in WITHOUT_TEN:
            with pytest.raises(SystemExit, match=WITHOUT_TEN[name]):
                serve.load_model(tmp_path / "m.tflite")
            continue
        model, version = serve.load_model(tmp_path / "m.tflite")
        rows = serve.rows(model, IMAGES)
        assert np.allclose(serve.rows(model, IMAGES[:10]), rows[:10], atol=1e-2), name
        assert rows.shape == (60, 10) and rows.dtype == model.target["dtype"] and len(version) == 12, name
        check_answers(rows.argmax(1), form)
        assert np.allclose(serve.rows(model, IMAGES[:1]), rows[:1], atol=1e-2), name  # alone as in a batch


def test_program_and_server_hold_the_same_functions():
    """Each is one file to copy, so what they share stands in both."""
    found = []
    for path in (PROGRAM, SERVER):
        text = path.read_text(encoding="utf-8")
        start, end = text.index("# Ten digits as strokes"), text.index("def answer(")
        found.append(text[start : text.index("\n\n\n", end)])
        assert {node.name for node in ast.parse(found[-1]).body if hasattr(node, "name")} >= {"Model", "explain"}
    assert found[0] == found[1]


@firmware.with_gcc
def test_every_form_is_exported_to_c_or_refused_in_one_sentence(made, tmp_path):
    exported = []
    contents = {n: f.content for n, f in made[0].items()} | {n: c for n, (c, _) in made[1].items()}
    for name, content in contents.items():
        try:
            firmware.export_c.export(content)
        except CourseError as error:
            assert one_sentence(str(error).rstrip(".")), f"{name}: {error}"
            continue
        exported.append(name)
        values = golden.golden_images()[:60]
        like = firmware.board.ROUNDING["LiteRT reference"]
        found = firmware.host_outputs(content, values, tmp_path, like)
        assert np.array_equal(found, golden.run_litert(content, values)), name
    assert "int8" in exported
