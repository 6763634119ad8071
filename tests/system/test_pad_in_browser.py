"""The drawing pad as people use it: real JupyterLab and Notebook 7, real Chromium, mouse, finger, pen and keyboard."""

import os

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

from tests import ROOT
from tests.tools.jupyter_browser import NotebookPage, Pad, chromium, jupyter
from tflite_course.pad import Recognizer
from tflite_course.pad.strokes import draw_strokes, invent_digit
from tflite_course.targets.browser import NoBrowser, find_chromium

pytestmark = pytest.mark.xdist_group("browser")

ARTEFACTS = ROOT / "tests" / "artefacts"
CELLS = [
    "from tflite_course.pad import DigitPad\n\npad = DigitPad()\npad",
    "controlled = DigitPad()\ncontrolled.with_controls()",
]
SEED = 2  # of digits that the shipped model reads right, and surely


def digit_strokes(digit):
    """Return the strokes of a digit that the shipped model is sure of, or fail: then it is not the pad's fault."""
    strokes = invent_digit(digit, np.random.default_rng(SEED))
    probability = Recognizer()(draw_strokes(strokes))[digit]
    assert probability > 0.95, f"In Python the model gives digit {digit} only {probability:.0%}: choose another seed."
    return strokes


@pytest.fixture(scope="module")
def browser():
    try:
        find_chromium()
    except NoBrowser as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    ARTEFACTS.mkdir(exist_ok=True)
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def server(browser):
    with jupyter() as running:
        running.write("pad.ipynb", CELLS)
        yield running


@pytest.fixture(scope="module")
def lab(browser, server):
    """JupyterLab with two pads: a plain one, and one with controls."""
    notebook = NotebookPage(browser, server, "pad.ipynb")
    notebook.run_all()
    yield notebook
    notebook.close()


@pytest.fixture
def pad(lab):
    """The plain pad, blank, with the course's model; the page must not write errors to its console."""
    lab.errors.clear()
    pad = Pad(lab)
    pad.clear()
    yield pad
    assert lab.errors == []


@pytest.fixture
def controlled(lab):
    """The pad with controls, blank."""
    pad = Pad(lab, 1)
    pad.clear()
    return pad


def look_for_violations(notebook, selector):
    """Return what axe-core finds wrong for people who see, hear or point otherwise; [] is good."""
    found = Axe().run(notebook.page, context=selector).response
    assert found["passes"], f"axe-core found nothing to look at in {selector}"
    return [(v["id"], [node["html"] for node in v["nodes"]]) for v in found["violations"]]


@pytest.mark.parametrize("digit", range(10))
def test_a_digit_drawn_with_the_mouse_is_recognized(lab, pad, digit):
    pad.draw(digit_strokes(digit))
    assert pad.prediction() == digit
    assert pad.status.inner_text().startswith(f"Prediction: {digit} (")
    percent, widths = pad.bars()
    assert int(percent[digit].split()[0]) == max(int(p.split()[0]) for p in percent) > 50
    assert widths[digit] == max(widths) > 80
    assert lab.python("", "pad.prediction") == digit
    if digit == 3:
        pad.page.screenshot(path=ARTEFACTS / "pad_jupyterlab.png")


def test_a_finger_draws_and_does_not_scroll_the_page(lab, pad):
    events = """() => { window.touched = []; for (const name of ["pointerdown", "pointerup", "pointercancel"])
      document.addEventListener(name, (e) => touched.push(`${name} ${e.pointerType}`), true); }"""
    scrolled = "() => [...document.querySelectorAll('*')].filter(n => n.scrollTop).map(n => [n.className, n.scrollTop])"
    pad.page.evaluate(events)
    pad.box()
    before = pad.page.evaluate(scrolled)
    for digit in (4, 2):
        strokes = digit_strokes(digit)
        pad.draw(strokes, "touch")
        assert pad.prediction() == digit
        assert pad.page.evaluate("() => touched.splice(0)") == ["pointerdown touch", "pointerup touch"] * len(strokes)
        assert pad.page.evaluate(scrolled) == before
        pad.clear()
        pad.page.evaluate("() => touched.splice(0)")


def test_a_pen_draws_and_its_pressure_sets_the_width(pad):
    strokes = digit_strokes(7)
    pad.draw(strokes, "pen")
    assert pad.prediction() == 7
    normal = pad.ink()
    pad.clear()
    [line, *_] = pad.place(strokes)
    with pad.answered():
        pad.pen_stroke(line, force=0.1)
    light = pad.ink()
    pad.clear()
    with pad.answered():
        pad.pen_stroke(line, force=1.0)
    assert 0 < light < normal
    assert pad.ink() > 1.5 * light


def test_the_keyboard_alone_draws_undoes_and_clears(pad):
    def draw_a_one():
        pad.key(*["ArrowUp"] * 10, "Space")
        with pad.answered():
            pad.key(*["ArrowDown"] * 20, "Space")
        pad.key(*["ArrowUp"] * 10)  # back to the middle

    draw_a_one()
    assert pad.prediction() == 1
    inked = pad.ink()
    assert inked > 2000
    pad.page.screenshot(path=ARTEFACTS / "pad_keyboard.png")
    pad.key(*["ArrowRight"] * 6, "Space")
    with pad.answered():
        pad.key("ArrowRight", "Shift+ArrowRight", "Space")
    assert pad.ink() > inked
    with pad.answered():
        pad.key("u")
    assert pad.ink() == pytest.approx(inked, rel=0.05)  # the cursor covers another part of the line
    assert pad.prediction() == 1
    with pad.answered():
        pad.key("Delete")
    assert pad.ink() == 0
    assert pad.prediction() is None


def test_undo_while_the_pen_is_down_takes_back_its_prediction(pad):
    pad.key(*["ArrowUp"] * 10, "Space", *["ArrowDown"] * 20)
    pad.wait_for_prediction(1)  # of a stroke that is not finished
    with pad.answered():
        pad.key("u")  # Python gets the same pixels as before the stroke
    assert pad.ink() == 0
    assert pad.prediction() is None


def test_keys_on_the_pad_do_not_reach_the_notebook(lab, pad):
    state = """() => { const notebook = jupyterapp.shell.currentWidget.content;
      return [notebook.widgets.length, notebook.activeCellIndex, notebook.mode]; }"""
    pad.draw(digit_strokes(1))
    before, inked = pad.page.evaluate(state), pad.ink()
    for node in (pad.canvas, pad.root.locator("button").first):
        node.focus()
        for key in "ddax":
            pad.page.keyboard.press(key)
    # A cell that was to be deleted would be gone by now: the keys are handled before the kernel answers.
    assert lab.python("", "pad.prediction") == 1
    assert pad.page.evaluate(state) == before
    assert pad.ink() == inked


def test_the_buttons_undo_and_clear(pad):
    strokes = digit_strokes(4)  # two strokes
    pad.draw(strokes[:1])
    one = pad.ink()
    pad.draw(strokes)
    two = pad.ink()
    pad.press_button("undo")
    assert one <= pad.ink() < two
    pad.press_button("clear")
    assert pad.ink() == 0
    assert pad.prediction() is None


def test_an_empty_pad_shows_a_hint_and_no_bar(lab, pad):
    pad.draw(digit_strokes(8))
    pad.press_button("clear")
    assert "draw one digit" in pad.status.inner_text().lower()
    assert pad.bars() == ([""] * 10, [0] * 10)
    assert pad.prediction() is None
    assert lab.python("", "[pad.prediction, pad.probabilities]") == [None, None]
    other = Pad(lab, 1)  # nobody has drawn there yet
    assert "draw one digit" in other.status.inner_text().lower()
    assert other.bars() == ([""] * 10, [0] * 10)


def test_a_click_leaves_a_dot_and_a_hint(pad):
    left, top, side = pad.box()
    with pad.answered():
        pad.page.mouse.click(left + side / 2, top + side / 2)
    assert pad.ink() > 100
    assert "only a dot" in pad.status.inner_text()
    assert pad.bars() == ([""] * 10, [0] * 10)


def test_an_empty_pad_can_be_cleared_again(pad):
    for action in ("clear", "undo", "clear"):
        pad.press_button(action)
    pad.draw(digit_strokes(0))
    assert pad.prediction() == 0


def test_the_prediction_follows_while_the_pointer_is_down(pad):
    [line] = pad.place(digit_strokes(3))
    pad.mouse_down(line)
    pad.wait_for_prediction(3)
    assert pad.root.get_attribute("aria-busy") == "true"
    assert max(pad.bars()[1]) > 80
    with pad.answered():
        pad.page.mouse.up()
    assert pad.root.get_attribute("aria-busy") is None
    assert pad.prediction() == 3


def test_a_predict_function_that_fails_shows_its_message_and_keeps_the_drawing(lab, pad):
    lab.python("own = pad.predict\ndef fail(canvas):\n    raise ValueError('no such layer')\npad.predict = fail")
    try:
        pad.draw(digit_strokes(6))
        assert pad.status.inner_text() == "Your predict function failed with ValueError: no such layer"
        assert pad.bars() == ([""] * 10, [0] * 10)
        assert pad.ink() > 2000
        assert lab.python("", "[type(e).__name__ for e in pad.errors]")[-1] == "ValueError"
    finally:
        lab.python("pad.predict = own\npad.refresh()")
    pad.page.wait_for_function(
        "status => status.innerText.startsWith('Prediction: 6')", arg=pad.status.element_handle()
    )


def test_an_image_that_python_sets_appears_on_the_canvas(lab, pad):
    lab.python(
        "import numpy as np\nfrom tflite_course.pad.strokes import invent_digit\n"
        f"pad.draw(invent_digit(5, np.random.default_rng({SEED})))"
    )
    pad.wait_for_prediction(5)
    assert pad.ink() == pytest.approx(np.count_nonzero(draw_strokes(digit_strokes(5)) > 127), rel=0.05)
    lab.python("pad.clear()")
    pad.wait_for_prediction(None)
    assert pad.ink() == 0


def test_the_controls_choose_model_and_pen_width(lab, controlled):
    controlled.draw(digit_strokes(9))
    thin, before = controlled.ink(), lab.python("", "[float(p) for p in controlled.probabilities]")
    menu, slider = lab.page.get_by_label("Model"), lab.page.get_by_label("Pen width")
    menu.select_option("mnist_cnn, int8")
    asked = "round(float(controlled.predict.contract.source['quantization'][0]), 6) > 0"
    assert lab.python("", asked) is True  # the same kernel handles messages in order: the choice has arrived
    assert lab.python("", "[float(p) for p in controlled.probabilities]") != before
    assert controlled.prediction() == 9
    controlled.clear()
    slider.focus()
    for _ in range(8):
        lab.page.keyboard.press("ArrowRight")
    controlled.draw(digit_strokes(9))
    assert controlled.ink() > 1.2 * thin
    assert lab.python("", "controlled.pen_width") == 28
    lab.page.screenshot(path=ARTEFACTS / "pad_controls.png")
    menu.select_option("mnist_cnn, float32")


def test_a_page_loaded_again_shows_drawing_and_prediction(lab, pad):
    pad.draw(digit_strokes(2))
    inked, bars = pad.ink(), pad.bars()
    lab.command("docmanager:save")
    lab.page.reload()
    lab.wait_for_kernel()
    pad.root.wait_for()
    assert pad.ink() == pytest.approx(inked, rel=0.03)
    assert pad.bars()[0] == bars[0]
    assert pad.prediction() == 2
    pad.draw(digit_strokes(1)[:1], extent=0.2)  # and it still answers


def test_a_narrow_window_keeps_the_canvas_square(lab, pad):
    size = pad.page.viewport_size
    pad.page.set_viewport_size({"width": 400, "height": 800})
    try:
        pad.wait("root.offsetWidth < 400")
        box = pad.canvas.bounding_box()
        assert box["width"] == pytest.approx(box["height"], abs=1)
        assert box["width"] > 180
        pad.draw(digit_strokes(3))
        assert pad.prediction() == 3
        pad.page.screenshot(path=ARTEFACTS / "pad_narrow.png")
    finally:
        pad.page.set_viewport_size(size)


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_the_pad_is_accessible_in_both_themes(lab, pad, controlled, theme):
    lab.command("apputils:change-theme", theme=theme)
    dark = "Dark" in theme
    pad.page.wait_for_function("dark => document.body.dataset.jpThemeLight === String(!dark)", arg=dark)
    pad.draw(digit_strokes(8))
    if dark:
        pad.page.screenshot(path=ARTEFACTS / "pad_dark.png")
    assert look_for_violations(lab, ".digitpad") == []
    assert look_for_violations(lab, ".jp-OutputArea-output:has(select)") == []


def test_notebook_7_and_a_kernel_that_was_restarted(browser, server):
    server.write("pad7.ipynb", CELLS[:1])
    notebook = NotebookPage(browser, server, "pad7.ipynb", kind="notebook")
    notebook.run_all()
    notebook.errors.clear()  # Notebook itself writes some while it loads
    pad = Pad(notebook)
    pad.draw(digit_strokes(5))
    assert pad.prediction() == 5
    pad.page.screenshot(path=ARTEFACTS / "pad_notebook7.png")
    assert look_for_violations(notebook, ".digitpad") == []
    notebook.restart_kernel()
    for points in pad.place(digit_strokes(4)):
        pad.mouse_stroke(points)
    pad.wait("root.querySelector('.dp-status').innerText.includes('run its cell again')")
    assert notebook.errors == []
    notebook.close()
