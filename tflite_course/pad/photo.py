"""From a photograph of paper to drawings like those of the pad: light, shadow, lines, thin pens, several digits."""

import io
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from scipy import ndimage

from tflite_course.errors import CourseError

SIDE = 1200  # pixels of the longer side that are looked at; a phone gives three times as many
MOST_BYTES = 64 * 2**20
SMALLEST = 56  # pixels of the shorter side
DARKEST_PAPER = 35  # of 255
LEAST_INK = 0.2  # how much darker than the paper ink is at least, 0 to 1
PALE = 0.45  # of the darkest ink: what is paler is paper, a shadow or a printed line
MOST_DIGITS = 60
LARGEST = 140  # pixels of a digit's longer side
PEN = 0.1  # width of the pen in parts of the digit's longer side, about that of the pad; thinner lines are widened
HEIF = (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypheif", b"ftyphevc")


@dataclass(eq=False)
class Photo:
    """A photograph and what was found on it.

    picture: RGB image, upright, its longer side 1200 pixels at most; paper: float (H, W), the brightness of the paper
    without ink, 0 to 255; drawing: uint8 (H, W), 0 = paper, 255 = ink; boxes: (top, left, bottom, right) of each
    digit, in reading order; digits: a uint8 (n, n) drawing of each, lines as wide as the pad's pen; notes: sentences
    about what was done to the photograph.
    """

    picture: Image.Image
    paper: np.ndarray
    drawing: np.ndarray
    boxes: list
    digits: list
    notes: list = field(default_factory=list)


def read_photo(source):
    """Return the Photo of dark digits on bright paper.

    source: the path of a picture (JPEG, PNG, WebP ...) or its bytes. What the camera says about how it was held (EXIF)
    is followed, uneven light and pale printed lines are taken away, ink that touches the edge is left out, and each
    piece of ink is one digit.

    Raises CourseError for a file that is not there, is not a picture, is cut off, too large, too small or too dark, and
    for a picture without ink or with too much of it.
    """
    name, content = _content(source)
    picture, notes = _open(name, content)
    grey = np.asarray(picture.convert("L"), np.float32)
    paper = paper_under(grey)
    drawing = lift_ink(grey, paper)
    boxes = find_digits(drawing)
    return Photo(picture, paper, drawing, boxes, [_cut(drawing, box) for box in boxes], notes)


def _content(source):
    """Return (name, bytes) of a path or of bytes."""
    if isinstance(source, bytes | bytearray | memoryview):
        return "The file", bytes(source)
    path = Path(source).absolute()
    try:
        if path.stat().st_size > MOST_BYTES:
            return path.name, b" " * (MOST_BYTES + 1)
        return path.name, path.read_bytes()
    except FileNotFoundError:
        raise CourseError(
            f"There is no file {path.name} in the folder '{path.parent.name}': put your photo there."
        ) from None
    except OSError as error:
        raise CourseError(f"{path.name} cannot be read ({error.strerror}): give the path of one picture.") from None


def _open(name, content):
    """Return (RGB image, upright and of a size to work with, sentences about what was done to it)."""
    if len(content) > MOST_BYTES:
        raise CourseError(f"{name} is larger than {MOST_BYTES // 2**20} MiB: save the photo smaller, as JPEG.")
    if content[4:12] in HEIF:
        raise CourseError(f"{name} is a HEIC photo, which Python cannot read: export it as JPEG, then give that file.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a size that is read in small all the same
            image = Image.open(io.BytesIO(content))
            size, turned = image.size, _orientation(image)
            image.draft("RGB", (SIDE, SIDE))  # of a JPEG only every second, fourth or eighth pixel is unpacked
            image.load()
    except Image.DecompressionBombError:
        raise CourseError(f"{name} has too many pixels to be unpacked: save the photo smaller.") from None
    except Image.UnidentifiedImageError:
        raise CourseError(f"{name} is not a picture that Python can read: give a photo as JPEG or PNG.") from None
    except Exception:  # a damaged file raises nearly anything
        raise CourseError(f"{name} is damaged or cut off: copy the photo once more.") from None
    notes = []
    if turned != 1:
        image = _upright(image, turned)
        notes.append("The camera was held turned: the photo is upright now.")
    if min(image.size) < SMALLEST:
        raise CourseError(
            f"{name} is only {size[0]} x {size[1]} pixels: take a photo with at least {SMALLEST} on its shorter side."
        )
    image = _rgb(image)
    image.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    if max(size) > 2 * SIDE:
        notes.append(f"The photo has {size[0] * size[1] / 1e6:.0f} million pixels: {image.width} x {image.height} do.")
    return image, notes


def _orientation(image):
    """Return how the camera was held, 1 to 8 as EXIF counts; 1 where nobody says."""
    try:
        held = image.getexif().get(0x0112, 1)
    except Exception:  # damaged EXIF is no reason to refuse a picture
        return 1
    return held if held in range(1, 9) else 1


def _upright(image, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.info["exif"] = exif.tobytes()  # what is left of damaged EXIF must not be read again
    return ImageOps.exif_transpose(image)


def _rgb(image):
    """Return an image of any mode as RGB, on white where it is transparent."""
    if image.mode.startswith(("I", "F")):  # 16 bits and more: from the darkest to the brightest
        values = np.nan_to_num(np.asarray(image, np.float64))
        low, high = values.min(), values.max()
        image = Image.fromarray(np.uint8((values - low) * (255 / max(high - low, 1e-9))))
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def paper_under(grey):
    """Return the brightness of the paper at each pixel, float (H, W): the photo with all that is dark and thin closed.

    grey: float (H, W), 0 to 255. Raises CourseError when the paper is dark.
    """
    height, width = grey.shape
    small = Image.fromarray(grey)
    small.thumbnail((200, 200), Image.Resampling.BOX)
    window = max(small.size) // 6
    closed = ndimage.grey_closing(ndimage.gaussian_filter(np.asarray(small), 1), (window, window), mode="nearest")
    paper = Image.fromarray(ndimage.gaussian_filter(closed, 2))
    paper = np.asarray(paper.resize((width, height), Image.Resampling.BILINEAR))
    brightness = float(np.median(paper))
    if brightness < DARKEST_PAPER:
        raise CourseError(
            f"The photo is too dark (its paper has a brightness of {brightness:.0f} of 255): take it again in daylight "
            "or by a lamp, with dark ink on bright paper."
        )
    return np.maximum(paper, 1)


def lift_ink(grey, paper):
    """Return the ink of a photo as a drawing, uint8 (H, W), 0 = paper, 255 = the darkest ink.

    Ink is measured against the paper around it, so that a shadow, which darkens both, is gone.
    Raises CourseError when nothing is much darker than its paper, or when half of the photo is.
    """
    ink = ndimage.median_filter(np.clip(1 - grey / paper, 0, 1), 3)
    count = max(ink.size // 5000, 50)
    darkest = float(np.partition(ink, ink.size - count, axis=None)[ink.size - count])
    if darkest < LEAST_INK:
        raise CourseError("No ink was found on the photo: write with a dark pen on bright paper, and go closer.")
    if (ink > PALE * darkest).mean() > 0.3:
        raise CourseError("The photo shows too much that is dark: photograph only the paper with your digits.")
    low = PALE * darkest
    return np.round(np.clip((ink - low) / (darkest - low), 0, 1) * 255).astype(np.uint8)


def find_digits(drawing):
    """Return the boxes (top, left, bottom, right) of the digits on a drawing, in reading order.

    A piece of ink is a digit unless it is a speck, a long line, or touches the edge of the photo.
    Raises CourseError when there is none, or when there are too many pieces.
    """
    height, width = drawing.shape
    ink = drawing > 60
    near = max(height, width) // 160
    numbers, _ = ndimage.label(ndimage.maximum_filter(ink.astype(np.uint8), 2 * near + 1))
    boxes = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(numbers), 1):
        piece = ink[rows, columns] & (numbers[rows, columns] == number)
        r, c = np.flatnonzero(piece.any(1)), np.flatnonzero(piece.any(0))
        box = rows.start + r[0], columns.start + c[0], rows.start + r[-1] + 1, columns.start + c[-1] + 1
        tall, wide = box[2] - box[0], box[3] - box[1]
        at_edge = box[0] <= 1 or box[1] <= 1 or box[2] >= height - 1 or box[3] >= width - 1
        line = wide > 6 * tall or tall > 0.98 * height
        if not at_edge and not line:
            boxes.append(box)
    tallest = max((box[2] - box[0] for box in boxes), default=0)
    boxes = [box for box in boxes if box[2] - box[0] > max(0.35 * tallest, 12)]
    if not boxes:
        raise CourseError("No digit was found on the photo: write larger, with white paper all around.")
    if len(boxes) > MOST_DIGITS:
        raise CourseError(
            f"{len(boxes)} pieces of ink were found, {MOST_DIGITS} are the most: photograph fewer digits."
        )
    return _reading_order(boxes)


def _reading_order(boxes):
    """Return boxes line by line, and in a line from left to right."""
    lines = []
    for box in sorted(boxes, key=lambda box: box[0] + box[2]):
        middle = (box[0] + box[2]) / 2
        if lines and middle < np.mean([other[2] for other in lines[-1]]):
            lines[-1].append(box)
        else:
            lines.append([box])
    return [box for line in lines for box in sorted(line, key=lambda box: box[1])]


def _cut(drawing, box):
    """Return one digit as a square drawing with paper around it, its lines as wide as the pad's pen."""
    top, left, bottom, right = box
    digit = Image.fromarray(np.ascontiguousarray(drawing[top:bottom, left:right]))
    digit.thumbnail((LARGEST, LARGEST), Image.Resampling.BOX)
    digit = np.asarray(digit)
    side = max(digit.shape)
    wanted = PEN * side
    inside = ndimage.distance_transform_edt(np.pad(digit > 127, 1))
    ridge = inside[inside == ndimage.maximum_filter(inside, 3)]
    pen = 2 * float(np.median(ridge[ridge > 0])) if (ridge > 0).any() else wanted
    margin = side // 2 + round(wanted)
    canvas = np.zeros((side + 2 * margin,) * 2, np.uint8)
    y, x = (canvas.shape[0] - digit.shape[0]) // 2, (canvas.shape[1] - digit.shape[1]) // 2
    canvas[y : y + digit.shape[0], x : x + digit.shape[1]] = digit
    reach = round((wanted - pen) / 2)
    if reach > 0:
        yy, xx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        canvas = ndimage.grey_dilation(canvas, footprint=xx**2 + yy**2 <= reach**2 + 1)
    return canvas


def paint_photo(digits, rng, *, size=(1600, 1200), lines=True, turned=False, light=1.0):
    """Return an invented photograph of digits on paper as the bytes of a JPEG: for whoever has no phone at hand.

    digits: a list of strokes, in the units that draw_strokes takes, written in rows of five. rng: a numpy Generator.
    size: (width, height) in pixels; lines: the paper is ruled; turned: the camera was held upright, and says so in
    EXIF; light: brightness, 1 = a desk by a window.
    """
    width, height = size
    y, x = np.mgrid[:height, :width] / max(size)
    angle = rng.uniform(0, 2 * np.pi)
    paper = 205 - 70 * (np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.4))
    edge = x + rng.uniform(-0.4, 0.4) * y - rng.uniform(0.3, 0.8)  # the shadow of the hand with the phone
    paper *= 1 - 0.35 / (1 + np.exp(-edge * 30))
    if lines:
        paper[:: round(height / 24)] *= 0.88
        paper[1 :: round(height / 24)] *= 0.9
    rows = -(-len(digits) // 5)
    ink, cell = np.zeros((height, width), np.float32), min(width / 5.6, height / (rows + 0.6))
    for k, strokes in enumerate(digits):
        row, column = divmod(k, 5)
        _write(ink, strokes, (column + 0.8, row + 0.8), cell, rng)
    grey = paper * (1 - 0.72 * ndimage.gaussian_filter(ink, 1.2)) * light
    grey = np.clip(grey + rng.normal(0, 4, grey.shape), 0, 255)
    tint = np.clip(grey[..., None] * [1.0, 0.97, 0.9], 0, 255)
    image = Image.fromarray(tint.astype(np.uint8))
    exif = Image.Exif()
    if turned:
        image = image.transpose(Image.Transpose.ROTATE_90)
        exif[0x0112] = 6
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=85, exif=exif)
    return stream.getvalue()


def _write(ink, strokes, place, cell, rng):
    """Write one digit with a thin pen into its place (column, row), in cells of so many pixels."""
    from tflite_course.pad.strokes import draw_strokes

    side = round(0.95 * cell)
    extent, pen = side * rng.uniform(0.45, 0.75), max(side * rng.uniform(0.02, 0.035), 3)
    drawing = draw_strokes(strokes, size=side, extent=extent, width=pen) / np.float32(255)
    left, top = (round((part - 0.5) * cell + rng.uniform(-0.04, 0.04) * cell) for part in place)
    part = ink[top : top + side, left : left + side]
    np.maximum(part, drawing[: part.shape[0], : part.shape[1]], out=part)
