"""The one kind of error that this package raises: a sentence that names the cause and the cure."""


class CourseError(ValueError):
    """Bad input or a broken installation. Its text is one sentence with the cause and the cure.

    In a notebook only that sentence is shown, without the traceback.
    """

    def _render_traceback_(self):  # IPython asks for this before it prints a traceback
        return [f"{type(self).__name__}: {self}"]
