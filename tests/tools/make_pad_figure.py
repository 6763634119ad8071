"""Film the drawing pad in use, for the README: `python -m tests.tools.make_pad_figure`.

A small 4 is drawn in a corner for the plain model, whose input is only made small, and it reads a 7; centred, it reads
a 9; then the course's model is chosen.
"""

import contextlib
import io
import sys

import numpy as np
from PIL import Image

from tests import ROOT
from tests.tools.jupyter_browser import NotebookPage, Pad, chromium, jupyter
from tflite_course.pad.strokes import invent_digit
from tflite_course.targets.browser import NoBrowser

FIGURE = ROOT / "assets" / "figures" / "pad.gif"
CELLS = ["from tflite_course.pad import DigitPad, Recognizer\n\npad = DigitPad()", "pad.with_controls({models})"]
MODELS = '{"plain model": Recognizer("mnist_cnn_plain"), "course model": Recognizer("mnist_cnn")}'
SEED = 0  # of a crossed 7, for the picture that stands for the pad
FILMED = 4, 56  # digit and seed: the plain model misreads it small and centred
COLOURS = 64
STEP, LOOK, END = 90, 1500, 2600  # milliseconds that a picture stays: while drawing, after a change, at the end
SMALL, CORNER = 0.42, (-0.22, -0.2)  # size and place of the digit, in parts of the canvas


@contextlib.contextmanager
def drawn_pad(browser, server):
    """Open JupyterLab with a pad on which a 7 is drawn: `with drawn_pad(browser, server) as (notebook, pad)`."""
    with open_pad(browser, server, 860, "") as (notebook, pad):
        pad.draw(invent_digit(7, np.random.default_rng(SEED)))
        notebook.page.mouse.move(0, 0)
        yield notebook, pad


@contextlib.contextmanager
def open_pad(browser, server, width, models):
    """Open JupyterLab with an empty pad and a menu of models, a text of Python."""
    server.write("figure.ipynb", [cell.replace("{models}", models) for cell in CELLS])
    notebook = NotebookPage(browser, server, "figure.ipynb", size=(width, 900))
    notebook.run_all()
    yield notebook, Pad(notebook)
    notebook.close()


def as_image(screenshot):
    return Image.open(io.BytesIO(screenshot)).convert("RGB")


def film(browser, server):
    """Return [(picture, milliseconds)] of a 4 that is drawn, centred, and given to the other model."""
    frames = []
    with open_pad(browser, server, 1180, MODELS) as (notebook, pad):
        page = notebook.page
        pad.root.get_by_label("only made small").check()
        page.evaluate("() => document.activeElement.blur()")
        output = page.locator(".jp-CodeCell").nth(1).locator(".jp-OutputArea-output").first.bounding_box()
        grid = pad.root.locator(".dp-grid").bounding_box()
        width = grid["x"] + grid["width"] - output["x"]
        area = {"x": output["x"], "y": output["y"], "width": min(width, 900), "height": output["height"]}

        def take(milliseconds):
            frames.append((as_image(page.screenshot(clip=area)), milliseconds))

        take(LOOK // 2)
        for stroke in in_a_corner(pad):
            draw_slowly(pad, stroke, lambda: take(STEP))
        page.mouse.move(area["x"] + area["width"] - 4, area["y"] + area["height"] - 4)
        take(LOOK)
        with another_answer(pad):
            pad.root.get_by_label("centred").check()
        take(LOOK)
        with another_answer(pad):
            page.locator(".jp-CodeCell select").select_option("course model")
        take(END)
    return frames


@contextlib.contextmanager
def another_answer(pad):
    """Change how the drawing is read, and wait for another answer."""
    before = pad.status.inner_text()
    yield
    pad.wait("root.querySelector('.dp-status').innerText !== arg", before)


def in_a_corner(pad):
    """Return the strokes of the small digit as points on the page."""
    _, _, side = pad.box()
    digit, seed = FILMED
    strokes = pad.place(invent_digit(digit, np.random.default_rng(seed)), SMALL)
    return [stroke + np.array(CORNER) * side for stroke in strokes]


def draw_slowly(pad, points, take):
    """Draw a stroke with the mouse, and take a picture after every third point."""
    mouse = pad.page.mouse
    mouse.move(*points[0])
    mouse.down()
    for k, point in enumerate(points[1:], 1):
        mouse.move(*point)
        if k % 4 == 0:
            pad.page.wait_for_timeout(120)  # the answer to an unfinished stroke, as somebody who draws sees it
            take()
    with pad.answered():
        mouse.up()


def store(frames, path):
    """Write pictures as one animated GIF that runs for ever; all have the colours of the last."""
    colours = frames[-1][0].quantize(COLOURS)
    pictures = [picture.quantize(palette=colours, dither=Image.Dither.NONE) for picture, _ in frames]
    times = [milliseconds for _, milliseconds in frames]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=times, loop=0, optimize=True)


def main():
    try:
        with chromium() as browser, jupyter() as server:
            frames = film(browser, server)
    except NoBrowser as error:
        sys.exit(str(error))
    FIGURE.parent.mkdir(parents=True, exist_ok=True)
    store(frames, FIGURE)
    picture, size = frames[0][0], FIGURE.stat().st_size
    print(
        f"{FIGURE.relative_to(ROOT)}: {len(frames)} pictures, {picture.width} x {picture.height}, {size / 1000:.0f} kB"
    )


if __name__ == "__main__":
    main()
