"""A widget that a notebook also keeps as a still picture: for GitHub, paper, the tests, and whoever does not run it."""

import ipywidgets as widgets

VIEW = "application/vnd.jupyter.widget-view+json"


class StillBox(widgets.VBox):
    """A box of widgets; beside its live view it gives a notebook text, and perhaps a picture.

    still: {MIME type: content}, with "text/plain" at least: what is stored. It must be the same on every run.
    still_metadata: {MIME type: {"alt": text}}.
    """

    _ipython_display_ = None  # that of ipywidgets 7 (Colab) would show the bare view

    def __init__(self, children, *, still, still_metadata=None):
        self.still, self.still_metadata = dict(still), dict(still_metadata or {})
        super().__init__(list(children))

    def _repr_mimebundle_(self, include=None, exclude=None, **_):
        view = {}
        if self.model_id is not None:  # there is a kernel
            view[VIEW] = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {**self.still, **view}, self.still_metadata

    def __repr__(self):
        return self.still["text/plain"]
