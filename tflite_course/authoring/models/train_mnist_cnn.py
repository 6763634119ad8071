"""Train mnist_cnn, convert it and store it: how the files in this folder were made.

    python -m tflite_course.authoring train_mnist_cnn

Writes NAME.weights.h5 (float weights), NAME_float32.tflite, NAME_int8.tflite (int8 input and output) and NAME.json
(what was measured); NAME is mnist_cnn. With --recipe plain or augmented it is mnist_cnn_plain or mnist_cnn_augmented,
the models that lesson 04 compares it with, as float32 only. About a quarter of an hour on two cores. The same machine
gives the same bytes.

The training set is MNIST plus digits invented by tflite_course.pad.strokes, drawn and centred as on the pad; both are
turned, stretched, moved and made thinner or thicker a little, anew in each epoch.
"""

import argparse
import json
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from tflite_course.authoring import ROOT
from tflite_course.datasets import load_mnist
from tflite_course.pad import center_like_mnist
from tflite_course.pad.strokes import draw_strokes, invent_digit

FOLDER = ROOT / "assets" / "models"
SEED, BATCH, POLISH, INVENTED = 1, 128, 2, 40_000
EPOCHS = {"full": 10, "augmented": 8, "plain": 5}


def invent_image(number):
    """Return one invented digit as the model sees it, float32 (28, 28); its label is number % 10."""
    rng = np.random.default_rng([SEED, number])
    strokes = invent_digit(number % 10, rng)
    return center_like_mnist(draw_strokes(strokes, size=300, extent=rng.uniform(110, 255), width=rng.uniform(10, 28)))


def augment(image, label):
    """Vary a batch of images, float32 (n, 28, 28), inside tf.data."""
    import tensorflow as tf

    count = tf.shape(image)[0]

    def chance(low, high):
        return tf.random.uniform((count,), low, high)

    angle, lean, wide, tall = chance(-0.18, 0.18), chance(-0.18, 0.18), chance(0.9, 1.1), chance(0.9, 1.1)
    cos, sin = tf.cos(angle), tf.sin(angle)
    a, b, c, d = cos / wide, (lean - sin) / wide, sin / tall, cos / tall
    dx = 13.5 - (a + b) * 13.5 + chance(-1, 1)
    dy = 13.5 - (c + d) * 13.5 + chance(-1, 1)
    image = tf.raw_ops.ImageProjectiveTransformV3(
        images=image[..., tf.newaxis],
        transforms=tf.stack([a, b, dx, c, d, dy, 0 * dx, 0 * dx], 1),
        output_shape=[28, 28],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    thicker = tf.reshape(chance(-0.5, 0.7), (-1, 1, 1, 1))
    largest = tf.nn.max_pool2d(image, 3, 1, "SAME")
    smallest = -tf.nn.max_pool2d(-image, 3, 1, "SAME")
    image += tf.maximum(thicker, 0) * (largest - image) + tf.maximum(-thicker, 0) * (smallest - image)
    return image[..., 0], label


def make_training_set():
    """Return (images, labels): float32 (100000, 28, 28) and int64 (100000,), MNIST and the invented digits."""
    (images, labels), _ = load_mnist()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        invented = np.stack(list(pool.map(invent_image, range(INVENTED), chunksize=500)))
    return np.concatenate([images, invented]), np.concatenate([labels, np.arange(INVENTED) % 10])


def train(recipe="full", epochs=None):
    """Return a trained tf_keras model.

    recipe: "plain" (MNIST as it is), "augmented" (MNIST, varied anew in each epoch) or "full" (augmented, and the
    invented digits). The last two end with POLISH epochs at a low learning rate on images that are not varied.
    """
    import tensorflow as tf
    import tf_keras as keras

    from tflite_course.models import build_mnist_cnn

    (x_train, y_train), (x_test, y_test) = load_mnist()
    images, labels = make_training_set() if recipe == "full" else (x_train, y_train)
    batches = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(len(images), seed=SEED)
    batches = batches.batch(BATCH, drop_remainder=True)
    # One batch at a time: then the random numbers come in the same order in every run.
    varied = batches if recipe == "plain" else batches.map(augment, num_parallel_calls=1)

    model = build_mnist_cnn()

    def fit(data, epochs, learning_rate):
        steps = epochs * (len(images) // BATCH)
        model.compile(
            optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps)),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        test = {"validation_data": (x_test, y_test), "validation_batch_size": 1000}
        model.fit(data.prefetch(2), epochs=epochs, verbose=2, **test)

    fit(varied, epochs or EPOCHS[recipe], 2e-3)
    if recipe != "plain":
        fit(batches, POLISH, 2e-4)
    return model


def convert(model):
    """Return {"float32": bytes, "int8": bytes}: the second has int8 input and output."""
    import tensorflow as tf

    (x_train, _), _ = load_mnist()
    float32 = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([x_train[i : i + 1]] for i in range(500))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return {"float32": float32, "int8": converter.convert()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the files go (default: assets/models)")
    parser.add_argument("--epochs", type=int, help=f"default: {EPOCHS}")
    parser.add_argument("--recipe", choices=list(EPOCHS), default="full")
    parser.add_argument("--convert-only", action="store_true", help="keep the stored weights, write the .tflite again")
    options = parser.parse_args()

    from tflite_course import evaluation
    from tflite_course.models import CHECKPOINTS, build_mnist_cnn, load_model
    from tflite_course.setup import prepare

    prepare(seed=SEED)
    name = "mnist_cnn" if options.recipe == "full" else f"mnist_cnn_{options.recipe}"
    weights = options.folder / f"{name}.weights.h5"
    if not options.convert_only:
        bare = build_mnist_cnn()  # never compiled: the file holds the weights and no optimizer
        bare.set_weights(train(options.recipe, options.epochs).get_weights())
        bare.save_weights(weights)
    files = convert(load_model("mnist_cnn", weights=weights))
    _, (x_test, y_test) = load_mnist()
    record = {}
    for variant in CHECKPOINTS[name]:
        content = files[variant]
        (options.folder / f"{name}_{variant}.tflite").write_bytes(content)
        record[variant] = {
            "test_accuracy": round(evaluation.accuracy(content, x_test, y_test), 4),
            **evaluation.size_ledger(content),
        }
        print(variant, record[variant])
    (options.folder / f"{name}.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
