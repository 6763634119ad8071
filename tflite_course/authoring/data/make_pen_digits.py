"""Build data/pen_digits.npz: digits that 30 people drew with a pen, as strokes and as the images that the pad makes.

    python -m tflite_course.authoring make_pen_digits
    python -m tflite_course.authoring make_pen_digits FILE

Without FILE it needs a network and fetches data set 81 of the UCI Machine Learning Repository, "Pen-Based Recognition
of Handwritten Digits" (E. Alpaydin, F. Alimoglu, 1998, CC BY 4.0). FILE is one of

- that archive, a .zip;
- pendigits-orig.tra.Z out of it, its training part in the UNIPEN form, or the text that `gzip -d` makes of that;
- the same strokes as a .npz: points int (n, 2) with y upwards, stroke_ends and digit_ends (where each stroke ends in
  points, and each digit in the strokes), labels (digits,).

The course's file was built from such a .npz. The other forms were tried with texts that a test writes, not with the
archive itself; the checksum below decides whether the digits are the same.

What is read is compared with a checksum of all points and labels before anything is written. Each digit is then drawn
once with the pad's pen: longer side 120 to 250 pixels of a canvas of 280, pen 12 to 26, anywhere on the canvas; made
half as large, as the pad hands it to Python; and centred. Running it again writes the same bytes.
"""

import argparse
import hashlib
import io
import re
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from tflite_course.authoring import ROOT
from tflite_course.authoring.data.idx import store
from tflite_course.datasets import unpack_pen_strokes
from tflite_course.pad import center_like_mnist
from tflite_course.pad.strokes import draw_strokes

OUTPUT = ROOT / "data" / "pen_digits.npz"
ARCHIVE = "https://archive.ics.uci.edu/static/public/81/pen+based+recognition+of+handwritten+digits.zip"
INSIDE = "pendigits-orig.tra.Z"
CONTENT = "296aada36dbf9ef39f864eb4d09f06ecf8fb3e600d9ff0b52e8f52c121b0a316"  # of points, ends and labels
ARRAYS = ("points", "stroke_ends", "digit_ends", "labels")
SEED = 0
BOX = 500  # coordinates of the tablet: each digit was written into a box of 500 x 500


def read_unipen(text):
    """Return the four arrays of a UNIPEN text: SEGMENT opens a digit, with its label in quotes, PEN_DOWN a stroke."""
    points, stroke_ends, digit_ends, labels, down = [], [], [], [], False
    for line in text.splitlines():
        if line.startswith("."):
            if down:
                stroke_ends.append(len(points))
            down = line.startswith(".PEN_DOWN")
            if line.startswith(".SEGMENT DIGIT"):
                if labels:
                    digit_ends.append(len(stroke_ends))
                labels.append(int(re.search(r'"(\d)"', line)[1]))
        elif down and line.strip():
            points.append([int(number) for number in line.split()])
    if down:
        stroke_ends.append(len(points))
    return {
        "points": np.array(points, np.int16),
        "stroke_ends": np.array(stroke_ends, np.int64),
        "digit_ends": np.array([*digit_ends, len(stroke_ends)], np.int64),
        "labels": np.array(labels, np.uint8),
    }


def fetch():
    """Return the bytes of the published archive."""
    try:
        with urllib.request.urlopen(ARCHIVE, timeout=60) as answer:
            return answer.read()
    except OSError as error:
        sys.exit(f"The archive cannot be fetched ({error}): check the network, or give a file that is here already.")


def read(content):
    """Return the four arrays of the bytes of a file in one of the forms that the module's docstring names."""
    if content[:2] == b"PK" and INSIDE not in zipfile.ZipFile(io.BytesIO(content)).namelist():  # a .npz is a zip too
        with np.load(io.BytesIO(content)) as arrays:
            return {name: arrays[name] for name in ARRAYS}
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            content = archive.read(INSIDE)
    if content[:2] == b"\x1f\x9d":  # packed by compress, which Python cannot unpack
        gzip = shutil.which("gzip") or sys.exit("gzip is missing, which unpacks .Z files: give the unpacked text.")
        content = subprocess.run([gzip, "-dc"], input=content, capture_output=True, check=True).stdout
    return read_unipen(content.decode("ascii"))


def digest(arrays):
    """Return the SHA-256 of the points, ends and labels; their integer types do not count."""
    numbers = [np.asarray(arrays[name]).astype("<i4") for name in ARRAYS]
    return hashlib.sha256(b"".join(number.tobytes() for number in numbers)).hexdigest()


def pack(arrays):
    """Return the strokes as small arrays: where each begins, and the steps from point to point; y downwards."""
    points = np.stack([arrays["points"][:, 0], BOX - arrays["points"][:, 1]], axis=1).astype(np.int16)
    begins = np.r_[0, arrays["stroke_ends"][:-1]]
    steps = np.delete(np.diff(points, axis=0, prepend=points[:1]), begins, axis=0)
    if np.abs(steps).max() > np.iinfo(np.int8).max:
        sys.exit("A step between two points does not fit into 8 bits: nothing was written.")
    return {
        "begins": points[begins],
        "steps": np.ascontiguousarray(steps.T.astype(np.int8)),  # columns of one kind compress better
        "points": np.diff(arrays["stroke_ends"], prepend=0).astype(np.uint16),
        "strokes": np.diff(arrays["digit_ends"], prepend=0).astype(np.uint8),
        "labels": arrays["labels"].astype(np.uint8),
    }


def place(count, rng):
    """Return how each digit is drawn, in whole pixels of the canvas: size, pen, and the way from the middle (x, y)."""
    extent, width = rng.integers(120, 251, count), rng.integers(12, 27, count)
    room = np.maximum((280 - extent - width) // 2, 0)
    offset = np.round(rng.uniform(-1, 1, (count, 2)) * room[:, None])
    return {
        "extent": extent.astype(np.uint8),
        "width": width.astype(np.uint8),
        "offset": offset.astype(np.int8),
    }


def image_of(digit):
    """Return what the pad makes of a PenDigit: uint8 (28, 28), centred."""
    canvas = Image.fromarray(draw_strokes(digit.strokes, **digit.drawing))
    half = canvas.resize((140, 140), Image.Resampling.BOX)
    return np.round(center_like_mnist(np.asarray(half)) * 255).astype(np.uint8)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", type=Path, nargs="?", help="one that is here already")
    chosen = parser.parse_args().file
    arrays = read(chosen.read_bytes() if chosen else fetch())
    found = digest(arrays)
    if found != CONTENT:
        sys.exit(f"These are not the published training digits (SHA-256 {found}): nothing was written.")
    packed = pack(arrays) | place(len(arrays["labels"]), np.random.default_rng(SEED))
    packed["images"] = np.stack([image_of(digit) for digit in unpack_pen_strokes(packed)])
    store(OUTPUT, packed)


if __name__ == "__main__":
    main()
