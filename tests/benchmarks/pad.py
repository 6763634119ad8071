"""How long the drawing pad takes, from lifting the pen to the shown prediction: `python -m tests.benchmarks.pad`.

It draws in a real JupyterLab in headless Chromium, on this machine. All times are milliseconds on one clock:
time.time() in the kernel, performance.timeOrigin + performance.now() in the page.
"""

import argparse
import ast
import json
import os
import platform
import sys
from pathlib import Path

import numpy as np

from tests.tools.jupyter_browser import NotebookPage, Pad, chromium, jupyter
from tflite_course.pad import Recognizer
from tflite_course.pad.strokes import draw_strokes, invent_digit
from tflite_course.targets.browser import NoBrowser

# p95, pen lifted to prediction shown, on two quiet cores
TARGETS_MS = {"plain Jupyter": 45, "with tflite_course.lab_server": 32}
NODELAY = "--ServerApp.kernel_websocket_connection_class=tflite_course.lab_server.Connection"

CELL = """
import re, time
from tflite_course.pad import STATIC, DigitPad

class TimedPad(DigitPad):
    _esm = (STATIC / "digit_pad.js").read_text(encoding="utf-8")
    if {nudges} is not None:
        _esm = re.sub(r"NUDGE_MS = [^;]*;", "NUDGE_MS = {nudges};", _esm)
    log = {{}}

    def _look(self, canvas, frame):
        start = time.time() * 1000
        super()._look(canvas, frame)
        times = self.predict.times
        self.log[frame] = [start, times.get("preprocess"), times.get("inference"), time.time() * 1000]

pad = TimedPad()
pad
"""

# What the page writes down. The listeners stand before those of JupyterLab and of the pad.
PROBE = r"""
(() => {
  const now = () => performance.timeOrigin + performance.now();
  const bench = (window.bench = { stroke: null, done: [], moves: [], received: {}, watchInk: false, wake: () => {} });
  // A promise: wait_for_function would ask in each frame, and draw all of them.
  bench.strokes = (count) => new Promise((resolve) => {
    bench.wake = () => bench.done.length >= count && resolve();
    bench.wake();
  });
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    const size = data.byteLength ?? data.length;
    if (bench.stroke && !bench.stroke.sent && size > 19600) bench.stroke.sent = now(); // 140 x 140 pixels
    return send.call(this, data);
  };
  window.WebSocket = class extends WebSocket {
    constructor(...args) {
      super(...args);
      this.addEventListener("message", ({ data }) => {
        const time = now();
        const text = typeof data === "string" ? data : new TextDecoder("latin1").decode(data);
        const answered = text.match(/"answered": ?(\d+)/);
        if (answered) bench.received[answered[1]] = time;
      });
    }
  };
  const onPad = (event) => event.target.closest?.(".digitpad canvas");
  window.addEventListener("pointerup", (event) => {
    if (onPad(event)) bench.stroke = { up: performance.timeOrigin + event.timeStamp };
  }, true);
  let arrived = 0;
  window.addEventListener("pointermove", () => { arrived = now(); }, true);
  window.addEventListener("pointermove", (event) => { // after the pad's own listener
    const canvas = onPad(event);
    if (!canvas || !bench.watchInk || !event.buttons) return;
    const box = canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) * 280) / box.width, y = ((event.clientY - box.top) * 280) / box.height;
    const lit = canvas.getContext("2d").getImageData(x, y, 1, 1).data[0] > 127;
    const time = now();
    bench.moves.push({ lit, whole: time - performance.timeOrigin - event.timeStamp, handler: time - arrived });
  });
  new MutationObserver((changes) => {
    const { answered, sent } = changes[0].target.dataset;
    const stroke = bench.stroke;
    if (!stroke?.sent || answered !== sent) return;
    bench.stroke = null;
    Object.assign(stroke, { frame: +sent, received: bench.received[sent], shown: now() });
    requestAnimationFrame(() => setTimeout(() => {
      stroke.painted = now();
      bench.done.push(stroke);
      bench.wake();
    }));
  }).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-answered"] });
})();
"""

STEPS = [  # from, to: the parts that make up pen lifted -> prediction painted
    ("in the browser (pen lifted to message sent)", lambda s: s["sent"] - s["up"]),
    ("to the kernel (server, ZeroMQ, ipykernel)", lambda s: s["start"] - s["sent"]),
    ("pre-process", lambda s: s["preprocess"]),
    ("inference", lambda s: s["inference"]),
    ("the rest in the kernel (check, answer)", lambda s: s["end"] - s["start"] - s["preprocess"] - s["inference"]),
    ("back to the browser", lambda s: s["received"] - s["end"]),
    ("redraw, to the page", lambda s: s["shown"] - s["received"]),
    ("redraw, to the screen (next frame)", lambda s: s["painted"] - s["shown"]),
]


def digits(count):
    """Yield invented digits until they have `count` strokes in all."""
    seed = drawn = 0
    while drawn < count:
        strokes = invent_digit(seed % 10, np.random.default_rng(seed))
        yield strokes
        seed, drawn = seed + 1, drawn + len(strokes)


def measure(browser, server, strokes, nudges=None):
    """Draw; return a dict of times for each stroke, and the lags of the ink. nudges: None = as in digit_pad.js."""
    server.write("benchmark.ipynb", [CELL.format(nudges=nudges)])
    notebook = NotebookPage(browser, server, "benchmark.ipynb", init_script=PROBE)
    notebook.run_all()
    pad = Pad(notebook)
    pad.draw(invent_digit(3, np.random.default_rng(0)))  # warm-up
    pad.clear()
    notebook.page.evaluate("() => { bench.done = []; }")
    count = 0
    for digit in digits(strokes):
        for points in pad.place(digit):
            pad.mouse_stroke(points)
            count += 1
            notebook.page.evaluate("n => bench.strokes(n)", count)
        pad.clear()
    times = notebook.page.evaluate("() => bench.done")
    log = ast.literal_eval(notebook.python("", "repr(pad.log)"))  # IPython itself would shorten a long dict
    for stroke in times:
        stroke |= dict(zip(("start", "preprocess", "inference", "end"), log[stroke["frame"]], strict=True))
    notebook.page.evaluate("() => { bench.watchInk = true; }")
    for digit in digits(4):
        pad.draw(digit)
        pad.clear()
    moves = notebook.page.evaluate("() => bench.moves")
    assert all(move["lit"] for move in moves), "a pixel under the pen was still dark"
    assert not notebook.errors, notebook.errors
    notebook.close()
    return times, moves


def recognizer_times(repeats=300):
    """Return the times of pre-processing and inference alone, in this process: {name: [ms]}."""
    recognizer = Recognizer()
    drawings = [draw_strokes(digit, size=140, extent=100, width=10) for digit in digits(20)]
    times = []
    for i in range(repeats + 20):
        recognizer(drawings[i % len(drawings)])
        times.append(recognizer.times)
    return {name: [t[name] for t in times[20:]] for name in ("preprocess", "inference")}


def row(name, values):
    print(f"{name:46}{np.median(values):9.2f}{np.percentile(values, 95):9.2f}")


def total(times):
    return [stroke["shown"] - stroke["up"] for stroke in times]


def report(times, moves, plain, fast):
    for server, variant in zip(TARGETS_MS, (times, fast), strict=True):
        print(f"\n{f'{server}: {len(variant)} strokes, ms':46}{'median':>9}{'p95':>9}")
        row("PEN LIFTED -> PREDICTION SHOWN IN THE PAGE", total(variant))
        row("pen lifted -> prediction on the screen", [s["painted"] - s["up"] for s in variant])
        for name, step in STEPS:
            row(f"  {name}", [step(stroke) for stroke in variant])
    print(f"\nink lag, {len(moves)} moves of the pen")
    row("move of the pen -> pixel lit", [move["whole"] for move in moves])
    row("the same, in the pad's own code", [move["handler"] for move in moves])
    print("\nalone, in one process without a browser")
    for name, values in recognizer_times().items():
        row(name, values)
    print("\npen lifted -> prediction shown in the page, and of this: back to the browser")
    for name, variant in (
        ("with the nudges of digit_pad.js", times),
        ("without them", plain),
        ("server with tflite_course.lab_server", fast),
    ):
        row(name, total(variant))
        row("", [stroke["received"] - stroke["end"] for stroke in variant])
    print(f"median with nudges / without them: {np.median(total(times)) / np.median(total(plain)):.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strokes", type=int, default=60, help="how many strokes to draw (default 60)")
    parser.add_argument("--nudges", type=json.loads, help="other moments to try, in ms after the stroke: '[2, 5, 9]'")
    parser.add_argument("--json", type=Path, help="write all times to this file")
    arguments = parser.parse_args()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{os.cpu_count()} cores, {platform.machine()}, load before the start {load:.1f}")
    try:
        with chromium() as browser, jupyter() as server:
            times, moves = measure(browser, server, arguments.strokes, arguments.nudges)
            plain, _ = measure(browser, server, arguments.strokes, [])
        with chromium() as browser, jupyter(NODELAY) as server:
            fast, _ = measure(browser, server, arguments.strokes, arguments.nudges)
    except NoBrowser as error:
        sys.exit(str(error))
    report(times, moves, plain, fast)
    print()
    if arguments.json:
        arguments.json.write_text(json.dumps({"nudges": times, "plain": plain, "nodelay": fast}), encoding="utf-8")
    for (name, target), variant in zip(TARGETS_MS.items(), (times, fast), strict=True):
        p95 = np.percentile(total(variant), 95)
        print(f"{name}: p95 {p95:.1f} ms, target {target} ms: {'met' if p95 <= target else 'MISSED'}")


if __name__ == "__main__":
    main()
