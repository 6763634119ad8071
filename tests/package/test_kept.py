"""Drawings that are kept with their labels: nothing is lost, whatever happens to the file. Without a browser."""

import json
import re
import threading

import numpy as np
import pytest

from tests import ROOT
from tflite_course.errors import CourseError
from tflite_course.pad import DigitPad, Recognizer, center_like_mnist, kept, resize_only
from tflite_course.pad.kept import KeptDigits, load_kept
from tflite_course.pad.strokes import draw_strokes, invent_digit


def drawing(digit=3, seed=1, **options):
    return draw_strokes(invent_digit(digit, np.random.default_rng(seed)), size=140, extent=90, width=9, **options)


@pytest.fixture(scope="module")
def recognizer():
    return Recognizer()


@pytest.fixture
def new_pad(recognizer, tmp_path):
    """Return a function that makes a pad which keeps in one file, as a cell does that is run."""

    def make(path=tmp_path / "work" / "my_digits.npz"):
        pad = DigitPad(recognizer)
        pad.keep_in(path)
        return pad

    make.path = tmp_path / "work" / "my_digits.npz"
    return make


def press(pad, label, canvas, name="a", strokes=()):
    """Do what the browser does when somebody presses a digit under the pad."""
    content = {"kind": "keep", "id": name, "label": label, "strokes": [list(map(list, s)) for s in strokes]}
    pad._on_message(pad, content, [memoryview(np.ascontiguousarray(canvas))])
    return pad.kept_answer


def test_a_kept_drawing_is_in_the_file_exactly(new_pad):
    pad, canvas = new_pad(), drawing(5)
    assert press(pad, 5, canvas, "one", [[(10, 20, 1), (30, 40, 1.5)], [(7.5, 8, 1)]]) == ["one", True]
    with np.load(new_pad.path) as file:
        assert file["labels"].tolist() == [5] and file["predictions"].tolist() == [5]
        assert np.array_equal(file["drawings"], canvas[np.newaxis])
        assert np.array_equal(file["images"], center_like_mnist(canvas)[np.newaxis])
        assert file["images"].dtype == np.float32 and file["drawings"].dtype == np.uint8
        assert file["points"].tolist() == [[10, 20, 1], [30, 40, 1.5], [7.5, 8, 1]]
        assert file["strokes"].tolist() == [[0, 2], [0, 1]]
    [digit] = load_kept(new_pad.path)
    assert [s.tolist() for s in digit.strokes] == [[[10, 20, 1], [30, 40, 1.5]], [[7.5, 8, 1]]]
    assert pad.kept_note == "1 kept, 1 read right"


def test_python_keeps_clears_and_says_how_many(new_pad):
    pad = new_pad()
    for digit, label in ((5, 5), (3, 3), (4, 7)):
        pad.image = drawing(digit)
        said = pad.keep(label)
        assert not pad.image.any() and pad.prediction is None
    assert said == pad.kept_note == "3 kept, 2 read right"
    assert [(d.label, d.prediction) for d in pad.kept] == [(5, 5), (3, 3), (7, 4)]
    assert [(k["label"], k["read"]) for k in pad.kept_shown] == [(5, 5), (3, 3), (7, 4)]


def test_without_a_name_it_is_the_file_of_lesson_04(recognizer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pad = DigitPad(recognizer)
    pad.image = drawing(2)
    pad.keep(np.int64(2))
    other = DigitPad(recognizer)
    other.with_controls({"model": recognizer}, keep=True)
    assert other.keeping and [d.label for d in other.kept] == [2] == [d.label for d in load_kept()]
    monkeypatch.chdir("/")  # a lesson that changes its folder still writes to the same file
    pad.image = drawing(4)
    pad.keep(4)
    assert len(load_kept(tmp_path / "work" / "my_digits.npz")) == 2


def test_the_image_is_the_one_that_the_model_was_given(new_pad, recognizer):
    pad, canvas = new_pad(), drawing(6, offset=(20, -10))
    pad.preprocess = "only made small"
    press(pad, 6, canvas)
    assert np.array_equal(pad.kept[0].image, resize_only(canvas))


def test_a_cell_run_again_a_restart_and_two_pads_lose_nothing(new_pad):
    first = new_pad()
    press(first, 1, drawing(1), "a")
    second = new_pad()  # the cell is run again, or another notebook is open
    assert second.kept_note == "1 kept, 1 read right" and len(second.kept_shown) == 1
    press(second, 2, drawing(2), "b")
    press(first, 3, drawing(3), "c")
    assert [d.label for d in load_kept(new_pad.path)] == [d.label for d in first.kept] == [1, 2, 3]
    assert [d.label for d in new_pad().kept] == [1, 2, 3]


def test_many_writers_at_once(new_pad):
    pads = [new_pad() for _ in range(4)]

    def work(number):
        for k in range(5):
            press(pads[number], number, drawing(number, k), f"{number} {k}")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(d.id for d in load_kept(new_pad.path)) == sorted(f"{n} {k}" for n in range(4) for k in range(5))


def test_the_same_press_is_kept_once(new_pad):
    pad = new_pad()
    for _ in range(2):
        assert press(pad, 5, drawing(5), "same") == ["same", True]
    assert len(load_kept(new_pad.path)) == 1


def damaged(path):
    whole = path.read_bytes()
    return {
        "cut": whole[: len(whole) // 2],
        "empty": b"",
        "text": b"my drawings",
        "pickle": b"\x80\x04N.",
        "flipped": whole[:200] + bytes(b ^ 255 for b in whole[200:400]) + whole[400:],
    }


OTHERS = {
    "another array": {"x": np.zeros(3)},
    "labels of letters": {"images": np.zeros((1, 140, 140), np.uint8), "labels": np.array(["a"])},
    "a label of 12": {"images": np.zeros((1, 140, 140), np.uint8), "labels": np.array([12])},
    "floats": {"images": np.zeros((1, 140, 140)), "labels": np.array([1])},
    "other sizes": {"images": np.zeros((2, 140, 140), np.uint8), "labels": np.array([1])},
    "objects": {"images": np.array([{}], object), "labels": np.array([1])},
}


@pytest.mark.parametrize("kind", ["cut", "empty", "text", "pickle", "flipped", *OTHERS])
def test_a_damaged_file_is_set_aside_and_its_pad_keeps_what_it_has(new_pad, kind):
    pad = new_pad()
    press(pad, 1, drawing(1), "a")
    path = new_pad.path
    if kind in OTHERS:
        np.savez(path, **OTHERS[kind])
    else:
        path.write_bytes(damaged(path)[kind])
    content = path.read_bytes()
    with pytest.raises(CourseError, match="give it another name"):
        load_kept(path)
    assert press(pad, 2, drawing(2), "b") == ["b", True]
    assert path.with_name("my_digits.damaged.npz").read_bytes() == content
    assert [d.label for d in load_kept(path)] == [1, 2]
    assert "was damaged: it is now called my_digits.damaged.npz" in pad.kept_note
    assert pad.kept_note.endswith("2 kept, 2 read right")
    assert "damaged" not in new_pad().kept_note


def test_each_damaged_file_gets_a_name_of_its_own(new_pad):
    new_pad.path.parent.mkdir()
    for content in (b"first", b"second"):
        new_pad.path.write_bytes(content)
        pad = new_pad()  # already when its cell is run
        assert "was damaged" in pad.kept_note and not new_pad.path.exists()
    asides = [
        new_pad.path.with_name(name).read_bytes() for name in ("my_digits.damaged.npz", "my_digits.damaged-2.npz")
    ]
    assert asides == [b"first", b"second"]


def test_a_file_that_is_gone_is_written_again(new_pad):
    pad = new_pad()
    press(pad, 1, drawing(1), "a")
    new_pad.path.unlink()
    press(pad, 2, drawing(2), "b")
    assert [d.label for d in load_kept(new_pad.path)] == [1, 2]


def test_a_file_of_the_first_edition_is_taken_over(new_pad):
    new_pad.path.parent.mkdir()
    canvases = np.stack([drawing(9), drawing(9), drawing(4)])
    np.savez_compressed(new_pad.path, images=canvases, labels=[9, 9, 4])
    pad = new_pad()
    assert [(d.label, d.prediction) for d in pad.kept] == [(9, None), (9, None), (4, None)]
    assert np.array_equal(pad.kept[2].drawing, canvases[2])
    pad.remove_kept(pad.kept_shown[1]["id"])
    press(pad, 4, drawing(4), "new")
    assert [(d.label, d.prediction) for d in load_kept(new_pad.path)] == [(9, None), (4, None), (4, 4)]


@pytest.mark.parametrize("reason", ["full", "locked", "a folder"])
def test_what_cannot_be_written_stays_on_the_pad(new_pad, monkeypatch, reason):
    pad = new_pad()
    press(pad, 1, drawing(1), "a")
    before = new_pad.path.read_bytes()
    if reason == "full":

        def full(file, **arrays):
            file.write(b"half")
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(kept.np, "savez_compressed", full)
    elif reason == "locked":

        def held(old, new):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(kept.os, "replace", held)
    else:
        pad.keep_in(new_pad.path.parent / "other.npz")
        (new_pad.path.parent / "other.npz").mkdir()
    pad.image = drawing(2)
    assert press(pad, 2, drawing(2), "b") == ["b", False]  # the browser clears only what was kept
    assert pad.image.any() and pad.kept_note.count(". ") == 0 and ("cannot be " in pad.kept_note)
    with pytest.raises(CourseError, match="cannot be"):
        pad.keep(2)
    assert pad.image.any()
    assert new_pad.path.read_bytes() == before


@pytest.mark.parametrize("label", [10, -1, "5", 2.0, None, True, [3]])
def test_another_label_is_one_sentence(new_pad, label):
    pad = new_pad()
    pad.image = drawing(3)
    with pytest.raises(CourseError, match="is not a digit: keep a drawing with a whole number from 0 to 9"):
        pad.keep(label)
    assert press(pad, label, drawing(3)) == ["a", False]
    assert pad.image.any() and not new_pad.path.exists()


def test_an_empty_pad_and_a_dot_are_not_kept(new_pad):
    pad = new_pad()
    with pytest.raises(CourseError, match="nothing to keep. The drawing is empty"):
        pad.keep(3)
    dot = np.zeros((140, 140), np.uint8)
    dot[70:76, 70:76] = 255
    assert press(pad, 3, dot) == ["a", False] and "only a dot" in pad.kept_note
    assert press(pad, 3, dot[:9], "b") == ["b", False]
    assert not new_pad.path.exists()


def test_a_model_that_fails_loses_no_drawing(new_pad):
    pad = new_pad()
    pad.predict = lambda canvas: 1 / 0
    press(pad, 8, drawing(8))
    assert [(d.label, d.prediction) for d in load_kept(new_pad.path)] == [(8, None)]
    assert np.array_equal(pad.kept[0].image, center_like_mnist(drawing(8))) and pad.kept_note == "1 kept, 0 read right"


def test_removing_one_and_putting_it_back(new_pad):
    pad = new_pad()
    for k in range(3):
        press(pad, k, drawing(k), str(k))
    assert not pad.can_put_back
    pad._on_message(pad, {"kind": "remove", "id": "1"}, [])
    assert [d.label for d in load_kept(new_pad.path)] == [0, 2] and pad.can_put_back
    pad._on_message(pad, {"kind": "remove", "id": "1"}, [])  # another notebook was faster: nothing happens
    assert len(pad.kept) == 2
    pad._on_message(pad, {"kind": "put_back", "id": ""}, [])
    assert [d.label for d in load_kept(new_pad.path)] == [0, 2, 1] and not pad.can_put_back


def test_only_the_newest_are_shown_and_all_are_counted(tmp_path, recognizer, monkeypatch):
    monkeypatch.setattr(kept, "MOST_SHOWN", 2)
    file = KeptDigits(tmp_path / "a.npz")
    for k in range(3):
        file.add(kept.Kept(k, k, center_like_mnist(drawing(k)), drawing(k)))
    pad = DigitPad(recognizer)
    pad.keep_in(tmp_path / "a.npz")
    assert [shown["label"] for shown in pad.kept_shown] == [1, 2]
    assert pad.kept_note == "3 kept, 3 read right (the last 2 are shown)"


def test_lesson_04_never_writes_into_the_file_of_the_student():
    """Its own pad is shown where the text asks to draw, and nothing that Python draws goes to it or to its file."""
    notebook = json.loads((ROOT / "notebooks" / "04_draw_digits.ipynb").read_text(encoding="utf-8"))
    sources = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    [place] = [k for k, source in enumerate(sources) if 'keep="work/my_digits.npz"' in source]
    assert "own.with_controls" in sources[place]
    for source in sources:
        assert not re.search(r"\bown\.(image|draw|pixels|clear|keep)\b|\.keep\(|savez|my_digits\.npz\", ", source), (
            source
        )
    assert sum("own.kept" in source and "NBVAL_IGNORE_OUTPUT" in source for source in sources) == 1
