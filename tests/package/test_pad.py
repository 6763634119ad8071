"""tflite_course.pad and strokes without a browser."""

import base64
import io
import subprocess
import sys

import numpy as np
import pytest
import traitlets
from PIL import Image

from tflite_course.datasets import load_mnist
from tflite_course.errors import CourseError
from tflite_course.models import model_path
from tflite_course.pad import (
    DigitPad,
    EmptyDrawing,
    Recognizer,
    center_like_mnist,
    check_canvas,
    resize_only,
    softmax,
)
from tflite_course.pad.strokes import draw_strokes, invent_digit


def drawing(digit=3, seed=1, **options):
    return draw_strokes(invent_digit(digit, np.random.default_rng(seed)), **options)


def test_centred_as_mnist():
    image = center_like_mnist(drawing(extent=150, offset=(40, -50)))
    assert image.shape == (28, 28) and image.dtype == np.float32 and 0 <= image.min() and image.max() <= 1
    rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    centre = [float((image.sum(axis) @ np.arange(28)) / image.sum()) for axis in (1, 0)]
    assert np.allclose(centre, 14, atol=0.51)


def test_place_on_the_canvas_does_not_matter():
    here, there = (center_like_mnist(drawing(extent=140, offset=o)) for o in ((-50, -60), (55, 40)))
    assert np.abs(here - there).mean() < 0.01


def test_images_of_mnist_stay_as_they_are():
    images = load_mnist(raw=True)[1][0][:300]
    again = np.stack([center_like_mnist(image) for image in images])
    differences = np.abs(again - images / 255).mean((1, 2))
    # a pixel of faint ink more or less at the edge moves the box, so not all are the same to the bit
    assert (differences < 0.005).mean() > 0.8 and np.median(differences) < 1e-3


def test_heavy_end_stays_inside():
    canvas = np.zeros((280, 280), np.uint8)
    canvas[20:240, 30:36] = 255
    canvas[200:240, 30:250] = 255
    assert np.ptp(np.flatnonzero(center_like_mnist(canvas).any(0))) == 19


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, bool])
def test_dtypes_of_a_canvas(dtype):
    canvas = (drawing() > 127).astype(np.uint8)
    canvas = canvas * 255 if dtype is np.uint8 else canvas.astype(dtype)
    assert np.array_equal(center_like_mnist(canvas), center_like_mnist(((drawing() > 127) * 255).astype(np.uint8)))


@pytest.mark.parametrize(
    ("canvas", "message"),
    [
        (np.zeros((28, 28, 3), np.uint8), r"shape \(H, W\), this one \(28, 28, 3\)"),
        (np.zeros(784, np.uint8), r"shape \(H, W\)"),
        (np.zeros((28, 28), np.int64), "int64"),
        (np.full((28, 28), 255.0), "divide by 255"),
        (np.full((28, 28), np.nan), "0 .paper. to 1"),
        (255 - draw_strokes([np.array([[0, 0], [1, 1]])]), "255 - canvas"),
    ],
)
def test_bad_canvas(canvas, message):
    with pytest.raises(CourseError, match=message):
        center_like_mnist(canvas)


@pytest.mark.parametrize("preprocess", [center_like_mnist, resize_only])
def test_empty_and_dot(preprocess):
    with pytest.raises(EmptyDrawing, match="empty: draw one digit"):
        preprocess(np.zeros((280, 280), np.uint8))
    with pytest.raises(EmptyDrawing, match="only a dot"):
        preprocess(draw_strokes([np.array([[0.0, 0.0]])], width=26))


def test_softmax():
    p = softmax(np.array([1000.0, 1000.0, -1000.0]))
    assert np.allclose(p, [0.5, 0.5, 0])


def test_invented_digits_are_new_and_repeatable():
    a, b, c = (invent_digit(7, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
    assert len(a) != len(c) or not np.array_equal(a[0], c[0])
    with pytest.raises(CourseError, match="10 is not a digit"):
        invent_digit(10, np.random.default_rng(0))
    with pytest.raises(CourseError, match="no strokes"):
        draw_strokes([])


@pytest.mark.parametrize("digit", range(10))
def test_every_style_draws_something_on_the_canvas(digit):
    rng = np.random.default_rng(digit)
    for _ in range(60):
        canvas = draw_strokes(invent_digit(digit, rng), extent=200, width=16)
        rows, columns = np.flatnonzero(canvas.any(1)), np.flatnonzero(canvas.any(0))
        assert 195 <= max(np.ptp(rows), np.ptp(columns)) <= 225


@pytest.mark.parametrize("variant", ["float32", "int8"])
def test_pipeline_reads_invented_digits(variant):
    """Digits of other seeds than those of the training set, at all sizes, pens and places of the pad."""
    recognizer, rng = Recognizer(model_path("mnist_cnn", variant)), np.random.default_rng(987)
    right = 0
    for k in range(500):
        extent = rng.uniform(120, 250)
        room = (280 - extent) / 2 - 13
        options = {"extent": extent, "width": rng.uniform(12, 26), "offset": rng.uniform(-1, 1, 2) * max(room, 0)}
        right += recognizer(draw_strokes(invent_digit(k % 10, rng), **options)).argmax() == k % 10
    assert right >= 0.97 * 500


def test_recognizer_times_and_probabilities():
    recognizer = Recognizer()
    p = recognizer(drawing(digit=3))
    assert p.shape == (10,) and np.isclose(p.sum(), 1) and p.argmax() == 3
    assert set(recognizer.times) == {"preprocess", "inference"}


def test_pad_without_a_browser():
    pad = DigitPad()
    assert pad.prediction is None and "Draw one digit" in pad.status
    pad.image = drawing(digit=3)
    assert (
        pad.image.shape == (140, 140)
        and pad.prediction == 3
        and pad.status.startswith("Prediction: 3 (")
        and pad.status.endswith(" %)")
    )
    assert len(pad.probabilities_shown) == 10 and np.isclose(sum(pad.probabilities_shown), 1)
    pad.clear()
    assert pad.prediction is None and pad.probabilities_shown == [] and "empty" in pad.status
    pad.draw([np.array([[0.0, 0.0]])])
    assert pad.prediction is None and "only a dot" in pad.status


def test_pad_takes_mnist_and_odd_sizes():
    images, labels = load_mnist(raw=True)[1]
    pad = DigitPad()
    for image, label in zip(images[:20], labels[:20], strict=True):
        pad.image = image
        assert pad.prediction == label
    pad.image = drawing(digit=3, size=333, extent=250)
    assert pad.prediction == 3


@pytest.mark.parametrize("bad", [np.zeros((280, 100), np.uint8), np.zeros((3, 3, 3)), np.full((28, 28), 7, np.int32)])
def test_pad_keeps_the_drawing_when_the_new_one_is_bad(bad):
    pad = DigitPad()
    pad.image = drawing(digit=3)
    with pytest.raises(CourseError):
        pad.image = bad
    assert pad.prediction == 3


def test_pad_shows_what_predict_raises():
    def broken(canvas):
        raise KeyError("logits")

    pad = DigitPad(broken)
    pad.image = drawing()
    assert "failed with KeyError: 'logits'" in pad.status and len(pad.errors) == 1 and pad.image.any()
    pad.predict = lambda canvas: np.zeros(3)
    pad.refresh()
    assert "must return ten probabilities" in pad.status and pad.prediction is None


def test_live_frames_are_answered():
    pad = DigitPad()
    content = {"kind": "ink", "frame": 7}
    canvas = drawing(digit=3, size=140, extent=100, width=10)
    pad._on_message(pad, content, [memoryview(canvas.tobytes())])
    assert pad.answered == 7 and pad.prediction == 3 and not pad.image.any()  # a live frame is not kept
    pad._on_message(pad, content, [b"short"])
    pad._on_message(pad, {"kind": "nudge"}, [])
    assert len(pad.errors) == 1 and pad.prediction == 3


def test_the_page_hurries_the_answer_only_where_the_server_delays_it(monkeypatch):
    monkeypatch.delenv("TFLITE_COURSE_NODELAY", raising=False)
    assert DigitPad().nudging
    monkeypatch.setenv("TFLITE_COURSE_NODELAY", "1")
    assert not DigitPad().nudging


def test_the_server_of_make_lab_tells_its_kernels_that_it_does_not_delay():
    code = "import os, tflite_course.lab_server; print(os.environ['TFLITE_COURSE_NODELAY'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1"]


def test_controls_switch_the_model():
    pad = DigitPad()
    box = pad.with_controls({"first": lambda c: np.eye(10)[1], "second": lambda c: np.eye(10)[2]})
    pad.image = drawing()
    pen, menu = box.children[0].children
    assert pad.prediction == 1
    menu.value = "second"
    assert pad.prediction == 2
    with pytest.raises(CourseError, match="no 'third' in this menu: choose first, second"):
        menu.value = "third"
    assert menu.value == "second" and pad.prediction == 2
    with pytest.raises(CourseError, match="got no models"):
        pad.with_controls({})
    pen.value = 30
    assert pad.pen_width == 30


def test_the_pad_shows_what_the_model_sees():
    pad, canvas = DigitPad(), drawing(digit=3, extent=110, offset=(50, -40))
    assert pad.seen is None and pad.ways == ["centred", "only made small"]
    told = []
    pad.observe(lambda change: told.append(change["new"]), "seen")
    pad.image = canvas
    assert np.array_equal(pad.seen, center_like_mnist(pad.image)) and told[-1] is pad.seen
    sent = pad.get_state(["seen"])["seen"]
    assert np.array_equal(np.frombuffer(sent, np.uint8).reshape(28, 28), np.round(pad.seen * 255))
    pad.preprocess = "only made small"
    assert np.array_equal(pad.seen, resize_only(pad.image)) and len(told) == 2
    pad.clear()
    assert pad.seen is None
    with pytest.raises(traitlets.TraitError):
        pad.preprocess = "turned"


def test_the_switch_changes_the_answer_of_a_model_that_never_saw_such_places():
    pad = DigitPad(Recognizer("mnist_cnn_plain"), preprocess="only made small")
    rng, right = np.random.default_rng(7), {"centred": 0, "only made small": 0}
    for k in range(60):
        pad.image = draw_strokes(invent_digit(k % 10, rng), extent=130, width=14, offset=rng.uniform(-60, 60, 2))
        for way in right:
            pad.preprocess = way
            right[way] += pad.prediction == k % 10
    assert right["centred"] > 45 and right["only made small"] < 30


def test_a_pad_of_another_kind_has_no_switch_and_shows_what_it_knows():
    own = Recognizer(preprocess=lambda canvas: center_like_mnist(canvas.T))
    pad = DigitPad(own)
    pad.image = drawing(digit=3)
    assert pad.ways == [] and np.array_equal(pad.seen, center_like_mnist(pad.image.T))
    pad.predict = lambda canvas: np.eye(10)[2]
    pad.refresh()
    assert pad.prediction == 2 and pad.seen is None and pad.ways == []


def test_where_no_widget_can_be_shown_a_picture_and_a_sentence_stand():
    for shown in (DigitPad(), DigitPad().with_controls()):
        data, metadata = shown._repr_mimebundle_()
        assert data["text/plain"] == repr(shown) == "Drawing pad: run this cell in JupyterLab"
        assert "application/vnd.jupyter.widget-view+json" in data
        picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
        assert picture.width > 400 and len(metadata["image/png"]["alt"].split()) >= 10


def test_the_picture_is_that_of_the_pad_as_it_begins():
    pads = {way: DigitPad(preprocess=way) for way in ("centred", "only made small")}
    pads["other"] = DigitPad(lambda canvas: np.eye(10)[2])
    pictures, said = {}, {}
    for way, pad in pads.items():
        shown = [pad._repr_mimebundle_(), pad.with_controls({"one": pad.predict})._repr_mimebundle_()]
        assert shown[0][0]["image/png"] == shown[1][0]["image/png"] and shown[0][1] == shown[1][1]
        pictures[way], said[way] = shown[0][0]["image/png"], shown[0][1]["image/png"]["alt"]
    assert len(set(pictures.values())) == 3
    assert "only made small" in said["only made small"] and "centred" in said["centred"]
    assert "the input" not in said["other"]
    pads["centred"].preprocess = "only made small"
    assert pads["centred"]._repr_mimebundle_()[0]["image/png"] == pictures["only made small"]


def test_wrong_model_for_the_pad():
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([1, 4])])
    def double(x):
        return 2 * x

    content = tf.lite.TFLiteConverter.from_concrete_functions([double.get_concrete_function()]).convert()
    with pytest.raises(CourseError, match=r"takes \[1, 4\] .* the images are \[n, 28, 28\]"):
        Recognizer(content)


def test_check_canvas_leaves_uint8_alone():
    canvas = drawing()
    assert check_canvas(canvas) is canvas
