"""Search the space of tflite_course/search within the costs of mnist_nano: by evolution, and by chance as the control.

    python -m tflite_course.authoring architecture_search                 # everything
    python -m tflite_course.authoring architecture_search 1 2             # two seeds; the other rows stay

prices    Emulates FITTED networks with random weights and fits the instructions of the linear model, then HELD_OUT ones
          to see how far it is off. Needs gcc-arm-none-eabi and qemu-system-arm, as the parts below do.
1 to 5    A seed: both methods with the same BUDGET of trained epochs, steered by the linear model. The best by
          validation is trained for longer, converted, counted exactly by the emulator, and measured on the test set
          and on the pen digits. One that exceeds a limit as counted gives way to the next.
designed  mnist_nano by the same longer training, with the same seeds.
front     The front of all ten searches together, by the same longer training with the first seed, counted exactly.

The test set is looked at after all choices. Writes architecture_search.json. Seconds are CPU time of one thread; the
first networks of both methods are the same, and the second method takes their accuracies from the first.
"""

import re
import sys
import time

import numpy as np

from tflite_course import evaluation
from tflite_course.authoring.experiments import record
from tflite_course.datasets import load_mnist, load_pen_digits
from tflite_course.errors import CourseError
from tflite_course.lesson.records import stored_record
from tflite_course.models import build_small, to_int8
from tflite_course.models.flatbuffer import strip
from tflite_course.models.macs import count_macs
from tflite_course.search import methods
from tflite_course.search.costs import Costs, emulated_instructions, fit_prices, over, predicted_instructions
from tflite_course.search.placeholder import placeholder
from tflite_course.search.space import build, count, sample
from tflite_course.search.training import Proxy, train
from tflite_course.setup import prepare
from tflite_course.targets.firmware.export_c import export

NAME, SEEDS = "architecture_search", (1, 2, 3, 4, 5)
PARTS = ("prices", *map(str, SEEDS), "designed", "front")
LIMITS = Costs(bytes=4_024, memory=2_744, instructions=611_720)  # what mnist_nano costs, as firmware.json has it
BUDGET, EPOCHS, RATE = 45, 3, 1e-2  # epochs of a search, the most of a network, learning rate
IMAGES, VALIDATION = 3_000, 3_000  # of a search, from the first 50,000 and the last 10,000 training images
LONG_IMAGES, LONG_EPOCHS = 12_000, 4
STEP = 0.01  # what a network of the front is better than the one before: it keeps the front short
FITTED, HELD_OUT, COUNTED, CALIBRATION = 60, 20, 20, 200  # networks, networks, images for the emulator and to_int8()


def images_of(seed):
    """Return (training images, validation images) of a search, each (x, y)."""
    (x, y), _ = load_mnist()
    order = np.random.default_rng(seed).permutation(50_000)[:IMAGES]
    return (x[order], y[order]), (x[50_000 : 50_000 + VALIDATION], y[50_000 : 50_000 + VALIDATION])


def as_int8(images):
    """Return images from 0 to 1 as the int8 files take them."""
    return np.round(images * 255 - 128).astype(np.int8)


def run_prices():
    """Return the one row of the linear model: its prices, and [text, predicted, counted] of networks it did not see."""
    draw, images = np.random.default_rng(0), as_int8(images_of(1)[1][0][:COUNTED])
    networks = [sample(draw) for _ in range(FITTED + HELD_OUT)]
    counted = [emulated_instructions(placeholder(network), images) for network in networks]
    prices = fit_prices(networks[:FITTED], counted[:FITTED])
    unseen = zip(networks[FITTED:], counted[FITTED:], strict=True)
    held_out = [[str(network), predicted_instructions(network, prices), exact] for network, exact in unseen]
    return [{"part": "prices", "kind": "prices", "prices": prices, "held_out": held_out}]


def stored_rows(part):
    """Return the rows of a part that is stored. Raises CourseError when it is not."""
    found = [row for row in stored_record(NAME)["rows"] if row["part"] == part]
    if not found:
        raise CourseError(f"Part '{part}' is not stored yet: run `python -m tflite_course.authoring {NAME} {part}`.")
    return found


def trained(network, images, epochs, seed):
    """Return the stripped int8 .tflite of a network of the space, or of a name of the course, after its training."""
    import tf_keras as keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    make = build_small if isinstance(network, str) else build
    model, fixed = make(network), make(network, batch_size=1)
    for _ in train(model, images, epochs, RATE, seed):
        pass
    fixed.set_weights(model.get_weights())
    return strip(to_int8(fixed, images[0][:CALIBRATION]))


def counted_costs(content, images):
    """Return the exact costs of a .tflite as a dict: bytes, memory (the arena of its C code) and instructions."""
    memory = int(re.search(r"static int8_t arena\[(\d+)\]", export(content)[0])[1])
    return Costs(len(content), memory, emulated_instructions(content, as_int8(images)))._asdict()


def measure(network, seed):
    """Return the row of a network after the longer training: exact costs, test accuracy and pens."""
    (x, y), test = load_mnist()
    begin = time.process_time()
    content = trained(network, (x[:LONG_IMAGES], y[:LONG_IMAGES]), LONG_EPOCHS, seed)
    row = {"seed": seed, "network": str(network), **counted_costs(content, images_of(seed)[1][0][:COUNTED])}
    row |= {"macs": count_macs(content), "accuracy": evaluation.accuracy(content, *test)}
    row |= {"pens": evaluation.accuracy(content, *load_pen_digits())}
    return row | {"cpu_seconds": round(time.process_time() - begin, 1)}


def run_seed(part):
    """Return the rows of a seed: for each method its search and its winner."""
    seed, prices, rows = int(part), stored_rows("prices")[0]["prices"], []
    images, validation = images_of(seed)
    proxy = Proxy(images, validation, epochs=EPOCHS, rate=RATE, seed=seed)
    for method in methods.METHODS:
        begin, row = time.process_time(), {"part": part, "method": method, "seed": seed}
        trials = methods.search(method, LIMITS, BUDGET, proxy, prices, seed, say=tell)
        seconds = round(time.process_time() - begin, 1)
        shown = [
            {"network": str(trial.network), **trial.costs._asdict()}
            | {"accuracies": trial.accuracies, "spent": trial.spent}
            for trial in trials
        ]
        rows.append(row | {"kind": "search", "cpu_seconds": seconds, "trials": shown})
        rows.append(row | {"kind": "winner"} | first_that_fits(trials, seed))
    return rows


def first_that_fits(trials, seed):
    """Return the row of the best network by validation that keeps the limits as it is counted after its training."""
    finished = [trial for trial in trials if len(trial.accuracies) == EPOCHS]
    for trial in sorted(finished, key=lambda trial: -trial.accuracy):
        row = measure(trial.network, seed)
        if not over(counted(row), LIMITS):
            return {"validation": trial.accuracy, "predicted": trial.costs.instructions} | row
    raise CourseError(f"No network of seed {seed} keeps the limits as counted: search with smaller ones.")


def counted(row):
    """Return the Costs of a row."""
    return Costs(*(row[name] for name in Costs._fields))


def tell(trial):
    print(trial.spent, trial.network, trial.costs, trial.accuracies, flush=True)


def run_front():
    """Return a row for each network of the front of all searches together, by instructions and validation."""
    rows = [row for seed in SEEDS for row in stored_rows(str(seed)) if row["kind"] == "search"]
    trials = [methods.Trial.stored(entry) for row in rows for entry in row["trials"]]
    prices, result = stored_rows("prices")[0]["prices"], []
    for trial in methods.front(trials, "instructions", EPOCHS, STEP):
        predicted = predicted_instructions(trial.network, prices)
        result.append({"part": "front", "kind": "front", "validation": trial.accuracy, "predicted": predicted})
        result[-1] |= measure(trial.network, SEEDS[0])
    return result


def run(part):
    """Return the rows of a part."""
    if part == "prices":
        return run_prices()
    if part == "designed":
        return [{"part": part, "kind": "designed"} | measure("mnist_nano", seed) for seed in SEEDS]
    return run_front() if part == "front" else run_seed(part)


def main():
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    prepare(seed=1)
    settings = {"limits": LIMITS._asdict(), "budget": BUDGET, "epochs": EPOCHS, "rate": RATE, "images": IMAGES}
    settings |= {"validation": VALIDATION, "long_images": LONG_IMAGES, "long_epochs": LONG_EPOCHS, "space": count()}
    settings |= {"population": methods.POPULATION, "tournament": methods.TOURNAMENT, "seeds": SEEDS}
    settings["processor"] = evaluation.machine()
    chosen = sys.argv[1:] or PARTS
    for part in chosen:  # each part is stored when it is ready: the next one reads it
        record.remake(NAME, "part", [part], PARTS, run, **settings)


if __name__ == "__main__":
    main()
