"""What does pruning cost? Against a control that is trained alike: rates, epochs, seeds, and pen digits.

    python -m tflite_course.authoring cost_of_pruning

The training is that of pruning.py, on the same images. Each pruned row counts the digits that it fixes and breaks
against the control of the same rate, epochs and seed. About four minutes on two cores. Lesson 07 reads
cost_of_pruning.json and repeats two of its runs.
"""

import time

import numpy as np

from tflite_course import evaluation
from tflite_course.authoring.experiments import pruning, record
from tflite_course.datasets import load_mnist, load_pen_digits
from tflite_course.models import load_model
from tflite_course.setup import prepare

MODEL, RATE, RATES, LONGER = "mnist_cnn", 3e-4, (3e-4, 1e-3, 3e-3), 3
SEEDS = (1, 2, 3)
BY_CURVE = {"conv_2": 0.5, "conv_3": 0.75, "logits": 0.873}  # as many zeros as 80 % of each, where they cost less


def plan():
    """Yield the runs as (rate, epochs, schedule, sparsity), each control before what is compared with it."""
    for rate, epochs in [*((rate, 1) for rate in RATES), (RATE, LONGER)]:
        yield rate, epochs, "control", 0.0
        yield rate, epochs, "polynomial", 0.8
    yield RATE, 1, "by curve", BY_CURVE
    yield RATE, 1, "2:4", 0.5


def zeros_of(sparsity):
    """Return the share of zeros that is asked for in the pruned layers together."""
    if not isinstance(sparsity, dict):
        return sparsity
    sizes = {name: load_model(MODEL).get_layer(name).get_weights()[0].size for name in sparsity}
    return round(sum(share * sizes[name] for name, share in sparsity.items()) / sum(sizes.values()), 2)


def run(rate, epochs, schedule, sparsity, seed, x, y):
    """Return a trained model without wrappers."""
    kind = "polynomial" if schedule == "by curve" else schedule
    trained = pruning.train(MODEL, kind, sparsity, seed, x, y, rate=rate, epochs=epochs)
    bare = load_model(MODEL)
    bare.set_weights(trained.get_weights())
    return bare


def measure(model, tests, controls):
    """Return accuracies, and digits fixed and broken against the answers of a control where given; and the answers."""
    answers = {title: model.predict(x, 500, verbose=0).argmax(1) for title, (x, _) in tests.items()}
    row = {title: float(np.mean(answers[title] == labels)) for title, (_, labels) in tests.items()}
    for title, (_, labels) in tests.items() if controls else ():
        split = evaluation.churn(answers[title], controls[title], labels)
        row |= {f"{title} {key}": split[key] for key in ("fixed", "broken")}
    return row, answers


def main():
    prepare(seed=1)
    start = time.perf_counter()
    (x, y), test = load_mnist()
    x, y = x[: pruning.IMAGES], y[: pruning.IMAGES]
    tests, rows, controls = {"MNIST": test, "pens": load_pen_digits()}, [], {}
    for rate, epochs, schedule, sparsity in plan():
        for seed in SEEDS:
            model = run(rate, epochs, schedule, sparsity, seed, x, y)
            key = rate, epochs, seed
            measured, answers = measure(model, tests, controls.get(key))
            controls.setdefault(key, answers)
            row = {"rate": rate, "epochs": epochs, "schedule": schedule, "sparsity": zeros_of(sparsity), "seed": seed}
            rows.append(row | measured)
            print(rows[-1], flush=True)
    settings = {"model": MODEL, "images": pruning.IMAGES, "batch": pruning.BATCH, "by_curve": BY_CURVE}
    record.store("cost_of_pruning", rows, time.perf_counter() - start, **settings)


if __name__ == "__main__":
    main()
