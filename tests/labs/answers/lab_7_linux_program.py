"""Right answers in different styles, and wrong ones with a part of the hint that must name the mistake (or None)."""

import os
import re
import sys

import numpy as np

from tests.labs.answers import EqualsEverything


# --- installed_bytes
def installed_rglob(folder):
    files = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            status = path.stat()
            files[status.st_dev, status.st_ino] = status.st_size
    return sum(files.values())


def installed_walk(folder):
    total, seen = 0, set()
    for root, _, names in os.walk(folder):
        for name in names:
            status = os.lstat(os.path.join(root, name))
            if os.path.islink(os.path.join(root, name)) or status.st_ino in seen:
                continue
            seen.add(status.st_ino)
            total += status.st_size
    return total


def installed_scandir(folder, seen=None):
    seen, total = set() if seen is None else seen, 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                total += installed_scandir(entry.path, seen)
            elif entry.is_file(follow_symlinks=False) and entry.inode() not in seen:
                seen.add(entry.inode())
                total += entry.stat(follow_symlinks=False).st_size
    return np.int64(total)


INSTALLED_WRONG = {
    "text": (lambda f: str(installed_rglob(f)), "whole number"),
    "float": (lambda f: float(installed_rglob(f)), "whole number"),
    "equals everything": (lambda f: EqualsEverything(), None),
    "untouched": (lambda f: None, "returns nothing yet"),
}


# --- read_frame
def frame_regex(path):
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path.name} cannot be read: {error.strerror}.") from None
    header = re.match(rb"P5\s+(\d+)\s+(\d+)\s+255\s", content)
    if header is None:
        raise ValueError(f"{path.name} is not a binary PGM file.")
    width, height = int(header[1]), int(header[2])
    if (width, height) != (28, 28):
        raise ValueError(f"{path.name} has {width} x {height} pixels.")
    pixels = np.frombuffer(content, np.uint8, offset=header.end())
    if pixels.size != 784:
        raise ValueError(f"{path.name} holds {pixels.size} of 784 pixels.")
    return pixels.reshape(28, 28)


def frame_split(path):
    """Split at white space four times; what is left begins with the pixels."""
    if not path.is_file():
        raise ValueError(f"there is no file {path.name} in {path.parent}")
    parts = path.read_bytes()
    words = []
    while len(words) < 4:
        match = re.match(rb"(\S+)(\s)", parts[:20])
        if not match:
            raise ValueError(f"the header of {path.name} ends too early")
        words.append(match[1])
        parts = parts[match.end() :]
        while len(words) < 4 and parts[:1].isspace():
            parts = parts[1:]
    if words[0] != b"P5" or words[3] != b"255":
        raise ValueError(f"{path.name} is not a P5 file with 255 grey values")
    if words[1:3] != [b"28", b"28"]:
        raise ValueError(f"{path.name} is {words[1].decode()} wide and {words[2].decode()} high")
    if len(parts) != 784:
        raise ValueError(f"{path.name} has {len(parts)} bytes of pixels")
    return np.array(list(parts), np.uint8).reshape((28, 28))


class FrameError(ValueError):
    """A ValueError of the program's own."""


def frame_own_error(path):
    try:
        with open(path, "rb") as file:
            content = file.read()
        found = re.match(rb"(P5)\s+(\d+)\s+(\d+)\s+(\d+)\s", content)
        if not found or found[4] != b"255":
            raise FrameError("is not a picture of the right kind")
        shape, pixels = (int(found[3]), int(found[2])), content[found.end() :]
        if shape != (28, 28) or len(pixels) != 784:
            raise FrameError(f"has {shape[1]} columns, {shape[0]} rows and {len(pixels)} pixels")
        return np.frombuffer(pixels, dtype="uint8").reshape(shape).copy()
    except (OSError, FrameError) as error:
        raise FrameError(f"{os.path.basename(path)}: {' '.join(str(error).split())}") from error


def _changed(change, right=frame_regex):
    """Return frame_regex with a change: change(path, error) for a bad frame."""

    def read_frame(path):
        try:
            return right(path)
        except ValueError as error:
            return change(path, error)

    return read_frame


def frame_unchecked(path):
    return np.frombuffer(path.read_bytes()[-784:], np.uint8).reshape(28, 28)


def frame_fixed_header(path):
    frame_regex(path)
    return np.frombuffer(path.read_bytes(), np.uint8, offset=13).reshape(28, 28)


def frame_words(path):
    try:
        words = path.read_bytes().split()
    except OSError:
        raise ValueError(f"{path.name} cannot be read at all.") from None
    return np.frombuffer(words[4], np.uint8).reshape(28, 28)


def frame_greedy(path):
    content = path.read_bytes()
    header = re.match(rb"P5\s+(\d+)\s+(\d+)\s+255\s+", content)
    return np.frombuffer(content, np.uint8, offset=header.end()).reshape(28, 28)


def frame_only_count(path):
    if path.name == "turned.pgm":
        return np.frombuffer(path.read_bytes()[-784:], np.uint8).reshape(28, 28)
    return frame_regex(path)


def frame_only_missing(path):
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ValueError(f"{path.name} is not there.") from None
    assert content
    return frame_regex(path)


def frame_black_is_empty(path):
    pixels = frame_regex(path)
    if not pixels.any():
        raise ValueError(f"{path.name} is empty.")
    return pixels


def frame_wide_accepted(path):
    if path.name == "wide.pgm":
        return np.zeros((28, 28), np.uint8)
    return frame_regex(path)


def _say(text):
    def change(path, error):
        raise ValueError(text.format(path.name))

    return change


def _reraise(kind):
    def change(path, error):
        raise kind(str(error))

    return change


FRAME_WRONG = {
    "nothing checked": (frame_unchecked, "FileNotFoundError. Catch OSError"),
    "a folder is not a missing file": (frame_only_missing, "Not every OSError"),
    "fixed header": (frame_fixed_header, "no fixed length"),
    "split at white space": (frame_words, "white space"),
    "header takes pixels": (frame_greedy, "only one byte after 255"),
    "784 pixels in other rows": (frame_only_count, "Compare width and height"),
    "16 bits accepted": (frame_wide_accepted, "two bytes each"),
    "black is a picture": (frame_black_is_empty, "Zeros are grey values"),
    "returns None": (_changed(lambda path, error: None), "raise ValueError"),
    "ends the program": (_changed(lambda path, error: sys.exit(str(error))), "ends the whole program"),
    "another error": (_changed(_reraise(RuntimeError)), "Raise ValueError instead"),
    "no name": (_changed(_say("the frame is bad, sorry")), "does not name the file"),
    "no cause": (_changed(_say("{} is bad, sorry")), "does not say what was found"),
    "one word": (_changed(_say("{}")), "Say in a sentence"),
    "several lines": (_changed(_say("{} is bad.\nThe camera must be checked.")), "several lines"),
    "turned": (lambda path: frame_regex(path).T, "rows and columns"),
    "scaled": (lambda path: frame_regex(path) / np.float32(255), "uint8"),
    "flat": (lambda path: frame_regex(path).ravel(), "(28, 28)"),
    "equals everything": (lambda path: EqualsEverything(), "an array"),
    "untouched": (lambda path: ..., "returns nothing yet"),
}


# --- prepare
def prepare_program(image, details):
    real = image.reshape(details["shape"]) / np.float32(255)
    if details["dtype"] == np.float32:
        return real
    (scale, zero_point), limits = details["quantization"], np.iinfo(details["dtype"])
    return np.clip(np.round(real / scale) + zero_point, limits.min, limits.max).astype(details["dtype"])


def prepare_branches(frame, details):
    values = frame.astype(np.float32) / 255
    if details["dtype"] is not np.float32:
        scale, zero_point = details["quantization"]
        values = np.rint(values / scale + zero_point)
        low, high = (-128, 127) if details["dtype"] is np.int8 else (0, 255)
        values = np.minimum(np.maximum(values, low), high)
    return values.astype(details["dtype"]).reshape(details["shape"])


def prepare_loop(frame, details):
    kind = np.dtype(details["dtype"])
    scale, zero_point = details["quantization"]
    found = np.zeros(784, kind)
    for k, grey in enumerate(frame.ravel().tolist()):
        if kind == np.float32:
            found[k] = grey / 255
        else:
            limits = np.iinfo(kind)
            found[k] = max(limits.min, min(limits.max, round(grey / 255 / scale) + zero_point))
    return found.reshape(tuple(details["shape"]))


def prepare_changes(frame, details):
    frame //= 1
    frame[0] = 0
    return prepare_program(frame, details)


PREPARE_WRONG = {
    "changes its input": (prepare_changes, "changes the array"),
    "quantizes floats": (lambda f, d: _always(f, d), None),
    "equals everything": (lambda f, d: EqualsEverything(), None),
    "untouched": (lambda f, d: None, "returns nothing yet"),
}


def _always(frame, details):
    scale, zero_point = details["quantization"]
    real = frame.reshape(details["shape"]) / np.float32(255)
    return np.clip(np.round(real / scale) + zero_point, -128, 127).astype(details["dtype"])


# --- probabilities
def probabilities_program(values, details):
    logits = values[0].astype(np.float64)
    if details["dtype"] != np.float32:
        logits = (logits - details["quantization"][1]) * details["quantization"][0]
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def probabilities_float32(values, details):
    logits = values.reshape(10).astype(np.float32)
    scale, zero_point = details["quantization"]
    if scale:
        logits = np.float32(scale) * (logits - np.float32(zero_point))
    powers = np.exp(logits - np.max(logits))
    return powers / np.sum(powers)


def probabilities_no_zero_point(values, details):
    """The zero point moves all logits alike: softmax is the same without it."""
    scale = details["quantization"][0] or 1.0
    row = [int(v) * scale if details["dtype"] != np.float32 else float(v) for v in values[0]]
    powers = np.exp(np.array(row) - max(row))
    return powers / powers.sum()


PROBABILITIES_WRONG = {
    "the largest alone": (lambda v, d: float(probabilities_program(v, d).max()), None),
    "equals everything": (lambda v, d: EqualsEverything(), None),
    "untouched": (lambda v, d: None, "returns nothing yet"),
}


# --- decide
def decide_sorted(probabilities, sure, margin):
    second, first = np.sort(probabilities)[-2:]
    if first >= sure and first - second >= margin:
        return int(np.argmax(probabilities))
    return None


def decide_masked(probabilities, sure, margin):
    digit = int(probabilities.argmax())
    others = np.delete(probabilities, digit)
    return digit if probabilities[digit] >= sure and probabilities[digit] - others.max() >= margin else None


def decide_list(probabilities, sure, margin):
    row = sorted(((p, k) for k, p in enumerate(probabilities.tolist())), reverse=True)
    (first, digit), (second, _) = row[:2]
    return np.int64(digit) if (first >= sure) and (first >= second + margin) else None


DECIDE_WRONG = {
    "changes its input": (lambda p, sure, margin: p.sort() or decide_sorted(p, sure, margin), "changes the array"),
    "equals everything": (lambda *a: EqualsEverything(), None),
    "untouched": (lambda *a: None, "returns nothing yet"),
}


# --- serve
def serve_plain(read, infer, act, beat):
    answered = bad = 0
    while True:
        try:
            frame = read()
            if frame is None:
                return answered, bad
            decision = infer(frame)
        except ValueError:
            bad += 1
        else:
            act(decision)
            answered += 1
        beat()


def serve_parts(read, infer, act, beat):
    counts = {"answered": 0, "bad": 0}

    def one_round():
        frame = read()
        if frame is None:
            return False
        act(infer(frame))
        counts["answered"] += 1
        return True

    more = True
    while more:
        try:
            more = one_round()
        except ValueError as error:
            print(error)
            counts["bad"] += 1
        if more:
            beat()
    return [counts["answered"], counts["bad"]]


def serve_continue(read, infer, act, beat):
    decisions, errors = [], []
    while True:
        try:
            frame = read()
            if frame is None:
                break
            decisions.append(infer(frame))
        except ValueError as error:
            errors.append(error)
            beat()
            continue
        act(decisions[-1])
        beat()
    return len(decisions), len(errors)


def serve_with(caught=ValueError, beats="end", on_bad="go on", infer_guarded=True, lost=()):
    """Return a loop with mistakes."""

    def serve(read, infer, act, beat):
        answered, bad, decision = 0, 0, None
        while True:
            if beats == "start":
                beat()
            try:
                frame = read()
                if frame is None:
                    break
                if beats == "middle":
                    beat()
                if infer_guarded:
                    decision = infer(frame)
            except caught:
                bad += 1
                if on_bad == "stop":
                    break
                if on_bad == "skip":
                    continue
                if on_bad == "old":
                    act(decision)
            else:
                decision = decision if infer_guarded else infer(frame)
                if decision not in lost:
                    act(decision)
                answered += 1
            if beats == "end":
                beat()
        return answered, bad

    return serve


def serve_for(read, infer, act, beat):
    answered = 0
    for frame in iter(read, None):
        act(infer(frame))
        answered += 1
        beat()
    return answered, 0


def serve_truth(read, infer, act, beat):
    answered = bad = 0
    while True:
        try:
            frame = read()
            if frame == None:  # noqa: E711
                return answered, bad
            act(infer(frame))
            answered += 1
        except ValueError:
            bad += 1
            if bad > 20:
                return answered, bad
        beat()


def serve_bare(read, infer, act, beat):
    answered = bad = 0
    while True:
        try:
            frame = read()
            if frame is None:
                return answered, bad
            act(infer(frame))
            answered += 1
        except:  # noqa: E722
            bad += 1
        beat()


def serve_finally(read, infer, act, beat):
    answered = bad = 0
    while True:
        try:
            frame = read()
            if frame is None:
                return answered, bad
            act(infer(frame))
            answered += 1
        except ValueError:
            bad += 1
        finally:
            beat()


def serve_forever(read, infer, act, beat):
    while True:
        frame = read()
        if frame is not None:
            act(infer(frame))
        beat()


SERVE_WRONG = {
    "no beat": (serve_with(beats="never"), "never called"),
    "beat at the start": (serve_with(beats="start"), "before the first frame"),
    "beat before infer": (serve_with(beats="middle"), "before the round is complete"),
    "beat after the end": (serve_finally, "after the end of the stream"),
    "no beat after a bad frame": (serve_with(on_bad="skip"), "dirty lens"),
    "stops at a bad frame": (serve_with(on_bad="stop"), "before the stream does"),
    "bad frame not caught": (serve_with(caught=KeyError), "of `read` ends your loop"),
    "infer not guarded": (serve_with(infer_guarded=False), "of `infer` ends your loop"),
    "acts on the old frame": (serve_with(on_bad="old"), "on the frame before it"),
    "digit 0 lost": (serve_with(lost=(0,)), "the decision 0"),
    "None lost": (serve_with(lost=(None,)), "the decision None"),
    "everything caught": (serve_with(caught=Exception), "RuntimeError"),
    "bare except": (serve_bare, "RuntimeError"),
    "Ctrl-C caught": (serve_with(caught=(ValueError, KeyboardInterrupt)), "Ctrl-C"),
    "array compared": (serve_truth, "frame is None"),
    "for with iter": (serve_for, "frame is None"),
    "no end": (serve_forever, "does not end"),
    "exchanged": (lambda *a: serve_plain(*a)[::-1], "exchanged"),
    "one count": (lambda *a: serve_plain(*a)[0], "you return"),
    "nothing returned": (lambda *a: serve_plain(*a) and None, "returns nothing yet"),
    "equals everything": (lambda *a: EqualsEverything(), None),
    "untouched": (lambda *a: ..., "returns nothing yet"),
}


# --- compare
def compare_int16(rows, expected):
    distance = np.abs(rows.astype(np.int16) - expected.astype(np.int16))
    digits = np.argmax(rows, axis=1) == np.argmax(expected, axis=1)
    return np.sum((distance == 0).all(axis=1)), np.sum((distance <= 1).all(axis=1)), np.sum(digits)


def compare_python(rows, expected):
    exact = near = digits = 0
    for mine, theirs in zip(rows.tolist(), expected.tolist(), strict=True):
        largest = max(abs(a - b) for a, b in zip(mine, theirs, strict=True))
        exact += largest == 0
        near += largest <= 1
        digits += mine.index(max(mine)) == theirs.index(max(theirs))
    return [exact, near, digits]


def compare_close(rows, expected):
    near = np.isclose(rows.astype(float), expected.astype(float), rtol=0, atol=1)
    same_digit = rows.argmax(1) == expected.argmax(1)
    return tuple(int(np.count_nonzero(part)) for part in ((rows == expected).all(1), near.all(1), same_digit))


COMPARE_WRONG = {
    "a dict": (lambda r, e: dict(zip("abc", compare_python(r, e), strict=True)), None),
    "changes its input": (lambda r, e: np.subtract(r, e, out=r) is None or compare_python(r, e), "changes the array"),
    "equals everything": (lambda r, e: EqualsEverything(), None),
    "untouched": (lambda r, e: None, "returns nothing yet"),
}


# exercise: ({style: answer}, {mistake: (answer, part of the hint or None)})
ANSWERS = {
    "installed_bytes": (
        {"rglob": installed_rglob, "walk": installed_walk, "scandir": installed_scandir},
        INSTALLED_WRONG,
    ),
    "read_frame": ({"regex": frame_regex, "split": frame_split, "own error": frame_own_error}, FRAME_WRONG),
    "prepare": (
        {"as the program": prepare_program, "branches": prepare_branches, "loop": prepare_loop},
        PREPARE_WRONG,
    ),
    "probabilities": (
        {
            "as the program": probabilities_program,
            "float32": probabilities_float32,
            "without zero point": probabilities_no_zero_point,
        },
        PROBABILITIES_WRONG,
    ),
    "decide": ({"sorted": decide_sorted, "masked": decide_masked, "list": decide_list}, DECIDE_WRONG),
    "serve": ({"plain": serve_plain, "parts": serve_parts, "continue": serve_continue}, SERVE_WRONG),
    "compare": ({"int16": compare_int16, "Python": compare_python, "isclose": compare_close}, COMPARE_WRONG),
}
