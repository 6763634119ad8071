"""Take the picture of the drawing pad in use, for the README: `python tests/tools/make_pad_figure.py`."""

import contextlib
import io
import sys

import numpy as np
from PIL import Image

from tests import ROOT
from tests.tools.jupyter_browser import NotebookPage, Pad, chromium, jupyter
from tflite_course.pad.strokes import invent_digit
from tflite_course.targets.browser import NoBrowser

FIGURE = ROOT / "assets" / "figures" / "pad.png"
CELLS = ["from tflite_course.pad import DigitPad\n\npad = DigitPad()", "pad.with_controls()"]
SEED = 0  # a crossed 7, which MNIST hardly has


@contextlib.contextmanager
def drawn_pad(browser, server):
    """Open JupyterLab with a pad on which a 7 is drawn: `with drawn_pad(browser, server) as (notebook, pad)`."""
    server.write("figure.ipynb", CELLS)
    notebook = NotebookPage(browser, server, "figure.ipynb", size=(860, 900))
    notebook.run_all()
    pad = Pad(notebook)
    pad.draw(invent_digit(7, np.random.default_rng(SEED)))
    notebook.page.mouse.move(0, 0)
    yield notebook, pad
    notebook.close()


def as_image(screenshot):
    return Image.open(io.BytesIO(screenshot)).convert("RGB")


def take(browser, server):
    """Return the picture of the pad and its cell as a Pillow image."""
    with drawn_pad(browser, server) as (notebook, _):
        cell = notebook.page.locator(".jp-CodeCell").nth(1).bounding_box()
        area = {"x": cell["x"], "y": cell["y"], "width": min(cell["width"], 780), "height": cell["height"]}
        return as_image(notebook.page.screenshot(clip=area))


def main():
    try:
        with chromium() as browser, jupyter() as server:
            picture = take(browser, server)
    except NoBrowser as error:
        sys.exit(str(error))
    FIGURE.parent.mkdir(parents=True, exist_ok=True)
    picture.quantize(128).save(FIGURE, optimize=True)
    print(f"{FIGURE.relative_to(ROOT)}: {picture.width} x {picture.height}, {FIGURE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
