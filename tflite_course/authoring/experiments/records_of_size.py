"""Models of record: how many digits are read right by a file of 1,536, 3,072, 4,096, 6,656 and 12,288 bytes.

    python -m tflite_course.authoring records_of_size                 # all budgets
    python -m tflite_course.authoring records_of_size 4096 1536       # some; rows of the others stay

For each budget, every candidate network is trained once, for `short` epochs. The one that reads most of the validation
images, the last 5,000 training images, is trained with five seeds for `long` epochs; of the five files, the one that
reads most validation images is the record. The test images and the pen digits are read last, once for each of the five.

A training has three phases: on distorted images, with batch normalization, taught by the labels and by two shipped
models; then, with the normalization folded into the weights, on a grid of 4 or 8 bits; last on images that are not
distorted. The file is packed as tflite_course.models.pack does. The two largest budgets begin with the weights of a
shipped model, which has learned from the validation images, too: there the choice among the seeds says little.

Writes records_of_size.json and assets/models/record_BYTES.tflite.
"""

import argparse
import functools
import hashlib
import itertools
import pickle
import re
import time
from typing import NamedTuple

import numpy as np

from tflite_course import evaluation
from tflite_course.authoring import ROOT
from tflite_course.authoring.experiments import record
from tflite_course.authoring.models.train_mnist_cnn import invent_image
from tflite_course.authoring.models.train_small_models import TEACHERS, digest, distillation_loss, distort
from tflite_course.datasets import load_mnist, load_pen_digits
from tflite_course.errors import CourseError
from tflite_course.models import load_model, model_path, to_int8
from tflite_course.models.as_file import fold_norm
from tflite_course.models.macs import count_macs
from tflite_course.models.pack import pack
from tflite_course.setup import prepare

NAME, MODELS = "records_of_size", ROOT / "assets" / "models"
CACHE = MODELS / "cache" / NAME  # what was trained and distorted, so that a stopped run goes on
HELD_OUT, COPIES, SEEDS, BATCH, CALIBRATION, WARM_UP = 5_000, 3, (1, 2, 3, 4, 5), 128, 500, 100
POOLS, CONVOLUTION = ("max", "mean"), re.compile(r"(\d+):(\d+)(?:/(\d+))?v?")
RATES = (6e-3, 2e-3, 3e-4)  # of the three phases, falling to 0 as a cosine


class Budget(NamedTuple):
    """What a file of so many bytes shall reach, and how it is tried.

    target: share of the test images. candidates: networks, see build(). bits: of the weights, one number for each
    layer that has some, or one for all. channels: whether each filter has a scale of its own, or a layer one for all.
    short, long: epochs of the three phases for a candidate and for a seed. start: a shipped model that takes the place
    of the first phase. invented: how many invented pen digits are in each epoch.
    """

    target: float
    candidates: tuple
    bits: int | tuple = 4
    channels: bool = False
    short: tuple = (3, 2, 1)
    long: tuple = (6, 4, 1)
    start: str | None = None
    invented: int = 0


BUDGETS = {
    1536: Budget(0.95, ("4:6/5v dense", "5:8/6v dense"), short=(4, 3, 1), long=(24, 18, 4)),
    3072: Budget(
        0.98,
        ("8:3 max 8:3 max 10:3 10:3 mean", "7:3v max 10:3v max 11:3v dense", "8:3v max 10:3v max 10:3v dense"),
        long=(24, 16, 4),
    ),
    4096: Budget(
        0.99,
        ("8:3 max 12:3 max 16:3 10:3 mean", "8:3v max 14:3v max 16:3v dense", "8:3v max 13:3v max 17:3v dense"),
        long=(24, 16, 4),
    ),
    6656: Budget(
        0.993,
        ("8:3 max 12:3 14:3 max 16:3 mean dense",),
        bits=(8, 8, 8, 4, 8),
        channels=True,
        short=(0, 1, 1),
        long=(0, 2, 1),
        start="mnist_tiny",
        invented=10_000,
    ),
    12288: Budget(
        0.995,
        ("12:3 max 16:3 16:3 max 24:3 19:3 mean dense",),
        bits=(8, 8, 8, 4, 4, 8),
        channels=True,
        short=(0, 1, 0),
        long=(0, 1, 1),
        start="mnist_small",
        invented=10_000,
    ),
}


def on_grid(kernel, bits, channels):
    """Return a kernel, (..., filters), on a grid of 4 or 8 bits; the gradient passes as if it were not.

    channels: whether each filter has a grid of its own, which ends at its largest weight.
    """
    import tensorflow as tf

    steps = 2 ** (bits - 1) - 1
    largest = tf.reduce_max(tf.abs(kernel), list(range(len(kernel.shape) - channels)), keepdims=True)
    scale = tf.maximum(largest, 1e-9) / steps
    return kernel + tf.stop_gradient(scale * tf.round(kernel / scale) - kernel)


def grid_layers(bits, channels):
    """Return (convolution, dense): Keras layers whose kernels lie on the grid."""
    import tensorflow as tf
    import tf_keras as keras

    class GridConv2D(keras.layers.Conv2D):
        def convolution_op(self, inputs, kernel):
            return super().convolution_op(inputs, on_grid(kernel, bits, channels))

    class GridDense(keras.layers.Dense):
        def call(self, inputs):
            return tf.matmul(inputs, on_grid(self.kernel, bits, channels)) + self.bias

    return GridConv2D, GridDense


def build(network, form="normalized", bits=8, channels=False):
    """Return a tf_keras model, (batch, 28, 28, 1) to (batch, 10).

    network: words. "8:3/2" is a convolution of 8 filters of 3 x 3 with stride 2 and ReLU, a "v" behind it leaves the
    border out; "max" a maximum over 2 x 2, "mean" the mean of each map, "dense" ten sums over all that is there.
    form: "normalized": with batch normalization; "grid": it is folded into the weights, which lie on a grid, see
    on_grid(); "plain": it is folded, and the weights are what they are.
    """
    import tf_keras as keras

    layers, words = keras.layers, network.split()
    bits = itertools.repeat(bits) if isinstance(bits, int) else iter(bits)
    body = [layers.Input((28, 28, 1), batch_size=1 if form == "plain" else None)]
    for word in words:
        plain = layers.Conv2D, layers.Dense
        conv, dense = grid_layers(next(bits), channels) if form == "grid" and word not in POOLS else plain
        if word == "max":
            body.append(layers.MaxPooling2D())
        elif word == "mean":
            body.append(layers.GlobalAveragePooling2D())
        elif word == "dense":
            body += [*([layers.Flatten()] if words[-2] != "mean" else []), dense(10)]
        else:
            if not (parts := CONVOLUTION.fullmatch(word)):
                raise CourseError(f'\'{word}\' is not a part of a network: write "8:3/2", "8:3v", {", ".join(POOLS)}.')
            filters, size, strides = parts.groups()
            padding = "valid" if word.endswith("v") else "same"
            folded = {"use_bias": False} if form == "normalized" else {"activation": "relu"}
            body.append(conv(int(filters), int(size), int(strides or 1), padding, **folded))
            if form == "normalized":
                body += [layers.BatchNormalization(momentum=0.9), layers.ReLU()]
    return keras.Sequential(body)


def fold(model, folded):
    """Copy the weights of a model with batch normalization into one without; return the second."""
    values = []
    for layer in model.layers:
        kind, weights = type(layer).__name__, layer.get_weights()
        if kind == "BatchNormalization":
            values[-1:] = fold_norm(values[-1], 0, layer)
        else:
            values += weights
    folded.set_weights(values)
    return folded


class Images:
    """What is trained on, in memory: distorted copies, and last the images as they are.

    images: uint8 (COPIES + 1, n, 28, 28); targets: float32 (COPIES + 1, n, 20), see distillation_loss().
    """

    def __init__(self, invented):
        file = CACHE / f"images_{invented}_{digest(map(model_path, TEACHERS))}.npz"
        if file.exists():
            kept = np.load(file)
            self.images, self.targets = kept["images"], kept["targets"]
            return
        (x, y), _ = load_mnist()
        x, y = x[:-HELD_OUT], y[:-HELD_OUT]
        if invented:
            x = np.concatenate([x, np.stack([invent_image(number) for number in range(invented)])])
            y = np.concatenate([y, np.arange(invented) % 10])
        self.images = np.empty((COPIES + 1, *x.shape), np.uint8)
        for copy in range(COPIES):
            rng = np.random.default_rng([1, copy])
            for start in range(0, len(x), 5000):
                self.images[copy, start : start + 5000] = np.round(distort(x[start : start + 5000], rng) * 255)
        self.images[-1] = np.round(x * 255)
        self.targets = np.zeros((*self.images.shape[:2], 20), np.float32)
        self.targets[..., :10] = np.eye(10, dtype=np.float32)[y]
        for copy, part in enumerate(self.images):
            part = part / np.float32(255)
            for name in TEACHERS:
                self.targets[copy, :, 10:] += evaluation.predict(model_path(name), part) / len(TEACHERS)
        np.savez(file, images=self.images, targets=self.targets)


@functools.cache
def compiled(network, form, bits, channels):
    """Return a compiled model of a network, the same one for all seeds: compiling takes longer than an epoch."""
    import tf_keras as keras

    model = build(network, form, bits, channels)
    model.compile(keras.optimizers.Adam(), distillation_loss, jit_compile=True)
    model.optimizer.build(model.trainable_variables)
    return model


def fit(model, data, copies, rate, seed):
    """Train a compiled model in place, one epoch on each copy that is named, as if its optimizer were new; return it.

    The rate rises to its value in WARM_UP steps and falls to 0 as a cosine.
    """
    import tf_keras as keras

    keras.utils.set_random_seed(seed)
    optimizer, steps = model.optimizer, data.images.shape[1] // BATCH
    for variable in optimizer.variables:
        variable.assign(np.zeros(variable.shape, variable.dtype.as_numpy_dtype))
    total = max(1, steps * len(copies))

    def set_rate(*_, **__):
        step = int(optimizer.iterations)
        optimizer.learning_rate = rate * min(1, (step + 1) / WARM_UP) * (1 + np.cos(np.pi * step / total)) / 2

    callback = keras.callbacks.LambdaCallback(on_batch_begin=set_rate)
    for copy in copies:
        begin = time.process_time()
        x = data.images[copy, : steps * BATCH, ..., np.newaxis] / np.float32(255)
        y = data.targets[copy, : steps * BATCH]
        loss = model.fit(x, y, batch_size=BATCH, verbose=0, callbacks=[callback]).history["loss"][0]
        print(f"seed {seed}: loss {loss:.3f}, {time.process_time() - begin:.0f} s of processor", flush=True)
    return model


def train(network, budget, data, epochs, seed):
    """Return the packed .tflite bytes of a network, trained for the epochs of the three phases; budget: a Budget."""
    import tf_keras as keras

    bits, channels = budget.bits, budget.channels
    keras.utils.set_random_seed(seed)
    copies = [[number % COPIES for number in range(seed, seed + count)] for count in epochs[:2]]
    model = load_model(budget.start) if budget.start else compiled(network, "normalized", 8, False)
    if not budget.start:
        model.set_weights(build(network).get_weights())
        fit(model, data, copies[0], RATES[0], seed)
    model = fold(model, compiled(network, "grid", bits, channels))
    fit(model, data, copies[1], RATES[1], seed)
    fit(model, data, [COPIES] * epochs[2], RATES[2], seed)
    each = itertools.repeat(bits) if isinstance(bits, int) else iter(bits)
    values = [on_grid(v, next(each), channels).numpy() if v.ndim > 1 else v for v in model.get_weights()]
    plain = build(network, "plain")
    plain.set_weights(values)
    calibration = data.images[-1, :CALIBRATION] / np.float32(255)
    return pack(to_int8(plain, calibration, channels=channels), bits=bits)


class Experiment:
    """One budget: its candidates, its five seeds and its record."""

    def __init__(self, budget):
        self.budget, self.settings, self.rows = budget, BUDGETS[budget], []
        self.data = Images(self.settings.invented)
        (x, y), self.mnist = load_mnist()
        self.validation, self.pens = (x[-HELD_OUT:], y[-HELD_OUT:]), load_pen_digits()

    def add(self, stage, network, seed):
        """Train a network, measure its file on the validation images, and return (row, file).

        Both are kept in CACHE: a run that was stopped goes on behind them.
        """
        begin = time.process_time()
        epochs = self.settings.short if stage == "candidate" else self.settings.long
        start = [MODELS / f"{self.settings.start}.weights.h5"] if self.settings.start else []
        models = digest([*map(model_path, TEACHERS), *start])
        recipe = (network, self.settings._replace(candidates=()), epochs, seed, BATCH, RATES, COPIES, models)
        kept = CACHE / hashlib.sha256(repr(recipe).encode()).hexdigest()[:16]
        if kept.exists():
            row, content = pickle.loads(kept.read_bytes())
        else:
            content = train(network, self.settings, self.data, epochs, seed)
            row = self.measure(stage, network, seed, sum(epochs), content)
            row["cpu_seconds"] = round(time.process_time() - begin)
            kept.write_bytes(pickle.dumps((row, content)))
        self.rows.append(row)
        print(row, flush=True)
        return row, content

    def measure(self, stage, network, seed, epochs, content):
        """Return the row of a file, with what it reads of the validation images."""
        row = {"budget": str(self.budget), "stage": stage, "network": network, "seed": seed, "epochs": epochs}
        row |= {"bytes": len(content), "fits": len(content) <= self.budget, "macs": count_macs(content)}
        names = [entry["op_name"] for entry in evaluation.operators(evaluation.make_interpreter(content))]
        row["operators"] = sum(name != "DELEGATE" for name in names)
        return row | {"validation": evaluation.accuracy(content, *self.validation)}

    def run(self):
        """Return the rows of all candidates and of the five seeds of the chosen one; write the record's file."""
        for network in self.settings.candidates:
            self.add("candidate", network, SEEDS[0])
        chosen = max((row for row in self.rows if row["fits"]), key=lambda row: row["validation"])["network"]
        found = [self.add("seed", chosen, seed) for seed in SEEDS]
        best = max(found, key=lambda pair: pair[0]["validation"])
        for row, content in found:  # the choice is made: now the test images, once
            row["test"] = evaluation.accuracy(content, *self.mnist)
            row["pens"] = evaluation.accuracy(content, *self.pens)
            row["record"] = row is best[0]
        (MODELS / f"record_{self.budget}.tflite").write_bytes(best[1])
        return self.rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("budgets", nargs="*", metavar="BUDGET", help=f"bytes, from {', '.join(map(str, BUDGETS))}")
    options = parser.parse_args()
    prepare(seed=1)
    CACHE.mkdir(parents=True, exist_ok=True)
    known = {str(budget): budget for budget in BUDGETS}
    settings = {"batch": BATCH, "rates": RATES, "held_out": HELD_OUT, "copies": COPIES, "seeds": SEEDS}
    settings |= {"budgets": {budget: values._asdict() for budget, values in BUDGETS.items()}}
    settings |= {"processor": evaluation.machine()}
    record.remake(NAME, "budget", options.budgets, known, lambda name: Experiment(known[name]).run(), **settings)


if __name__ == "__main__":
    main()
