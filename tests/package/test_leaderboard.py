"""The leaderboard of lab 6: no entry is ever lost."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tflite_course import leaderboard, locking
from tflite_course.datasets import load_mnist, load_pen_digits
from tflite_course.errors import CourseError
from tflite_course.evaluation import predict
from tflite_course.models import model_path

NANO, TINY = (model_path(name, "int8") for name in ("mnist_nano", "mnist_tiny"))


@pytest.fixture(scope="module")
def test_set():
    _, (images, labels) = load_mnist()
    return images[:300], labels[:300]


def test_entries_are_appended_and_the_same_model_is_entered_once(tmp_path, test_set):
    path = tmp_path / "work" / "leaderboard.json"
    assert leaderboard.load(path) == []
    leaderboard.add("nano", NANO, *test_set, path=path)
    leaderboard.add("tiny", TINY.read_bytes(), *test_set, path=path)
    entries = leaderboard.add("nano", NANO, *test_set, path=path)
    assert [entry["name"] for entry in entries] == ["nano", "tiny"] and entries == leaderboard.load(path)
    assert entries[0]["bytes"] == NANO.stat().st_size and 0.9 < entries[0]["accuracy"] <= 1
    pens, digits = load_pen_digits()
    for entry, model in zip(entries, (NANO, TINY), strict=True):
        assert entry["pens"] == np.mean(predict(model, pens).argmax(1) == digits)
    assert len(leaderboard.add("another name", NANO, *test_set, path=path)) == 3
    assert {file.name for file in path.parent.iterdir()} == {"leaderboard.json", ".leaderboard.json.lock"}


@pytest.mark.parametrize("content", ["", "{", '{"name": 1}', "[1, 2]", "\x00\x01"])
def test_damaged_file_is_left_as_it_is(tmp_path, test_set, content):
    path = tmp_path / "leaderboard.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(CourseError, match="leaderboard.json is damaged and was left as it is"):
        leaderboard.add("nano", NANO, *test_set, path=path)
    assert path.read_text(encoding="utf-8") == content
    assert {file.name for file in tmp_path.iterdir()} == {"leaderboard.json", ".leaderboard.json.lock"}


def test_crash_while_writing_keeps_the_old_file(tmp_path, test_set, monkeypatch):
    path = tmp_path / "leaderboard.json"
    leaderboard.add("nano", NANO, *test_set, path=path)
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(leaderboard.os, "replace", lambda *_: (_ for _ in ()).throw(OSError("no space left")))
        with pytest.raises(OSError):
            leaderboard.add("tiny", TINY, *test_set, path=path)
    assert path.read_bytes() == before
    assert len(leaderboard.add("tiny", TINY, *test_set, path=path)) == 2


def test_two_notebooks_at_once(tmp_path):
    program = (
        "import sys; from pathlib import Path; import numpy as np\n"
        "from tflite_course import leaderboard\n"
        "images, labels = np.zeros((1, 28, 28), np.float32), np.zeros(1, int)\n"
        "for k in range(10):\n"
        "    leaderboard.add(f'{sys.argv[1]} {k}', Path(sys.argv[3]), images, labels, path=sys.argv[2])\n"
    )
    path = tmp_path / "leaderboard.json"
    run = [sys.executable, "-c", program]
    both = [subprocess.Popen([*run, name, str(path), str(NANO)]) for name in ("first", "second")]
    assert [process.wait(120) for process in both] == [0, 0]
    names = [entry["name"] for entry in json.loads(path.read_text(encoding="utf-8"))]
    assert sorted(names) == sorted(f"{name} {k}" for name in ("first", "second") for k in range(10))


HOLD = (  # a notebook that has the lock, and does with it what its second argument says
    "import os, sys; from tflite_course.locking import locked\n"
    "with locked(sys.argv[1]):\n"
    "    print('held', flush=True)\n"
    "    sys.stdin.readline() if sys.argv[2] == 'waits' else os._exit(1)\n"
)


@pytest.fixture
def holder(tmp_path):
    """Return a function that starts a notebook with the lock of the leaderboard."""
    started = []

    def hold(what):
        command = [sys.executable, "-c", HOLD, str(tmp_path / "leaderboard.json"), what]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.communicate()


def test_lock_of_a_crash_does_not_stop_the_next(tmp_path, test_set, holder):
    assert holder("crashes").wait(30) == 1
    assert (tmp_path / ".leaderboard.json.lock").exists()
    assert len(leaderboard.add("nano", NANO, *test_set, path=tmp_path / "leaderboard.json")) == 1


def test_lock_of_another_notebook_is_never_taken(tmp_path, test_set, monkeypatch, holder):
    monkeypatch.setattr(locking, "WAIT", 0.3)
    path, owner = tmp_path / "leaderboard.json", holder("waits")
    for _ in range(2):
        with pytest.raises(CourseError, match="Another notebook has been writing leaderboard.json for 0.3 seconds"):
            leaderboard.add("nano", NANO, *test_set, path=path)
    assert not path.exists() and owner.poll() is None
    owner.communicate("done\n", timeout=30)
    assert len(leaderboard.add("nano", NANO, *test_set, path=path)) == 1


def test_not_a_model(tmp_path, test_set):
    with pytest.raises(CourseError, match="not ellipsis"):
        leaderboard.add("nothing", ..., *test_set, path=tmp_path / "leaderboard.json")
    assert not list(tmp_path.iterdir())


def entry(name, size, accuracy, pens=None):
    return {"name": name, "bytes": size, "accuracy": accuracy, "low": 0.0, "high": 1.0} | (
        {} if pens is None else {"pens": pens}
    )


def test_an_entry_without_pens_keeps_its_row(tmp_path, test_set):
    """A leaderboard of an earlier version: every entry stays as it is, and the same model is given its pens."""
    path = tmp_path / "leaderboard.json"
    old = leaderboard.add("nano", NANO, *test_set, path=path)
    pens = old[0].pop("pens")
    lost = entry("a file that is lost", 9_000, 0.99) | {"date": "2026-01-01T10:00:00", "sha256": "0" * 64}
    path.write_text(json.dumps([*old, lost]), encoding="utf-8")
    lines = leaderboard.table(leaderboard.load(path)).splitlines()
    assert [line.split()[0] for line in lines[1:]] == [f"{NANO.stat().st_size:,}", "9,000"]
    assert all(" - " in line for line in lines[1:])
    entries = leaderboard.add("tiny", TINY, *test_set, path=path)
    assert entries[:2] == [*old, lost] and "pens" in entries[2]
    entries = leaderboard.add("nano", NANO, *test_set, path=path)
    assert entries[0] == old[0] | {"pens": pens} and entries[1] == lost and len(entries) == 3
    assert entries == leaderboard.load(path)


def front(entries):
    """Return {name: whether the table has a star there}, in the order of the table."""
    lines = leaderboard.table(entries).splitlines()[1:]
    return {line.split()[-1]: " * " in line for line in lines}


def test_table_marks_the_front():
    entries = [entry("large", 9, 0.9, 0.8), entry("small", 3, 0.8, 0.7), entry("bad", 5, 0.7, 0.6)]
    assert front(entries) == {"small": True, "bad": False, "large": True}
    assert list(front(entries)) == ["small", "bad", "large"]


def test_strangers_digits_count_for_the_front():
    entries = [entry("small", 3, 0.95, 0.80), entry("strangers", 5, 0.94, 0.90), entry("neither", 5, 0.95, 0.80)]
    assert front(entries) == {"small": True, "neither": False, "strangers": True}
    entries += [entry("older", 5, 0.96), entry("older-worse", 6, 0.90)]
    assert front(entries) == {
        "small": True,
        "older": True,
        "neither": False,
        "strangers": True,
        "older-worse": False,
    }
    assert front([entry("older", 3, 0.99), entry("new", 5, 0.90, 0.50)]) == {"older": True, "new": True}
