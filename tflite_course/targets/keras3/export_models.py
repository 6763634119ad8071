"""Build mnist_cnn in Keras 3 or PyTorch, with the course's weights, and export it to .tflite in each way there is.

    .venv-keras3/bin/python tflite_course/targets/keras3/export_models.py tensorflow FOLDER
    .venv-keras3/bin/python tflite_course/targets/keras3/export_models.py torch FOLDER

It runs in an environment of its own (environment.py): Keras has one backend a process. The .tflite files go to FOLDER;
a Keras 2 model keras_2.keras there is tried, too. The last line printed is JSON: {"rows": [{"way", "file" or "error"}],
"versions": {package: version}}.
"""

import argparse
import json
import os
import sys
from importlib import metadata
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[3]
WEIGHTS = ROOT / "assets" / "models" / "mnist_cnn.weights.h5"  # written by Keras 2
BATCH = 50
PACKAGES = ("keras", "tensorflow", "torch", "litert-torch", "litert-converter", "ai-edge-litert", "numpy")


def build(keras, *, contrast=None):
    """Return mnist_cnn in Keras 3 with the course's weights; contrast: a layer in front of it."""
    layers, body = keras.layers, []
    for number, filters in enumerate((16, 32, 64), 1):
        body += [
            layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"conv_{number}"),
            layers.BatchNormalization(momentum=0.9, name=f"norm_{number}"),
            layers.ReLU(name=f"relu_{number}"),
        ]
        body += [layers.MaxPooling2D(name=f"pool_{number}")] if number < 3 else []
    ends = [layers.Flatten(name="flatten"), layers.Dropout(0.3, name="dropout"), layers.Dense(10, name="logits")]
    image = layers.Input((28, 28), name="image")
    add_channel = layers.Reshape((28, 28, 1), name="add_channel")
    network = keras.Sequential([image, add_channel, *body, *ends], name="mnist_cnn")
    network.load_weights(WEIGHTS)
    return network if contrast is None else keras.Sequential([layers.Input((28, 28), name="image"), contrast, network])


def reason(error):
    """Return what an exception says, in one line that holds no path of this machine."""
    text = str(error)
    place = text.find("Some ops are not supported")  # the rest repeats the whole graph
    words = [word for word in text[max(place, 0) :].split() if "/" not in word or word.startswith("https://")]
    return f"{type(error).__name__}: {' '.join(words)[:400]}"


def attempt(rows, way, folder, action):
    """Run action(path of the .tflite file) and add what came of it to rows."""
    path = Path(folder) / f"{len(rows):02}.tflite"
    try:
        action(path)
        rows.append({"way": way, "file": path.name})
    except (Exception, SystemExit) as error:  # whatever a converter says of a model that it does not take
        rows.append({"way": way, "error": reason(error)})


def with_tensorflow(folder):
    """Export with the TensorFlow backend in four ways, and a network with an operator that LiteRT does not have."""
    import keras
    import tensorflow as tf

    class Contrast(keras.layers.Layer):
        def call(self, image):
            return tf.image.adjust_contrast(image[..., tf.newaxis], 2.0)[..., 0]

    model, rows = build(keras), []
    needs_flex = build(keras, contrast=Contrast(name="contrast"))

    def by_saved_model(path):
        saved = str(path.with_suffix(""))
        model.export(saved, format="tf_saved_model", verbose=False)
        path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(saved).convert())

    def by_keras_door(path):
        path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())

    def for_one_image(path):
        model.export(path, format="litert", input_signature=[keras.InputSpec("float32", (1, 28, 28), name="image")])

    builtins = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    attempt(rows, "from_keras_model", folder, by_keras_door)
    attempt(rows, 'export, format="tf_saved_model", then from_saved_model', folder, by_saved_model)
    attempt(rows, 'export, format="litert"', folder, lambda path: model.export(path, format="litert"))
    attempt(rows, 'export, format="litert", a batch of one', folder, for_one_image)
    attempt(rows, "operator that LiteRT lacks", folder, lambda path: needs_flex.export(path, format="litert"))
    attempt(
        rows,
        "operator that LiteRT lacks, built-in operators only",
        folder,
        lambda path: needs_flex.export(path, format="litert", target_spec=builtins),
    )
    attempt(
        rows,
        "a .keras file of Keras 2, loaded with Keras 3",
        folder,
        lambda path: keras.models.load_model(folder / "keras_2.keras").export(path, format="litert", verbose=False),
    )
    model.save(folder / "keras_3.keras")
    return rows


def with_torch(folder):
    """Export with the PyTorch backend, and a plain PyTorch module with the same weights."""
    import keras
    import litert_torch
    import torch

    model, rows = build(keras), []
    batch = [keras.InputSpec("float32", (BATCH, 28, 28), name="image")]
    image = torch.zeros((1, 1, 28, 28))
    attempt(rows, 'export, format="litert"', folder, lambda path: model.export(path, format="litert"))
    attempt(
        rows,
        f'export, format="litert", a batch of {BATCH}',
        folder,
        lambda path: model.export(path, format="litert", input_signature=batch),
    )
    attempt(
        rows,
        "PyTorch module, litert_torch.convert",
        folder,
        lambda path: litert_torch.convert(plain_module(torch, model), (image,)).export(str(path)),
    )
    attempt(
        rows,
        'export, format="tf_saved_model"',
        folder,
        lambda path: model.export(str(path.with_suffix("")), format="tf_saved_model", verbose=False),
    )
    return rows


def plain_module(torch, model):
    """Return mnist_cnn as people write it in PyTorch: input (n, 1, 28, 28), the weights of a Keras model."""
    nn, parts = torch.nn, []
    for number, (before, filters) in enumerate(((1, 16), (16, 32), (32, 64)), 1):
        convolution = nn.Conv2d(before, filters, 3, padding=1, bias=False)
        norm = nn.BatchNorm2d(filters, eps=1e-3)
        kernel = np.array(model.get_layer(f"conv_{number}").get_weights()[0])
        convolution.weight.data = torch.tensor(kernel.transpose(3, 2, 0, 1).copy())
        tensors = (norm.weight.data, norm.bias.data, norm.running_mean, norm.running_var)
        for place, values in zip(tensors, model.get_layer(f"norm_{number}").get_weights(), strict=True):
            place.copy_(torch.tensor(np.array(values)))
        parts += [convolution, norm, nn.ReLU(), *[nn.MaxPool2d(2)] * (number < 3)]
    dense = nn.Linear(7 * 7 * 64, 10)
    weights, bias = (np.array(values) for values in model.get_layer("logits").get_weights())
    # Keras flattens rows, columns, channels; PyTorch channels, rows, columns
    weights = weights.reshape(7, 7, 64, 10).transpose(3, 2, 0, 1).reshape(10, -1).copy()
    dense.weight.data, dense.bias.data = torch.tensor(weights), torch.tensor(bias)
    return nn.Sequential(*parts, nn.Flatten(), dense).eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("backend", choices=("tensorflow", "torch"))
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    os.environ["KERAS_BACKEND"] = options.backend  # before Keras is imported
    sys.stdout, printed = sys.stderr, sys.stdout  # what the converters print
    rows = (with_tensorflow if options.backend == "tensorflow" else with_torch)(options.folder)
    versions = {package: metadata.version(package) for package in PACKAGES}
    print(json.dumps({"rows": rows, "versions": versions}), file=printed)


if __name__ == "__main__":
    main()
