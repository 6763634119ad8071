"""The list of makers: every script is on it, and it sees what is out of date."""

import json

import pytest

from tests import ROOT
from tflite_course.authoring import makers
from tflite_course.authoring.experiments import record
from tflite_course.authoring.makers import Maker
from tflite_course.errors import CourseError

ROOMS = ("data", "experiments", "models", "targets")
HELPERS = {"idx", "record"}  # imported by makers


def test_every_script_is_on_the_list():
    scripts = {path.stem for room in ROOMS for path in (ROOT / "tflite_course" / "authoring" / room).glob("*.py")}
    assert scripts - HELPERS - {"__init__"} == (makers.MAKERS.keys() | makers.BY_HAND) - {
        "browser",
        "labs",
        "lesson_pictures",
        "outputs",
    }


@pytest.mark.parametrize("name", makers.MAKERS)
def test_a_maker_is_there_with_what_it_reads_and_writes(name):
    maker = makers.MAKERS[name]
    assert (ROOT / makers.source_of(maker)).is_file()
    for pattern in (*maker.inputs, *maker.outputs):
        assert makers.files_of([pattern]), f"{pattern} matches no file"


def test_what_is_stored_has_one_maker():
    made = [path for maker in makers.MAKERS.values() for path in makers.files_of(maker.outputs)]
    assert len(made) == len(set(made))
    for folder in ("data/*.npz", "assets/models/*", "assets/experiments/*", "assets/targets/*", "assets/web/models/*"):
        assert set(makers.files_of([folder])) <= set(made), folder


def test_inputs_are_made_before_they_are_read():
    names, made_by = list(makers.MAKERS), {}
    for name, maker in makers.MAKERS.items():
        made_by |= {path: name for path in makers.files_of(maker.outputs)}
    for name, maker in makers.MAKERS.items():
        for path in makers.files_of(maker.inputs):
            assert names.index(made_by.get(path, name)) <= names.index(name), f"{name} reads {path} too early"


def test_stale(tmp_path):
    chain = {"first": Maker("first", ("a.txt",), ("b.txt",)), "second": Maker("second", ("b.txt",), ("c.txt",))}
    for name in ("first.py", "second.py", "a.txt", "b.txt", "c.txt"):
        (tmp_path / name).write_text(name)
    (tmp_path / "assets").mkdir()

    def names():
        return list(makers.stale(tmp_path, chain))

    assert names() == ["first", "second"]  # never remembered
    makers.remember(chain, tmp_path, chain)
    assert names() == []
    (tmp_path / "a.txt").write_bytes(b"first.txt\r\n")
    assert makers.stale(tmp_path, chain) == {"first": ["a.txt has changed"], "second": ["b.txt is out of date"]}
    makers.remember(["first"], tmp_path, chain)
    (tmp_path / "second.py").write_text("another recipe")
    assert makers.stale(tmp_path, chain) == {"second": ["second.py has changed"]}
    makers.remember(["second"], tmp_path, chain)
    (tmp_path / "c.txt").write_text("edited by hand")
    assert makers.stale(tmp_path, chain) == {"second": ["c.txt was not written by it"]}
    makers.remember_outputs("second", ["c.txt"], tmp_path)
    (tmp_path / "a.txt").write_bytes(b"first.txt\n")  # another end of line is not a change
    assert names() == []
    (tmp_path / "b.txt").unlink()
    assert "b.txt is missing" in makers.stale(tmp_path, chain)["first"]


def test_a_damaged_store(tmp_path):
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "made.json").write_text("{")
    with pytest.raises(CourseError, match=r"assets/made\.json is damaged: restore it"):
        makers.stale(tmp_path, {})


def test_the_store_names_makers():
    assert set(json.loads((ROOT / makers.STORE).read_text(encoding="utf-8"))) <= set(makers.MAKERS)


def test_parts_of_an_experiment_are_made_and_the_others_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "FOLDER", tmp_path)
    monkeypatch.setattr("sys.argv", ["x.py", "b"])
    known, made = ("a", "b"), iter(range(9))

    def run(part):
        yield {"part": part, "made": next(made)}

    def stored():
        found = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
        return [(row["part"], row["made"]) for row in found["rows"]], found["command"].split()[-2:]

    record.remake("x", "part", ["b"], known, run)
    assert stored() == ([("b", 0)], ["x", "b"])
    record.remake("x", "part", [], known, run, bits=2)
    assert stored() == ([("a", 1), ("b", 2)], ["a", "b"])
    record.remake("x", "part", ["a"], known, run)
    assert stored() == ([("a", 3), ("b", 2)], ["a", "b"])
    with pytest.raises(CourseError, match="There is no c in this experiment: choose from a, b."):
        record.remake("x", "part", ["c"], known, run)
