"""How values cross between a submission and its judge: plain data only, bounded, never pickle and never code.

A message is a header in JSON and the raw bytes of its arrays and byte strings:

    8 bytes  length of the rest, unsigned, big-endian
    4 bytes  length of the header
    header   JSON; values that JSON lacks are objects with a tag "t", bytes are referred to by their number
    blobs    one behind the other, their lengths stand in the header under "blobs"

Both sides import this module; nothing of it needs to be trusted on the side of the submission.
"""

import json
import math
import pathlib
import struct

import numpy as np

MOST_BYTES = 256 * 2**20  # of one message
MOST_HEADER = 16 * 2**20
MOST_ITEMS = 500_000  # values in one message
DEEPEST = 40  # containers inside containers
MOST_DIGITS = 4000  # of a whole number
KINDS = "biufcSUmM"  # of arrays that are plain data
TYPES = {kind.__name__: kind for kind in (bool, int, float, complex, str, bytes, list, tuple, dict, set)}
SCALARS = {kind.__name__: kind for kind in set(np.sctypeDict.values()) if np.dtype(kind).kind in KINDS}


class Unreadable(BaseException):
    """A value that cannot cross, or a message that is not one; the text says why, in a sentence for the student.

    Not an Exception: a judge that catches what an answer raises must not take it for the answer's own error.
    """


class Writer:
    """Makes the JSON of values and collects their bytes; export(value, writer) returns the JSON of other things."""

    def __init__(self, export):
        self.export, self.blobs, self.size, self.items = export, [], 0, 0

    def blob(self, content):
        """Take bytes, and return their number."""
        self.size += len(content)
        if self.size > MOST_BYTES:
            raise Unreadable(f"the answer has more than {MOST_BYTES:,} bytes, that is too much to judge.")
        self.blobs.append(bytes(content))
        return len(self.blobs) - 1

    def value(self, value, depth=0):
        """Return the JSON of a value. Raises Unreadable for what is too large or too deep."""
        self.items += 1
        if self.items > MOST_ITEMS:
            raise Unreadable(f"the answer has more than {MOST_ITEMS:,} values, that is too much to judge.")
        if depth > DEEPEST:
            raise Unreadable(f"the answer is nested deeper than {DEEPEST} levels.")
        kind = type(value)
        if value is None or kind in (bool, str, float):
            return value
        if kind is int:
            if value.bit_length() > 3 * MOST_DIGITS:
                raise Unreadable(f"the answer has a whole number of more than {MOST_DIGITS:,} digits.")
            return value
        if kind in (list, tuple, set, frozenset):
            return {"t": kind.__name__, "v": [self.value(item, depth + 1) for item in value]}
        if kind is dict:
            pairs = [[self.value(key, depth + 1), self.value(item, depth + 1)] for key, item in value.items()]
            return {"t": "dict", "v": pairs}
        return self._special(value, kind)

    def _special(self, value, kind):
        if kind in (bytes, bytearray):
            return {"t": kind.__name__, "v": self.blob(value)}
        if value is Ellipsis:
            return {"t": "ellipsis"}
        if kind is complex:
            return {"t": "complex", "v": [value.real, value.imag]}
        if kind is np.ndarray and value.dtype.kind in KINDS:
            if value.nbytes > MOST_BYTES:
                raise Unreadable(f"the answer has an array of {value.nbytes:,} bytes, that is too much to judge.")
            content = self.blob(np.ascontiguousarray(value).tobytes())
            return {"t": "array", "dtype": value.dtype.str, "shape": list(value.shape), "v": content}
        if isinstance(value, np.generic) and value.dtype.kind in KINDS:
            return {"t": "scalar", "dtype": value.dtype.str, "v": self.blob(value.tobytes())}
        if isinstance(value, np.dtype) and value.kind in KINDS:
            return {"t": "dtype", "v": value.str}
        if kind is type and (TYPES.get(value.__name__) is value or SCALARS.get(value.__name__) is value):
            return {"t": "type", "v": value.__name__}
        return self.export(value, self)


class Reader:
    """Makes values of JSON and blobs; special(entry, reader) returns what another tag stands for."""

    def __init__(self, blobs, special):
        self.blobs, self.special, self.items = blobs, special, 0

    def value(self, entry, depth=0):
        """Return the value of its JSON. Raises Unreadable for anything that Writer does not make."""
        self.items += 1
        if self.items > MOST_ITEMS or depth > DEEPEST:
            raise Unreadable("the answer has too many values, or is nested too deeply.")
        if entry is None or type(entry) in (bool, str, float, int):
            return entry
        if type(entry) is not dict or type(entry.get("t")) is not str:
            raise Unreadable("the answer has a form that cannot be read.")
        try:
            return self._tagged(entry, entry["t"], depth)
        except Unreadable:
            raise
        except (KeyError, TypeError, ValueError, IndexError, OverflowError, MemoryError) as error:
            raise Unreadable(f"the answer has a form that cannot be read ({type(error).__name__}).") from None

    def _tagged(self, entry, tag, depth):
        if tag in ("list", "tuple", "set", "frozenset"):
            items = [self.value(item, depth + 1) for item in entry["v"]]
            return {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}[tag](items)
        if tag == "dict":
            return {self.value(key, depth + 1): self.value(item, depth + 1) for key, item in entry["v"]}
        if tag in ("bytes", "bytearray"):
            content = self.blob(entry["v"])
            return content if tag == "bytes" else bytearray(content)
        if tag == "ellipsis":
            return Ellipsis
        if tag == "complex":
            return complex(*map(float, entry["v"]))
        if tag in ("array", "scalar", "dtype"):
            return self._of_numpy(entry, tag)
        if tag == "type":
            return TYPES.get(entry["v"]) or SCALARS[entry["v"]]
        if tag == "path":
            return pathlib.PurePosixPath(str(entry["v"]))
        return self.special(entry, self)

    def _of_numpy(self, entry, tag):
        dtype = np.dtype(str(entry["v" if tag == "dtype" else "dtype"]))
        if dtype.kind not in KINDS or dtype.hasobject:
            raise Unreadable("the answer has an array of objects.")
        if tag == "dtype":
            return dtype
        values = np.frombuffer(self.blob(entry["v"]), dtype) if dtype.itemsize else np.zeros(0, dtype)
        if tag == "scalar":
            return values[0]
        shape = tuple(int(side) for side in entry["shape"])
        if len(shape) > 32 or any(not 0 <= side < 2**31 for side in shape) or math.prod(shape) != values.size:
            raise Unreadable("the answer has an array whose shape does not fit its values.")
        if not values.size and any(side > 10**6 for side in shape):
            raise Unreadable(f"the answer has an empty array of the shape {shape}.")
        return values.reshape(shape).copy()

    def blob(self, number):
        """Return bytes by their number."""
        if type(number) is not int or not 0 <= number < len(self.blobs):
            raise Unreadable("the answer refers to bytes that are not there.")
        return self.blobs[number]


def pack(header, blobs=()):
    """Return the bytes of a message."""
    text = json.dumps({**header, "blobs": [len(blob) for blob in blobs]}).encode("ascii")
    body = len(text) + 4 + sum(map(len, blobs))
    if len(text) > MOST_HEADER or body > MOST_BYTES:
        raise Unreadable("the answer is too large to judge.")
    return b"".join([struct.pack(">QI", body, len(text)), text, *blobs])


def receive(connection):
    """Return (header, blobs) of the next message of a socket, or None at its end. Raises Unreadable, TimeoutError."""
    start = _exactly(connection, 12)
    if start is None:
        return None
    body, size = struct.unpack(">QI", start)
    if not 4 + size <= body <= MOST_BYTES or size > MOST_HEADER:
        raise Unreadable("the answer is too large to judge.")
    rest = _exactly(connection, body - 4)
    if rest is None:
        return None
    try:
        header = json.loads(bytes(rest[:size]))
        sizes = header["blobs"]
        if any(type(length) is not int or length < 0 for length in sizes) or sum(sizes) != len(rest) - size:
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Unreadable("the answer has a form that cannot be read.") from None
    blobs, place = [], size
    for length in sizes:
        blobs.append(bytes(rest[place : place + length]))
        place += length
    return header, blobs


def _exactly(connection, count):
    content, place = bytearray(count), 0
    view = memoryview(content)
    while place < count:
        got = connection.recv_into(view[place:], min(count - place, 2**20))
        if not got:
            return None
        place += got
    return view
