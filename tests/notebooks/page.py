"""What a browser does for a reader of a lesson: run cells, type, move a slider, draw; all by the kernel's protocol.

The messages are those of JupyterLab: `comm_msg` with an update of a widget's state, or with the content and the buffers
that the pad sends. What the page would show afterwards is in the states that come back.
"""

import html
import re
import uuid

import nbformat
import numpy as np
from jupyter_core.utils import run_sync

from tests import ROOT
from tests.notebooks.conditions import to_run
from tests.notebooks.lesson_kernel import Lesson
from tflite_course.lesson.still import VIEW
from tflite_course.pad import paint_photo
from tflite_course.pad.strokes import draw_strokes, invent_digit

MODEL = "IPY_MODEL_"
SPOKEN = re.compile(r'<span role="status">(.*?)</span>', re.S)
SECONDS = 120  # that a widget may take to answer
# A reader's own files and guesses lie beside the notebook, and own models are looked for, as in no other test.
ENVIRONMENT = {"PYTHONPATH": str(ROOT), "COURSE_GUESSES": "", "COURSE_OWN_MODELS": ""}


class Page:
    """A lesson that is open in a browser. folder: the one of the notebook, with work/ in it; close() ends the kernel.

    shown: {number of the code cell: ids of the widgets that it shows}; runs: how many cells have been run.
    """

    def __init__(self, name, folder):
        self.lesson = Lesson(name, folder, ENVIRONMENT)
        self.cells = self.lesson.stored
        self.shown, self.runs, self.frame = {}, 0, 0
        self.open()

    def open(self):
        """Start a kernel, or another one: nothing has run, and no widget of the page answers any more."""
        self.lesson.start()
        self.lesson.client.store_widget_state = True
        self.shown = {}

    def close(self):
        self.lesson.close()

    def run(self, k, source=None):
        """Run code cell k, with another source if one is given; return its outputs."""
        cell = nbformat.v4.new_code_cell(self.cells[k].source if source is None else source)
        self.lesson.client.execute_cell(cell, self.lesson.index[k])
        self.runs += 1
        self.shown[k] = [o.data[VIEW]["model_id"] for o in cell.outputs if VIEW in o.get("data", {})]
        return cell.outputs

    def check(self, source):
        """Run asserts in the kernel as no cell of the lesson; return what does not hold, a text, or None."""
        cell = nbformat.v4.new_code_cell(to_run(source))
        self.lesson.client.execute_cell(cell, 0, store_history=False)
        errors = [output for output in cell.outputs if output.output_type == "error"]
        return f"{errors[0].ename}: {errors[0].evalue}" if errors else None

    def widgets(self, k):
        """Return {id: state} of the widgets that cell k shows, those inside them included, in the order of the page."""
        states, found, waiting = self.lesson.client.widget_state, {}, list(self.shown.get(k, ()))
        while waiting:
            name = waiting.pop(0)
            if name not in found and name in states:
                found[name] = states[name]
                waiting[:0] = [child.removeprefix(MODEL) for child in states[name].get("children", ())]
        return found

    def find(self, k, *keys, **values):
        """Return the ids of the widgets of cell k whose state has these keys, and these values."""
        return [
            name
            for name, state in self.widgets(k).items()
            if all(key in state for key in keys) and all(state.get(key) == value for key, value in values.items())
        ]

    def said(self, k):
        """Return the sentences that the widgets of cell k say to those who listen, as texts."""
        texts = [SPOKEN.findall(str(state.get("value", ""))) for state in self.widgets(k).values()]
        return [html.unescape(text) for found in texts for text in found]

    def set(self, widget, state, buffers=None):
        """Change a widget's state as the browser does; buffers: {path in the state, a tuple: bytes}."""
        buffers = buffers or {}
        data = {"method": "update", "state": state, "buffer_paths": [list(path) for path in buffers]}
        self._send(widget, data, list(buffers.values()))
        self.lesson.client.widget_state[widget].update(state)  # the kernel repeats only what it has changed itself

    def press(self, widget, content, buffers=()):
        """Send a message of a widget's own, as the buttons under the pad do."""
        self._send(widget, {"method": "custom", "content": content}, list(buffers))

    def _send(self, widget, data, buffers):
        client = self.lesson.client
        message = client.kc.session.msg("comm_msg", {"comm_id": widget, "data": data})
        message["buffers"] = buffers
        client.kc.shell_channel.send(message)
        run_sync(self._wait)(message["header"]["msg_id"])

    async def _wait(self, number):
        """Take what comes back until the kernel is done with a message."""
        client = self.lesson.client
        while True:
            answer = await client.kc.get_iopub_msg(timeout=SECONDS)
            if answer["parent_header"].get("msg_id") != number:
                continue
            if answer["msg_type"] in ("comm_open", "comm_msg"):
                client.handle_comm_msg([], answer, 0)
            elif answer["msg_type"] == "status" and answer["content"]["execution_state"] == "idle":
                return

    def draw(self, pad, digit, rng):
        """Draw a digit on a pad (None: wipe it), as a hand of a seed; return its pixels as bytes."""
        self.frame += 1
        strokes = [] if digit is None else invent_digit(digit, rng)
        canvas = draw_strokes(strokes, size=140, extent=95, width=10) if strokes else np.zeros((140, 140), np.uint8)
        self.set(pad, {"frame": self.frame, "strokes": points(strokes)}, {("pixels",): canvas.tobytes()})
        return canvas.tobytes(), points(strokes)

    def keep(self, pad, label, pixels, strokes):
        """Press a digit under a pad; return whether the drawing was kept."""
        name = uuid.uuid4().hex
        self.press(pad, {"kind": "keep", "id": name, "label": label, "strokes": strokes}, [pixels])
        answer = self.lesson.client.widget_state[pad]["kept_answer"]
        assert answer[0] == name, "the pad did not answer a press"
        return answer[1]

    def upload(self, button, content):
        """Choose a file for a button of ipywidgets."""
        about = {"name": "photo.jpg", "type": "image/jpeg", "size": len(content), "last_modified": 1_700_000_000_000}
        self.set(button, {"value": [about]}, {("value", 0, "content"): content})


def points(strokes):
    """Return strokes as the pad sends them: lists of [x, y, pressure] on a canvas of 280."""
    if not strokes:
        return []
    low, high = np.concatenate(strokes).min(0), np.concatenate(strokes).max(0)
    scale = 190 / max((high - low).max(), 1e-6)
    return [[[*np.round((p - (low + high) / 2) * scale + 140, 1).tolist(), 1] for p in stroke] for stroke in strokes]


def photo(rng):
    """Return a photo of some digits on paper, the bytes of a JPEG."""
    return paint_photo([invent_digit(digit, rng) for digit in (3, 1, 4)], rng)
