"""The drawing pad as people use it: real JupyterLab and Notebook 7, real Chromium, mouse, finger, pen and keyboard."""

import contextlib

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.benchmarks.pad import NODELAY
from tests.tools.jupyter_browser import ARTEFACTS, NotebookPage, Pad, jupyter
from tflite_course.datasets import load_pen_strokes
from tflite_course.pad import Recognizer, paint_photo
from tflite_course.pad.strokes import draw_strokes, invent_digit

pytestmark = pytest.mark.xdist_group("browser")

CELLS = [  # the first as in a lesson: without it LiteRT's log may stand above the pad
    "from tflite_course.setup import prepare\n\nprepare(tensorflow=False)",
    "from tflite_course.pad import DigitPad\n\npad = DigitPad()\npad",
    "controlled = DigitPad()\ncontrolled.with_controls()",
]
KEEPING = [
    "import numpy as np\nfrom tflite_course.pad import DigitPad\n"
    "def stored():\n"
    "    with np.load('work/my_digits.npz') as file:\n"
    "        return [file['labels'].tolist(), file['predictions'].tolist()]",
    "own = DigitPad()\nown.with_controls(keep='work/my_digits.npz')",
    "other = DigitPad()\nother.with_controls(keep='work/my_digits.npz')",
]
SEED = 2  # of digits that the shipped model reads right, and surely


def digit_strokes(digit):
    """Return the strokes of a digit that the shipped model is sure of, or fail: then it is not the pad's fault."""
    strokes = invent_digit(digit, np.random.default_rng(SEED))
    probability = Recognizer()(draw_strokes(strokes))[digit]
    assert probability > 0.95, f"In Python the model gives digit {digit} only {probability:.0%}: choose another seed."
    return strokes


@pytest.fixture(scope="module")
def server(browser):
    with jupyter() as running:
        running.write("pad.ipynb", CELLS)
        yield running


@pytest.fixture
def keeping(browser, server):
    """JupyterLab with two pads that keep in one file, which is not there yet."""
    (server.folder / "work" / "my_digits.npz").unlink(missing_ok=True)
    server.write("keeping.ipynb", KEEPING)
    notebook = NotebookPage(browser, server, "keeping.ipynb", size=(1100, 1800))
    notebook.run_all()
    notebook.show_cell(1)
    yield notebook
    assert notebook.errors == []
    notebook.close()


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


@pytest.mark.parametrize("nudging", [True, False])
def test_the_page_hurries_the_answer_where_it_is_told_to(lab, pad, nudging):
    lab.python(
        f"import time; told = []; pad.nudging = {nudging}; usual = pad.predict\n"
        "pad.on_msg(lambda _, content, __: told.append(content['kind']))\n"
        "pad.predict = lambda canvas: (time.sleep(0.2), usual(canvas))[1]"
    )
    pad.draw([digit_strokes(1)[0]])
    lab.python("pad.predict, pad.nudging = usual, True")
    assert ("nudge" in lab.python("", "told")) == nudging


def test_with_the_server_of_make_lab_the_page_hurries_nothing(browser, lab):
    assert lab.python("", "pad.nudging")
    with jupyter(NODELAY) as running:
        running.write("pad.ipynb", CELLS[:2])
        notebook = NotebookPage(browser, running, "pad.ipynb")
        notebook.run_all()
        assert not notebook.python("", "pad.nudging")
        notebook.close()


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
    assert "Nothing yet" in pad.root.locator(".dp-small").get_attribute("aria-label")
    assert lab.python("", "[pad.prediction, pad.probabilities]") == [None, None]
    other = Pad(lab, 1)  # nobody has drawn there yet
    assert "draw one digit" in other.status.inner_text().lower()
    assert other.bars() == ([""] * 10, [0] * 10)


def test_undo_brings_a_cleared_drawing_back(pad):
    pad.draw(digit_strokes(4))
    inked = pad.ink()
    for clear in (lambda: pad.press_button("clear"), lambda: pad.key("Delete")):
        with pad.answered():
            clear()
        assert pad.ink() == 0
        pad.press_button("clear")  # once more by accident
        pad.press_button("undo")
        assert pad.ink() == inked and pad.prediction() == 4
    undo, clear = (pad.root.locator(f"[data-action={a}]").bounding_box() for a in ("undo", "clear"))
    assert clear["x"] - undo["x"] - undo["width"] > 60  # not hit by accident


def test_undo_brings_back_what_python_drew_over(lab, pad):
    pad.draw(digit_strokes(7))
    inked = pad.ink()
    lab.python("import numpy as np\npad.image = np.eye(140, dtype=bool)")
    pad.wait("!root.querySelector('.dp-status').innerText.startsWith('Prediction: 7')")
    pad.press_button("undo")
    assert pad.ink() == inked and pad.prediction() == 7


SMALL = """canvas => {
  const c = document.createElement("canvas");
  c.width = c.height = 28;
  c.getContext("2d").drawImage(canvas, 0, 0, 28, 28);
  return [...c.getContext("2d").getImageData(0, 0, 28, 28).data.filter((_, i) => i % 4 === 0)];
}"""


def test_the_pad_shows_what_the_model_sees_and_switches(lab, pad):
    small = pad.root.locator(".dp-small")
    box = small.bounding_box()
    assert abs(box["width"] - 114) < 1 and abs(box["height"] - 114) < 1  # 112 and its border
    pad.draw(digit_strokes(9), extent=0.4)
    shown = np.array(small.evaluate(SMALL)).reshape(28, 28)
    seen = np.array(lab.python("", "(pad.seen * 255).round().astype(int).tolist()"))
    mark = np.abs(shown - seen) > 60  # the frame of 20 pixels and the cross lie above the image
    assert mark.sum() < 120 and np.corrcoef(shown[~mark], seen[~mark])[0, 1] > 0.99
    assert "the digit 20 tall" in small.get_attribute("aria-label")
    pad.root.get_by_label("only made small").check()
    pad.wait("/the digit 1[0-6] tall/.test(root.querySelector('.dp-small').ariaLabel)")
    assert lab.python("", "pad.preprocess") == "only made small"
    assert lab.python("", "int((pad.seen > 0).any(1).sum())") < 17
    pad.root.get_by_label("only made small").focus()
    pad.page.keyboard.press("ArrowUp")  # the other one, by keyboard
    pad.wait("/the digit 20 tall/.test(root.querySelector('.dp-small').ariaLabel)")


def test_what_the_model_sees_follows_while_the_pointer_is_down(pad):
    [line] = pad.place(digit_strokes(3))
    pad.mouse_down(line)
    pad.wait("/the digit/.test(root.querySelector('.dp-small').ariaLabel)")
    with pad.answered():
        pad.page.mouse.up()


# A photograph of paper


def test_a_photo_is_chosen_and_read_and_a_text_is_refused(browser, server, tmp_path):
    pens = load_pen_strokes(10)
    content = paint_photo([pen.strokes for pen in pens], np.random.default_rng(1), turned=True)
    (tmp_path / "paper.jpg").write_bytes(content)
    (tmp_path / "notes.jpg").write_text("A text.")
    server.write("photo.ipynb", ["from tflite_course.pad import PhotoBox\n\nbox = PhotoBox()", "box"])
    notebook = NotebookPage(browser, server, "photo.ipynb", size=(1100, 1400))
    try:
        notebook.run_all()
        page = notebook.page
        page.get_by_text("Nothing yet: choose a photo").wait_for()
        for name, sentence in (
            ("paper.jpg", "the photo is upright now. Found and read: "),
            ("notes.jpg", "is not a pic"),
        ):
            with page.expect_file_chooser() as chooser:
                page.get_by_role("button", name="Choose a photo").click()
            chooser.value.set_files(tmp_path / name)
            page.get_by_role("status").filter(has_text=sentence).wait_for()
            captions = page.locator(".jp-OutputArea figcaption")
            captions.nth(len(pens) - 1).wait_for()
            read = captions.all_inner_texts()
            assert [int(text.split()[0]) for text in read] == [pen.label for pen in pens]  # a refusal wipes nothing
        assert page.locator('img[alt^="The photo with a frame"]').evaluate("picture => picture.naturalWidth") > 300
        assert look_for_violations(notebook, ".jp-OutputArea-output:has(figure)") == []
        page.screenshot(path=ARTEFACTS / "photo.png")
        assert notebook.errors == []
    finally:
        notebook.close()


# A drawing is kept by one press


@contextlib.contextmanager
def kept(pad):
    """Do something that keeps the drawing, and wait until it is shown below and the pad is clear."""
    before = pad.root.locator(".dp-kept li").count()
    yield
    pad.wait("root.querySelectorAll('.dp-kept li').length > arg", before)
    pad.wait("root.querySelector('.dp-status').innerText.startsWith('The drawing is empty')")
    assert pad.ink() == 0


def press_digit(pad, digit):
    """Press a digit under the pad."""
    with kept(pad):
        pad.root.get_by_role("button", name=f"This was a {digit}: keep it").click()


def note(pad):
    return pad.root.locator(".dp-note").inner_text()


def test_one_press_keeps_exactly_the_drawing(keeping, server):
    pad = Pad(keeping)
    pad.draw(digit_strokes(5))
    drawn = np.array(keeping.python("", "own.image.tolist()"))
    press_digit(pad, 5)
    with np.load(server.folder / "work" / "my_digits.npz") as file:
        assert file["labels"].tolist() == file["predictions"].tolist() == [5]
        assert np.array_equal(file["drawings"][0], drawn)
        assert len(file["strokes"]) == len(digit_strokes(5)) and len(file["points"]) > 10
    assert note(pad) == "1 kept, 1 read right"
    pad.draw(digit_strokes(3))
    with kept(pad):
        pad.key("3")  # the keyboard, while the canvas has the focus
    pad.draw(digit_strokes(4))
    press_digit(pad, 7)
    assert keeping.python("", "stored()") == [[5, 3, 7], [5, 3, 4]]
    assert note(pad) == "3 kept, 2 read right"
    words = pad.root.locator(".dp-kept li").all_inner_texts()
    assert ["read as 4" in words[0], "right" in words[1], "right" in words[2]] == [True] * 3
    assert look_for_violations(keeping, ".digitpad") == []
    pad.page.screenshot(path=ARTEFACTS / "pad_kept.png")


@pytest.mark.slow
def test_ten_digits_with_the_keyboard_alone(keeping):
    pad = Pad(keeping)
    for digit in range(10):
        with kept(pad):
            pad.key("Space", *["ArrowDown"] * 6, str(digit))  # the pen is still down
        pad.key(*["ArrowUp"] * 6)
    labels, _ = keeping.python("", "stored()")
    assert labels == list(range(10)) and note(pad).startswith("10 kept")


@pytest.mark.slow
def test_a_cell_run_again_a_restart_and_two_pads_lose_nothing(keeping):
    first, second = Pad(keeping), Pad(keeping, 1)
    first.draw(digit_strokes(1)[:1])
    press_digit(first, 1)
    keeping.show_cell(2)
    second.draw(digit_strokes(2))
    press_digit(second, 2)
    assert note(second).startswith("2 kept")
    keeping.run_all()  # the cells are run again
    assert keeping.python("", "stored()[0]") == [1, 2]
    assert note(first).startswith("2 kept") and first.root.locator(".dp-kept li").count() == 2
    keeping.restart_kernel()
    keeping.run_all()
    keeping.show_cell(1)
    first.draw(digit_strokes(6))
    press_digit(first, 6)
    assert keeping.python("", "stored()[0]") == [1, 2, 6]
    assert first.root.locator(".dp-kept li").count() == 3


@pytest.mark.slow
def test_what_is_not_kept_stays_on_the_pad(keeping):
    pad = Pad(keeping)
    pad.root.get_by_role("button", name="This was a 4: keep it").click()
    pad.wait("root.querySelector('.dp-note').innerText.startsWith('There is nothing to keep')")
    keeping.python("from pathlib import Path\nPath('work/my_digits.npz').mkdir(parents=True)")
    pad.draw(digit_strokes(4))
    inked = pad.ink()
    pad.key("4")
    pad.wait("root.querySelector('.dp-note').innerText.includes('cannot be read')")
    assert pad.ink() == inked and pad.prediction() == 4
    keeping.python("Path('work/my_digits.npz').rmdir()")
    press_digit(pad, 4)  # and the next press keeps it
    assert keeping.python("", "stored()[0]") == [4]


@pytest.mark.slow
def test_one_is_removed_and_put_back(keeping):
    pad = Pad(keeping)
    for digit in (5, 3):
        pad.draw(digit_strokes(digit))
        press_digit(pad, digit)
    pad.root.get_by_role("button", name="Remove the 5, read right").click()
    pad.wait("root.querySelectorAll('.dp-kept li').length === 1")
    assert keeping.python("", "stored()[0]") == [3]
    pad.root.get_by_role("button", name="Put it back").click()
    pad.wait("root.querySelectorAll('.dp-kept li').length === 2")
    assert sorted(keeping.python("", "stored()[0]")) == [3, 5]


@pytest.mark.slow
def test_a_press_while_the_kernel_is_busy_keeps_once_and_loses_no_new_stroke(keeping):
    pad = Pad(keeping)
    pad.draw(digit_strokes(8))
    pad.page.evaluate(
        "() => { jupyterapp.shell.currentWidget.context.sessionContext.session.kernel"
        ".requestExecute({ code: 'import time; time.sleep(2)' }); }"
    )
    for _ in range(3):
        pad.key("8")
    for points in pad.place(digit_strokes(1)[:1]):
        pad.mouse_stroke(points)
    pad.wait_for_prediction("1")
    assert keeping.python("", "stored()[0]") == [8]
    assert 1000 < pad.ink()
    press_digit(pad, 1)
    assert keeping.python("", "stored()[0]") == [8, 1]


# In sight on every screen


def in_sight(pad, selector):
    """Is an element whole inside what the window shows of the notebook or page?"""
    return pad.root.locator(selector).evaluate(
        """node => {
          const box = node.getBoundingClientRect();
          const points = [[box.left + 2, box.top + 2], [box.right - 2, box.bottom - 2]];
          return box.width > 0 && points.every(([x, y]) => node.contains(document.elementFromPoint(x, y)));
        }"""
    )


@pytest.mark.parametrize("browser_shown", [False, True], ids=["alone", "beside the file browser"])
@pytest.mark.parametrize("size", [(1024, 768), (683, 384), (375, 667)], ids=str)
def test_prediction_and_winner_are_in_sight_after_a_stroke(lab, pad, size, browser_shown):
    before = pad.page.viewport_size
    pad.page.set_viewport_size({"width": size[0], "height": size[1]})
    shown = browser_shown and size[0] > 400  # on a phone it leaves no room for the notebook at all
    try:
        if shown:
            lab.command("application:toggle-left-area")
        pad.root.evaluate("node => node.closest('.jp-Cell').scrollIntoView()")
        pad.draw(digit_strokes(8))
        pad.page.screenshot(path=ARTEFACTS / f"pad_{size[0]}_{browser_shown}.png")
        assert in_sight(pad, ".dp-status") and in_sight(pad, ".dp-best"), "scrolling is needed to see the answer"
        assert in_sight(pad, ".dp-canvas")
        percent, widths = pad.bars()
        assert percent[8] and widths[8] > 20
    finally:
        if shown:
            lab.command("application:toggle-left-area")
        pad.page.set_viewport_size(before)


def test_592_pixels_are_enough_for_canvas_and_bars_side_by_side(pad):
    pad.root.evaluate("root => { root.style.width = '592px'; }")
    try:
        canvas, chart = pad.canvas.bounding_box(), pad.root.locator(".dp-chart").bounding_box()
        assert canvas["width"] > 270 and chart["x"] >= canvas["x"] + canvas["width"]
        assert chart["y"] < canvas["y"] + 100
        assert pad.root.evaluate("root => root.offsetHeight") < 520
    finally:
        pad.root.evaluate("root => { root.style.width = ''; }")


def test_bars_are_visible_in_forced_colours(pad):
    pad.draw(digit_strokes(8))
    pad.page.emulate_media(forced_colors="active")
    try:
        colours = """root => ["", ".dp-best .dp-fill", "tr:not(.dp-best) .dp-fill"].map((s) =>
          getComputedStyle(s ? root.querySelector(s) : document.body).backgroundColor)"""
        paper, best, others = pad.root.evaluate(colours)
        assert len({paper, best, others}) == 3 and "rgba(0, 0, 0, 0)" not in (best, others)
        pad.page.screenshot(path=ARTEFACTS / "pad_forced_colours.png")
    finally:
        pad.page.emulate_media(forced_colors="none")


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


@pytest.mark.slow
def test_notebook_7_and_a_kernel_that_was_restarted(browser, server):
    server.write("pad7.ipynb", CELLS[:2])
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
