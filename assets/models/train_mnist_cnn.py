"""Train mnist_cnn, convert it and store it: how the files in this folder were made.

    python assets/models/train_mnist_cnn.py

Writes mnist_cnn.weights.h5 (float weights), mnist_cnn_float32.tflite, mnist_cnn_int8.tflite (int8 input and output)
and mnist_cnn.json (what was measured). About a quarter of an hour on two cores; the same machine gives the same bytes.

The training set is MNIST plus digits invented by tflite_course.strokes, drawn and centred as on the pad; both are
turned, stretched, moved and made thinner or thicker a little, anew in each epoch.
"""

import argparse
import json
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from tflite_course.datasets import load_mnist
from tflite_course.drawing import center_like_mnist
from tflite_course.strokes import draw_strokes, invent_digit

FOLDER = Path(__file__).parent
SEED, BATCH, EPOCHS, INVENTED = 1, 128, 10, 40_000


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

    angle, lean, wide, tall = chance(-0.2, 0.2), chance(-0.2, 0.2), chance(0.88, 1.1), chance(0.88, 1.1)
    cos, sin = tf.cos(angle), tf.sin(angle)
    a, b, c, d = cos / wide, (lean - sin) / wide, sin / tall, cos / tall
    dx = 13.5 - (a + b) * 13.5 + chance(-1.3, 1.3)
    dy = 13.5 - (c + d) * 13.5 + chance(-1.3, 1.3)
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


def make_training_set(with_invented=True, with_augmentation=True):
    """Return (tf.data.Dataset of batches, batches an epoch)."""
    import tensorflow as tf

    (images, labels), _ = load_mnist()
    if with_invented:
        with ProcessPoolExecutor(os.cpu_count()) as pool:
            invented = np.stack(list(pool.map(invent_image, range(INVENTED), chunksize=500)))
        images = np.concatenate([images, invented])
        labels = np.concatenate([labels, np.arange(INVENTED) % 10])
    data = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(len(images), seed=SEED)
    data = data.batch(BATCH, drop_remainder=True)
    if with_augmentation:
        data = data.map(augment, num_parallel_calls=1)  # one at a time: random numbers come in the same order
    return data.prefetch(2), len(images) // BATCH


def train(epochs=EPOCHS, **choices):
    """Return the trained tf_keras model."""
    import tf_keras as keras

    from tflite_course.models import build_mnist_cnn

    data, steps = make_training_set(**choices)
    model = build_mnist_cnn()
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, epochs * steps)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    _, (x_test, y_test) = load_mnist()
    model.fit(data, epochs=epochs, verbose=2, validation_data=(x_test, y_test), validation_batch_size=1000)
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
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the files go (default: this folder)")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--convert-only", action="store_true", help="keep the stored weights, write the .tflite again")
    options = parser.parse_args()

    from tflite_course import evaluation
    from tflite_course.models import load_model
    from tflite_course.setup import prepare

    prepare(seed=SEED)
    if not options.convert_only:
        train(options.epochs).save_weights(options.folder / "mnist_cnn.weights.h5")
    files = convert(load_model("mnist_cnn", weights=options.folder / "mnist_cnn.weights.h5"))
    _, (x_test, y_test) = load_mnist()
    record = {}
    for variant, content in files.items():
        (options.folder / f"mnist_cnn_{variant}.tflite").write_bytes(content)
        record[variant] = {
            "test_accuracy": round(evaluation.accuracy(content, x_test, y_test), 4),
            **evaluation.size_ledger(content),
        }
        print(variant, record[variant])
    (options.folder / "mnist_cnn.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
