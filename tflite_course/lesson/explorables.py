"""Pictures that follow a slider: every position is drawn once, and the first one is stored as a still picture.

Where there are few positions, they are drawn while the kernel has nothing else to do: then a move takes no time, and
neither the cell nor the next one waits. What cannot be drawn is named when the slider stands there; the tests of the
lessons draw every position with draw_all().
"""

import asyncio
import base64
import contextlib
import html
import io
import itertools
import time

import ipywidgets as widgets

from tflite_course.errors import CourseError
from tflite_course.lesson.sliders import Slider
from tflite_course.lesson.still import StillBox
from tflite_course.lesson.style import course_style

MOST_POSITIONS = 2000
MOST_AHEAD = 48  # positions that are drawn before the first move; a small figure takes a tenth to a third of a second
PAUSE = 1.0  # seconds without a cell, before and between which nothing is drawn ahead
BETWEEN = 0.02  # seconds between two pictures: moves of the slider and new cells come first
_newest = {}  # {name of the draw function and of the sliders: Explorable}: a cell that runs again replaces its own
_cell_ended = 0.0  # time.monotonic()


class Explorable(StillBox):
    """A picture under sliders. `values`: where they stand; `sentence`: what the picture shows.

    Without a browser: set `explorable.sliders["bits"].value = 4`.
    """

    def __init__(self, draw, sliders):
        self.draw, self._drawn = draw, {}
        self.sliders = {name: _slider(name, values) for name, values in sliders.items()}
        self.picture = widgets.HTML()
        self.status = widgets.HTML()
        png, self.sentence = self._look()
        still = {"text/plain": f"Figure: {self.sentence}", "image/png": base64.b64encode(png).decode()}
        alt = {"image/png": {"alt": self.sentence}}
        super().__init__([*self.sliders.values(), self.picture, self.status], still=still, still_metadata=alt)
        self._show()
        for slider in self.sliders.values():
            slider.observe(lambda _: self._show(), "index")
        _newest[self._name()] = self
        _draw_ahead_when_idle(self)

    @property
    def values(self):
        return {name: slider.value for name, slider in self.sliders.items()}

    def _look(self, key=None):
        """Return (PNG, sentence) of a position, the present one by default; each is drawn once.

        key: how far each slider stands from its beginning.
        """
        key = tuple(slider.index for slider in self.sliders.values()) if key is None else key
        if key not in self._drawn:
            places = zip(self.sliders.items(), key, strict=True)
            self._drawn[key] = _render(self.draw, {name: slider.values[k] for (name, slider), k in places})
        return self._drawn[key]

    def _name(self):
        return getattr(self.draw, "__qualname__", "?"), *self.sliders

    def _positions(self):
        """Return the keys of all positions, see _look()."""
        return list(itertools.product(*(range(len(slider.values)) for slider in self.sliders.values())))

    def _show(self):
        try:
            png, self.sentence = self._look()
        except Exception as error:  # the traceback of a widget's callback is shown nowhere
            self.sentence = f"This position cannot be drawn, {type(error).__name__}: {error}"
            self.picture.value = ""
        else:
            data = base64.b64encode(png).decode()
            alt = html.escape(self.sentence)
            self.picture.value = f'<img alt="{alt}" style="max-width:100%" src="data:image/png;base64,{data}">'
        self.status.value = f'<span role="status">{html.escape(self.sentence)}</span>'


def explore(draw, **sliders):
    """Show a picture that follows sliders, and keep its first state as a still picture in the notebook.

    draw: a function of the sliders' values that returns (matplotlib figure, sentence). The sentence says with numbers
    what to see; it stands under the picture and is its alternative text. Compute what is slow before, not in draw.
    sliders: name=values, at least two values each; the first is where the slider starts. With {"start": value,
    "values": list} it starts elsewhere.

    Raises CourseError for no slider, one with less than two values, and a draw that returns something else.
    """
    if not sliders:
        raise CourseError("explore() needs a slider: give one as name=list of values, for example bits=[2, 4, 8].")
    positions = 1
    for name, values in sliders.items():
        values = values["values"] if isinstance(values, dict) else values
        if len(list(values)) < 2:
            raise CourseError(f"The slider '{name}' has {len(list(values))} values: give it at least two.")
        positions *= len(list(values))
    if positions > MOST_POSITIONS:
        raise CourseError(f"The sliders have {positions:,} positions together: {MOST_POSITIONS:,} are the most.")
    return Explorable(draw, sliders)


def draw_all():
    """Draw every position of all explorables that are in use; return how many. What cannot be drawn is raised."""
    return sum(bool(box._look(key)) for box in list(_newest.values()) for key in box._positions())


def _draw_ahead_when_idle(box):
    """Draw the positions of a box, if they are few, one by one while no cell runs; without a kernel draw none."""
    from IPython import get_ipython

    try:
        loop, shell = asyncio.get_running_loop(), get_ipython()
    except RuntimeError:  # no kernel: nobody waits
        return
    keys = box._positions()
    if shell is None or len(keys) > MOST_AHEAD:
        return
    left = iter(keys)
    shell.events.register("post_run_cell", _note_cell)  # once, however often it is called

    def draw_next():
        if _newest.get(box._name()) is not box:
            return
        idle = time.monotonic() - _cell_ended
        if idle < PAUSE:
            loop.call_later(PAUSE - idle, draw_next)
        elif (key := next(left, None)) is not None:
            with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
                box._look(key)
            loop.call_later(BETWEEN, draw_next)

    loop.call_later(PAUSE, draw_next)


def _note_cell(_):
    global _cell_ended
    _cell_ended = time.monotonic()


def _slider(name, values):
    """Return a slider over a list of values, or over {"start": value, "values": list}."""
    return Slider(name, **values) if isinstance(values, dict) else Slider(name, values)


def _render(draw, values):
    """Return (PNG, sentence) of draw(**values)."""
    import matplotlib.pyplot as plt
    from matplotlib.figure import Figure

    with course_style():
        result = draw(**values)
    try:
        figure, sentence = result
    except (TypeError, ValueError):
        figure, sentence = None, ""
    if not isinstance(figure, Figure) or not str(sentence).strip():
        raise CourseError("The function of explore() must return two things: a matplotlib figure and a sentence.")
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    plt.close(figure)
    return stream.getvalue(), " ".join(str(sentence).split())
