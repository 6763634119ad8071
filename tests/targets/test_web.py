"""The page of lesson 11 as people use it: built, served, opened in a real Chromium; its numbers against Python's."""

import base64
import io
import json
import re
import shutil
import threading

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image

from tests.tools.form_files import all_forms
from tests.tools.jupyter_browser import WAIT, Pad, chromium
from tests.tools.web_page import check_answers, check_golden, strokes_of
from tflite_course import evaluation, models
from tflite_course.datasets import load_mnist
from tflite_course.errors import CourseError
from tflite_course.pad import EmptyDrawing, center_like_mnist, resize_only, softmax
from tflite_course.pad.strokes import draw_strokes, invent_digit
from tflite_course.targets import browser as target
from tflite_course.targets import golden
from tflite_course.targets import web as build
from tflite_course.targets.browser import NoBrowser

pytestmark = pytest.mark.xdist_group("browser")

SIDE = 140
KEPT = "() => document.getElementById('offline').textContent === 'This page works without a network now.'"
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "device_scale_factor": 2}


@pytest.fixture(scope="module")
def address(dist):
    server = build.make_server(dist)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def running():
    try:
        with chromium() as browser:
            yield browser
    except NoBrowser as error:
        pytest.skip(str(error))


class Opened:
    """The page in a window of its own. `errors`: what it wrote to its console; `requests`: what it asked for."""

    def __init__(self, running, address, *, init_script=None, wait=True, **options):
        self.context = running.new_context(**options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT * 1000)
        self.errors, self.requests = [], []
        self.page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.context.on("request", lambda request: self.requests.append(request))
        self.cdp = self.context.new_cdp_session(self.page)
        if init_script:
            self.page.add_init_script(init_script)
        self.page.goto(address)
        if wait:
            self.wait_until_ready()
        self.pad = Pad(self)

    def wait_until_ready(self):
        self.page.wait_for_selector("body[data-ready]")

    def wait_for_message(self, pattern):
        """Wait until the page says something, and return it."""
        self.page.wait_for_function(
            "pattern => new RegExp(pattern).test(document.getElementById('message').textContent)", arg=pattern
        )
        return self.page.locator("#message").inner_text()

    def answers(self):
        """Return {model, first words: answer} of the table."""
        self.page.wait_for_function(
            "() => [...document.querySelectorAll('#models tbody tr')].every(r => r.cells[3].innerText)"
        )
        rows = self.page.locator("#models tbody tr").all()
        return {
            row.locator("th").inner_text().replace("\n", " ").split(",")[0]: row.locator("td").nth(2).inner_text()
            for row in rows
        }

    def give(self, selector, name, content):
        self.page.set_input_files(selector, {"name": name, "mimeType": "application/octet-stream", "buffer": content})

    def canvas(self):
        """Return the drawing as the pad hands it over, uint8 (140, 140)."""
        values = self.page.evaluate(
            """() => { const c = document.querySelector('canvas');
              return [...c.getContext('2d').getImageData(0, 0, 280, 280).data.filter((_, i) => i % 4 === 0)]; }"""
        )
        blocks = np.array(values, np.int64).reshape(SIDE, 2, SIDE, 2).sum((1, 3))
        return ((blocks + 2) >> 2).astype(np.uint8)


@pytest.fixture(scope="module")
def shared(running, address):
    opened = Opened(running, address)
    yield opened
    opened.context.close()


@pytest.fixture
def web(shared):
    """The page with an empty pad and the first model chosen; it must not write errors to its console."""
    shared.errors.clear()
    shared.pad.clear()
    shared.page.locator("#models input").first.check()
    yield shared
    assert shared.errors == []


def png(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


# What is built


def test_the_page_is_light_and_loads_nothing_from_elsewhere(dist):
    files = {path.relative_to(dist).as_posix(): path.read_bytes() for path in dist.rglob("*") if path.is_file()}
    weight = {row["part"]: row["packed"] for row in build.page_weight(files)}
    assert sum(weight.values()) < 3_400_000 and weight["page"] < 33_000
    kept = json.loads(re.search(r"= (\{.*\});", files["build.js"].decode(), re.S)[1])["files"]
    assert set(kept) == (set(files) | {"./"}) - {"service_worker.js", "build.js"}
    for name in [*build.PAGE, *build.SCRIPTS]:
        text = re.sub(r"http://www\.w3\.org/\d+/svg|^ *//.*$", "", files[name].decode(), flags=re.M)
        assert not re.search(r"https?://", text), f"{name} names another place"
    assert "default-src 'self'" in files["index.html"].decode()


def test_the_models_of_the_page_are_what_litert_js_takes():
    for name, variant in build.MODELS:
        interpreter = evaluation.make_interpreter(build.read_model_for_page(name, variant))
        for details in (interpreter.get_input_details()[0], interpreter.get_output_details()[0]):
            assert np.dtype(details["dtype"]).name == variant
            assert details["shape"][0] == 1 and -1 not in details["shape_signature"]


@pytest.mark.parametrize("name", golden.MODELS)
def test_a_uint8_model_gives_the_bits_of_the_shipped_int8_model(name):
    uint8 = golden.run_litert(build.read_model_for_page(name, "uint8"), golden.golden_images(np.uint8), "XNNPACK")
    int8 = golden.run_litert(models.model_path(name, "int8"), golden.golden_images(np.int8), "XNNPACK")
    assert np.array_equal(uint8.astype(np.int16) - 128, int8)


@pytest.mark.slow
def test_the_exported_models_can_be_made_again():
    from tflite_course.authoring.models import export_for_browser as export

    stored = build.read_model_for_page("mnist_nano", "uint8")
    made = export.export("mnist_nano")
    assert len(made) == len(stored)
    images = golden.golden_images(np.uint8)[:200]
    rows = [golden.run_litert(content, images).astype(int) for content in (made, stored)]
    apart = np.abs(rows[0] - rows[1])  # on another processor a weight or a scale may fall on the next step
    assert apart.max() <= 3 and np.mean(apart <= 1) > 0.98
    assert np.mean(rows[0].argmax(1) == rows[1].argmax(1)) > 0.98


def test_a_taken_port_and_a_missing_npm_are_one_sentence(tmp_path, monkeypatch):
    with build.make_server(tmp_path) as server, pytest.raises(CourseError, match="choose another with --port"):
        build.make_server(tmp_path, port=server.server_port)
    monkeypatch.setattr(build.shutil, "which", lambda name: None)
    with pytest.raises(CourseError, match="install Node.js"):
        build.fetch_package("core", tmp_path)


def test_another_package_than_the_tried_one_is_refused(tmp_path, monkeypatch):
    def pack(command, cwd, **options):
        (tmp_path / "x.tgz").write_bytes(b"not the package")
        shutil.copy(tmp_path / "x.tgz", cwd)
        return build.subprocess.CompletedProcess(command, 0, "x.tgz\n", "")

    monkeypatch.setattr(build.shutil, "which", lambda name: "npm")
    monkeypatch.setattr(build.subprocess, "run", pack)
    with pytest.raises(CourseError, match="is not the package that was tried"):
        build.fetch_package("core", tmp_path / "packages")
    assert not (tmp_path / "packages" / "core").exists()


# The same numbers as in Python


def test_the_golden_vectors_in_the_browser_are_those_that_are_stored(dist):
    try:
        reply = target.run_in_browser(golden.golden_images(np.uint8), dist)
    except target.NoBrowser as error:
        pytest.skip(str(error))
    check_golden(reply)


def many_drawings():
    """Return uint8 (n, 140, 140): digits of all sizes and pens, rectangles (ties of rounding), lines, noise, blanks."""
    rng = np.random.default_rng(5)
    drawings = []
    for number in range(400):
        canvas = draw_strokes(
            invent_digit(number % 10, rng),
            size=SIDE,
            extent=rng.uniform(12, 130),
            width=rng.uniform(1, 26),
            offset=rng.uniform(-30, 30, 2),
        )
        drawings.append(canvas)
    for _ in range(400):
        canvas = np.zeros((SIDE, SIDE), np.uint8)
        for _ in range(rng.integers(1, 4)):
            top, left = rng.integers(0, SIDE - 1, 2)
            height, width = rng.integers(1, SIDE, 2)
            canvas[top : top + height, left : left + width] = rng.integers(20, 256)
        drawings.append(canvas)
    for _ in range(200):
        canvas = rng.integers(0, 256, (SIDE, SIDE)).astype(np.uint8)
        canvas[rng.random((SIDE, SIDE)) < rng.uniform(0.3, 0.999)] = 0
        drawings.append(canvas)
    for _ in range(150):  # smaller than 20 pixels: scaled up
        canvas = np.zeros((SIDE, SIDE), np.uint8)
        height, width = rng.permutation([rng.integers(18, 30), rng.integers(1, 30)])
        canvas[50 : 50 + height, 60 : 60 + width] = rng.integers(0, 256, (height, width))
        drawings.append(canvas)
    for length in range(1, 60):  # thin lines, one pixel wide
        canvas = np.zeros((2, SIDE, SIDE), np.uint8)
        canvas[0, 40 : 40 + length, 70] = 255
        canvas[1, 70, 40 : 40 + length] = 200
        drawings += list(canvas)
    return np.stack([*drawings, np.zeros((SIDE, SIDE), np.uint8), np.full((SIDE, SIDE), 255, np.uint8)])


@pytest.mark.parametrize(("name", "of_python"), [("centerLikeMnist", center_like_mnist), ("resizeOnly", resize_only)])
def test_the_javascript_centring_gives_the_pixels_of_python(web, dist, name, of_python):
    drawings = many_drawings()
    (dist / "drawings.bin").write_bytes(drawings.tobytes())
    reply = web.page.evaluate(
        """async ([side, name]) => {
          const { [name]: prepare, EmptyDrawing } = await import("./center.js");
          const all = new Uint8Array(await (await fetch("drawings.bin")).arrayBuffer());
          const images = [], refused = [];
          for (let i = 0; i < all.length; i += side * side) {
            try { images.push(prepare(all.subarray(i, i + side * side), side)); }
            catch (error) {
              refused.push([i / side / side, error instanceof EmptyDrawing]);
              images.push(new Float32Array(784));
            }
          }
          const bytes = new Uint8Array(await new Blob(images).arrayBuffer());
          let text = "";
          for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
          return [btoa(text), refused];
        }""",
        [SIDE, name],
    )
    found = np.frombuffer(base64.b64decode(reply[0]), np.float32).reshape(-1, 28, 28)
    refused, expected = [], np.zeros_like(found)
    for number, drawing in enumerate(drawings):
        try:
            expected[number] = of_python(drawing)
        except CourseError as error:
            refused.append([number, isinstance(error, EmptyDrawing)])
    assert reply[1] == refused and 2 <= len(refused) < 300
    different = np.flatnonzero((found != expected).any((1, 2)))
    assert len(different) == 0, f"{len(different)} of {len(found)} differ, first {different[:5]}"


@pytest.mark.parametrize("digit", range(10))
def test_a_digit_drawn_with_the_mouse_is_read_as_in_python(web, digit, root):
    web.pad.draw(strokes_of(digit))
    check_answers(web.answers(), center_like_mnist(web.canvas()))
    assert web.pad.prediction() == digit
    if digit == 3:
        web.page.screenshot(path=root / "tests" / "artefacts" / "web_desktop.png", full_page=True)


# Drawing, choosing, looking


def test_a_finger_draws_on_a_phone_and_does_not_scroll(running, address, root):
    opened = Opened(running, address, **PHONE)
    for digit in (4, 2):
        opened.pad.draw(strokes_of(digit), "touch")
        assert opened.pad.prediction() == digit
        assert opened.page.evaluate("scrollY") == 0
        opened.pad.clear()
    opened.pad.draw(strokes_of(7), "pen")
    assert opened.pad.prediction() == 7
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 360
    opened.answers()
    opened.page.screenshot(path=root / "tests" / "artefacts" / "web_phone.png", full_page=True)
    opened.context.close()


def test_the_keyboard_alone_draws_and_chooses_a_model(web):
    pad = web.pad
    pad.key(*["ArrowUp"] * 10, "Space")
    with pad.answered():
        pad.key(*["ArrowDown"] * 20, "Space")
    assert pad.prediction() == 1
    web.page.locator("#models input").first.focus()
    web.page.keyboard.press("ArrowDown")
    assert web.page.locator("#models tr.chosen").inner_text().split(",")[0].split() == ["mnist_cnn", "float32"]
    assert web.page.locator("#models input").nth(1).is_checked()
    assert pad.prediction() == 1 and pad.status.inner_text().startswith("Prediction: 1")


def test_the_bars_show_the_chosen_model(web):
    web.pad.draw(strokes_of(5))
    web.answers()
    seen = set()
    for number in (6, 0):
        web.page.locator("#models input").nth(number).check()
        answer = web.page.locator("#models tbody tr").nth(number).locator("td").nth(2).inner_text()
        web.pad.wait("root.querySelector('.dp-status').innerText === arg", f"Prediction: {answer}")
        seen.add(web.page.locator("tr.chosen th").inner_text())
    assert len(seen) == 2


def test_the_page_shows_what_the_model_sees_and_switches(web):
    web.pad.draw(strokes_of(9), extent=0.4)
    small = web.pad.root.locator(".dp-small")
    assert "the digit 20 tall" in small.get_attribute("aria-label")
    centred = web.answers()
    web.pad.root.get_by_label("only made small").check()
    web.pad.wait("/the digit 1[0-6] tall/.test(root.querySelector('.dp-small').ariaLabel)")
    image = resize_only(web.canvas())[None]
    [logits] = evaluation.predict(build.read_model_for_page("mnist_cnn", "float32"), image)
    answers = web.answers()
    assert answers["mnist_cnn float32"] == f"{logits.argmax()} ({100 * softmax(logits).max():.0f} %)"
    web.pad.root.get_by_label("centred").check()
    web.pad.wait("/the digit 20 tall/.test(root.querySelector('.dp-small').ariaLabel)")
    assert web.answers() == centred


def test_pad_and_page_have_one_font(web):
    fonts = "selectors => selectors.map(s => getComputedStyle(document.querySelector(s)).fontFamily)"
    assert len(set(web.page.evaluate(fonts, ["body", ".dp-status", ".dp-bar button", ".dp-help", "#models"]))) == 1


@pytest.mark.parametrize("size", [(1024, 768), (683, 384), (375, 667)], ids=str)
def test_prediction_and_winner_are_in_sight_after_a_stroke(running, address, size):
    opened = Opened(running, address, viewport={"width": size[0], "height": size[1]}, has_touch=size[0] < 400)
    opened.pad.draw(strokes_of(8), "touch" if size[0] < 400 else "mouse")
    for selector in (".dp-status", ".dp-best"):
        box = opened.pad.root.locator(selector).bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= size[1] and box["x"] + box["width"] <= size[0], selector
    assert opened.pad.bars()[1][8] > 20
    opened.context.close()


def test_bars_are_visible_in_forced_colours(running, address):
    opened = Opened(running, address, forced_colors="active")
    opened.pad.draw(strokes_of(8))
    colours = """() => ["body", ".dp-best .dp-fill", "tr:not(.dp-best) .dp-fill"].map((s) =>
      getComputedStyle(document.querySelector(s)).backgroundColor)"""
    found = opened.page.evaluate(colours)
    assert len(set(found)) == 3 and "rgba(0, 0, 0, 0)" not in found[1:]
    opened.context.close()


def test_320_pixels_are_wide_enough(running, address, root):
    opened = Opened(running, address, viewport={"width": 320, "height": 640})
    opened.pad.draw(strokes_of(8))
    opened.give("#own_model", "my_model_with_quite_a_long_name.tflite", own_float_model())
    opened.wait_for_message("is in the table")
    opened.answers()
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 320
    opened.page.screenshot(path=root / "tests" / "artefacts" / "web_320.png", full_page=True)
    opened.context.close()


@pytest.mark.slow
def test_a_page_loaded_again_shows_the_drawing(running, address):
    opened = Opened(running, address)
    opened.pad.draw(strokes_of(6))
    before = opened.canvas()
    opened.page.reload()
    opened.wait_until_ready()
    assert np.abs(opened.canvas().astype(int) - before).max() <= 1 and opened.pad.prediction() == 6
    opened.pad.clear()
    opened.page.reload()
    opened.wait_until_ready()
    assert not opened.canvas().any()
    opened.context.close()


def test_an_empty_pad_and_a_dot_get_a_hint(web):
    web.pad.draw(strokes_of(3))
    web.pad.press_button("clear")
    assert web.pad.prediction() is None and "draw one digit" in web.pad.status.inner_text()
    web.pad.key("Space")
    with web.pad.answered():
        web.pad.key("Space")
    assert "only a dot" in web.pad.status.inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["desktop", "phone"])
def test_axe_finds_nothing(running, address, scheme, kind):
    opened = Opened(running, address, color_scheme=scheme, **(PHONE if kind == "phone" else {}))
    opened.pad.draw(strokes_of(8))
    opened.answers()
    for message in (None, "is not a .tflite file"):
        if message:
            opened.give("#own_model", "own.tflite", b"no model at all")
            opened.wait_for_message(message)
        found = Axe().run(opened.page).response
        assert [(v["id"], [node["html"] for node in v["nodes"]]) for v in found["violations"]] == []
        assert len(found["passes"]) > 20
    opened.context.close()


def test_a_screen_reader_hears_what_changes(web):
    live = web.page.locator("[aria-live=polite][role=status]")
    assert live.count() == 2  # the prediction, and what the page says
    web.pad.draw(strokes_of(6))
    assert live.first.inner_text().startswith("Prediction: 6")
    names = web.page.evaluate("() => [...document.querySelectorAll('input')].map(i => i.labels[0].innerText.trim())")
    assert all(names) and len(set(names)) == len(names) == len(build.MODELS) + 4  # two files, the switch


# Privacy, offline, installable


def test_nothing_leaves_the_device(running, address):
    opened = Opened(running, address)
    opened.page.wait_for_function(KEPT)
    loaded = len(opened.requests)
    opened.pad.draw(strokes_of(9))
    opened.answers()
    assert opened.requests[loaded:] == []
    assert all(r.url.startswith((address, "blob:")) and r.method == "GET" for r in opened.requests)
    assert opened.errors == []
    refused = opened.page.evaluate("fetch('https://example.org/').then(() => 'sent', () => 'refused')")
    assert refused == "refused" and "Content Security Policy" in " ".join(opened.errors)
    opened.context.close()


def test_the_page_works_without_a_network_and_notices_a_new_version(running, dist, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(dist, folder)
    server = build.make_server(folder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    opened = Opened(running, f"http://localhost:{server.server_port}/")
    opened.page.wait_for_function(KEPT)
    script = folder / "build.js"
    script.write_text(script.read_text().replace('"version": "', '"version": "next-'))
    opened.page.reload()
    opened.page.wait_for_function("() => document.getElementById('offline').textContent.startsWith('A new version')")
    [kept] = opened.page.evaluate(
        """async () => {
          for (let i = 0; i < 200 && (await caches.keys()).length > 1; i++) await new Promise((r) => setTimeout(r, 50));
          return caches.keys();
        }"""
    )
    assert " next-" in kept
    server.shutdown()
    server.server_close()
    opened.context.set_offline(True)
    opened.page.reload()
    opened.wait_until_ready()
    opened.pad.draw(strokes_of(2))
    assert opened.pad.prediction() == 2 and len(opened.answers()) == len(build.MODELS)
    opened.context.close()


def test_the_page_can_be_installed(running, address, tmp_path):
    context = running.browser_type.launch_persistent_context(
        tmp_path, executable_path=target.find_chromium(), headless=True, args=target.FLAGS
    )
    page = context.new_page()
    page.goto(address)
    page.wait_for_function(KEPT)
    cdp = context.new_cdp_session(page)
    assert cdp.send("Page.getAppManifest")["errors"] == []
    assert cdp.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
    context.close()


# Bad input: one sentence, nothing lost


def own_float_model():
    """A model as lesson 02 makes it: float32, with an open batch."""
    return models.model_path("mnist_ds", "float32").read_bytes()


BAD_MODELS = {
    "truncated": (lambda: own_float_model()[:20_000], "is cut short or damaged (20,000 bytes): copy it again"),
    "foreign": (lambda: png(np.zeros((9, 9), np.uint8)), "is not a .tflite file"),
    "empty": (lambda: b"", "is not a .tflite file"),
    "int8": (lambda: models.model_path("mnist_tiny", "int8").read_bytes(), "has int8 input, and LiteRT.js takes"),
    "zeros": (lambda: own_float_model()[:400] + bytes(30_000), ": (copy|choose|convert)"),
}


@pytest.mark.parametrize("kind", BAD_MODELS)
def test_a_bad_model_is_one_sentence_and_nothing_is_lost(web, kind):
    make, sentence = BAD_MODELS[kind]
    web.pad.draw(strokes_of(4))
    before = web.answers()
    web.give("#own_model", "own.tflite", make())
    said = web.wait_for_message(sentence if kind == "zeros" else re.escape(sentence))
    assert "own.tflite" in said and said.count(". ") == 0 and said.endswith(".")
    assert web.answers() == before and web.pad.prediction() == 4
    web.pad.clear()
    web.pad.draw(strokes_of(7))
    assert web.pad.prediction() == 7


def test_a_model_for_other_pictures_is_refused(web):
    import tensorflow as tf

    model = tf.keras.Sequential([tf.keras.layers.Input((8, 8), batch_size=1), tf.keras.layers.Flatten()])
    web.give("#own_model", "own.tflite", tf.lite.TFLiteConverter.from_keras_model(model).convert())
    assert "goes from [1,8,8] to [1,64]" in web.wait_for_message("28 x 28")


@pytest.mark.slow
def test_ones_own_model_with_an_open_batch_runs(running, address):
    opened = Opened(running, address)
    opened.pad.draw(strokes_of(0))
    opened.give("#own_model", "my_model.tflite", own_float_model())
    opened.wait_for_message("is in the table")
    answers = opened.answers()
    assert len(answers) == len(build.MODELS) + 1
    assert answers["my_model.tflite yours"] == answers["mnist_ds float32"]
    assert "batch fixed to 1" in opened.page.locator("#models tr.chosen").inner_text()
    opened.page.wait_for_function("() => +document.querySelector('#models tr.chosen').cells[2].innerText > 0")
    assert opened.errors == []
    opened.context.close()


@pytest.mark.slow
def test_ones_own_model_is_taken_once_and_can_be_removed(running, address):
    opened = Opened(running, address)
    opened.pad.draw(strokes_of(0))
    rows = opened.page.locator("#models tbody tr")
    for name, said in (
        ("mine.tflite", "is in the table, and"),
        ("copy.tflite", "is in the table already as mine.tflite"),
    ):
        opened.give("#own_model", name, own_float_model())
        opened.wait_for_message(f"{name} {said}")
        assert rows.count() == len(build.MODELS) + 1
    opened.give("#own_model", "other.tflite", models.model_path("mnist_cnn", "float32").read_bytes())
    opened.wait_for_message("other.tflite is in the table")
    opened.page.get_by_role("button", name="Remove other.tflite").press("Enter")
    opened.wait_for_message("other.tflite is not in the table any more")
    assert rows.count() == len(build.MODELS) + 1 and rows.first.locator("input").is_checked()
    assert opened.page.evaluate("document.activeElement === document.querySelector('#models input')")
    opened.page.get_by_role("button", name="Remove mine.tflite").click()
    assert rows.count() == len(build.MODELS) == len(opened.answers())
    opened.give("#own_model", "mine.tflite", own_float_model())  # and it can come back
    opened.wait_for_message("mine.tflite is in the table, and")
    opened.pad.clear()
    opened.pad.draw(strokes_of(7))
    assert opened.answers()["mine.tflite yours"][0] == "7" and opened.errors == []
    opened.context.close()


ASK = """async ([text, count]) => {
  const { DigitModel } = await import("./runtime.js"), { Problem } = await import("./problem.js");
  const images = new Float32Array(await (await fetch("images.bin")).arrayBuffer()), rows = [];
  try {
    const model = await DigitModel.load(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)), "m.tflite");
    for (let i = 0; i < count; i++) rows.push(await model.probabilities(images.subarray(784 * i, 784 * i + 784)));
    model.delete();
    return { rows, hint: model.hint };
  } catch (error) { return error instanceof Problem ? { refused: error.message } : { mistake: String(error.stack) }; }
}"""
# What LiteRT.js cannot take, and the words that say what helps.
REFUSED_FORMS = {
    "int8": "inference_output_type = tf.uint8",
    "int8, softmax": "inference_output_type = tf.uint8",
    "int8, softmax, batch 1": "inference_output_type = tf.uint8",
    "int16 x 8, int16": "inference_output_type = tf.uint8",
    "int16 x 8, int16, -1 to 1": "inference_output_type = tf.uint8",
    "Rescaling, int8": "inference_output_type = tf.uint8",
    "-1 to 1, int8": "inference_output_type = tf.uint8",
    "int8 without scale": "inference_output_type = tf.uint8",
    "float16 in and out": "make its input float32",
    "float64 in and out": "make its input float32",
    "two signatures": "choose one trained on MNIST",
    "LSTM, batch 1": "TFLITE_BUILTINS",  # LiteRT.js: "Variable tensors not yet supported"
    "LSTM, batch 4": "TFLITE_BUILTINS",
    "variable that counts": "convert it without state",
    # the files that nobody can run
    "RGB": "goes from [1,28,28,3] to [1,10]",
    "32 x 32": "goes from [1,32,32,1] to [1,10]",
    "two inputs": "goes from [1,10] and [1,28,28] to [1,10]",
    "audio": "goes from [1,16000] to [1,10]",
    "seven numbers": "goes from [1,28,28] to [1,7]",
    "argmax": "has int64 output, and LiteRT.js takes float32, int32 or uint8: let it end at its ten numbers",
    "string": "has string input",
    "Select TF": "needs the operator FlexMatrixInverse, which LiteRT.js lacks: convert it with TFLITE_BUILTINS only",
    "Select TF, open batch": "needs the operator FlexMatrixInverse, which LiteRT.js lacks",
}
HINTED_FORMS = {"unset variables": "of 20 known digits", "two heads of ten": ""}


@pytest.mark.slow
def test_every_form_of_a_model_is_read_or_refused_in_one_sentence(web, dist, tmp_path_factory):
    pytest.importorskip("tensorflow", reason="The forms are converted with TensorFlow.")
    made, others = all_forms(tmp_path_factory)
    (dist / "images.bin").write_bytes(golden.golden_images(np.float32)[:60].tobytes())
    contents = {name: form.content for name, form in made.items()} | {name: file for name, (file, _) in others.items()}
    for name, content in contents.items():
        reply = web.page.evaluate(ASK, [base64.b64encode(content).decode(), 60])
        assert "mistake" not in reply, (name, reply)
        if name in REFUSED_FORMS:
            said = reply.get("refused", "it was taken")
            assert REFUSED_FORMS[name] in said and said.count(". ") == 0 and said.endswith("."), (name, said)
            continue
        assert "rows" in reply, (name, reply)
        rows = np.array(reply["rows"])
        if name in HINTED_FORMS:
            assert HINTED_FORMS[name] in reply["hint"]
            continue
        form = made[name]
        assert np.mean(rows.argmax(1) == form.digits) >= form.agree, name
        assert rows.max(axis=1).mean() > 0.85, f"{name} is shown as unsure: a second softmax?"
        assert bool(reply["hint"]) == (form.input_range != (0, 1)), (name, reply["hint"])
    web.errors.clear()  # what the runtime says of the files that it refuses


def test_damaged_models_never_end_the_page(web):
    rng = np.random.default_rng(3)
    whole = build.read_model_for_page("mnist_nano", "uint8")
    for number in range(40):
        content = np.frombuffer(whole, np.uint8).copy()
        content[rng.integers(8, len(content), 1 + number % 9)] = rng.integers(0, 256)
        said = web.page.evaluate(
            """async (text) => {
              const { DigitModel } = await import("./runtime.js"), { Problem } = await import("./problem.js");
              try {
                const model = await DigitModel.load(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)));
                model.delete();
                return "";
              } catch (error) { return error instanceof Problem ? "" : String(error); }
            }""",
            base64.b64encode(content.tobytes()).decode(),
        )
        assert said == ""
    of_the_runtime = re.compile("ERROR|failed to|^$")  # what it says of such files
    assert [line for line in web.errors if not of_the_runtime.search(line)] == []
    web.errors.clear()
    web.pad.draw(strokes_of(3))
    assert web.pad.prediction() == 3


@pytest.mark.parametrize("kind", ["as in MNIST", "on white paper", "large, not square"])
def test_a_picture_is_read(web, kind):
    (_, _), (images, labels) = load_mnist(raw=True)
    picture, label = images[0], int(labels[0])
    if kind != "as in MNIST":
        picture = 255 - picture
    if kind == "large, not square":
        picture = np.pad(picture.repeat(30, 0).repeat(30, 1), ((0, 0), (200, 0)), constant_values=255)
    web.give("#own_picture", "digit.png", png(picture))
    web.wait_for_message("digit.png is on the pad")
    web.pad.wait_for_prediction(str(label))
    assert set(answer[0] for answer in web.answers().values()) == {str(label)}


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("dot.png", png(np.zeros((2, 3), np.uint8)), "dot.png has 3 x 2 pixels, a digit needs 14 to 8,192 a side"),
        ("wide.png", png(np.zeros((20, 9000), np.uint8)), "wide.png has 9000 x 20 pixels"),
        ("notes.txt", b"not a picture", "notes.txt is neither a .tflite file nor a picture"),
    ],
)
def test_a_wrong_picture_is_one_sentence_and_the_drawing_stays(web, name, content, sentence):
    web.pad.draw(strokes_of(5))
    web.give("#own_picture", name, content)
    web.wait_for_message(re.escape(sentence))
    assert web.pad.prediction() == 5


def test_files_can_be_dropped(web):
    drop = """([name, values]) => {
      const data = new DataTransfer();
      data.items.add(new File([Uint8Array.from(values)], name));
      document.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    }"""
    picture = png(load_mnist(raw=True)[1][0][1])  # a 2
    web.page.evaluate(drop, ["two.png", list(picture)])
    web.pad.wait_for_prediction("2")
    web.page.evaluate(drop, ["own.tflite", list(b"no model")])
    web.wait_for_message("own.tflite is not a .tflite file")
    assert web.pad.prediction() == 2


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("delete globalThis.WebAssembly", "has no WebAssembly"),
        ("delete globalThis.DecompressionStream", "too old to unpack the runtime"),
        ("WebAssembly.instantiate = () => Promise.reject(new Error('out of memory'))", "out of memory"),
    ],
)
def test_a_browser_that_cannot_run_it_is_told_so(running, address, script, sentence):
    opened = Opened(running, address, init_script=script, wait=False)
    said = opened.wait_for_message(sentence)
    assert said.count(". ") == 0 and said.endswith(".")
    opened.pad.mouse_stroke(opened.pad.place(strokes_of(1))[0])
    assert opened.pad.ink() > 1000  # one can still draw
    assert opened.errors == []
    opened.context.close()


def test_a_runtime_that_does_not_come_is_one_sentence(running, address):
    opened = Opened(running, "about:blank", wait=False)
    opened.page.route("**/*.wasm.gz", lambda route: route.abort())
    opened.page.goto(address)
    assert "check the network" in opened.wait_for_message("The runtime could not be loaded")
    opened.context.close()
