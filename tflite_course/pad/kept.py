"""Drawings that somebody kept, each with the digit it was meant to be: a test set in one's own hand, in a file."""

import base64
import hashlib
import io
import os
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import traitlets

from tflite_course.errors import CourseError
from tflite_course.locking import locked
from tflite_course.pad.centring import EmptyDrawing, center_like_mnist, find_ink

FILE = "work/my_digits.npz"
MOST_SHOWN = 60  # thumbnails under a pad
UNREAD = -1  # in the file: the model gave no answer


@dataclass(frozen=True, eq=False)
class Kept:
    """One drawing. label: what it was meant to be; prediction: what the model read, None when it gave no answer.

    image: float32 (28, 28), what the model was given; drawing: uint8 (140, 140), as it lay on the pad;
    strokes: a list of float32 (n, 3), x and y from 0 to 280 and the pen's pressure, empty when Python made the drawing.
    """

    label: int
    prediction: int | None
    image: np.ndarray
    drawing: np.ndarray
    strokes: list = field(default_factory=list)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


def check_label(label):
    """Return a label as int. Raises CourseError when it is not one of the ten digits."""
    if isinstance(label, bool | np.bool_) or not isinstance(label, int | np.integer) or label not in range(10):
        raise CourseError(f"{label!r} is not a digit: keep a drawing with a whole number from 0 to 9.")
    return int(label)


class KeptDigits:
    """The drawings in a file. Every change reads it, changes it and writes it while other notebooks wait.

    digits: list of Kept, in the order in which they were kept. notice: one sentence about a damaged file, or "".
    path: a .npz with the arrays that `load_kept` names.
    """

    def __init__(self, path=FILE):
        self.path = Path(path).absolute()
        self.digits, self.notice = [], ""
        self.reload()

    def reload(self):
        """Take what the file holds. A damaged file gets another name; a file that is gone loses nothing."""
        try:
            self.digits = load_kept(self.path)
        except DamagedFile:
            with locked(self.path):
                self._take()

    def add(self, digit):
        """Append a Kept and write the file; one that is there already is not added twice. Raises CourseError."""
        with locked(self.path):
            self._take()
            changed = self.digits if any(old.id == digit.id for old in self.digits) else [*self.digits, digit]
            self._write(changed)

    def remove(self, name):
        """Take the drawing with the id `name` out of the file and return it; None when it is gone already."""
        with locked(self.path):
            self._take()
            [*found] = [digit for digit in self.digits if digit.id == name]
            if found:
                self._write([digit for digit in self.digits if digit.id != name])
        return found[0] if found else None

    def summary(self):
        """Return "3 kept, 2 read right"."""
        if not self.digits:
            return "Nothing is kept yet."
        return f"{len(self.digits)} kept, {sum(d.prediction == d.label for d in self.digits)} read right"

    def _take(self):
        """Read the file again; only while it is locked. What this pad has kept stays when the file cannot tell."""
        try:
            if self.path.exists():
                self.digits = load_kept(self.path)
        except DamagedFile:
            aside = _free_name(self.path)
            try:
                os.replace(self.path, aside)
            except OSError as error:
                raise CourseError(
                    f"{self.path.name} is damaged and cannot be renamed ({error.strerror}): close what has it open."
                ) from None
            self.notice = f"{self.path.name} was damaged: it is now called {aside.name}, and a new file is begun."

    def _write(self, digits):
        beside = self.path.with_name(f".{self.path.name}.new")
        try:
            with open(beside, "wb") as file:
                np.savez_compressed(file, **_pack(digits))
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, self.path)
        except OSError as error:
            raise CourseError(
                f"{self.path.name} cannot be written ({error.strerror or error}): free some space or close what has it "
                "open, then try again."
            ) from None
        self.digits = digits


class DamagedFile(CourseError):
    """A file of kept drawings that holds something else."""


def load_kept(path=FILE):
    """Return the drawings in a file that a pad has written, a list of Kept; [] when there is no file.

    Its arrays, for n drawings: labels and predictions int (n,), -1 = no answer; images float32 (n, 28, 28);
    drawings uint8 (n, 140, 140); ids str (n,); strokes int (k, 2), for each stroke the number of its drawing and of its
    points; points float32 (m, 3), those of all strokes. In the first edition images were (n, 140, 140), with labels.

    Raises DamagedFile, a CourseError, for anything else, and CourseError for a file that cannot be read.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CourseError(
            f"{path.name} cannot be read ({error.strerror}): check its rights, or take another name."
        ) from None
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return _unpack(arrays if "drawings" in arrays else _first_edition(arrays))
    except Exception:  # a broken file raises nearly anything
        raise DamagedFile(
            f"{path.name} does not hold kept drawings or is damaged: give it another name, and a pad begins a new one."
        ) from None


def _free_name(path):
    """Return a name beside a file that nobody has: my_digits.damaged.npz, my_digits.damaged-2.npz ..."""
    number = 1
    while (aside := path.with_name(f"{path.stem}.damaged{f'-{number}' * (number > 1)}{path.suffix}")).exists():
        number += 1
    return aside


def _pack(digits):
    """Return the arrays of a file, see load_kept."""
    strokes = [(k, np.asarray(s, np.float32).reshape(-1, 3)) for k, d in enumerate(digits) for s in d.strokes]
    unread = [UNREAD if d.prediction is None else d.prediction for d in digits]
    return {
        "labels": np.array([d.label for d in digits], np.int64),
        "predictions": np.array(unread, np.int64),
        "images": np.array([d.image for d in digits], np.float32).reshape(-1, 28, 28),
        "drawings": np.array([d.drawing for d in digits], np.uint8).reshape(-1, 140, 140),
        "ids": np.array([d.id for d in digits], "U32"),
        "strokes": np.array([(k, len(points)) for k, points in strokes], np.int64).reshape(-1, 2),
        "points": np.concatenate([np.zeros((0, 3), np.float32), *(points for _, points in strokes)]),
    }


def _unpack(arrays):
    """Return the list of Kept in the arrays of a file. Raises ValueError or KeyError when they do not fit together."""
    count = len(arrays["labels"])
    shapes = {"labels": (), "predictions": (), "images": (28, 28), "drawings": (140, 140), "ids": ()}
    for name, shape in shapes.items():
        if arrays[name].shape != (count, *shape):
            raise ValueError(name)
    labels = arrays["labels"].tolist()
    if not set(labels) <= set(range(10)) or not set(arrays["predictions"].tolist()) <= set(range(UNREAD, 10)):
        raise ValueError("digits")
    if arrays["drawings"].dtype != np.uint8 or not np.isfinite(arrays["images"]).all():
        raise ValueError("pixels")
    strokes, ends = [[] for _ in labels], np.cumsum(arrays["strokes"][:, 1])
    if arrays["points"].shape != (arrays["strokes"][:, 1].sum(), 3):
        raise ValueError("points")
    for (number, size), end in zip(arrays["strokes"].tolist(), ends.tolist(), strict=True):
        strokes[number].append(arrays["points"][end - size : end])
    read = [None if p == UNREAD else p for p in arrays["predictions"].tolist()]
    rows = zip(labels, read, arrays["images"], arrays["drawings"], strokes, arrays["ids"].tolist(), strict=True)
    return [Kept(*row) for row in rows]


def _first_edition(arrays):
    """Return the arrays of a file that holds drawings and labels only."""
    drawings, labels = arrays["images"], arrays["labels"]
    if drawings.dtype != np.uint8:
        raise ValueError("pixels")
    names = [hashlib.sha256(d.tobytes() + bytes([k % 256])).hexdigest()[:32] for k, d in enumerate(drawings)]
    rows = zip(labels.tolist(), drawings, names, strict=True)
    return _pack([Kept(label, None, _centred(drawing), drawing, id=name) for label, drawing, name in rows])


def _centred(drawing):
    try:
        return center_like_mnist(drawing)
    except CourseError:
        return np.zeros((28, 28), np.float32)


class Keeping(traitlets.HasTraits):
    """The part of the pad that keeps drawings. A press on a digit comes as a message, with the drawing that it means.

    The browser clears the pad when `kept_answer` names that press as done: what could not be written stays on the pad.
    """

    keeping = traitlets.Bool(False).tag(sync=True)  # are the ten buttons there?
    kept_note = traitlets.Unicode("").tag(sync=True)
    kept_shown = traitlets.List().tag(sync=True)  # of the newest: id, label, read (-1: no answer), pixels in base64
    kept_answer = traitlets.List().tag(sync=True)  # id of the last press, and whether it was kept
    can_put_back = traitlets.Bool(False).tag(sync=True)

    _file = None
    _removed = None

    def keep_in(self, path=FILE):
        """Show the ten buttons under the pad, and keep drawings in a .npz file; what it holds already is shown."""
        self._file = KeptDigits(FILE if path is True else path)
        self.keeping = True
        self._show_kept()

    @property
    def kept(self):
        """What has been kept in the pad's file, a list of Kept."""
        return [] if self._file is None else list(self._file.digits)

    def keep(self, label):
        """Keep the drawing on the pad as a `label` (0 to 9) and clear the pad; returns "3 kept, 2 read right".

        Raises CourseError for another label, an empty pad or a dot, and a file that cannot be written: then the drawing
        stays on the pad. Without `keep_in` or `with_controls(keep=...)` the file is work/my_digits.npz.
        """
        self._keep(label, self.image, self.strokes)
        self._show_kept()
        self.clear()
        return self._file.summary()

    def remove_kept(self, name):
        """Take the drawing with the id `name` out of the file; `put_back` returns it there."""
        self._remove(name)
        self._show_kept()

    def put_back(self):
        """Put the drawing that was removed last back into the file, at its end."""
        self._put_back()
        self._show_kept()

    def _remove(self, name):
        self._removed = self._file.remove(name) or self._removed

    def _put_back(self):
        if self._removed is not None:
            self._file.add(self._removed)
            self._removed = None

    def _keep(self, label, drawing, strokes, name=None):
        label = check_label(label)
        try:
            find_ink(drawing)
        except EmptyDrawing as hint:
            raise CourseError(f"There is nothing to keep. {hint}") from None
        if self._file is None:
            self.keep_in()
        try:
            probabilities, image = self._ask(drawing)
            prediction = int(np.argmax(probabilities))
        except Exception:  # a model that fails is no reason to lose a drawing; the pad shows the error
            prediction, image = None, None
        image = _centred(drawing) if image is None else image
        lines = [np.asarray(s, np.float32).reshape(-1, 3) for s in strokes]
        name = name or uuid.uuid4().hex
        self._file.add(Kept(label, prediction, image, drawing.copy(), lines, name))

    def _show_kept(self, answer=None, problem=None):
        """Send the list, and the answer to a press."""
        digits = self._file.digits[-MOST_SHOWN:]
        note = problem or " ".join(filter(None, [self._file.notice, self._file.summary()]))
        if len(digits) < len(self._file.digits):
            note += f" (the last {MOST_SHOWN} are shown)"
        self._file.notice = self._file.notice if problem else ""
        with self.hold_sync():
            self.kept_note = note
            self.kept_shown = [_thumbnail(digit) for digit in digits]
            self.can_put_back = self._removed is not None
            if answer is not None:
                self.kept_answer = answer

    def _on_keeping(self, content, buffers):
        """Do what a button under the pad asks for; what fails becomes the note under the pad."""
        name, problem = str(content.get("id", ""))[:32], None
        if self._file is None:
            self.keep_in()
        try:
            if content["kind"] == "keep":
                drawing = np.frombuffer(buffers[0], np.uint8).reshape(140, 140)
                self._keep(content["label"], drawing, content.get("strokes", []), name)
            elif content["kind"] == "remove":
                self._remove(name)
            else:
                self._put_back()
        except CourseError as error:
            problem = str(error)
        except Exception as error:  # the traceback of a widget's callback is shown nowhere else
            problem = f"The drawing was not kept ({type(error).__name__}: {error}): press again."
        if problem:
            self.errors.append(CourseError(problem))
        self._show_kept([name, problem is None], problem)


def _thumbnail(digit):
    pixels = np.round(np.clip(digit.image, 0, 1) * 255).astype(np.uint8)
    read = UNREAD if digit.prediction is None else digit.prediction
    return {"id": digit.id, "label": digit.label, "read": read, "pixels": base64.b64encode(pixels).decode()}
