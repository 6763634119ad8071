"""How values cross between a submission and its judge, and that the judge decides as the lab's own check does.

Both ends run here, in two threads of one process: no sandbox and no kernel.
"""

import contextlib
import json
import socket
import struct
import threading
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from tests.grading import outside
from tflite_course import labs
from tflite_course.grading.judge import answers, execute, models, process, wire
from tflite_course.grading.judge.proxy import Judge


@contextlib.contextmanager
def ends(**names):
    """Yield the judge's end of a connection to a notebook with these names."""
    ours, theirs = socket.socketpair()
    server = threading.Thread(target=answers.Answers(theirs, names).serve, daemon=True)
    server.start()
    try:
        yield Judge(ours, deadline=None)
    finally:
        ours.close()
        server.join(10)
        theirs.close()


def crossed(value):
    with ends(value=value) as judge:
        return judge.answer("value")


# --- plain data

PLAIN = [None, True, 3, -(10**30), 2.5, float("inf"), "ü", b"\0\1", bytearray(b"x"), 1 + 2j, ..., [1, [2.0]], (1, ())]
PLAIN += [{1, 2}, {"a": [1], 2: {"b": None}}, np.int8(-3), np.float32(0.1), np.bool_(True), np.str_("x"), np.int8, int]
PLAIN += [np.dtype("int8")]


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_plain_data_crosses_as_it_is(value):
    found = crossed(value)
    assert type(found) is type(value) and found == value


@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int64", "float16", "float32", "bool", "U3", "datetime64[s]", ">i4"]
)
@pytest.mark.parametrize("shape", [(), (0, 3), (4, 5), (2, 3, 4)])
def test_arrays_cross_as_they_are(dtype, shape):
    value = np.zeros(shape, dtype)
    found = crossed(value)
    assert type(found) is np.ndarray and found.dtype == value.dtype and found.shape == value.shape
    assert np.array_equal(found, value) and found.flags.writeable


def test_nan_and_order_cross():
    value = np.asfortranarray(np.array([[1.5, np.nan], [-0.0, np.inf]], np.float32))
    np.testing.assert_array_equal(crossed(value), value)
    assert np.isnan(crossed(float("nan")))


class Claims:
    """Claims to equal everything, and to be a number."""

    def __eq__(self, other):
        return True

    def __float__(self):
        return 2.0


def test_other_objects_stay_there():
    found = crossed([Claims(), np.array([None])])
    assert type(found[0]).__name__ == "Claims" and not labs.same(found[0], 2.0) and found[0] != 2.0
    assert type(found[1]).__name__ == "ndarray" and not isinstance(found[1], np.ndarray)
    assert not callable(found[0])


def test_a_path_is_a_path():
    assert crossed(Path("work") / "x.tflite") == PurePosixPath("work/x.tflite")


# --- calls


def test_functions_are_called_there():
    with ends(double=lambda x, *, by=2: by * x) as judge:
        double = judge.answer("double")
        assert callable(double) and double(np.int8(4)) == 8 and double(3, by=3) == 9
        assert judge.answer("(double, 1)")[0](1.5) == 3.0


def test_changes_of_arguments_are_seen():
    def change(array, items, table):
        array += 1
        items.append(4)
        table["new"] = 1

    with ends(change=change) as judge:
        given = np.zeros(3, np.float32), [1], {}
        judge.answer("change")(*given)
        assert np.array_equal(given[0], [1, 1, 1]) and given[1:] == ([1, 4], {"new": 1})


def test_what_was_returned_can_be_read_again():
    kept = np.zeros(2)

    def give():
        return [kept]

    with ends(give=give) as judge:
        first = judge.answer("give")()
        kept[:] = 7
        assert np.array_equal(first[0], [0, 0]) and np.array_equal(judge.again(first)[0], [7, 7])


def test_a_callback_runs_in_the_judge_and_its_error_comes_back_as_it_was():
    seen, mine = [], ValueError("bad frame")

    def act(value):
        seen.append(value)
        if value == 2:
            raise mine

    def loop(act, catch):
        for value in (1, 2, 3):
            try:
                act(value)
            except catch_of(catch):
                seen.append("caught")

    def catch_of(name):
        return {"ValueError": ValueError, "KeyError": KeyError}[name]

    with ends(loop=loop) as judge:
        judge.answer("loop")(act, "ValueError")
        assert seen == [1, 2, "caught", 3]
        with pytest.raises(ValueError) as raised:
            judge.answer("loop")(act, "KeyError")
        assert raised.value is mine


@pytest.mark.parametrize("kind", [ValueError, FileNotFoundError, UnicodeDecodeError, SystemExit, KeyboardInterrupt])
def test_errors_have_their_kind_and_text(kind):
    class Own(kind):
        def __init__(self, *_):
            pass

        def __str__(self):
            return "why\nso"

    def fail():
        raise Own()

    with ends(fail=fail) as judge:
        fail = judge.answer("fail")
        with pytest.raises(kind) as raised:
            fail()
        assert type(raised.value).__name__ == "Own" and str(raised.value) == "why\nso"


def test_generators_and_objects_with_methods():
    def count():
        for k in range(10**9):
            yield [np.full(2, k)]

    with ends(count=count, text=iter("ab"), paths=PurePosixPath) as judge:
        found = judge.answer("count")()
        assert [int(sample[0][0]) for sample, _ in zip(found, range(3), strict=False)] == [0, 1, 2]
        assert list(judge.answer("text")) == ["a", "b"]
        assert judge.answer("paths")("a/b") == PurePosixPath("a/b")
        assert hasattr(judge.answer("count()"), "send") and not hasattr(judge.answer("count"), "convert")


def test_a_folder_is_made_again_at_the_same_place(tmp_path, monkeypatch):
    import os
    import shutil
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("GRADE_SANDBOX", "1")
    folder = tmp_path / "place" / "digits"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.bin").write_bytes(b"12345")
    os.link(folder / "deep" / "a.bin", folder / "b.bin")
    (folder / "link").symlink_to("deep", target_is_directory=True)
    gone = []

    def look(path):
        shutil.rmtree(folder / "deep") if gone else gone.append(path)
        return sorted(p.name for p in path.rglob("*")), (path / "deep/a.bin").samefile(path / "b.bin"), path.is_dir()

    with ends(look=look) as judge:
        assert judge.answer("look")(folder) == (["a.bin", "b.bin", "deep", "link"], True, True)
        with pytest.raises(TypeError, match="only temporary folders"):
            judge.answer("look")(Path("/etc/passwd"))


# --- what a submission may send instead


def talk(*messages):
    """Return what the judge makes of messages that come in place of an answer."""
    ours, theirs = socket.socketpair()
    for message in messages:
        theirs.sendall(message)
    theirs.shutdown(socket.SHUT_WR)
    request = {"lab": outside.LAB, "exercise": "fits", "expression": "fits", "seed": 1, "seconds": 5}
    with ours, theirs:
        return process.decide(ours, request)


def framed(header):
    text = json.dumps(header).encode()
    return struct.pack(">QI", len(text) + 4, len(text)) + text


FORGED = {
    "nothing": b"",
    "noise": b"\xff" * 40,
    "a huge length": struct.pack(">QI", 2**60, 10),
    "no JSON": struct.pack(">QI", 8, 4) + b"{{{{",
    "deep JSON": struct.pack(">QI", 200_004, 200_000) + b"[" * 200_000,
    "a verdict": framed({"points": 2.0, "text": "Right.", "hint": None, "blobs": []}),
    "points as the answer": framed({"v": 2.0, "blobs": []}),
    "blobs that are not there": framed({"v": {"t": "bytes", "v": 7}, "blobs": []}),
    "a blob of negative length": framed({"v": 1, "blobs": [-5]}),
    "an unknown tag": framed({"v": {"t": "eval", "v": "print(1)"}, "blobs": []}),
    "an object array": framed({"v": {"t": "array", "dtype": "|O", "shape": [1], "v": 0}, "blobs": []}),
    "an empty array of a huge shape": framed(
        {"v": {"t": "array", "dtype": "<f4", "shape": [0, 2**30], "v": 0}, "blobs": []}
    ),
    "an object of the judge": framed({"v": {"t": "yours", "n": 0}, "blobs": []}),
    "a question to the judge": framed({"do": "value", "v": "__import__('os')", "blobs": []}),
    "an attribute of the judge": framed({"do": "getattr", "of": 0, "v": "objects", "blobs": []}),
    "an error with points": framed({"error": {"kinds": ["Partly"], "text": "2", "yours": 0}, "blobs": []}),
    "an error that is none": framed({"error": 3, "blobs": []}),
    "a model with code": framed({"v": {"t": "model", "n": 0, "name": "M", "kind": "graph", "json": "{}"}, "blobs": []}),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_message_is_worth_nothing(name):
    verdict = talk(FORGED[name])
    assert verdict["points"] == 0.0 and "\n" not in verdict["hint"]


def test_only_listed_layers_are_built():
    """A description that names code is refused before Keras sees it."""
    layer = {"class_name": "Lambda", "module": "keras.layers", "config": {"function": ["aGk="]}}
    nested = {"class_name": "Dense", "module": "os", "config": {"name": "x"}}
    operation = {"module": "tf_keras.src.layers.core.tf_op_layer", "class_name": "TFOpLambda"}
    wrapper = {"class_name": "QuantizeWrapperV2", "module": "evil.package", "config": {}}
    function = {"class_name": "function", "module": "builtins", "config": "eval"}
    for entry in (layer, nested, operation | {"config": {"function": "io.write_file"}}, wrapper, function):
        with pytest.raises(wire.Unreadable, match="cannot be judged"):
            models._allow({"class_name": "Sequential", "config": {"layers": [entry]}})
    models._allow(operation | {"config": {"function": "expand_dims"}})


# --- the judge decides as the lab's own check


@pytest.mark.parametrize("lab", [outside.LAB, "lab_7_linux_program", "lab_10_gestures"])
def test_known_mistakes_get_their_hints_from_outside(lab):
    """Each known mistake of a lab, and the right function, answered over a connection."""
    for name, exercise in labs.load_exercises(lab).items():
        for number, mistake in enumerate(exercise.mistakes):
            ours, theirs = socket.socketpair()
            server = answers.Answers(theirs, {"answer": mistake.answer})
            threading.Thread(target=server.serve, daemon=True).start()
            request = {"lab": lab, "exercise": name, "expression": "answer", "seed": number, "seconds": 60}
            with ours, theirs:
                verdict = process.decide(ours, request)
            assert (verdict["points"], verdict["hint"]) == (0.0, mistake.hint), f"{lab} {name}"


def test_the_text_is_that_of_the_lab(capsys):
    exercise = labs.load_exercises(outside.LAB)["fits"]
    with ends(fits=exercise.right):
        pass
    labs.check(outside.LAB, "fits", exercise.mistakes[0].answer)
    said = capsys.readouterr().out
    verdict = process._verdict(exercise, 0.0, exercise.mistakes[0].hint)
    assert verdict["text"] + "\n" == said


def test_check_cells_are_read():
    source = 'x = 1\ncheck("lab_9", "dense", (a, b[0]))\n### BEGIN HIDDEN TESTS\ncheck("lab_9", "dense", 0, seed=4)\n'
    assert execute.find_check(source) == ("lab_9", "dense", "(a, b[0])")
    assert execute.find_check("assert dense(1) == 2") is None
    assert execute.names_of("a = b, (c := 1)\ndef d(): e = 1\nclass F: pass\nx.y = 1") >= {"a", "d", "F"}
    assert execute.names_of("def (") == set()


def test_no_tensorflow_for_labs_that_need_none():
    import subprocess
    import sys

    code = "import sys; from tflite_course.grading.judge import process; process.warm('lab_9_microcontroller')"
    code += "; process.warm('lab_10_gestures'); print([m for m in ('tensorflow', 'tf_keras') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_the_pages_for_marking_use_the_sandbox(tmp_path):
    """The settings that are written for nbgrader's pages: their own button "Autograde" takes this step too."""
    from traitlets.config import Config

    from tflite_course.grading import feedback

    settings = Config()
    text = feedback.write_formgrader_settings(tmp_path).read_text(encoding="utf-8")
    exec(compile(text, "nbgrader_config.py", "exec"), {"get_config": lambda: settings})
    assert settings.Autograde.autograde_preprocessors[0] is execute.Execute
    assert settings.Execute.sandboxed is True and settings.HTMLExporter.sanitize_html is True
