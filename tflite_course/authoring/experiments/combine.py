"""Combine pruning, clustering and quantization-aware training on mnist_cnn: what each order keeps and destroys.

    python -m tflite_course.authoring combine

Each stage trains for one epoch on IMAGES images at a low learning rate. About six minutes on two cores. Writes
combine.json, and the pruned and the sparsely clustered weights as combine_pruned.weights.h5 and
combine_sparse_clustered.weights.h5, which lesson 09 begins with.
"""

import time

import tensorflow as tf
import tf_keras as keras

from tflite_course import evaluation
from tflite_course.authoring.experiments import record
from tflite_course.datasets import load_mnist
from tflite_course.models import load_model
from tflite_course.setup import prepare

IMAGES, SPARSITY, CLUSTERS, LEARNING_RATE, SEED = 12_000, 0.8, 16, 2e-4, 1


def fit(model, x, y, epochs=1, rate=LEARNING_RATE, callbacks=()):
    keras.utils.set_random_seed(SEED)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    model.fit(x, y, batch_size=64, epochs=epochs, verbose=0, callbacks=list(callbacks))
    return model


def convert(model, calibration=None):
    """Return int8 .tflite bytes; calibration: images for a float model, None for one that was trained with QAT."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if calibration is not None:
        converter.representative_dataset = lambda: ([calibration[i : i + 1]] for i in range(200))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def copy(model):
    """Return a fresh mnist_cnn with the weights of the model."""
    fresh = load_model("mnist_cnn")
    fresh.set_weights(model.get_weights())
    return fresh


def main():
    import tensorflow_model_optimization as tfmot
    from tensorflow_model_optimization.python.core.clustering.keras.experimental import cluster as sparse_cluster

    prepare(seed=SEED)
    start = time.perf_counter()
    (x, y), (x_test, y_test) = load_mnist()
    x, y = x[:IMAGES], y[:IMAGES]
    sparsity, combine, quantization = tfmot.sparsity.keras, tfmot.experimental.combine, tfmot.quantization.keras
    kmeans = tfmot.clustering.keras.CentroidInitialization.KMEANS_PLUS_PLUS
    files = {}

    def prune(model):
        schedule = sparsity.PolynomialDecay(0.3, SPARSITY, 0, 2 * IMAGES // 64 - 60, frequency=20)
        pruned = sparsity.prune_low_magnitude(model, pruning_schedule=schedule)
        fit(pruned, x, y, epochs=2, callbacks=[sparsity.UpdatePruningStep()])
        return copy(sparsity.strip_pruning(pruned))

    def cluster(model, keep_zeros=False):
        options = {"preserve_sparsity": True} if keep_zeros else {}
        wrapped = sparse_cluster.cluster_weights(
            model, number_of_clusters=CLUSTERS, cluster_centroids_init=kmeans, **options
        )
        fit(wrapped, x, y)
        return copy(tfmot.clustering.keras.strip_clustering(wrapped))

    def aware(model, scheme=None):
        if scheme is None:
            return fit(quantization.quantize_model(model), x, y)
        return fit(quantization.quantize_apply(quantization.quantize_annotate_model(model), scheme), x, y)

    files["float32"] = tf.lite.TFLiteConverter.from_keras_model(load_model("mnist_cnn")).convert()
    files["int8"] = convert(load_model("mnist_cnn"), x)
    files["control: trained on, int8"] = convert(fit(load_model("mnist_cnn"), x, y), x)
    files["QAT"] = convert(aware(load_model("mnist_cnn")))
    pruned = prune(load_model("mnist_cnn"))
    pruned.save_weights(record.FOLDER / "combine_pruned.weights.h5")
    files["pruned, int8"] = convert(copy(pruned), x)
    files["pruned, then plain QAT"] = convert(aware(copy(pruned)))
    files["PQAT"] = convert(aware(copy(pruned), combine.Default8BitPrunePreserveQuantizeScheme()))
    clustered = cluster(load_model("mnist_cnn"))
    files["clustered, int8"] = convert(copy(clustered), x)
    files["clustered, then plain QAT"] = convert(aware(copy(clustered)))
    files["CQAT"] = convert(aware(copy(clustered), combine.Default8BitClusterPreserveQuantizeScheme()))
    both = cluster(copy(pruned), keep_zeros=True)
    both.save_weights(record.FOLDER / "combine_sparse_clustered.weights.h5")
    files["pruned, then plain clustering, int8"] = convert(cluster(copy(pruned)), x)
    files["sparse clustering, int8"] = convert(copy(both), x)
    scheme = combine.Default8BitClusterPreserveQuantizeScheme(preserve_sparsity=True)
    files["PCQAT"] = convert(aware(copy(both), scheme))

    rows = evaluation.compare(files, x_test, y_test, timed=False)
    for row, content in zip(rows, files.values(), strict=True):
        weights = evaluation.weight_structure(content)
        row["zeros"] = [round(entry["zeros"], 4) for entry in weights]
        row["distinct"] = [entry["distinct"] for entry in weights]
        print(row["name"], row["accuracy"], row["bytes"], row["gzip"], row["zeros"], row["distinct"], flush=True)
    settings = {"images": IMAGES, "sparsity": SPARSITY, "clusters": CLUSTERS, "learning_rate": LEARNING_RATE}
    record.store("combine", rows, time.perf_counter() - start, **settings, seed=SEED)


if __name__ == "__main__":
    main()
