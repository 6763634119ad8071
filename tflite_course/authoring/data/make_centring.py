"""Make data/centring.npz: drawings, and what centring must make of each, the truth for every language of the course.

    python -m tflite_course.authoring make_centring

The drawings are invented here, so nobody's data is in them. Running it again gives the same arrays. The expected images
come from tflite_course.pad.center_like_mnist; the tests of Python, JavaScript, Java and Swift read the file.
"""

import numpy as np

from tflite_course.authoring import ROOT
from tflite_course.errors import CourseError
from tflite_course.pad import EmptyDrawing, center_like_mnist
from tflite_course.pad.strokes import draw_strokes, invent_digit

PATH = ROOT / "data" / "centring.npz"
OUTCOMES = ("centred", "empty", "bright")  # empty: nothing or only a dot; bright: more than half of it is ink


def digits(rng, count=150):
    """Yield digits of all sizes, pens and places, on pads of the course, of Android and of others."""
    for number in range(count):
        size = int(rng.choice([140, 140, 140, 280, 100, 64, 28]))
        options = {"extent": rng.uniform(0.2, 0.9) * size, "width": rng.uniform(0.008, 0.18) * size}
        offset = rng.uniform(-0.2, 0.2, 2) * size
        yield draw_strokes(invent_digit(number % 10, rng), size=size, offset=offset, **options)


def rectangles(rng, count=60):
    """Yield rectangles of one grey: their centres of mass lie between two pixels, where rounding decides."""
    for number in range(count):
        height, width = (140, 140) if number % 3 else rng.integers(40, 200, 2)
        canvas = np.zeros((height, width), np.uint8)
        top, left = rng.integers(0, height - 20), rng.integers(0, width - 20)
        canvas[top : top + rng.integers(1, height - top), left : left + rng.integers(1, width - left)] = rng.integers(
            20, 256
        )
        yield canvas


def lines(rng, count=30):
    """Yield lines one pixel wide, upright and flat, at the edges too."""
    for number in range(count):
        canvas = np.zeros((140, 140), np.uint8)
        place, length = int(rng.choice([0, 139, rng.integers(140)])), int(rng.integers(15, 141))
        canvas[:length, place] = rng.integers(26, 256)
        yield canvas if number % 2 else canvas.T.copy()


def odd_shapes(rng, count=30):
    """Yield drawings that are not square, with noise in a part of them."""
    for _ in range(count):
        canvas = np.zeros(rng.integers(30, 260, 2), np.uint8)
        height, width = canvas.shape
        part = canvas[: rng.integers(height // 3, height), : rng.integers(width // 3, width)]
        part[:] = rng.integers(0, 256, part.shape) * (rng.random(part.shape) < rng.uniform(0.02, 0.4))
        yield canvas


def refusals(rng):
    """Yield what must be refused, and drawings that are only just not refused."""
    for size in (140, 280, 28):
        canvas = np.zeros((size, size), np.uint8)
        yield canvas
        yield canvas + np.uint8(25)  # all of it counts as paper
        yield canvas + np.uint8(255)
        for side in (1, size // 8 - 1, -(-size // 8), size // 8 + 1):  # a dot, and a little more
            dot = canvas.copy()
            dot[3 : 3 + side, 5 : 5 + side] = 255
            yield dot
        for rows in (size // 2, size // 2 + 1):  # half of it is ink, and a little more
            half = canvas.copy()
            half[:rows] = 255
            yield half
        for grey in (127, 128):
            yield np.full((size, size), grey, np.uint8)
        yield 255 - draw_strokes(
            invent_digit(int(rng.integers(10)), rng), size=size, extent=0.7 * size, width=size // 9
        )


def expected(canvas):
    """Return (number of the outcome, float32 (28, 28)); zeros when the drawing is refused."""
    try:
        return 0, center_like_mnist(canvas)
    except EmptyDrawing:
        return 1, np.zeros((28, 28), np.float32)
    except CourseError:
        return 2, np.zeros((28, 28), np.float32)


def main():
    rng = np.random.default_rng(28)
    drawings = [d for make in (digits, rectangles, lines, odd_shapes, refusals) for d in make(rng)]
    outcomes, images = zip(*map(expected, drawings), strict=True)
    np.savez_compressed(
        PATH,
        drawings=np.concatenate([drawing.ravel() for drawing in drawings]),
        shapes=np.array([drawing.shape for drawing in drawings], np.int32),
        outcomes=np.array(outcomes, np.uint8),
        images=np.stack(images),
    )
    counts = {name: outcomes.count(k) for k, name in enumerate(OUTCOMES)}
    print(f"{PATH.name}: {len(drawings)} drawings, {counts}, {PATH.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
