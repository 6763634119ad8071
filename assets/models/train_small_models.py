"""Train mnist_ds and the models of record mnist_small, mnist_tiny and mnist_nano: how their files were made.

    python assets/models/train_small_models.py                  # all of them
    python assets/models/train_small_models.py mnist_nano

A larger network, the teacher, learns first. The small ones learn from the labels and from the teacher's logits
(knowledge distillation: Hinton, Vinyals, Dean 2015, arXiv 1503.02531), on digits that are bent and shifted a little
(elastic distortion: Simard, Steinkraus, Platt 2003). The last VALIDATION training images are never trained on: every
choice was made on them; the test images are looked at once, for NAME.json. The teacher and the bent digits are kept
in --cache, so that a second run can skip them.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from tflite_course.datasets import load_mnist

FOLDER = Path(__file__).parent
SEED, BATCH, VALIDATION, COPIES, TEMPERATURE = 1, 64, 5_000, 10, 3.0
EPOCHS = {"mnist_small": 36, "mnist_tiny": 30, "mnist_nano": 30, "mnist_ds": 8}
TEACHER_EPOCHS, POLISH, QAT_EPOCHS = 9, 2, 4


def bend(images, rng):
    """Return images, float32 (n, 28, 28), turned, scaled, sheared, shifted and bent a little, each in its own way."""
    from scipy.interpolate import CubicSpline

    n, knots = len(images), np.linspace(0, 27, 5)
    smooth = CubicSpline(knots, np.eye(5))(np.arange(28)).astype(np.float32)  # (28, 5): from 5 knots to 28 pixels
    field = rng.normal(0, 0.9, (n, 2, 5, 5)).astype(np.float32)
    field = np.einsum("yk,nckl,xl->ncyx", smooth, field, smooth, optimize=True)
    angle, shear = rng.uniform(-0.17, 0.17, (2, n, 1, 1)).astype(np.float32)
    wide, tall = rng.uniform(0.88, 1.12, (2, n, 1, 1)).astype(np.float32)
    right, down = rng.uniform(-1.5, 1.5, (2, n, 1, 1)).astype(np.float32)
    y, x = (np.mgrid[0:28, 0:28] - 13.5).astype(np.float32)
    cos, sin = np.cos(angle), np.sin(angle)
    from_x = (cos * x - sin * y + shear * y) * wide + 13.5 + right + field[:, 0]
    from_y = (sin * x + cos * y) * tall + 13.5 + down + field[:, 1]
    padded = np.pad(images, ((0, 0), (1, 2), (1, 2)))  # outside the picture is paper
    from_x, from_y = np.clip(from_x + 1, 0, 28.999), np.clip(from_y + 1, 0, 28.999)
    left, top = from_x.astype(np.int32), from_y.astype(np.int32)
    fx, fy = from_x - left, from_y - top
    corner = (np.arange(n, dtype=np.int32)[:, None, None] * 31 + top) * 31 + left
    flat = padded.reshape(-1)
    upper = flat[corner] * (1 - fx) + flat[corner + 1] * fx
    lower = flat[corner + 31] * (1 - fx) + flat[corner + 32] * fx
    return upper * (1 - fy) + lower * fy


def make_pool(images, file):
    """Return COPIES bent copies of the images and, last, the images themselves, uint8 (COPIES + 1, n, 28, 28)."""
    if not file.exists():
        pool = np.empty((COPIES + 1, *images.shape), np.uint8)
        for copy in range(COPIES):
            rng = np.random.default_rng([SEED, copy])
            for start in range(0, len(images), 5000):
                part = bend(images[start : start + 5000], rng)
                pool[copy, start : start + 5000] = np.round(part * 255)
        pool[-1] = np.round(images * 255)
        np.save(file, pool)
    return np.load(file, mmap_mode="r")


def build_teacher():
    import tf_keras as keras

    from tflite_course.models import _block

    layers = keras.layers
    body = [*_block(16, 1), layers.MaxPooling2D(), *_block(32, 2), *_block(32, 3), layers.MaxPooling2D()]
    body += [*_block(64, 4), *_block(64, 5), layers.Flatten(), layers.Dropout(0.4), layers.Dense(10)]
    return keras.Sequential([layers.Input((28, 28, 1)), *body], name="teacher")


def distillation_loss(targets, logits):
    """targets: float32 (n, 20), the label as one-hot and then the teacher's logits.

    Half of the loss is cross-entropy with the label, half with the teacher's softened probabilities.
    """
    import tensorflow as tf

    soft = tf.nn.softmax(targets[:, 10:] / TEMPERATURE)
    hard_loss = tf.nn.softmax_cross_entropy_with_logits(targets[:, :10], logits)
    soft_loss = tf.nn.softmax_cross_entropy_with_logits(soft, logits / TEMPERATURE) * TEMPERATURE**2
    return (hard_loss + soft_loss) / 2


def label_loss(targets, logits):
    import tensorflow as tf

    return tf.nn.softmax_cross_entropy_with_logits(targets[:, :10], logits)


def fit(model, pool, targets, copies, learning_rate, loss, validation, compiled=True):
    """Train the model, one epoch on each copy of the pool that the list copies names, at a falling learning rate."""
    import tf_keras as keras

    steps = pool.shape[1] // BATCH
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps * len(copies))
    model.compile(keras.optimizers.Adam(schedule), loss, jit_compile=compiled)
    for number, copy in enumerate(copies):
        start = time.perf_counter()
        images = pool[copy, : steps * BATCH].astype(np.float32).reshape(-1, *model.input_shape[1:]) / 255
        history = model.fit(images, targets[copy, : steps * BATCH], batch_size=BATCH, verbose=0)
        line = f"{model.name} epoch {number + 1}/{len(copies)} loss {history.history['loss'][0]:.4f}"
        print(
            f"{line} validation {share_right(model, *validation):.4f} {time.perf_counter() - start:.0f} s", flush=True
        )


def share_right(model, images, labels):
    logits = model.predict(images.reshape(-1, *model.input_shape[1:]), batch_size=1000, verbose=0)
    return float(np.mean(logits.argmax(1) == labels))


def to_int8(model, images, *, calibrate):
    """Return .tflite bytes with int8 input and output; calibrate: the ranges come from images, not from QAT."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if calibrate:
        shape = (1, *model.input_shape[1:])
        converter.representative_dataset = lambda: ([images[i].reshape(shape)] for i in range(500))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def make(name, pool, targets, data, folder):
    """Train one model, convert it, keep the better of calibration and QAT by validation, write its files."""
    import tensorflow as tf
    import tensorflow_model_optimization as tfmot
    import tf_keras as keras

    from tflite_course import evaluation
    from tflite_course.flatbuffer import strip
    from tflite_course.models import CHECKPOINTS, _build, load_model

    (images, _), validation, test = data
    keras.backend.clear_session()
    keras.utils.set_random_seed(SEED)
    model = _build(name)
    order = [number % COPIES for number in range(EPOCHS[name])]
    quick = name != "mnist_ds"  # XLA on a CPU is ten times slower at depthwise convolutions
    fit(model, pool, targets, order, 4e-3, distillation_loss, validation, compiled=quick)
    fit(model, pool, targets, [COPIES] * POLISH, 4e-4, distillation_loss, validation, compiled=quick)
    weights = folder / f"{name}.weights.h5"
    bare = _build(name)
    bare.set_weights(model.get_weights())
    bare.save_weights(weights)

    float_model = load_model(name, batch_size=1, weights=weights)
    files = {"float32": tf.lite.TFLiteConverter.from_keras_model(load_model(name, weights=weights)).convert()}
    candidates = {"calibrated": to_int8(float_model, images, calibrate=True)}
    if name != "mnist_ds":  # lesson 06 shows what quantization-aware training does for mnist_ds
        aware = tfmot.quantization.keras.quantize_model(load_model(name, weights=weights))
        copies = [number % COPIES for number in range(QAT_EPOCHS)] + [COPIES]
        fit(aware, pool, targets, copies, 4e-4, distillation_loss, validation, compiled=False)
        fixed = tfmot.quantization.keras.quantize_model(load_model(name, batch_size=1, weights=weights))
        fixed.set_weights(aware.get_weights())
        candidates["quantization-aware"] = to_int8(fixed, images, calibrate=False)
        candidates = {kind: strip(content) for kind, content in candidates.items()}
    scores = {kind: evaluation.accuracy(content, *validation) for kind, content in candidates.items()}
    chosen = max(scores, key=scores.get)
    files["int8"] = candidates[chosen]
    record = {"chosen": chosen, "validation": {kind: round(score, 4) for kind, score in scores.items()}}
    record["parameters"] = float_model.count_params()
    for variant, content in files.items():
        record[variant] = {
            "test_accuracy": round(evaluation.accuracy(content, *test), 4),
            **evaluation.size_ledger(content),
        }
        if variant in CHECKPOINTS[name]:
            (folder / f"{name}_{variant}.tflite").write_bytes(content)
    (folder / f"{name}.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(name, json.dumps(record), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help=f"default: {', '.join(EPOCHS)}")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the files go (default: this folder)")
    parser.add_argument("--cache", type=Path, default=FOLDER / "cache", help="teacher and bent digits (default: cache)")
    options = parser.parse_args()

    import tf_keras as keras

    from tflite_course.setup import prepare

    prepare(seed=SEED)
    options.cache.mkdir(exist_ok=True)
    (images, labels), test = load_mnist()
    train, validation = (images[:-VALIDATION], labels[:-VALIDATION]), (images[-VALIDATION:], labels[-VALIDATION:])
    pool = make_pool(train[0], options.cache / "pool.npy")
    one_hot = np.eye(10, dtype=np.float32)[train[1]]
    targets = np.zeros((COPIES + 1, len(one_hot), 20), np.float32)
    targets[:, :, :10] = one_hot

    teacher, weights = build_teacher(), options.cache / "teacher.weights.h5"
    if weights.exists():
        teacher.load_weights(weights)
    else:
        fit(teacher, pool, targets, list(range(TEACHER_EPOCHS)), 2e-3, label_loss, validation)
        teacher.save_weights(weights)
        print(f"teacher: test {share_right(teacher, *test):.4f}", flush=True)
    answers = options.cache / "teacher_logits.npy"
    if not answers.exists():
        logits = [teacher.predict(copy[..., None].astype(np.float32) / 255, batch_size=500, verbose=0) for copy in pool]
        np.save(answers, np.stack(logits))
    targets[:, :, 10:] = np.load(answers)
    keras.backend.clear_session()
    for name in options.names or EPOCHS:
        make(name, pool, targets, (train, validation, test), options.folder)


if __name__ == "__main__":
    main()
