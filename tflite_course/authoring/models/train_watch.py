"""Train the network watch on the recordings of seven persons, convert it and store it: how its files were made.

    python -m tflite_course.authoring train_watch
    python -m tflite_course.authoring train_watch --convert-only      # keep the stored weights, write the rest again

Writes watch.weights.h5, watch_float32.tflite, watch_int8.tflite (int8 input and output, one window at a time) and
watch.json (what was measured on the three persons that it never saw). What was chosen (the window, the network, the
variations, the epochs) was chosen by leaving out one of the seven persons at a time. The part "micro" needs the package
tflite-micro (Linux on x86-64); without it the stored one stays. About half a minute on two cores.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from tflite_course.authoring import ROOT
from tflite_course.datasets import load_watch
from tflite_course.sensors import TEST_PERSONS, WINDOW, build_watch, cut_windows, vary

FOLDER = ROOT / "assets" / "models"
SEED, BATCH, EPOCHS, LEARNING_RATE = 1, 64, 16, 4e-3


def split_by_person(recordings, held_out=TEST_PERSONS):
    """Return (recordings of all other persons, recordings of the persons that are held out)."""
    others = [recording for recording in recordings if recording.person not in held_out]
    return others, [recording for recording in recordings if recording.person in held_out]


def train(recordings, *, seed=SEED, window=WINDOW, variations=True, mirror=True):
    """Return a network that learned from the recordings; variations: anew in each epoch, see sensors.vary."""
    import tf_keras as keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    model = build_watch(window=window)
    windows, exercises, _ = cut_windows(recordings, window, mirror=mirror)
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, EPOCHS * (len(windows) // BATCH))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(schedule), loss)
    for _ in range(EPOCHS):
        if variations:
            varied = [vary(recording, rng) for recording in recordings]
            windows, exercises, _ = cut_windows(varied, window, mirror=mirror)
        model.fit(windows, exercises, batch_size=BATCH, verbose=0)
    return model


def convert(model, windows):
    """Return {"float32": bytes, "int8": bytes} of a network whose batch is 1, calibrated with windows."""
    import tensorflow as tf

    float32 = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([window[np.newaxis]] for window in windows)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return {"float32": float32, "int8": converter.convert()}


def restore(weights=FOLDER / "watch.weights.h5"):
    """Return the network with the stored weights and a batch of 1."""
    import tf_keras as keras

    keras.backend.clear_session()
    model = build_watch(batch_size=1)
    model.load_weights(weights)
    return model


def with_dense_layer(model):
    """Return the network with a dense layer at its end instead of the 1 x 1 convolution: the same function."""
    import tf_keras as keras

    layers = keras.layers
    other = keras.Sequential([*model.layers[:-2], layers.Flatten(name="flatten"), layers.Dense(7, name="logits")])
    other.build(model.input_shape)
    kernel, bias = model.get_layer("dense").get_weights()
    other.get_layer("logits").set_weights([kernel[0, 0], bias])
    return other


def calibration(recordings):
    """Return 200 windows, spread over the recordings."""
    windows, _, _ = cut_windows(recordings)
    return windows[:: len(windows) // 200][:200]


def measure_micro(content, windows):
    """Return {"arena", "windows", "equal"}: the arena's bytes, and how many output rows are LiteRT's, bit for bit."""
    from tflite_course.targets import golden, tflm

    arena = tflm.smallest_arena(content)
    rows = tflm.run(content, windows, arena)
    equal = {kind: golden.agreement(rows, golden.run_litert(content, windows, kind)) for kind in golden.KERNELS}
    return {"arena": arena, "windows": len(windows), "equal": {kind: row["bit_exact"] for kind, row in equal.items()}}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the files go (default: assets/models)")
    parser.add_argument("--convert-only", action="store_true", help="keep the stored weights, write the rest again")
    options = parser.parse_args()

    from tflite_course import evaluation
    from tflite_course.setup import prepare

    prepare(seed=SEED)
    learned, unseen = split_by_person(load_watch())
    weights = options.folder / "watch.weights.h5"
    if not options.convert_only:
        model = train(learned)
        bare = build_watch()  # never compiled: the file holds the weights and no optimizer
        bare.set_weights(model.get_weights())
        bare.save_weights(weights)
    model = restore(weights)
    windows, exercises, _ = cut_windows(unseen)
    record = {"parameters": model.count_params(), "windows": len(windows)}
    samples = calibration(learned)
    for variant, content in convert(model, samples).items():
        (options.folder / f"watch_{variant}.tflite").write_bytes(content)
        details = evaluation.make_interpreter(content).get_input_details()[0]
        values = evaluation.quantize_input(windows, details)
        right = evaluation.invoke(content, values, batch=1).argmax(axis=1) == exercises
        record[variant] = {"accuracy": round(float(np.mean(right)), 4), **evaluation.size_ledger(content)}
    file = options.folder / "watch.json"
    try:
        dense = measure_micro(convert(with_dense_layer(model), samples)["int8"], values)
        record["micro"] = measure_micro(content, values)
        record["micro"]["equal_with_dense_layer"] = dense["equal"]["reference"]
    except ImportError:
        print("The package tflite-micro is not installed: the stored measurements of TFLM stay.")
        record["micro"] = json.loads(file.read_text(encoding="utf-8"))["micro"]
    file.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(record))


if __name__ == "__main__":
    main()
