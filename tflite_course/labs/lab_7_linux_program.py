"""The exercises of lab 7: what is installed, a frame that may be broken, a loop that goes on, and golden vectors."""

import functools
import os
import tempfile
from pathlib import Path

import numpy as np

from tflite_course.labs.exercise import (
    Exercise,
    Mistake,
    compare_function,
    describe,
    require_function,
    require_returned,
    same,
)

MANY = 200  # calls of a loop that should have ended


# --- installed_bytes
def _fill(folder, rng, *, links):
    """Fill a folder; return its bytes and {hint: the bytes that a mistake counts}, for what was made."""
    paths = ["program.py", "runtime/core.so", "runtime/kernels/add.so", "runtime/kernels/__init__.py", ".settings"]
    sizes = {path: int(size) for path, size in zip(paths, rng.integers(5_000, 90_000, len(paths)), strict=True)}
    sizes["runtime/kernels/__init__.py"] = 0
    for path, size in sizes.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(bytes(size))
    total = sum(sizes.values())
    wrong = {
        "you count the files of the folder itself. Those in its subfolders belong to it too.": (
            sizes["program.py"] + sizes[".settings"]
        ),
        "files whose name begins with a dot take bytes too.": total - sizes[".settings"],
        "asked are bytes. You count the files.": len(sizes),
        "asked are bytes. You return MiB.": total / 2**20,
        "asked are bytes. You return kibibytes.": total / 2**10,
    }
    paths = [path for path in folder.rglob("*")]
    folders = sum(path.lstat().st_size for path in paths if path.is_dir())
    wrong["the size of a folder is its list of names. Count the files only."] = total + folders
    wrong["the size of a folder is its list of names. Count the files only. "] = total + folders + folder.stat().st_size
    wrong["this is the size of the folder's list of names. Walk through its files."] = folder.stat().st_size
    if hasattr(folder.stat(), "st_blocks"):
        blocks = sum((folder / path).stat().st_blocks * 512 for path in sizes)
        wrong["you count the blocks of the disk. Asked are the bytes of the files, `st_size`."] = blocks
    if links:
        wrong |= _add_links(folder, sizes, total)
    return total, {hint: value for hint, value in wrong.items() if value != total}


def _add_links(folder, sizes, total):
    """Add links to what _fill has made; return {hint: bytes}."""
    core = sizes["runtime/core.so"]
    twice = "one file has two names (a hard link), and you count it twice. `st_ino` is the same number for both."
    links = "you follow symbolic links, so a file is counted once more, or one from outside. Leave links out."
    wrong = {}
    try:
        os.link(folder / "runtime/core.so", folder / "runtime/core.so.1")
        wrong[twice] = total + core
    except OSError:
        pass  # this system or its disk has no such links
    outside = folder.parent / "outside.bin"
    outside.write_bytes(bytes(100_003))
    try:
        (folder / "a_file").symlink_to(folder / "program.py")
        (folder / "elsewhere").symlink_to(outside)
        (folder / "a_folder").symlink_to(folder / "runtime", target_is_directory=True)
    except OSError:
        return wrong
    followed = sizes["program.py"] + outside.stat().st_size
    wrong[links] = total + followed
    wrong[links + " "] = total + followed + core * (twice in wrong)
    wrong[links + "  "] = total + outside.stat().st_size
    names = [folder / name for name in ("a_file", "elsewhere", "a_folder")]
    own = sum(path.lstat().st_size for path in names)
    wrong["a symbolic link is no file: leave its own few bytes out."] = total + own
    wrong["a symbolic link is no file: leave its own few bytes out. "] = total + own - names[2].lstat().st_size
    wrong["a symbolic link is no file: leave its own few bytes out.  "] = total + own + core * (twice in wrong)
    return wrong


def judge_installed_bytes(answer, rng):
    require_function(answer)
    for links in (False, True):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "digits"
            folder.mkdir()
            total, wrong = _fill(folder, rng, links=links)
            found = require_returned(answer(folder))
            if same(found, total):
                continue
            for hint, value in wrong.items():
                if same(found, value, tolerance=1e-9 if isinstance(value, float) else 0):
                    raise Mistake(hint.strip())
            with_links = " and links" if links else ""
            if type(found) not in (int, np.int64):
                raise Mistake(f"a whole number (int) is expected, this is {describe(found)} ({type(found).__name__}).")
            raise Mistake(f"in a folder with subfolders{with_links} you count {found:,} bytes, expected {total:,}.")


# --- read_frame
def _frames(rng):
    """Return {what: (content, pixels)} of frames that are good."""
    letters = rng.integers(33, 256, (28, 28)).astype(np.uint8)  # no byte is white space
    spaces = letters.copy()
    spaces[0, :6] = spaces[-1, -6:] = [32, 10, 9, 13, 32, 10]
    spaces[5:9] = rng.choice([9, 10, 13, 32], (4, 28))
    black = np.zeros((28, 28), np.uint8)
    return {
        "plain": (b"P5\n28 28\n255\n" + letters.tobytes(), letters),
        "black": (b"P5\n28 28\n255\n" + black.tobytes(), black),
        "blanks": (b"P5  28   28 255 " + letters.tobytes(), letters),
        "spaces": (b"P5\n28 28\n255\n" + spaces.tobytes(), spaces),
    }


def _broken_frames(rng):
    """Return {name: (content or None, what it is, parts that the message must have, hint when it is accepted)}."""
    pixels = rng.integers(33, 256, 784).astype(np.uint8).tobytes()
    width, height = (int(v) for v in rng.integers(30, 99, 2))
    few = int(rng.integers(100, 700))
    flat, tall = (56, 14) if rng.integers(2) else (14, 56)
    wide = b"P5\n28 28\n65535\n" + pixels + pixels
    size = b"P5\n%d %d\n255\n"
    return {
        "no_file.pgm": (None, "a file that is not there", (), None),
        "folder.pgm": ("folder", "a folder in place of a file", (), None),
        "empty.pgm": (b"", "an empty file", (), None),
        "photo.pgm": (
            b"\x89PNG\r\n\x1a\n" + pixels,
            "a PNG file",
            (),
            "Read the first two bytes: only P5 is this format.",
        ),
        "text.pgm": (b"P2\n28 28\n255\n" + pixels, "a file that begins with P2", (), "Only P5 is this format."),
        "wide.pgm": (
            wide,
            "a file with grey values up to 65535",
            (),
            "Its pixels have two bytes each: compare with 255.",
        ),
        "large.pgm": (
            size % (width, height) + pixels[:1] * (width * height),
            f"a frame of {width} x {height}",
            (str(width), str(height)),
            None,
        ),
        "turned.pgm": (
            size % (flat, tall) + pixels,
            f"a frame of {flat} x {tall}",
            (str(flat), str(tall)),
            "It has 784 pixels too, in other rows. Compare width and height.",
        ),
        "short.pgm": (size % (28, 28) + pixels[:few], f"a file with {few} of 784 pixels", (str(few),), None),
        "long.pgm": (size % (28, 28) + pixels + pixels[:50], "a file with 834 pixels", ("834",), "784 belong there."),
    }


def judge_read_frame(answer, rng):
    require_function(answer)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for what, (content, pixels) in _frames(rng).items():
            path = folder / "frame.pgm"
            path.write_bytes(content)
            _judge_good_frame(answer, path, what, pixels)
        for name, (content, what, parts, accepted) in _broken_frames(rng).items():
            path = folder / name
            if content == "folder":
                path.mkdir()
            elif content is not None:
                path.write_bytes(content)
            _judge_broken_frame(answer, path, what, parts, accepted)


def _judge_good_frame(answer, path, what, pixels):
    shapes = {
        "plain": "a good frame",
        "black": "a frame that is black",
        "blanks": "a header with blanks between its parts",
        "spaces": "a frame with grey values such as 10 and 32",
    }
    causes = {
        "black": "Zeros are grey values like others.",
        "blanks": "The parts of the header stand apart by any white space, one or more. It has no fixed length.",
        "spaces": "As text these bytes are white space: only one byte after 255 belongs to the header, the rest are "
        "pixels.",
    }
    cause = causes.get(what, "")
    try:
        found = answer(path)
    except (Exception, SystemExit) as error:
        raise Mistake(f"{shapes[what]} stops your function with {type(error).__name__}. {cause}".strip()) from None
    require_returned(found)
    if type(found) is not np.ndarray or found.shape != (28, 28):
        raise Mistake(f"{shapes[what]}: an array of (28, 28) is expected, this is {describe(found)}. {cause}".strip())
    if found.dtype != np.uint8:
        raise Mistake(f"grey values are uint8, these are {found.dtype}. Whoever prepares the input divides.")
    if not np.array_equal(found, pixels):
        if np.array_equal(found, pixels.T):
            raise Mistake("rows and columns are exchanged: the file has one row after another.")
        raise Mistake(f"{shapes[what]}: the pixels are not those of the file. {cause}".strip())


def _judge_broken_frame(answer, path, what, parts, accepted):
    try:
        found = answer(path)
    except ValueError as error:
        text = str(error)
    except SystemExit:
        raise Mistake("`sys.exit` ends the whole program. Raise ValueError, and let the loop decide.") from None
    except OSError as error:
        kind = type(error).__name__
        more = " Not every OSError is a FileNotFoundError." if kind == "IsADirectoryError" else ""
        raise Mistake(f"{what} stops your function with {kind}. Catch OSError, and raise ValueError.{more}") from None
    except Exception as error:
        raise Mistake(f"{what} stops your function with {type(error).__name__}, asked is ValueError.") from None
    else:
        if found is None:
            raise Mistake(f"{what}: your function returns None. Nobody learns what is wrong: raise ValueError.")
        raise Mistake(f"{what} is accepted: raise ValueError. {accepted or ''}".strip())
    if "\n" in text.strip():
        raise Mistake(f"{what}: the message has several lines. One sentence fits into a log.")
    if path.name not in text:
        raise Mistake(f"{what}: the message '{text[:80]}' does not name the file, here {path.name} (`path.name`).")
    text = text.replace(str(path.parent), "").replace(path.name, "")  # a number in a folder's name is no answer
    if len(text.split()) < 3:
        raise Mistake(f"{what}: the message says only '{text.strip()[:80]}'. Say in a sentence what is wrong.")
    missing = [part for part in parts if part not in text]
    if missing:
        raise Mistake(f"{what}: the message does not say what was found, {' and '.join(missing)}.")


# --- prepare
def _prepare(frame, details, *, real=lambda x: x / 255, to_whole=np.round, offset=1, clip=None, shaped=True):
    """Return a frame as the input tensor of details; the options are the mistakes that people make."""
    values = real(frame.astype(np.float64))
    kind = np.dtype(details["dtype"])
    if kind.kind != "f":
        scale, zero_point = details["quantization"]
        values = to_whole(values / scale) + offset * zero_point
        low, high = clip or (np.iinfo(kind).min, np.iinfo(kind).max)
        values = values.astype(np.int64) if clip == () else np.clip(values, low, high).astype(np.int64)
    values = values.astype(kind)
    return values.reshape(details["shape"]) if shaped else values


def _details(rng, dtype, quantization, shape=(1, 28, 28, 1)):
    name = str(rng.choice(["serving_default_image:0", "image"]))
    return {"name": name, "index": int(rng.integers(9)), "shape": np.array(shape, np.int32), "dtype": dtype} | {
        "quantization": quantization
    }


def _scale(rng, low, high):
    """Return a scale on whose grid no grey value lies near the middle of two points: rounding is never in doubt."""
    while True:
        scale = round(float(rng.uniform(low, high)), 6)
        places = np.arange(256) / 255 / scale
        if np.abs(np.abs(places - np.round(places)) - 0.5).min() > 1e-3:
            return scale


def judge_prepare(answer, rng):
    unit = float(np.float32(1 / 255))
    cases = []
    for dtype, quantization, shape in (
        (np.int8, (unit, -128), (1, 28, 28, 1)),
        (np.int8, (unit, -128), (1, 28, 28)),
        (np.int8, (_scale(rng, 0.0045, 0.006), int(rng.integers(-110, -60))), (1, 28, 28, 1)),
        (np.int8, (_scale(rng, 0.002, 0.003), int(rng.integers(-60, 0))), (1, 784)),  # its grid ends below 1
        (np.uint8, (unit, 0), (1, 28, 28)),
        (np.uint8, (_scale(rng, 0.0045, 0.006), int(rng.integers(3, 50))), (1, 28, 28, 1)),
        (np.float32, (0.0, 0), (1, 28, 28)),
    ):
        frame = rng.integers(0, 256, (28, 28)).astype(np.uint8)
        frame[0, :2] = 0, 255
        cases.append((frame, _details(rng, dtype, quantization, shape)))

    def mistake(**options):
        return functools.partial(_prepare, **options)

    def unscaled_float(frame, details):
        return _prepare(frame, details, real=(lambda x: x / 255) if details["dtype"] != np.float32 else (lambda x: x))

    def minus_128(frame, details):
        right = _prepare(frame, details)
        return right if right.dtype != np.int8 else (frame.astype(np.int16) - 128).astype(np.int8).reshape(right.shape)

    def cast(frame, details):
        right = _prepare(frame, details)
        return right if right.dtype.kind == "f" else frame.astype(right.dtype).reshape(right.shape)

    def float64(frame, details):
        right = _prepare(frame, details)
        return (frame / 255).reshape(right.shape) if right.dtype.kind == "f" else right

    def quantized_always(frame, details):
        if details["dtype"] != np.float32:
            return _prepare(frame, details)
        return np.full(details["shape"], np.inf, np.float32)

    compare_function(
        answer,
        _prepare,
        cases,
        {
            "the frame goes from 0 to 255, the model learned from 0 to 1: divide by 255 first.": mistake(
                real=lambda x: x
            ),
            "you divide by 256, the largest grey value is 255.": mistake(real=lambda x: x / 256),
            "a float model learned from 0 to 1: divide by 255 for it too.": unscaled_float,
            "a float model has no scale (it is 0). Return the grey values from 0 to 1 for it.": quantized_always,
            "`grey - 128` fits one scale and zero point. Take both from `details`.": minus_128,
            "you cast without scale and zero point.": cast,
            "values outside the grid wrap around. Clip to the limits of the dtype before you cast.": mistake(clip=()),
            "you clip to -128 and 127 always. `np.iinfo(details['dtype'])` knows the limits of uint8 too.": mistake(
                clip=(-128, 127)
            ),
            "you cut the fraction off. Round to the nearest whole number.": mistake(to_whole=np.trunc),
            "the zero point is missing: add it after the division.": mistake(offset=0),
            "you subtract the zero point. It is added on the way in.": mistake(offset=-1),
            "the shape must be that of `details`, with the batch axis.": mistake(shaped=False),
            "for a float model the result is float64: LiteRT takes float32 and converts nothing.": float64,
        },
        tolerance=1e-6,
    )


# --- probabilities
def _softmax(logits):
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def _real(values, details):
    values = values[0].astype(np.float64)
    if details["dtype"] == np.float32:
        return values
    return (values - details["quantization"][1]) * details["quantization"][0]


def _probabilities(values, details):
    return _softmax(_real(values, details))


def judge_probabilities(answer, rng):
    require_function(answer)

    def no_nan(values):
        return np.nan_to_num(values, nan=-1.0)  # NaN differs from itself, and two answers with it must compare

    def as_float64(values, details):
        found = answer(values, details)
        if type(found) is np.ndarray and found.dtype in (np.float32, np.float64):
            return no_nan(found.astype(np.float64))
        return found

    cases = [
        (rng.integers(-30, 30, (1, 10)).astype(np.int8), _details(rng, np.int8, (0.15, 4), (1, 10))),
        (
            np.array([[-128, -90, 127, 100, 120, -3, 0, 9, -128, 60]], np.int8),
            _details(rng, np.int8, (0.1, 90), (1, 10)),
        ),
        (rng.integers(-128, 128, (1, 10)).astype(np.int8), _details(rng, np.int8, (0.19, -100), (1, 10))),
        (rng.integers(-100, 126, (1, 10)).astype(np.int8), _details(rng, np.int8, (8.0, -128), (1, 10))),
        (rng.integers(0, 256, (1, 10)).astype(np.uint8), _details(rng, np.uint8, (0.05, 130), (1, 10))),
        (rng.normal(0, 4, (1, 10)).astype(np.float32), _details(rng, np.float32, (0.0, 0), (1, 10))),
    ]
    cases[3][0][0, 4] = 127  # a logit of about 2,000

    def on_integers(change):
        def probabilities(values, details):
            if details["dtype"] == np.float32:
                return _probabilities(values, details)
            return no_nan(change(values[0], *details["quantization"]))

        return probabilities

    def wrapped(q, scale, zero_point):
        return _softmax((q - q.dtype.type(zero_point)).astype(np.float64) * scale)

    def wrapped_largest(q, scale, zero_point):
        powers = np.exp((q - q.max()).astype(np.float64) * scale)
        return powers / powers.sum()

    def no_scale(q, scale, zero_point):
        return _softmax(q.astype(np.float64))

    def overflows(values, details):
        powers = np.exp(_real(values, details))
        return no_nan(powers / powers.sum())

    def scaled_always(values, details):
        if details["dtype"] != np.float32:
            return _probabilities(values, details)
        return np.full(10, 0.1)

    def not_normal(values, details):
        real = _real(values, details)
        return np.exp(real - real.max())

    wraps = "int8 minus int8 stays int8 and wraps around. Make it float before you subtract"
    compare_function(
        as_float64,
        _probabilities,
        cases,
        {
            wraps + " the zero point.": on_integers(wrapped),
            wraps + " the largest.": on_integers(wrapped_largest),
            "the scale is missing: softmax needs the real logits, and one step of int8 is `scale`.": on_integers(
                no_scale
            ),
            "`exp` of a large logit is infinite. Subtract the largest logit first: the result is the same.": overflows,
            "these are the logits. Softmax makes probabilities of them.": _real,
            "they do not add up to 1: divide by their sum.": not_normal,
            "a float model has no scale (it is 0): its output is the logits already.": scaled_always,
            "ten numbers are expected, shape (10,): take the first row of the output.": (
                lambda values, details: _probabilities(values, details)[np.newaxis]
            ),
        },
        tolerance=1e-5,
    )


# --- decide
def _decide(probabilities, sure, margin):
    second, first = np.sort(probabilities)[-2:]
    return int(np.argmax(probabilities)) if first >= sure and first - second >= margin else None


def judge_decide(answer, rng):
    def row(first, second, places=None):
        places = rng.permutation(10)[:2] if places is None else places
        values = np.full(10, (1 - first - second) / 8)
        values[places] = first, second
        return values

    cases = [(row(0.9, 0.05), 0.5, 0.25), (row(0.9, 0.05, [0, 7]), 0.5, 0.25)]
    cases += [(row(0.75, 0.1875), 0.75, 0.25), (row(0.75, 0.25), 0.5, 0.5)]  # exactly on the bounds
    cases += [(row(0.5, 0.4375), 0.5, 0.125), (row(0.5, 0.4375), 0.4, 0.25), (row(0.4, 0.05), 0.5, 0.25)]
    cases += [(row(0.3, 0.1), 0.5, 0.25), (np.full(10, 0.1), 0.05, 0.05)]
    cases.append((row(0.4, 0.0625), 0.375, 0.3125))

    def no_margin(probabilities, sure, margin):
        return _decide(probabilities, sure, 0)

    def no_threshold(probabilities, sure, margin):
        return _decide(probabilities, 0, margin)

    def strict(probabilities, sure, margin):
        return _decide(probabilities, sure + 1e-12, margin + 1e-12)

    def either(probabilities, sure, margin):
        return max((_decide(probabilities, sure, 0), _decide(probabilities, 0, margin)), key=lambda d: d is not None)

    def of(nothing):
        return lambda *arguments: nothing if _decide(*arguments) is None else _decide(*arguments)

    def always(probabilities, sure, margin):
        return int(np.argmax(probabilities))

    def zero_lost(*arguments):
        return _decide(*arguments) or None

    def true(*arguments):
        return _decide(*arguments) is not None

    compare_function(
        answer,
        _decide,
        cases,
        {
            "the margin does not count: the first must lead the second by at least `margin`.": no_margin,
            "the threshold does not count: the first must reach `sure`.": no_threshold,
            "one of the two bounds is enough for you. Both must hold: `and`.": either,
            "a value exactly on a bound counts: `>=`, not `>`.": strict,
            "you return -1 for an answer that is not sure. Asked is None: -1 is an index too.": of(-1),
            "you return False for an answer that is not sure. Asked is None: False is equal to digit 0.": of(False),
            "you always name a digit. Return None when it is not sure.": always,
            "the digit 0 is lost: Python takes 0 for false.": zero_lost,
            "you say whether it is sure. Asked is the digit, or None.": true,
        },
    )
    if answer(np.full(10, np.nan), 0.5, 0.25) is not None:  # NaN differs from itself: no case of compare_function
        raise Mistake(
            "a row of NaN gives a digit: NaN is neither below nor above a bound. Ask what must be true, `>=`."
        )


# --- serve
class _Camera:
    """A stream, a model, an LED and a watchdog that note in which order they are called."""

    def __init__(self, stream):
        self.stream, self.events, self.calls = list(stream), [], 0

    def _note(self, event):
        self.events.append(event)
        self.calls += 1
        if self.calls > MANY:
            raise _Endless

    def read(self):
        self._note("read")
        if not self.stream:
            return None
        item = self.stream.pop(0)
        if isinstance(item, BaseException):
            raise item
        return np.full((28, 28), item, np.uint8)

    def infer(self, frame):
        if type(frame) is not np.ndarray:
            raise Mistake(f"`infer` gets {describe(frame)}, expected is the frame that `read` returned.")
        value = int(frame[0, 0])
        self._note(f"infer {value}")
        if value == 200:
            raise ValueError("the model takes no such frame")
        return None if value == 100 else value

    def act(self, decision):
        self._note(f"act {decision}")

    def beat(self):
        self._note("beat")

    def run(self, answer):
        return answer(self.read, self.infer, self.act, self.beat)


class _Endless(BaseException):
    """Ends a loop that does not end; no Exception, so that no `except Exception` takes it for a bad frame."""


def _right_events(stream):
    """Return (events, (answered, bad)) of a right loop."""
    events, answered, bad = [], 0, 0
    for item in stream:
        events.append("read")
        if not isinstance(item, Exception):
            events.append(f"infer {item}")
        if isinstance(item, Exception) or item == 200:
            bad += 1
        else:
            events.append(f"act {None if item == 100 else item}")
            answered += 1
        events.append("beat")
    return [*events, "read"], (answered, bad)


def _explain_events(events, expected, stream):
    """Return a sentence about the first difference of two lists of events."""
    bad = sum(isinstance(item, Exception) or item == 200 for item in stream)
    if "beat" not in events:
        return "`beat` is never called: the watchdog would kill the program after a few seconds."
    if events[0] == "beat" or (events[-1] == "beat" and events[:-1] == expected):
        where = "before the first frame is read" if events[0] == "beat" else "after the end of the stream"
        return f"`beat` is called {where}. It is the sign that a round is complete."
    rounds = [text.split(",") for text in ",".join(events).split("read,")[1:]]
    if any("beat" in parts[:-2] and any(p.startswith(("act", "infer")) for p in parts) for parts in rounds):
        return "`beat` comes before the round is complete. A program that hangs in `infer` would look alive."
    if bad and events.count("beat") == expected.count("beat") - bad:
        return "no `beat` after a bad frame: a dirty lens for some seconds, and the watchdog kills a healthy program."
    if len([e for e in events if e.startswith("act")]) > len([e for e in expected if e.startswith("act")]):
        return "after a bad frame you act once more, on the frame before it. A bad frame ends its round."
    if [e for e in events if e not in ("act 0", "act None")] == [e for e in expected if e not in ("act 0", "act None")]:
        lost = " and ".join(e[4:] for e in ("act 0", "act None") if e in expected and e not in events)
        return f"`act` does not get the decision {lost}. Hand on what `infer` returns, whatever it is."
    if events == expected[: len(events)]:
        return "your loop ends before the stream does. Return only when `read` returns None."
    return None


def judge_serve(answer, rng):
    require_function(answer)
    first, second = (int(v) for v in rng.permutation(np.arange(1, 10))[:2])
    broken = [ValueError("frame_7.pgm is cut short"), ValueError("frame_8.pgm has 64 x 48 pixels")]
    streams = [[first, 0, second], [], [first, broken[0], 0, 200, 100, broken[1], broken[0], second]]
    streams.append([broken[0], *rng.integers(1, 10, int(rng.integers(2, 5))).tolist()])
    for stream in streams:
        expected, counts = _right_events(stream)
        camera = _Camera(stream)
        try:
            found = camera.run(answer)
        except _Endless:
            raise Mistake(
                "your loop does not end. `read` returns None when the stream has ended: return then."
            ) from None
        except ValueError as error:
            if "ambiguous" in str(error):
                raise Mistake("an array is neither true nor false. Ask `frame is None`.") from None
            where = "`infer`" if "no such frame" in str(error) else "`read`"
            raise Mistake(f"a ValueError of {where} ends your loop. Catch it, count it, and go on.") from None
        require_returned(found)
        if camera.events != expected:
            if stream and not any(event.startswith("infer") for event in camera.events) and "beat" in camera.events:
                raise Mistake("every frame counts as bad: an array is neither true nor false. Ask `frame is None`.")
            explained = _explain_events(camera.events, expected, stream)
            if explained is None:
                k = next(
                    (k for k, pair in enumerate(zip(camera.events, expected, strict=False)) if pair[0] != pair[1]), -1
                )
                explained = f"expected are the calls {describe(expected[: k + 1 or None][-6:])}, yours are "
                explained += f"{describe(camera.events[: k + 1 or None][-6:])}."
            raise Mistake(explained)
        if not same(found, counts):
            if same(found, counts[::-1]):
                raise Mistake("the two counts are exchanged: the frames that were answered come first.")
            given = f"{counts[0]} frames were answered and {counts[1]} were bad"
            raise Mistake(f"{given}, you return {describe(found)}, expected is {describe(counts)}.")
    _judge_other_errors(answer, first)


def _judge_other_errors(answer, first):
    others = {
        RuntimeError("the driver is gone"): (
            "a RuntimeError of the driver is swallowed. Catch ValueError only: what nobody expected must end the "
            "program, and systemd starts it again."
        ),
        KeyboardInterrupt(): "Ctrl-C is swallowed, nobody can stop your program. Write `except ValueError`.",
    }
    for error, hint in others.items():
        camera = _Camera([first, error, first])
        try:
            camera.run(answer)
        except BaseException as raised:
            if raised is not error:
                raise
        else:
            raise Mistake(hint)
        if camera.events.count("beat") > 1:
            raise Mistake("`beat` is called while the program ends with an error. That round is not complete.")


# --- compare
def _compare(rows, expected):
    difference = np.abs(rows.astype(np.int64) - expected).max(axis=1)
    equal = rows.argmax(axis=1) == expected.argmax(axis=1)
    return int((difference == 0).sum()), int((difference <= 1).sum()), int(equal.sum())


def judge_compare(answer, rng):
    cases = []
    for count in (6, 30, 41):
        expected = rng.integers(-128, 128, (count, 10)).astype(np.int8)
        step = rng.choice([0, 0, 0, 1, -1], (count, 10)) * (rng.random((count, 1)) < 0.6)
        rows = np.clip(expected + step, -128, 127).astype(np.int8)
        rows[0], expected[0] = np.arange(10), np.arange(10)
        rows[0, 3] = expected[0, 3] - 9  # one value far below, the digit stays
        cases.append((rows, expected))
    rows, expected = (array.copy() for array in cases[1])
    rows[1] = expected[1] = np.arange(-5, 5)
    rows[1, 2], expected[1, 2] = -128, 127  # 255 apart: int8 says 1
    rows[2] = expected[2] = np.arange(-9, 1)
    rows[2, 4], expected[2, 4] = 100, -28  # 128 apart: int8 says -128, and so does its absolute value
    cases.append((rows, expected))
    tied = np.zeros((12, 10), np.int8)
    moved = tied.copy()
    moved[:5, 7], tied[3:6, 2] = 1, 1
    cases.append((moved, tied))

    def of(difference, reduce=lambda near: near.all(axis=1).sum(), exact=lambda d: d == 0, near=lambda d: abs(d) <= 1):
        def compare(rows, expected):
            d = difference(rows, expected)
            return int(reduce(exact(d))), int(reduce(near(d))), _compare(rows, expected)[2]

        return compare

    def wide(rows, expected):
        return rows.astype(np.int64) - expected

    def only_one(rows, expected):
        exact, near, digit = _compare(rows, expected)
        return exact, near - exact, digit

    def shares(rows, expected):
        return tuple(value / len(rows) for value in _compare(rows, expected))

    def flat_argmax(rows, expected):
        return (*_compare(rows, expected)[:2], int(rows.argmax() == expected.argmax()))

    def largest(rows, expected):
        return (*_compare(rows, expected)[:2], int((rows.max(axis=1) == expected.max(axis=1)).sum()))

    def last_of_ties(rows, expected):
        digits = [9 - array[:, ::-1].argmax(axis=1) for array in (rows, expected)]
        return (*_compare(rows, expected)[:2], int((digits[0] == digits[1]).sum()))

    def down_columns(rows, expected):
        return (*_compare(rows, expected)[:2], int((rows.argmax(axis=0) == expected.argmax(axis=0)).sum()))

    wraps = "127 and -128 are one step apart for you: int8 minus int8 wraps around. Widen before you subtract."
    compare_function(
        answer,
        _compare,
        cases,
        {
            wraps: of(lambda rows, expected: rows - expected),
            wraps + " ": of(lambda rows, expected: (rows - expected).astype(np.int64)),
            "a value far below counts as near. Take the absolute difference.": of(wide, near=lambda d: d <= 1),
            "you count values. Asked are rows in which all ten numbers agree: `all(axis=1)`.": of(wide, np.sum),
            "one number that agrees is enough for you. All ten of a row must agree.": of(
                wide, lambda near: near.any(axis=1).sum()
            ),
            "a row that is equal is within one step too: count it in both.": only_one,
            "asked are counts of rows, not shares.": shares,
            "`argmax` without an axis looks at all rows at once. Write `axis=1`.": flat_argmax,
            "`axis=0` runs down the columns. A digit is the largest of a row: `axis=1`.": down_columns,
            "you compare the largest values. Asked are their places, the digits.": largest,
            "with equal values the first place counts, as `argmax` has it.": last_of_ties,
        },
    )


EXERCISES = {
    "installed_bytes": Exercise(
        2,
        "installed_bytes(folder) on folders with subfolders, a hidden and an empty file, and links",
        "storage is the first limit of a small board, and a wrong count follows every link of an environment.",
        judge_installed_bytes,
    ),
    "read_frame": Exercise(
        3,
        "read_frame(path) on good frames, and on ten that are missing, broken or of another kind",
        "what comes from outside is wrong one day, and the person who reads the log needs the file and the cause.",
        judge_read_frame,
    ),
    "prepare": Exercise(
        2,
        "prepare(frame, details) for int8, uint8 and float32 models with several scales and shapes",
        "the model of a device is replaced while the program stays: only the model knows its scale.",
        judge_prepare,
    ),
    "probabilities": Exercise(
        2,
        "probabilities(values, details) on int8, uint8 and float32 outputs, with small and large logits",
        "a wrapped difference makes a probability that looks fine and belongs to another digit.",
        judge_probabilities,
    ),
    "decide": Exercise(
        1,
        "decide(probabilities, sure, margin) above, below and exactly on both bounds, and on NaN",
        "an action that waits for certainty is often the most important line of the program.",
        judge_decide,
    ),
    "serve": Exercise(
        3,
        "serve(read, infer, act, beat) on streams with bad frames, an empty stream, and other errors",
        "this loop runs for months, and nobody looks at it until it stops.",
        judge_serve,
    ),
    "compare": Exercise(
        3,
        "compare(rows, expected) on equal, near and distant rows of int8, and on ties",
        "the comparison is what you trust when a device answers differently, so it must not wrap around itself.",
        judge_compare,
    ),
}
