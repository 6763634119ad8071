"""Are XNNPACK's sparse kernels used, and are they faster? On this processor, and on one without AVX that is emulated.

    python -m tflite_course.authoring sparse_kernels

One network of the form that the kernels accept, with zeros in its 1 x 1 convolutions: each file once as it is and once
with sparse encoding. They are timed in turns. QEMU emulates a processor without AVX (its times count for their ratio
alone: they follow the instructions that are executed). Needs qemu-x86_64-static (Debian: qemu-user-static) on Intel or
AMD. About two minutes. Writes sparse_kernels.json, which a notebook that goes deeper than lesson 07 reads.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tflite_course.authoring.experiments import record
from tflite_course.errors import CourseError
from tflite_course.machine import processor
from tflite_course.setup import prepare

EMULATOR, CPU = "qemu-x86_64-static", "Nehalem"  # a processor of 2008: SSE 4.2, no AVX
SPARSITIES, WIDTH, SIZE, ROUNDS = (0.8, 0.9, 0.95), 64, 96, {"here": 300, "emulated": 5}
PROGRAM = """
import json, sys, time
import numpy as np
from ai_edge_litert.interpreter import Interpreter
folder, rounds, names = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
image = np.random.default_rng(0).random((1, 96, 96, 3)).astype(np.float32)
runs, outputs, fastest = {}, {}, {}
for name in names:
    runs[name] = one = Interpreter(f"{folder}/{name}.tflite", num_threads=1)
    one.allocate_tensors()
    one.set_tensor(one.get_input_details()[0]["index"], image)
    one.invoke()
    outputs[name] = one.get_tensor(one.get_output_details()[0]["index"]).tobytes().hex()
for _ in range(rounds):
    for name, one in runs.items():
        start = time.perf_counter()
        one.invoke()
        fastest[name] = min(fastest.get(name, 1e9), time.perf_counter() - start)
print(json.dumps({"fastest": fastest, "outputs": outputs}))
"""


def build():
    """Return a network of the form that XNNPACK's sparse kernels accept, untrained, of one seed."""
    import tf_keras as keras

    layers = keras.layers
    keras.utils.set_random_seed(1)
    steps = [
        layers.Input((SIZE, SIZE, 3)),
        layers.ZeroPadding2D(1),
        layers.Conv2D(WIDTH, 3, strides=2, activation="relu"),
    ]
    for filters in (WIDTH, 2 * WIDTH, 2 * WIDTH, 2 * WIDTH):
        steps.append(layers.DepthwiseConv2D(3, padding="same", activation="relu"))
        steps.append(layers.Conv2D(filters, 1, activation="relu"))
    end = [layers.GlobalAveragePooling2D(keepdims=True), layers.Flatten(), layers.Dense(10)]
    return keras.Sequential([*steps, *end])


def set_zeros(network, sparsity):
    """Set the smallest weights of the 1 x 1 convolutions to zero."""
    for layer in network.layers:
        if getattr(layer, "kernel_size", None) == (1, 1):
            kernel, bias = layer.get_weights()
            border = np.quantile(np.abs(kernel), sparsity)
            layer.set_weights([np.where(np.abs(kernel) < border, 0, kernel), bias])


def make_files(folder):
    """Write the .tflite files into a folder and return their names: dense, and two for each sparsity."""
    import tensorflow as tf

    def write(name, network, optimizations=()):
        converter = tf.lite.TFLiteConverter.from_keras_model(network)
        converter.optimizations = list(optimizations)
        Path(folder, f"{name}.tflite").write_bytes(converter.convert())
        return name

    network = build()
    names = [write("dense", network)]
    for sparsity in SPARSITIES:
        set_zeros(network, sparsity)
        names.append(write(f"zeros {sparsity}", network))
        names.append(write(f"encoded {sparsity}", network, [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]))
    return names


def time_files(folder, names, rounds, *, before=()):
    """Return {"fastest": {name: seconds}, "outputs": {name: bytes as hex}} of a process of its own."""
    command = [*before, sys.executable, "-c", PROGRAM, str(folder), str(rounds), *names]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise CourseError(f"The files could not be run ({' '.join(done.stderr.strip().splitlines()[-1:])}).")
    return json.loads(done.stdout)


def main():
    prepare(seed=1)
    if not shutil.which(EMULATOR):
        raise CourseError(
            f"There is no {EMULATOR} on this machine: install it (Debian: apt-get install qemu-user-static)."
        )
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        names = make_files(folder)
        sizes = {name: Path(folder, f"{name}.tflite").stat().st_size for name in names}
        here = time_files(folder, names, ROUNDS["here"])
        other = time_files(folder, names, ROUNDS["emulated"], before=[EMULATOR, "-cpu", CPU])
    rows = []
    for sparsity in SPARSITIES:
        row = {"sparsity": sparsity}
        for kind in ("zeros", "encoded"):
            name = f"{kind} {sparsity}"
            row |= {f"{kind}: bytes": sizes[name]}
            for place, found in (("here", here), ("without AVX", other)):
                row[f"{kind}: {place}"] = round(found["fastest"][name] / found["fastest"]["dense"], 2)
        for place, found in (("here", here), ("without AVX", other)):
            row[f"same bits: {place}"] = (
                found["outputs"][f"zeros {sparsity}"] == found["outputs"][f"encoded {sparsity}"]
            )
        rows.append(row)
        print(row, flush=True)
    settings = {"processor": processor(), "emulated": CPU, "rounds": ROUNDS}
    record.store("sparse_kernels", rows, time.perf_counter() - start, **settings)


if __name__ == "__main__":
    main()
