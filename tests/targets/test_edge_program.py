"""The program for the device: what it prints for good and bad input, its signs of life, and its systemd unit."""

import ast
import hashlib
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests import ROOT
from tflite_course.datasets import load_mnist
from tflite_course.models import model_path
from tflite_course.pad import center_like_mnist
from tflite_course.pad.strokes import draw_strokes, invent_digit
from tflite_course.targets import golden

PROGRAM = ROOT / "assets" / "edge" / "read_digits.py"
UNIT = ROOT / "assets" / "edge" / "read-digits.service"
MODEL = model_path("mnist_small", "int8")

pytestmark = pytest.mark.skipif(os.name == "nt", reason="The program is for Linux: signals and sockets as there.")


def load_program(path, name):
    """Import a file that belongs to no package."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


read_digits = load_program(PROGRAM, "read_digits")


def pgm(image):
    """Return a grey image as a binary PGM file."""
    image = np.asarray(image, np.uint8)
    return b"P5\n%d %d\n255\n" % image.shape[::-1] + image.tobytes()


def write(folder, name, content):
    """Write a frame in one step, as a camera must."""
    (folder / "frame.part").write_bytes(content)
    (folder / "frame.part").replace(folder / name)


def run(*arguments):
    """Run the program to its end; return its exit code and its lines, LiteRT's own left out."""
    command = [sys.executable, PROGRAM, *arguments, "--until-silence", "--patience", "0.3"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    return done.returncode, [line for line in done.stdout.splitlines() if not line.startswith("INFO")]


class Running:
    """The program in the background; says() waits for a line that contains a text."""

    def __init__(self, *arguments, **environment):
        self.process = subprocess.Popen(
            [sys.executable, PROGRAM, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **environment},
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def says(self, text):
        for line in self.process.stdout:
            if text in line:
                return line.strip()
        raise AssertionError(f"the program ended before it said '{text}'")


@pytest.fixture
def frames(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("name", [*golden.MODELS, "mnist_cnn_float32"])
def test_digits_are_those_of_the_golden_rows(name, frames):
    expected = golden.load_golden()[name][:20].argmax(axis=1)
    for number, image in enumerate(golden.golden_images(np.uint8)[:20]):
        write(frames, f"{number:03}.pgm", pgm(image))
    code, lines = run(golden.golden_files()[name], frames, "--sure", "0")
    assert code == 0 and [int(line.split()[1]) for line in lines[:-1]] == expected.tolist()
    assert lines[-1] == "No new frame in frames for 0.3 s: check the camera."


BAD_FRAMES = {
    "too small": (b"P5\n12 9\n255\n" + bytes(12 * 9), "1.pgm has 12 x 9 pixels, a frame has 14 to 4,096 a side: set"),
    "too large": (b"P5\n5000 28\n255\n" + bytes(5000 * 28), "1.pgm has 5000 x 28 pixels, a frame has 14 to 4,096"),
    "very large": (b"P5\n9000 9000\n255\n" + bytes(17_000_000), "1.pgm is larger than 4096 x 4096 pixels: set the"),
    "cut short": (b"P5\n28 28\n255\n" + bytes(300), "1.pgm holds 300 of 784 pixels: let the camera rename"),
    "too long": (b"P5\n28 28\n255\n" + bytes(785), "1.pgm holds 785 of 784 pixels"),
    "another format": (b"\x89PNG\r\n\x1a\n" + bytes(800), "1.pgm is not a binary PGM file with 8 bits: set the format"),
    "16 bits": (b"P5\n28 28\n65535\n" + bytes(2 * 784), "1.pgm is not a binary PGM file with 8 bits"),
    "text": (b"P2\n28 28\n255\n" + b"0 " * 784, "1.pgm is not a binary PGM file"),
    "empty": (b"", "1.pgm is not a binary PGM file"),
    "size with many digits": (b"P5\n99999999999 28\n255\n", "1.pgm has 99999999999 x 28 pixels"),
}


@pytest.mark.parametrize("content, sentence", BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_a_bad_frame_gets_a_sentence_and_the_loop_goes_on(content, sentence, frames):
    image = golden.golden_images(np.uint8)[0]
    for name, frame in (("0.pgm", pgm(image)), ("1.pgm", content), ("2.pgm", pgm(image))):
        write(frames, name, frame)
    code, lines = run(MODEL, frames)
    assert code == 0 and len(lines) == 4
    assert lines[1].startswith(sentence) and lines[1].endswith(".") and lines[1].count(". ") == 0
    assert lines[0].split(":")[1] == lines[2].split(":")[1]


def test_a_frame_that_nobody_may_read(frames):
    write(frames, "1.pgm", pgm(np.zeros((28, 28))))
    (frames / "1.pgm").chmod(0)
    if os.access(frames / "1.pgm", os.R_OK):
        pytest.skip("This user may read everything (root).")
    assert run(MODEL, frames)[1][0].startswith("1.pgm cannot be read (Permission denied)")


def test_a_frame_that_is_gone_when_it_is_read(tmp_path):
    with pytest.raises(
        read_digits.UserError, match=r"1.pgm cannot be read \(No such file or directory\): let the camera"
    ):
        read_digits.read_frame(tmp_path / "1.pgm")


def test_what_is_no_frame_is_left_alone(frames):
    (frames / "folder.pgm").mkdir()
    os.mkfifo(frames / "pipe.pgm")  # reading it would hang for ever
    (frames / "notes.txt").write_text("no frame")
    assert run(MODEL, frames) == (0, ["No new frame in frames for 0.3 s: check the camera."])


def test_a_folder_that_appears_later(tmp_path):
    with Running(MODEL, tmp_path / "later", "--patience", "0.2") as program:
        program.says("No new frame in later")
        program.says("No new frame in later")  # said again
        (tmp_path / "later").mkdir()
        write(tmp_path / "later", "1.pgm", pgm(golden.golden_images(np.uint8)[0]))
        assert program.says("1.pgm") == "1.pgm: 7 (100.0%)"


FOREIGN = "is no .tflite model: give the file that the converter wrote."
ZIP = "is a zip file, as .keras files are: convert the model in it to .tflite, and give that."
BAD_MODELS = {
    "missing": (None, "m.tflite cannot be read (No such file or directory): copy the model there."),
    "cut short": (lambda c: c[:9000], "m.tflite (9,000 bytes) is damaged: copy it again, or convert it anew."),
    "empty": (lambda c: b"", "m.tflite (0 bytes) is empty: copy it again."),
    "foreign": (lambda c: b"\x89PNG" * 99, f"m.tflite (396 bytes) {FOREIGN}"),
    "Keras": (lambda c: b"PK\x03\x04" + c, f"m.tflite (16,188 bytes) {ZIP}"),
}


@pytest.mark.parametrize("change, sentence", BAD_MODELS.values(), ids=BAD_MODELS)
def test_no_model_to_start_with(change, sentence, frames, tmp_path):
    if change:
        (tmp_path / "m.tflite").write_bytes(change(MODEL.read_bytes()))
    assert run(tmp_path / "m.tflite", frames) == (78, [sentence])


def test_every_length_of_a_cut_model_is_refused(frames, tmp_path):
    content = MODEL.read_bytes()
    for length in (3, 8, 500, len(content) // 2, len(content) - 1):
        (tmp_path / "m.tflite").write_bytes(content[:length])
        code, lines = run(tmp_path / "m.tflite", frames)
        assert code == 78 and len(lines) == 1, (length, lines)


def test_a_model_for_something_else(frames, tmp_path):
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([1, 5])])
    def double(x):
        return 2 * x

    converter = tf.lite.TFLiteConverter.from_concrete_functions([double.get_concrete_function()])
    (tmp_path / "m.tflite").write_bytes(converter.convert())
    sentence = (
        "m.tflite takes [1, 5] and gives [1, 5], not 28 x 28 grey values and ten numbers: it is not a model for digits."
    )
    assert run(tmp_path / "m.tflite", frames) == (78, [sentence])


def test_one_wrong_byte_is_caught_by_the_checksum(frames, tmp_path):
    content = bytearray(MODEL.read_bytes())
    file, checksum = tmp_path / "m.tflite", tmp_path / "m.tflite.sha256"
    file.write_bytes(content)
    checksum.write_text(f"{hashlib.sha256(content).hexdigest()}  m.tflite\n")
    assert run(file, frames)[0] == 0
    content[3000] ^= 255
    file.write_bytes(content)
    refused = (78, ["m.tflite is not the file that m.tflite.sha256 was made of: copy both again."])
    assert run(file, frames) == refused
    checksum.write_text("")
    assert run(file, frames) == refused
    checksum.write_bytes(b"\xff\xfe\x00")
    assert run(file, frames)[1] == ["m.tflite cannot be read (UnicodeDecodeError): copy the model there."]


def test_a_model_is_replaced_while_it_runs(frames, tmp_path):
    place, images = tmp_path / "m.tflite", golden.golden_images(np.uint8)

    def update(content):
        (tmp_path / "new").write_bytes(content)
        (tmp_path / "new").replace(place)

    update(MODEL.read_bytes())
    with Running(place, frames, "--patience", "60") as program:
        write(frames, "0.pgm", pgm(images[0]))
        assert program.says("0.pgm") == "0.pgm: 7 (100.0%)"
        update(MODEL.read_bytes()[:5000])
        said = program.says("goes on")
        assert (
            said == "m.tflite (5,000 bytes) is damaged: copy it again, or convert it anew; the model before it goes on."
        )
        write(frames, "1.pgm", pgm(images[1]))
        assert program.says("1.pgm") == "1.pgm: 2 (100.0%)"
        place.unlink()
        assert program.says("goes on").startswith("m.tflite cannot be read")
        update(model_path("mnist_nano", "int8").read_bytes())
        program.says("m.tflite: new model in use")
        write(frames, "2.pgm", pgm(images[2]))
        program.says("2.pgm: 1")
        program.process.terminate()
        assert program.process.wait(30) == 0


# Sends SIGTERM at the n-th line that runs after the start, of Python's own modules too, for many n.
TOLD_TO_STOP = """
import importlib.util, signal, sys

spec = importlib.util.spec_from_file_location("read_digits", sys.argv[1])
program = importlib.util.module_from_spec(spec)
spec.loader.exec_module(program)
program.load_model, program.PAUSE = lambda options: None, 0
sys.argv = ["read_digits", "m.tflite", sys.argv[2], "--patience", "1e9"]
for moment in range(40, 400):
    seen = 0

    def count(frame, event, argument):
        global seen
        seen += event == "line"
        if event == "line" and seen == moment:
            signal.raise_signal(signal.SIGTERM)
        return count

    def started(message):
        sys.settrace(count)
        sys._getframe(1).f_trace = count

    program.notify = started
    code = program.main()
    sys.settrace(None)
    assert code == 0, moment
print("stopped each time")
"""


def test_it_stops_wherever_it_is_told_to(frames):
    """A handler that takes a lock stands still where the loop holds it: once in some thousand stops."""
    command = [sys.executable, "-c", TOLD_TO_STOP, PROGRAM, frames]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "stopped each time\n", "")


def test_the_led_follows_certainty(frames, tmp_path):
    led = tmp_path / "led"
    write(frames, "0.pgm", pgm(golden.golden_images(np.uint8)[0]))
    assert run(MODEL, frames, "--led", led)[1][0] == "0.pgm: 7 (100.0%)" and led.read_text() == "1"
    write(frames, "1.pgm", pgm(golden.golden_images(np.uint8)[8]))  # 98.1 %
    assert "1.pgm: not sure" in run(MODEL, frames, "--led", led, "--sure", "0.99")[1][1] and led.read_text() == "0"
    led.write_text("1")
    write(frames, "2.pgm", pgm(np.zeros((28, 28))))
    assert run(MODEL, frames, "--led", led)[1][2] == "2.pgm: no digit" and led.read_text() == "0"


def test_an_led_that_is_not_there(frames, tmp_path):
    image = pgm(golden.golden_images(np.uint8)[0])
    write(frames, "0.pgm", image)
    write(frames, "1.pgm", image)
    _, lines = run(MODEL, frames, "--led", tmp_path / "none" / "led")
    assert lines[1] == "The LED led cannot be set (No such file or directory): check --led."
    assert lines[2].startswith("1.pgm: 7")


@pytest.fixture
def supervisor(tmp_path):
    """A socket such as systemd gives to a unit with Type=notify."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.settimeout(60)
        yield channel


def test_signs_of_life(supervisor, frames, tmp_path):
    settings = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
    with Running(MODEL, frames, "--patience", "60", **settings) as program:
        assert supervisor.recv(100) == b"READY=1"
        start = time.monotonic()
        assert [supervisor.recv(100) for _ in range(5)] == [b"WATCHDOG=1"] * 5
        assert time.monotonic() - start > 0.5, "half of WATCHDOG_USEC lies between two signs"
        program.process.send_signal(signal.SIGSTOP)
        supervisor.settimeout(3)
        with pytest.raises(TimeoutError):
            for _ in range(50):
                supervisor.recv(100)
        program.process.send_signal(signal.SIGCONT)
        program.process.terminate()
        messages = {supervisor.recv(100)}
        while b"STOPPING=1" not in messages:
            messages.add(supervisor.recv(100))
        assert program.process.wait(30) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="Abstract sockets are Linux's own.")
def test_signs_of_life_on_an_abstract_socket(frames):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        name = f"read-digits-{os.getpid()}"
        channel.bind("\0" + name)
        channel.settimeout(60)
        with Running(MODEL, frames, NOTIFY_SOCKET=f"@{name}"):
            assert channel.recv(100) == b"READY=1"


def test_not_ready_without_a_model(supervisor, frames, tmp_path):
    with Running(tmp_path / "none", frames, NOTIFY_SOCKET=str(tmp_path / "notify")) as program:
        assert program.process.wait(60) == 78
    supervisor.settimeout(0.2)
    with pytest.raises(TimeoutError):
        supervisor.recv(100)


# What a camera sends


def camera_frame(digit, rng, *, paper, ink, light=0):
    """Return a digit on a frame of 320 x 240, uint8, with noise; light: how much brighter the right edge is."""
    options = {"extent": rng.uniform(80, 180), "width": rng.uniform(9, 18), "offset": rng.uniform(-20, 20, 2)}
    frame = np.zeros((240, 320))
    frame[:, 40:280] = draw_strokes(invent_digit(digit, rng), size=240, **options) / 255
    frame = paper + (ink - paper) * frame + np.linspace(0, light, 320) + rng.normal(0, 6, frame.shape)
    return np.clip(frame, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def model():
    return read_digits.Model(MODEL.read_bytes(), "mnist_small")


@pytest.mark.parametrize(
    ("paper", "ink", "light"), [(210, 40, 0), (30, 220, 0), (180, 40, 60)], ids=["ink", "chalk", "uneven light"]
)
def test_digits_on_the_frames_of_a_camera(model, paper, ink, light):
    rng, right = np.random.default_rng(4), 0
    for number in range(60):
        frame = camera_frame(number % 10, rng, paper=paper, ink=ink, light=light)
        right += read_digits.infer(model, read_digits.find_digit(frame))[0] == number % 10
    assert right >= 55


def test_a_frame_is_cropped_and_centred_as_the_pad_does():
    canvas = draw_strokes(invent_digit(3, np.random.default_rng(1)), size=140, extent=70, width=9, offset=(20, -15))
    expected = np.round(center_like_mnist(canvas) * 255)
    for frame in (canvas, 255 - canvas):
        assert np.abs(read_digits.find_digit(frame) - expected).max() <= 1
    assert np.array_equal(read_digits.center(canvas), expected)


def test_images_of_mnist_stay_as_they_are_and_nearly_none_is_refused():
    images, refused = load_mnist(raw=True)[1][0], 0
    for number, image in enumerate(images):
        try:
            assert np.array_equal(read_digits.find_digit(image if number % 2 else 255 - image), image), number
        except read_digits.Refused:
            refused += 1
    assert refused < 10


def no_digits():
    """Yield (name, frame) of what a camera sends when there is no digit."""
    rng = np.random.default_rng(8)
    for size in ((28, 28), (120, 160)):
        yield "black", np.zeros(size)
        yield "white", np.full(size, 255)
        yield "grey", np.full(size, 128)
        yield "half black", np.repeat([[0, 255]], size[0], 0).repeat(size[1] // 2, 1)
        yield "one hot pixel", np.eye(*size) * (np.arange(size[0]) == 9)[:, None] * 255
        for _ in range(10):
            yield "noise", rng.integers(0, 256, size)
            yield "black and white noise", 255 * rng.integers(0, 2, size)
            yield "noise of a sensor", rng.normal(20, 6, size).clip(0, 255)
            for share in (0.01, 0.05, 0.1, 0.3, 0.5):
                yield "salt", 255 * (rng.random(size) < share)
                yield "pepper", 255 * (rng.random(size) > share)


def test_a_frame_without_a_digit_is_no_digit(frames):
    taken = []
    for name, frame in no_digits():
        try:
            read_digits.find_digit(frame.astype(np.uint8))
            taken.append((name, frame.shape))
        except read_digits.Refused:
            pass
    assert taken == []
    for number, value in enumerate((0, 255)):
        write(frames, f"{number}.pgm", pgm(np.full((28, 28), value)))
    assert run(MODEL, frames)[1][:2] == ["0.pgm: no digit", "1.pgm: no digit"]


def test_comments_in_the_header_of_a_frame(tmp_path):
    image = golden.golden_images(np.uint8)[0]
    (tmp_path / "1.pgm").write_bytes(b"P5\n# made by a camera\n28 28 # size\n255\n" + image.tobytes())
    assert np.array_equal(read_digits.read_frame(tmp_path / "1.pgm"), image)


# A folder that a camera fills day and night


def test_live_reads_the_newest_frame_and_the_folder_stays_small(frames):
    images = golden.golden_images(np.uint8)
    for number in range(3):
        write(frames, f"old_{number}.pgm", pgm(images[number]))
    (frames / "notes.txt").write_text("not a frame")
    with Running(MODEL, frames, "--live", "--patience", "60") as program:
        assert "3 frames from before the start were deleted" in program.says("from before the start")
        for number in range(5):
            write(frames, f"{number}.pgm", pgm(images[number]))
            program.says(f"{number}.pgm: {golden.load_golden()['labels'][number]}")
        write(frames, "bad.pgm", b"no frame")
        program.says("bad.pgm is not a binary PGM")
        program.process.terminate()
        program.process.wait(30)
    assert [path.name for path in frames.iterdir()] == ["notes.txt"]


def test_live_takes_the_newest_of_many(tmp_path):
    frames = read_digits.Frames(tmp_path, live=True)
    assert frames.next() is None
    for number in range(4):
        (tmp_path / f"{number}.pgm").touch()
        os.utime(tmp_path / f"{number}.pgm", ns=(0, number))
    assert frames.next().name == "3.pgm" and frames.next() is None
    assert [path.name for path in tmp_path.iterdir()] == ["3.pgm"]


def test_frames_that_cannot_be_deleted_are_said_and_read_once(tmp_path, monkeypatch):
    frames = read_digits.Frames(tmp_path, live=True)
    assert frames.next() is None
    (tmp_path / "1.pgm").touch()
    path = frames.next()
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(PermissionError(13, "not yours")))
    with pytest.raises(read_digits.UserError, match=r"1.pgm cannot be deleted \(not yours\): give the folder to"):
        frames.delete(path)
    assert frames.next() is None and path.exists()


def test_a_folder_is_listed_only_when_it_changes(tmp_path, monkeypatch):
    frames, listed = read_digits.Frames(tmp_path), []
    scan = os.scandir
    monkeypatch.setattr(read_digits.os, "scandir", lambda folder: listed.append(folder) or scan(folder))
    for number in range(200):
        (tmp_path / f"{number:03}.pgm").touch()
    os.utime(tmp_path, (1, 1))
    names = [frames.next().name for _ in range(200)]
    assert len(listed) == 1 and names == sorted(names)
    assert [frames.next() for _ in range(50)] == [None] * 50 and len(listed) == 1
    (tmp_path / "new.pgm").touch()
    assert frames.next().name == "new.pgm" and len(listed) == 2
    (tmp_path / "part").touch()
    (tmp_path / "part").replace(tmp_path / "new.pgm")  # the same name, another frame
    assert frames.next().name == "new.pgm"


def test_a_folder_with_many_frames_gets_a_hint_once(tmp_path, monkeypatch):
    monkeypatch.setattr(read_digits, "MANY", 3)
    frames = read_digits.Frames(tmp_path)
    for number in range(4):
        (tmp_path / f"{number}.pgm").touch()
    with pytest.raises(read_digits.UserError, match="more than 3 frames, each look takes longer: give --live"):
        frames.next()
    assert len([frames.next() for _ in range(4)]) == 4


# A model that LiteRT cannot take


def test_a_model_that_ends_the_runtime_is_refused_and_the_program_goes_on(monkeypatch, tmp_path):
    assert read_digits.signal_of(MODEL.read_bytes()) is None and read_digits.signal_of(b"no model") is None
    monkeypatch.setattr(read_digits, "start", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(read_digits.UserError, match=r"^LiteRT itself stops on m.tflite \(SIGKILL\): convert it anew"):
        read_digits.Model(MODEL.read_bytes(), "m.tflite")


@pytest.mark.parametrize(
    ("message", "sentence"),
    {
        "The model is not a valid Flatbuffer buffer": "is damaged: copy it again, or convert it anew",
        "Select TensorFlow op(s), included in the given model, is(are) not supported. Node number 0 (FlexErf) failed "
        "to prepare.": "needs the operator FlexErf, which LiteRT lacks here: convert it with TFLITE_BUILTINS only",
        "Encountered unresolved custom op: MyOp.\nSee instructions": "needs the operator MyOp, which LiteRT lacks here",
        "Encountered unresolved custom op: edgetpu-custom-op.": "was compiled for an Edge TPU: give the .tflite file",
        "Didn't find op for builtin opcode 'ADD' version '99'. An older version": "needs ADD in version 99: install a",
        "tensorflow/lite/kernels/conv.cc:343 a != b": "cannot run in LiteRT (tensorflow/lite/kernels/conv.cc:343 a !=",
    }.items(),
)
def test_what_litert_says_becomes_cause_and_cure(message, sentence):
    assert read_digits.explain(RuntimeError(message)).startswith(sentence)


@pytest.mark.parametrize(
    ("signature", "layout"),
    [
        ([1, 28, 28], (1, [28, 28])),
        ([28, 28], (None, [28, 28])),
        ([784], (None, [784])),
        ([-1, 784], (-1, [784])),
        ([-1, 28, 28, 1], (-1, [28, 28, 1])),
        ([1, 1, 28, 28], (1, [1, 28, 28])),
        ([32, 28, 28], (32, [28, 28])),
        ([28, 28, 28], (28, [28, 28])),
        ([28, 28, 1], (None, [28, 28, 1])),
        ([-1, -1, -1, 1], (-1, [28, 28, 1])),
        ([-1, 28, 28, 3], None),
        ([-1, 32, 32, 1], None),
        ([], None),
        ([1], None),
    ],
)
def test_the_layout_of_an_input(signature, layout):
    assert read_digits.find_layout(signature) == layout


# What lies beside the program


def test_the_check_of_the_device(tmp_path):
    count, rows = 40, golden.load_golden()["mnist_small"].copy()
    check = [sys.executable, PROGRAM.with_name("check_device.py"), MODEL, tmp_path / "golden.npz"]

    def run_check():
        np.savez_compressed(tmp_path / "golden.npz", images=golden.golden_images(np.uint8)[:count], rows=rows[:count])
        return subprocess.run(check, capture_output=True, text=True)

    done = run_check()
    assert done.returncode == 0 and done.stdout.startswith("reference  40 of 40 rows equal, 40 digits, ")
    assert re.fullmatch(r"XNNPACK    \d+ of 40 rows equal, 40 digits, \d+ us an image", done.stdout.splitlines()[1])
    rows[3, 3] += 1
    done = run_check()
    assert done.returncode == 1 and "39 of 40" in done.stdout and "kernels differ here" in done.stderr
    (tmp_path / "golden.npz").write_bytes(b"PK")
    done = subprocess.run(check, capture_output=True, text=True)
    assert done.returncode == 1 and "copy both files again." in done.stderr and "Traceback" not in done.stderr


def test_the_packages_of_the_device_are_those_of_the_course():
    pinned = (PROGRAM.parent / "requirements.txt").read_text(encoding="utf-8").split()
    wanted = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert [line.split("==")[0] for line in pinned] == ["ai-edge-litert", "numpy"]
    assert all(re.search(rf"^{re.escape(line)}\b", wanted, re.M) for line in pinned)


# first_prediction.py measures the way with TensorFlow, too
ON_THE_DEVICE = sorted(path for path in PROGRAM.parent.glob("*.py") if path.stem != "first_prediction")


@pytest.mark.parametrize("path", ON_THE_DEVICE, ids=lambda path: path.stem)
def test_only_the_runtime_is_imported(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [n.name for node in ast.walk(tree) if isinstance(node, ast.Import) for n in node.names]
    names += [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    foreign = {name.split(".")[0] for name in names} - sys.stdlib_module_names
    assert foreign == {"ai_edge_litert", "numpy"}


def test_the_unit(tmp_path):
    unit = UNIT.read_text(encoding="utf-8")
    program = PROGRAM.read_text(encoding="utf-8")
    assert "RestartPreventExitStatus=78" in unit and "NO_CONFIGURATION = 78" in program
    (command,) = re.findall("^ExecStart=(.+)$", unit, re.M)
    arguments = command.split()
    led = arguments[arguments.index("--led") + 1]
    assert "--live" in arguments, "the folder grows without it"
    # Who writes the LED and deletes frames is a user with a name: DynamicUser can do neither.
    assert "DynamicUser" not in unit and re.search("^User=digits$", unit, re.M)
    assert re.search(rf"^ExecStartPre=-\+/bin/sh .*chown digits {led}", unit, re.M)
    assert f"ReadWritePaths=-{arguments[-1]}" in unit and "install -d -o digits -g digits" in unit
    assert "Type=notify" in unit and "Restart=on-failure" in unit and re.search(r"^WatchdogSec=\d+$", unit, re.M)
    if not shutil.which("systemd-analyze"):
        pytest.skip("The unit is not verified: install the package systemd.")
    python = f"ExecStart={sys.executable} {PROGRAM}"  # the unit's own path exists on the device only
    copy = tmp_path / "read-digits.service"
    copy.write_text(re.sub(r"^ExecStart=\S+ \S+", lambda _: python, unit, flags=re.M))
    done = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True)
    assert done.returncode == 0 and "read-digits" not in done.stderr, done.stderr
    copy.write_text(copy.read_text().replace("WatchdogSec=10", "WatchdogSec=soon"))
    wrong = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True)
    assert "Failed to parse" in wrong.stderr, "systemd-analyze does not see a wrong unit here"
