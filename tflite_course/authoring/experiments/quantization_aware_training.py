"""Quantization-aware training (QAT) beside its control, over several seeds: what lesson 06 compares with.

    python -m tflite_course.authoring quantization_aware_training            # all parts, 5 to 10 minutes on two cores
    python -m tflite_course.authoring quantization_aware_training int4_ds    # one part; the others stay as they are

A seed chooses the training images and their order. Each seed is trained twice from the shipped checkpoint, on the
same images in the same order, with the same optimizer, learning rate and number of steps: once with QAT, and once
without (the control), which is then quantized after training. Every number is measured on the .tflite file with all
10,000 test images; "changed", "fixed" and "broken" compare its answers with those of the shipped float32 file. The
files of seed 0 that the lesson compares are kept beside this script, as qat_PART_METHOD.tflite.

int8_cnn          mnist_cnn, 8 bits: tfmot's quantize_model against calibration in the converter; "QAT, ranges set" is
                  QAT whose activation ranges begin at what the float model shows, not at TFMOT's -6 and 6
int4_cnn, int4_ds 4-bit weights of convolutions and dense layers by litert-quantizer (dynamic, depthwise 8 bits)
rates             mnist_cnn, 8 bits, at other learning rates, fewer seeds
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from tflite_course.authoring.experiments import record

NAME = "quantization_aware_training"
SEEDS, BATCH, CALIBRATION = range(4), 64, 200
# part: the model, bits of the weights, training images, learning rates
PARTS = {
    "int8_cnn": ("mnist_cnn", 8, 3_000, (1e-4,)),
    "int4_cnn": ("mnist_cnn", 4, 3_000, (3e-4,)),
    "int4_ds": ("mnist_ds", 4, 3_000, (3e-4,)),
    "rates": ("mnist_cnn", 8, 3_000, (1e-5, 1e-3, 1e-2)),
}


def choose(seed, count):
    """Return which of the 60,000 training images a seed takes, in the order in which they are trained on."""
    return np.random.default_rng(seed).permutation(60_000)[:count]


def make_configs():
    """Return {name: class}: a QuantizeConfig of 4-bit weights by output channel, and one that leaves a layer as is."""
    import tensorflow_model_optimization as tfmot

    quantization = tfmot.quantization.keras

    class FloatConfig(quantization.QuantizeConfig):
        def get_weights_and_quantizers(self, layer):
            return []

        def set_quantize_weights(self, layer, quantize_weights):
            pass

        def get_activations_and_quantizers(self, layer):
            return []

        def set_quantize_activations(self, layer, quantize_activations):
            pass

        def get_output_quantizers(self, layer):
            return []

        def get_config(self):
            return {}

    class FourBitWeights(FloatConfig):
        def get_weights_and_quantizers(self, layer):
            grid = dict(num_bits=4, per_axis=True, symmetric=True, narrow_range=True)
            return [(layer.kernel, quantization.quantizers.LastValueQuantizer(**grid))]

        def set_quantize_weights(self, layer, quantize_weights):
            layer.kernel = quantize_weights[0]

    return {"FloatConfig": FloatConfig, "FourBitWeights": FourBitWeights}


def add_fake_quantization(model, bits):
    """Return a copy of the model with fake quantization: TFMOT's default for 8 bits, weights alone for 4."""
    import tensorflow_model_optimization as tfmot
    import tf_keras as keras

    if bits == 8:
        return tfmot.quantization.keras.quantize_model(model)
    configs = make_configs()

    def annotate(layer):
        four = type(layer) in (keras.layers.Conv2D, keras.layers.Dense)
        config = configs["FourBitWeights" if four else "FloatConfig"]()
        return tfmot.quantization.keras.quantize_annotate_layer(layer, config)

    with tfmot.quantization.keras.quantize_scope(configs):
        annotated = keras.models.clone_model(model, clone_function=annotate)
        return tfmot.quantization.keras.quantize_apply(annotated)


def set_ranges(aware, plain, images):
    """Begin the ranges of the activations at what the float model shows on the images."""
    import tf_keras as keras

    seen = keras.Model(plain.input, {layer.name: layer.output for layer in plain.layers}).predict(images, verbose=0)
    for variable in aware.weights:
        layer, _, name = variable.name.split(":")[0].partition("/")
        if name in ("output_min", "post_activation_min"):
            variable.assign(min(0, seen[layer.removeprefix("quant_")].min()))
        elif name in ("output_max", "post_activation_max"):
            variable.assign(seen[layer.removeprefix("quant_")].max())


def train(model, images, labels, learning_rate):
    import tf_keras as keras

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(learning_rate), loss)
    model.fit(images, labels, batch_size=BATCH, shuffle=False, verbose=0)


def to_int8(model, images=None):
    """Return .tflite bytes with int8 input and output; the ranges come from the images, or from QAT without them."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if images is not None:
        converter.representative_dataset = lambda: ([images[i : i + 1]] for i in range(CALIBRATION))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def to_int4(content):
    """Return a float32 .tflite with weights of 4 bits, those of depthwise convolutions of 8 bits."""
    from litert_quantizer import quantizer
    from litert_quantizer.qtyping import TFLOperationName as Op

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "float32.tflite"
        path.write_bytes(content)
        small = quantizer.Quantizer(str(path))
        small.add_dynamic_config(regex=".*", operation_name=Op.ALL_SUPPORTED, num_bits=8)
        for operation in (Op.CONV_2D, Op.FULLY_CONNECTED):  # a later rule wins
            small.add_dynamic_config(regex=".*", operation_name=operation, num_bits=4)
        return bytes(small.quantize().quantized_model)


def to_float32(model):
    import tensorflow as tf

    return tf.lite.TFLiteConverter.from_keras_model(model).convert()


def without_wrappers(aware, name):
    """Return the plain network with the weights of a QAT model; the variables are found by their names."""
    from tflite_course.models import load_model

    trained = {variable.name: variable for variable in aware.weights}
    plain = load_model(name)
    for variable in plain.weights:
        variable.assign(trained[variable.name])
    return plain


def make(name, bits, images, labels, learning_rate, method, seed):
    """Return the .tflite bytes of one row; method is "untrained", "control", "QAT" or "QAT, ranges set"."""
    import tf_keras as keras

    from tflite_course.models import load_model

    keras.utils.set_random_seed(seed)  # dropout
    model = load_model(name)
    aware = method.startswith("QAT")
    if aware:
        plain, model = model, add_fake_quantization(model, bits)
    if method == "QAT, ranges set":
        set_ranges(model, plain, images[:CALIBRATION])
    if method != "untrained":
        train(model, images, labels, learning_rate)
    if bits == 8:
        return to_int8(model, None if aware else images)
    return to_int4(to_float32(without_wrappers(model, name) if aware else model))


def run(part):
    from tflite_course import evaluation
    from tflite_course.datasets import load_mnist
    from tflite_course.models import load_model

    name, bits, count, rates = PARTS[part]
    (x_train, y_train), (x_test, y_test) = load_mnist()
    reference = evaluation.predict(to_float32(load_model(name)), x_test).argmax(1)
    methods = ("control", "QAT") + ("QAT, ranges set",) * (part == "int8_cnn")
    seeds = SEEDS if part != "rates" else list(SEEDS)[:2]
    tasks = [(seed, rate, method) for seed in seeds for rate in rates for method in methods]
    if part != "rates":
        tasks.append((0, rates[0], "untrained"))
    for seed, rate, method in tasks:
        chosen = choose(seed, count)
        content = make(name, bits, x_train[chosen], y_train[chosen], rate, method, seed)
        if seed == 0 and part in ("int8_cnn", "int4_ds"):
            kind = method.lower().replace(", ", "_").replace(" ", "_")
            (record.FOLDER / f"qat_{part}_{kind}.tflite").write_bytes(content)
        predicted = evaluation.predict(content, x_test).argmax(1)
        sizes = evaluation.size_ledger(content)
        yield {
            "part": part,
            "model": name,
            "bits": bits,
            "method": method,
            "seed": seed,
            "images": 0 if method == "untrained" else count,
            "learning_rate": rate,
            "accuracy": float(np.mean(predicted == y_test)),
            **evaluation.churn(predicted, reference, y_test),
            "bytes": sizes["bytes"],
            "gzip": sizes["gzip"],
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="part", help=f"default: all of {', '.join(PARTS)}")
    parts = parser.parse_args().parts

    from tflite_course.setup import prepare

    prepare()
    record.remake(NAME, "part", parts, PARTS, run, batch=BATCH, calibration_images=CALIBRATION)


if __name__ == "__main__":
    main()
