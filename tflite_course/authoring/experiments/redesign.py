"""Redesign instead of compressing: narrower and depthwise-separable nets, removed filters, a teacher.

    python -m tflite_course.authoring redesign

All networks learn from the same IMAGES images for EPOCHS epochs, so they compare with each other and not with the
shipped models, which saw more. About six minutes on two cores. Writes redesign.json.
"""

import time

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tflite_course import evaluation
from tflite_course.authoring.experiments import record
from tflite_course.datasets import load_mnist
from tflite_course.models import build_mnist_cnn, build_mnist_ds, build_small, load_model
from tflite_course.setup import prepare

IMAGES, EPOCHS, SEEDS, TEMPERATURE = 12_000, 6, (1, 2, 3, 4, 5), 3.0


def remove_filters(model, filters):
    """Return a narrower mnist_cnn with the filters that matter most, by the scale of batch normalization.

    Source: Liu et al., "Learning efficient convolutional networks through network slimming", ICCV 2017.
    """
    narrow = build_mnist_cnn(filters=filters)
    channels = np.arange(1)
    for number, count in enumerate(filters, 1):
        gamma = np.abs(model.get_layer(f"norm_{number}").get_weights()[0])
        kept = np.sort(np.argsort(gamma)[-count:])
        kernel = model.get_layer(f"conv_{number}").get_weights()[0]
        narrow.get_layer(f"conv_{number}").set_weights([kernel[:, :, channels][..., kept]])
        norm = [values[kept] for values in model.get_layer(f"norm_{number}").get_weights()]
        narrow.get_layer(f"norm_{number}").set_weights(norm)
        channels = kept
    kernel, bias = model.get_layer("logits").get_weights()
    kernel = kernel.reshape(7, 7, -1, 10)[:, :, channels].reshape(-1, 10)
    narrow.get_layer("logits").set_weights([kernel, bias])
    return narrow


def fit(model, x, targets, loss, epochs, rate, seed):
    keras.utils.set_random_seed(seed)
    steps = epochs * (len(x) // 64)
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps)), loss)
    model.fit(x.reshape(-1, *model.input_shape[1:]), targets, batch_size=64, epochs=epochs, verbose=0)
    return model


def distillation_loss(targets, logits):
    """targets: float32 (n, 20), the label as one-hot and the teacher's logits; both count by half."""
    soft = tf.nn.softmax(targets[:, 10:] / TEMPERATURE)
    hard_loss = tf.nn.softmax_cross_entropy_with_logits(targets[:, :10], logits)
    soft_loss = tf.nn.softmax_cross_entropy_with_logits(soft, logits / TEMPERATURE) * TEMPERATURE**2
    return (hard_loss + soft_loss) / 2


def convert(model, calibration):
    """Return int8 .tflite bytes with int8 input and output; calibration: float32 (n, 28, 28)."""
    shape = (1, *model.input_shape[1:])
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([calibration[i].reshape(shape)] for i in range(200))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def main():
    prepare(seed=1)
    start = time.perf_counter()
    (x, y), (x_test, y_test) = load_mnist()
    x, y = x[:IMAGES], y[:IMAGES]
    labels = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    teacher = np.concatenate([np.eye(10, dtype=np.float32)[y], load_model("mnist_cnn").predict(x, verbose=0)], 1)
    rows = []

    def measure(name, model, **more):
        row = evaluation.compare({name: convert(model, x)}, x_test, y_test, timed=False)[0]
        row |= {"parameters": model.count_params(), **more}
        rows.append(row)
        print(name, more, row["parameters"], row["bytes"], row["accuracy"], flush=True)

    networks = {
        "mnist_cnn 16-32-64": lambda: build_mnist_cnn(),
        "narrow 8-16-32": lambda: build_mnist_cnn(filters=(8, 16, 32)),
        "narrow 4-8-16": lambda: build_mnist_cnn(filters=(4, 8, 16)),
        "mnist_ds": build_mnist_ds,
        "mnist_small": lambda: build_small("mnist_small"),
        "mnist_tiny": lambda: build_small("mnist_tiny"),
    }
    for name, build in networks.items():
        keras.backend.clear_session()
        keras.utils.set_random_seed(1)
        measure(name, fit(build(), x, y, labels, EPOCHS, 3e-3, 1), kind="from scratch", seed=1)
    for seed in SEEDS:
        for kind, targets, loss in (("labels", y, labels), ("labels and teacher", teacher, distillation_loss)):
            keras.backend.clear_session()
            keras.utils.set_random_seed(seed)
            model = fit(build_small("mnist_nano"), x, targets, loss, EPOCHS, 5e-3, seed)
            measure("mnist_nano", model, kind=kind, seed=seed)
    for filters in ((12, 24, 48), (8, 16, 32)):
        name = f"filters removed {'-'.join(map(str, filters))}"
        keras.backend.clear_session()
        narrow = remove_filters(load_model("mnist_cnn"), filters)
        measure(name, narrow, kind="not trained on", seed=1)
        measure(name, fit(narrow, x, y, labels, 2, 1e-3, 1), kind="trained on, 2 epochs", seed=1)
        keras.utils.set_random_seed(1)
        fresh = fit(build_mnist_cnn(filters=filters), x, y, labels, 2, 3e-3, 1)
        measure(f"narrow {'-'.join(map(str, filters))}", fresh, kind="from scratch, 2 epochs", seed=1)
    settings = {"images": IMAGES, "epochs": EPOCHS, "temperature": TEMPERATURE}
    record.store("redesign", rows, time.perf_counter() - start, **settings)


if __name__ == "__main__":
    main()
