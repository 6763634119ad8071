"""Guesses, reveals, sliders, tables and a training's curve as readers use them: JupyterLab, Notebook 7, Chromium."""

import json
import re
import time

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe

from tests import ROOT
from tests.tools.jupyter_browser import ARTEFACTS, NotebookPage, jupyter

pytestmark = pytest.mark.xdist_group("browser")

QUESTION = "How many times smaller is int8?"
CELLS = [
    f'import os\nos.environ.pop("COURSE_GUESSES", None)\n'
    f'from tflite_course.lesson import explore, guess, reveal, table\nguess("{QUESTION}", unit="times")',
    f'reveal("{QUESTION}", 3.6)',
    "import matplotlib.pyplot as plt\n\n\n"
    "def draw(bits):\n"
    "    figure, axes = plt.subplots()\n"
    "    axes.plot(range(2**bits))\n"
    '    return figure, f"{2**bits} levels"\n\n\n'
    "explore(draw, bits=[2, 4, 8])",
    'table([{"model": "float32", "bytes": 222932}, {"model": "int8", "bytes": 62712}], mark="int8", caption="Sizes")',
]
OLD = "an answer that is stored"  # in its second line: JupyterLab shows the first of a hidden output


def write(server, name):
    """Write the notebook; its reveal has a stored output that is hidden until it is run."""
    server.write(name, CELLS)
    notebook = nbformat.read(server.folder / name, as_version=4)
    notebook.cells[1].metadata = {"jupyter": {"outputs_hidden": True}, "tags": ["reveal", "hide-output"]}
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text=f"{QUESTION}\n{OLD}")]
    nbformat.write(notebook, server.folder / name)


@pytest.fixture(scope="module")
def server(browser):
    with jupyter() as running:
        yield running


def kept(server, wanted, seconds=30):
    """Wait until the file of guesses holds a guess; return its entry."""
    path, end = server.folder / "work" / "guesses.json", time.monotonic() + seconds
    while time.monotonic() < end:
        if path.is_file():
            [entry] = json.loads(path.read_text(encoding="utf-8"))["guesses"]
            if entry["guess"] == wanted:
                return entry
        time.sleep(0.1)
    raise AssertionError(f"{wanted} was not kept")


def run_cell(page, number):
    """Run one cell and wait for the kernel."""
    page.page.evaluate("n => { jupyterapp.shell.currentWidget.content.activeCellIndex = n; }", number)
    page.command("notebook:run-cell")
    page.wait_for_kernel()


@pytest.mark.parametrize("kind", ["lab", "notebook"])
def test_a_reader_guesses_and_sees_the_answer(browser, server, kind):
    (server.folder / "work" / "guesses.json").unlink(missing_ok=True)
    write(server, f"{kind}.ipynb")
    notebook = NotebookPage(browser, server, f"{kind}.ipynb", kind=kind)
    page = notebook.page
    try:
        assert not page.get_by_text(OLD).is_visible()
        for number in (0, 2, 3):
            run_cell(notebook, number)
        field = page.get_by_label("Your guess")
        field.fill("a third")
        field.press("Enter")
        page.get_by_text("'a third' is not a number").wait_for()
        field.fill("4 times")
        field.press("Enter")
        page.get_by_text("Kept: 4 times.").wait_for()
        assert kept(server, 4)["value"] is None
        run_cell(notebook, 1)
        page.get_by_text("your guess: 4 times; measured: 3.60 times").wait_for()
        assert page.locator("table.reveal").is_visible() and not page.get_by_text(OLD).count()
        assert kept(server, 4)["value"] == 3.6
        look_at_slider(page)
        assert page.locator("table.dataframe td", has_text="▶ int8").evaluate(
            "cell => getComputedStyle(cell).fontWeight"
        ) in ("700", "bold")
        for selector in (".jp-OutputArea-output:has(input)", ".course-slider", "table.reveal", "table.dataframe"):
            found = Axe().run(page, context=selector).response
            assert [(v["id"], v["nodes"][0]["html"]) for v in found["violations"]] == []
        page.screenshot(path=ARTEFACTS / f"lesson_{kind}.png")
    finally:
        notebook.close()


def look_at_slider(page):
    """Move the slider with the keyboard alone: the picture and its text follow, and the keys move no cell."""
    page.locator('img[alt="4 levels"]').wait_for()
    slider = page.get_by_role("slider", name="bits", exact=True)
    slider.focus()
    moves = {"ArrowRight": 16, "End": 256, "ArrowDown": 16, "Home": 4, "ArrowUp": 16}
    for key, levels in moves.items():
        page.keyboard.press(key)
        page.locator(f'img[alt="{levels} levels"]').wait_for()
        assert slider.evaluate("node => node === document.activeElement"), f"{key} has moved the focus"
    assert slider.get_attribute("aria-valuetext") == "4"
    assert page.get_by_role("status").filter(has_text="16 levels").is_visible()
    assert page.locator('img[alt="16 levels"]').evaluate("picture => picture.naturalWidth") > 300


MENU = """import numpy as np
from tflite_course.pad import DigitPad

pad = DigitPad(lambda canvas: np.eye(10)[1])
pad.with_controls({f"says {k}": lambda canvas, k=k: np.eye(10)[k] for k in (1, 2, 3)})"""


@pytest.mark.parametrize("kind", ["lab", "notebook"])
def test_the_keyboard_chooses_a_model(browser, server, kind):
    server.write(f"menu_{kind}.ipynb", [MENU, "pad.draw([np.array([[0, 0], [0, 9]])])"])
    notebook = NotebookPage(browser, server, f"menu_{kind}.ipynb", kind=kind)
    try:
        notebook.run_all()
        menu, said = notebook.page.get_by_label("Model", exact=True), notebook.page.locator(".dp-status")
        menu.focus()
        for key, digit in (("ArrowDown", 2), ("End", 3), ("ArrowUp", 2)):
            notebook.page.keyboard.press(key)
            said.filter(has_text=f"Prediction: {digit}").wait_for()
            assert menu.evaluate("node => node === document.activeElement"), f"{key} has moved the focus"
        assert notebook.python("", "pad.prediction") == 2
    finally:
        notebook.close()


# The cells of lesson 01 up to its first training: data, batches, network, loss, fit.
TRAINING = ("01-17", "01-37", "01-40", "01-47", "01-50", "01-56")
# Keeps each sentence that the picture says while it grows.
WATCH = """() => {
  window.said = [];
  new MutationObserver(() => {
    const picture = document.querySelector('svg[aria-label^="dense_net"]');
    const text = picture?.getAttribute("aria-label");
    if (text && window.said.at(-1)?.[0] !== text) window.said.push([text, picture.querySelectorAll("rect").length]);
  }).observe(document.body, { childList: true, subtree: true, attributes: true });
}"""
SENTENCE = re.compile(
    r"dense_net, after (\d\.\d\d) of 3 epochs: training accuracy (\d\.\d{3})(?:, validation accuracy (\d\.\d{3}))?"
)


@pytest.mark.slow
def test_the_curve_of_lesson_01_grows_with_the_readers_numbers(browser, server):
    lesson = nbformat.read(ROOT / "notebooks" / "01_train_mnist.ipynb", as_version=4)
    source = {cell.id: cell.source for cell in lesson.cells}
    server.write("training.ipynb", [source[name] for name in TRAINING])
    notebook = NotebookPage(browser, server, "training.ipynb")
    page = notebook.page
    try:
        page.evaluate(WATCH)
        notebook.run_all()
        history = notebook.python("", "{name: [f'{v:.3f}' for v in values] for name, values in dense_history.items()}")
        picture = page.locator('svg[aria-label^="dense_net, after 3.00 of 3 epochs"]')
        picture.wait_for()
        states = [(*SENTENCE.fullmatch(text).groups(), squares) for text, squares in page.evaluate("said")]
        epochs = [float(state[0]) for state in states]
        assert epochs == sorted(epochs) and epochs[0] < 1 and len(set(epochs)) > 10, "the curve did not grow"
        assert states[-1][:2] == ("3.00", history["accuracy"][-1])
        for number, own in enumerate(history["val_accuracy"], 1):  # a square and the reader's own number an epoch
            assert [state[2] for state in states if state[3] == number][:1] == [own]
            assert page.get_by_text(f"epoch {number}, validation accuracy: {own} (expected").count() == 1
        assert f"validation {history['val_accuracy'][-1]}" in picture.text_content()
        found = Axe().run(page, context='.jp-OutputArea-output:has(svg[aria-label^="dense_net"])').response
        assert [(v["id"], v["nodes"][0]["html"]) for v in found["violations"]] == [] and notebook.errors == []
        page.screenshot(path=ARTEFACTS / "lesson_training.png")
    finally:
        notebook.close()
