"""Lesson 17: the recordings of the watch, its windows, the shipped network, the program that listens to a sensor."""

import io
import json
import pickle
import runpy
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.same_model import differences
from tflite_course import datasets, evaluation, sensors
from tflite_course.errors import CourseError
from tflite_course.resources import resource
from tflite_course.targets import golden, tflm

PROGRAM = resource("assets/edge/gestures.py")
MODEL = resource("assets/models/watch_int8.tflite")


@pytest.fixture(scope="module")
def recordings():
    return datasets.load_watch()


@pytest.fixture(scope="module")
def program():
    return runpy.run_path(str(PROGRAM))


@pytest.fixture(scope="module")
def script():
    from tflite_course.authoring.models import train_watch

    return vars(train_watch)


@pytest.fixture(scope="module")
def quantized(recordings):
    """Return (windows of the unseen persons as the int8 model takes them, their exercises)."""
    unseen = [recording for recording in recordings if recording.person in sensors.TEST_PERSONS]
    windows, exercises, _ = sensors.cut_windows(unseen)
    details = evaluation.make_interpreter(MODEL).get_input_details()[0]
    return evaluation.quantize_input(windows, details), exercises


# The recordings


def test_recordings(recordings):
    keys = [(r.person, r.side, r.exercise) for r in recordings]
    assert keys == [(p, s, e) for p in range(1, 11) for s in ("left", "right") for e in range(7)]
    assert all(r.samples.dtype == np.float32 and r.samples.shape[1] == 6 for r in recordings)
    assert sum(len(r.samples) for r in recordings) == 244_102
    # a resting sensor measures gravity: in g, and in the first three axes
    lengths = [np.linalg.norm(r.samples[:, :3].mean(axis=0)) for r in recordings if r.exercise == 0]
    assert 0.9 < min(lengths) and max(lengths) < 1.4
    assert len(datasets.WATCH_EXERCISES) == 7 and len(datasets.WATCH_AXES) == 6


@pytest.mark.parametrize("damage", ["cut", "empty", "gone"])
def test_damaged_recordings(tmp_path, damage):
    content = resource("data/watch.npz").read_bytes()
    if damage != "gone":
        (tmp_path / "watch.npz").write_bytes({"cut": content[:-1000], "empty": b""}[damage])
    with pytest.raises(CourseError, match=r"watch\.npz .*`git checkout .*make_watch`"):
        datasets.load_watch(tmp_path / "watch.npz")


@pytest.fixture(scope="module")
def maker():
    from tflite_course.authoring.data import make_watch

    return vars(make_watch)


def test_a_pickle_that_runs_commands_is_refused(maker):
    class Attack:
        def __reduce__(self):
            import os

            return os.getcwd, ()

    with pytest.raises(SystemExit, match="asks for posix.getcwd|asks for nt.getcwd"):
        maker["ArraysOnly"](io.BytesIO(pickle.dumps({"X": Attack()}))).load()


def test_another_wheel_is_refused(maker, tmp_path):
    (tmp_path / "seglearn.whl").write_bytes(b"PK")
    with pytest.raises(SystemExit, match="not the published one: nothing was written"):
        maker["read_wheel"](tmp_path / "seglearn.whl")


# Windows


def test_windows_are_the_samples(recordings):
    windows, exercises, persons = sensors.cut_windows(recordings[:9])
    assert windows.dtype == np.float32 and windows.shape[1:] == (128, 1, 6)
    assert (
        len(windows) == len(exercises) == len(persons) == sum((len(r.samples) - 128) // 32 + 1 for r in recordings[:9])
    )
    first = sensors.prepare_samples(recordings[0].samples, "left")
    assert np.array_equal(windows[2, :, 0], first[64:192])
    assert exercises[-1] == recordings[8].exercise and set(persons.tolist()) == {1}


def test_mirror_makes_a_left_arm_a_right_arm(recordings):
    """Over all persons the mean of every axis agrees better after the mirror than before it."""

    def distance(mirror):
        means = {"left": [], "right": []}
        for r in recordings:
            means[r.side].append(sensors.prepare_samples(r.samples, r.side, mirror=mirror).mean(axis=0))
        return np.abs(np.array(means["left"]) - np.array(means["right"])).mean()

    assert distance(True) < 0.5 * distance(False)


def test_vary_keeps_what_it_should(recordings):
    one, rng = recordings[0], np.random.default_rng(0)
    same = sensors.vary(one, rng, turn=0, stretch=0, gain=0)
    assert np.allclose(same.samples, one.samples[:-1], atol=1e-5)
    turned = sensors.vary(one, rng, turn=40, stretch=0, gain=0)
    for axes in (slice(0, 3), slice(3, 6)):  # a turn changes directions, never lengths
        lengths = np.linalg.norm(turned.samples[:, axes], axis=1)
        assert np.allclose(lengths, np.linalg.norm(one.samples[:-1, axes], axis=1), atol=1e-4)
    assert not np.allclose(turned.samples, one.samples[:-1], atol=0.05)
    assert turned[1:] == one[1:] and turned.samples.dtype == np.float32


@pytest.mark.parametrize(
    ("samples", "side", "message"),
    [
        (np.zeros((10, 3)), "left", r"\(n, 6\), these have \(10, 3\)"),
        (np.zeros(6), "left", "give ax, ay, az, wx, wy, wz"),
        (np.zeros((10, 6)), "Left", "'left' or 'right'"),
        (np.where(np.arange(60).reshape(10, 6) == 20, np.nan, 0), "left", "Sample 3 .* not a finite number"),
        (np.where(np.arange(60).reshape(10, 6) == 20, np.inf, 0), "right", "Sample 3 .* not a finite number"),
    ],
)
def test_bad_samples(samples, side, message):
    with pytest.raises(CourseError, match=message):
        sensors.prepare_samples(samples, side)


def test_recordings_that_are_too_short(recordings):
    with pytest.raises(CourseError, match="No recording has 9000 samples"):
        sensors.cut_windows(recordings, size=9000)


# The network


def test_shipped_files_come_from_the_checkpoint(script, recordings):
    learned, unseen = script["split_by_person"](recordings)
    assert {r.person for r in unseen} == set(sensors.TEST_PERSONS) and len(learned) + len(unseen) == 140
    for variant, content in script["convert"](script["restore"](), script["calibration"](learned)).items():
        shipped = resource(f"assets/models/watch_{variant}.tflite").read_bytes()
        assert differences(content, shipped) == [], variant


def test_record_tells_the_truth(quantized):
    record = json.loads(resource("assets/models/watch.json").read_text(encoding="utf-8"))
    values, exercises = quantized
    accuracy = np.mean(evaluation.invoke(MODEL, values, batch=1).argmax(axis=1) == exercises)
    assert record["int8"] == {"accuracy": round(float(accuracy), 4), **evaluation.size_ledger(MODEL)}
    assert record["windows"] == len(exercises)
    assert accuracy > 0.8 and abs(record["int8"]["accuracy"] - record["float32"]["accuracy"]) < 0.01


def test_int8_model_is_fit_for_a_target():
    interpreter = evaluation.make_interpreter(MODEL)
    for details, shape in (
        (interpreter.get_input_details()[0], [1, 128, 1, 6]),
        (interpreter.get_output_details()[0], [1, 7]),
    ):
        assert details["dtype"] == np.int8 and details["shape_signature"].tolist() == shape
    operators = {entry["op_name"] for entry in evaluation.operators(interpreter)}
    assert operators <= {"CONV_2D", "AVERAGE_POOL_2D", "RESHAPE"}


def test_micro(quantized):
    pytest.importorskip("tflite_micro", reason="TFLM needs the package tflite-micro (Linux on x86-64)")
    record = json.loads(resource("assets/models/watch.json").read_text(encoding="utf-8"))["micro"]
    values, _ = quantized
    content = MODEL.read_bytes()
    assert tflm.smallest_arena(content) == record["arena"] < 16_384
    rows = tflm.run(content, values, record["arena"])
    assert golden.agreement(rows, golden.run_litert(content, values))["bit_exact"] == len(values) == record["windows"]


def test_experiment_holds_what_the_lesson_says():
    rows = json.loads(resource("assets/experiments/watch.json").read_text(encoding="utf-8"))["rows"]

    def mean(kind, name):
        return np.mean([row["accuracy"] for row in rows if (row["kind"], row["name"]) == (kind, name)])

    assert mean("split", "by window") > mean("split", "by time") > mean("recipe", "and mirror") + 0.03
    assert mean("recipe", "and variations") > mean("recipe", "short windows") + 0.03
    assert {row["person"] for row in rows if row["kind"] == "person"} == set(range(1, 11))


# The program


def csv(samples):
    return "".join(",".join(f"{value:.4f}" for value in sample) + "\n" for sample in samples)


def lines_of(recordings, side="right", exercises=(0, 6), count=600):
    """Return two exercises of person 9, as text lines."""
    chosen = [r for r in recordings if (r.person, r.side) == (9, side) and r.exercise in exercises]
    return csv(np.concatenate([r.samples[:count] for r in chosen])).splitlines(keepends=True)


def run(*arguments, text="", model=MODEL):
    command = [sys.executable, str(PROGRAM), str(model), *map(str, arguments)]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)


def test_program_knows_the_course_by_heart(program):
    """It is copied to a device alone, so it repeats these."""
    assert program["NAMES"] == datasets.WATCH_EXERCISES and program["RATE"] == datasets.WATCH_RATE
    assert np.array_equal(program["MIRROR"], sensors.MIRROR) and np.array_equal(program["UNITS"], sensors.UNITS)
    assert program["LIMIT"] == sensors.LIMIT
    samples = np.random.default_rng(0).normal(0, 3, (50, 6)).astype(np.float32)
    for side in ("left", "right"):
        assert np.array_equal(program["prepare"](samples, side), sensors.prepare_samples(samples, side))


def test_program_imports_no_tensorflow():
    text = PROGRAM.read_text(encoding="utf-8")
    assert "tensorflow" not in text.lower().replace("no tensorflow", "") and "tflite_course" not in text


@pytest.mark.parametrize("size", [1, 3, 128])
def test_ring_is_the_end_of_the_stream(program, size):
    ring, samples = program["Ring"](size), np.random.default_rng(0).normal(size=(3 * size + 2, 6)).astype(np.float32)
    for number, sample in enumerate(samples, 1):
        ring.push(sample)
        expected = samples[number - size : number] if number >= size else None
        assert (ring.window() is None) if expected is None else np.array_equal(ring.window(), expected)


def test_decision_is_slow_to_begin_and_slow_to_end(program):
    def shares(best, value):
        rest = np.full(7, (1 - value) / 6)
        rest[best] = value
        return rest

    decision, seen = program["Decision"](), []
    for value in [shares(2, 0.99)] * 5 + [shares(4, 0.99)] + [shares(2, 0.99)] * 3 + [shares(4, 0.5)] * 6:
        decision.step(value)
        seen.append(decision.answer)
    assert seen[0] is None and seen[4] == 2  # not on the first window
    assert seen[5:9] == [2, 2, 2, 2]  # one window of something else changes nothing
    assert seen[-1] is None  # nothing is sure any more
    decision.clear()
    assert decision.answer is None and not decision.mean.any()


def test_a_stream_is_named(recordings, tmp_path):
    for side in ("right", "left"):
        done = run("--arm", side, text="".join(lines_of(recordings, side)))
        names = [line.split(" ", 1)[1] for line in done.stdout.splitlines()]
        assert done.returncode == 0 and done.stderr == ""
        assert names[0] == "pendulum" and "bent-over row" in names and names[-1] == "none", (side, names)


def test_led_and_ports(recordings, tmp_path):
    (tmp_path / "samples.csv").write_text("".join(lines_of(recordings)), encoding="utf-8")
    led, out = tmp_path / "led", tmp_path / "out.txt"
    out.write_text("kept\n", encoding="utf-8")
    led.write_text("1", encoding="utf-8")
    done = run("--read", tmp_path / "samples.csv", "--write", out, "--led", led)
    assert done.returncode == 0 and done.stdout == done.stderr == ""
    written = out.read_text(encoding="utf-8").splitlines()
    assert written[0] == "kept" and written[1].endswith("pendulum") and written[-1].endswith("none")
    assert led.read_text(encoding="utf-8") == "0"  # off at the end


NONSENSE = [
    "nan,nan,nan,nan,nan,nan\n",
    "1,2,3\n",
    "\n",
    "hello\n",
    "inf,0,0,0,0,0\n",
    "0,0,0,0,0,0,0\n",
    "1e99,0,0,0,0,0\n",
]


def test_nonsense_is_said_once_and_nothing_is_lost(recordings):
    lines = lines_of(recordings)
    good = run(text="".join(lines))
    broken = lines.copy()
    for number, text in enumerate(NONSENSE):
        broken[300 + 5 * number] = text
    done = run(text="".join(broken))
    assert done.returncode == 0 and done.stdout == good.stdout
    first, last = done.stderr.splitlines()
    assert first.startswith("Line 301 is not six finite numbers ('nan,") and first.endswith("stands in.")
    assert last == f"{len(NONSENSE)} of {len(lines)} lines were not samples."


def test_a_sensor_that_only_sends_nan_switches_the_answer_off(recordings):
    lines = lines_of(recordings, exercises=(0,), count=600)
    done = run(text="".join(lines + ["nan,nan,nan,nan,nan,nan\n"] * 200 + lines))
    names = [line.split(" ", 1)[1] for line in done.stdout.splitlines()]
    assert names == ["pendulum", "none", "pendulum", "none"]
    assert "25 bad lines in a row: check the sensor; waiting for good ones." in done.stderr
    assert float(done.stdout.splitlines()[1].split()[0]) == (600 + 25) / 50  # the clock went on


def start(*arguments):
    command = [sys.executable, str(PROGRAM), str(MODEL), *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_a_sensor_that_pauses(recordings):
    lines = lines_of(recordings, exercises=(0,), count=900)
    process = start("--patience", "0.5")
    process.stdin.write("".join(lines[:450]))
    process.stdin.flush()
    assert process.stderr.readline() == "No sample for 0.5 s: check the sensor and its cable; waiting.\n"
    out, messages = process.communicate("".join(lines[450:]), timeout=60)
    assert messages == "The sensor is back.\n" and process.returncode == 0
    times = [float(line.split()[0]) for line in out.splitlines()]
    assert [line.split(" ", 1)[1] for line in out.splitlines()] == ["pendulum", "none", "pendulum", "none"]
    assert times[1] == 9.0  # off in the pause, after what was written before it
    assert times[2] >= 9 + 128 / 50  # on again only with a whole window from after the pause


def test_a_sensor_that_never_comes_back(recordings):
    process = start("--patience", "0.3", "--give-up", "1")
    process.stdin.write("".join(lines_of(recordings, exercises=(0,))))
    process.stdin.flush()
    begin = time.monotonic()
    assert process.wait(timeout=60) == 3 and time.monotonic() - begin < 30
    assert process.stderr.read().splitlines()[1:] == ["No sample for 1 s: the program ends, start it anew."]
    assert [line.split(" ", 1)[1] for line in process.stdout.read().splitlines()] == ["pendulum", "none"]
    process.stdin.close()
    process.stdout.close()
    process.stderr.close()


@pytest.mark.parametrize("kept", [0, 100, 0.5, "text", "other", "gone"])
def test_wrong_model(tmp_path, kept):
    content, path = MODEL.read_bytes(), tmp_path / "mine.tflite"
    if kept == "text":
        path.write_text("<html>not found</html>", encoding="utf-8")
    elif kept == "other":
        path.write_bytes(resource("assets/models/mnist_tiny_int8.tflite").read_bytes())
    elif kept != "gone":
        path.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    done = run(model=path)
    assert done.returncode == 78 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and "mine.tflite" in done.stderr, done.stderr
    assert any(word in done.stderr for word in ("copy it there", "copy watch_int8.tflite", "give watch_int8.tflite"))


@pytest.mark.parametrize("option", ["--read", "--write", "--led"])
def test_a_port_that_is_not_there(tmp_path, option):
    done = run(option, tmp_path / "no" / "port", text="")
    assert done.returncode in (3, 78) and done.stderr.count("\n") == 1 and "check" in done.stderr
