"""Take the still picture that stands for the pad where no widget can be shown: `python -m tests.tools.make_pad_still`.

It is pale and says what to do, so that nobody takes it for the pad and draws on it.
"""

import sys

from PIL import Image, ImageDraw, ImageFont

from tests.tools.jupyter_browser import chromium, jupyter
from tests.tools.make_pad_figure import as_image, drawn_pad
from tflite_course.pad import STATIC
from tflite_course.targets.browser import NoBrowser

STILL = STATIC / "still.png"
TEXT = "Run this cell to draw"
PALE = 0.3  # how much of the picture is left, the rest is white


def take(browser, server):
    """Return the pad with a crossed 7 on it, without anything of JupyterLab around it, as a Pillow image."""
    with drawn_pad(browser, server) as (notebook, pad):
        notebook.page.evaluate("() => document.activeElement.blur()")
        return as_image(pad.root.locator(".dp-grid").screenshot())


def write_on(picture):
    """Return the picture made pale, with the sentence on a white plate in its middle."""
    pale = Image.blend(Image.new("RGB", picture.size, "white"), picture, PALE)
    pen, font = ImageDraw.Draw(pale), ImageFont.load_default(30)
    left, top, right, bottom = pen.textbbox((picture.width // 2, picture.height // 2), TEXT, font=font, anchor="mm")
    pen.rounded_rectangle((left - 24, top - 16, right + 24, bottom + 16), 8, fill="white", outline="#4d4d4d", width=2)
    pen.text((picture.width // 2, picture.height // 2), TEXT, fill="#1b1b1b", font=font, anchor="mm")
    return pale


def main():
    try:
        with chromium() as browser, jupyter() as server:
            picture = write_on(take(browser, server))
    except NoBrowser as error:
        sys.exit(str(error))
    picture.quantize(32).save(STILL, optimize=True)
    print(f"{STILL.name}: {picture.width} x {picture.height}, {STILL.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
