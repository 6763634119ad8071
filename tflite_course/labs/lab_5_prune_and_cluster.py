"""The exercises of lab 5: zeros, shared weights, and which sizes they change."""

import functools
import gzip

import numpy as np

from tflite_course.labs.exercise import (
    NO_ANSWER,
    Exercise,
    Mistake,
    compare_function,
    describe,
    mnist,
    require_function,
    require_returned,
)

IMAGES = 500  # of the test set, for what has to be run
KERNELS = ("conv_1", "conv_2", "conv_3", "logits")
PRUNED = ("conv_2", "conv_3", "logits")
SPARSITY, CLUSTERS = 0.8, 16


def _prune(weights, sparsity, *, key=np.abs, count=round, largest=False):
    order = np.argsort(key(weights), axis=None)
    order = order[::-1] if largest else order
    pruned = weights.flatten()
    pruned[order[: count(sparsity * weights.size)]] = 0
    return pruned.reshape(weights.shape)


def judge_prune_smallest(answer, rng):
    cases = [(np.array([[0.9, -0.1], [0.2, -0.8]], np.float32), 0.5)]
    cases.append((rng.normal(size=100).astype(np.float32), 0.29))  # 0.29 * 100 is a little less than 29
    for shape, share in (((4, 25), 0.0), ((3, 3, 2, 5), 0.8), ((40, 10), float(rng.integers(1, 20)) / 20)):
        cases.append((rng.normal(size=shape).astype(np.float32), share))

    def by_row(weights, sparsity):
        return np.stack([_prune(row, sparsity) for row in weights]) if weights.ndim > 1 else _prune(weights, sparsity)

    def signs_lost(weights, sparsity):
        return np.abs(_prune(weights, sparsity))

    def share_of_largest(weights, sparsity):
        return np.where(np.abs(weights) < sparsity * np.abs(weights).max(), 0, weights).astype(np.float32)

    def mask(weights, sparsity):
        return (_prune(weights, sparsity) != 0).astype(np.float32)

    compare_function(
        answer,
        _prune,
        cases,
        {
            "you take the smallest numbers, so the large negative ones go. Compare magnitudes.": functools.partial(
                _prune, key=lambda weights: weights
            ),
            "you remove the largest magnitudes. The smallest ones add least to a sum.": functools.partial(
                _prune, largest=True
            ),
            "the number of zeros is cut off: 0.29 * 100 is 28.999... in floats. Use `round`.": functools.partial(
                _prune, count=int
            ),
            "you prune each row for itself. The share is that of the whole array.": by_row,
            "the signs are lost: the weights that stay keep their values.": signs_lost,
            "sparsity is a share of the weights, not of the largest magnitude.": share_of_largest,
            "sparsity is the share of zeros, and here it is the share that stays.": lambda weights, sparsity: _prune(
                weights, 1 - sparsity
            ),
            "this is the mask. Asked are the weights themselves.": mask,
            "the values are right and the dtype is not: keep that of the weights.": lambda *case: _prune(*case).astype(
                np.float64
            ),
        },
    )


def judge_make_schedule(answer, rng):
    import tensorflow as tf
    from tensorflow_model_optimization.python.core.sparsity.keras.pruning_schedule import PruningSchedule

    require_function(answer)
    cases = [(0.8, 94), (0.5, 40), (float(rng.choice([0.6, 0.7, 0.9])), int(rng.integers(120, 250)))]
    for final, steps in cases:
        schedule = answer(final, steps)
        where = f"with {final:g} and {steps} steps"
        require_returned(schedule)
        if not isinstance(schedule, PruningSchedule):
            raise Mistake(f"{where} a pruning schedule of TFMOT is expected, this is {describe(schedule)}.")
        ask = tf.function(schedule.__call__)  # as a training asks: a graph is much faster
        answers = {step: ask(tf.constant(step, tf.int64)) for step in range(1, steps + 1)}
        masks = {step: float(target) for step, (update, target) in answers.items() if bool(update)}
        if not masks:
            raise Mistake(
                f"{where} no mask is chosen at all: `frequency` is {schedule.frequency}, and the model would stay "
                f"dense without a word."
            )
        targets, last = list(masks.values()), max(masks)
        if abs(targets[0] - targets[-1]) < 1e-9 and abs(targets[0] - final) < 1e-6:
            raise Mistake(f"{where} the first mask takes everything at once. Asked is a schedule that climbs.")
        if max(targets) < final - 1e-6:
            end = getattr(schedule, "end_step", 0)
            if end > steps:
                raise Mistake(f"{where} it stops at {max(targets):.3f}: end_step is {end}, after the training.")
            if end in masks:
                raise Mistake(f"{where} it ends at {max(targets):.3f}: use the argument `final`.")
            raise Mistake(
                f"{where} it stops at {max(targets):.4f}: the last step is never met. Make end_step - begin_step a "
                f"multiple of frequency."
            )
        if max(targets) > final + 1e-6:
            raise Mistake(f"{where} it goes to {max(targets):.3f}. That prunes too much.")
        if len(masks) < 5:
            raise Mistake(f"{where} there are {len(masks)} masks. Climb in at least 5: choose a smaller frequency.")
        if min(masks) > steps / 4:
            raise Mistake(f"{where} the first mask comes at step {min(masks)}. Begin in the first quarter.")
        if last > 3 * steps / 4:
            raise Mistake(f"{where} the last mask comes at step {last}. Leave the last quarter for recovery.")


@functools.cache
def _shipped():
    """Return {layer: list of arrays} of the shipped checkpoint."""
    from tflite_course.models import load_model

    return {layer.name: layer.get_weights() for layer in load_model("mnist_cnn").layers}


def _layers(model, wrapper, strip):
    """Return {layer: list of arrays} of an answer after checking that it is a plain mnist_cnn of Keras 2."""
    import tf_keras

    if type(model) in (bytes, bytearray):
        raise Mistake(
            "this is a .tflite file. Asked is the Keras model: zeros and clusters are made before converting."
        )
    if not isinstance(model, tf_keras.Model):
        if type(model).__module__.split(".")[0] == "keras":
            raise Mistake("this is a Keras 3 model. TFMOT needs Keras 2: `import tf_keras as keras`.")
        raise Mistake(f"a tf_keras model is expected, this is {describe(model)}.")
    if any(isinstance(layer, wrapper) for layer in model.layers):
        raise Mistake(f"the wrappers are still there: the file would be far too large. Call `{strip}`.")
    arrays = {layer.name: layer.get_weights() for layer in model.layers}
    for name in KERNELS:
        if not arrays.get(name) or arrays[name][0].shape != _shipped()[name][0].shape:
            raise Mistake(f"there is no layer {name} with a kernel as in mnist_cnn: start from `models.load_model()`.")
    return arrays


def _share_right(model, rng):
    images, labels = mnist()[1]
    chosen = rng.choice(len(images), IMAGES, replace=False)
    return float(np.mean(np.asarray(model(images[chosen], training=False)).argmax(1) == labels[chosen]))


def judge_pruned(answer, rng):
    from tensorflow_model_optimization.python.core.sparsity.keras.pruning_wrapper import PruneLowMagnitude

    arrays = _layers(answer, PruneLowMagnitude, "strip_pruning")
    zeros = {name: float(np.mean(arrays[name][0] == 0)) for name in KERNELS}
    if max(zeros.values()) < 0.01:
        raise Mistake("there are no zeros: the schedule chose no mask in your few steps, or this is another model.")
    if zeros["conv_1"] > 0.05:
        raise Mistake(f"{zeros['conv_1']:.0%} of conv_1 is zero. It is small and sensitive: leave it dense.")
    for name in PRUNED:
        if abs(zeros[name] - SPARSITY) > 0.01:
            more = ": wrap this layer, too" if zeros[name] < 0.01 else ""
            raise Mistake(f"{zeros[name]:.1%} of {name} is zero, asked are {SPARSITY:.0%}{more}.")
    kernel, shipped = arrays["conv_3"][0], _shipped()["conv_3"][0]
    if np.array_equal(kernel[kernel != 0], shipped[kernel != 0]):
        raise Mistake("the weights that are left are those of the checkpoint: nothing was trained after pruning.")
    right = _share_right(answer, rng)
    if right < 0.95:
        raise Mistake(f"{right:.1%} right. Training should bring back nearly all: start from the shipped model.")


@functools.cache
def _file(name, variant):
    from tflite_course.models import model_path

    return model_path(name, variant).read_bytes()


def _with_weights(content, change):
    """Return a float32 .tflite with the values of its large tensors replaced by change(values), bytes in place."""
    from ai_edge_litert.schema_py_generated import Model, TensorType

    new = bytearray(content)
    model = Model.GetRootAs(new)
    graph = model.Subgraphs(0)
    for tensor in map(graph.Tensors, range(graph.TensorsLength())):
        data = model.Buffers(tensor.Buffer()).DataAsNumpy()
        if tensor.Type() == TensorType.FLOAT32 and not isinstance(data, int) and len(data) > 2000:
            values = data.view(np.float32)
            values[:] = change(values.copy())
    return bytes(new)


@functools.lru_cache(maxsize=32)
def _sizes(content):
    """Return (bytes, gzip, activations) of a file."""
    from tflite_course.evaluation import activation_memory

    return len(content), len(gzip.compress(content, 9)), activation_memory(content)


def _factors(before, after):
    return tuple(b / a for b, a in zip(_sizes(before), _sizes(after), strict=True))


SIZES = ("bytes", "gzip", "activations")


def judge_shrink_factors(answer, rng):
    require_function(answer)
    base = _file("mnist_ds", "float32")  # small, because gzip takes its time
    sparsity, levels = float(rng.uniform(0.6, 0.9)), rng.normal(0, 0.1, int(rng.integers(6, 20)))
    cases = [
        (base, _with_weights(base, lambda values: _prune(values, sparsity))),
        (base, _with_weights(base, lambda values: rng.choice(levels, values.size))),
        (_file("mnist_cnn", "float32"), _file("mnist_cnn", "int8")),
        (_file("mnist_ds", "int8"), base),
    ]
    found = require_returned(answer(*cases[0]))
    if type(found) is not dict or set(found) != set(SIZES):
        raise Mistake(f"a dict with the keys {', '.join(SIZES)} is expected, this is {describe(found)}.")

    def listed(before, after):
        found = answer(before, after)
        return tuple(found[key] for key in SIZES)

    def wrong_baseline(before, after):
        right = _factors(before, after)
        return right[0], len(before) / _sizes(after)[1], right[2]

    def saved(before, after):
        return tuple(1 - 1 / factor for factor in _factors(before, after))

    compare_function(
        listed,
        _factors,
        cases,
        {
            "it is upside down: a factor of 2 means that the size is halved, so divide before by after.": lambda b, a: (
                _factors(a, b)
            ),
            "you divide a file without gzip by one with it: gzip alone makes a part of it. Pack both.": wrong_baseline,
            "these are shares saved. Asked is the factor, before / after.": saved,
            "these are differences in bytes. Asked is the factor, before / after.": lambda b, a: tuple(
                old - new for old, new in zip(_sizes(b), _sizes(a), strict=True)
            ),
            "gzip has the factor of the plain file: compress the bytes, then take the length.": lambda b, a: (
                len(b) / len(a),
                len(b) / len(a),
                _factors(b, a)[2],
            ),
            "activations is not the size of the file: `evaluation.activation_memory` measures it.": lambda b, a: (
                *_factors(b, a)[:2],
                len(b) / len(a),
            ),
        },
        tolerance=0.05,
    )


def _kmeans_step(values, centroids, *, mean=np.mean, empty="stays", again=False, distance=np.abs):
    indices = distance(values[:, np.newaxis] - centroids).argmin(axis=1)
    moved = centroids.astype(np.float64)
    for k in range(len(centroids)):
        chosen = values[indices == k]
        if len(chosen):
            moved[k] = mean(chosen)
        elif empty != "stays":
            moved[k] = empty
    if again:
        indices = np.abs(values[:, np.newaxis] - moved).argmin(axis=1)
    return indices, moved


NAN = -12345.0  # stands for nan, which equals nothing


def judge_kmeans_step(answer, rng):
    require_function(answer)
    cases = [(np.array([1.0, 3.0, 9.0, 11.0, 12.0]), np.array([0.0, 5.0, 10.0]))]
    for count, k in ((40, 3), (300, 8), (500, 16)):
        values = rng.normal(0, 0.1, count)
        centroids = rng.choice(values, k, replace=False) + rng.normal(0, 0.003, k)
        cases.append((values.astype(np.float32), centroids.astype(np.float32)))
    far = np.array([-0.1, 5.0, 0.1], np.float32)  # the one in the middle is chosen by nobody
    cases.append((rng.normal(0, 0.1, 60).astype(np.float32), far))

    found = require_returned(answer(*(array.copy() for array in cases[0])))
    if type(found) not in (tuple, list) or len(found) != 2:
        raise Mistake(f"two arrays are expected, the indices and the new centroids, this is {describe(found)}.")

    def listed(values, centroids):
        return _plain(*answer(values, centroids))

    def _plain(indices, moved):
        indices, moved = (np.array(part) if type(part) is list else part for part in (indices, moved))
        if type(indices) is np.ndarray and indices.dtype.kind in "iu":
            indices = indices.astype(np.int64)
        if type(moved) is np.ndarray and moved.dtype.kind == "f":
            moved = np.nan_to_num(moved.astype(np.float64), nan=NAN)
        return indices, moved

    def variant(**options):
        return lambda values, centroids: _plain(*_kmeans_step(values, centroids, **options))

    def replaced(values, centroids):
        indices, moved = _kmeans_step(values, centroids)
        return centroids[indices].astype(np.float64), moved

    def unmoved(values, centroids):
        return _plain(_kmeans_step(values, centroids)[0], centroids)

    def half_way(values, centroids):
        indices, moved = _kmeans_step(values, centroids)
        return indices, (moved + centroids) / 2

    compare_function(
        listed,
        variant(),
        cases,
        {
            "a centroid that nobody chose becomes nan, the mean of nothing. Let it stay where it is.": variant(
                empty=NAN
            ),
            "a centroid that nobody chose is set to 0. Let it stay where it is.": variant(empty=0.0),
            "without `abs` the most negative difference wins: nearest means the smallest distance.": variant(
                distance=lambda difference: difference
            ),
            "this is the farthest centroid. Take `argmin`.": variant(distance=lambda difference: -np.abs(difference)),
            "the indices are those after the move. Return the ones that the means were made from.": variant(again=True),
            "this is the median. k-means moves a centroid to the mean.": variant(mean=np.median),
            "the first array holds the centroids themselves. Asked are their indices.": replaced,
            "the centroids did not move: each goes to the mean of the values that chose it.": unmoved,
            "the centroids go only half of the way. Move each to the mean.": half_way,
        },
        tolerance=1e-5,
    )


def _pack(indices, *, low_first=False):
    indices = np.append(indices, np.zeros(len(indices) % 2, np.uint8)).astype(np.uint8)
    first, second = (indices[1::2], indices[0::2]) if low_first else (indices[0::2], indices[1::2])
    return first << 4 | second


def _unpack(packed, codebook, count, *, low_first=False):
    parts = [packed & 15, packed >> 4] if low_first else [packed >> 4, packed & 15]
    return codebook[np.stack(parts, axis=-1).ravel()[:count]]


def judge_codebook(answer, rng):
    if type(answer) not in (tuple, list) or len(answer) != 2:
        raise Mistake(f"two functions are expected, `pack` and `unpack`, this is {describe(answer)}.")
    pack, unpack = answer
    for function in answer:
        if function is None or function is Ellipsis:
            raise Mistake(NO_ANSWER)
        require_function(function)
    indices = [np.array([3, 0, 15, 1], np.uint8)]
    indices += [rng.integers(0, 16, count).astype(np.uint8) for count in (7, 20, 33, 1)]

    def named(name, compare, *arguments, **options):
        try:
            compare(*arguments, **options)
        except Mistake as mistake:
            raise Mistake(f"{name}: {mistake}") from None

    def added(indices):
        padded = np.append(indices, np.zeros(len(indices) % 2, np.uint8)).astype(np.uint8)
        return padded[0::2] + padded[1::2]

    named(
        "pack",
        compare_function,
        pack,
        _pack,
        [(part,) for part in indices],
        {
            "the first index belongs into the upper four bits, the second into the lower.": functools.partial(
                _pack, low_first=True
            ),
            "the last index of an odd number is lost: add a 0 before you pack.": lambda part: (
                part[: len(part) // 2 * 2 : 2] << 4 | part[1::2]
            ),
            "each index still has a byte of its own. Two go into one.": lambda part: part.copy(),
            "you add the two without moving the first: shift it by four bits, `<< 4`.": added,
            "the bytes are right and the dtype is not: uint8, or nothing is saved.": lambda part: _pack(part).astype(
                np.int64
            ),
        },
    )
    cases = []
    for part in indices:
        cases.append((_pack(part), rng.normal(0, 0.1, 16).astype(np.float32), len(part)))
    named(
        "unpack",
        compare_function,
        unpack,
        _unpack,
        cases,
        {
            "the two halves of each byte are swapped: the upper four bits come first.": functools.partial(
                _unpack, low_first=True
            ),
            "one value too many: the last four bits of an odd number are filling. Cut at count.": lambda p, c, n: (
                _unpack(p, c, 2 * len(p))
            ),
            "these are the indices. Look them up in the codebook.": lambda p, c, n: _unpack(
                p, np.arange(16, dtype=np.uint8), n
            ),
            "first all upper halves, then all lower ones: they must alternate.": lambda p, c, n: c[
                np.concatenate([p >> 4, p & 15])[:n]
            ],
            "only one of the two indices of a byte comes back.": lambda p, c, n: c[p >> 4],
            "the values are right and the dtype is not: keep that of the codebook.": lambda *case: _unpack(
                *case
            ).astype(np.float64),
        },
    )


def judge_clustered(answer, rng):
    from tensorflow_model_optimization.python.core.clustering.keras.cluster_wrapper import ClusterWeights

    if type(answer) not in (tuple, list) or len(answer) != 2:
        raise Mistake(f"a model and a dict are expected, `clustered` and `distinct`, this is {describe(answer)}.")
    model, distinct = answer
    if model is Ellipsis:
        raise Mistake(NO_ANSWER)
    if model is None:
        raise Mistake("the model is None: that is what `cluster_weights` returns, silently, for a Keras 3 model.")
    arrays = _layers(model, ClusterWeights, "strip_clustering")
    counted = {name: len(np.unique(arrays[name][0])) for name in KERNELS}
    for name, number in counted.items():
        if number > 8 * CLUSTERS and name != "conv_1" or number == len(np.unique(_shipped()[name][0])):
            raise Mistake(f"{name} has {number:,} different weights: it is not clustered.")
        if number > CLUSTERS:
            raise Mistake(f"{name} has {number} different weights, asked are at most {CLUSTERS}.")
        if number <= CLUSTERS // 2:
            raise Mistake(f"{name} has {number} different weights: ask for {CLUSTERS} clusters.")
    if np.array_equal(arrays["logits"][1], _shipped()["logits"][1]):
        raise Mistake("the biases are still those of the checkpoint: nothing was fine-tuned after clustering.")
    right = _share_right(model, rng)
    if right < 0.96:
        raise Mistake(f"{right:.1%} right. Fine-tuning needs a low learning rate: take 1e-4.")
    if distinct is None or distinct is Ellipsis:
        raise Mistake("the model is right, and `distinct` is missing: count the different weights of each kernel.")
    if type(distinct) is not dict or set(distinct) != set(KERNELS):
        raise Mistake(f"distinct must be a dict with the keys {', '.join(KERNELS)}, this is {describe(distinct)}.")
    if any(type(told) not in (int, np.int64, np.int32) for told in distinct.values()):
        raise Mistake("the values of distinct must be whole numbers.")
    if distinct == counted:
        return
    if distinct == {name: len(np.unique(_shipped()[name][0])) for name in KERNELS}:
        raise Mistake("distinct belongs to the model before clustering: count in the stripped one.")
    if distinct == {name: arrays[name][0].size for name in KERNELS}:
        raise Mistake("distinct counts all weights. `np.unique` gives the different ones.")
    name = next(name for name in KERNELS if distinct[name] != counted[name])
    raise Mistake(f"distinct['{name}'] is {distinct[name]}, and the kernel holds {counted[name]} different weights.")


EXERCISES = {
    "prune_smallest": Exercise(
        2,
        "prune_smallest(weights, sparsity) on arrays of one to four axes",
        "a small weight adds little to any sum: which ones go decides what the model forgets.",
        judge_prune_smallest,
    ),
    "make_schedule": Exercise(
        2,
        "make_schedule(final, steps): when it chooses masks and where it ends, for short and long trainings",
        "a schedule that never chooses a mask leaves the model dense, and nothing warns you.",
        judge_make_schedule,
    ),
    "pruned": Exercise(
        3,
        "your pruned model: wrappers, zeros in each layer, whether it was trained, accuracy on a part of the test set",
        "count the zeros: a model that is called pruned may be dense, or larger than before.",
        judge_pruned,
    ),
    "shrink_factors": Exercise(
        2,
        "shrink_factors(before, after) on files with zeros, with few different weights, and with 8 bits",
        "bytes on the disk, bytes to download and working memory are three questions.",
        judge_shrink_factors,
    ),
    "kmeans_step": Exercise(
        2,
        "kmeans_step(values, centroids): who chooses whom, where the centroids go, and one that nobody chose",
        "these two lines are the whole of clustering.",
        judge_kmeans_step,
    ),
    "codebook": Exercise(
        2,
        "pack(indices) and unpack(packed, codebook, count) on even and odd numbers of indices",
        "16 clusters are worth 4 bits a weight only to a format that stores indices.",
        judge_codebook,
    ),
    "clustered": Exercise(
        3,
        "your clustered model: wrappers, different weights in each kernel, fine-tuning, accuracy; and your count",
        "only a count tells whether the weights are shared in what you ship.",
        judge_clustered,
    ),
}
