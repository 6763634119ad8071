"""Both ends of the conversation between a submission and its judge: calls, values, errors.

The judge asks ("do": "value", "call", "getattr", "iter", "next", "array", "again"), the submission answers. While it
works on a call it may call what the judge gave it (a clock, a camera), and the judge answers: that is all it serves.
"""

import builtins
import pathlib
import socket
import time

import numpy as np

from tflite_course.grading.judge import models, wire

MOST_OBJECTS = 100_000  # functions and other objects that stay on their side, known by a number
MOST_TEXT = 2000  # characters of an error's message
KEPT = 400  # values returned last, for "again"
CHANGEABLE = (np.ndarray, list, dict, bytearray)


class Silent(BaseException):
    """The other side does not answer: its time is over, or it has ended. Not an Exception: no judge may swallow it."""


class Peer:
    """One end of a connection.

    connection: a connected stream socket. serves: what the other side may ask for. deadline: time.monotonic() at which
    it must have answered, or None.
    """

    def __init__(self, connection, serves, deadline=None):
        self.connection, self.serves, self.deadline = connection, frozenset(serves), deadline
        self.objects, self.numbers = {}, {}  # what stays here: {number: object}, {id: number}
        self.foreign = {}  # what stays there: {id of the stand-in: (number, stand-in)}
        self.raised = {}  # errors of callbacks: {number: error}
        self.returned, self.received = {}, {}  # for "again": {number: value}, {id: (number, value)}

    # --- asking

    def ask(self, what, of=None, value=None):
        """Ask the other side and return the header and the Reader of its reply; serve it in the meantime."""
        writer = wire.Writer(self._export)
        header = {"do": what, "of": of, "v": writer.value(value)}
        self._send(header, writer)
        while True:
            header, reader = self._receive()
            if "do" not in header:
                break
            self._serve(header, reader)
        if "error" in header:
            raise self._error(header["error"])
        return header, reader

    def call(self, number, arguments, options):
        """Call what has a number on the other side; changes of the arguments are made here too."""
        header, reader = self.ask("call", number, [list(arguments), dict(options)])
        for position, entry in header.get("changed") or []:
            if type(position) is int and 0 <= position < len(arguments):
                _change(arguments[position], reader.value(entry))
        value = reader.value(header.get("v"))
        if type(header.get("n")) is int:
            self.received[id(value)] = header["n"], value
        return value

    def again(self, value):
        """Return a value that was returned, as it is now on the other side."""
        known = self.received.get(id(value))
        if known is None:
            return value
        header, reader = self.ask("again", known[0])
        return reader.value(header.get("v"))

    def _send(self, header, writer):
        message = wire.pack(header, writer.blobs)
        self._wait()
        try:
            self.connection.sendall(message)
        except (TimeoutError, OSError):
            raise Silent from None

    def _receive(self):
        self._wait()
        try:
            message = wire.receive(self.connection)
        except (TimeoutError, OSError):
            raise Silent from None
        if message is None:
            raise Silent
        header, blobs = message
        return header, wire.Reader(blobs, self._special)

    def _wait(self):
        if self.deadline is not None:
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise Silent
            self.connection.settimeout(left)

    # --- serving

    def serve(self):
        """Serve until the other side closes the connection."""
        try:
            while True:
                self._serve(*self._receive())
        except Silent:
            return

    def _serve(self, header, reader):
        what = header.get("do")
        writer = wire.Writer(self._export)
        try:
            if what not in self.serves:
                raise wire.Unreadable(f"{str(what)[:20]!r} is not served here.")
            reply = getattr(self, f"do_{what}")(header.get("of"), reader.value(header.get("v")), writer)
            self._send(reply, writer)
        except Silent:
            raise
        except BaseException as error:
            self._send({"error": self._describe(error)}, wire.Writer(self._export))

    def do_call(self, number, value, writer):
        arguments, options = value
        watched = [
            k for k, argument in enumerate(arguments) if type(argument) in CHANGEABLE or models.is_model(argument)
        ]
        before = {k: self._written(arguments[k]) for k in watched}
        result = self.objects[number](*arguments, **options)
        changed = [k for k in watched if self._written(arguments[k]) != before[k]]
        reply = {"v": writer.value(result), "n": self._keep(result)}
        return reply | {"changed": [[k, writer.value(arguments[k])] for k in changed]}

    def _written(self, value):
        writer = wire.Writer(self._export)
        return writer.value(value), writer.blobs

    def _keep(self, result):
        number = len(self.returned)
        self.returned[number] = result
        self.returned.pop(number - KEPT, None)
        return number

    def do_again(self, number, _, writer):
        return {"v": writer.value(self.returned[number])}

    def do_getattr(self, number, name, writer):
        return {"v": writer.value(getattr(self.objects[number], str(name)))}

    def do_iter(self, number, _, writer):
        return {"v": writer.value(iter(self.objects[number]))}

    def do_next(self, number, _, writer):
        try:
            return {"v": writer.value(next(self.objects[number]))}
        except StopIteration:
            return {"end": True}

    def do_array(self, number, _, writer):
        return {"v": writer.value(np.asarray(self.objects[number]))}

    # --- what is not plain data

    def _export(self, value, writer):
        """Return the JSON of what is not plain data: a path, or an object that stays here."""
        if isinstance(value, pathlib.PurePath):
            return {"t": "path", "v": str(value)}
        if id(value) in self.foreign and self.foreign[id(value)][1] is value:
            return {"t": "yours", "n": self.foreign[id(value)][0]}
        if models.is_model(value) or models.is_schedule(value):
            return models.describe(value, self.number, writer)
        number, kind = self.number(value), type(value)
        can = [name for name, has in (("call", callable(value)), ("next", hasattr(kind, "__next__"))) if has]
        can += [name for name, method in (("iter", "__iter__"), ("array", "__array__")) if hasattr(kind, method)]
        mro = [[str(base.__module__)[:100], str(base.__name__)[:100]] for base in kind.__mro__[:-1][:20]]
        return {"t": "object", "n": number, "mro": mro, "can": can}

    def number(self, value):
        """Return the number by which the other side names an object that stays here."""
        if id(value) not in self.numbers:
            if len(self.objects) >= MOST_OBJECTS:
                raise wire.Unreadable(f"the answer has more than {MOST_OBJECTS:,} objects.")
            self.numbers[id(value)] = len(self.objects)
            self.objects[len(self.objects)] = value
        return self.numbers[id(value)]

    def _special(self, entry, reader):
        if entry["t"] in ("model", "schedule"):
            return models.build(entry, reader, self)
        if entry["t"] == "yours":
            return self.objects[entry["n"]]
        if entry["t"] == "object":
            return self.stand_in(entry)
        raise wire.Unreadable("the answer has a form that cannot be read.")

    def stand_in(self, entry):
        """Return what stands here for an object of the other side."""
        number = entry["n"]

        def function(*arguments, **options):
            return self.call(number, arguments, options)

        self.foreign[id(function)] = number, function
        return function

    # --- errors

    def _describe(self, error):
        kinds = [base.__name__[:100] for base in type(error).__mro__[:-1]]
        if isinstance(error, wire.Unreadable):
            kinds = ["Unreadable", "BaseException"]
        known = getattr(error, "_number", None)
        if known is None:
            known = len(self.raised)
            if known < 1000:
                self.raised[known] = error
            else:
                known = None
            return {"kinds": kinds, "text": str(error)[:MOST_TEXT], "mine": known}
        return {"kinds": kinds, "text": str(error)[:MOST_TEXT], "yours": known}

    def _error(self, entry):
        """Return the error of the other side as one of the same built-in kind; one that came from here, itself."""
        mine = entry.get("yours")
        if type(mine) is int and mine in self.raised:
            return self.raised[mine]
        kinds = [str(kind)[:100] for kind in entry["kinds"]]
        text = str(entry["text"])[:MOST_TEXT]
        if kinds[0] == "Unreadable":
            return wire.Unreadable(text)
        error = error_like(kinds, text)
        error._number = entry.get("mine")
        return error


def error_like(kinds, text):
    """Return an error with the name kinds[0], the text, and the first built-in kind among kinds as its class."""
    built_in = (getattr(builtins, kind, None) for kind in kinds)
    base = next((kind for kind in built_in if isinstance(kind, type) and issubclass(kind, BaseException)), Exception)
    name = kinds[0] if kinds and kinds[0].isidentifier() else "Exception"

    def start(self, *_):
        pass

    return type(name, (base,), {"__init__": start, "__str__": lambda self: text, "__module__": "builtins"})()


def _change(mine, theirs):
    """Make an argument equal to what the other side made of it, in place where that is possible."""
    if type(mine) is np.ndarray and type(theirs) is np.ndarray:
        if mine.shape == theirs.shape and mine.flags.writeable:
            mine[...] = theirs
    elif type(mine) in (list, bytearray) and type(theirs) is type(mine):
        mine[:] = theirs
    elif type(mine) is dict and type(theirs) is dict:
        mine.clear()
        mine.update(theirs)
    elif models.is_model(mine):
        models.copy_weights(theirs, mine)


def connect(address, seconds=30):
    """Return a socket connected to the path of a Unix socket, or to ("127.0.0.1", port)."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    connection.settimeout(seconds)
    connection.connect(address if isinstance(address, str) else tuple(address))
    connection.settimeout(None)
    return connection
