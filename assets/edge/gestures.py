"""Name the exercise that a wrist sensor feels: read a sample, prepare, infer, act, in a loop that does not end.

    python gestures.py watch_int8.tflite < samples.csv
    python gestures.py watch_int8.tflite --arm left --read /dev/ttyACM0 --write /dev/ttyACM1
    python gestures.py watch_int8.tflite --read /dev/ttyACM0 --led /sys/class/leds/ACT/brightness

A sample is a line of six numbers, "ax,ay,az,wx,wy,wz", in g and radians a second; the sensor sends 50 a second.
Whenever the answer changes, one line goes to --write (default: standard output): the seconds since the start, and the
name of the exercise or "none". The LED is on while there is an answer. Needs ai-edge-litert and numpy, nothing else.

It ends with 0 at the end of the stream, with 78 when there is no model or no port that it could start with, and with
3 when the sensor stays silent or a port is gone: then a service manager may start it anew.
"""

import argparse
import queue
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np

RATE, AXES = 50, 6
NAMES = (
    "pendulum",
    "abduction",
    "forward elevation",
    "internal rotation",
    "external rotation",
    "trapezius row",
    "bent-over row",
)
MIRROR = np.array([-1, 1, 1, 1, -1, -1], np.float32)  # a left arm, seen in a mirror, is a right arm
UNITS = np.array([1, 1, 1, 0.4, 0.4, 0.4], np.float32)  # one int8 scale serves all six axes
LIMIT = 4.0
STILL = 0.1  # radians a second: a quarter of a window that turns less than that holds no exercise
HOP, KEEP, ON, OFF, TIMES = 16, 0.7, 0.6, 0.3, 2
MOST_BAD = RATE // 2  # lines in a row that are not samples; after them the window is thrown away
NO_CONFIGURATION, GONE = 78, 3


class UserError(Exception):
    """What is wrong and what helps, in one sentence; status: what the program ends with."""

    def __init__(self, text, status=GONE):
        super().__init__(text)
        self.status = status


class Ring:
    """The last samples, float32 (size, 6), in one block of memory that is written round and round."""

    def __init__(self, size):
        self.memory = np.zeros((size, AXES), np.float32)
        self.clear()

    def clear(self):
        self.count = 0

    def push(self, sample):
        self.memory[self.count % len(self.memory)] = sample
        self.count += 1

    def window(self):
        """Return the samples, oldest first, or None while there are too few."""
        if self.count < len(self.memory):
            return None
        return np.roll(self.memory, -(self.count % len(self.memory)), axis=0)


class Decision:
    """One steady answer out of the probabilities of many windows."""

    def __init__(self):
        self.mean = np.zeros(len(NAMES))
        self.clear()

    def clear(self):
        self.mean[:] = 0
        self.answer, self.candidate, self.seen = None, None, 0

    def step(self, probabilities):
        """Take the probabilities of one window; answer becomes the class that is on, or None.

        A class comes on when its smoothed probability is at least ON in TIMES windows in a row; it goes off when it
        falls below OFF, or when another class comes on.
        """
        self.mean = KEEP * self.mean + (1 - KEEP) * probabilities
        best = int(self.mean.argmax())
        candidate = best if self.mean[best] >= ON else None
        self.seen = self.seen + 1 if candidate == self.candidate else 1
        self.candidate = candidate
        if candidate is not None and self.seen >= TIMES:
            self.answer = candidate
        elif self.answer is not None and self.mean[self.answer] < OFF:
            self.answer = None


class Model:
    """The .tflite of the course: int8 (1, size, 1, 6) in, int8 logits out. Raises UserError for another file."""

    def __init__(self, path):
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        try:
            self.interpreter = Interpreter(  # the reference kernels: the bytes that a microcontroller gives
                model_content=path.read_bytes(), experimental_op_resolver_type=OpResolverType.BUILTIN_REF
            )
            self.interpreter.allocate_tensors()
        except OSError as error:
            raise UserError(f"{path.name} cannot be read ({error.strerror}): copy it there", NO_CONFIGURATION) from None
        except (ValueError, RuntimeError) as error:
            raise UserError(f"{path.name} {explain(error)}", NO_CONFIGURATION) from None
        self.source = self.interpreter.get_input_details()[0]
        self.target = self.interpreter.get_output_details()[0]
        taken, given = (tuple(map(int, details["shape"])) for details in (self.source, self.target))
        if (
            len(taken) != 4
            or taken[1] % 4
            or taken[2:] != (1, AXES)
            or given != (1, len(NAMES))
            or self.source["dtype"] != np.int8
        ):
            raise UserError(
                f"{path.name} takes {taken} and gives {given}, it is not for this sensor: give watch_int8.tflite",
                NO_CONFIGURATION,
            )
        self.size = taken[1]

    def probabilities(self, window):
        """Return float (7,) for prepared samples, float32 (size, 6)."""
        scale, zero_point = self.source["quantization"]
        values = np.clip(np.round(window / scale) + zero_point, -128, 127).astype(np.int8)
        self.interpreter.set_tensor(self.source["index"], values.reshape(self.source["shape"]))
        self.interpreter.invoke()
        scale, zero_point = self.target["quantization"]
        logits = scale * (self.interpreter.get_tensor(self.target["index"])[0].astype(float) - zero_point)
        powers = np.exp(logits - logits.max())
        return powers / powers.sum()


def explain(error):
    """Return what an error of LiteRT means for a model and what helps: the end of a sentence."""
    text = " ".join(str(error).split())
    if "valid Flatbuffer" in text or "must be specified" in text:
        return "is damaged or no .tflite model: copy watch_int8.tflite again"
    return f"cannot run in LiteRT ({text[:150]}): give watch_int8.tflite"


def prepare(samples, arm):
    """Return samples, float32 (n, 6) in g and radians a second, as the network takes them."""
    if arm == "left":
        samples = samples * MIRROR
    return np.clip(samples * UNITS, -LIMIT, LIMIT)


def parse(line):
    """Return the six numbers of a line as float32 (6,), or None when it is not a sample."""
    try:
        sample = np.array([float(number) for number in line.split(",")])
    except ValueError:
        return None
    possible = sample.shape == (AXES,) and (np.abs(sample) < 1000).all()  # not so for NaN
    return sample.astype(np.float32) if possible else None


def samples(lines, say):
    """Yield (number of the line, float32 (6,)); None instead of a sample means that there is a hole here.

    lines: text lines, and None when the sensor was silent. A line that is not a sample is replaced by the sample before
    it, MOST_BAD times in a row at most. say: called with each message.
    """
    number, bad, in_a_row, last = 0, 0, 0, None
    for line in lines:
        if line is None:
            last = None
        else:
            number += 1
            sample = parse(line)
            if sample is None:
                bad, in_a_row = bad + 1, in_a_row + 1
                if bad == 1:
                    say(f"Line {number} is not six finite numbers ({line.strip()[:40]!r}): the one before it stands in")
                if in_a_row == MOST_BAD:
                    say(f"{MOST_BAD} bad lines in a row: check the sensor; waiting for good ones")
                    last = None
            else:
                in_a_row, last = 0, sample
        yield number, last
    if bad:
        say(f"{bad} of {number} lines were not samples")


def answers(stream, model, arm="right"):
    """Yield (number of the line, class or None) whenever the answer changes; stream: as samples() gives it."""
    ring, decision, shown, number = Ring(model.size), Decision(), None, 0
    for number, sample in stream:
        if sample is None:
            ring.clear()  # a window with a hole in it would be a movement that nobody made
            decision.clear()
        else:
            ring.push(sample)
            window = ring.window() if ring.count % HOP == 0 else None
            if window is not None:
                moves = window[:, 3:].reshape(4, -1, 3).std(axis=1).max(axis=1) >= STILL
                if moves.all():
                    decision.step(model.probabilities(prepare(window, arm)))
                elif not moves.any():
                    decision.clear()  # and between the two, where an exercise begins or ends: wait
        if decision.answer != shown:
            shown = decision.answer
            yield number, shown
    if shown is not None:
        yield number, None


def listen(stream, patience, give_up, say):
    """Yield the lines of a stream, and None when it is silent for patience seconds.

    Raises UserError after give_up seconds of silence (0: never), and when the stream breaks.
    """
    lines = queue.Queue(maxsize=1000)

    def read():
        try:
            for line in stream:
                lines.put(line)
            lines.put(StopIteration())
        except OSError as error:
            lines.put(error)

    threading.Thread(target=read, daemon=True).start()
    heard, silent = time.monotonic(), False
    while True:
        try:
            line = lines.get(timeout=patience)
        except queue.Empty:
            if not silent:
                say(f"No sample for {patience:g} s: check the sensor and its cable; waiting")
                yield None
            silent = True
            if give_up and time.monotonic() - heard >= give_up:
                raise UserError(f"No sample for {give_up:g} s: the program ends, start it anew") from None
            continue
        if isinstance(line, StopIteration):
            return
        if isinstance(line, OSError):
            raise UserError(f"The sensor is gone ({line.strerror}): plug it in and start again")
        if silent:
            say("The sensor is back")
        heard, silent = time.monotonic(), False
        yield line


def say(text):
    print(f"{text}.", file=sys.stderr, flush=True)


def open_port(name, mode, standard):
    """Return a file or serial port, or the standard stream for "-". Raises UserError."""
    if name == "-":
        return standard
    try:
        return open(name, mode, encoding="utf-8", errors="replace")
    except OSError as error:
        raise UserError(
            f"{name} cannot be opened ({error.strerror}): check the cable and the name", NO_CONFIGURATION
        ) from None


def light(led, on):
    """Set the LED; led: the file that takes 1 and 0, or None. Raises UserError."""
    if led is not None:
        try:
            led.write_text("1" if on else "0")
        except OSError as error:
            raise UserError(f"The LED {led.name} cannot be set ({error.strerror}): check --led") from None


def run(options):
    """Read, prepare, infer, act until the stream ends. Raises UserError."""
    model = Model(options.model)
    source = open_port(options.read, "r", sys.stdin)
    sink = open_port(options.write, "a", sys.stdout)
    light(options.led, False)
    try:
        stream = samples(listen(source, options.patience, options.give_up, say), say)
        for number, answer in answers(stream, model, options.arm):
            try:
                print(f"{number / RATE:.2f} {'none' if answer is None else NAMES[answer]}", file=sink, flush=True)
            except OSError as error:
                raise UserError(f"The answer cannot be written ({error.strerror}): check the port of --write") from None
            light(options.led, answer is not None)
    finally:
        light(options.led, False)


def main():
    parser = argparse.ArgumentParser(description="Name the exercise that a wrist sensor feels.")
    parser.add_argument("model", type=Path, help="watch_int8.tflite")
    parser.add_argument("--arm", choices=("right", "left"), default="right", help="the arm that wears the sensor")
    parser.add_argument("--read", default="-", metavar="PORT", help="file or serial port (default: standard input)")
    parser.add_argument("--write", default="-", metavar="PORT", help="file or serial port (default: standard output)")
    parser.add_argument("--led", type=Path, metavar="FILE", help="write 1 or 0 here")
    parser.add_argument("--patience", type=float, default=1, metavar="S", help="seconds of silence before a word (1)")
    parser.add_argument("--give-up", type=float, default=60, metavar="S", help="seconds before the end, 0: never (60)")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # told to stop: as with Ctrl-C, the LED goes off
    try:
        run(parser.parse_args())
    except UserError as error:
        say(error)
        return error.status
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
