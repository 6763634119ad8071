"""Measure a model behind FastAPI against the same model in process, and write server.json.

    python -m tflite_course.authoring server

"rows": the golden images through the server, against LiteRT in process. "latency": microseconds, p50 and p95, of four
ways to one answer; "batch": microseconds for one of fifty images in a request. "received": bytes of an answer.
"memory": MiB of the running processes. "sentences": what the server says to bad requests. Lesson 14 repeats all of it.
"""

import contextlib
import http.client
import json
import socket
import subprocess
import sys
from importlib.metadata import version

import numpy as np
import psutil

from tflite_course import evaluation
from tflite_course.authoring import ROOT
from tflite_course.models import model_path
from tflite_course.targets import golden

PROGRAM = ROOT / "assets" / "server" / "serve.py"


@contextlib.contextmanager
def running(model=None, *options):
    """Run the server on a free port; yield (process, port). It is ended on the way out, whatever happens."""
    command = [sys.executable, PROGRAM, model or model_path("mnist_cnn", "int8"), "--port", "0", "--until-eof"]
    process = subprocess.Popen([*command, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process, int(process.stdout.readline().rsplit(":", 1)[1])
    finally:
        process.kill()
        process.communicate()


def post(connection, path, body):
    """Return (status, body of the answer) of a request to the server."""
    connection.request("POST", f"/v1/models/digits:{path}", body)
    answer = connection.getresponse()
    return answer.status, answer.read()


def connect(port):
    """Return a context that gives a connection to the server and closes it."""
    return contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30))


def ask(port, path, body):
    """The same over a connection of its own."""
    with connect(port) as connection:
        return post(connection, path, body)


def as_json(images):
    return json.dumps({"instances": images.tolist()})


def received(port, path, body):
    """Return the bytes of the whole answer to a request that closes its connection."""
    head = f"POST /v1/models/digits:{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as channel:
        channel.sendall(head.encode() + b"Connection: close\r\n\r\n" + body)
        return b"".join(iter(lambda: channel.recv(4096), b""))


def bad_requests(image):
    """Return {name: (path, body)} of requests that the server must refuse."""
    return {
        "half an image": ("raw", image.tobytes()[:300]),
        "no JSON": ("predict", b"digit, please"),
        "one image, no list": ("predict", as_json(image)),
        "a row too few": ("predict", as_json(image[np.newaxis, :27])),
        "fractions": ("predict", as_json(image[np.newaxis] / 255)),
        "five million bytes": ("raw", bytes(5_000_000)),
    }


def in_process(model):
    """Return a function that gives the output row of one image, uint8 (28, 28), in this process."""
    interpreter = evaluation.make_interpreter(model)
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]

    def edge(image):
        values = evaluation.quantize_input(image.reshape(source["shape"]) / np.float32(255), source)
        interpreter.set_tensor(source["index"], values)
        interpreter.invoke()
        return interpreter.get_tensor(target["index"])[0]

    return edge


def measure():
    """Return (row for store_target, the other measurements)."""
    model, images = model_path("mnist_cnn", "int8"), golden.golden_images(np.uint8)
    image, pile, edge = images[0], images[:50].tobytes(), in_process(model)
    with running(model) as (process, port), connect(port) as kept:
        rows = np.stack([np.frombuffer(post(kept, "raw", one.tobytes())[1], np.int8) for one in images])
        ways = {
            "in process": lambda: edge(image),
            "bytes, kept connection": lambda: post(kept, "raw", image.tobytes()),
            "JSON, kept connection": lambda: json.loads(post(kept, "predict", as_json(image[np.newaxis]))[1]),
            "bytes, new connection": lambda: ask(port, "raw", image.tobytes()),
        }
        latency = {name: evaluation.latency(way, repeats=300) for name, way in ways.items()}
        bodies = {"raw": image.tobytes(), "predict": as_json(image[np.newaxis]).encode()}
        more = {
            "latency": {name: {key: round(times[key], 1) for key in ("p50", "p95")} for name, times in latency.items()},
            "batch": round(evaluation.latency(lambda: post(kept, "raw", pile), repeats=60)["p50"] / 50, 1),
            "received": {path: len(received(port, path, body)) for path, body in bodies.items()},
            "memory": {"server": round(psutil.Process(process.pid).memory_info().rss / 2**20, 1)},
            "sentences": {
                name: json.loads(ask(port, *request)[1])["detail"] for name, request in bad_requests(image).items()
            },
        }
    row = {"runtime": "LiteRT behind FastAPI", "model": "mnist_cnn", "against": "LiteRT in process"}
    return row | golden.agreement(rows, np.stack([edge(one) for one in images])), more


def main():
    row, more = measure()
    versions = {name: version(name) for name in ("fastapi", "uvicorn", "ai-edge-litert", "numpy")}
    golden.store_target(
        ROOT / "assets" / "targets" / "server.json",
        [row],
        command="python -m tflite_course.authoring server",
        versions=versions,
        **more,
    )


if __name__ == "__main__":
    main()
