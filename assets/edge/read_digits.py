"""Read digits from the frames of a camera, on a small Linux computer. Needs ai-edge-litert and numpy, nothing else.

    python read_digits.py MODEL FRAMES

MODEL: a .tflite file for 28 x 28 grey images. A file MODEL.sha256 beside it, as sha256sum writes it, is checked.
A model that is replaced while the program runs is taken over; a bad one is refused, the old one goes on.
FRAMES: the folder in which the camera puts its pictures: binary PGM files (P5), 28 x 28, bright ink on black.
The camera must write each file under another suffix and rename it to .pgm when it is complete.

It ends with 0 when it is told to stop (SIGTERM), and with 78 when there is no model that it could start with:
a new start would not help. Everything else is said in one sentence, and the loop goes on.
"""

import argparse
import hashlib
import os
import re
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

SIDE = 28
NO_CONFIGURATION = 78  # EX_CONFIG of sysexits.h; the systemd unit does not restart after it
PAUSE = 0.05  # seconds between two looks into an empty folder


class Trouble(Exception):
    """What is wrong and what helps, in one sentence."""


def load_model(path):
    """Return an Interpreter of the model that has run once. Raises Trouble."""
    try:
        content = path.read_bytes()
        checksum = path.with_name(path.name + ".sha256")
        wanted = checksum.read_text().split() if checksum.exists() else None
    except (OSError, UnicodeError) as error:
        raise Trouble(f"{path.name} cannot be read ({reason(error)}): copy the model there") from None
    if wanted is not None and wanted[:1] != [hashlib.sha256(content).hexdigest()]:
        raise Trouble(f"{path.name} is not the file that {checksum.name} was made of: copy both again")
    try:
        interpreter = Interpreter(model_content=content, num_threads=1)
        interpreter.allocate_tensors()
        interpreter.invoke()  # the first run is slow: not while a frame waits
    except (ValueError, RuntimeError):
        raise Trouble(f"{path.name} ({len(content):,} bytes) is damaged or no .tflite model: copy it again") from None
    sizes = [int(np.prod(d[0]["shape"])) for d in (interpreter.get_input_details(), interpreter.get_output_details())]
    if sizes != [SIDE * SIDE, 10]:
        raise Trouble(f"{path.name} takes {sizes[0]} values and gives {sizes[1]}: it is not a model for digits")
    return interpreter


def read_frame(path):
    """Return a frame, uint8 (28, 28). Raises Trouble."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Trouble(f"{path.name} cannot be read ({reason(error)}): let the camera keep its files longer") from None
    header = re.match(rb"P5\s+(\d+)\s+(\d+)\s+255\s", content)
    if header is None:
        raise Trouble(f"{path.name} is not a binary PGM file with 8 bits: set the format of the camera")
    width, height = int(header[1]), int(header[2])
    if (width, height) != (SIDE, SIDE):
        raise Trouble(f"{path.name} has {width} x {height} pixels, the model takes {SIDE} x {SIDE}: set the camera")
    pixels = np.frombuffer(content, np.uint8, offset=header.end())
    if len(pixels) != SIDE * SIDE:
        raise Trouble(f"{path.name} holds {len(pixels)} of {SIDE * SIDE} pixels: let the camera rename complete files")
    return pixels.reshape(SIDE, SIDE)


def prepare(image, details):
    """Return a frame as the input tensor: grey values from 0 to 1, quantized when the model asks for it."""
    real = image.reshape(details["shape"]) / np.float32(255)
    if details["dtype"] == np.float32:
        return real
    (scale, zero_point), limits = details["quantization"], np.iinfo(details["dtype"])
    return np.clip(np.round(real / scale) + zero_point, limits.min, limits.max).astype(details["dtype"])


def infer(interpreter, image):
    """Return (digit, its probability) for a frame."""
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    interpreter.set_tensor(source["index"], prepare(image, source))
    interpreter.invoke()
    logits = interpreter.get_tensor(target["index"])[0].astype(np.float64)
    if target["dtype"] != np.float32:
        logits = (logits - target["quantization"][1]) * target["quantization"][0]
    powers = np.exp(logits - logits.max())
    return int(logits.argmax()), float(powers.max() / powers.sum())


def act(name, digit, probability, options):
    """Say the digit, and light the LED while the program is sure of one. Raises Trouble."""
    sure = probability >= options.sure
    print(f"{name}: {digit if sure else 'not sure'} ({probability:.1%})", flush=True)
    if options.led:
        try:
            options.led.write_text("1" if sure else "0")
        except OSError as error:
            raise Trouble(f"The LED {options.led.name} cannot be set ({reason(error)}): check --led") from None


def next_frame(folder, last):
    """Return ((time, name), path) of the oldest frame that is newer than last; None when there is none."""
    frames = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(".pgm") and entry.is_file():
                    frames.append(((entry.stat().st_mtime_ns, entry.name), folder / entry.name))
    except OSError:
        return None  # the folder or a frame has gone: silence is reported below
    return min((frame for frame in frames if frame[0] > last), default=None)


def notify(message):
    """Tell systemd: READY=1, WATCHDOG=1, STOPPING=1 (see sd_notify(3)). Without systemd nothing happens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.sendto(message.encode(), "\0" + address[1:] if address[0] == "@" else address)


def reason(error):
    return getattr(error, "strerror", None) or type(error).__name__


def say(trouble):
    print(f"{trouble}.", file=sys.stderr, flush=True)


def stamp(path):
    """Return what changes when a file is replaced; None when it is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def run(options, stop):
    """Read, prepare, infer, act until stop is set. Raises Trouble when there is no model to start with."""
    version, interpreter = stamp(options.model), load_model(options.model)
    notify("READY=1")
    every = int(os.environ.get("WATCHDOG_USEC", 2_000_000)) / 2e6  # half of what the unit allows
    last, heard, due = (0, ""), time.monotonic(), 0.0
    while not stop.is_set():
        if time.monotonic() >= due:
            notify("WATCHDOG=1")  # the proof that the loop turns
            due = time.monotonic() + every
        try:
            if stamp(options.model) != version:
                version = stamp(options.model)
                interpreter = renew(options.model, interpreter)
            frame = next_frame(options.frames, last)
            if frame is not None:
                last, heard = frame[0], time.monotonic()
                act(frame[1].name, *infer(interpreter, read_frame(frame[1])), options)
            elif time.monotonic() - heard >= options.patience:
                heard = time.monotonic()
                say(f"No new frame in {options.frames.name} for {options.patience:g} s: check the camera")
                if options.until_silence:
                    break
            else:
                stop.wait(PAUSE)
        except Trouble as trouble:
            say(trouble)
    notify("STOPPING=1")


def renew(path, interpreter):
    """Return an Interpreter of the new model at path, or the old one when that is no good."""
    try:
        interpreter = load_model(path)
        print(f"{path.name}: new model in use", flush=True)
    except Trouble as trouble:
        say(f"{trouble}; the model before it goes on")
    return interpreter


def main():
    parser = argparse.ArgumentParser(description="Read digits from the frames of a camera.")
    parser.add_argument("model", type=Path, help="a .tflite file")
    parser.add_argument("frames", type=Path, help="the folder into which the camera writes .pgm files")
    parser.add_argument(
        "--led", type=Path, metavar="FILE", help="write 1 or 0 here, as in /sys/class/leds/ACT/brightness"
    )
    parser.add_argument("--sure", type=float, default=0.8, help="act from this probability on (default 0.8)")
    parser.add_argument("--patience", type=float, default=5, metavar="S", help="seconds of silence before a word (5)")
    parser.add_argument("--until-silence", action="store_true", help="end at the first silence")
    options = parser.parse_args()

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        run(options, stop)
    except Trouble as trouble:
        say(trouble)
        return NO_CONFIGURATION
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
