"""Digits as pen strokes: draw them on a canvas, and invent new ones in the styles that people write.

A digit is a list of strokes; a stroke is a float array (n, 2) of x, y with y downwards, in any unit.
The styles are of the course's own design. They hold the habits that MNIST hardly has: a 9 with a curved tail, a 1 with
a flag or a foot, a crossed or hooked 7, an open 4.
"""

import numpy as np
from PIL import Image, ImageDraw

from tflite_course.errors import CourseError


def draw_strokes(strokes, *, size=280, extent=200, width=20, offset=(0, 0)):
    """Return a drawing as the pad would hold it: uint8 (size, size), 0 = paper, 255 = ink.

    extent: the longer side of the digit in pixels; width: the pen's, in pixels;
    offset: x, y from the middle of the canvas to the middle of the digit, in pixels.
    Raises CourseError when there is no stroke.
    """
    if not strokes or not sum(len(s) for s in strokes):
        raise CourseError("There are no strokes to draw: give a list of arrays of x, y points.")
    points = np.concatenate([np.asarray(s, float).reshape(-1, 2) for s in strokes])
    low, high = points.min(0), points.max(0)
    scale = extent / max((high - low).max(), 1e-6)
    image = Image.new("L", (size, size), 0)
    pen = ImageDraw.Draw(image)
    for stroke in strokes:
        line = (np.asarray(stroke, float).reshape(-1, 2) - (low + high) / 2) * scale + size / 2 + np.asarray(offset)
        if len(line) > 1:
            pen.line([tuple(p) for p in line], fill=255, width=round(width), joint="curve")
        for x, y in (line[0], line[-1]):  # round ends
            pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=255)
    return np.asarray(image)


def invent_digit(digit, rng, styles=None):
    """Return the strokes of a new handwritten `digit` (0 to 9), drawn by chance from the styles below.

    rng: a numpy.random.Generator; the same state gives the same strokes.
    styles: a function for each digit instead of those below, as in rare_strokes.py.
    Raises CourseError when digit is not one of the ten.
    """
    if digit not in range(10):
        raise CourseError(f"{digit!r} is not a digit: give a whole number from 0 to 9.")
    shaky = rng.uniform(0.004, 0.03)
    strokes = []
    for parts in (styles or STYLES)[digit](rng):
        stroke = []
        for part in parts:
            points = np.array(part, float) + rng.normal(0, shaky, (len(part), 2))
            if stroke:
                points[0] = stroke[-1][-1]  # parts of a stroke meet in a corner
            stroke.append(_smooth(points))
        strokes.append(np.concatenate(stroke))
    return _distort(strokes, rng)


def _smooth(points, steps=7):
    """Return a Catmull-Rom curve through the points, (n, 2) -> ((n - 1) * steps + 1, 2)."""
    before, after = 2 * points[0] - points[1], 2 * points[-1] - points[-2]
    p = np.vstack([before, points, after])
    a, b, c, d = (p[i : len(p) - 3 + i, None] for i in range(4))
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    return np.concatenate([curve.reshape(-1, 2), points[-1:]])


def _distort(strokes, rng):
    """Lean, turn, stretch and bend all strokes of a digit together, as one hand would."""
    angle = np.radians(rng.normal(0, 6))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    lean = np.array([[1, -rng.normal(0.05, 0.18)], [0, 1]])
    stretch = np.diag([np.exp(rng.normal(0, 0.2)), 1])
    waves, phase, bend = rng.normal(0, 6, (2, 2)), rng.uniform(0, 2 * np.pi, 2), rng.uniform(0, 0.03)
    result = []
    for stroke in strokes:
        q = stroke - 0.5
        q = q + bend * np.sin(q @ waves + phase)
        result.append(q @ (turn @ lean @ stretch).T)
    return result


def _arc(cx, cy, rx, ry, start, end, n=9):
    """Return n points on an ellipse, angles in degrees, 0 = right, 90 = down."""
    t = np.radians(np.linspace(start, end, n))
    return [(cx + rx * np.cos(a), cy + ry * np.sin(a)) for a in t]


# A style is a function of the generator. It returns strokes; a stroke is a list of parts that meet in corners; a part
# is a list of control points (x, y) in the unit square that a smooth curve runs through.


def _zero(r):
    start = r.uniform(-150, -40)
    sweep = r.uniform(340, 400) * r.choice([-1, -1, -1, 1])
    ring = _arc(0.5, 0.5, r.uniform(0.2, 0.42), 0.42, start, start + sweep, 13)
    style = r.random()
    if style < 0.3:
        ring = [(ring[0][0] + r.uniform(0, 0.2), ring[0][1] + r.uniform(-0.1, 0.06)), *ring]
    elif style > 0.7:
        ring = [*ring, (ring[-1][0] + r.uniform(-0.2, 0.25), ring[-1][1] + r.uniform(-0.08, 0.2))]
    return [[ring]]


def _one(r):
    return _one_with_long_flag(r) if r.random() < 0.55 else _one_plain(r)


def _one_plain(r):
    """Bare, with a short flag, with a foot, or with a hook at the lower end."""
    style, lean = r.random(), r.uniform(-0.05, 0.3)
    top, bottom = (0.5 + lean / 2, 0.08), (0.5 - lean / 2, 0.92)
    middle = ((top[0] + bottom[0]) / 2 + r.uniform(-0.03, 0.03), 0.5)
    if style < 0.15:
        return [[[top, middle, bottom]]]
    flag, angle = r.uniform(0.08, 0.5), np.radians(r.uniform(20, 70))
    tip = (top[0] - flag * np.cos(angle), top[1] + flag * np.sin(angle))
    bow = ((tip[0] + top[0]) / 2 + r.uniform(-0.04, 0.04), (tip[1] + top[1]) / 2 + r.uniform(-0.05, 0.03))
    head = [] if r.random() < 0.15 else [[tip, bow, top]]
    left, right, tilt = r.uniform(0.08, 0.45), r.uniform(0.08, 0.5), r.uniform(-0.05, 0.08)
    foot_left, foot_right = (bottom[0] - left, bottom[1] + tilt), (bottom[0] + right, bottom[1] - tilt)
    if style < 0.5:
        return [[*head, [top, middle, bottom]]]
    if style < 0.72:
        return [[*head, [top, middle, bottom]], [[foot_left, bottom, foot_right]]]
    if style < 0.9:
        back = [[foot_left, foot_right]] if r.random() < 0.7 else []
        return [[*head, [top, middle, bottom], [bottom, foot_left], *back]]
    hook = [(bottom[0] + 0.02, bottom[1] - 0.06), (bottom[0] - 0.08, bottom[1])]
    end = (bottom[0] - r.uniform(0.12, 0.3), bottom[1] - r.uniform(-0.02, 0.1))
    return [[*head, [top, middle, *hook, end]]]


def _one_with_long_flag(r):
    lean = r.uniform(0.05, 0.4)
    top, bottom = (0.5 + lean / 2, 0.08), (0.5 - lean / 2, 0.92)
    flag, angle = r.uniform(0.25, 0.6), np.radians(r.uniform(35, 68))
    tip = (top[0] - flag * np.cos(angle), top[1] + flag * np.sin(angle))
    bow = ((tip[0] + top[0]) / 2 + r.uniform(-0.07, 0.05), (tip[1] + top[1]) / 2 + r.uniform(-0.05, 0.05))
    middle = ((top[0] + bottom[0]) / 2 + r.uniform(-0.03, 0.04), 0.5)
    if r.random() < 0.25:  # a round top
        return [[[tip, bow, (top[0] - 0.04, top[1] + 0.02), (top[0], top[1] + 0.05), middle, bottom]]]
    return [[[tip, bow, top], [top, middle, bottom]]]


def _two(r):
    style = r.random()
    x, y = r.uniform(0.18, 0.35), r.uniform(0.15, 0.35)
    top = [(x, y), (r.uniform(0.37, 0.47), 0.08), (0.68, 0.16), (0.7, 0.34)]
    left = (r.uniform(0.15, 0.32), r.uniform(0.82, 0.92))
    right = (r.uniform(0.7, 0.98), r.uniform(0.8, 0.95))
    if style < 0.45:
        return [[[*top, (0.5, 0.6), left], [left, ((left[0] + right[0]) / 2, r.uniform(0.82, 0.93)), right]]]
    if style < 0.75:  # a loop at the lower left
        loop = [(left[0] + 0.05, 0.9), (left[0] - 0.04, 0.8), (left[0] + 0.1, 0.72), (0.55, 0.86)]
        return [[[*top, (0.5, 0.62), *loop, right]]]
    if style < 0.9:  # angular, like a z
        corner = (0.7, r.uniform(0.08, 0.2))
        return [[[(x - 0.05, r.uniform(0.08, 0.2)), (0.5, 0.08), corner], [corner, (0.52, 0.5), left], [left, right]]]
    return [[[*top, (0.55, 0.6), (0.36, 0.85)], [(0.36, 0.85), (0.3, 0.9)], [(0.3, 0.9), (0.55, 0.87), right]]]


def _three(r):
    style = r.random()
    waist = (r.uniform(0.4, 0.58), r.uniform(0.38, 0.5))
    end = (r.uniform(0.08, 0.32), r.uniform(0.72, 0.94))
    start = (r.uniform(0.2, 0.34), r.uniform(0.1, 0.24))
    belly = [(0.62, 0.5), (r.uniform(0.66, 0.76), 0.68), (0.6, 0.88), (0.4, 0.92), end]
    if style < 0.6:
        return [[[start, (0.46, 0.06), (0.68, 0.16), (0.62, 0.36), waist], [waist, *belly]]]
    if style < 0.78:  # a flat top
        corner = (r.uniform(0.6, 0.76), start[1] + r.uniform(-0.06, 0.04))
        return [[[start, corner], [corner, waist], [waist, *belly]]]
    if style < 0.88:  # a small loop in the waist
        loop = [waist, (waist[0] - 0.1, waist[1] + 0.02), (waist[0] + 0.02, waist[1] + 0.05)]
        return [[[start, (0.46, 0.06), (0.68, 0.16), (0.62, 0.36), *loop, *belly]]]
    notch = (r.uniform(0.52, 0.6), r.uniform(0.36, 0.44))  # hardly a waist
    return [[[start, (0.46, 0.06), (0.68, 0.18), notch, (0.7, 0.6), (0.66, 0.8), (0.5, 0.95), end]]]


def _four(r):
    return _four_open_and_narrow(r) if r.random() < 0.4 else _four_plain(r)


def _four_plain(r):
    style, bar, left, right = r.random(), r.uniform(0.5, 0.72), r.uniform(0.15, 0.3), r.uniform(0.68, 0.92)
    stem = r.uniform(0.5, 0.66)
    if style < 0.35:  # open: an L, then the stem
        start = (r.uniform(0.25, 0.5), r.uniform(0.05, 0.15))
        slope = [start, (left + 0.08, (start[1] + bar) / 2), (left, bar)]
        across = [
            (left, bar),
            ((left + right) / 2, bar + r.uniform(-0.03, 0.03)),
            (right, bar + r.uniform(-0.05, 0.05)),
        ]
        top = (stem + r.uniform(0, 0.1), r.uniform(0.08, 0.5))
        return [[slope, across], [[top, (stem, 0.6), (stem - r.uniform(-0.02, 0.12), 0.95)]]]
    if style < 0.55:  # a cup on a stem, in two strokes or one
        x = r.uniform(0.2, 0.35)
        cup = [(x, r.uniform(0.05, 0.2)), (x - 0.03, bar - 0.15), (x + 0.08, bar), (0.5, bar + 0.01)]
        end = (stem - r.uniform(-0.02, 0.1), 0.95)
        if r.random() < 0.5:
            return [
                [[*cup, (stem + 0.08, bar - 0.15)]],
                [[(stem + 0.1, r.uniform(0.05, 0.2)), (stem + 0.06, 0.5), end]],
            ]
        tip = (stem + 0.1, r.uniform(0.05, 0.4))
        return [[[*cup, (stem + 0.08, bar - 0.25), tip], [tip, (stem + 0.06, 0.5), end]]]
    if style < 0.75:  # closed, the stem begins lower than the slope
        top = (stem + r.uniform(-0.02, 0.12), 0.06)
        slope = [top, ((top[0] + left) / 2, 0.3), (left, bar)]
        across = [(left, bar), (right, bar + r.uniform(-0.05, 0.04))]
        return [[slope, across], [[(top[0], top[1] + r.uniform(-0.02, 0.3)), (stem, 0.95)]]]
    if style < 0.9:  # closed at the top
        top = (stem, 0.06)
        across = [(left, bar), (right, bar + r.uniform(-0.04, 0.04))]
        return [[[top, (left, bar)], across], [[top, (stem + 0.01, 0.5), (stem - r.uniform(-0.02, 0.08), 0.95)]]]
    end, tip = (right, bar - 0.05), (stem + 0.04, r.uniform(0.05, 0.4))  # one stroke with a loop at the right
    slope = [(r.uniform(0.3, 0.5), 0.06), (left + 0.05, bar - 0.2), (left, bar)]
    return [
        [slope, [(left, bar), (0.5, bar + 0.03), end], [end, (right - 0.06, bar - 0.3), tip]]
        + [[tip, (stem, 0.6), (stem - 0.05, 0.95)]]
    ]


def _four_open_and_narrow(r):
    """The bar ends at the stem, and the stem begins low."""
    start, bar = (r.uniform(0.38, 0.55), r.uniform(0.04, 0.12)), r.uniform(0.5, 0.66)
    left, stem = r.uniform(0.28, 0.38), r.uniform(0.56, 0.68)
    right = stem + r.uniform(-0.01, 0.2)
    top = (stem + r.uniform(-0.02, 0.08), r.uniform(0.25, bar - 0.06))
    slope = [start, (left + 0.06, (start[1] + bar) / 2), (left, bar)]
    across = [(left, bar), ((left + right) / 2, bar + r.uniform(-0.05, 0.03)), (right, bar + r.uniform(-0.08, 0.05))]
    end = (stem - r.uniform(-0.04, 0.1), r.uniform(0.8, 0.96))
    return [[slope, across], [[top, (stem, (top[1] + 0.95) / 2), end]]]


def _five(r):
    style, x = r.random(), r.uniform(0.25, 0.42)
    corner, joint = (x, r.uniform(0.08, 0.14)), (x - r.uniform(-0.02, 0.08), r.uniform(0.38, 0.5))
    tip, end = (r.uniform(0.65, 0.95), r.uniform(0.02, 0.16)), (r.uniform(0.1, 0.3), r.uniform(0.75, 0.95))
    belly = [joint, (0.52, 0.38), (0.72, 0.56), (0.66, 0.82), (0.42, 0.93), end]
    if style < 0.4:  # the bar comes last
        start = (corner[0] + r.uniform(-0.06, 0.04), corner[1] + r.uniform(-0.03, 0.03))
        return [[[corner, joint], belly], [[start, tip]]]
    if style < 0.75:
        return [[[tip, corner], [corner, joint], belly]]
    if style < 0.9:  # round, like an s
        top = [tip, ((tip[0] + corner[0]) / 2, 0.06), (corner[0] + 0.02, 0.12), (joint[0], 0.3)]
        return [[[*top, (0.4, 0.45), (0.68, 0.58), (0.66, 0.82), (0.42, 0.93), end]]]
    return [[[corner, joint], [joint, (0.7, 0.5)], [(0.7, 0.5), (0.66, 0.85)], [(0.66, 0.85), end]], [[corner, tip]]]


def _six(r):
    if r.random() < 0.25:  # the loop ends outside, left of the stem
        cy, x, w = r.uniform(0.6, 0.7), r.uniform(0.28, 0.36), r.uniform(0.16, 0.24)
        stem = [(r.uniform(0.5, 0.8), r.uniform(0.03, 0.1)), (x + 0.1, 0.2), (x, 0.5), (x + 0.02, 0.8)]
        loop = [(x + w * 0.8, 0.94), (x + w * 1.9, 0.85), (x + w * 1.7, cy), (x + w * 0.7, cy - 0.03)]
        out = [(x - 0.05, cy + r.uniform(0.02, 0.12)), (x - r.uniform(0.08, 0.25), cy + r.uniform(0.04, 0.2))]
        return [[[*stem, *loop, *out]]]
    style, w, cy = r.random(), r.uniform(0.14, 0.26), r.uniform(0.62, 0.74)
    tip = (r.uniform(0.45, 0.8), r.uniform(0.03, 0.12))
    stem = [tip, (0.42, 0.22), (0.29, 0.45), (0.26, 0.7), (0.34, 0.9)]
    loop = [(0.34 + w, 0.93), (0.34 + 2 * w, cy + 0.05), (0.34 + w * 1.2, cy - (0.93 - cy) * 0.9), (0.33, cy - 0.02)]
    if style < 0.4:
        loop.append((0.27 + r.uniform(-0.02, 0.12), cy + r.uniform(0.05, 0.16)))
    elif style > 0.85:
        stem.insert(0, (tip[0] + 0.12, tip[1] + 0.1))
    return [[[*stem, *loop]]]


def _seven(r):
    return _seven_hooked_and_crossed(r) if r.random() < 0.45 else _seven_plain(r)


def _seven_plain(r):
    x, y = r.uniform(0.12, 0.34), r.uniform(0.08, 0.2)
    corner, bottom = (r.uniform(0.66, 0.86), r.uniform(0.06, 0.18)), (r.uniform(0.25, 0.58), 0.94)
    bow = ((corner[0] + bottom[0]) / 2 + r.uniform(-0.08, 0.1), r.uniform(0.4, 0.6))
    bar = [(x, y), ((x + corner[0]) / 2, (y + corner[1]) / 2 + r.uniform(-0.07, 0.05)), corner]
    start, style = [], r.random()
    if style < 0.35:
        start = [[(x + r.uniform(-0.06, 0.04), y + r.uniform(0.08, 0.22)), (x, y)]]
    elif style < 0.45:
        bar = [(x - 0.02, y + r.uniform(0, 0.1)), (x + 0.06, y - 0.05), ((x + corner[0]) / 2, y + 0.06), corner]
    if r.random() < 0.75:
        body = [*start, bar, [corner, bow, bottom]]
    else:  # a round corner
        round_corner = [(corner[0] - 0.03, corner[1] + 0.02), (corner[0] - 0.02, corner[1] + 0.12)]
        body = [*start, [*bar[:-1], *round_corner, bow, bottom]]
    if r.random() >= 0.65:
        return [body]
    height = r.uniform(0.42, 0.66)
    x = corner[0] + (bottom[0] - corner[0]) * (height - corner[1]) / (bottom[1] - corner[1])
    return [body, _cross(r, x, height, 0.32, 0.42)]


def _seven_hooked_and_crossed(r):
    """The start hangs down, and the crossing is low and long: a 7 that can pass for a 2."""
    x, y = r.uniform(0.16, 0.34), r.uniform(0.06, 0.14)
    corner, bottom = (r.uniform(0.62, 0.8), r.uniform(0.05, 0.16)), (r.uniform(0.3, 0.55), 0.94)
    hook = (x + r.uniform(-0.07, 0.05), y + r.uniform(0.08, 0.26))
    bow = (r.uniform(0.52, 0.74), r.uniform(0.4, 0.55))
    if r.random() < 0.5:
        bar = [(x, y), ((x + corner[0]) / 2, y + r.uniform(-0.03, 0.06)), corner]
        body = [[hook, (x, y)], bar, [corner, bow, bottom]]
    else:
        round_corner = [(corner[0], corner[1] + 0.02), (corner[0] + r.uniform(-0.02, 0.04), corner[1] + 0.14)]
        body = [[hook, (x + 0.02, y), ((x + corner[0]) / 2, y - 0.02), *round_corner, bow, bottom]]
    height = r.uniform(0.5, 0.78)
    on_line = corner[0] + (bottom[0] - corner[0]) * (height - corner[1]) / (bottom[1] - corner[1])
    return [body, _cross(r, (bow[0] + on_line) / 2, height, 0.38, 0.5)]


def _cross(r, x, y, left, right):
    """Return the bar across a 7 as a stroke; left, right: its longest reach on either side of x."""
    middle = (x + r.uniform(-0.05, 0.05), y + r.uniform(-0.04, 0.04))
    start = (x - r.uniform(0.1, left), y + r.uniform(-0.05, 0.11))
    return [[start, middle, (x + r.uniform(0.12, right), y + r.uniform(-0.1, 0.07))]]


def _eight(r):
    style, w, belly, waist = r.random(), r.uniform(0.14, 0.24), r.uniform(0.16, 0.28), r.uniform(0.42, 0.52)
    if style < 0.42:  # one stroke from the upper right
        start = (0.5 + w * r.uniform(0.6, 1.2), r.uniform(0.1, 0.22))
        down = [(0.5, 0.06), (0.5 - w, 0.2), (0.5 - w * 0.4, waist - 0.06), (0.5 + belly * 0.5, waist + 0.1)]
        back = [(0.5 + belly, 0.75), (0.5, 0.94), (0.5 - belly, 0.76), (0.5 - belly * 0.4, waist + 0.1)]
        up = [(0.5 + w * 0.5, waist - 0.05), (0.5 + w * r.uniform(0.8, 1.2), 0.25)]
        end = (start[0] + r.uniform(-0.1, 0.08), start[1] + r.uniform(-0.06, 0.08))
        return [[[start, *down, *back, *up, end]]]
    if style < 0.56:  # two rings
        low = (0.94 - waist) / 2
        upper = _arc(0.5, waist / 2 + 0.03, w, waist / 2 - 0.03, -90, -460, 11)
        return [[upper], [_arc(0.5, waist + low, belly, low, -90, 280, 11)]]
    if style < 0.7:  # from the upper left
        start = (0.5 - w, r.uniform(0.08, 0.2))
        loop = [(0.5, waist), (0.5 + belly, 0.74), (0.5, 0.94), (0.5 - belly, 0.76), (0.5, waist), (0.5 + w, 0.2)]
        end = (start[0] + r.uniform(-0.05, 0.1), start[1] + r.uniform(-0.03, 0.05))
        return [[[start, *loop, (0.5 + r.uniform(-0.05, 0.1), 0.06), end]]]
    start = (0.5 - w + r.uniform(-0.03, 0.06), r.uniform(0.1, 0.26))  # begins as a 2 or a 3 and stays open on top
    down = [(0.47, 0.06), (0.5 + w, 0.15), (0.52, waist - 0.03), (0.5 - belly, 0.7), (0.48, 0.94)]
    up = [(0.5 + belly, 0.76), (0.52, waist + 0.06), (0.5 - w * 0.7, waist - 0.1)]
    return [[[start, *down, *up, (start[0] + r.uniform(-0.06, 0.1), start[1] + r.uniform(-0.03, 0.1))]]]


def _nine(r):
    return _nine_with_small_loop(r) if r.random() < 0.45 else _nine_plain(r)


def _nine_plain(r):
    style, w, cy = r.random(), r.uniform(0.14, 0.24), r.uniform(0.24, 0.34)
    cx, start = 0.5 - r.uniform(0, 0.08), r.uniform(-70, 20)
    right, loop = cx + w, _arc(cx, cy, w, cy - 0.06, start, start - r.uniform(300, 380))
    joint = (right + r.uniform(-0.02, 0.03), cy - r.uniform(-0.02, 0.14))
    if r.random() < 0.2:
        loop = [loop[0], *loop[2:-1]]
    if style < 0.3:  # a straight tail
        return [[loop, [joint, (right + r.uniform(-0.06, 0.02), 0.6), (right - r.uniform(-0.04, 0.2), 0.94)]]]
    if style < 0.5:
        return [[[*loop, joint, (right, 0.55), (right - 0.06, 0.85), (right - 0.14, 0.94)]]]
    low, reach = r.uniform(0.75, 0.94), r.uniform(0.2, 0.6)
    tail = [(right + 0.02, 0.5), (right + r.uniform(-0.02, 0.04), low - 0.12), (right - 0.1, 0.93)]
    tail += [(right - reach * 0.6, 0.94), (right - reach, 0.93 - r.uniform(-0.03, 0.2))]
    if style < 0.85:  # a curved tail
        return [[loop, [joint, *tail]]] if r.random() < 0.6 else [[[*loop, *tail]]]
    foot = [(right, 0.9), (right - reach, 0.92 + r.uniform(-0.05, 0.05))]
    return [[loop, [joint, (right + 0.01, 0.6), (right, 0.9)], foot]]


def _nine_with_small_loop(r):
    """The loop is small and not always closed, the tail long and curved, as in a g."""
    w, cx, ry, open_loop = r.uniform(0.1, 0.2), r.uniform(0.42, 0.52), r.uniform(0.1, 0.17), r.random() < 0.5
    cy, right = ry + 0.06, cx + w
    if open_loop:
        loop = _arc(cx, cy, w, ry, r.uniform(-60, -10), -r.uniform(260, 370), 8)
    else:
        loop = _arc(cx, cy, w, ry, r.uniform(-150, -60), -r.uniform(330, 420), 8)
    joint = (right + r.uniform(-0.02, 0.04), cy - r.uniform(0, 0.12))
    low, reach, belly = r.uniform(0.8, 0.94), r.uniform(0.2, 0.55), r.uniform(0, 0.1)
    if r.random() < 0.3:
        tail = [(right - 0.02, 0.4), (right - r.uniform(0, 0.12), 0.5), (right + belly, 0.68)]
        tail += [(right + belly - 0.08, 0.88), (right - reach * 0.6, 0.93), (right - reach, 0.9)]
    else:
        tail = [(right + belly * 0.6, 0.45), (right + belly, low - 0.18), (right + belly - 0.06, low - 0.03)]
        tail += [(right - reach * 0.5, low + 0.02), (right - reach, low - r.uniform(-0.03, 0.15))]
    return [[loop, [joint, *tail]]] if r.random() < 0.5 else [[[*loop, joint, *tail]]]


STYLES = (_zero, _one, _two, _three, _four, _five, _six, _seven, _eight, _nine)
