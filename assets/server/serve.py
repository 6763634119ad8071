"""Name digits over HTTP: a .tflite model behind FastAPI. Needs fastapi, uvicorn, ai-edge-litert and numpy only.

    python serve.py MODEL --port 8000

GET  /v1/models/digits           what the model takes and gives, and its version
POST /v1/models/digits:predict   JSON in and out: {"instances": [image, ...]} -> {"predictions": [row, ...]}
POST /v1/models/digits:raw       the same in bytes: uint8 (n, 28, 28) -> n output rows in the dtype of the model

An image is 28 rows of 28 grey values, whole numbers from 0 (paper) to 255 (ink). A row is the output tensor as it is.
A bad request gets one sentence, {"detail": sentence}, with the status 400 or 413, and the next one is answered.

When it can be asked, the program prints "Listening on HOST:PORT". --port 0 takes any free port. --until-eof ends the
program when its standard input is closed, so that it never outlives the program that started it.
"""

import argparse
import hashlib
import json
import os
import re
import signal
import socket
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import uvicorn
from ai_edge_litert.interpreter import Interpreter
from fastapi import FastAPI, HTTPException, Request, Response

SIDE = 28
BATCH = 50  # images that run at once: larger batches leave the processor's caches
MOST_BYTES = 4_000_000  # of a request, so that nobody can fill the memory


class UserError(Exception):
    """What is wrong and what helps, in one sentence."""


# --- the model, in whatever form it comes (read_digits.py has the same functions)

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


def rows(model, images):
    """Return the output rows of uint8 (n, 28, 28) images, (n, 10), as the model gives them."""
    if model.state or not (model.open or model.batch > 1):
        found = []
        for image in images:
            answer(model, image)
            found.append(by_image(model)[0])
        return np.stack(found)
    size = BATCH if model.open else model.batch
    return np.concatenate([run_batch(model, images[k : k + size]) for k in range(0, len(images), size)])


def run_batch(model, images):
    """Return the output rows of images that run at once; an open batch is set to their number."""
    interpreter = model.interpreter
    if model.open and len(images) != model.source["shape"][0]:
        interpreter.resize_tensor_input(model.source["index"], [len(images), *model.source["shape"][1:]])
        interpreter.allocate_tensors()
        model.source = interpreter.get_input_details()[0]
    interpreter.reset_all_variables()
    interpreter.set_tensor(model.source["index"], prepare(images, model))
    interpreter.invoke()
    return by_image(model)[: len(images)]


def load_model(path, input_range=None):
    """Return (Model, its version) of a file, or end the program with a sentence."""
    try:
        content = path.read_bytes()
    except OSError as error:
        sys.exit(f"{path.name} cannot be read ({error.strerror}): give the path of a .tflite file.")
    try:
        model = Model(content, path.name, input_range)
    except UserError as error:
        sys.exit(f"{error}.")
    if model.hint:
        print(f"{model.hint}.", file=sys.stderr, flush=True)
    if model.open:
        try:
            run_batch(model, np.zeros((2, SIDE, SIDE), np.uint8))
        except (ValueError, RuntimeError):  # the batch is open, and fixed further inside
            model.open, model.interpreter = False, start(content)
            model.source = model.interpreter.get_input_details()[0]
    return model, hashlib.sha256(content).hexdigest()[:12]


def refuse(sentence, status=400):
    raise HTTPException(status, sentence)


async def read_body(request):
    """Return the bytes of a request. One that is too long is read to its end, not kept: then its client listens."""
    content, size = bytearray(), 0
    async for part in request.stream():
        size += len(part)
        if size <= MOST_BYTES:
            content += part
    if size > MOST_BYTES:
        refuse(f"The request is longer than {MOST_BYTES:,} bytes: send fewer images at once.", 413)
    return bytes(content)


def images_of_bytes(content):
    if not content or len(content) % SIDE**2:
        refuse(f"The request has {len(content):,} bytes: send {SIDE**2} for each image, one byte a pixel.")
    return np.frombuffer(content, np.uint8).reshape(-1, SIDE, SIDE)


def images_of_json(content):
    try:
        instances = json.loads(content)["instances"]
    except (ValueError, KeyError, TypeError, RecursionError):
        refuse('The request is not a JSON object with "instances": send {"instances": [image, ...]}.')
    try:
        values = np.array(instances)
    except ValueError:
        refuse(f"The rows of an image are not equally long: send {SIDE} rows of {SIDE} grey values.")
    if values.shape == (SIDE, SIDE):
        refuse("The instances are one image, not a list of images: send [image].")
    if values.shape[1:] != (SIDE, SIDE):
        refuse(f"The instances have the shape {list(values.shape)}: send [n, {SIDE}, {SIDE}].")
    if values.dtype.kind != "i" or values.min() < 0 or values.max() > 255:
        refuse("The grey values are not whole numbers from 0 to 255: send the pixels as they are.")
    return values.astype(np.uint8)


def make_app(model, version):
    """Return the application. Its functions are async: one thread runs them, so one request at a time has the model."""
    app = FastAPI(title="Digits")

    @app.get("/v1/models/digits")
    async def describe():
        details = {"dtype": np.dtype(model.target["dtype"]).name, "quantization": model.target["quantization"]}
        details |= {"probabilities": model.probabilities, "paper": model.paper, "ink": model.ink}
        return {"version": version, "images": [SIDE, SIDE], "rows": [10], **details}

    @app.post("/v1/models/digits:predict")
    async def predict(request: Request):
        images = images_of_json(await read_body(request))
        return {"predictions": rows(model, images).tolist()}

    @app.post("/v1/models/digits:raw")
    async def raw(request: Request):
        images = images_of_bytes(await read_body(request))
        return Response(rows(model, images).tobytes(), media_type="application/octet-stream")

    return app


def end_with_input(server):
    """End the server when the standard input is closed: its parent has ended, in whatever way."""
    sys.stdin.buffer.read()
    server.should_exit = True


def main():
    parser = argparse.ArgumentParser(description="Name digits over HTTP.")
    parser.add_argument("model", type=Path, help="a .tflite file for 28 x 28 grey images")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=8000, help="0 takes any free port (default 8000)")
    parser.add_argument(
        "--input-range",
        type=float,
        nargs=2,
        metavar=("PAPER", "INK"),
        help="what the model was trained with, for example 0 255 or -1 1 (default: found with known digits)",
    )
    parser.add_argument("--until-eof", action="store_true", help="end when the standard input is closed")
    options = parser.parse_args()

    model, version = load_model(options.model, tuple(options.input_range) if options.input_range else None)
    # The protocol is named, or asyncio leaves Nagle's algorithm on and a kept connection waits 40 ms for each answer.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    if os.name == "posix":  # a port is free again as soon as its server has ended
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((options.host, options.port))
        listener.listen(128)  # from here on a client that comes early waits, it is not refused
    except (OSError, OverflowError) as error:
        sys.exit(f"{options.host}:{options.port} cannot be had ({error}): give another --port, or 0.")
    server = uvicorn.Server(uvicorn.Config(make_app(model, version), log_level="warning"))
    if options.until_eof:
        threading.Thread(target=end_with_input, args=(server,), daemon=True).start()
    print(f"Listening on {options.host}:{listener.getsockname()[1]}", flush=True)
    server.run(sockets=[listener])


if __name__ == "__main__":
    main()
