"""From a drawing to a digit: centring as in MNIST, and the pad to draw on."""

import time
from pathlib import Path

import anywidget
import ipywidgets as widgets
import numpy as np
import traitlets
from PIL import Image

from tflite_course import evaluation
from tflite_course.contract import Runner, softmax
from tflite_course.errors import CourseError
from tflite_course.models import CHECKPOINTS, model_path
from tflite_course.pad.strokes import draw_strokes
from tflite_course.resources import resource

__all__ = [
    "DigitPad",
    "EmptyDrawing",
    "PenSlider",
    "Recognizer",
    "center_like_mnist",
    "check_canvas",
    "find_ink",
    "resize_only",
    "softmax",
]

STATIC = Path(__file__).with_name("static")
INK = 25  # of 255: what is darker counts as paper
SMALLEST = 1 / 8  # of the canvas: a drawing whose longer side is shorter is a dot, or too small to read


class EmptyDrawing(CourseError):
    """There is nothing to recognise on the canvas. The text is the hint for the person who draws."""


def check_canvas(canvas):
    """Return a drawing as uint8 (H, W), 0 = paper, 255 = ink.

    Takes uint8 from 0 to 255 or floats from 0 to 1. Raises CourseError that names what is wrong with it.
    """
    canvas = np.asarray(canvas)
    if canvas.ndim != 2 or min(canvas.shape) < 2:
        raise CourseError(f"A drawing has the shape (H, W), this one {canvas.shape}: give one grey image.")
    if canvas.dtype == bool:
        return canvas.astype(np.uint8) * 255
    if np.issubdtype(canvas.dtype, np.floating):
        if not (np.isfinite(canvas).all() and canvas.min() >= 0 and canvas.max() <= 1):
            raise CourseError("A drawing of floats goes from 0 (paper) to 1 (ink): divide by 255, or give uint8.")
        return np.round(canvas * 255).astype(np.uint8)
    if canvas.dtype != np.uint8:
        raise CourseError(
            f"A drawing is uint8 from 0 to 255, this one is {canvas.dtype}: use `canvas.astype('uint8')`."
        )
    return canvas


def find_ink(canvas):
    """Return the box around the ink of a uint8 (H, W) drawing as two slices, rows and columns.

    Raises EmptyDrawing when there is no ink or only a dot, CourseError when the paper is bright and the ink dark.
    """
    ink = canvas > INK
    if not ink.any():
        raise EmptyDrawing("The drawing is empty: draw one digit from 0 to 9.")
    if (canvas > 127).mean() > 0.5:
        raise CourseError("The paper is bright and the ink dark, the models expect the opposite: use `255 - canvas`.")
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    if max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1 < SMALLEST * max(canvas.shape):
        raise EmptyDrawing("That is only a dot: draw one whole digit, about half as tall as the pad.")
    return box


def center_like_mnist(canvas):
    """Return a drawing scaled and centred as the images of MNIST are: float32 (28, 28), 0 = paper, 1 = ink.

    canvas: uint8 (H, W) with 0 = paper and 255 = ink, or floats from 0 to 1.
    The box around the ink is scaled so that its longer side is 20 pixels (each new pixel is the mean of those it
    covers), and moved by whole pixels so that its centre of mass lies in the middle of the image.

    Raises EmptyDrawing for a blank canvas or a dot, CourseError for a wrong shape, dtype or range.
    Source of the rule: LeCun, Cortes, Burges, "The MNIST database of handwritten digits".
    """
    canvas = check_canvas(canvas)
    digit = Image.fromarray(np.ascontiguousarray(canvas[find_ink(canvas)]))
    scale = 20 / max(digit.size)
    width, height = (max(1, round(side * scale)) for side in digit.size)
    small = np.asarray(digit.resize((width, height), Image.Resampling.BOX), np.float32) / 255
    top = round(14 - float(small.sum(1) @ np.arange(height) / small.sum()))
    left = round(14 - float(small.sum(0) @ np.arange(width) / small.sum()))
    top, left = min(max(top, 0), 28 - height), min(max(left, 0), 28 - width)  # a heavy end must not leave the image
    image = np.zeros((28, 28), np.float32)
    image[top : top + height, left : left + width] = small
    return image


def resize_only(canvas):
    """Return a drawing scaled to float32 (28, 28) as a whole, without centring: what lesson 04 shows to fail."""
    canvas = check_canvas(canvas)
    find_ink(canvas)
    small = Image.fromarray(np.ascontiguousarray(canvas)).resize((28, 28), Image.Resampling.BOX)
    return np.asarray(small, np.float32) / 255


class Recognizer:
    """The way from a drawing to ten probabilities: pre-process, infer, post-process.

    recognizer(canvas) -> float32 (10,). `times` holds what the last call took, in milliseconds. Softmax is applied to
    logits only: probabilities and ten sigmoids are shown as the model gives them.
    model: a name of the course ("mnist_cnn"), a path or the bytes of a .tflite that reads 28 x 28 pixels. A file that
    is not the course's own is tried in a process of its own first, and on a few test images.
    preprocess: canvas -> float32 (28, 28). input_range, output: as in evaluation.predict().
    Raises CourseError for a model that evaluation.contract() refuses, one that ends the process, and one that reads
    digits only with another input_range.
    """

    def __init__(self, model="mnist_cnn", preprocess=center_like_mnist, *, input_range=None, output=None):
        if isinstance(model, str) and model in CHECKPOINTS:
            model = model_path(model)
        content = evaluation.try_in_child(model)
        self.preprocess = preprocess
        self.contract = evaluation.contract(content, input_range=input_range, output=output)
        if input_range is None and not evaluation.is_shipped(content):
            evaluation.check_input_range(self.contract, *_test_images())
        self.runner = Runner(self.contract, batch=1)
        self.times = {}

    def __call__(self, canvas):
        start = time.perf_counter()
        image = self.preprocess(canvas)
        ready = time.perf_counter()
        answer = self.contract.decode(self.runner(self.contract.encode(image[np.newaxis])))[0]
        done = time.perf_counter()
        self.times = {"preprocess": (ready - start) * 1000, "inference": (done - ready) * 1000}
        return self.contract.probabilities(answer)


def _test_images(count=100):
    """Return (images, labels), the first test images of MNIST; the training images are not unpacked."""
    with np.load(resource("data/mnist.npz")) as arrays:
        return arrays["x_test"][:count] / np.float32(255), arrays["y_test"][:count].astype(np.int64)


class PenSlider(anywidget.AnyWidget):
    """A slider for the width of the pen; that of ipywidgets has no name that a screen reader could say."""

    _esm = STATIC / "pen_slider.js"

    value = traitlets.Float(20.0).tag(sync=True, echo_update=False)

    def __repr__(self):
        return "PenSlider()"


class DigitPad(anywidget.AnyWidget):
    """A pad to draw a digit on, with the prediction and a bar chart of the ten probabilities beside it.

    predict: canvas, uint8 (140, 140) -> ten probabilities; by default a Recognizer with the course's model.
    Draw with mouse, finger, pen or keyboard (arrows move, Space lowers and lifts the pen, U undoes, Delete clears).
    From Python: `pad.image = canvas` or `pad.draw(strokes)`; then `pad.prediction` and `pad.probabilities`.
    On an empty pad or a dot both are None, and `pad.status` holds a hint. What `predict` raises is shown in
    `pad.status` and kept in `pad.errors`; the drawing stays.
    """

    SIDE = 140  # pixels a side of what Python sees; the browser draws at twice that

    _esm = STATIC / "digit_pad.js"
    _css = STATIC / "digit_pad.css"

    # From the browser. echo_update=False: an echo that comes late would wipe new strokes.
    pixels = traitlets.CBytes(None, allow_none=True).tag(sync=True, echo_update=False)  # CBytes: it sends a memoryview
    frame = traitlets.Int(0).tag(sync=True, echo_update=False)  # number of the drawing that `pixels` shows

    # To the browser.
    answered = traitlets.Int(0).tag(sync=True)  # number of the last drawing that was looked at
    probabilities_shown = traitlets.List(traitlets.Float()).tag(sync=True)
    status = traitlets.Unicode("Draw one digit from 0 to 9.").tag(sync=True)
    pen_width = traitlets.Float(20.0, min=2, max=60).tag(sync=True)  # pixels of a canvas of 280
    label = traitlets.Unicode("Drawing pad: draw one digit from 0 to 9").tag(sync=True)

    def __init__(self, predict=None, **traits):
        self.predict = Recognizer() if predict is None else predict
        self.errors = []
        self.probabilities = None
        super().__init__(**traits)
        self._looked_at = None
        self.observe(self._on_drawing, ["pixels", "frame"])
        self.on_msg(self._on_message)

    @property
    def prediction(self):
        """The digit that is shown, int, or None when there is nothing to recognise."""
        return None if self.probabilities is None else int(np.argmax(self.probabilities))

    @property
    def image(self):
        """The drawing: uint8 (140, 140), 0 = paper, 255 = ink. Set it to any square drawing; it is scaled."""
        return np.frombuffer(self.pixels or bytes(self.SIDE**2), np.uint8).reshape(self.SIDE, self.SIDE)

    @image.setter
    def image(self, canvas):
        canvas = check_canvas(canvas)
        if canvas.shape[0] != canvas.shape[1]:
            raise CourseError(f"The pad is square, this drawing is {canvas.shape}: pad the shorter side with zeros.")
        if canvas.shape[0] != self.SIDE:
            size = (self.SIDE, self.SIDE)
            canvas = np.asarray(Image.fromarray(np.ascontiguousarray(canvas)).resize(size, Image.Resampling.BOX))
        self.pixels = canvas.tobytes()

    def draw(self, strokes, **options):
        """Put strokes on the pad: a list of arrays (n, 2) of x, y; options as in strokes.draw_strokes."""
        self.image = draw_strokes(strokes, **options)

    def clear(self):
        """Wipe the pad."""
        self.pixels = None

    def refresh(self):
        """Ask `predict` again about the drawing that is there, for example after `pad.predict` was replaced."""
        self._look(self.image, self.answered)

    def with_controls(self, models=None):
        """Return the pad with a slider for the pen and a menu of models, as one ipywidgets box.

        models: {label: predict function}; None offers the float32 and the int8 file of the course.
        """
        if models is None:
            models = {f"mnist_cnn, {v}": Recognizer(model_path("mnist_cnn", v)) for v in ("float32", "int8")}
        pen = PenSlider(value=self.pen_width)
        menu = widgets.Dropdown(options=list(models), description="Model")
        traitlets.link((pen, "value"), (self, "pen_width"))

        def choose(_):
            self.predict = models[menu.value]
            self.refresh()

        menu.observe(choose, "value")
        choose(None)
        return widgets.VBox([widgets.HBox([pen, menu], layout=widgets.Layout(flex_flow="row wrap")), self])

    def _on_drawing(self, change):
        """A drawing from the browser changes both traits, an undo perhaps only the number, Python only the pixels."""
        drawing = (self.frame, self.pixels)
        if drawing != self._looked_at:
            self._looked_at = drawing
            self._look(self.image, self.frame)

    def _on_message(self, _, content, buffers):
        """A drawing that is not finished: it comes as a message, because a message never queues behind a state."""
        if content.get("kind") != "ink":
            return
        try:
            canvas = np.frombuffer(buffers[0], np.uint8).reshape(self.SIDE, self.SIDE)
        except (IndexError, ValueError) as error:
            self.errors.append(error)
            return
        self._look(canvas, int(content["frame"]))

    def _look(self, canvas, frame):
        """Predict, and send the result as one message."""
        probabilities = None
        try:
            find_ink(canvas)
            answer = np.asarray(self.predict(canvas), float)
            if answer.shape != (10,) or not np.isfinite(answer).all():
                raise CourseError(f"Your predict function must return ten probabilities, its answer is {answer.shape}.")
            probabilities, best = answer, int(answer.argmax())
            status = f"Prediction: {best} ({probabilities[best]:.0%})"
        except EmptyDrawing as hint:
            status = str(hint)
        except CourseError as error:
            self.errors.append(error)
            status = str(error)
        except Exception as error:  # the traceback of a widget's callback is shown nowhere else
            self.errors.append(error)
            status = f"Your predict function failed with {type(error).__name__}: {error}"
        self.probabilities = probabilities
        with self.hold_sync():
            self.status = status
            self.probabilities_shown = [] if probabilities is None else [float(p) for p in probabilities]
            self.answered = frame

    def __repr__(self):  # the default holds an address, which differs from run to run
        return f"DigitPad({self.SIDE}x{self.SIDE})"
