"""A slider over a list of values that mouse, keyboard and screen reader can use.

That of ipywidgets has no name that a screen reader could say, and in Notebook 7 the arrow keys never reach it: there
they move between cells.
"""

from pathlib import Path

import anywidget
import traitlets

from tflite_course.errors import CourseError


class Slider(anywidget.AnyWidget):
    """A slider over `values`, a list; `value` is where it stands, and `index` its place in the list.

    name: how it is called on the page. start: where it begins, the first of the values by default.
    Raises CourseError when it is set to something that is not in the list.
    """

    _esm = Path(__file__).with_name("static") / "slider.js"

    description = traitlets.Unicode().tag(sync=True)
    labels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    index = traitlets.Int(0).tag(sync=True, echo_update=False)  # an echo that comes late would move it back

    def __init__(self, name, values, start=None):
        self.name, self.values = name, list(values)
        labels = [f"{value:,}" if isinstance(value, (int, float)) else str(value) for value in self.values]
        super().__init__(description=name.replace("_", " "), labels=labels)
        if start is not None:
            self.value = start

    @property
    def value(self):
        return self.values[self.index]

    @value.setter
    def value(self, value):
        if value not in self.values:
            raise CourseError(f"The slider '{self.name}' has no {value!r}: choose one of {', '.join(self.labels)}.")
        self.index = self.values.index(value)

    def __repr__(self):
        return f"Slider({self.name!r})"
