"""A button that takes a photograph of paper, and what the model reads on it."""

import base64
import html
import io

import ipywidgets as widgets
import numpy as np
from PIL import Image, ImageDraw

from tflite_course.errors import CourseError
from tflite_course.lesson.still import StillBox
from tflite_course.pad.centring import center_like_mnist
from tflite_course.pad.photo import read_photo
from tflite_course.pad.widget import Recognizer

PLAIN_TEXT = "A button for a photo: run this cell in JupyterLab"
FRAME = "#d55e00"


class PhotoBox(StillBox):
    """Choose a photo, see each digit as the model gets it, and what the model reads.

    predict: a Recognizer, by default that of the course's model. photo: the last Photo that could be read; answers:
    [(digit, probability)] in reading order. Without a browser: `box.read("work/photo.jpg")`. A photo that cannot be
    read is one sentence in `status`; the one before stays.
    """

    def __init__(self, predict=None):
        self.predict = Recognizer() if predict is None else predict
        self.photo, self.answers = None, []
        self.button = widgets.FileUpload(accept="image/*", multiple=False, description="Choose a photo")
        self.button.layout.width = "auto"
        self.picture = widgets.HTML()
        self._line = widgets.HTML()
        self.status = "Nothing yet: choose a photo of dark digits on bright paper."
        self._say(self.status)
        shown = f"<p><i>{PLAIN_TEXT}.</i></p>"
        super().__init__([self.button, self._line, self.picture], still={"text/plain": PLAIN_TEXT, "text/html": shown})
        self.button.observe(self._on_upload, "value")

    def read(self, source):
        """Read a photo, a path or bytes; return whether that worked, and say in `status` how."""
        try:
            photo = read_photo(source)
            answers = [self.predict(digit) for digit in photo.digits]
        except CourseError as error:
            self._say(str(error))
            return False
        except Exception as error:  # the traceback of a widget's callback is shown nowhere
            self._say(f"The photo could not be read ({type(error).__name__}: {error}): save it as JPEG once more.")
            return False
        self.photo = photo
        self.answers = [(int(np.argmax(p)), float(np.max(p))) for p in answers]
        read = ", ".join(f"{digit} ({100 * p:.0f} %)" for digit, p in self.answers)
        self.picture.value = _shown(photo, self.answers)  # before the sentence: who hears it finds the picture there
        self._say(" ".join([*photo.notes, f"Found and read: {read}."]))
        return True

    def _say(self, sentence):
        self.status = sentence
        self._line.value = f'<span role="status">{html.escape(sentence)}</span>'

    def _on_upload(self, change):
        for content in _contents(change["new"]):
            self.read(content)


def _contents(value):
    """Return the bytes of the chosen files, as ipywidgets 8 gives them (a tuple) and 7 (a dict)."""
    entries = value.values() if isinstance(value, dict) else value
    return [bytes(entry["content"]) for entry in entries]


def framed(photo):
    """Return the picture of a photo with a numbered frame around each digit, an RGB image."""
    picture = photo.picture.copy()
    pen = ImageDraw.Draw(picture)
    for top, left, bottom, right in photo.boxes:
        pen.rectangle((left - 8, top - 8, right + 7, bottom + 7), outline=FRAME, width=4)
    return picture


def _shown(photo, answers):
    """Return HTML: the photo with frames, and for each digit what the model gets and reads."""
    alt = f"The photo with a frame around each of {len(photo.boxes)} digits"
    parts = [f'<img alt="{alt}" style="max-width:min(100%,480px)" src="{_data(framed(photo), "JPEG")}">']
    parts.append('<div style="display:flex;flex-wrap:wrap;gap:12px;margin-top:8px">')
    for digit, (read, probability) in zip(photo.digits, answers, strict=True):
        seen = Image.fromarray(np.round(center_like_mnist(digit) * 255).astype(np.uint8))
        seen = _data(seen.resize((84, 84), Image.Resampling.NEAREST), "PNG")
        said = f"{read} ({100 * probability:.0f} %)"
        parts.append(
            f'<figure style="margin:0;text-align:center"><img alt="What the model gets, read as {said}" src="{seen}">'
            f"<figcaption>{said}</figcaption></figure>"
        )
    return "".join([*parts, "</div>"])


def _data(image, form):
    stream = io.BytesIO()
    image.save(stream, form, quality=80)
    return f"data:image/{form.lower()};base64,{base64.b64encode(stream.getvalue()).decode()}"
