"""Right answers in different styles, and wrong ones with a part of the hint that must name the mistake (or None)."""

import copy
import functools
import gzip
import zlib

import numpy as np
import tensorflow_model_optimization as tfmot
import tf_keras as keras

from tests.labs.answers import EqualsEverything
from tflite_course import evaluation, models
from tflite_course.resources import resource

SPARSITY, CLUSTERING = tfmot.sparsity.keras, tfmot.clustering.keras
KERNELS = ("conv_1", "conv_2", "conv_3", "logits")


# --- prune_smallest
def prune_threshold(layers, sparsity):
    magnitudes = np.sort(np.concatenate([np.abs(layer).ravel() for layer in layers]))
    count = round(sparsity * len(magnitudes))
    limit = magnitudes[count - 1] if count else -1
    return [np.where(np.abs(layer) <= limit, 0, layer).astype(layer.dtype) for layer in layers]


def prune_partition(layers, sparsity):
    flat = np.hstack([layer.ravel() for layer in layers])
    count = int(np.round(sparsity * len(flat)))
    if count:
        flat[np.argpartition(np.abs(flat), count - 1)[:count]] = 0
    found, start = [], 0
    for layer in layers:
        found.append(flat[start : start + layer.size].reshape(layer.shape))
        start += layer.size
    return tuple(found)


def prune_loop(layers, sparsity):
    pruned = [layer.copy() for layer in layers]
    places = [(abs(float(value)), n, place) for n, layer in enumerate(layers) for place, value in np.ndenumerate(layer)]
    places.sort()
    for _, n, place in places[: round(sparsity * len(places))]:
        pruned[n][place] = 0
    return pruned


def prune_in_place(layers, sparsity):
    for layer, pruned in zip(layers, prune_loop(layers, sparsity), strict=True):
        layer[...] = pruned
    return layers


def prune_of_the_lesson(weights, sparsity):
    order = np.argsort(np.abs(weights), axis=None)
    pruned = weights.flatten()
    pruned[order[: round(sparsity * weights.size)]] = 0
    return pruned.reshape(weights.shape)


PRUNE_WRONG = {
    "in place": (prune_in_place, "changes the array"),
    "flat": (lambda w, s: [layer.ravel() for layer in prune_loop(w, s)], None),
    "the lesson's own": (prune_of_the_lesson, "your function stops with"),
    "the visible example alone": (lambda w, s: [np.array([0.9, -0.7], np.float32), np.zeros((2, 1), np.float32)], None),
    "equals everything": (lambda w, s: EqualsEverything(), None),
    "nothing": (lambda w, s: None, "returns nothing yet"),
    "untouched": (..., "no answer yet"),
}


# --- fair_control
def control_copied(subject):
    control = copy.deepcopy(subject)
    for stage in control["stages"]:
        for key in set(stage) - {"epochs", "learning_rate"}:
            del stage[key]
        stage["method"] = None
    return control


def control_written(subject):
    shared = ("start", "images", "batch", "seeds", "file", "strip", "measured_on")
    control = {key: subject[key] for key in shared}
    control["stages"] = []
    for stage in subject["stages"]:
        control["stages"].append(dict(method=None, epochs=stage["epochs"], learning_rate=stage["learning_rate"]))
    return control


def control_merged(subject):
    def stage(epochs, learning_rate, **of_the_method):
        return {"epochs": epochs, "learning_rate": learning_rate, "method": None}

    return subject | {"stages": tuple(stage(**part) for part in subject["stages"])}


def control_in_place(subject):
    for stage in subject["stages"]:
        stage["method"] = None
    return dict(subject)


CONTROL_WRONG = {
    "changes its subject": (control_in_place, "changes the dict"),
    "no stages": (
        lambda s: {key: value for key, value in s.items() if key != "stages"},
        "the keys of what your function returns: (batch, file, images",
    ),
    "twice the epochs": (
        lambda s: s | {"stages": [p | {"epochs": p["epochs"] * 2} for p in control_copied(s)["stages"]]},
        "['stages'][0]['epochs'] of what your function returns: ",
    ),
    "one seed and its file not stripped": (
        lambda s: control_copied(s) | {"seeds": s["seeds"][:1], "strip": False},
        "['seeds'] of what your function returns: (",
    ),
    "a key too many in a stage": (
        lambda s: s | {"stages": [p | {"note": ""} for p in control_copied(s)["stages"]]},
        "the keys of ['stages'][0] of what your function returns: (epochs, learning_rate, method, note)",
    ),
    "equals everything": (lambda s: EqualsEverything(), None),
    "nothing": (lambda s: None, "returns nothing yet"),
    "a plan": ({"stages": []}, "a function is expected"),
    "untouched": (..., "no answer yet"),
}


# --- make_schedule
def polynomial(**fixed):
    """Return a function that makes a PolynomialDecay; what is fixed wins over a right choice."""

    def function(final, steps):
        frequency = fixed.get("frequency", steps // 20)
        options = {"initial_sparsity": 0.0, "final_sparsity": final, "begin_step": 0, "end_step": 14 * frequency}
        return SPARSITY.PolynomialDecay(**options | {"frequency": frequency} | fixed)

    return function


def schedule_each_step(final, steps):
    return SPARSITY.PolynomialDecay(final / 2, final, 1, steps // 2, power=1, frequency=1)


def schedule_rounded(final, steps):
    frequency = max(1, steps // 12)
    end = frequency * (int(0.7 * steps) // frequency)
    return SPARSITY.PolynomialDecay(
        initial_sparsity=0.1, final_sparsity=final, begin_step=0, end_step=end, frequency=frequency
    )


def constant(final, steps):
    return SPARSITY.ConstantSparsity(final, begin_step=0, frequency=5)


SCHEDULE_WRONG = {
    "default frequency": (
        lambda final, steps: SPARSITY.PolynomialDecay(0.0, final, 0, int(0.7 * steps)),
        "no mask is chosen at all",
    ),
    "default frequency, constant": (
        lambda final, steps: SPARSITY.ConstantSparsity(final, 0, frequency=1000),
        "no mask is chosen at all",
    ),
    "constant": (constant, "everything at once"),
    "end is not met": (
        lambda final, steps: polynomial(frequency=6, end_step=int(0.7 * steps) // 6 * 6 + 1)(final, steps),
        "multiple of frequency",
    ),
    "ends after the training": (lambda f, s: polynomial(end_step=2 * s, frequency=s // 20)(f, s), "after the training"),
    "no recovery": (lambda f, s: polynomial(end_step=s // 20 * 19)(f, s), "last quarter"),
    "two masks": (lambda f, s: polynomial(frequency=s // 3, end_step=2 * (s // 3))(f, s), "masks. Climb"),
    "late": (
        lambda f, s: polynomial(begin_step=s // 2, frequency=1, end_step=s // 2 + 6)(f, s),
        "Begin in the first quarter",
    ),
    "too much": (lambda f, s: polynomial(final_sparsity=0.95)(f, s), "prunes too much"),
    "too little": (lambda f, s: polynomial(final_sparsity=0.3)(f, s), "use the argument"),
    "percent": (lambda f, s: polynomial(final_sparsity=100 * f)(f, s), "ValueError"),
    "the visible training alone": (polynomial(end_step=60, frequency=10), "after the training"),
    "a list": (lambda f, s: [0.0, f / 2, f], "schedule of TFMOT is expected"),
    "equals everything": (lambda f, s: EqualsEverything(), "schedule of TFMOT is expected"),
    "no function": (0.8, "a function is expected"),
    "nothing": (lambda f, s: None, "returns nothing yet"),
    "untouched": (..., "no answer yet"),
}


# --- pruned
def stored(name="pruning_80"):
    return models.load_model(weights=resource(f"assets/experiments/{name}.weights.h5"))


def changed(change, start=stored):
    """Return a model whose kernels are change(name, kernel)."""
    model = start()
    for name in KERNELS:
        kernel, *rest = model.get_layer(name).get_weights()
        model.get_layer(name).set_weights([change(name, kernel), *rest])
    return model


def pruned_kernels(names, share=0.8, start=models.load_model):
    return changed(lambda name, kernel: prune_loop([kernel], share)[0] if name in names else kernel, start)


def still_wrapped():
    options = {"pruning_schedule": SPARSITY.ConstantSparsity(0.8, 0, frequency=10)}
    return SPARSITY.prune_low_magnitude(stored(), **options)


def keras_3():
    import keras as modern

    return modern.Sequential([modern.layers.Input((28, 28)), modern.layers.Flatten(), modern.layers.Dense(10)])


PRUNED_RIGHT = {
    "stored run": stored,
    "functional model": lambda: functional(stored()),
    "moved a little": lambda: changed(lambda name, kernel: kernel * np.float32(1.01)),
}
PRUNED_WRONG = {
    "the checkpoint": (models.load_model, "there are no zeros"),
    "control": (lambda: stored("pruning_control"), "there are no zeros"),
    "by hand": (lambda: pruned_kernels(KERNELS[1:]), "nothing was trained after pruning"),
    "conv_1 as well": (lambda: pruned_kernels(KERNELS[:1], start=stored), "leave it dense"),
    "a layer forgotten": (
        lambda: changed(lambda name, kernel: kernel + 1e-4 * (name == "conv_2")),
        "wrap this layer, too",
    ),
    "too sparse": (lambda: pruned_kernels(KERNELS[1:], 0.9, start=stored), "asked are 80%"),
    "wrapped": (still_wrapped, "strip_pruning"),
    "half": (lambda: pruned_kernels(KERNELS[1:], 0.5), "asked are 80%"),
    "not from the checkpoint": (
        lambda: changed(lambda name, kernel: np.abs(kernel)),
        "Training should bring back nearly all",
    ),
    "file": (lambda: models.model_path().read_bytes(), ".tflite file"),
    "Keras 3": (keras_3, "Keras 3"),
    "another network": (lambda: models.load_model("mnist_ds"), "as in mnist_cnn"),
    "equals everything": (EqualsEverything, "a tf_keras model is expected"),
    "untouched": (lambda: ..., "no answer yet"),
}


def functional(model):
    return keras.Model(model.inputs, model.outputs)


# --- shrink_factors
def sizes(content):
    return {
        "bytes": len(content),
        "gzip": len(gzip.compress(content, 9)),
        "activations": evaluation.activation_memory(content),
    }


def factors_plain(before, after):
    old, new = sizes(before), sizes(after)
    return {name: old[name] / new[name] for name in old}


def factors_ledger(before, after):
    old, new = evaluation.size_ledger(before), evaluation.size_ledger(after)
    factors = {name: old[name] / new[name] for name in ("bytes", "gzip")}
    factors["activations"] = evaluation.activation_memory(before) / evaluation.activation_memory(after)
    return factors


def factors_zlib(before, after):
    def gzipped(content):
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        return len(packer.compress(content) + packer.flush())

    memory = np.float64(evaluation.activation_memory(before)) / evaluation.activation_memory(after)
    return {"activations": memory, "gzip": gzipped(before) / gzipped(after), "bytes": len(before) / len(after)}


FACTORS_WRONG = {
    "a key missing": (lambda b, a: {"bytes": len(b) / len(a)}, "expected (activations, bytes, gzip)"),
    "a key too many": (lambda b, a: factors_plain(b, a) | {"time": 1.0}, "(activations, bytes, gzip, time), expected"),
    "a list": (lambda b, a: list(factors_plain(b, a).values()), "a dict with the keys"),
    "the visible files alone": (lambda b, a: {"bytes": 1.0, "gzip": 3.2, "activations": 1.0}, None),
    "equals everything": (lambda b, a: dict.fromkeys(("bytes", "gzip", "activations"), EqualsEverything()), None),
    "nothing": (lambda b, a: None, "returns nothing yet"),
    "untouched": (..., "no answer yet"),
}


# --- kmeans_step
def step_loop(values, centroids):
    indices = [min(range(len(centroids)), key=lambda k: abs(float(v) - float(centroids[k]))) for v in values]
    moved = []
    for k in range(len(centroids)):
        chosen = [float(v) for v, index in zip(values, indices, strict=True) if index == k]
        moved.append(sum(chosen) / len(chosen) if chosen else float(centroids[k]))
    return indices, moved


def step_bincount(values, centroids):
    indices = np.argmin((values[None] - centroids[:, None]) ** 2, axis=0)
    number = np.bincount(indices, minlength=len(centroids))
    sums = np.bincount(indices, weights=values, minlength=len(centroids))
    return indices.astype(np.uint8), np.where(number > 0, sums / np.maximum(number, 1), centroids)


def step_masked(values, centroids):
    indices, moved = np.abs(np.subtract.outer(values, centroids)).argmin(1), centroids.copy()
    for k in set(indices.tolist()):
        moved[k] = np.mean(values[indices == k])
    return indices, moved


def step_in_place(values, centroids):
    indices = np.abs(values[:, None] - centroids).argmin(1)
    for k in np.unique(indices):
        centroids[k] = values[indices == k].mean()
    return indices, centroids


STEP_WRONG = {
    "in place": (step_in_place, "changes the array"),
    "indices alone": (lambda v, c: step_masked(v, c)[0], "expected ("),
    "swapped": (lambda v, c: step_masked(v, c)[::-1], "expected ("),
    "None beside the indices": (lambda v, c: (step_masked(v, c)[0], None), "expected ("),
    "the visible case alone": (lambda v, c: (np.array([0, 1, 2, 2, 2]), np.array([1, 3, 32 / 3])), None),
    "equals everything": (lambda v, c: (EqualsEverything(), EqualsEverything()), None),
    "nothing": (lambda v, c: None, "returns nothing yet"),
    "untouched": (..., "no answer yet"),
}


# --- codebook
def pack_append(indices):
    padded = np.append(indices, np.zeros(len(indices) % 2, np.uint8)).astype(np.uint8)
    return (padded[::2] << 4) | padded[1::2]


def unpack_stack(packed, codebook, count):
    return codebook[np.stack([packed >> 4, packed & 0x0F], axis=1).reshape(-1)[:count]]


def pack_loop(indices):
    numbers = [int(index) for index in indices] + [0] * (len(indices) % 2)
    return np.array([16 * numbers[k] + numbers[k + 1] for k in range(0, len(numbers), 2)], np.uint8)


def unpack_loop(packed, codebook, count):
    numbers = [half for byte in packed.tolist() for half in divmod(byte, 16)]
    return np.array([codebook[number] for number in numbers[:count]], codebook.dtype)


def pack_bits(indices):
    bits = np.unpackbits(indices[:, None], axis=1)[:, 4:]
    return np.packbits(bits.ravel())


def unpack_empty(packed, codebook, count):
    indices = np.empty(2 * len(packed), np.intp)
    indices[0::2], indices[1::2] = packed // 16, packed % 16
    return np.take(codebook, indices[:count])


CODEBOOK_WRONG = {
    "odd number": ((lambda i: i[0::2] << 4 | i[1::2], unpack_stack), "ValueError"),
    "both halves swapped": (
        (lambda i: pack_append(i) >> 4 | pack_append(i) << 4, lambda p, c, n: unpack_stack(p << 4 | p >> 4, c, n)),
        "pack: the first index belongs in",
    ),
    "unpack open": ((pack_append, lambda *_: None), "unpack: your function returns nothing yet"),
    "unpack missing": ((pack_append, ...), "no answer yet"),
    "one function": (pack_append, "two functions are expected"),
    "the visible case alone": (
        (lambda i: np.array([48, 241], np.uint8), lambda p, c, n: c[np.array([3, 0, 15, 1])[:n]]),
        None,
    ),
    "equals everything": ((lambda i: EqualsEverything(), lambda p, c, n: EqualsEverything()), None),
    "untouched": ((lambda i: None, lambda p, c, n: None), "returns nothing yet"),
}


# --- clustered
@functools.cache
def book():
    with np.load(resource("assets/experiments/clustering_16.npz")) as arrays:
        return dict(arrays)


def from_book():
    """Return the clustered model of the experiment, from its codebooks and indices."""
    model = models.load_model()
    for layer in model.layers:
        arrays = []
        for number, old in enumerate(layer.get_weights()):
            name = f"{layer.name}/{number}"
            found = book().get(name)
            if found is None:
                found = unpack_stack(book()[f"{name}/indices"], book()[f"{name}/codebook"], old.size)
            arrays.append(found.reshape(old.shape))
        layer.set_weights(arrays)
    return model


def count(model, number=len):
    return {name: number(np.unique(model.get_layer(name).get_weights()[0])) for name in KERNELS}


def rounded(start, clusters, names=KERNELS):
    """Return a model whose kernels have a number of evenly spaced values."""

    def change(name, kernel):
        levels = np.linspace(kernel.min(), kernel.max(), clusters).astype(np.float32)
        nearest = np.abs(kernel.ravel()[:, None] - levels).argmin(1)
        return levels[nearest].reshape(kernel.shape) if name in names else kernel

    return changed(change, start)


def counted(make, **more):
    def answer():
        model = make()
        return model, count(model) | more

    return answer


def wrapped_clusters():
    return CLUSTERING.cluster_weights(from_book(), 16)


CLUSTERED_RIGHT = {
    "stored run": counted(from_book),
    "functional model, NumPy counts": lambda: (
        functional(from_book()),
        count(from_book(), lambda values: np.int64(values.size)),
    ),
    "a list": lambda: list(counted(lambda: changed(lambda name, kernel: kernel * np.float32(1.01), from_book))()),
}
CLUSTERED_WRONG = {
    "the checkpoint": (counted(models.load_model), "it is not clustered"),
    "Keras 3 gave None": (lambda: (None, {}), "for a Keras 3 model"),
    "Keras 3": (lambda: (keras_3(), {}), "Keras 3"),
    "wrapped": (lambda: (wrapped_clusters(), count(from_book())), "strip_clustering"),
    "32 clusters": (counted(lambda: rounded(functools.partial(stored, "pruning_control"), 32)), "asked are at most 16"),
    "4 clusters": (counted(lambda: rounded(from_book, 4)), "ask for 16 clusters"),
    "conv_1 left out": (
        counted(
            lambda: changed(lambda n, k: k + np.arange(k.size).reshape(k.shape) * 1e-5 * (n == "conv_1"), from_book)
        ),
        "it is not clustered",
    ),
    "not fine-tuned": (
        counted(lambda: rounded(models.load_model, 16)),
        "nothing was fine-tuned",
    ),
    "rate too high": (counted(lambda: changed(lambda n, k: np.abs(k) + k.max() / 3, from_book)), "low learning rate"),
    "counted before": (lambda: (from_book(), count(models.load_model())), "before clustering"),
    "counted all": (
        lambda: (model := from_book(), {n: model.get_layer(n).get_weights()[0].size for n in KERNELS}),
        "counts all weights",
    ),
    "wrong count": (counted(from_book, logits=15), "the kernel holds 16 different weights"),
    "hard-coded for another model": (lambda: (changed_conv_1(), dict.fromkeys(KERNELS, 16)), None),
    "count missing": (lambda: (from_book(), ...), "`distinct` is missing"),
    "a list of counts": (lambda: (from_book(), [16, 16, 16, 16]), "must be a dict"),
    "model alone": (from_book, "a model and a dict"),
    "counts that equal everything": (
        lambda: (from_book(), dict.fromkeys(KERNELS, EqualsEverything())),
        "must be whole numbers",
    ),
    "equals everything": (lambda: (EqualsEverything(), EqualsEverything()), "a tf_keras model is expected"),
    "untouched": (lambda: (..., ...), "no answer yet"),
}


def changed_conv_1():
    """Return the clustered model with one value less in conv_1."""

    def merge(name, kernel):
        values = np.unique(kernel)
        return np.where(kernel == values[0], values[1], kernel) if name == "conv_1" else kernel

    return changed(merge, from_book)


# exercise: ({style: answer}, {mistake: (answer, part of the hint or None)})
ANSWERS = {
    "prune_smallest": (
        {"threshold": prune_threshold, "partition": prune_partition, "loop": prune_loop},
        PRUNE_WRONG,
    ),
    "make_schedule": (
        {"polynomial": polynomial(), "each step": schedule_each_step, "rounded": schedule_rounded},
        SCHEDULE_WRONG,
    ),
    "fair_control": (
        {"copied": control_copied, "written": control_written, "merged": control_merged},
        CONTROL_WRONG,
    ),
    "shrink_factors": ({"plain": factors_plain, "ledger": factors_ledger, "zlib": factors_zlib}, FACTORS_WRONG),
    "kmeans_step": ({"loop": step_loop, "bincount": step_bincount, "masked": step_masked}, STEP_WRONG),
    "codebook": (
        {
            "append": (pack_append, unpack_stack),
            "loop": (pack_loop, unpack_loop),
            "bits": [pack_bits, unpack_empty],
        },
        CODEBOOK_WRONG,
    ),
}
# the same, where an answer is made only when its test runs
LAZY_ANSWERS = {"pruned": (PRUNED_RIGHT, PRUNED_WRONG), "clustered": (CLUSTERED_RIGHT, CLUSTERED_WRONG)}
