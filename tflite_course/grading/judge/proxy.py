"""What stands in the judge for an object of the submission: a function, a generator, an object with methods."""

from pathlib import PurePath

import numpy as np

from tflite_course.grading.judge import models, places, wire
from tflite_course.grading.judge.peer import Peer


class Remote:
    """An object that stays in the submission. Its attributes and calls are asked for over the connection."""

    def __init__(self, peer, number):
        self.__dict__.update(_peer=peer, _number=number)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        header, reader = self._peer.ask("getattr", self._number, name)
        return reader.value(header.get("v"))

    def __setattr__(self, name, value):
        raise AttributeError(f"{name} belongs to the submission.")

    def __deepcopy__(self, memo):
        return self

    def __repr__(self):
        return f"a {type(self).__name__}"


def _call(self, *arguments, **options):
    return self._peer.call(self._number, arguments, options)


def _iter(self):
    header, reader = self._peer.ask("iter", self._number)
    return reader.value(header.get("v"))


def _next(self):
    header, reader = self._peer.ask("next", self._number)
    if header.get("end") is True:
        raise StopIteration
    return reader.value(header.get("v"))


def _array(self, dtype=None, copy=None):
    header, reader = self._peer.ask("array", self._number)
    value = reader.value(header.get("v"))
    if type(value) is not np.ndarray:
        raise wire.Unreadable("the answer has an object that says it is an array, and gives none.")
    return value if dtype is None else value.astype(dtype)


ABILITIES = {"call": ("__call__", _call), "iter": ("__iter__", _iter), "next": ("__next__", _next)}
ABILITIES["array"] = ("__array__", _array)


class Judge(Peer):
    """The judge's end: it asks for values and calls, and serves only calls of what it gave as an argument."""

    def __init__(self, connection, deadline):
        super().__init__(connection, {"call"}, deadline)
        self.models = {}

    def answer(self, expression):
        """Return the value of an expression in the submission. Raises what evaluating it raises there."""
        header, reader = self.ask("value", None, expression)
        return reader.value(header.get("v"))

    def stand_in(self, entry):
        can, number = entry["can"], entry["n"]
        methods = dict(ABILITIES[name] for name in can if name in ABILITIES)
        made = Remote
        for module, name in reversed(entry["mro"][:20]):
            fit = str(name) if str(name).isidentifier() else "object"
            made = type(fit[:80], (made,), {"__module__": str(module)[:80]})
        made = type(made.__name__, (made,), {**methods, "__module__": made.__module__})
        proxy = made(self, number)
        self.foreign[id(proxy)] = number, proxy
        return proxy

    def _special(self, entry, reader):
        """Return a model that came before as the same object: a judge may ask whether two are one."""
        value = super()._special(entry, reader)
        if entry["t"] != "model":
            return value
        known = self.models.setdefault(entry["n"], value)
        if known is not value and entry["kind"] == "graph":
            models.copy_weights(value, known)
        return known

    def _export(self, value, writer):
        if isinstance(value, Remote):
            return {"t": "yours", "n": value._number}
        if isinstance(value, PurePath):
            return places.pack(value, writer.blob)
        if not callable(value) and not models.is_model(value):
            raise TypeError(f"a judge gives a {type(value).__name__} to an answer, which cannot cross")
        return super()._export(value, writer)
