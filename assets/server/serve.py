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
import socket
import sys
import threading
from pathlib import Path

import numpy as np
import uvicorn
from ai_edge_litert.interpreter import Interpreter
from fastapi import FastAPI, HTTPException, Request, Response

SIDE = 28
BATCH = 50  # images that run at once: larger batches leave the processor's caches
MOST_BYTES = 4_000_000  # of a request, so that nobody can fill the memory


class Model:
    """A .tflite model for digits: call it with uint8 (n, 28, 28), get its n output rows."""

    def __init__(self, path):
        try:
            content = path.read_bytes()
        except OSError as error:
            sys.exit(f"{path.name} cannot be read ({error.strerror}): give the path of a .tflite file.")
        try:
            self.interpreter = Interpreter(model_content=content, num_threads=1)
            self.interpreter.allocate_tensors()
        except (ValueError, RuntimeError):
            sys.exit(f"{path.name} ({len(content):,} bytes) is damaged or no .tflite model: copy it again.")
        self.source, self.target = self.interpreter.get_input_details()[0], self.interpreter.get_output_details()[0]
        sizes = [int(np.prod(details["shape"])) for details in (self.source, self.target)]
        if sizes != [SIDE * SIDE, 10]:
            sys.exit(f"{path.name} takes {sizes[0]} values and gives {sizes[1]}: it is not a model for digits.")
        self.version = hashlib.sha256(content).hexdigest()[:12]
        self.batch = BATCH if self.source["shape_signature"][0] == -1 else 1

    def __call__(self, images):
        parts = [images[start : start + self.batch] for start in range(0, len(images), self.batch)]
        return np.concatenate([self.run(self.prepare(part)) for part in parts])

    def prepare(self, images):
        """Return grey values as the input tensor: from 0 to 1, quantized when the model asks for it."""
        real = images.reshape(-1, *self.source["shape"][1:]) / np.float32(255)
        if self.source["dtype"] == np.float32:
            return real
        (scale, zero_point), limits = self.source["quantization"], np.iinfo(self.source["dtype"])
        return np.clip(np.round(real / scale) + zero_point, limits.min, limits.max).astype(self.source["dtype"])

    def run(self, values):
        if tuple(self.interpreter.get_input_details()[0]["shape"]) != values.shape:
            self.interpreter.resize_tensor_input(self.source["index"], values.shape)
            self.interpreter.allocate_tensors()
        self.interpreter.set_tensor(self.source["index"], values)
        self.interpreter.invoke()
        return self.interpreter.get_tensor(self.target["index"])


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
        refuse('The request is no JSON object with "instances": send {"instances": [image, ...]}.')
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


def make_app(model):
    """Return the application. Its functions are async: one thread runs them, so one request at a time has the model."""
    app = FastAPI(title="Digits")

    @app.get("/v1/models/digits")
    async def describe():
        details = {"dtype": np.dtype(model.target["dtype"]).name, "quantization": model.target["quantization"]}
        return {"version": model.version, "images": [SIDE, SIDE], "rows": [10], **details}

    @app.post("/v1/models/digits:predict")
    async def predict(request: Request):
        images = images_of_json(await read_body(request))
        return {"predictions": model(images).tolist()}

    @app.post("/v1/models/digits:raw")
    async def raw(request: Request):
        images = images_of_bytes(await read_body(request))
        return Response(model(images).tobytes(), media_type="application/octet-stream")

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
    parser.add_argument("--until-eof", action="store_true", help="end when the standard input is closed")
    options = parser.parse_args()

    model = Model(options.model)
    # The protocol is named, or asyncio leaves Nagle's algorithm on and a kept connection waits 40 ms for each answer.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    if os.name == "posix":  # a port is free again as soon as its server has ended
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((options.host, options.port))
        listener.listen(128)  # from here on a client that comes early waits, it is not refused
    except (OSError, OverflowError) as error:
        sys.exit(f"{options.host}:{options.port} cannot be had ({error}): give another --port, or 0.")
    server = uvicorn.Server(uvicorn.Config(make_app(model), log_level="warning"))
    if options.until_eof:
        threading.Thread(target=end_with_input, args=(server,), daemon=True).start()
    print(f"Listening on {options.host}:{listener.getsockname()[1]}", flush=True)
    server.run(sockets=[listener])


if __name__ == "__main__":
    main()
