"""Train mnist_cnn, convert it and store it: how the files in this folder were made.

    python -m tflite_course.authoring train_mnist_cnn --recipe plain
    python -m tflite_course.authoring train_mnist_cnn --recipe augmented
    python -m tflite_course.authoring train_mnist_cnn --recipe mixed
    python -m tflite_course.authoring train_mnist_cnn

Writes NAME.weights.h5 (float weights), NAME_float32.tflite, NAME_int8.tflite (int8 input and output) and NAME.json
(what was measured); NAME is mnist_cnn, or mnist_cnn_RECIPE, as float32 only. The same machine gives the same bytes.

plain      MNIST as it is.
augmented  MNIST, turned, stretched, moved and made thinner or thicker a little, anew in each epoch, and last POLISH
           epochs on images that are not varied.
mixed      The same with digits invented by tflite_course.pad.strokes beside MNIST, drawn and centred as on the pad.
           It is a teacher of the small models.
full       mnist_cnn itself, about half an hour on two cores, from augmented and mixed. First the network of augmented
           learns from MNIST and invented digits of which three in ten have the rarer styles: it becomes the "reader",
           which reads strangers' pens best and MNIST worse than before. Then the mean of the weights before and after
           that (Wortsman and others 2021, arXiv 2109.01903) learns from the same images, from the labels and from
           teachers (knowledge distillation: Hinton, Vinyals, Dean 2015, arXiv 1503.02531): reader and mixed for
           invented digits, these and augmented for those of MNIST. What is stored is a mean with augmented once more.
           Its SHARE was chosen among four with digits of UNIPEN (see pad/rare_strokes.py), when the figures of
           both test sets had been seen.
"""

import argparse
import json
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from tflite_course.authoring import ROOT
from tflite_course.datasets import load_mnist
from tflite_course.pad import center_like_mnist
from tflite_course.pad.rare_strokes import RARE_STYLES
from tflite_course.pad.strokes import STYLES, draw_strokes, invent_digit

FOLDER = ROOT / "assets" / "models"
SEED, BATCH, POLISH, INVENTED = 1, 128, 2, 40_000
EPOCHS = {"plain": 5, "augmented": 8, "mixed": 10, "full": 20}
# Of the full recipe: invented digits, the share of them in the rarer styles, epochs of the reader
MANY, RARE, READER_EPOCHS = 60_000, 0.3, 16
TEMPERATURE, READER_SHARE, SHARE = 3.0, 0.7, 0.8  # of distillation; of what was trained last in the means of weights


def invent_image(number, rare=0.0):
    """Return one invented digit as the model sees it, float32 (28, 28); its label is number % 10.

    rare: the share of digits in the rarer styles.
    """
    rng = np.random.default_rng([SEED, number])
    styles = RARE_STYLES if rare and rng.random() < rare else STYLES
    strokes = invent_digit(number % 10, rng, styles)
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


def make_training_set(count=INVENTED, rare=0.0):
    """Return (images, labels): float32 (60000 + count, 28, 28) and int64; MNIST first, then invented digits."""
    (images, labels), _ = load_mnist()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        invented = np.stack(list(pool.map(partial(invent_image, rare=rare), range(count), chunksize=500)))
    return np.concatenate([images, invented]), np.concatenate([labels, np.arange(count) % 10])


def fit(model, batches, epochs, learning_rate, loss):
    """Train a tf_keras model on a tf.data.Dataset at a falling learning rate; prints the test accuracy."""
    import tf_keras as keras

    _, (images, labels) = load_mnist()
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * len(batches))

    def report(epoch, logs):
        right = model.predict(images, batch_size=1000, verbose=0).argmax(axis=1) == labels
        print(f"epoch {epoch + 1}/{epochs} loss {logs['loss']:.4f} MNIST {right.mean():.4f}", flush=True)

    model.compile(keras.optimizers.Adam(schedule), loss)
    callbacks = [keras.callbacks.LambdaCallback(on_epoch_end=report)]
    model.fit(batches.prefetch(2), epochs=epochs, verbose=0, callbacks=callbacks)


def in_batches(images, labels):
    """Return a tf.data.Dataset of shuffled batches, in another order in each epoch."""
    import tensorflow as tf

    batches = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(len(images), seed=SEED)
    return batches.batch(BATCH, drop_remainder=True)


def varied(batches, more=None):
    """Return batches whose images are varied, and then changed by `more`, a function of (images, labels).

    One batch at a time: then the random numbers come in the same order in every run.
    """
    batches = batches.map(augment, num_parallel_calls=1)
    return batches if more is None else batches.map(more, num_parallel_calls=1)


def train(recipe, epochs):
    """Return a tf_keras model that was trained from its beginning, by "plain", "augmented" or "mixed"."""
    import tf_keras as keras

    from tflite_course.models import build_mnist_cnn

    batches = in_batches(*(make_training_set() if recipe == "mixed" else load_mnist()[0]))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = build_mnist_cnn()
    fit(model, batches if recipe == "plain" else varied(batches), epochs, 2e-3, loss)
    if recipe != "plain":
        fit(model, batches, POLISH, 2e-4, loss)
    return model


def mean_of(before, after, share):
    """Return the mean of the weights of two tf_keras models; share: of the second."""
    pairs = zip(before.get_weights(), after.get_weights(), strict=True)
    return [(1 - share) * old + share * new for old, new in pairs]


def train_in_two_steps(epochs):
    """Return mnist_cnn, a tf_keras model, by the full recipe."""
    import tensorflow as tf
    import tf_keras as keras

    from tflite_course.models import load_model

    images, labels = make_training_set(MANY, RARE)
    before, mixed, reader = (load_model(f"mnist_cnn_{name}") for name in ("augmented", "mixed", "augmented"))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    fit(reader, varied(in_batches(images, labels)), READER_EPOCHS, 1e-3, loss)

    def ask(images, about):
        """Put the labels as one-hot and the mean of the teachers' logits, (n, 20), beside the images."""
        teachers = [network(images, training=False) for network in (before, reader, mixed)]
        shares = tf.gather(tf.constant([[0.5, 0.25, 0.25], [0.0, 0.5, 0.5]]), about[:, 1])  # MNIST, invented
        logits = tf.einsum("nt,tnc->nc", shares, tf.stack(teachers))
        return images, tf.concat([tf.one_hot(about[:, 0], 10), logits], axis=1)

    def distillation_loss(targets, logits):
        soft = tf.nn.softmax(targets[:, 10:] / TEMPERATURE)
        hard_loss = tf.nn.softmax_cross_entropy_with_logits(targets[:, :10], logits)
        soft_loss = tf.nn.softmax_cross_entropy_with_logits(soft, logits / TEMPERATURE) * TEMPERATURE**2
        return (hard_loss + soft_loss) / 2

    invented = np.arange(len(labels)) >= len(labels) - MANY
    model = load_model("mnist_cnn_augmented")
    model.set_weights(mean_of(before, reader, READER_SHARE))
    batches = in_batches(images, np.stack([labels, invented], axis=1).astype(np.int32))
    fit(model, varied(batches, ask), epochs, 1e-3, distillation_loss)
    model.set_weights(mean_of(before, model, SHARE))
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
        epochs = options.epochs or EPOCHS[options.recipe]
        model = train_in_two_steps(epochs) if options.recipe == "full" else train(options.recipe, epochs)
        bare.set_weights(model.get_weights())
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
