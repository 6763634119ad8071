"""Lab 7, read_frame: a PGM file that may be missing, broken or of another kind."""

import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tflite_course.labs.exercise import Exercise, Mistake, describe, require_function, require_returned


class GoodFrame(NamedTuple):
    """what: the frame in words. cause: why a program may fail at it."""

    what: str
    content: bytes
    pixels: np.ndarray
    cause: str = ""


class BrokenFrame(NamedTuple):
    """content: bytes, None for no file, "folder" for a folder. parts: what the message must have.

    accepted: what is said to a program that takes it.
    """

    name: str
    content: object
    what: str
    parts: tuple = ()
    accepted: str = ""


def good_frames(rng):
    letters = rng.integers(33, 256, (28, 28)).astype(np.uint8)  # no byte is white space
    spaces = letters.copy()
    spaces[0, :6] = spaces[-1, -6:] = [32, 10, 9, 13, 32, 10]
    spaces[5:9] = rng.choice([9, 10, 13, 32], (4, 28))
    black = np.zeros((28, 28), np.uint8)
    return [
        GoodFrame("a good frame", b"P5\n28 28\n255\n" + letters.tobytes(), letters),
        GoodFrame(
            "a frame that is black",
            b"P5\n28 28\n255\n" + black.tobytes(),
            black,
            "Zeros are grey values like others.",
        ),
        GoodFrame(
            "a header with several spaces between its parts",
            b"P5  28   28 255 " + letters.tobytes(),
            letters,
            "Any white space, one byte or more, separates the parts of the header. It has no fixed length.",
        ),
        GoodFrame(
            "a frame with grey values such as 10 and 32",
            b"P5\n28 28\n255\n" + spaces.tobytes(),
            spaces,
            "As text these bytes are white space: only one byte after 255 belongs to the header, the rest are pixels.",
        ),
    ]


def broken_frames(rng):
    pixels = rng.integers(33, 256, 784).astype(np.uint8).tobytes()
    few = int(rng.integers(100, 700))
    return [
        BrokenFrame("no_file.pgm", None, "a file that is not there"),
        BrokenFrame("folder.pgm", "folder", "a folder in place of a file"),
        BrokenFrame("empty.pgm", b"", "an empty file"),
        BrokenFrame(
            "photo.pgm",
            b"\x89PNG\r\n\x1a\n" + pixels,
            "a PNG file",
            accepted="Read the first two bytes: only P5 is this format.",
        ),
        BrokenFrame(
            "text.pgm", _pgm(28, 28, pixels, b"P2"), "a file that begins with P2", accepted="Only P5 is this format."
        ),
        BrokenFrame(
            "wide.pgm",
            b"P5\n28 28\n65535\n" + pixels + pixels,
            "a file with grey values up to 65535",
            accepted="Its pixels have two bytes each: compare with 255.",
        ),
        *_of_other_sizes(rng, pixels),
        BrokenFrame("short.pgm", _pgm(28, 28, pixels[:few]), f"a file with {few} of 784 pixels", (str(few),)),
        BrokenFrame(
            "long.pgm", _pgm(28, 28, pixels + pixels[:50]), "a file with 834 pixels", ("834",), "A frame has 784."
        ),
    ]


def _of_other_sizes(rng, pixels):
    width, height = (int(side) for side in rng.integers(30, 99, 2))
    flat, tall = (56, 14) if rng.integers(2) else (14, 56)
    return [
        BrokenFrame(
            "large.pgm",
            _pgm(width, height, pixels[:1] * (width * height)),
            f"a frame of {width} x {height}",
            (str(width), str(height)),
        ),
        BrokenFrame(
            "turned.pgm",
            _pgm(flat, tall, pixels),
            f"a frame of {flat} x {tall}",
            (str(flat), str(tall)),
            "It has 784 pixels too, in other rows. Compare width and height.",
        ),
    ]


def _pgm(width, height, pixels, kind=b"P5"):
    return b"%s\n%d %d\n255\n%s" % (kind, width, height, pixels)


def judge(answer, rng):
    require_function(answer)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for good in good_frames(rng):
            path = folder / "frame.pgm"
            path.write_bytes(good.content)
            _judge_good(answer, path, good)
        for broken in broken_frames(rng):
            path = folder / broken.name
            if broken.content == "folder":
                path.mkdir()
            elif broken.content is not None:
                path.write_bytes(broken.content)
            _judge_message(_message(answer, path, broken), path, broken)


def _judge_good(answer, path, frame):
    def mistake(text):
        return Mistake(f"{frame.what}{text} {frame.cause}".strip())

    try:
        found = answer(path)
    except (Exception, SystemExit) as error:
        raise mistake(f" stops your function with {type(error).__name__}.") from None
    require_returned(found)
    if type(found) is not np.ndarray or found.shape != (28, 28):
        raise mistake(f": an array of (28, 28) is expected, this is {describe(found)}.")
    if found.dtype != np.uint8:
        raise Mistake(f"grey values are uint8, these are {found.dtype}. Leave the division to `prepare`.")
    if np.array_equal(found, frame.pixels):
        return
    if np.array_equal(found, frame.pixels.T):
        raise Mistake("rows and columns are exchanged: the file has one row after another.")
    raise mistake(": the pixels are not those of the file.")


def _message(answer, path, frame):
    """Return the message of the ValueError for a broken frame, or raise Mistake."""
    try:
        found = answer(path)
    except ValueError as error:
        return str(error)
    except SystemExit:
        raise Mistake("`sys.exit` ends the whole program. Raise ValueError, and let the loop decide.") from None
    except OSError as error:
        kind = type(error).__name__
        more = " Not every OSError is a FileNotFoundError." if kind == "IsADirectoryError" else ""
        raise Mistake(
            f"{frame.what} stops your function with {kind}. Catch OSError, and raise ValueError.{more}"
        ) from None
    except Exception as error:
        raise Mistake(
            f"{frame.what} stops your function with {type(error).__name__}. Raise ValueError instead."
        ) from None
    if found is None:
        raise Mistake(f"{frame.what}: your function returns None. Then nobody learns what is wrong: raise ValueError.")
    raise Mistake(f"{frame.what} is accepted: raise ValueError. {frame.accepted}".strip())


def _judge_message(text, path, frame):
    if "\n" in text.strip():
        raise Mistake(f"{frame.what}: the message has several lines. One sentence fits into a log.")
    if path.name not in text:
        raise Mistake(
            f"{frame.what}: the message '{text[:80]}' does not name the file, here {path.name} (`path.name`)."
        )
    text = text.replace(str(path.parent), "").replace(path.name, "")  # a number in a folder's name is not an answer
    if len(text.split()) < 3:
        raise Mistake(f"{frame.what}: the message says only '{text.strip()[:80]}'. Say in a sentence what is wrong.")
    missing = [part for part in frame.parts if part not in text]
    if missing:
        raise Mistake(f"{frame.what}: the message does not say what was found, {' and '.join(missing)}.")


EXERCISE = Exercise(
    points=3,
    tests="read_frame(path) on good frames, and on ten that are missing, broken or of another kind",
    why="what comes from outside is wrong one day, and the person who reads the log needs the file and the cause.",
    judge=judge,
)
