"""The control of the small models: mnist_nano by the same recipe, from the labels alone, without teachers.

    python -m tflite_course.authoring distillation

Uses train_small_models.py and its cache; about five minutes on two cores when the cache is there. Writes
distillation.json: the int8 file of the control beside the shipped one.
"""

import tempfile
import time
from pathlib import Path

import tf_keras as keras

from tflite_course import evaluation
from tflite_course.authoring.experiments import record
from tflite_course.authoring.models import train_small_models as recipe
from tflite_course.datasets import load_mnist
from tflite_course.models import model_path
from tflite_course.setup import prepare

NAME = "mnist_nano"


def label_loss(targets, logits):
    """Cross-entropy with the label alone; targets as in recipe.distillation_loss."""
    import tensorflow as tf

    return tf.nn.softmax_cross_entropy_with_logits(targets[:, :10], logits)


def main():
    prepare(seed=recipe.SEED)
    start = time.perf_counter()
    _, test = load_mnist()
    cache = recipe.FOLDER / "cache"
    cache.mkdir(exist_ok=True)
    data = recipe.TrainingSet(cache, hold_out=False)
    recipe.distillation_loss = label_loss
    with tempfile.TemporaryDirectory() as folder:
        recipe.make(NAME, data, Path(folder))
        keras.backend.clear_session()
        files = {"labels": Path(folder) / f"{NAME}_int8.tflite", "labels and teachers": model_path(NAME, "int8")}
        rows = evaluation.compare(files, *test, timed=False)
    for row in rows:
        row["kind"] = row["name"]
        row["name"] = f"{NAME}, {row['kind']}"
    epochs = recipe.EPOCHS[NAME] + recipe.POLISH
    record.store("distillation", rows, time.perf_counter() - start, epochs=epochs, seed=recipe.SEED)


if __name__ == "__main__":
    main()
