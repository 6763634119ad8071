"""The pad to draw on, and the way from a drawing to ten probabilities."""

import time
from pathlib import Path

import anywidget
import ipywidgets as widgets
import numpy as np
import traitlets
from PIL import Image

from tflite_course import evaluation
from tflite_course.contract import Runner
from tflite_course.errors import CourseError
from tflite_course.models import CHECKPOINTS, model_path
from tflite_course.pad.centring import EmptyDrawing, center_like_mnist, check_canvas, find_ink
from tflite_course.pad.strokes import draw_strokes
from tflite_course.resources import resource

STATIC = Path(__file__).with_name("static")


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
