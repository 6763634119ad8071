"""Store what Keras answers: the reference that lesson 03 compares LiteRT with.

    python -m tflite_course.authoring store_keras_logits

Writes mnist_cnn_keras_logits.npz: "logits", float32 (1000, 10), what the tf_keras model with the shipped weights gives
for the first 1,000 test images. About ten seconds; run it again whenever train_mnist_cnn.py wrote new weights.
Lesson 03 reads this file, so that it needs no TensorFlow.
"""

import argparse
from pathlib import Path

import numpy as np

from tflite_course.authoring import ROOT
from tflite_course.datasets import load_mnist
from tflite_course.models import load_model, model_path
from tflite_course.setup import prepare

FOLDER = ROOT / "assets" / "models"
COUNT = 1000


def compute_logits(weights=None):
    """Return the logits of the shipped Keras model for the first COUNT test images, float32 (COUNT, 10)."""
    _, (x_test, _) = load_mnist()
    model = load_model("mnist_cnn", weights=weights)
    return model(x_test[:COUNT], training=False).numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the files are (default: assets/models)")
    folder = parser.parse_args().folder

    prepare()
    from tflite_course import evaluation

    logits = compute_logits(folder / "mnist_cnn.weights.h5")
    target = folder / "mnist_cnn_keras_logits.npz"
    np.savez_compressed(target, logits=logits)

    _, (x_test, _) = load_mnist()
    tflite = folder / model_path("mnist_cnn").name
    difference = np.abs(evaluation.predict(tflite, x_test[:COUNT]) - logits).max()
    print(f"{target.name}: {target.stat().st_size:,} bytes, {difference:.1e} away from {tflite.name} at most")


if __name__ == "__main__":
    main()
