"""Drawn digits for the checks of lab 2."""


def draw(rng, *, size=140, digit=None):
    """Return a drawing, uint8 (size, size), of a digit (random without one) in a random place and size."""
    from tflite_course.pad.strokes import draw_strokes, invent_digit

    digit = int(rng.integers(0, 10)) if digit is None else digit
    extent, offset = float(rng.uniform(0.4, 0.6)) * size, rng.uniform(-0.15, 0.15, 2) * size
    return draw_strokes(invent_digit(digit, rng), size=size, extent=extent, width=0.07 * size, offset=offset).copy()
