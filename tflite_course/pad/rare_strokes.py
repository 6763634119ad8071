"""More styles of digits, for training: what fewer people write, and what is easily taken for another digit.

Like those in strokes.py they are of the course's own design. They were drawn with pictures at hand of what a network
that had learned from strokes.py read wrongly: of isolated digits of UNIPEN (train_r01_v07, CC BY 4.0,
doi:10.5281/zenodo.1195803), which other people wrote than data/pen_digits.npz, and of the first half of the digits in
that file. None of these strokes is used.
"""

import numpy as np

from tflite_course.pad.strokes import STYLES, _arc


def _zero(r):
    """With a slash."""
    wide, start = r.uniform(0.22, 0.4), r.uniform(-150, -40)
    ring = _arc(0.5, 0.5, wide, 0.4, start, start - r.uniform(340, 380), 13)
    reach = r.uniform(0.3, 0.6)
    slash = [(0.5 + reach * wide / 0.4, 0.5 - reach), (0.5 - reach * wide / 0.4, 0.5 + reach)]
    return [[ring], [slash if r.random() < 0.7 else slash[::-1]]]


def _one(r):
    """A long flag that comes from below, a flag beside the stem, or both a flag and a foot."""
    style, lean = r.random(), r.uniform(0.1, 0.75)
    top, bottom = (0.5 + lean / 2, r.uniform(0.05, 0.12)), (0.5 - lean / 2, 0.94)
    middle = ((top[0] + bottom[0]) / 2 + r.uniform(-0.04, 0.04), 0.5)
    steep = np.arctan2(bottom[1] - top[1], lean)  # of the stem
    if style < 0.55:
        length, angle = r.uniform(0.35, 0.95), r.uniform(np.radians(14), min(np.radians(48), steep - 0.3))
    elif style < 0.75:
        length, angle = r.uniform(0.3, 0.75), steep - np.radians(r.uniform(7, 20))
    else:
        length, angle = r.uniform(0.15, 0.4), np.radians(r.uniform(15, 55))
    tip = (top[0] - length * np.cos(angle), top[1] + length * np.sin(angle))
    bow = ((tip[0] + top[0]) / 2 + r.uniform(-0.03, 0.05), (tip[1] + top[1]) / 2 + r.uniform(-0.03, 0.07))
    curl = [(tip[0] - r.uniform(-0.02, 0.05), tip[1] - r.uniform(0.02, 0.08))] if r.random() < 0.4 else []
    if r.random() < 0.3:  # a round top
        body = [[*curl, tip, bow, (top[0] - 0.03, top[1] + 0.01), (top[0], top[1] + 0.06), middle, bottom]]
    else:
        body = [[*curl, tip, bow, top], [top, middle, bottom]]
    if style < 0.75:
        return [body]
    left, right = bottom[0] - r.uniform(0.1, 0.3), bottom[0] + r.uniform(0.1, 0.4)
    if r.random() < 0.5:
        return [body, [[(left, bottom[1]), (right, bottom[1] - r.uniform(-0.03, 0.08))]]]
    return [[*body, [bottom, (left, bottom[1] - r.uniform(-0.02, 0.06)), (right, bottom[1])]]]


def _two(r):
    """A hook at the start, a small base, a curl that closes on top, or a bar across."""
    style = r.random()
    x, y = r.uniform(0.16, 0.36), r.uniform(0.1, 0.24)
    corner = (r.uniform(0.6, 0.78), r.uniform(0.1, 0.24))
    left = (r.uniform(0.16, 0.36), r.uniform(0.82, 0.93))
    right = (left[0] + r.uniform(0.2, 0.65), left[1] + r.uniform(-0.05, 0.06))
    if style < 0.35:
        hook = (x + r.uniform(-0.05, 0.05), y + r.uniform(0.08, 0.22))
        bar = [(x, y), ((x + corner[0]) / 2, y - r.uniform(0, 0.06)), corner]
        body = [[hook, (x, y)], bar, [corner, (0.5, 0.52), left], [left, right]]
        return [body]
    if style < 0.6:  # small base
        top = [(x, y + 0.06), (0.42, 0.07), (0.66, 0.16), (0.64, 0.36), (0.5, 0.62), left]
        return [[top, [left, (left[0] + r.uniform(0.12, 0.3), left[1] + r.uniform(-0.03, 0.05))]]]
    if style < 0.85:  # a curl
        curl = [(0.5, r.uniform(0.3, 0.42)), (x, 0.3), (x + 0.04, 0.12), (0.5, 0.06), (0.7, 0.2), (0.6, 0.5)]
        return [[[*curl, left], [left, right]]]
    swan = [(x, y), (0.45, 0.06), (0.68, 0.2), (0.5, 0.5), (0.3, 0.72), (0.36, 0.88)]  # a round base
    return [[[*swan, (0.6, 0.92), (r.uniform(0.7, 0.95), r.uniform(0.8, 0.92))]]]


def _three(r):
    """An upper half that nearly closes, a start that curls, a tail that reaches far or does not turn back."""
    style = r.random()
    start = (r.uniform(0.2, 0.36), r.uniform(0.14, 0.28))
    waist = (r.uniform(0.34, 0.5), r.uniform(0.38, 0.5))
    curl = [(start[0] + r.uniform(0.03, 0.1), start[1] + r.uniform(-0.02, 0.05))] if r.random() < 0.3 else []
    top = [*curl, start, (start[0] + 0.04, 0.12), (0.48, 0.06), (r.uniform(0.6, 0.72), 0.2), (0.58, 0.38), waist]
    if style < 0.45:
        end = (r.uniform(0.02, 0.3), r.uniform(0.72, 0.92))
        belly = [(0.6, 0.47), (r.uniform(0.6, 0.72), 0.64), (0.6, 0.84), (0.4, 0.93), end]
    elif style < 0.7:  # the tail lies flat
        end = (r.uniform(0.0, 0.2), r.uniform(0.84, 0.95))
        belly = [(0.6, 0.52), (r.uniform(0.6, 0.7), 0.7), (0.5, 0.9), (0.3, 0.93), end]
    else:  # the lower half does not turn back
        reach = r.uniform(0.56, 0.7)
        end = (r.uniform(0.26, 0.5), 0.95)
        top = [(r.uniform(0.1, 0.26), r.uniform(0.14, 0.3)), (0.26, 0.1), (0.5, 0.06), (0.68, 0.12), (0.6, 0.28), waist]
        belly = [(waist[0] + 0.1, waist[1] + 0.03), (reach, 0.6), (reach - 0.03, 0.78), end]
    if r.random() < 0.6:
        return [[top, [waist, *belly]]]
    return [[[*top[:-1], (waist[0], waist[1] - 0.02), (waist[0] + 0.05, waist[1] + 0.04), *belly]]]


def _four(r):
    """Narrow with a low bar and a short stem, or round and nearly closed."""
    lean = r.uniform(-0.05, 0.15)
    if r.random() < 0.75:
        left, bar = r.uniform(0.3, 0.42), r.uniform(0.6, 0.84)
        start, stem = (left + r.uniform(0, 0.14) + lean, r.uniform(0.03, 0.1)), r.uniform(0.54, 0.68)
        right = stem + r.uniform(0, 0.2)
        top = (stem + r.uniform(-0.02, 0.06), bar - r.uniform(0.08, 0.34))
        end = (stem - r.uniform(0, 0.08), min(0.97, bar + r.uniform(0.1, 0.36)))
        middle = ((start[0] + left) / 2 - 0.01, (start[1] + bar) / 2)
        if r.random() < 0.6:  # a round corner
            slope = [
                start,
                middle,
                (left, bar - 0.08),
                (left + 0.05, bar),
                ((left + right) / 2, bar + 0.01),
                (right, bar - 0.03),
            ]
            return [[slope], [[top, end]]]
        return [[[start, middle, (left, bar)], [(left, bar), (right, bar - r.uniform(-0.03, 0.08))]], [[top, end]]]
    tip, bar = (r.uniform(0.5, 0.66), r.uniform(0.04, 0.14)), r.uniform(0.42, 0.58)
    left, right = r.uniform(0.26, 0.38), r.uniform(0.6, 0.72)
    slope = [tip, ((tip[0] + left) / 2 - 0.03, 0.22), (left, bar)]
    across = [(left, bar), ((left + right) / 2, bar + 0.02), (right, bar - r.uniform(0, 0.08))]
    up = (right + r.uniform(-0.02, 0.05) + lean, r.uniform(0.06, 0.3))
    down = [up, (right, 0.6), (right - r.uniform(-0.02, 0.14), 0.95)]
    return [[slope, across, [across[-1], up], down]] if r.random() < 0.6 else [[slope, across], [down]]


def _eight(r):
    """A lower half that is hardly open, a start that comes from far left, or an open top; often leaning."""
    style, lean, waist = r.random(), r.uniform(0, 0.35), r.uniform(0.42, 0.6)
    belly = r.uniform(0.02, 0.12) if style < 0.5 else r.uniform(0.1, 0.24)
    width = r.uniform(0.1, 0.26)
    if style < 0.7:
        start = (0.5 + width * r.uniform(0.5, 1.2), r.uniform(0.06, 0.2))
        down = [(0.5, 0.06), (0.5 - width, 0.2), (0.5, waist), (0.5 + belly, 0.76), (0.5, 0.94)]
        up = [(0.5 - belly, 0.76), (0.5, waist - 0.01), (0.5 + width, 0.24)]
        stroke = [start, *down, *up, (start[0] + r.uniform(-0.04, 0.08), start[1] + r.uniform(-0.06, 0.04))]
    else:
        start = (0.5 - width - r.uniform(0.05, 0.3), r.uniform(0.1, 0.3))
        down = [(0.5 - width, 0.14), (0.5, 0.06), (0.5 + width, 0.18), (0.5, waist), (0.5 - belly, 0.74), (0.48, 0.94)]
        up = [(0.5 + belly, 0.76), (0.5, waist), (0.5 - width, 0.22)]
        stroke = [start, *down, *up, (0.5 - width * r.uniform(-0.4, 0.6), r.uniform(0.07, 0.16))]
    return [[[(x + lean * (0.5 - y), y) for x, y in stroke]]]


def _nine(r):
    """A small loop that closes, and a long tail that turns to the left."""
    width, height = r.uniform(0.1, 0.22), r.uniform(0.1, 0.2)
    cx, cy = r.uniform(0.4, 0.52), height + 0.05
    right, start = cx + width, r.uniform(-50, 10)
    loop = _arc(cx, cy, width, height, start, start - r.uniform(330, 370), 10)
    low, reach, lean = r.uniform(0.82, 0.95), r.uniform(0.2, 0.6), r.uniform(-0.05, 0.12)
    tail = [(right + 0.01, cy + 0.02), (right - lean * 0.4, 0.52), (right - lean, low - 0.14)]
    tail += [(right - lean - 0.1, low), (right - reach, low - r.uniform(-0.02, 0.14))]
    return [[[*loop[:-1], *tail]]] if r.random() < 0.6 else [[loop, tail]]


RARE_STYLES = (_zero, _one, _two, _three, _four, *STYLES[5:8], _eight, _nine)
