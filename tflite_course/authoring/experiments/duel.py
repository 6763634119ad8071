"""One duel of the ways to a small model, by one recipe; a sweep of temperatures; and what compression forgets.

    python -m tflite_course.authoring duel --again         # all parts
    python -m tflite_course.authoring duel                 # the parts and seeds that the record does not have yet

duel         Each way gets, for each seed, the same IMAGES images of MNIST in two phases, FIRST and SECOND (epochs and
             learning rate, with cosine decay). Ways differ in the network that begins and in what happens before or
             during the second phase. Every file is stripped and measured on the same test images.
temperature  mnist_nano by the same recipe, from labels alone and from labels and mnist_cnn, at several temperatures.
forgetting   mnist_cnn, which has learned invented pen digits too, trained on and pruned with images of MNIST alone,
             and with a mixed set of as many images, both at the GENTLE rate.

Writes duel.json, duel_right.npz (one bit for each row and test image: was it read right?), and the two pruned files
of the first seed, duel_pruned_*.tflite. CPU time is stored with the record.
"""

import argparse
import json
import sys
import time

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tflite_course import evaluation
from tflite_course.authoring.experiments import record
from tflite_course.authoring.experiments.quantization_aware_training import (
    add_fake_quantization,
    to_float32,
    to_int4,
    without_wrappers,
)
from tflite_course.authoring.models.train_mnist_cnn import invent_image
from tflite_course.datasets import load_mnist, load_pen_digits
from tflite_course.models import build, build_mnist_cnn, load_model, to_int8
from tflite_course.models.flatbuffer import strip
from tflite_course.models.macs import count_macs
from tflite_course.setup import prepare

NAME, PARTS = "duel", ("duel", "forgetting", "temperature")
IMAGES, BATCH, SEEDS, CALIBRATION = 6_400, 64, (1, 2, 3), 200
FIRST, SECOND, GENTLE = (2, 3e-3), (2, 1e-3), (2, 3e-4)  # epochs and learning rate; GENTLE: of what is trained already
SPARSITY, TEMPERATURES, TEACHER = 0.8, (1.0, 2.0, 4.0, 8.0), 2.0  # TEACHER: the temperature in the duel
NARROW = (5, 10, 20)  # as many bytes of int8 weights as mnist_small
PRUNED = ("conv_2", "conv_3", "logits")  # the first convolution stays dense, as in lesson 07
INVENTED = 2_560  # of the mixed set: as large a share as in the training of mnist_cnn


def choose(seed, count=IMAGES):
    """Return (images, labels) of a seed: float32 (count, 28, 28) and int64 (count,), in the order of training."""
    (x, y), _ = load_mnist()
    chosen = np.random.default_rng(seed).permutation(len(x))[:count]
    return x[chosen], y[chosen]


def mix(seed):
    """Return as many images as choose(seed), INVENTED of them pen digits that the course invented."""
    x, y = choose(seed)
    numbers = np.arange(seed * INVENTED, (seed + 1) * INVENTED)
    x = np.concatenate([x[INVENTED:], np.stack([invent_image(number) for number in numbers])])
    y = np.concatenate([y[INVENTED:], numbers % 10])
    order = np.random.default_rng(seed).permutation(len(x))
    return x[order], y[order]


def label_loss(targets, logits):
    """targets: float32 (n, 20), the label as one-hot, then the teacher's logits, which are not used."""
    return tf.nn.softmax_cross_entropy_with_logits(targets[:, :10], logits)


def distillation_loss(temperature):
    """Return a loss of which label and softened teacher are one half each; targets as in label_loss()."""

    def loss(targets, logits):
        soft = tf.nn.softmax(targets[:, 10:] / temperature)
        from_teacher = tf.nn.softmax_cross_entropy_with_logits(soft, logits / temperature) * temperature**2
        return (label_loss(targets, logits) + from_teacher) / 2

    return loss


def fit(model, data, phase, seed, *, loss=label_loss, teacher=None, callbacks=()):
    """Train a model for a phase, (epochs, rate); teacher: float32 (n, 10), logits for the images, or None."""
    (x, y), (epochs, rate) = data, phase
    one_hot = np.eye(10, dtype=np.float32)[y]
    targets = np.concatenate([one_hot, np.zeros_like(one_hot) if teacher is None else teacher], axis=1)
    keras.utils.set_random_seed(seed)  # the same order of images for every way
    schedule = keras.optimizers.schedules.CosineDecay(rate, epochs * (len(x) // BATCH))
    model.compile(keras.optimizers.Adam(schedule), loss)
    x = x.reshape(-1, *model.input_shape[1:])
    model.fit(x, targets, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=list(callbacks))
    return model


def fresh(name_or_filters, seed=1, weights=None):
    """Return a network of the course, or mnist_cnn with other numbers of filters; weights: arrays, or None."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    named = isinstance(name_or_filters, str)
    model = build(name_or_filters) if named else build_mnist_cnn(filters=name_or_filters)
    if weights is not None:
        model.set_weights(weights)
    return model


def prune(model, data, phase, seed):
    """Return the model with SPARSITY of the weights of PRUNED at zero, after the phase."""
    import tensorflow_model_optimization as tfmot

    tools, steps = tfmot.sparsity.keras, phase[0] * (len(data[0]) // BATCH)
    schedule = tools.PolynomialDecay(SPARSITY / 2, SPARSITY, 0, steps // 2, frequency=20)

    def wrap(layer):
        return tools.prune_low_magnitude(layer, schedule) if layer.name in PRUNED else layer

    wrapped = keras.models.clone_model(model, clone_function=wrap)
    fit(wrapped, data, phase, seed, callbacks=[tools.UpdatePruningStep()])
    return fresh(model.name, weights=tools.strip_pruning(wrapped).get_weights())


def int8_of(model, data):
    """Return int8 .tflite bytes, calibrated with the first images of the training."""
    return to_int8(model, data[0][:CALIBRATION])


def at_four_bits(model, data, seed):
    """Return a .tflite whose weights have 4 bits (activations in float32), trained for it in the second phase."""
    aware = fit(add_fake_quantization(model, 4), data, SECOND, seed)
    return to_int4(to_float32(without_wrappers(aware, model.name)))


def take_filters(model, filters, score):
    """Return a narrower mnist_cnn with the filters that score highest; score: a function of gamma, float32 (n,).

    Source: Liu et al., "Learning efficient convolutional networks through network slimming", ICCV 2017.
    """
    names = [f"{kind}_{number}" for number in (1, 2, 3) for kind in ("conv", "norm")] + ["logits"]
    values = {name: model.get_layer(name).get_weights() for name in names}
    narrow, channels = fresh(filters), np.arange(1)
    for number, count in enumerate(filters, 1):
        gamma = np.abs(values[f"norm_{number}"][0])
        kept = np.sort(np.argsort(score(gamma))[-count:])
        narrow.get_layer(f"conv_{number}").set_weights([values[f"conv_{number}"][0][:, :, channels][..., kept]])
        narrow.get_layer(f"norm_{number}").set_weights([value[kept] for value in values[f"norm_{number}"]])
        channels = kept
    kernel, bias = values["logits"]
    narrow.get_layer("logits").set_weights([kernel.reshape(7, 7, -1, 10)[:, :, channels].reshape(-1, 10), bias])
    return narrow


class Rows:
    """The rows of a part and, for each, which test images its file read right."""

    def __init__(self, part):
        self.part, self.rows, self.right = part, [], {"mnist": [], "pens": []}
        self.tests = {"mnist": load_mnist()[1], "pens": load_pen_digits()}

    def add(self, way, network, seed, content, **more):
        """Measure a .tflite as it would be shipped, stripped; way, network: names; more: what else the row says."""
        content = strip(content)
        row = {"part": self.part, "way": way, "network": network, "seed": seed, **more, "macs": count_macs(content)}
        row |= evaluation.size_ledger(content)
        for name, (images, labels) in self.tests.items():
            right = evaluation.predict(content, images).argmax(1) == labels
            self.right[name].append(np.packbits(right))
            row["accuracy" if name == "mnist" else "pens"] = float(right.mean())
        self.rows.append(row)
        print(row, flush=True)
        return content


def run_temperature(found, seed):
    """Add mnist_nano, taught by labels and by the shipped mnist_cnn."""
    data, shipped = choose(seed), load_model("mnist_cnn").get_weights()
    teacher = fresh("mnist_cnn", weights=shipped).predict(data[0], batch_size=500, verbose=0)
    for temperature in (None, *TEMPERATURES):
        loss = label_loss if temperature is None else distillation_loss(temperature)
        model = both_phases(fresh("mnist_nano", seed), data, seed, loss=loss, teacher=teacher)
        way = "labels" if temperature is None else "teacher"
        found.add(way, "mnist_nano", seed, int8_of(model, data), temperature=temperature)


def both_phases(model, data, seed, **more):
    """Return the model after FIRST and SECOND; more: loss and teacher, see fit()."""
    for phase in (FIRST, SECOND):
        fit(model, data, phase, seed, **more)
    return model


def run_duel(found, seed):
    """Add every way of one seed."""
    data, narrow = choose(seed), "-".join(map(str, NARROW))
    start = fit(fresh("mnist_cnn", seed), data, FIRST, seed).get_weights()

    def begin():
        return fresh("mnist_cnn", weights=start)

    large = fit(begin(), data, SECOND, seed)
    teacher = large.predict(data[0], batch_size=500, verbose=0)
    found.add("large", "mnist_cnn", seed, int8_of(large, data))
    found.add("pruned", "mnist_cnn", seed, int8_of(prune(begin(), data, SECOND, seed), data))
    found.add("4 bits", "mnist_cnn", seed, at_four_bits(begin(), data, seed))
    draw = np.random.default_rng(seed)
    scores = {"gamma": lambda gamma: gamma, "chance": lambda gamma: draw.random(len(gamma))}
    for rule, score in scores.items():
        model = fit(take_filters(begin(), NARROW, score), data, SECOND, seed)
        found.add(f"removed by {rule}", narrow, seed, int8_of(model, data))
    found.add("narrow", narrow, seed, int8_of(both_phases(fresh(NARROW, seed), data, seed), data))
    for name in ("mnist_small", "mnist_ds"):
        found.add("designed", name, seed, int8_of(both_phases(fresh(name, seed), data, seed), data))
    taught = both_phases(fresh("mnist_small", seed), data, seed, loss=distillation_loss(TEACHER), teacher=teacher)
    found.add("designed, teacher", "mnist_small", seed, int8_of(taught, data), temperature=TEACHER)


def run_forgetting(found, seed):
    """Add mnist_cnn, trained on and pruned with two sets of images; store the pruned files of the first seed."""
    start = load_model("mnist_cnn").get_weights()
    for images, data in (("MNIST", choose(seed)), ("mixed", mix(seed))):
        model = fit(fresh("mnist_cnn", weights=start), data, GENTLE, seed)
        found.add("trained on", "mnist_cnn", seed, int8_of(model, data), images=images)
        model = prune(fresh("mnist_cnn", weights=start), data, GENTLE, seed)
        content = found.add("pruned", "mnist_cnn", seed, int8_of(model, data), images=images)
        if seed == SEEDS[0]:
            (record.FOLDER / f"duel_pruned_{images.lower()}.tflite").write_bytes(content)


def stored():
    """Return the (part, seed) that the record has: a run that was stopped goes on behind them."""
    path = record.FOLDER / f"{NAME}.json"
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.is_file() else []
    return {(row["part"], row["seed"]) for row in rows}


def store(found, seed, seconds):
    """Write the record anew with these Rows in place of the old ones of the same part and seed."""
    path, bits = record.FOLDER / f"{NAME}.json", record.FOLDER / f"{NAME}_right.npz"
    rows, right, spent = [], {"mnist": [], "pens": []}, {}
    if path.is_file():
        old = json.loads(path.read_text(encoding="utf-8"))
        kept = [k for k, row in enumerate(old["rows"]) if (row["part"], row["seed"]) != (found.part, seed)]
        rows, spent = [old["rows"][k] for k in kept], old["settings"]["cpu_seconds"]
        right = {name: list(values[kept]) for name, values in np.load(bits).items()}
    rows += found.rows
    right = {name: np.stack(values + found.right[name]) for name, values in right.items()}
    np.savez_compressed(bits, **right)
    spent[f"{found.part} {seed}"] = round(seconds)
    settings = {
        "images": IMAGES,
        "batch": BATCH,
        "seeds": SEEDS,
        "first": FIRST,
        "second": SECOND,
        "gentle": GENTLE,
    }
    settings |= {"sparsity": SPARSITY, "teacher": TEACHER, "invented": INVENTED, "pruned": PRUNED}
    settings |= {"processor": evaluation.machine(), "cpu_seconds": spent}
    record.store(NAME, rows, sum(spent.values()), **settings)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"from {', '.join(PARTS)}; none: all")
    parser.add_argument("--seeds", nargs="+", type=int, choices=SEEDS, default=SEEDS, help="default: all")
    parser.add_argument("--again", action="store_true", help="also what is stored already")
    options = parser.parse_args()
    unknown = sorted(set(options.parts) - set(PARTS))
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}: choose from {', '.join(PARTS)}")
    prepare(seed=1)
    run = {"duel": run_duel, "forgetting": run_forgetting, "temperature": run_temperature}
    sys.argv = [NAME]  # the record names the command that makes all of it
    for part in [part for part in PARTS if part in (options.parts or PARTS)]:
        for seed in options.seeds:
            if options.again or (part, seed) not in stored():
                begin, found = time.process_time(), Rows(part)
                run[part](found, seed)
                store(found, seed, time.process_time() - begin)


if __name__ == "__main__":
    main()
