"""The golden vectors in LiteRT.js, in a real Chromium without a window.

    python -m tflite_course.targets.browser                 writes browser.json, which lessons 10 and 11 read
    python -m tflite_course.targets.browser --output FILE   writes another file

The page of lesson 11 is built and served on this machine; a second page with the same modules runs each model over the
1,000 images, centres drawings, is given files that it must refuse, and sends everything back. Needs Node.js (npm) once,
and Chromium or Chrome. Takes about ten seconds.
"""

import argparse
import contextlib
import http
import json
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import numpy as np

from tflite_course.errors import CourseError
from tflite_course.pad import center_like_mnist
from tflite_course.pad.strokes import draw_strokes, invent_digit
from tflite_course.targets import golden
from tflite_course.targets import web as build

ROOT = Path(__file__).resolve().parents[2]

PATIENCE = 120  # seconds
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
FLAGS = [
    "--no-sandbox",  # Chromium refuses to run as root with its sandbox
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Golden vectors</title>
<body><script type="module">
import { centerLikeMnist } from "./center.js";
import { DigitModel, timeModels } from "./runtime.js";
const read = async (name) => new Uint8Array(await (await fetch(name)).arrayBuffer());
const reply = { browser: navigator.userAgent, rows: {}, milliseconds: {}, centred: [], refused: {} };
try {
  const images = await read("images.bin"), models = [];
  const list = await (await fetch("models.json")).json();
  const asFloat = (image) => Float32Array.from(image, (v) => v / 255);
  for (const { file } of list) {
    const model = await DigitModel.load(await read(file), file);
    const rows = (reply.rows[file] = []);
    for (let i = 0; i < images.length; i += 784) {
      const image = images.subarray(i, i + 784);
      rows.push(Array.from(await model.invoke(model.input.type === "uint8" ? image : asFloat(image))));
    }
    models.push(model);
  }
  const times = await timeModels(models, asFloat(images.subarray(0, 784)), 21);
  list.forEach(({ file }, k) => (reply.milliseconds[file] = times[k]));
  const drawings = await read("drawings.bin");
  for (let i = 0; i < drawings.length; i += 140 * 140) {
    const image = centerLikeMnist(drawings.subarray(i, i + 140 * 140), 140);
    reply.centred.push(Array.from(image, (v) => Math.round(v * 255)));
  }
  for (const name of await (await fetch("bad.json")).json()) {
    reply.refused[name] = await DigitModel.load(await read(name), name).then(() => "taken", (error) => error.message);
  }
} catch (error) {
  reply.error = String(error);
}
await fetch("reply", { method: "POST", body: JSON.stringify(reply) });
</script></body></html>
"""


class NoBrowser(CourseError):
    """There is no Chromium on this machine."""


def find_chromium():
    """Return the path of Chromium or Chrome. Raises NoBrowser with the cure."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    raise NoBrowser(
        "There is no Chromium on this machine: install it (Debian: apt-get install chromium fonts-dejavu-core)."
    )


class Handler(build.Handler):
    """Serves the page and `extra`, {path: bytes}, and takes the reply."""

    def __init__(self, *arguments, extra, replies, **options):
        self.extra, self.replies = extra, replies
        super().__init__(*arguments, **options)

    def do_GET(self):
        if self.path not in self.extra:
            return super().do_GET()
        content = self.extra[self.path]
        self.send_response(http.HTTPStatus.OK)
        self.send_header("Content-Type", self.guess_type(self.path))
        self.send_header("Content-Length", len(content))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self):
        self.replies.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(http.HTTPStatus.NO_CONTENT)
        self.end_headers()


def make_drawings(count=100):
    """Return drawings of digits of all sizes and places, as the pad gives them: uint8 (count, 140, 140)."""
    rng = np.random.default_rng(11)
    drawings = []
    for number in range(count):
        extent, width = rng.uniform(40, 110), rng.uniform(3, 14)
        strokes = invent_digit(number % 10, rng)
        drawings.append(draw_strokes(strokes, size=140, extent=extent, width=width, offset=rng.uniform(-12, 12, 2)))
    return np.stack(drawings)


def make_bad_files():
    """Return {name: bytes} of files that the page must refuse, each with one sentence."""
    whole = golden.model_path("mnist_cnn", "float32").read_bytes()
    return {
        "cut_short.tflite": whole[: len(whole) // 2],
        "picture.tflite": b"\x89PNG\r\n\x1a\n" + bytes(100),
        "int8.tflite": golden.model_path("mnist_tiny", "int8").read_bytes(),
    }


@contextlib.contextmanager
def golden_page(images, folder=build.DIST):
    """Serve the page that runs the golden vectors; yields its address, and a queue that its reply comes to.

    images: uint8 (n, 28, 28). Any browser can open it; read_reply() makes arrays of what it sends.
    """
    build.build(folder)
    bad = make_bad_files()
    extra = {
        "/golden.html": PAGE.encode(),
        "/images.bin": images.tobytes(),
        "/drawings.bin": make_drawings().tobytes(),
        "/bad.json": json.dumps(list(bad)).encode(),
        **{f"/{name}": content for name, content in bad.items()},
    }
    replies = queue.Queue()
    handler = partial(Handler, directory=folder, extra=extra, replies=replies)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/golden.html", replies
        finally:
            server.shutdown()


def run_in_browser(images, folder=build.DIST):
    """Return what the page's modules do with uint8 images, (n, 28, 28), in a headless Chromium.

    {"browser": its name, "rows": {file: raw output rows, (n, 10)}, "milliseconds": {file: one inference},
    "centred": uint8 (m, 28, 28) of make_drawings(), "refused": {name: sentence} of make_bad_files()}.
    Raises NoBrowser, and CourseError when the page cannot be built, fails or does not answer.
    """
    program = find_chromium()
    with (
        golden_page(images, folder) as (address, replies),
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
    ):
        command = [program, "--headless", *FLAGS, f"--user-data-dir={profile}", address]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            reply = replies.get(timeout=PATIENCE)
        except queue.Empty:
            raise CourseError(
                f"The browser did not answer within {PATIENCE} s: close other programs, try again."
            ) from None
        finally:
            process.terminate()
            process.wait()
    return read_reply(reply)


def read_reply(reply):
    """Return a reply of the page with its rows and centred drawings as arrays. Raises CourseError when it failed."""
    if "error" in reply:
        raise CourseError(f"The page failed in the browser ({reply['error']}).")
    reply["rows"] = {
        file: np.array(rows, np.uint8 if file.endswith("_uint8.tflite") else np.float32)
        for file, rows in reply["rows"].items()
    }
    reply["centred"] = np.array(reply["centred"], np.uint8).reshape(-1, 28, 28)
    return reply


def compare_centred(centred):
    """Return how many drawings of make_drawings() the page centres as Python does: {"same", "of"}."""
    expected = [np.rint(255 * center_like_mnist(drawing)) for drawing in make_drawings()]
    same = sum(np.array_equal(found, image) for found, image in zip(centred, expected, strict=True))
    return {"same": same, "of": len(expected)}


def compare(outputs):
    """Return rows for store_target: the browser's rows against LiteRT's reference and against XNNPACK in Python.

    outputs: {file of the page: raw rows, (1000, 10)}.
    """
    expected, table = golden.load_golden(), []
    for name, variant in build.MODELS:
        found = outputs[f"models/{name}_{variant}.tflite"]
        if variant == "uint8":
            model, found = name, (found.astype(np.int16) - 128).astype(np.int8)
        else:
            model = f"{name}_float32"
        xnnpack = golden.run_litert(
            golden.model_path(name, "int8" if variant == "uint8" else "float32"),
            golden.golden_images(np.int8 if variant == "uint8" else np.float32),
            "XNNPACK",
        )
        for against, rows in (("LiteRT reference", expected.get(model)), ("LiteRT XNNPACK", xnnpack)):
            if rows is not None:
                row = {"runtime": "Chromium, LiteRT.js", "model": model, "against": against}
                table.append(row | golden.agreement(found, rows))
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=ROOT / "assets" / "targets" / "browser.json")
    options = parser.parse_args()
    try:
        reply = run_in_browser(golden.golden_images(np.uint8))
        weight = build.page_weight(build.build())
    except CourseError as error:
        sys.exit(str(error))
    chromium = reply["browser"].split("Chrome/")[-1].split(".")[0]
    golden.store_target(
        options.output,
        compare(reply["rows"]),
        command="python -m tflite_course.targets.browser",
        versions={"@litertjs/core": build.VERSION, "chromium": chromium},
        milliseconds={file: round(value, 4) for file, value in reply["milliseconds"].items()},
        weight=weight,
        centred=compare_centred(reply["centred"]),
        refused=reply["refused"],
    )


if __name__ == "__main__":
    main()
