"""Read digits from the frames of a camera, on a small Linux computer. Needs ai-edge-litert and numpy, nothing else.

    python read_digits.py MODEL FRAMES

MODEL: a .tflite file from 28 x 28 grey values to ten numbers. A file MODEL.sha256 beside it, as sha256sum writes it, is
checked. A model that is replaced while the program runs is taken over; a bad one is refused, the old one goes on.
FRAMES: the folder in which the camera puts its pictures: binary PGM files (P5) of any size from 14 pixels a side, one
digit in each, bright ink on dark paper or dark ink on bright paper. The digit is cropped, scaled and centred as the
images of MNIST are; a 28 x 28 frame that is centred already stays as it is. A frame without a digit is "no digit".
The camera must write each file under another suffix and rename it to .pgm when it is complete.

With --live, as a service needs it, frames from before the start are deleted, then always the newest one is read, and it
and all older ones are deleted: the folder stays small, and no answer is late. Without it frames stay where they are.

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
import time
import warnings
from collections import deque
from itertools import pairwise
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

SIDE = 28
NO_CONFIGURATION = 78  # EX_CONFIG of sysexits.h; the systemd unit does not restart after it
PAUSE = 0.05  # seconds between two looks into an empty folder
SMALLEST_FRAME, LARGEST_FRAME, WIDEST = 14, 4096, 280  # pixels a side; larger frames are scaled down to the last
INK = 25  # of 255: what is darker counts as paper
CONTRAST = 48  # of 255: less difference between paper and ink is none
# Of the pixels of an image of MNIST; all but 6 of its 10,000 test images lie within these bounds.
LEAST_INK, MOST_INK, SMOOTHEST, ROUGHEST = 30, 280, 0.33, 1.75
MANY = 5000  # frames in a folder: from here on listing them costs more than reading one


class UserError(Exception):
    """What is wrong and what helps, in one sentence."""


class Refused(Exception):
    """There is no digit in an image; the text says why."""


# --- the model, in whatever form it comes (serve.py has the same functions)

# Ten digits as strokes, x and y in a unit square: a model that reads most of them is asked in the right way.
KNOWN = [
    ["50 0 25 12 15 35 15 65 27 90 50 100 73 88 85 62 83 33 70 8 50 0"],
    ["32 20 54 0 52 50 50 100"],
    ["14 22 30 3 60 2 78 20 70 45 42 75 12 98 45 95 88 98"],
    ["16 8 48 0 76 12 74 34 44 48 76 60 82 84 56 100 16 92"],
    ["30 0 22 30 14 58 50 60 90 58", "72 8 70 50 68 100"],
    ["80 2 30 2 24 44 56 40 80 58 78 84 52 100 16 92"],
    ["66 0 36 22 18 56 20 84 44 100 72 90 78 68 60 54 34 62 20 78"],
    ["12 4 50 3 88 2 66 36 50 68 40 100"],
    ["74 14 48 0 24 16 36 38 66 58 76 82 50 100 24 84 34 60 64 38 74 14"],
    ["76 22 52 2 26 16 26 40 50 50 76 24 74 60 68 100"],
]
# What paper and ink may be for a model; the last is MNIST's mean and deviation, as PyTorch's examples have it.
RANGES = ((0, 1), (0, 255), (-1, 1), (1, 0), (255, 0), (1, -1), (-0.5, 0.5), (-128, 127), (-0.4242, 2.8215))
ENOUGH, CLEARLY, FEW = 18, 3, 12  # of 20 known digits: no other range is tried; what another must gain; a hint


def known_digits():
    """Return KNOWN as images, upright and slanted: uint8 (20, 28, 28)."""
    y, x = np.mgrid[:SIDE, :SIDE]
    images = []
    for slant in (0, 0.25):
        for strokes in KNOWN:
            distance = np.full((SIDE, SIDE), 99.0)
            for stroke in strokes:
                points = np.array(stroke.split(), float).reshape(-1, 2) / 100 - 0.5
                points = points @ [[1, 0], [-slant, 1]] * [14, 19] + 13.5
                for (x0, y0), (x1, y1) in zip(points[:-1], points[1:], strict=True):
                    along = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / ((x1 - x0) ** 2 + (y1 - y0) ** 2)
                    along = np.clip(along, 0, 1)
                    distance = np.minimum(distance, np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)))
            images.append(255 * np.clip(1.9 - distance, 0, 1))
    return np.round(images).astype(np.uint8)


def find_layout(signature):
    """Return (batch, shape of the rest) of an input that takes 28 x 28 grey values, or None; -1 is an open axis.

    batch: -1 when it is open, None when there is no such axis. Axes of length 1 may stand anywhere.
    """

    def rest(axes):
        kept = [axis for axis in axes if axis != 1]
        if len(kept) == 2 and all(axis in (-1, SIDE) for axis in kept):
            return [SIDE if axis == -1 else axis for axis in axes]
        if len(kept) == 1 and kept[0] in (-1, SIDE**2):
            return [SIDE**2 if axis == -1 else axis for axis in axes]
        return None

    signature = [int(axis) for axis in signature]
    if len(signature) > 1 and rest(signature[1:]):
        return signature[0], rest(signature[1:])
    return (None, rest(signature)) if rest(signature) else None


def layout_of(sources):
    """Return find_layout of the only input of a model, or None."""
    return find_layout(sources[0]["shape_signature"]) if len(sources) == 1 else None


def describe(ends):
    """Return the shapes of inputs or outputs as text; an open axis is a question mark."""
    shapes = [[int(axis) for axis in end["shape_signature"]] for end in ends]
    return " and ".join(str(shape).replace("-1", "?") for shape in shapes) or "nothing"


def start(content):
    """Return an Interpreter with its tensors in place, an open batch set to 1. LiteRT's errors pass."""
    interpreter = Interpreter(model_content=content, num_threads=1)
    sources = interpreter.get_input_details()
    layout = layout_of(sources)
    if layout and -1 in sources[0]["shape_signature"]:
        batch = [] if layout[0] is None else [max(layout[0], 1)]
        interpreter.resize_tensor_input(sources[0]["index"], [*batch, *layout[1]])
    interpreter.allocate_tensors()
    return interpreter


def signal_of(content):
    """Return the name of the signal that ends LiteRT on a model, or None: it is tried in a child process."""
    if not hasattr(os, "fork"):
        return None
    import resource

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # NumPy's threads: they sleep
        child = os.fork()
    if child == 0:
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (8, 8))  # less than the watchdog's patience
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            for descriptor in (1, 2):
                os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
            start(content).invoke()
        finally:
            os._exit(0)  # an error that is not a crash comes again in this process
    status = os.waitpid(child, 0)[1]
    return signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else None


def what_it_is(content):
    """Return what a file that is no .tflite is, and what helps: the end of a sentence."""
    if not content:
        return "is empty: copy it again"
    for start, kind in {b"PK": "a zip file, as .keras files are", b"\x89HDF": "an HDF5 file, as .h5 files are"}.items():
        if content.startswith(start):
            return f"is {kind}: convert the model in it to .tflite, and give that"
    return "is no .tflite model: give the file that the converter wrote"


def explain(error):
    """Return what an error of LiteRT means for a model and what helps: the end of a sentence."""
    text = " ".join(str(error).split())
    missing = re.search(r"custom op: ([\w.-]+\w)|\(([\w.-]+)\) failed to prepare", text)
    operator = missing and (missing[1] or missing[2])
    version = re.search(r"op for builtin opcode '(\w+)' version '(\d+)'", text)
    if "valid Flatbuffer" in text or "must be specified" in text:
        return "is damaged: copy it again, or convert it anew"
    if operator and operator.startswith("edgetpu"):
        return "was compiled for an Edge TPU: give the .tflite file from before that step"
    if operator and ("Select TensorFlow op" in text or "custom op" in text):
        return f"needs the operator {operator}, which LiteRT lacks here: convert it with TFLITE_BUILTINS only"
    if version:
        return f"needs {version[1]} in version {version[2]}: install a newer ai-edge-litert"
    return f"cannot run in LiteRT ({text[:150]}): convert it anew, with TFLITE_BUILTINS only"


class Model:
    """A .tflite from 28 x 28 grey values to ten numbers, ready to be asked.

    interpreter, source, target: as LiteRT gives them, the target is the output with ten numbers for each image;
    batch, open: images that it takes at once, and whether that can be changed; paper, ink: what it takes for grey 0
    and 255; probabilities: whether it gives those, or logits; state: whether an answer changes the next one;
    hint: a sentence for who gave the model, or None.
    Raises UserError for a file that is none, and for one that LiteRT cannot run.
    """

    def __init__(self, content, name, input_range=None):
        self.content, self.name, self.hint = content, name, None
        if content[4:8] != b"TFL3":
            raise UserError(f"{name} ({len(content):,} bytes) {what_it_is(content)}")
        crash = signal_of(content)
        if crash:
            raise UserError(f"LiteRT itself stops on {name} ({crash}): convert it anew, with other settings")
        try:
            self.interpreter = start(content)
            self.interpreter.invoke()  # the first run is slow: not while an image waits
        except (ValueError, RuntimeError) as error:
            raise UserError(f"{name} ({len(content):,} bytes) {explain(error)}") from None
        targets = self.find_ends()
        self.paper, self.ink = input_range or possible_ranges(self.source)[0]
        digit, self.state = known_digits()[0], False
        self.state = not np.array_equal(answer(self, digit), answer(self, digit), equal_nan=True)
        self.target = max(targets, key=lambda target: self.known(target)[0])
        self.find_range(input_range)

    def find_ends(self):
        """Find the input; return the outputs that have ten numbers for each image."""
        sources, targets = self.interpreter.get_input_details(), self.interpreter.get_output_details()
        layout = layout_of(sources)
        self.batch = int(sources[0]["shape"][0]) if layout and layout[0] else 1
        ten = [end for end in targets if self.interpreter.get_tensor(end["index"]).size == 10 * self.batch]
        ten = [end for end in ten if np.issubdtype(end["dtype"], np.number)]
        if not layout or not ten or not np.issubdtype(sources[0]["dtype"], np.number):
            cure = "it is not a model for digits"
            if len(self.interpreter.get_signature_list()) > 1:
                cure = "convert the signature for digits alone"
            elif layout and any(self.interpreter.get_tensor(end["index"]).size == self.batch for end in targets):
                cure = "if it gives the digit itself, convert it without the argmax"
            raise UserError(
                f"{self.name} takes {describe(sources)} and gives {describe(targets)}, not 28 x 28 grey values and ten "
                f"numbers: {cure}"
            )
        self.source, self.target, self.open = sources[0], ten[0], layout[0] == -1
        return ten

    def known(self, target):
        """Return (how many of the 20 known digits an output names, its numbers for them)."""
        self.target = target
        rows = np.stack([answer(self, digit) for digit in known_digits()])
        return int(sum(rows.argmax(axis=1) == np.arange(20) % 10)), rows

    def find_range(self, input_range):
        """Find out what the model takes for paper and ink, and whether it gives probabilities."""
        usual, found = (self.paper, self.ink), {}
        for ends in [usual] if input_range else possible_ranges(self.source):
            self.paper, self.ink = ends
            found[ends] = self.known(self.target)
            if found[usual][0] >= ENOUGH:
                break
        best = max(found, key=lambda ends: found[ends][0])
        if found[best][0] < found[usual][0] + CLEARLY:
            best = usual
        (self.paper, self.ink), (right, rows) = best, found[best]
        if not (rows < np.inf).all():  # a logarithm of 0 is a number for softmax
            raise UserError(f"{self.name} answers with something that is not a number: train or convert it again")
        within = (rows > -1e-3).all() and (rows < 1 + 1e-2).all()  # softmax, or a sigmoid for each digit
        self.probabilities = bool(within and rows.max() > 0.5)
        if best != usual:
            self.hint = (
                f"{self.name} reads {right} of 20 known digits with {best[0]:g} for paper and {best[1]:g} for ink, "
                f"{found[usual][0]} with {usual[0]:g} and {usual[1]:g}: it gets the former, --input-range changes that"
            )
        elif right < FEW and not input_range:
            self.hint = (
                f"{self.name} reads only {right} of 20 known digits: if it was trained on other grey values than "
                f"0 to 1, give them with --input-range"
            )


def possible_ranges(source):
    """Return [(paper, ink), ...] that an input may want, the likeliest first."""
    scale, zero_point = source["quantization"]
    if not np.issubdtype(source["dtype"], np.integer):
        return list(RANGES)
    limits = np.iinfo(source["dtype"])
    if not scale:  # the grey values as they are
        return [(-128, 127)] if limits.max == 127 else [(0, 255), (255, 0), (0, 1)]
    low, high = (float(scale * (limit - zero_point)) for limit in (limits.min, limits.max))
    slack, largest = (high - low) / 4, max(-low, high)
    fits = [(a, b) for a, b in RANGES if low - slack <= min(a, b) and max(a, b) <= high + slack]
    fits = [(a, b) for a, b in fits if 2 * max(abs(a), abs(b)) >= largest]
    if limits.max > 255:  # 16 bits are symmetric: the range says nothing of the lower end
        return fits or list(RANGES)
    fits.sort(key=lambda ends: abs(min(ends) - low) + abs(max(ends) - high))
    return fits or [(low, high), *RANGES]


def prepare(image, model):
    """Return a grey image, or several, as the input tensor: from paper to ink, quantized when the model asks for it."""
    dtype, (scale, zero_point) = model.source["dtype"], model.source["quantization"]
    values = model.paper + image / np.float32(255) * (model.ink - model.paper)
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        values = np.clip(np.round(values / (scale or 1)) + zero_point, limits.min, limits.max)
    tensor = np.zeros(model.source["shape"], dtype)
    tensor.reshape(-1)[: values.size] = values.ravel()  # a batch larger than 1 is filled with zeros
    return tensor


def by_image(model):
    """Return the output as (n, 10): a row for each image, also where the model counts them in its last axis."""
    numbers, shape = model.interpreter.get_tensor(model.target["index"]), list(model.target["shape"])
    return (numbers.T if shape == [10, model.batch] != [10, 10] else numbers).reshape(-1, 10)


def answer(model, image):
    """Return the ten numbers of the output for a grey image, uint8 (28, 28), as floats."""
    if model.state:
        model.interpreter = start(model.content)
    model.interpreter.reset_all_variables()  # a recurrent network reads each image from its beginning
    model.interpreter.set_tensor(model.source["index"], prepare(image, model))
    model.interpreter.invoke()
    numbers = by_image(model)[0].astype(np.float64)
    scale, zero_point = model.target["quantization"]
    return scale * (numbers - zero_point) if scale else numbers


def infer(model, image):
    """Return (digit, its probability) for a grey image, uint8 (28, 28)."""
    numbers = answer(model, image)
    if not model.probabilities:
        powers = np.exp(numbers - numbers.max())
        numbers = powers / powers.sum()
    return int(numbers.argmax()), float(numbers.max())


# --- the frame


def read_frame(path):
    """Return a frame, uint8 (height, width). Raises UserError."""
    try:
        if path.stat().st_size > LARGEST_FRAME**2 + 1000:
            raise UserError(f"{path.name} is larger than {LARGEST_FRAME} x {LARGEST_FRAME} pixels: set the camera")
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path.name} cannot be read ({reason(error)}): let the camera keep its files longer") from None
    gap = rb"(?:\s|#[^\n]*\n)+"  # white space and comments
    header = re.match(rb"P5" + gap + rb"(\d+)" + gap + rb"(\d+)" + gap + rb"255\s", content)
    if header is None:
        raise UserError(f"{path.name} is not a binary PGM file with 8 bits: set the format of the camera")
    width, height = int(header[1]), int(header[2])
    if min(width, height) < SMALLEST_FRAME or max(width, height) > LARGEST_FRAME:
        limits = f"{SMALLEST_FRAME} to {LARGEST_FRAME:,} a side"
        raise UserError(f"{path.name} has {width} x {height} pixels, a frame has {limits}: set the camera")
    pixels = np.frombuffer(content, np.uint8, offset=header.end())
    if len(pixels) != width * height:
        raise UserError(
            f"{path.name} holds {len(pixels)} of {width * height} pixels: let the camera rename complete files"
        )
    return pixels.reshape(height, width)


def find_digit(frame):
    """Return the digit in a frame as an image of MNIST, uint8 (28, 28), 0 = paper. Raises Refused without one."""
    step = -(-max(frame.shape) // WIDEST)
    height, width = (length // step for length in frame.shape)
    frame = frame[: height * step, : width * step].reshape(height, step, width, step).mean(axis=(1, 3))
    ink = 255 - frame if np.median(frame) > 127 else frame
    centred = ink.shape == (SIDE, SIDE) and is_centred(ink)
    drawing = np.round(ink).astype(np.uint8) if centred else lift(ink)
    if roughness(drawing) > ROUGHEST:
        raise Refused("the frame is noise")
    image = drawing if centred else center(drawing)
    check_digit(image)
    return image


def lift(ink):
    """Return grey values as a drawing, uint8: the paper at 0, the darkest ink at 255. Raises Refused for bare paper."""
    ink = ink - paper_under(ink)
    darkest = np.percentile(ink, 99.9)
    if darkest < CONTRAST:
        raise Refused("the frame is empty")
    drawing = np.where(ink > darkest / 4, np.clip(ink * (255 / darkest), 0, 255), 0)
    return np.round(drawing).astype(np.uint8)


def paper_under(ink):
    """Return the grey of the paper at each pixel, as light falls on it: a curved surface through 8 x 8 medians."""
    height, width = ink.shape
    if min(height, width) < 64:
        return np.median(ink)
    rows, columns = np.linspace(0, height, 9).astype(int), np.linspace(0, width, 9).astype(int)
    parts = [[np.median(ink[a:b, c:d]) for c, d in pairwise(columns)] for a, b in pairwise(rows)]
    grey, (y, x) = np.ravel(parts), (np.mgrid[:8, :8].reshape(2, -1) + 0.5) / 4 - 1
    used = np.ones(64, bool)
    for _ in range(3):
        found = np.linalg.lstsq(surface(y, x)[used], grey[used], rcond=None)[0]
        off = grey - surface(y, x) @ found
        used = off <= np.median(off) + CONTRAST / 4  # a part that is mostly ink is darker
    y, x = np.mgrid[:height, :width] * 2.0
    return surface(y / height - 1, x / width - 1) @ found


def surface(y, x):
    return np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1)


def is_centred(ink):
    """Return whether a 28 x 28 image is as those of MNIST: 19 or 20 pixels long, its centre of mass in the middle."""
    rows, columns = np.flatnonzero((ink > INK).any(1)), np.flatnonzero((ink > INK).any(0))
    if not len(rows) or max(np.ptp(rows), np.ptp(columns)) + 1 not in (19, 20):
        return False
    mass = [float(ink.sum(axis) @ np.arange(SIDE) / ink.sum()) for axis in (1, 0)]
    return all(abs(14 - place) <= 0.5 for place in mass)


def roughness(image):
    """Return how often ink and paper change along rows and columns, for each pixel of ink."""
    ink = image > 63
    changes = (ink[:, 1:] != ink[:, :-1]).sum() + (ink[1:] != ink[:-1]).sum()
    return changes / max(ink.sum(), 1)


def check_digit(image):
    """Raise Refused for a centred image that no pen has written: too little ink, too much, a block, noise."""
    count, rough = int((image > 63).sum()), roughness(image)
    if count < LEAST_INK or image.max() < 150:
        raise Refused("the frame is empty")
    if count > MOST_INK or rough < SMOOTHEST:
        raise Refused("there is a patch, not a digit")


def center(canvas):
    """Return a drawing as the images of MNIST are, uint8 (28, 28): what the pad of the course does, without Pillow.

    canvas: uint8 (height, width), 0 = paper, 255 = ink. The box around the ink is scaled to 20 pixels, and its centre
    of mass moved to the middle. Raises Refused when there is no ink or only a dot, and when the paper is bright.
    """
    ink = canvas > INK
    if not ink.any():
        raise Refused("the frame is empty")
    if (canvas > 127).mean() > 0.5:
        raise Refused("the paper is bright")
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if max(np.ptp(rows), np.ptp(columns)) + 1 < max(canvas.shape) / 8:
        raise Refused("there is only a dot")
    digit = canvas[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = (max(1, round(length * (20 / max(digit.shape)))) for length in digit.shape)
    small = np.ascontiguousarray(resize(digit.astype(float), height, width), np.float32) / 255  # sums have an order
    top = round(14 - float(small.sum(1) @ np.arange(height) / small.sum()))
    left = round(14 - float(small.sum(0) @ np.arange(width) / small.sum()))
    top, left = min(max(top, 0), SIDE - height), min(max(left, 0), SIDE - width)
    image = np.zeros((SIDE, SIDE), np.uint8)
    image[top : top + height, left : left + width] = np.round(small * 255)
    return image


def resize(pixels, height, width):
    """Return pixels scaled by means over boxes, as Pillow 13 does it: one axis after the other, rounded after each."""
    if pixels.shape[0] - height > 2 * (pixels.shape[1] - width):
        return shrink(shrink(pixels.T, height).T, width)
    return shrink(shrink(pixels, width).T, height).T


def shrink(pixels, width):
    """Return the rows of pixels scaled to a width; the weights are whole numbers of 22 bits."""
    length = pixels.shape[1]
    scale, places = length / width, np.arange(length)
    stretch, centers = max(scale, 1), ((np.arange(width) + 0.5) * scale)[:, None]
    distance = (places - centers + 0.5) * (1 / stretch)
    covered = (distance > -0.5) & (distance <= 0.5)
    covered &= (places >= np.trunc(centers - stretch / 2 + 0.5)) & (places < np.trunc(centers + stretch / 2 + 0.5))
    weights = np.trunc(0.5 + covered * (1 / covered.sum(axis=1, keepdims=True)) * 2**22)
    return np.minimum(255, np.floor((pixels @ weights.T + 2**21) / 2**22))


class Frames:
    """The frames in a folder. live: always the newest, and what was read or is older is deleted."""

    def __init__(self, folder, live=False):
        self.folder, self.live = folder, live
        self.waiting, self.known, self.looked = deque(), set(), None
        self.large = False

    def next(self):
        """Return the path of the next frame, or None. Raises UserError when frames cannot be deleted or are many."""
        if not self.waiting:
            self.look()
        return self.waiting.popleft() if self.waiting else None

    def look(self):
        """Add new frames to those that wait, oldest first. A folder that has not changed is not listed again."""
        try:
            changed = self.folder.stat().st_mtime_ns
            if self.looked and changed == self.looked[0] and self.looked[1] - changed > 2e9:
                return
            first, self.looked = self.looked is None, (changed, time.time_ns())
            names, found = set(), []
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    if entry.name.endswith(".pgm"):
                        names.add((entry.name, entry.inode()))
                        if (entry.name, entry.inode()) not in self.known and entry.is_file():
                            found.append((entry.stat().st_mtime_ns, entry.name))
        except OSError:
            self.looked = None if self.looked is None else (0, 0)
            return  # the folder or a frame has gone: silence is reported by the loop
        self.known = names
        self.waiting.extend(self.folder / name for _, name in sorted(found))
        if self.live:
            self.drop(first)
        elif len(names) > MANY and not self.large:
            self.large = True
            raise UserError(f"{self.folder.name} has more than {MANY:,} frames, each look takes longer: give --live")

    def drop(self, everything):
        """Delete the frames that wait, all or all but the newest."""
        old = len(self.waiting) - (not everything)
        for _ in range(old):
            self.delete(self.waiting.popleft())
        if everything and old:
            raise UserError(f"{old} frames from before the start were deleted: the program reads the newest one")

    def delete(self, path):
        """Delete a frame. Raises UserError when that is not allowed; the frame is not read again."""
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise UserError(
                f"{path.name} cannot be deleted ({reason(error)}): give the folder to the program's user"
            ) from None


# --- the loop


def load_model(options):
    """Return a Model that has run. Raises UserError."""
    path = options.model
    try:
        content = path.read_bytes()
        checksum = path.with_name(path.name + ".sha256")
        wanted = checksum.read_text().split() if checksum.exists() else None
    except (OSError, UnicodeError) as error:
        raise UserError(f"{path.name} cannot be read ({reason(error)}): copy the model there") from None
    if wanted is not None and wanted[:1] != [hashlib.sha256(content).hexdigest()]:
        raise UserError(f"{path.name} is not the file that {checksum.name} was made of: copy both again")
    model = Model(content, path.name, tuple(options.input_range) if options.input_range else None)
    if model.hint:
        say(model.hint)
    return model


def act(name, answer, options):
    """Say the digit, and light the LED while the program is sure of one. answer: None, or (digit, probability).

    Raises UserError.
    """
    sure = answer is not None and answer[1] >= options.sure
    text = "no digit" if answer is None else f"{answer[0] if sure else 'not sure'} ({answer[1]:.1%})"
    print(f"{name}: {text}", flush=True)
    if options.led:
        try:
            options.led.write_text("1" if sure else "0")
        except OSError as error:
            raise UserError(f"The LED {options.led.name} cannot be set ({reason(error)}): check --led") from None


def read_and_act(path, model, options):
    """Do all that a frame needs. Raises UserError."""
    try:
        answer = infer(model, find_digit(read_frame(path)))
    except Refused:
        answer = None
    act(path.name, answer, options)


def notify(message):
    """Tell systemd: READY=1, WATCHDOG=1, STOPPING=1 (see sd_notify(3)). Without systemd nothing happens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.sendto(message.encode(), "\0" + address[1:] if address[0] == "@" else address)


def reason(error):
    return getattr(error, "strerror", None) or type(error).__name__


def say(error):
    print(f"{error}.", file=sys.stderr, flush=True)


def stamp(path):
    """Return what changes when a file is replaced; None when it is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def run(options, stop):
    """Read, prepare, infer, act until the list stop is no longer empty. Raises UserError without a first model."""
    version, model = stamp(options.model), load_model(options)
    notify("READY=1")
    every = int(os.environ.get("WATCHDOG_USEC", 2_000_000)) / 2e6  # half of what the unit allows
    frames, heard, due = Frames(options.frames, options.live), time.monotonic(), 0.0
    while not stop:
        if time.monotonic() >= due:
            notify("WATCHDOG=1")  # the proof that the loop turns
            due = time.monotonic() + every
        try:
            if stamp(options.model) != version:
                version = stamp(options.model)
                model = renew(options, model)
            frame = frames.next()
            if frame is not None:
                heard = time.monotonic()
                try:
                    read_and_act(frame, model, options)
                finally:
                    if options.live:
                        frames.delete(frame)
            elif time.monotonic() - heard >= options.patience:
                heard = time.monotonic()
                say(f"No new frame in {options.frames.name} for {options.patience:g} s: check the camera")
                if options.until_silence:
                    break
            else:
                time.sleep(PAUSE)
        except UserError as error:
            say(error)
    notify("STOPPING=1")


def renew(options, model):
    """Return the new model, or the old one when that cannot be used."""
    try:
        model = load_model(options)
        print(f"{options.model.name}: new model in use", flush=True)
    except UserError as error:
        say(f"{error}; the model before it goes on")
    return model


def main():
    parser = argparse.ArgumentParser(description="Read digits from the frames of a camera.")
    parser.add_argument("model", type=Path, help="a .tflite file")
    parser.add_argument("frames", type=Path, help="the folder into which the camera writes .pgm files")
    parser.add_argument("--live", action="store_true", help="read the newest frame only, delete what was read")
    parser.add_argument(
        "--led", type=Path, metavar="FILE", help="write 1 or 0 here, as in /sys/class/leds/ACT/brightness"
    )
    parser.add_argument("--sure", type=float, default=0.8, help="act from this probability on (default 0.8)")
    parser.add_argument(
        "--input-range",
        type=float,
        nargs=2,
        metavar=("PAPER", "INK"),
        help="what the model was trained with, for example 0 255 or -1 1 (default: found with known digits)",
    )
    parser.add_argument("--patience", type=float, default=5, metavar="S", help="seconds of silence before a word (5)")
    parser.add_argument("--until-silence", action="store_true", help="end at the first silence")
    options = parser.parse_args()

    stop = []  # no threading.Event: set() in a handler waits for ever for the lock of a wait() that it interrupts
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    try:
        run(options, stop)
    except UserError as error:
        say(error)
        return NO_CONFIGURATION
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
