"""Prune mnist_cnn and mnist_ds to several sparsities, with two schedules, and with the pattern 2:4.

    python -m tflite_course.authoring pruning

Each run starts from the shipped checkpoint and trains for one epoch on the first IMAGES images; the control trains the
same way without pruning. About four minutes on two cores. Writes pruning.json, and the weights of the control and of
the run that lesson 07 repeats as pruning_control.weights.h5 and pruning_80.weights.h5.
"""

import time

import tensorflow as tf
import tf_keras as keras

from tflite_course import evaluation
from tflite_course.authoring.experiments import record
from tflite_course.datasets import load_mnist
from tflite_course.models import load_model, to_int8
from tflite_course.setup import prepare

IMAGES, BATCH, LEARNING_RATE, END_STEP, FREQUENCY = 6_000, 64, 1e-3, 60, 10
SPARSITIES, SEEDS = (0.5, 0.7, 0.8, 0.9, 0.95), (1, 2, 3)
PRUNED = {  # the first convolution stays dense: few weights, and the most sensitive ones
    "mnist_cnn": ("conv_2", "conv_3", "logits"),
    "mnist_ds": ("conv_2", "conv_3", "conv_4", "logits"),
}


def train(name, schedule, sparsity, seed, x, y, *, rate=LEARNING_RATE, epochs=1):
    """Return the shipped model after more training.

    schedule: polynomial, constant, 2:4 or control. sparsity: a share of zeros, or {layer: share} for a schedule that
    climbs. The last mask comes after two thirds of the training.
    """
    import tensorflow_model_optimization as tfmot

    tools = tfmot.sparsity.keras
    keras.utils.set_random_seed(seed)
    model = load_model(name)
    end = END_STEP * epochs
    options = {
        "polynomial": lambda share: {
            "pruning_schedule": tools.PolynomialDecay(share / 2, share, 0, end, frequency=FREQUENCY)
        },
        "constant": lambda share: {"pruning_schedule": tools.ConstantSparsity(share, 0, frequency=FREQUENCY)},
        "2:4": lambda _: {"sparsity_m_by_n": (2, 4)},
    }
    if schedule != "control":

        def wrap(layer):
            if layer.name not in PRUNED[name]:
                return layer
            share = sparsity[layer.name] if isinstance(sparsity, dict) else sparsity
            return tools.prune_low_magnitude(layer, **options[schedule](share))

        model = keras.models.clone_model(model, clone_function=wrap)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss)
    callbacks = [] if schedule == "control" else [tools.UpdatePruningStep()]
    model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=callbacks)
    return model if schedule == "control" else tools.strip_pruning(model)


def plan():
    """Return the runs as (model, schedule, sparsity, seed)."""
    runs = [("mnist_cnn", "control", 0.0, seed) for seed in SEEDS]
    runs += [("mnist_cnn", schedule, s, 1) for schedule in ("polynomial", "constant") for s in SPARSITIES]
    runs += [("mnist_cnn", schedule, 0.8, seed) for schedule in ("polynomial", "constant") for seed in SEEDS[1:]]
    runs += [("mnist_cnn", "2:4", 0.5, seed) for seed in SEEDS]
    return runs + [("mnist_ds", "control", 0.0, 1), ("mnist_ds", "polynomial", 0.8, 1)]


def main():
    prepare(seed=1)
    start = time.perf_counter()
    (x, y), (x_test, y_test) = load_mnist()
    x, y = x[:IMAGES], y[:IMAGES]
    stored = {("control", 0.0): "pruning_control.weights.h5", ("polynomial", 0.8): "pruning_80.weights.h5"}
    rows = []
    for name, schedule, sparsity, seed in plan():
        model = train(name, schedule, sparsity, seed, x, y)
        if name == "mnist_cnn" and seed == 1 and (schedule, sparsity) in stored:
            bare = load_model(name)
            bare.set_weights(model.get_weights())
            bare.save_weights(record.FOLDER / stored[schedule, sparsity])
            model = bare
        row = {"model": name, "schedule": schedule, "sparsity": sparsity, "seed": seed}
        files = {"float32": tf.lite.TFLiteConverter.from_keras_model(model).convert(), "int8": to_int8(model, x[:100])}
        for variant, content in files.items():
            size = evaluation.size_ledger(content)
            row[variant] = {"accuracy": evaluation.accuracy(content, x_test, y_test)}
            row[variant] |= {"bytes": size["bytes"], "gzip": size["gzip"]}
        rows.append(row)
        print(row, flush=True)
    settings = {"images": IMAGES, "batch": BATCH, "learning_rate": LEARNING_RATE, "pruned": PRUNED}
    record.store("pruning", rows, time.perf_counter() - start, **settings)


if __name__ == "__main__":
    main()
