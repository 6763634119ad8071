"""How fast the page of lesson 11 feels: `python -m tests.benchmarks.web`.

It opens the page in headless Chromium on this machine and measures in the page, in milliseconds: from the start of
the navigation to the first prediction, from lifting the pen to the shown answer, and whether frames are late while it
draws.
"""

import argparse
import sys
import threading

import numpy as np

from tests.tools.jupyter_browser import Pad, chromium
from tflite_course.errors import CourseError
from tflite_course.evaluation import machine
from tflite_course.pad.strokes import invent_digit
from tflite_course.targets import web as build
from tflite_course.targets.browser import NoBrowser

FIRST_MS, ANSWER_MS, FRAME_MS = 2000, 16, 1000 / 60  # the targets, and a frame of the screen

PROBE = """
(() => {
  const bench = (window.bench = { answers: [], frames: [], long: [], up: 0 });
  addEventListener("pointerup", () => { bench.up = performance.now(); }, true);
  const longTasks = new PerformanceObserver((list) => bench.long.push(...list.getEntries().map((e) => e.duration)));
  longTasks.observe({ type: "longtask" });
  addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
    if (bench.up) bench.answers.push(performance.now() - bench.up);
    bench.up = 0;
  }).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-answered"] }));
  const frame = (time) => {
    bench.frames.push([time, Boolean(document.querySelector("[aria-busy]"))]); // busy: a stroke is being drawn
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
})();
"""


class Window:
    """What Pad needs of a notebook."""

    def __init__(self, context):
        self.page = context.new_page()
        self.cdp = context.new_cdp_session(self.page)


def first_predictions(browser, address, count):
    """Return (first visits, second visits): milliseconds from the navigation's start to the first prediction."""
    times = ([], [])
    for _ in range(count):
        context = browser.new_context()
        page = context.new_page()
        for visit in (0, 1):
            page.goto(address)
            page.wait_for_selector("body[data-ready]")
            times[visit].append(page.evaluate("performance.getEntriesByName('first prediction')[0].startTime"))
            page.wait_for_function("() => document.getElementById('offline').textContent.includes('without a network')")
        context.close()
    return times


def strokes(browser, address, rounds):
    """Draw digits and return what the probe saw: {"answers", "frames", "long"}."""
    context = browser.new_context()
    context.add_init_script(PROBE)
    window = Window(context)
    window.page.goto(address)
    window.page.wait_for_selector("body[data-ready]")
    window.page.wait_for_timeout(2000)  # until the models are compiled by the optimizing compiler
    pad = Pad(window)
    window.page.evaluate("() => { bench.answers.length = bench.frames.length = bench.long.length = 0; }")
    rng = np.random.default_rng(7)
    for number in range(10 * rounds):
        pad.draw(invent_digit(number % 10, rng))
        pad.clear()
    seen = window.page.evaluate("bench")
    context.close()
    return seen


def line(name, values, target=None):
    p50, p95 = np.percentile(values, [50, 95])
    verdict = "" if target is None else f", target {target:g}: {'met' if p95 <= target else 'MISSED'}"
    return f"{name:44} p50 {p50:7.1f} ms   p95 {p95:7.1f} ms   n {len(values):4}{verdict}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3, help="of ten digits each")
    options = parser.parse_args()
    try:
        build.build()
        server = build.make_server(build.DIST)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://localhost:{server.server_port}/"
        with chromium() as browser:
            first, second = first_predictions(browser, address, options.visits)
            seen = strokes(browser, address, options.rounds)
    except (CourseError, NoBrowser) as error:
        sys.exit(str(error))
    server.shutdown()
    gaps = [after[0] - before[0] for before, after in zip(seen["frames"], seen["frames"][1:], strict=False) if after[1]]
    print(machine())
    print(line("page opened, first prediction, first visit", first, FIRST_MS))
    print(line("page opened, first prediction, second visit", second, FIRST_MS))
    print(line("pen lifted, answer shown", seen["answers"], ANSWER_MS))
    print(line("from frame to frame while drawing", gaps))
    late = sum(gap > 1.5 * FRAME_MS for gap in gaps)
    print(f"late frames while drawing: {late} of {len(gaps)}; tasks over 50 ms: {len(seen['long'])}")


if __name__ == "__main__":
    main()
