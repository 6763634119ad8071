"""Train mnist_ds and the small models mnist_small, mnist_tiny and mnist_nano: how their files were made.

    python -m tflite_course.authoring train_small_models                  # all of them
    python -m tflite_course.authoring train_small_models mnist_nano

They learn from the labels and from the logits of two shipped models, mnist_cnn_mixed and mnist_cnn_augmented (knowledge
distillation: Hinton, Vinyals, Dean 2015, arXiv 1503.02531), on digits that are distorted and shifted a little (elastic
distortion: Simard, Steinkraus, Platt 2003), and last on the digits as they are. mnist_small, which is what the course
deploys, then learns from MNIST and from invented pen digits together, in the same way, with mnist_cnn_mixed as its one
teacher; its weights are a mean of those before and after (Wortsman and others 2021, arXiv 2109.01903: after such a
training a network reads the new images better and the old ones worse, and on the way between both it is good at both).
What was chosen (the networks, the distortion, the epochs, calibration instead of QAT, the share of the weights after)
was chosen with --hold-out: then the last 5,000 training images are left out and tell the accuracy, with as many
invented digits that no network has learned from. About an hour and a half on two cores for all; the distorted digits
stay in --cache.
"""

import argparse
import hashlib
import json
import time
from pathlib import Path

import numpy as np

from tflite_course.authoring import ROOT
from tflite_course.authoring.models.train_mnist_cnn import INVENTED, invent_image, make_training_set
from tflite_course.datasets import load_mnist

FOLDER = ROOT / "assets" / "models"
SEED, BATCH, HELD_OUT, COPIES, TEMPERATURE, POLISH = 1, 64, 5_000, 6, 3.0, 4
EPOCHS = {"mnist_ds": 8, "mnist_small": 40, "mnist_tiny": 24, "mnist_nano": 24}
MIXED = {"mnist_small": 20}  # epochs on MNIST and invented digits, after those on MNIST alone
SHARE = 0.4  # of the weights after that; held out, 0.35 to 0.5 lose as few digits of MNIST: 4 of 5,000
TEACHERS, READS_PENS = ("mnist_cnn_mixed", "mnist_cnn_augmented"), ("mnist_cnn_mixed",)


def distort(images, rng):
    """Return images, float32 (n, 28, 28), each turned, scaled, sheared, shifted and elastically distorted at random."""
    from scipy.interpolate import CubicSpline

    n, knots = len(images), np.linspace(0, 27, 5)
    smooth = CubicSpline(knots, np.eye(5))(np.arange(28)).astype(np.float32)  # (28, 5): from 5 knots to 28 pixels
    field = rng.normal(0, 0.6, (n, 2, 5, 5)).astype(np.float32)
    field = np.einsum("yk,nckl,xl->ncyx", smooth, field, smooth, optimize=True)
    angle, shear = rng.uniform(-0.14, 0.14, (2, n, 1, 1)).astype(np.float32)
    wide, tall = rng.uniform(0.91, 1.09, (2, n, 1, 1)).astype(np.float32)
    right, down = rng.uniform(-1.2, 1.2, (2, n, 1, 1)).astype(np.float32)
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
    """Return COPIES distorted copies of the images and, last, the images themselves, uint8 (COPIES + 1, n, 28, 28)."""
    if not file.exists():
        pool = np.empty((COPIES + 1, *images.shape), np.uint8)
        for copy in range(COPIES):
            rng = np.random.default_rng([SEED, copy])
            for start in range(0, len(images), 5000):
                part = distort(images[start : start + 5000], rng)
                pool[copy, start : start + 5000] = np.round(part * 255)
        pool[-1] = np.round(images * 255)
        np.save(file, pool)
    return np.load(file, mmap_mode="r")


def digest(paths):
    """Return a part of the SHA-256 of files, for the name of what was computed with them and is kept."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:8]


def make_targets(pool, labels, teachers, cache):
    """Return float32 (COPIES + 1, n, 20): the label as one-hot, then the mean of the teachers' logits."""
    from tflite_course import evaluation
    from tflite_course.models import model_path

    file = cache / f"logits_{len(labels)}_{digest(map(model_path, teachers))}.npy"
    if not file.exists():
        logits = np.zeros((*pool.shape[:2], 10), np.float32)
        for copy, images in enumerate(pool):
            for name in teachers:
                logits[copy] += evaluation.predict(model_path(name), images / np.float32(255)) / len(teachers)
        np.save(file, logits)
    one_hot = np.eye(10, dtype=np.float32)[labels]
    return np.concatenate([np.broadcast_to(one_hot, (len(pool), *one_hot.shape)), np.load(file)], axis=2)


def distillation_loss(targets, logits):
    """targets: float32 (n, 20), the label as one-hot and then the teacher's logits.

    Half of the loss is cross-entropy with the label, half with the teacher's softened probabilities.
    """
    import tensorflow as tf

    soft = tf.nn.softmax(targets[:, 10:] / TEMPERATURE)
    hard_loss = tf.nn.softmax_cross_entropy_with_logits(targets[:, :10], logits)
    soft_loss = tf.nn.softmax_cross_entropy_with_logits(soft, logits / TEMPERATURE) * TEMPERATURE**2
    return (hard_loss + soft_loss) / 2


def fit(model, pool, targets, numbers, copies, learning_rate, held_out):
    """Train the model, one epoch on each copy of the pool that the list copies names, at a falling learning rate.

    numbers: int (n,), the images of each copy that are used.
    """
    import tf_keras as keras

    numbers = numbers[: len(numbers) // BATCH * BATCH]
    steps = len(numbers) // BATCH
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps * len(copies))
    # XLA is faster here, but ten times slower at depthwise convolutions
    model.compile(keras.optimizers.Adam(schedule), distillation_loss, jit_compile=model.name != "mnist_ds")
    for number, copy in enumerate(copies, 1):
        start = time.perf_counter()
        images = pool[copy][numbers].astype(np.float32).reshape(-1, *model.input_shape[1:]) / 255
        history = model.fit(images, targets[copy][numbers], batch_size=BATCH, verbose=0)
        line = f"{model.name} epoch {number}/{len(copies)} loss {history.history['loss'][0]:.4f}"
        if held_out is not None:
            logits = model.predict(held_out[0].reshape(-1, *model.input_shape[1:]), batch_size=1000, verbose=0)
            line += f" held out {np.mean(logits.argmax(1) == held_out[1]):.4f}"
        print(f"{line} {time.perf_counter() - start:.0f} s", flush=True)


def convert(name, weights=None):
    """Return {"float32": bytes, "int8": bytes} of a network with its weights; int8 input and output in the second.

    The small models are converted with a batch of 1 and stripped of what no runtime needs.
    """
    import tensorflow as tf

    from tflite_course.models import SMALL_NETWORKS, load_model
    from tflite_course.models.flatbuffer import strip

    (images, _), _ = load_mnist()
    small = name in SMALL_NETWORKS
    model = load_model(name, batch_size=1 if small else None, weights=weights)
    shape = (1, *model.input_shape[1:])
    float32 = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([images[i].reshape(shape)] for i in range(500))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    int8 = converter.convert()
    return {"float32": float32, "int8": strip(int8) if small else int8}


class TrainingSet:
    """The copies of MNIST and of the invented digits, what the teachers say of them, and what is held out.

    pool: uint8 (COPIES + 1, n, 28, 28), the 60,000 images of MNIST first. targets: see make_targets; of "MNIST" for
    its images, of "mixed" for all. numbers: {"MNIST": int (n,), "mixed": int (n,)}, which images each may learn from.
    """

    def __init__(self, cache, hold_out):
        (images, _), _ = load_mnist()
        everything, labels = make_training_set()
        count = len(images) - HELD_OUT * hold_out
        left_out = np.arange(count, len(images))
        self.held_out = (images[left_out], labels[left_out]) if hold_out else None
        self.numbers = {"MNIST": np.arange(count), "mixed": np.delete(np.arange(len(labels)), left_out)}
        self.pool = make_pool(everything, cache / "pool_mixed.npy")
        part = self.pool[:, : len(images)]
        self.targets = {
            "MNIST": make_targets(part, labels[: len(images)], TEACHERS, cache),
            "mixed": make_targets(self.pool, labels, READS_PENS, cache),
        }


def train(model, data, part, epochs, learning_rate):
    """Train the model on a part of a TrainingSet: on its distorted copies, then a little on the digits as they are."""
    chosen = data.pool, data.targets[part], data.numbers[part]
    fit(model, *chosen, [number % COPIES for number in range(epochs)], learning_rate, data.held_out)
    fit(model, *chosen, [COPIES] * POLISH, 4e-4, data.held_out)


def mean_of(before, after, share):
    """Return the mean of two lists of weights; share: of the second."""
    return [(1 - share) * one + share * other for one, other in zip(before, after, strict=True)]


def compare_shares(model, before, after, held_out):
    """Print what the means of two lists of weights read of the images of MNIST and the invented digits held out."""
    numbers = np.arange(INVENTED, INVENTED + HELD_OUT)
    tests = {"MNIST": held_out, "invented": (np.stack([invent_image(number) for number in numbers]), numbers % 10)}
    for share in np.linspace(0, 1, 21):
        model.set_weights(mean_of(before, after, share))
        read = {
            name: model.predict(images.reshape(-1, *model.input_shape[1:]), batch_size=1000, verbose=0).argmax(1)
            for name, (images, _) in tests.items()
        }
        right = {name: f"{np.mean(read[name] == labels):.4f}" for name, (_, labels) in tests.items()}
        print(f"share {share:.2f}", right, flush=True)


def make(name, data, folder):
    """Train one model on a TrainingSet, convert it and write its files."""
    import tf_keras as keras

    from tflite_course.models import build

    keras.backend.clear_session()
    keras.utils.set_random_seed(SEED)
    model = build(name)
    train(model, data, "MNIST", EPOCHS[name], 4e-3)
    if name in MIXED:
        before = model.get_weights()
        keras.utils.set_random_seed(SEED)
        train(model, data, "mixed", MIXED[name], 2e-3)
        after = model.get_weights()
        if data.held_out:
            compare_shares(model, before, after, data.held_out)
        model.set_weights(mean_of(before, after, SHARE))
    keras.backend.clear_session()
    bare = build(name)  # never compiled: the file holds the weights and no optimizer
    bare.set_weights(model.get_weights())
    bare.save_weights(folder / f"{name}.weights.h5")
    write(name, folder, bare.count_params())


def write(name, folder, parameters):
    """Convert the stored weights, write the .tflite files that the course ships, and measure them on the test set."""
    from tflite_course import evaluation
    from tflite_course.models import CHECKPOINTS

    record = {"parameters": parameters}
    _, test = load_mnist()
    for variant, content in convert(name, folder / f"{name}.weights.h5").items():
        if variant in CHECKPOINTS[name]:
            (folder / f"{name}_{variant}.tflite").write_bytes(content)
            accuracy = round(evaluation.accuracy(content, *test), 4)
            record[variant] = {"test_accuracy": accuracy, **evaluation.size_ledger(content)}
    (folder / f"{name}.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(name, json.dumps(record), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help=f"default: {', '.join(EPOCHS)}")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the files go (default: assets/models)")
    parser.add_argument("--cache", type=Path, default=FOLDER / "cache", help="distorted digits, teachers' logits")
    parser.add_argument("--hold-out", action="store_true", help=f"leave the last {HELD_OUT:,} training images out")
    options = parser.parse_args()

    from tflite_course.setup import prepare

    prepare(seed=SEED)
    options.cache.mkdir(exist_ok=True)
    data = TrainingSet(options.cache, options.hold_out)
    for name in options.names or EPOCHS:
        make(name, data, options.folder)


if __name__ == "__main__":
    main()
