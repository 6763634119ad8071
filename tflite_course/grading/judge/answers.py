"""The answer server: it runs in the submission's own process and answers for it.

Nothing here is trusted: whatever it says counts as what the student's code answered. It runs in the main thread, as
the code of a cell does, because libraries may need that.
"""

import sys

from tflite_course.grading.judge import places, wire
from tflite_course.grading.judge.peer import Peer, connect

SERVED = ("value", "call", "getattr", "iter", "next", "array", "again")


class Answers(Peer):
    """The submission's end: it evaluates expressions in the notebook's names, and calls what they gave."""

    def __init__(self, connection, names):
        super().__init__(connection, SERVED)
        self.notebook = names

    def do_value(self, _, expression, writer):
        return {"v": writer.value(eval(str(expression), self.notebook))}

    def _special(self, entry, reader):
        if entry["t"] == "place":
            return places.unpack(entry, reader.blob)
        return super()._special(entry, reader)


def serve(address):
    """Connect to the judge and answer until it closes the connection."""
    from IPython import get_ipython

    names = get_ipython().user_ns
    try:
        with connect(address) as connection:
            Answers(connection, names).serve()
    except (OSError, wire.Unreadable):
        return 1
    finally:
        sys.stdout.flush()
    return 0
