"""The pad to draw on, and the way from a drawing to ten probabilities."""

import base64
import os
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
from tflite_course.pad.centring import EmptyDrawing, center_like_mnist, check_canvas, find_ink, resize_only
from tflite_course.pad.kept import Keeping
from tflite_course.pad.strokes import draw_strokes
from tflite_course.resources import resource

STATIC = Path(__file__).with_name("static")
PREPROCESS = {"centred": center_like_mnist, "only made small": resize_only}  # the ways that the pad's switch offers
PLAIN_TEXT = "Drawing pad: run this cell in JupyterLab"
STILL_ALT = "A dimmed picture of the drawing pad: a 7 on black, beside it ten bars, the one of the 7 is the longest"
# The pictures that stand for the pad, by what its switch says; None: a pad without a switch.
STILLS = {
    "centred": ("still.png", "; the input is centred."),
    "only made small": ("still_made_small.png", "; the input is only made small."),
    None: ("still_other.png", "."),
}


class Recognizer:
    """The way from a drawing to ten probabilities: pre-process, infer, post-process.

    recognizer(canvas) -> float32 (10,). `times` holds what the last call took, in milliseconds, and `seen` the image
    that the model was given, float32 (28, 28). Softmax is applied to logits only: probabilities and ten sigmoids are
    shown as the model gives them.
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
        self.seen = None

    def __call__(self, canvas, preprocess=None):
        """Return ten probabilities for a canvas; preprocess: another one for this call."""
        start = time.perf_counter()
        self.seen = image = (preprocess or self.preprocess)(canvas)
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


class Menu(anywidget.AnyWidget):
    """A menu with a name; in Notebook 7 the arrow keys never reach that of ipywidgets.

    options: list of texts; value: the one that is chosen, at first the first.
    """

    _esm = STATIC / "menu.js"

    description = traitlets.Unicode().tag(sync=True)
    options = traitlets.List(traitlets.Unicode()).tag(sync=True)
    value = traitlets.Unicode().tag(sync=True, echo_update=False)

    def __init__(self, description, options):
        super().__init__(description=description, options=options, value=options[0])

    @traitlets.validate("value")
    def _check(self, proposal):
        if proposal["value"] not in self.options:
            raise CourseError(f"There is no {proposal['value']!r} in this menu: choose {', '.join(self.options)}.")
        return proposal["value"]

    def __repr__(self):
        return f"Menu({self.description!r})"


def _to_bytes(image, _):
    """Return float32 (28, 28) from 0 to 1 as 784 bytes for the browser."""
    return None if image is None else np.round(np.clip(image, 0, 1) * 255).astype(np.uint8).tobytes()


class DigitPad(Keeping, anywidget.AnyWidget):
    """A pad to draw a digit on, with the prediction, the ten probabilities and what the model sees beside it.

    predict: canvas, uint8 (140, 140) -> ten probabilities; by default a Recognizer with the course's model.
    preprocess: "centred" or "only made small", how a Recognizer gets its image; `seen` is that image, float32 (28, 28).
    A Recognizer with a preprocess of its own keeps it; the image that another function makes is not known.
    Draw with mouse, finger, pen or keyboard (arrows move, Space lowers and lifts the pen, U undoes, Delete clears).
    From Python: `pad.image = canvas` or `pad.draw(strokes)`; then `pad.prediction` and `pad.probabilities`.
    On an empty pad or a dot both are None, and `pad.status` holds a hint. What `predict` raises is shown in
    `pad.status` and kept in `pad.errors`; the drawing stays. `pad.keep(5)` keeps a drawing in a file, see `Keeping`.
    """

    SIDE = 140  # pixels a side of what Python sees; the browser draws at twice that

    _esm = STATIC / "digit_pad.js"
    _css = STATIC / "digit_pad.css"

    # From the browser. echo_update=False: an echo that comes late would wipe new strokes.
    pixels = traitlets.CBytes(None, allow_none=True).tag(sync=True, echo_update=False)  # CBytes: it sends a memoryview
    frame = traitlets.Int(0).tag(sync=True, echo_update=False)  # number of the drawing that `pixels` shows
    strokes = traitlets.List().tag(sync=True, echo_update=False)  # of that drawing: lists of [x, y, pressure], 0 to 280
    preprocess = traitlets.Enum(list(PREPROCESS), "centred").tag(sync=True)

    # To the browser.
    answered = traitlets.Int(0).tag(sync=True)  # number of the last drawing that was looked at
    probabilities_shown = traitlets.List(traitlets.Float()).tag(sync=True)
    seen = traitlets.Any(None, allow_none=True).tag(sync=True, to_json=_to_bytes)
    ways = traitlets.List(traitlets.Unicode()).tag(sync=True)  # what the switch offers; empty: no switch
    status = traitlets.Unicode("Draw one digit from 0 to 9.").tag(sync=True)
    pen_width = traitlets.Float(20.0, min=2, max=60).tag(sync=True)  # pixels of a canvas of 280
    label = traitlets.Unicode("Drawing pad: draw one digit from 0 to 9").tag(sync=True)
    nudging = traitlets.Bool().tag(sync=True)  # does the page hurry the server's answer? Not with lab_server.py

    def __init__(self, predict=None, **traits):
        self.predict = Recognizer() if predict is None else predict
        self.errors = []
        self.probabilities = None
        super().__init__(**traits)
        self._looked_at = None
        self.ways = self._ways()
        self.observe(self._on_drawing, ["pixels", "frame"])
        self.observe(lambda _: self.refresh(), "preprocess")
        self.on_msg(self._on_message)

    @traitlets.default("nudging")
    def _server_delays(self):
        return "TFLITE_COURSE_NODELAY" not in os.environ

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
        self._put(canvas.tobytes())

    def draw(self, strokes, **options):
        """Put strokes on the pad: a list of arrays (n, 2) of x, y; options as in strokes.draw_strokes."""
        self.image = draw_strokes(strokes, **options)

    def clear(self):
        """Wipe the pad."""
        self._put(None)

    def _put(self, pixels):
        """Show a drawing of Python's; nobody knows its strokes."""
        with self.hold_sync():
            self.strokes = []
            self.pixels = pixels

    def refresh(self):
        """Ask `predict` again about the drawing that is there, for example after `pad.predict` was replaced."""
        self.ways = self._ways()
        self._look(self.image, self.answered)

    def with_controls(self, models=None, *, keep=None):
        """Return the pad with a slider for the pen and a menu of models, as one ipywidgets box.

        models: {label: predict function}; None offers the float32 and the int8 file of the course.
        keep: a .npz, or True for work/my_digits.npz: then one press under the pad keeps a drawing there (`keep_in`).
        """
        if keep:
            self.keep_in(keep)
        if models is None:
            models = {f"mnist_cnn, {v}": Recognizer(model_path("mnist_cnn", v)) for v in ("float32", "int8")}
        if not models:
            raise CourseError("with_controls() got no models: give {label: predict function}, or nothing.")
        pen = PenSlider(value=self.pen_width)
        menu = Menu("Model", list(models))
        traitlets.link((pen, "value"), (self, "pen_width"))

        def choose(_):
            self.predict = models[menu.value]
            self.refresh()

        menu.observe(choose, "value")
        choose(None)
        return PadBox([widgets.HBox([pen, menu], layout=widgets.Layout(flex_flow="row wrap")), self])

    def _on_drawing(self, change):
        """A drawing from the browser changes both traits, an undo perhaps only the number, Python only the pixels."""
        drawing = (self.frame, self.pixels)
        if drawing != self._looked_at:
            self._looked_at = drawing
            self._look(self.image, self.frame)

    def _on_message(self, _, content, buffers):
        """A drawing that is not finished: it comes as a message, because a message never queues behind a state."""
        if content.get("kind") in ("keep", "remove", "put_back"):
            return self._on_keeping(content, buffers)
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
        probabilities = seen = None
        try:
            find_ink(canvas)
            probabilities, seen = self._ask(canvas)
            best = int(probabilities.argmax())
            status = f"Prediction: {best} ({100 * probabilities[best]:.0f} %)"
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
            self.status, self.seen = status, seen
            self.probabilities_shown = [] if probabilities is None else [float(p) for p in probabilities]
            self.answered = frame

    def _ask(self, canvas):
        """Return ten probabilities for a canvas, and the image that the model was given (None: it does not say)."""
        if isinstance(self.predict, Recognizer):
            answer = self.predict(canvas, PREPROCESS[self.preprocess] if self.ways else None)
            seen = self.predict.seen
        else:
            answer, seen = self.predict(canvas), None
        answer = np.asarray(answer, float)
        if answer.shape != (10,) or not np.isfinite(answer).all():
            raise CourseError(f"Your predict function must return ten probabilities, its answer is {answer.shape}.")
        return answer, seen if np.shape(seen) == (28, 28) else None

    def _ways(self):
        """Return the ways between which the switch chooses: none where the images are made otherwise."""
        centres = isinstance(self.predict, Recognizer) and self.predict.preprocess is center_like_mnist
        return list(PREPROCESS) if centres else []

    def __repr__(self):  # the default holds an address, which differs from run to run
        return PLAIN_TEXT

    def _repr_mimebundle_(self, **options):
        return _with_still(super()._repr_mimebundle_(**options), self)


class PadBox(widgets.VBox):
    """The pad with its controls. Where no widget can be shown, as on GitHub, a dimmed picture stands for it."""

    def __repr__(self):
        return PLAIN_TEXT

    def _repr_mimebundle_(self, **options):  # ipywidgets 7 never asks for it
        return _with_still(super()._repr_mimebundle_(**options), self.children[-1])


def _with_still(bundle, pad):
    """Return what a widget shows of itself, (data, metadata), with the still picture of such a pad beside it."""
    if bundle is None:  # a pad that was closed
        return None
    data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
    name, said = STILLS[pad.preprocess if pad.ways else None]
    still = base64.b64encode((STATIC / name).read_bytes()).decode()
    data = data | {"text/plain": PLAIN_TEXT, "image/png": still}
    return data, metadata | {"image/png": {"alt": STILL_ALT + said}}
