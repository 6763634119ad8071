"""Photographs of paper: read, refused with one sentence, never harmful; and what is not a digit."""

import io

import numpy as np
import pytest
from PIL import Image

from tflite_course.datasets import load_pen_strokes
from tflite_course.errors import CourseError
from tflite_course.evaluation import predict
from tflite_course.models import model_path
from tflite_course.pad import (
    SHAPES,
    PhotoBox,
    Recognizer,
    center_like_mnist,
    invent_shape,
    paint_photo,
    photo,
    read_photo,
)
from tflite_course.pad.photo_box import _contents
from tflite_course.pad.strokes import draw_strokes

PENS = load_pen_strokes(10)
STROKES, LABELS = [pen.strokes for pen in PENS], [pen.label for pen in PENS]


@pytest.fixture(scope="module")
def recognizer():
    return Recognizer()


def painted(seed=1, **options):
    return paint_photo(STROKES, np.random.default_rng(seed), **options)


def stored(image, form="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def digits_of(found):
    images = np.stack([center_like_mnist(digit) for digit in found.digits])
    return predict(model_path("mnist_cnn"), images).argmax(1).tolist()


@pytest.mark.parametrize("options", [{}, {"turned": True}, {"lines": False}, {"light": 0.4}, {"size": (3200, 2400)}])
def test_digits_of_strangers_on_paper_are_found_in_order_and_read(options):
    found = read_photo(painted(**options))
    assert digits_of(found) == LABELS
    assert max(found.picture.size) == 1200 and found.paper.shape == found.drawing.shape == found.picture.size[::-1]
    assert len(found.notes) == ("turned" in options or "size" in options)


def test_the_same_paper_in_any_file_and_any_orientation():
    upright = Image.open(io.BytesIO(painted()))
    for orientation, back in (
        (1, None),
        (3, "ROTATE_180"),
        (6, "ROTATE_90"),
        (8, "ROTATE_270"),
        (2, "FLIP_LEFT_RIGHT"),
    ):
        exif = Image.Exif()
        exif[0x0112] = orientation
        held = upright.transpose(getattr(Image.Transpose, back)) if back else upright
        assert digits_of(read_photo(stored(held, "JPEG", exif=exif))) == LABELS
    for mode, form in (("RGB", "PNG"), ("L", "GIF"), ("CMYK", "JPEG"), ("P", "PNG"), ("RGBA", "WEBP"), ("LA", "PNG")):
        assert digits_of(read_photo(stored(upright.convert(mode), form))) == LABELS
    sixteen = Image.fromarray(np.asarray(upright.convert("L")).astype(np.uint16) * 200)
    assert digits_of(read_photo(stored(sixteen))) == LABELS


def test_a_large_photo_is_made_smaller_and_says_so():
    big = Image.open(io.BytesIO(painted())).resize((6400, 4800))
    found = read_photo(stored(big, "JPEG"))
    assert digits_of(found) == LABELS and found.notes == ["The photo has 31 million pixels: 1200 x 900 do."]


def test_specks_lines_and_the_edge_are_not_digits():
    page = Image.open(io.BytesIO(painted(lines=False))).convert("L")
    grey = np.array(page)
    grey[900:906, 100:1500] = 20  # a line of ink
    grey[800:806, 300:306] = 20  # a speck
    grey[:, :40] = 20  # the table beside the paper
    assert digits_of(read_photo(stored(Image.fromarray(grey)))) == LABELS


BLANK = Image.new("RGB", (800, 600), "white")
REFUSED = {
    "is not a picture": b"A text.",
    "is not a picture that": b"",
    "is damaged or cut off": painted()[:20000],
    "is a HEIC photo": b"\x00\x00\x00\x18ftypheic" + bytes(100),
    "too dark .its paper has a brightness of": painted(light=0.1),
    "has too many pixels": stored(Image.new("1", (20000, 20000))),
    "is larger than 64 MiB": b"\xff" * (photo.MOST_BYTES + 1),
    "is only 40 x 30 pixels": stored(BLANK.resize((40, 30))),
    "No ink was found": stored(BLANK),
    "No ink was found on the photo": stored(Image.new("RGBA", (800, 600), (0, 0, 0, 0))),
    "No digit was found": stored(Image.fromarray(np.random.default_rng(0).integers(0, 255, (600, 800), np.uint8))),
    "too much that is dark": stored(Image.fromarray(np.tile(np.uint8([255] * 4 + [0] * 4), (600, 100)))),
    "There is no file nothing.jpg in the folder 'work'": "work/nothing.jpg",
    "cannot be read .Is a directory": ".",
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_what_is_refused(sentence, recognizer):
    with pytest.raises(CourseError, match=sentence) as raised:
        read_photo(REFUSED[sentence])
    assert str(raised.value).count("\n") == 0 and str(raised.value).endswith(".")
    box = PhotoBox(recognizer)
    assert box.read(painted()) and not box.read(REFUSED[sentence])
    assert box.status == str(raised.value)
    assert [digit for digit, _ in box.answers] == LABELS and len(box.photo.digits) == 10  # what was there stays


def test_too_many_pieces():
    dots = np.full((900, 1200), 230, np.uint8)
    for k in range(80):
        row, column = divmod(k, 10)
        dots[60 + 100 * row : 100 + 100 * row, 60 + 110 * column : 75 + 110 * column] = 20
    with pytest.raises(CourseError, match="80 pieces of ink were found, 60 are the most"):
        read_photo(stored(Image.fromarray(dots)))


def test_thin_lines_become_as_wide_as_the_pads_pen():
    thin = draw_strokes(STROKES[0], size=800, extent=500, width=6)
    [digit] = read_photo(stored(Image.fromarray(255 - thin))).digits
    wide = draw_strokes(STROKES[0], size=digit.shape[0], extent=126, width=14)
    assert (digit > 127).sum() == pytest.approx((wide > 127).sum(), rel=0.25)


@pytest.mark.parametrize(
    "form", [lambda c: ({"name": "a.jpg", "content": memoryview(c)},), lambda c: {"a.jpg": {"content": c}}]
)
def test_the_button_of_both_versions_of_ipywidgets(form, recognizer):
    [content] = _contents(form(painted()))
    box = PhotoBox(recognizer)
    box._on_upload({"new": form(content)})
    assert "Found and read: " in box.status and box.picture.value.count("<figure") == 10
    assert "<script" not in box.picture.value and 'role="status"' in box._line.value


def test_a_predict_function_that_fails_is_said():
    def fails(digit):
        raise ZeroDivisionError("by me")

    box = PhotoBox(fails)
    assert not box.read(painted()) and "ZeroDivisionError: by me" in box.status


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_can_be_drawn_and_repeat(name):
    first, again = (invent_shape(name, np.random.default_rng(5)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert all(stroke.ndim == 2 and stroke.shape[1] == 2 and np.isfinite(stroke).all() for stroke in first)
    image = center_like_mnist(draw_strokes(first))
    assert image.shape == (28, 28) and image.max() > 0.9
    other = invent_shape(name, np.random.default_rng(6))
    assert not all(a.shape == b.shape and np.allclose(a, b) for a, b in zip(first, other, strict=True))


def test_there_is_no_other_shape():
    with pytest.raises(CourseError, match="'8' is not a shape: choose one of A, E"):
        invent_shape("8", np.random.default_rng(1))
