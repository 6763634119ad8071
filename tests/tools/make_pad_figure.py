"""Take the picture of the drawing pad in use, for the README: `python tests/tools/make_pad_figure.py`."""

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


def take(browser, server):
    """Return the picture of the pad and its cell as a Pillow image."""
    server.write("figure.ipynb", CELLS)
    notebook = NotebookPage(browser, server, "figure.ipynb", size=(860, 900))
    notebook.run_all()
    pad = Pad(notebook)
    pad.draw(invent_digit(7, np.random.default_rng(SEED)))
    notebook.page.mouse.move(0, 0)
    cell = notebook.page.locator(".jp-CodeCell").nth(1).bounding_box()
    area = {"x": cell["x"], "y": cell["y"], "width": min(cell["width"], 780), "height": cell["height"]}
    picture = notebook.page.screenshot(clip=area)
    notebook.close()
    return Image.open(io.BytesIO(picture)).convert("RGB")


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
