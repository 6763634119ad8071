"""Drawings that are not digits, invented as pen strokes: letters, signs and scribbles.

A model of digits has no eleventh answer, so code around it has to refuse them; this is the set to try that on. What a
person could read as a digit (I, O, S, Z, B, g, q ...) is left out. The shapes are of the course's own design, with the
same lean, stretch and bend as its invented digits.
"""

import numpy as np

from tflite_course.errors import CourseError
from tflite_course.pad.strokes import _arc, _distort, _smooth

# A shape is a list of strokes in the unit square. Of a stroke whose name is "line" the points are corners, of a
# "curve" a smooth line runs through them.
LETTERS = {
    "A": [("line", [(0.1, 0.95), (0.5, 0.05), (0.9, 0.95)]), ("line", [(0.25, 0.62), (0.75, 0.62)])],
    "E": [("line", [(0.85, 0.05), (0.2, 0.05), (0.2, 0.95), (0.85, 0.95)]), ("line", [(0.2, 0.5), (0.7, 0.5)])],
    "F": [("line", [(0.85, 0.05), (0.2, 0.05), (0.2, 0.95)]), ("line", [(0.2, 0.48), (0.7, 0.48)])],
    "H": [
        ("line", [(0.15, 0.05), (0.15, 0.95)]),
        ("line", [(0.85, 0.05), (0.85, 0.95)]),
        ("line", [(0.15, 0.5), (0.85, 0.5)]),
    ],
    "K": [("line", [(0.2, 0.05), (0.2, 0.95)]), ("line", [(0.85, 0.05), (0.2, 0.55), (0.85, 0.95)])],
    "M": [("line", [(0.08, 0.95), (0.15, 0.05), (0.5, 0.6), (0.85, 0.05), (0.92, 0.95)])],
    "N": [("line", [(0.15, 0.95), (0.15, 0.05), (0.85, 0.95), (0.85, 0.05)])],
    "R": [
        ("line", [(0.2, 0.95), (0.2, 0.05)]),
        ("curve", [(0.2, 0.05), (0.7, 0.08), (0.8, 0.28), (0.6, 0.46), (0.2, 0.5)]),
        ("line", [(0.45, 0.5), (0.85, 0.95)]),
    ],
    "T": [("line", [(0.08, 0.05), (0.92, 0.05)]), ("line", [(0.5, 0.05), (0.5, 0.95)])],
    "U": [("curve", [(0.15, 0.05), (0.15, 0.6), (0.3, 0.92), (0.7, 0.92), (0.85, 0.6), (0.85, 0.05)])],
    "V": [("line", [(0.08, 0.05), (0.5, 0.95), (0.92, 0.05)])],
    "W": [("line", [(0.05, 0.05), (0.27, 0.95), (0.5, 0.3), (0.73, 0.95), (0.95, 0.05)])],
    "X": [("line", [(0.1, 0.05), (0.9, 0.95)]), ("line", [(0.9, 0.05), (0.1, 0.95)])],
    "Y": [("line", [(0.1, 0.05), (0.5, 0.5), (0.9, 0.05)]), ("line", [(0.5, 0.5), (0.5, 0.95)])],
}
HEART = [(0.5, 0.95), (0.12, 0.5), (0.12, 0.2), (0.35, 0.1), (0.5, 0.32), (0.65, 0.1), (0.88, 0.2), (0.88, 0.5)]
HEART.append(HEART[0])
SIGNS = {
    "plus": [("line", [(0.1, 0.5), (0.9, 0.5)]), ("line", [(0.5, 0.1), (0.5, 0.9)])],
    "minus": [("line", [(0.05, 0.5), (0.95, 0.5)])],
    "equals": [("line", [(0.1, 0.35), (0.9, 0.35)]), ("line", [(0.1, 0.65), (0.9, 0.65)])],
    "hash": [
        ("line", [(0.35, 0.1), (0.3, 0.9)]),
        ("line", [(0.7, 0.1), (0.65, 0.9)]),
        ("line", [(0.1, 0.35), (0.92, 0.35)]),
        ("line", [(0.08, 0.65), (0.9, 0.65)]),
    ],
    "arrow": [("line", [(0.05, 0.5), (0.95, 0.5)]), ("line", [(0.65, 0.25), (0.95, 0.5), (0.65, 0.75)])],
    "triangle": [("line", [(0.5, 0.08), (0.92, 0.9), (0.08, 0.9), (0.5, 0.08)])],
    "square": [("line", [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9), (0.1, 0.1)])],
    "star": [("line", [(0.25, 0.95), (0.5, 0.05), (0.75, 0.95), (0.05, 0.38), (0.95, 0.38), (0.25, 0.95)])],
    "tick": [("line", [(0.08, 0.55), (0.35, 0.9), (0.95, 0.1)])],
    "heart": [("curve", HEART)],
    "spiral": [("curve", [(0.5 + t / 40 * np.cos(t * 0.9), 0.5 + t / 40 * np.sin(t * 0.9)) for t in range(18)])],
    "face": [
        ("curve", _arc(0.5, 0.5, 0.45, 0.45, 0, 370, 14)),
        ("line", [(0.35, 0.32), (0.35, 0.42)]),
        ("line", [(0.65, 0.32), (0.65, 0.42)]),
        ("curve", [(0.28, 0.62), (0.5, 0.78), (0.72, 0.62)]),
    ],
}
SHAPES = (*LETTERS, *SIGNS, "scribble")


def invent_shape(name, rng):
    """Return the strokes of a new drawing that is not a digit, a list of float arrays (n, 2), as invent_digit does.

    name: one of SHAPES; rng: a numpy.random.Generator; the same state gives the same strokes.
    Raises CourseError for another name.
    """
    if name not in SHAPES:
        raise CourseError(f"{name!r} is not a shape: choose one of {', '.join(SHAPES)}.")
    if name == "scribble":
        return _distort([_smooth(rng.uniform(0, 1, (int(rng.integers(8, 20)), 2)))], rng)
    shaky = rng.uniform(0.004, 0.03)
    strokes = []
    for kind, points in (LETTERS | SIGNS)[name]:
        points = np.array(points, float) + rng.normal(0, shaky, (len(points), 2))
        parts = [points] if kind == "curve" else [points[k : k + 2] for k in range(len(points) - 1)]
        strokes.append(np.concatenate([_smooth(part) for part in parts]))
    return _distort(strokes, rng)
