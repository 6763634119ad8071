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

import numpy as np
import pytest

from tests import ROOT
from tflite_course.models import model_path
from tflite_course.targets import golden

PROGRAM = ROOT / "assets" / "edge" / "read_digits.py"
UNIT = ROOT / "assets" / "edge" / "read-digits.service"
MODEL = model_path("mnist_small", "int8")

pytestmark = pytest.mark.skipif(os.name == "nt", reason="The program is for Linux: signals and sockets as there.")


def pgm(image, header=b"P5\n28 28\n255\n"):
    return header + np.asarray(image, np.uint8).tobytes()


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
    "wrong size": (b"P5\n64 48\n255\n" + bytes(64 * 48), "1.pgm has 64 x 48 pixels, the model takes 28 x 28: set the"),
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
    spec = importlib.util.spec_from_file_location("read_digits", PROGRAM)
    read_digits = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(read_digits)
    with pytest.raises(
        read_digits.Trouble, match=r"1.pgm cannot be read \(No such file or directory\): let the camera"
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


BAD_MODELS = {
    "missing": (None, "m.tflite cannot be read (No such file or directory): copy the model there."),
    "cut short": (lambda c: c[:9000], "m.tflite (9,000 bytes) is damaged or no .tflite model: copy it again."),
    "empty": (lambda c: b"", "m.tflite (0 bytes) is damaged or no .tflite model: copy it again."),
    "foreign": (lambda c: b"\x89PNG" * 99, "m.tflite (396 bytes) is damaged or no .tflite model: copy it again."),
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
    sentence = "m.tflite takes 5 values and gives 5: it is not a model for digits."
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
            said == "m.tflite (5,000 bytes) is damaged or no .tflite model: copy it again; the model before it goes on."
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


def test_the_led_follows_certainty(frames, tmp_path):
    led = tmp_path / "led"
    write(frames, "0.pgm", pgm(golden.golden_images(np.uint8)[0]))
    assert run(MODEL, frames, "--led", led)[1][0] == "0.pgm: 7 (100.0%)" and led.read_text() == "1"
    write(frames, "1.pgm", pgm(np.zeros((28, 28))))
    assert "1.pgm: not sure" in run(MODEL, frames, "--led", led, "--sure", "0.99")[1][1] and led.read_text() == "0"


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


def test_only_the_runtime_is_imported():
    tree = ast.parse(PROGRAM.read_text(encoding="utf-8"))
    names = [n.name for node in ast.walk(tree) if isinstance(node, ast.Import) for n in node.names]
    names += [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    foreign = {name.split(".")[0] for name in names} - sys.stdlib_module_names
    assert foreign == {"ai_edge_litert", "numpy"}


def test_the_unit(tmp_path):
    unit = UNIT.read_text(encoding="utf-8")
    program = PROGRAM.read_text(encoding="utf-8")
    assert "RestartPreventExitStatus=78" in unit and "NO_CONFIGURATION = 78" in program
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
