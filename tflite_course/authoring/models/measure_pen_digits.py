"""Measure the shipped models on digits that people drew with a pen: how pen_digits.json was made.

    python -m tflite_course.authoring measure_pen_digits

The strokes are those of data/pen_digits.npz: the training part (30 writers) of E. Alpaydin, F. Alimoglu, "Pen-Based
Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998, CC BY 4.0. This is an older measurement than
that file, with sizes and places of its own; lesson 04 reads its record.

Each digit is drawn once on a 280 x 280 canvas: longer side 120 to 250 pixels, pen 12 to 26, anywhere on the canvas.
"""

import hashlib
import json
from datetime import date

import numpy as np

from tflite_course import evaluation
from tflite_course.authoring import ROOT
from tflite_course.datasets import load_pen_strokes
from tflite_course.models import CHECKPOINTS, model_path
from tflite_course.pad import center_like_mnist, resize_only
from tflite_course.pad.strokes import draw_strokes

SEED = 0


def draw_anywhere(strokes, rng):
    """Return one digit at a random size, place and pen width: uint8 (280, 280)."""
    extent, width = rng.uniform(120, 250), rng.uniform(12, 26)
    room = max((280 - extent - width) / 2, 0)
    return draw_strokes(strokes, extent=extent, width=width, offset=rng.uniform(-room, room, 2))


def main():
    found = load_pen_strokes()
    digits, labels = [digit.strokes for digit in found], np.array([digit.label for digit in found])
    rng = np.random.default_rng(SEED)
    canvases = [draw_anywhere(strokes, rng) for strokes in digits]
    inputs = {way.__name__: np.stack([way(c) for c in canvases]) for way in (resize_only, center_like_mnist)}
    half = len(labels) // 2
    record = {
        "source": "E. Alpaydin, F. Alimoglu: Pen-Based Recognition of Handwritten Digits, UCI, 1998 (CC BY 4.0)",
        "command": "python -m tflite_course.authoring measure_pen_digits",
        "date": date.today().isoformat(),
        "digits": len(labels),
        "writers": 30,
        "models": {},
    }
    for name, variants in CHECKPOINTS.items():
        for variant in variants:
            path = model_path(name, variant)
            row = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
            for way, images in inputs.items():
                right = evaluation.predict(path, images).argmax(axis=1) == labels
                row[way] = round(float(right.mean()), 4)
            # The styles of pad.strokes were designed with pictures of wrong answers at hand: of all writers
            # at first, of the first half only later. The halves show whether that matters.
            row["first_half"], row["second_half"] = (round(float(h.mean()), 4) for h in (right[:half], right[half:]))
            record["models"][name if variant == "float32" else f"{name}_{variant}"] = row
            print(name, variant, row)
    (ROOT / "assets" / "models" / "pen_digits.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
