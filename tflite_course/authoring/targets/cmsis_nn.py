"""Count the instructions of Arm's CMSIS-NN kernels for the same models; firmware.py --bakenn calls it.

bakenn 1.0.0 writes C that calls CMSIS-NN 4.0.0, which it brings. It has no MEAN, so the small models lose their
mean and dense layer here, on both sides. The 20,410-parameter network is the one of many first tutorials: one
convolution, one pooling, one dense layer.
"""

import subprocess
import tempfile
from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflite_course import models
from tflite_course.datasets import load_mnist
from tflite_course.models import flatbuffer
from tflite_course.targets import golden
from tflite_course.targets.firmware import board

IMAGES = 50
PROGRAM = """
import sys
from bakenn import CORTEX_M4, CBackendOptions, KernelPolicy, compile_tflite
options = CBackendOptions(kernel_policy=KernelPolicy.AUTO, enable_cmsis_nn=True, target=CORTEX_M4)
compile_tflite(sys.argv[1], sys.argv[2], name="net", backend_options=options)
"""
HEADER = """#include "bknn_net.h"
#define MODEL_INPUT_BYTES BKNN_NET_INPUT_BYTES
#define MODEL_OUTPUT_BYTES BKNN_NET_OUTPUT_BYTES
extern int8_t *const model_input, *const model_output;
void model_run(void);
"""
SOURCE = """#include "model.h"
static int8_t in[MODEL_INPUT_BYTES], out[MODEL_OUTPUT_BYTES];
static uint8_t arena[BKNN_NET_ARENA_SIZE + 1] __attribute__((aligned(16)));
int8_t *const model_input = in, *const model_output = out;
void model_run(void) { bknn_net_infer(arena, in, out); }
void _init(void) {}
"""


def tutorial_network():
    """Return the 20,410-parameter network, trained for a moment, as int8 .tflite bytes with a batch of one."""
    import tensorflow as tf
    import tf_keras as keras

    keras.utils.set_random_seed(1)
    (images, labels), _ = load_mnist()
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((28, 28), batch_size=1),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(12, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )
    assert model.count_params() == 20_410
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(images[:500], labels[:500], batch_size=1, verbose=0)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([images[i : i + 1]] for i in range(100))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def for_bakenn(model):
    """Return a model as bakenn takes it: no shape arithmetic, no MEAN and what follows, shapes in RESHAPE itself."""
    tree = flatbuffer.unpack(model)
    graph, kept, codes = tree.subgraphs[0], [], schema.BuiltinOperator
    for operator in graph.operators:
        code = tree.operatorCodes[operator.opcodeIndex].builtinCode
        if code in (codes.SHAPE, codes.STRIDED_SLICE, codes.PACK):
            continue
        if code == codes.MEAN:
            graph.outputs = [operator.inputs[0]]
            break
        if code == codes.RESHAPE:
            operator.builtinOptions = schema.ReshapeOptionsT()
            operator.builtinOptions.newShape = [int(n) for n in graph.tensors[operator.outputs[0]].shape]
            operator.builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
            operator.inputs = operator.inputs[:1]
        kept.append(operator)
    graph.operators, tree.signatureDefs = kept, None
    for tensor in graph.tensors:
        tensor.shapeSignature = None
    builder = flatbuffers.Builder(1024)
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def run_cmsis_nn(model, folder, values, python):
    """Return (outputs, cost) of a model whose C bakenn wrote with CMSIS-NN, as board.run() does."""
    (folder / "net.tflite").write_bytes(model)
    subprocess.run([python, "-c", PROGRAM, "net.tflite", "net"], cwd=folder, check=True)
    (folder / "model.h").write_text(HEADER, encoding="utf-8")
    (folder / "model.c").write_text(SOURCE, encoding="utf-8")
    sources = [*(folder / "net").rglob("*.c"), folder / "model.c", board.SOURCE / "main.c", board.SOURCE / "startup.c"]
    includes = {header.parent for header in (folder / "net").rglob("*.h")} | {board.SOURCE, folder}
    # With a C library: these kernels call memcpy.
    command = (
        "arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -O2 -std=gnu11 -masm-syntax-unified -ffunction-sections".split()
    )
    command += ["-fdata-sections", "-nostartfiles", "-Wl,--gc-sections", *[f"-I{place}" for place in includes]]
    command += [*map(str, sources), f"-L{board.SOURCE}", f"-T{board.SOURCE / 'mps2-an386.ld'}", "-o", "firmware.elf"]
    subprocess.run(command, cwd=folder, check=True)
    return board.run("mps2-an386", folder, values)


def measure(python):
    """Return one row for each model: instructions for one image on the Cortex-M4, CMSIS-NN's and the course's."""
    values = golden.golden_images()[:IMAGES]
    candidates = {name: models.model_path(name, "int8") for name in golden.MODELS}
    candidates["tutorial network"] = tutorial_network()
    rows = []
    for name, model in candidates.items():
        model = for_bakenn(model)
        with tempfile.TemporaryDirectory() as folder:
            theirs, cost = run_cmsis_nn(model, Path(folder), values, python)
            board.build(model, "mps2-an386", folder, name=name)
            ours, own = board.run("mps2-an386", folder, values)
        assert np.array_equal(ours, theirs), f"{name}: the answers differ"
        rows.append({"model": name, "cmsis_nn": cost["instructions"], "course": own["instructions"]})
    return rows
