"""The page of lesson 11 in other browsers than Chromium: Firefox and WebKitGTK, the engine of Safari."""

import functools
import re
import threading
from http.server import ThreadingHTTPServer

import numpy as np
import pytest

from tests.tools.jupyter_browser import fit
from tests.tools.programs import missing
from tests.tools.web_page import check_answers, check_golden, strokes_of
from tests.tools.webdriver import BROWSERS, PATIENCE
from tflite_course.models import model_path
from tflite_course.pad import center_like_mnist
from tflite_course.targets import browser as target
from tflite_course.targets import golden
from tflite_course.targets import web as build

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

# Not every driver tells what a page writes to its console, so the page itself keeps it, from its first script on.
WATCH = b"""self.said = [];
const keep = (text) => self.said.push(String(text));
const error = console.error;
console.error = (...all) => { keep(all.join(" ")); error.apply(console, all); };
addEventListener("error", (event) => keep(event.message || event.target.src || event.target.href), true);
addEventListener("unhandledrejection", (event) => keep(event.reason?.stack ?? event.reason));
addEventListener("securitypolicyviolation", (event) => keep(event.violatedDirective + " " + event.blockedURI));
"""
READY = "() => document.body?.dataset.ready !== undefined"
ANSWERS = """() => {
  const rows = [...document.querySelectorAll("#models tbody tr")];
  const busy = document.querySelector(".digitpad").ariaBusy === "true" || !rows.length;
  if (busy || !rows.every((row) => row.cells[3].innerText)) return null;
  return rows.map((row) => [row.cells[0].innerText, row.cells[3].innerText]);
}"""
GREY = """() => { const c = document.querySelector("canvas");
  return [...c.getContext("2d").getImageData(0, 0, 280, 280).data.filter((_, i) => i % 4 === 0)]; }"""
DROP = """([name, values]) => {
  const data = new DataTransfer();
  data.items.add(new File([Uint8Array.from(values)], name));
  document.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


@pytest.fixture(scope="module", params=BROWSERS)
def browser(request):
    start, programs = BROWSERS[request.param]
    if why := missing(*programs):
        pytest.skip(why)
    with start() as running:
        yield running


@pytest.fixture(scope="module")
def address(dist):
    page = (dist / "index.html").read_bytes().replace(b"<head>", b'<head><script src="watch.js"></script>', 1)
    extra = {"/watched.html": page, "/watch.js": WATCH}
    handler = functools.partial(target.Handler, directory=dist, extra=extra, replies=None)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/watched.html"
        server.shutdown()


@pytest.fixture
def page(browser, address):
    """The page with an empty pad; it must say nothing to its console."""
    browser.open(address)
    browser.wait(READY)
    browser.call("() => document.querySelector('button[data-action=clear]').click()")
    yield browser
    assert browser.call("() => self.said") == []


def draw(page, digit):
    """Draw a digit with the mouse; return the answers of all models, {name: answer}."""
    script = "() => { const b = document.querySelector('canvas').getBoundingClientRect(); return [b.x, b.y, b.width]; }"
    for stroke in fit(strokes_of(digit), page.call(script)):
        page.drag(stroke)
    return answers(page)


def answers(page):
    page.wait(
        "() => { const d = document.querySelector('.digitpad').dataset; return +d.answered >= +d.sent && +d.sent > 0; }"
    )
    rows = page.wait(ANSWERS)
    return {" ".join(name.split(",")[0].split()): answer for name, answer in rows}


def canvas(page):
    """Return the drawing as the pad hands it over, uint8 (140, 140)."""
    blocks = np.array(page.call(GREY), np.int64).reshape(140, 2, 140, 2).sum((1, 3))
    return ((blocks + 2) >> 2).astype(np.uint8)


def status(page):
    return page.call("() => document.querySelector('.dp-status').innerText")


@pytest.mark.parametrize("digit", [3, 5, 8])
def test_a_drawn_digit_is_read_as_in_python(page, digit):
    found = draw(page, digit)
    check_answers(found, center_like_mnist(canvas(page)))
    assert status(page) == f"Prediction: {found['mnist_small uint8']}" and status(page).startswith(
        f"Prediction: {digit} "
    )


def test_the_keyboard_alone_draws(page):
    page.call("() => document.querySelector('canvas').focus()")
    page.press(*["ArrowUp"] * 10, "Space", *["ArrowDown"] * 20, "Space")
    found = answers(page)
    assert {answer[0] for answer in found.values()} == {"1"} and status(page).startswith("Prediction: 1 ")


def test_ones_own_model_is_taken_and_a_bad_one_is_a_sentence(page):
    before = draw(page, 7)
    page.call(DROP, ["own.tflite", list(model_path("mnist_ds", "float32").read_bytes())])
    page.wait("() => /own.tflite is in the table/.test(document.getElementById('message').textContent)")
    found = answers(page)
    assert found.pop("own.tflite yours") == before["mnist_ds float32"] and found == before
    page.call(DROP, ["bad.tflite", list(b"no model")])
    page.wait("() => /bad.tflite is not a .tflite file/.test(document.getElementById('message').textContent)")
    assert len(answers(page)) == len(before) + 1


def test_it_works_without_a_network(browser, dist):
    server = build.make_server(dist)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://localhost:{server.server_port}/"
    browser.open(address)
    browser.wait("() => document.getElementById('offline').textContent === 'This page works without a network now.'")
    server.shutdown()
    server.server_close()
    browser.open(address)
    browser.wait(READY)
    assert {answer[0] for answer in draw(browser, 2).values()} == {"2"}


def test_the_golden_vectors_are_those_that_are_stored(browser, dist):
    with target.golden_page(golden.golden_images(np.uint8), dist) as (address, replies):
        browser.open(address)
        reply = target.read_reply(replies.get(timeout=2 * PATIENCE))
    check_golden(reply)
    assert re.search("Firefox|AppleWebKit", reply["browser"]) and "Chrom" not in reply["browser"]
