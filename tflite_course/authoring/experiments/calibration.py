"""Measure calibration for lesson 05: how many images a representative dataset needs, and what wrong images cost.

    python -m tflite_course.authoring calibration        # about four minutes on two cores

Every row is one full-integer conversion, int8 input and output, of a shipped model; only the calibration images
differ. The rows "count" draw that many training images, DRAWS times with the seeds 0 to DRAWS - 1; the rows "wrong"
use 500 images of a kind that the model does not meet in practice. Each file is run on the 10,000 test images. Writes
calibration.json: "right" answers, digits "changed" against the float32 file, and "rms", the root of the mean squared
difference to its logits.
"""

import tempfile
import time
from pathlib import Path

import numpy as np

from tflite_course import evaluation, models
from tflite_course.authoring.experiments.record import store
from tflite_course.datasets import load_mnist
from tflite_course.setup import prepare

NAMES, COUNTS, DRAWS, IMAGES = ("mnist_cnn", "mnist_ds"), (1, 3, 10, 30, 100, 300, 1000), 5, 500


def wrong_images(images, labels):
    """Return {kind: float32 (IMAGES, 28, 28)}; images and labels are the training set."""
    noise = np.random.default_rng(0).uniform(size=(IMAGES, 28, 28)).astype(np.float32)
    return {
        "training images": images[:IMAGES],
        "only the digit 1": images[labels == 1][:IMAGES],
        "black and white swapped": 1 - images[:IMAGES],
        "uniform noise": noise,
        "zeros": np.zeros((IMAGES, 28, 28), np.float32),
        "not divided by 255": images[:IMAGES] * np.float32(255),
    }


def to_int8(folder, images):
    """Return .tflite bytes of the SavedModel in folder, calibrated with images."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image[np.newaxis]] for image in images)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def measure(name, folder, images, test, **labels):
    """Return one row; test: images, digits and the float32 logits of the test set."""
    x_test, y_test, reference = test
    # the model was trained on 0 to 1, whatever range a wrong calibration wrote into the file
    logits = evaluation.predict(to_int8(folder, images), x_test, input_range=(0, 1))
    digits = logits.argmax(1)
    row = {
        "model": name,
        **labels,
        "right": int((digits == y_test).sum()),
        "changed": int((digits != reference.argmax(1)).sum()),
        "rms": round(float(np.sqrt(np.mean((logits - reference) ** 2))), 4),
    }
    print(row, flush=True)
    return row


def main():
    prepare()
    import tensorflow as tf

    start = time.monotonic()
    (x_train, y_train), (x_test, y_test) = load_mnist()
    rows = []
    for name in NAMES:
        folder = Path(tempfile.mkdtemp())
        tf.saved_model.save(models.load_model(name), str(folder))
        test = x_test, y_test, evaluation.predict(models.model_path(name), x_test)
        for kind, images in wrong_images(x_train, y_train).items():
            rows.append(measure(name, folder, images, test, group="wrong", kind=kind))
        for count in COUNTS:
            for seed in range(DRAWS):
                drawn = np.random.default_rng(seed).choice(len(x_train), count, replace=False)
                rows.append(measure(name, folder, x_train[drawn], test, group="count", count=count, seed=seed))
    store("calibration", rows, time.monotonic() - start, counts=COUNTS, draws=DRAWS, images=IMAGES)


if __name__ == "__main__":
    main()
