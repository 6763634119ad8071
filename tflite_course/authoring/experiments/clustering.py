"""Measure weight clustering for lesson 08: number of clusters, start of the centroids, controls, int8, mnist_ds.

    python -m tflite_course.authoring clustering                     # all groups, about six minutes on two cores
    python -m tflite_course.authoring clustering variants            # one group again; the rows of the others are kept

Every run starts from the shipped weights, fine-tunes for one epoch on the first IMAGES training images with Adam at
LEARNING_RATE, strips, converts to float32 and int8 and counts right answers on the 10,000 test images. Writes
clustering.json, and clustering_16.npz: the fine-tuned model with 16 clusters as codebooks and 4-bit indices.
"""

import argparse
import json
import time

import numpy as np

from tflite_course import evaluation, models
from tflite_course.authoring.experiments.record import FOLDER, store
from tflite_course.datasets import load_mnist
from tflite_course.models.as_file import fold_norm

IMAGES, BATCH, LEARNING_RATE, SAMPLES = 6_000, 64, 1e-4, 200
INIT = "KMEANS_PLUS_PLUS"  # the library's default
DATA = {}


def fine_tune(model, seed):
    """Train a tf_keras model in place."""
    import tf_keras as keras

    keras.utils.set_random_seed(seed)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(LEARNING_RATE), loss)
    images, labels = DATA["train"]
    model.fit(images[:IMAGES], labels[:IMAGES], batch_size=BATCH, epochs=1, verbose=0)


def to_int8(model, *, per_tensor=False):
    """Return .tflite bytes with int8 input and output; per_tensor: one scale for a whole weight tensor."""
    import tensorflow as tf

    images, _ = DATA["train"]
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([images[i : i + 1]] for i in range(SAMPLES))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    converter._experimental_disable_per_channel = per_tensor
    return converter.convert()


def measure(model, base, *, int8=True, per_tensor=False, **labels):
    """Return one row: labels, then bytes, gzip, accuracy and churn against base as float32, int8, int8 per tensor."""
    import tensorflow as tf

    files = {"base": base, "float32": tf.lite.TFLiteConverter.from_keras_model(model).convert()}
    if int8:
        files["int8"] = to_int8(model)
    if per_tensor:
        files["int8, per tensor"] = to_int8(model, per_tensor=True)
    rows = evaluation.compare(files, *DATA["test"], timed=False)[1:]
    kept = ("bytes", "gzip", "accuracy", "changed", "fixed", "broken")
    row = labels | {row["name"]: {key: row[key] for key in kept} for row in rows}
    print(json.dumps(row), flush=True)
    return row


def fold(model):
    """Return a model without batch normalization, with the same answers: its factors are in the convolutions."""
    import tf_keras as keras

    layers, weights = [keras.Input((28, 28), name="image")], []
    for layer in model.layers:
        config = layer.get_config()
        if isinstance(layer, keras.layers.Conv2D):
            config["use_bias"] = True
            (kernel,) = layer.get_weights()
        if isinstance(layer, keras.layers.BatchNormalization):
            weights += fold_norm(kernel, 0, layer)
            continue
        layers.append(type(layer).from_config(config))
        weights += [] if isinstance(layer, keras.layers.Conv2D) else layer.get_weights()
    folded = keras.Sequential(layers, name=model.name)
    folded.set_weights(weights)
    return folded


def cluster(model, clusters, *, init=INIT, seed=1, tuned=True, skip=(), per_channel=False):
    """Return the model clustered, fine-tuned (tuned) and stripped; layers named in skip keep their weights."""
    import tensorflow_model_optimization as tfmot
    import tf_keras as keras

    tfc = tfmot.clustering.keras

    def wrap(layer):
        if layer.name in skip:
            return layer
        return tfc.cluster_weights(layer, clusters, tfc.CentroidInitialization[init], cluster_per_channel=per_channel)

    clustered = keras.models.clone_model(model, clone_function=wrap)
    if tuned:
        fine_tune(clustered, seed)
    return tfc.strip_clustering(clustered)


def control(name, seed, *, usual=False):
    """Return the model after the same training without clustering.

    TFMOT's wrapper runs batch normalization and dropout as at inference, so the control does too, unless usual.
    """
    import tf_keras as keras

    model = models.load_model(name)
    inputs = keras.Input((28, 28))
    fine_tune(model if usual else keras.Model(inputs, model(inputs, training=False)), seed)
    return model


def store_codebooks(model, file, clusters=16):
    """Write the stripped model with a codebook and 4-bit indices for each clustered layer, the rest as float32."""
    arrays = {}
    for layer in model.layers:
        for number, weights in enumerate(layer.get_weights()):
            codebook, indices = np.unique(weights, return_inverse=True)
            name = f"{layer.name}/{number}"
            if len(codebook) > clusters or weights.size < 100:
                arrays[name] = weights
                continue
            indices = indices.ravel().astype(np.uint8)
            arrays[f"{name}/codebook"] = np.pad(codebook, (0, clusters - len(codebook)))
            arrays[f"{name}/indices"] = indices[0::2] << 4 | indices[1::2]
    np.savez(file, **arrays)


def run_clusters():
    """Number of clusters, without and with fine-tuning, three seeds at 4 and 16; start of the centroids at 2 and 4.

    No int8 at 2 clusters: with the default start a layer dies there, all its outputs are 0, and LiteRT refuses it.
    """
    base = models.model_path().read_bytes()
    for clusters in (2, 4, 8, 16, 32):
        for tuned, seed in [(False, 1), (True, 1), *[(True, 2), (True, 3)] * (clusters in (4, 16))]:
            model = cluster(models.load_model(), clusters, seed=seed, tuned=tuned)
            labels = {"kind": "clustered", "clusters": clusters, "init": INIT, "tuned": tuned, "seed": seed}
            yield measure(model, base, int8=tuned and seed == 1 and clusters > 2, group="clusters", **labels)
            if clusters == 16 and tuned and seed == 1:
                store_codebooks(model, FOLDER / "clustering_16.npz")
    for clusters in (2, 4):
        for init in ("LINEAR", "DENSITY_BASED"):
            model = cluster(models.load_model(), clusters, init=init)
            labels = {"kind": "clustered", "clusters": clusters, "init": init, "tuned": True, "seed": 1}
            yield measure(model, base, int8=False, group="clusters", **labels)


def run_control():
    """The same extra training without clustering."""
    base = models.model_path().read_bytes()
    for seed in (1, 2, 3):
        yield measure(control("mnist_cnn", seed), base, int8=False, group="control", kind="control", seed=seed)
    yield measure(
        control("mnist_cnn", 1, usual=True), base, int8=False, group="control", kind="control, usual training", seed=1
    )


def run_variants():
    """16 clusters: folded before clustering or not, one codebook a layer or one a channel; and a layer left out."""
    base = models.model_path().read_bytes()
    makers = {
        "clustered": lambda: cluster(models.load_model(), 16),
        "folded, then clustered": lambda: cluster(fold(models.load_model()), 16),
        "folded, then clustered per channel": lambda: cluster(fold(models.load_model()), 16, per_channel=True),
    }
    for kind, make in makers.items():
        yield measure(make(), base, group="variants", kind=kind, clusters=16, seed=1, per_tensor=True)
    for clusters in (4, 8):
        model = cluster(models.load_model(), clusters, skip=("conv_1",))
        yield measure(model, base, int8=False, group="variants", kind="conv_1 left out", clusters=clusters, seed=1)


def run_mnist_ds():
    """The depthwise-separable model and its control."""
    base = models.model_path("mnist_ds").read_bytes()
    for clusters in (4, 16):
        model = cluster(models.load_model("mnist_ds"), clusters)
        yield measure(model, base, group="mnist_ds", kind="clustered", clusters=clusters, seed=1)
    yield measure(control("mnist_ds", 1), base, group="mnist_ds", kind="control", seed=1)


GROUPS = {"clusters": run_clusters, "control": run_control, "variants": run_variants, "mnist_ds": run_mnist_ds}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("groups", nargs="*", help=f"default: {', '.join(GROUPS)}")
    chosen = parser.parse_args().groups or list(GROUPS)

    from tflite_course.setup import prepare

    prepare()
    DATA["train"], DATA["test"] = load_mnist()
    file = FOLDER / "clustering.json"
    for group in chosen:
        start = time.perf_counter()
        known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"rows": [], "seconds": 0}
        rows = [row for row in known["rows"] if row["group"] != group] + list(GROUPS[group]())
        seconds = time.perf_counter() - start + known["seconds"]
        store("clustering", rows, seconds, images=IMAGES, batch=BATCH, learning_rate=LEARNING_RATE, samples=SAMPLES)


if __name__ == "__main__":
    main()
