"""Lab 5, shrink_factors: which of three sizes became smaller, and how many times."""

import functools
import gzip

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake
from tflite_course.labs.lab_5_prune_and_cluster.prune_smallest import prune_smallest


def shrink_factors(before, after):
    old, new = _sizes(before), _sizes(after)
    return {name: old[name] / new[name] for name in old}


@functools.lru_cache(maxsize=32)  # the mistakes ask for the same files again and again
def _sizes(content):
    from tflite_course.evaluation import activation_memory

    return {
        "bytes": len(content),
        "gzip": len(gzip.compress(content, 9)),
        "activations": activation_memory(content),
    }


def cases(rng):
    base = _file("mnist_ds", "float32")  # small, because gzip takes its time
    sparsity, levels = float(rng.uniform(0.6, 0.9)), rng.normal(0, 0.1, int(rng.integers(6, 20)))
    return [
        (base, _with_weights(base, lambda values: prune_smallest([values], sparsity)[0])),
        (base, _with_weights(base, lambda values: rng.choice(levels, values.size))),
        (_file("mnist_cnn", "float32"), _file("mnist_cnn", "int8")),
        (_file("mnist_ds", "int8"), base),
    ]


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


def upside_down(before, after):
    return shrink_factors(after, before)


def one_without_gzip(before, after):
    return shrink_factors(before, after) | {"gzip": len(before) / _sizes(after)["gzip"]}


def shares_saved(before, after):
    return {name: 1 - 1 / factor for name, factor in shrink_factors(before, after).items()}


def differences(before, after):
    return {name: size - _sizes(after)[name] for name, size in _sizes(before).items()}


def not_compressed(before, after):
    return shrink_factors(before, after) | {"gzip": len(before) / len(after)}


def memory_from_the_file(before, after):
    return shrink_factors(before, after) | {"activations": len(before) / len(after)}


def without_names(before, after):
    return tuple(shrink_factors(before, after).values())


EXERCISE = Exercise(
    points=2,
    tests="shrink_factors(before, after) on files with zeros, with few different weights, and with 8 bits",
    why="bytes on the disk, bytes to download and working memory are three questions.",
    cases=cases,
    right=shrink_factors,
    mistakes=[
        KnownMistake(
            "it is upside down: a factor of 2 means that the size is halved, so divide before by after.", upside_down
        ),
        KnownMistake(
            "you divide a file without gzip by one with it: gzip alone makes a part of it. Pack both.", one_without_gzip
        ),
        KnownMistake("these are shares saved. Asked is the factor, before / after.", shares_saved),
        KnownMistake("these are differences in bytes. Asked is the factor, before / after.", differences),
        KnownMistake(
            "gzip has the factor of the plain file: compress the bytes, then take the length.", not_compressed
        ),
        KnownMistake(
            "activations is not the size of the file: `evaluation.activation_memory` measures it.", memory_from_the_file
        ),
        KnownMistake('a dict with the keys "bytes", "gzip" and "activations" is expected.', without_names),
    ],
    tolerance=0.05,
)
