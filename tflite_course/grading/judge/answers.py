"""The answer server: it runs in the submission's own process and answers for it.

Nothing here is trusted: whatever it says counts as what the student's code answered. It runs in the main thread, as
the code of a cell does, because libraries may need that.
"""

import sys

import numpy as np

from tflite_course.grading.judge import places, wire
from tflite_course.grading.judge.peer import Peer, connect

ASKED = "Python was asked to end here; the cells below were run all the same."
SERVED = ("value", "call", "getattr", "iter", "next", "array", "again")


class Answers(Peer):
    """The submission's end: it evaluates expressions in the notebook's names, and calls what they gave."""

    def __init__(self, connection, names):
        super().__init__(connection, SERVED)
        self.notebook = names

    def do_value(self, _, expression, writer):
        return {"v": writer.value(eval(str(expression), self.notebook))}

    def do_call(self, number, value, writer):
        with np.errstate(all="ignore"):  # as in the lab's own check, whatever np.seterr says
            return super().do_call(number, value, writer)

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


def start_kernel():
    """Run an IPython kernel with the arguments of this program; exit() and quit() in a cell do not end it."""
    import zmq
    from ipykernel.ipkernel import IPythonKernel
    from ipykernel.kernelapp import IPKernelApp
    from ipykernel.zmqshell import ZMQInteractiveShell

    def ask_exit(shell):
        print(ASKED)

    class Application(IPKernelApp):
        def _try_bind_socket(self, s, port):
            if s.type in (zmq.PUB, zmq.XPUB):
                s.setsockopt(zmq.SNDHWM, 0)  # what is printed waits, however fast, and is not dropped
            return super()._try_bind_socket(s, port)

    ZMQInteractiveShell.ask_exit = ask_exit
    application = Application.instance(kernel_class=IPythonKernel)
    application.initialize()
    application.start()
