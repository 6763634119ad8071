"""Any ordinary model of MNIST works in evaluation and in the pad, or one sentence says why not and what to do."""

import numpy as np
import pytest

from tests.tools import forms
from tflite_course import evaluation, leaderboard, models, runtime
from tflite_course.errors import CourseError
from tflite_course.pad import DigitPad, Recognizer

IMAGES = forms.images()
NAMES = sorted(forms._registry())


@pytest.fixture(scope="session")
def folder(tmp_path_factory, request):
    """One folder for all processes of a test run: a file that one has made is there for the others."""
    base = tmp_path_factory.getbasetemp()
    found = (base.parent if hasattr(request.config, "workerinput") else base) / "forms"
    found.mkdir(exist_ok=True)
    return found


@pytest.fixture
def form(request, folder):
    return forms.make_forms([request.param], folder=folder)[request.param]


@pytest.fixture(scope="module")
def refused(folder):
    return forms.make_refused(folder=folder)


def said(form):
    """The input range that has to be said, None where the file tells it."""
    return None if form.told else form.input_range


@pytest.mark.parametrize("form", NAMES, indirect=True)
def test_evaluation(form):
    found = evaluation.contract(form.content, input_range=said(form))
    assert found.kind == form.kind or form.note == "softmax by hand"
    assert np.allclose(found.input_range, form.input_range, atol=1e-3)
    answers = evaluation.predict(form.content, IMAGES, input_range=said(form))
    assert answers.shape == (forms.COUNT, 10) and answers.dtype == np.float32
    assert np.mean(answers.argmax(1) == form.digits) >= form.agree
    seven = evaluation.predict(form.content, IMAGES[:7], batch=3, input_range=said(form))
    assert np.allclose(seven, answers[:7], atol=1e-3 + 2 * found.target["quantization"][0])
    row = evaluation.compare({"own": form.content}, IMAGES, form.digits, input_range=said(form))[0]
    assert row["accuracy"] == np.mean(answers.argmax(1) == form.digits) >= form.agree
    assert 0 < row["p50"] <= row["p95"]


@pytest.mark.parametrize("form", NAMES, indirect=True)
def test_pad(form, monkeypatch):
    """The probabilities are those of the network: no second softmax, and none left out."""
    monkeypatch.setattr(runtime, "_trial", lambda content: None)  # a process for each form takes its time
    recognizer = Recognizer(form.content, preprocess=lambda image: image, input_range=said(form))
    found = np.stack([recognizer(image) for image in IMAGES])
    assert np.mean(found.argmax(1) == form.digits) >= form.agree
    if form.note.startswith("LSTM"):  # never trained: it is sure of nothing
        return
    assert found.max(1).mean() > (0.85 if form.kind == "sigmoids" or form.note == "int4" else 0.98)
    if form.kind != "sigmoids":
        assert np.allclose(found.sum(1), 1, atol=0.02)


@pytest.mark.parametrize("form", NAMES, indirect=True)
def test_what_is_measured_in_the_file(form):
    """Weights are read where they lie, and activations are those of one image, whatever the form."""
    rows = evaluation.weight_structure(form.content)
    assert rows or form.note in ("two signatures",)
    if form.note == "two signatures":
        with pytest.raises(CourseError, match="has 2 graphs"):
            evaluation.activation_memory(form.content)
        return
    memory = evaluation.activation_memory(form.content)
    known = {"LSTM, batch 1": 4480, "int8 without scale": 15_680}
    first = 14 * 14 * 6 + 7 * 7 * 8  # of mnist_nano: the outputs of the two convolutions at the first stride
    if form.note in known:
        assert memory == known[form.note]
    else:
        assert 0.5 * first < memory < 9 * first


def test_what_a_model_keeps_is_forgotten_between_images(folder):
    """Without a reset the same files answer otherwise: the test sees what it guards."""
    for name in ("LSTM, batch 1", "variable that counts"):
        content = forms.make_forms([name], folder=folder)[name].content
        interpreter, image = evaluation.make_interpreter(content), IMAGES[:1]
        source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        kept = []
        for _ in range(2):
            interpreter.set_tensor(source["index"], image)
            interpreter.invoke()
            kept.append(interpreter.get_tensor(target["index"]))
        assert not np.array_equal(kept[0], kept[1]), name
        again = evaluation.predict(content, np.repeat(image, 2, axis=0))
        assert np.array_equal(again[0], again[1]) and np.array_equal(again[:1], kept[0]), name


def test_a_softmax_by_hand_is_seen_in_its_numbers(folder):
    content = forms.make_forms(["softmax by hand"], folder=folder)["softmax by hand"].content
    found = evaluation.contract(content)
    answers = evaluation.predict(content, IMAGES[:5])
    assert np.array_equal(found.probabilities(answers), answers)


@pytest.mark.parametrize(
    "name, takes",
    [
        ("Rescaling", "0 to 255: .*input_range=(0, 255)"),
        ("0 to 255", "0 to 255: .*input_range=(0, 255)"),
        ("mean and deviation", "-0.4242 to 2.8215: .*input_range=(-0.4242, 2.8215)"),
        ("bright paper", "1 to 0: .*input_range=(1, 0)"),
        ("bright paper, uint8", "1 to 0: .*input_range=(1, 0)"),
        ("int16 x 8, int16, -1 to 1", "-1 to 1: .*input_range=(-1, 1)"),
    ],
)
def test_a_hidden_range_is_told_and_never_chosen(name, takes, folder):
    form = forms.make_forms([name], folder=folder)[name]
    takes = takes.replace("(", r"\(").replace(")", r"\)")
    words = rf"reads \d+% of \d+ images right with grey values from 0 to 1, and \d+% with {takes}"
    with pytest.raises(CourseError, match=f"The model {words}"):
        evaluation.accuracy(form.content, IMAGES, form.digits)
    with pytest.raises(CourseError, match=f"'mine' {words}"):
        evaluation.compare({"mine": form.content}, IMAGES, form.digits)
    with pytest.raises(CourseError, match=f"The model {words}"):
        Recognizer(form.content)
    assert evaluation.accuracy(form.content, IMAGES, form.digits, input_range=form.input_range) >= form.agree
    course = models.model_path("mnist_nano", "int8")
    rows = evaluation.compare(
        {"course": course, "mine": form.content},
        IMAGES,
        form.digits,
        input_range={"mine": form.input_range},
        timed=False,
    )
    assert [row["accuracy"] >= form.agree - 0.05 for row in rows] == [True, True]


@pytest.mark.parametrize("form", ["batch 1, fixed inside", "batch 7, fixed inside"], indirect=True)
def test_the_leaderboard_takes_a_fixed_batch(form, tmp_path):
    entry = leaderboard.add("own", form.content, IMAGES, form.digits, path=tmp_path / "leaderboard.json")[0]
    assert entry["accuracy"] >= form.agree


def test_a_bad_model_is_left_alone():
    """A low accuracy that no range cures is an accuracy, not an error."""
    labels = (forms._digits() + 1) % 10
    assert evaluation.accuracy(models.model_path("mnist_nano", "int8"), IMAGES, labels) < 0.1


@pytest.mark.parametrize("name", [*forms.REFUSED])
def test_refused(name, refused):
    content, words = refused[name]
    for use in (
        lambda: evaluation.predict(content, IMAGES),
        lambda: evaluation.accuracy(content, IMAGES, forms._digits()),
        lambda: evaluation.compare({"own": content}, IMAGES, forms._digits()),
        lambda: Recognizer(content),
    ):
        with pytest.raises(CourseError, match=words):
            use()


def test_the_output_is_named(refused):
    content, _ = refused["two heads of ten"]
    assert np.array_equal(evaluation.predict(content, IMAGES, output="digit").argmax(1), forms._digits())
    assert Recognizer(content, output="digit").contract.target["as"] == "digit"
    numbers = [evaluation.predict(content, IMAGES, output=k).argmax(1).tolist() for k in (0, 1)]
    assert forms._digits().tolist() in numbers and numbers[0] != numbers[1]
    with pytest.raises(CourseError, match=r"no output 'digits': choose a number or a name from .*digit \[1, 10\]"):
        evaluation.predict(content, IMAGES, output="digits")


@pytest.mark.parametrize("input_range", [(0,), (1, 1), (0, np.nan), "0..255", 255])
def test_bad_input_range(input_range):
    with pytest.raises(CourseError, match=r"give what paper and ink are, for example \(0, 255\)"):
        evaluation.predict(models.model_path("mnist_nano", "int8"), IMAGES, input_range=input_range)


def test_an_answer_that_is_not_a_number():
    content = forms.convert(lambda x: forms.logits(x) * np.float32(np.nan))
    with pytest.raises(CourseError, match="answers NaN"):
        evaluation.predict(content, IMAGES)
    with pytest.raises(CourseError, match="answers NaN"):
        Recognizer(content)
    pad = DigitPad(Recognizer(content, input_range=(0, 1)))  # nothing is tried then, the pad says it
    pad.image = (IMAGES[0] * 255).astype(np.uint8)
    assert "answers NaN" in pad.status and pad.prediction is None and pad.image.any()


def test_invoke_takes_what_the_input_is(folder):
    made = forms.make_forms(["int8", "batch 7, fixed inside", "two outputs"], folder=folder)
    with pytest.raises(CourseError, match=r"takes int8 \[-1, 28, 28\] .*values are float32 \[60, 28, 28\]"):
        evaluation.invoke(made["int8"].content, IMAGES)
    with pytest.raises(CourseError, match=r"values are float32 \[60, 27, 28\]"):
        evaluation.invoke(made["two outputs"].content, IMAGES[:, 1:])
    with pytest.raises(CourseError, match="no values to run"):
        evaluation.invoke(made["two outputs"].content, IMAGES[:0])
    rows = evaluation.invoke(made["batch 7, fixed inside"].content, IMAGES[:9])
    assert rows.shape == (9, 10) and rows.argmax(1).tolist() == forms._digits()[:9].tolist()
    shapes = sorted(evaluation.invoke(made["two outputs"].content, IMAGES, output=k).shape for k in (0, 1))
    assert shapes == [(60,), (60, 10)]
    with pytest.raises(CourseError, match="no output 2"):
        evaluation.invoke(made["two outputs"].content, IMAGES, output=2)


def test_a_file_that_ends_the_process_is_tried_in_a_child(monkeypatch):
    """LiteRT aborts for some files; here the child's own program does, for any file."""
    calls, run = [], runtime.subprocess.run
    monkeypatch.setattr(runtime.subprocess, "run", lambda *a, **k: calls.append(a) or run(*a, **k))
    shipped = models.model_path("mnist_nano", "int8")
    assert evaluation.try_in_child(shipped) == shipped.read_bytes() and not calls
    content = forms.without_scale()
    assert evaluation.try_in_child(content) == evaluation.try_in_child(content) == content
    assert len(calls) == 1, "a file is tried once"
    monkeypatch.setattr(
        runtime, "TRIAL", "import os, sys; sys.stderr.write('F: no kernel\\n'); sys.stderr.flush(); os.abort()"
    )
    runtime._trial.cache_clear()
    with pytest.raises(CourseError, match="ends the whole program when it runs this model .*no kernel"):
        Recognizer(content)
    runtime._trial.cache_clear()


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04" + bytes(40), "zip file, as .keras files are: load it with Keras and convert it"),
        (b"\x89HDF\r\n\x1a\n" + bytes(40), "HDF5 file"),
        (b"\x1f\x8b" + bytes(40), "gzip file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\n<!DOCTYPE html>", "web page"),
        (b"\x08\x01\x12\x90\x01", "the graph of a SavedModel: convert the folder"),
        (b"\x80\x04\x95 a pickle", "a pickle, as PyTorch writes"),
        (b'{"class_name": "Sequential"}', "JSON"),
        (b"const unsigned char model[] = {0x1c", "C source"),
        (b"something else", "bytes 4 to 7 must read TFL3"),
        (bytes(4) + b"TFL3" + bytes(30), "cut short or damaged"),
    ],
)
def test_files_that_are_something_else(start, words, tmp_path):
    path = tmp_path / "mine.tflite"
    path.write_bytes(start)
    for model in (path, str(path)):
        with pytest.raises(CourseError, match=f"mine.tflite .*{words}"):
            evaluation.predict(model, IMAGES)
    with pytest.raises(CourseError, match=f"^The model .*{words}"):
        Recognizer(start)


def test_paths_that_hold_no_model(tmp_path):
    for model, words in (
        (tmp_path, "folder"),
        (tmp_path / "no.tflite", "no file no.tflite at the path"),
        ("a\0b", "no file"),
        (None, "not NoneType"),
        (forms.network(), "not Sequential: convert a Keras model first"),
    ):
        with pytest.raises(CourseError, match=words):
            evaluation.predict(model, IMAGES)
