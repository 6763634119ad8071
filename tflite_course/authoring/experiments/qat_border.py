"""Where QAT begins to win: bits, size and kind of network, beside better ranges and beside a control; for lesson 06.

    python -m tflite_course.authoring qat_border                 # all networks, about ten minutes on two cores
    python -m tflite_course.authoring qat_border mnist_ds        # some networks; the others stay as they are

Weights of convolutions and dense layers get 2, 3, 4 or 8 bits, simulated in float32 (tflite_course/low_bits.py);
activations and depthwise convolutions stay float32. A seed chooses IMAGES training images and their order. All
trainings start from the shipped checkpoint and take the same images in the same order, rate and number of steps.

largest          rounded after training, each channel's grid ends at its largest weight
least squares    rounded after training, each channel's grid ends where the squared error is least
norms            the same, then batch normalization measured anew on the images, without labels: no training
control          trained without fake quantization, then as "norms"
QAT              trained with fake quantization to the largest weight, as TFMOT does it, rounded to that grid, and
                 batch normalization measured anew
QAT, ranges      trained with fake quantization to the least squares grid, then as "norms": against "control" it
                 differs in fake quantization alone
"""

import argparse

import numpy as np

from tflite_course import low_bits
from tflite_course.authoring.experiments import record

NAME = "qat_border"
MODELS = ("mnist_cnn", "mnist_ds", "mnist_nano")
BITS, SEEDS = (4, 3, 2), range(3)
IMAGES, BATCH, RATE, NORM_IMAGES = 6_000, 64, 3e-4, 4_000
CONTROLS = {}  # (network, seed): weights of the trained control


def choose(seed):
    """Return which of the 60,000 training images a seed takes, in the order in which they are trained on."""
    return np.random.default_rng(seed).permutation(60_000)[:IMAGES]


def shaped(model, images):
    """Return images, float32 (n, 28, 28), as a network takes them: some have an axis for the channel."""
    return images[..., np.newaxis] if len(model.input_shape) == 4 else images


def make(name, bits, method, images, labels, seed):
    """Return the float32 network of one row, its kernels on their grid."""
    import tf_keras as keras

    from tflite_course.models import load_model

    model = load_model(name)
    images = shaped(model, images)
    best = "largest" if method in ("largest", "QAT") else "least squares"
    keras.utils.set_random_seed(seed)  # dropout
    if method == "control":
        if (name, seed) not in CONTROLS:  # the same for all bits
            low_bits.fine_tune(model, images, labels, rate=RATE, batch=BATCH)
            CONTROLS[name, seed] = model.get_weights()
        model.set_weights(CONTROLS[name, seed])
    elif method.startswith("QAT"):
        low_bits.fine_tune(model, images, labels, bits=bits, ranges=best, rate=RATE, batch=BATCH)
    rounded = low_bits.with_low_bits(model, bits, best)
    if method not in ("largest", "least squares"):
        low_bits.measure_norms(rounded, images[:NORM_IMAGES])
    return rounded


def answers(model, digits):
    """Return {title: answers, int (n,)} of a network for {title: (images, labels)}."""
    return {
        title: model.predict(shaped(model, x), batch_size=500, verbose=0).argmax(1) for title, (x, _) in digits.items()
    }


def rows_of(name, seeds=SEEDS, bits_of=BITS):
    """Yield the rows of one network."""
    from tflite_course import evaluation
    from tflite_course.datasets import load_mnist, load_pen_digits
    from tflite_course.models import load_model

    (x_train, y_train), test = load_mnist()
    digits = {"MNIST": test, "pens": load_pen_digits()}
    parameters = load_model(name).count_params()
    for bits in bits_of:
        for seed in seeds:
            images, labels = x_train[choose(seed)], y_train[choose(seed)]
            reference = None
            for method in ("norms", "largest", "least squares", "control", "QAT", "QAT, ranges"):
                if seed and method in ("largest", "least squares"):
                    continue  # no seed plays a part
                found = answers(make(name, bits, method, images, labels, seed), digits)
                reference = reference or found
                row = {"model": name, "parameters": parameters, "bits": bits, "method": method, "seed": seed}
                for title, (_, y) in digits.items():
                    split = evaluation.churn(found[title], reference[title], y)
                    row[title] = float(np.mean(found[title] == y))
                    row |= {f"{title} {key}": split[key] for key in ("fixed", "broken")}  # against "norms"
                yield row


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("models", nargs="*", metavar="model", help=f"default: all of {', '.join(MODELS)}")
    models = parser.parse_args().models

    from tflite_course.setup import prepare

    prepare()
    settings = {"images": IMAGES, "batch": BATCH, "learning_rate": RATE, "norm_images": NORM_IMAGES}
    record.remake(NAME, "model", models, MODELS, rows_of, **settings)


if __name__ == "__main__":
    main()
