"""Take the still pictures that stand for the pad where no widget can be shown: `python -m tests.tools.make_pad_still`.

They are pale and say what to do, so that nobody takes them for the pad and draws on them. There is one for each state
of the pad's switch, and one for a pad without it.
"""

import sys

from PIL import Image, ImageDraw, ImageFont

from tests.tools.jupyter_browser import chromium, jupyter
from tests.tools.make_pad_figure import as_image, drawn_pad
from tflite_course.pad import STATIC
from tflite_course.pad.widget import STILLS
from tflite_course.targets.browser import NoBrowser

TEXT = "Run this cell to draw"
PALE = 0.3  # how much of the picture is left, the rest is white


def take(browser, server):
    """Return {state: the pad with a crossed 7 on it, without anything of JupyterLab around it, a Pillow image}."""
    pictures = {}
    with drawn_pad(browser, server) as (notebook, pad):
        for state in STILLS:
            if state is None:
                notebook.python("read = pad.predict\npad.predict = lambda canvas: read(canvas)\npad.refresh()")
                pad.root.locator(".dp-ways").wait_for(state="hidden")
            else:
                pad.root.get_by_label(state).check()
            pad.wait_for_prediction("7")
            notebook.page.evaluate("() => document.activeElement.blur()")
            pictures[state] = as_image(pad.root.locator(".dp-grid").screenshot())
    return pictures


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
            pictures = take(browser, server)
    except NoBrowser as error:
        sys.exit(str(error))
    for state, picture in pictures.items():
        path = STATIC / STILLS[state][0]
        write_on(picture).quantize(32).save(path, optimize=True)
        print(f"{path.name}: {picture.width} x {picture.height}, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
