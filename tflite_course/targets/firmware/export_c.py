"""Write an int8 .tflite model as C: constant arrays, one call for each operator, and the arena that they share.

    python -m tflite_course.targets.firmware.export_c assets/models/mnist_tiny_int8.tflite folder

It writes folder/model.c and folder/model.h, and copies kernels.h, which has the kernels that model.c calls.
"""

import math
import shutil
import sys
from pathlib import Path

import numpy as np

from tflite_course.errors import CourseError
from tflite_course.models.flatbuffer import unpack
from tflite_course.resources import resource

# Operators of the graph that only compute a shape. With a batch of one it is known, so nothing is left to do.
SHAPE_ONLY = ("SHAPE", "STRIDED_SLICE", "PACK")
KERNELS = {
    "CONV_2D": "convolution",
    "DEPTHWISE_CONV_2D": "depthwise",
    "FULLY_CONNECTED": "fully_connected",
    "MAX_POOL_2D": "max_pool",
    "AVERAGE_POOL_2D": "average_pool",
    "MEAN": "mean",
}
POOLS = ("MAX_POOL_2D", "AVERAGE_POOL_2D")
MOST = 2**15 - 1  # of a field of Layer in kernels.h, but for "row", which has 32 bits
WITH_PATCH = ("CONV_2D", "DEPTHWISE_CONV_2D")


def export(model, name="model"):
    """Return (model.c, model.h), two texts, of an int8 .tflite model given as bytes or as a path.

    name: what the comment at the top calls it. The model takes one image at a time, and its operators form a chain.
    Raises CourseError for a damaged file, a model that is not int8 from end to end, and an operator, or an option of
    one, that the kernels do not have.
    """
    graph, steps = _read(model)
    sizes = [steps[0]["in_bytes"], *[step["out_bytes"] for step in steps]]
    arena = max(_up(before) + _up(after) for before, after in zip(sizes, sizes[1:], strict=False))
    # Tensors lie at the two ends of the arena by turns: only neighbours are alive at the same time.
    places = [0 if k % 2 == 0 else arena - _up(size) for k, size in enumerate(sizes)]
    patch = max([step["patch"] for step in steps], default=0)
    lines = [
        f"// {name}, written by export_c.py: {', '.join(step['operator'] for step in steps)}",
        '#include "model.h"',
        '#include "kernels.h"',
        "",
        f"static int8_t arena[{arena}] __attribute__((aligned(4)));",
        *([f"static int8_t patch[{patch}] __attribute__((aligned(4)));"] if patch else []),
        f"int8_t *const model_input = arena + {places[0]}, *const model_output = arena + {places[-1]};",
        "",
    ]
    calls = []
    for k, step in enumerate(steps):
        lines += [*_arrays(k, step), _layer(k, step), ""]
        ends = f"&layer_{k}, arena + {places[k]}, arena + {places[k + 1]}"
        calls.append(f"  {KERNELS[step['operator']]}({ends}{', patch' if step['operator'] in WITH_PATCH else ''});")
    lines += ["void model_run(void) {", *calls, "}"]
    header = [
        "#include <stdint.h>",
        f"#define MODEL_INPUT_BYTES {sizes[0]}",
        f"#define MODEL_OUTPUT_BYTES {sizes[-1]}",
        "extern int8_t *const model_input, *const model_output;",
        "void model_run(void);",
    ]
    return "\n".join(lines) + "\n", "#pragma once\n" + "\n".join(header) + "\n"


def write(model, folder, name="model"):
    """Write model.c and model.h of a model into a folder, and kernels.h beside them: all that a C compiler needs.

    Returns the text of model.c. Raises CourseError as export() does; then nothing is written.
    """
    source, header = export(model, name)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.c").write_text(source, encoding="utf-8")
    (folder / "model.h").write_text(header, encoding="utf-8")
    shutil.copyfile(resource("assets/firmware/kernels.h"), folder / "kernels.h")
    return source


def quantize_multiplier(real):
    """Return (multiplier, right): real = multiplier / 2**31 / 2**right; multiplier from 2**30 to 2**31 - 1, or 0.

    real is a positive float. right is negative for a real of 1 and more.
    """
    fraction, exponent = math.frexp(real)
    multiplier = math.floor(fraction * 2**31 + 0.5)
    if multiplier == 2**31:
        multiplier, exponent = 2**30, exponent + 1
    return (multiplier, -exponent) if exponent >= -31 else (0, 0)


def _read(model):
    """Return the graph of a model and its steps: one dict for each operator that computes something."""
    from ai_edge_litert import schema_py_generated as schema

    tree = unpack(model)
    if len(tree.subgraphs) != 1:
        raise CourseError(
            f"The model has {len(tree.subgraphs)} graphs, the exporter takes one: convert one signature alone."
        )
    graph = tree.subgraphs[0]
    graph.buffers = tree.buffers
    kinds = {value: kind for kind, value in vars(schema.TensorType).items() if isinstance(value, int)}
    for ends, count in (("inputs", len(graph.inputs)), ("outputs", len(graph.outputs))):
        if count != 1:
            raise CourseError(f"The model has {count} {ends}, the exporter takes one of each: convert it with one.")
    _need_int8(graph.inputs[0], "input", graph, kinds)
    shape = [int(length) for length in graph.tensors[graph.inputs[0]].shape]
    if not shape or shape[0] != 1:
        raise CourseError(f"The model's input is {shape}, the exporter takes one image: convert it with a batch of 1.")
    names = {value: operator for operator, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    steps, last = [], graph.inputs[0]
    for operator in graph.operators:
        code = tree.operatorCodes[operator.opcodeIndex]
        kind = names[max(code.builtinCode, code.deprecatedBuiltinCode)]
        if kind in SHAPE_ONLY and kinds[graph.tensors[operator.outputs[0]].type] == "INT32":
            continue
        if kind not in KERNELS and kind != "RESHAPE":
            name = code.customCode.decode() if kind == "CUSTOM" else kind
            raise CourseError(
                f"The operator {name} has no kernel here: leave it out of the model (what comes after the logits can "
                f"be C of your own), or use TFLM; there are kernels for {', '.join(KERNELS)}."
            )
        if operator.inputs[0] != last:
            raise CourseError(f"{kind} does not follow the operator before it: the exporter takes a chain.")
        last = operator.outputs[0]
        if kind != "RESHAPE":  # the same bytes under another shape
            steps.append(_step(kind, operator, graph, kinds))
    if last != graph.outputs[0] or not steps:
        raise CourseError("The operators of the model do not lead from its input to its output: convert it anew.")
    _need_int8(last, "output", graph, kinds)
    return graph, steps


def _need_int8(index, end, graph, kinds):
    kind = kinds[graph.tensors[index].type]
    if kind != "INT8":
        raise CourseError(
            f"The model's {end} is {kind}, and the exporter takes int8 from end to end: convert it with int8 input and "
            f"output (lesson 05)."
        )


def _step(kind, operator, graph, kinds):
    """Return what a kernel must know of an operator, as a dict."""
    source, target = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
    if {kinds[source.type], kinds[target.type]} != {"INT8"}:
        raise CourseError(f"{kind} is not int8: convert the model with TFLITE_BUILTINS_INT8 (lesson 05).")
    options = operator.builtinOptions
    step = {
        "operator": kind,
        "in_bytes": int(np.prod(source.shape)),
        "out_bytes": int(np.prod(target.shape)),
        "patch": 0,
        "fields": {"zero_in": _zero(source), "zero_out": _zero(target)},
        "arrays": {},
    }
    fields = step["fields"]
    fields["lowest"], fields["highest"] = _activation(kind, getattr(options, "fusedActivationFunction", 0), target)
    if kind == "AVERAGE_POOL_2D" and (_scale(source), _zero(source)) != (_scale(target), _zero(target)):
        raise CourseError("AVERAGE_POOL_2D changes the scale, and its kernel does not: convert the model anew.")
    if kind in (*WITH_PATCH, *POOLS):
        _place_windows(step, kind, options, graph, operator)
    elif kind == "MEAN":
        axes = sorted(_values(graph, operator.inputs[1], np.int32).ravel().tolist())
        if axes != [1, 2] or len(source.shape) != 4:
            raise CourseError(f"MEAN over the axes {axes} has no kernel here: use GlobalAveragePooling2D.")
        fields["height"], fields["width"], fields["channels"] = (int(n) for n in source.shape[1:])
        step["arrays"] = _mean_multiplier(_scale(source) / _scale(target), int(np.prod(source.shape[1:3])))
    if kind in (*WITH_PATCH, "FULLY_CONNECTED"):
        _add_weights(step, kind, operator, graph, kinds)
    if "right" in step["arrays"] and step["arrays"]["right"][1].min() < 0:
        raise CourseError(f"{kind} makes values larger, and its kernel only makes them smaller: convert it anew.")
    for name, value in fields.items():
        if name != "row" and value > MOST:
            raise CourseError(
                f"In {kind} the {name} is {value:,}, the kernels count to {MOST:,}: make this layer smaller."
            )
    return step


def _place_windows(step, kind, options, graph, operator):
    """Add where the windows of a convolution or a pooling lie."""
    source, target = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
    if getattr(options, "dilationHFactor", 1) != 1 or getattr(options, "dilationWFactor", 1) != 1:
        raise CourseError(f"{kind} with dilation has no kernel here: use a dilation of 1.")
    fields = step["fields"]
    fields["height"], fields["width"], fields["channels"] = (int(n) for n in source.shape[1:])
    fields["out_height"], fields["out_width"] = (int(n) for n in target.shape[1:3])
    if kind in POOLS:
        fields["window_height"], fields["window_width"] = options.filterHeight, options.filterWidth
    else:
        fields["window_height"], fields["window_width"] = (int(n) for n in graph.tensors[operator.inputs[1]].shape[1:3])
    fields["stride_y"], fields["stride_x"] = options.strideH, options.strideW
    for edge, length in (("top", "height"), ("left", "width")):
        stride = fields["stride_y" if edge == "top" else "stride_x"]
        covered = (fields[f"out_{length}"] - 1) * stride + fields[f"window_{length}"]
        fields[edge] = max(0, covered - fields[length]) // 2 if options.padding == 0 else 0  # 0: SAME, 1: VALID


def _add_weights(step, kind, operator, graph, kinds):
    """Add the arrays of weights, biases and multipliers."""
    source, target = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
    tensor = graph.tensors[operator.inputs[1]]
    if kinds[tensor.type] != "INT8" or np.any(tensor.quantization.zeroPoint):
        raise CourseError(f"The weights of {kind} are not symmetric int8: convert the model as in lesson 05.")
    weights = _values(graph, operator.inputs[1], np.int8)
    outputs = int(target.shape[-1])
    _check_weights(kind, weights, source, target)
    if kind == "DEPTHWISE_CONV_2D":
        if operator.builtinOptions.depthMultiplier != 1:
            raise CourseError("DEPTHWISE_CONV_2D with a depth multiplier has no kernel here: use a multiplier of 1.")
        sums, rows = weights.reshape(-1, outputs).sum(0, dtype=np.int64), weights.reshape(-1, outputs)
    else:
        rows = weights.reshape(outputs, -1)
        sums = rows.sum(1, dtype=np.int64)
        rows = np.pad(rows, [(0, 0), (0, -rows.shape[1] % 4)])  # the kernel reads four at a time
        step["fields"]["row"] = rows.shape[1]
    has_bias = len(operator.inputs) > 2 and operator.inputs[2] >= 0
    bias = _values(graph, operator.inputs[2], np.int32).astype(np.int64) if has_bias else np.zeros(outputs, np.int64)
    scales = np.asarray(tensor.quantization.scale, np.float32)
    if kind == "FULLY_CONNECTED" and len(scales) == 1:
        # TFLM multiplies these two in float32, and all scales of a convolution in float64
        reals = [float(np.float32(_scale(source)) * scales[0]) / _scale(target)] * outputs
    else:
        reals = [_scale(source) * float(scale) / _scale(target) for scale in np.broadcast_to(scales, outputs)]
    multipliers = [quantize_multiplier(real) for real in reals]
    step["arrays"] = {
        "weights": ("int8_t", rows),
        "bias": ("int32_t", bias - _zero(source) * sums),
        "multiplier": ("int32_t", np.array([multiplier for multiplier, _ in multipliers])),
        "right": ("uint8_t", np.array([right for _, right in multipliers])),
        "scale": ("float", np.float32(_scale(source)) * np.broadcast_to(scales, outputs) / np.float32(_scale(target))),
    }
    step["fields"]["outputs"] = outputs
    if kind in WITH_PATCH:
        step["patch"] = _up(weights.size // (1 if kind == "DEPTHWISE_CONV_2D" else outputs))


def _check_weights(kind, weights, source, target):
    """Raise CourseError for weights that the kernels would read in another order than they lie."""
    if kind == "CONV_2D" and weights.shape[-1] != source.shape[-1]:
        raise CourseError("CONV_2D with groups has no kernel here: use one group, or a depthwise convolution.")
    if kind == "FULLY_CONNECTED" and (
        weights.shape[-1] != np.prod(source.shape) or weights.shape[0] != np.prod(target.shape)
    ):
        raise CourseError("FULLY_CONNECTED on several rows has no kernel here: flatten its input first.")


def _mean_multiplier(real, places):
    """Return the arrays of a mean: real / places as one multiplier, whose last bits are cut off as TFLM does it."""
    multiplier, right = quantize_multiplier(real)
    shift = min(places.bit_length() - 1, 31 - right)
    multiplier = (multiplier << shift) // places
    return {
        "multiplier": ("int32_t", np.array([multiplier])),
        "right": ("uint8_t", np.array([right + shift])),
        "scale": ("float", np.array([np.float32(real) * (np.float32(1) / np.float32(places))])),
    }


def _activation(kind, function, target):
    """Return (lowest, highest), the int8 values between which an operator's outputs are clamped."""
    if function == 0:
        return -128, 127
    limits = {1: (0, None), 2: (-1, 1), 3: (0, 6)}  # ReLU, ReLU from -1 to 1, ReLU6
    if function not in limits:
        raise CourseError(f"{kind} with activation number {function} has no kernel here: use ReLU or ReLU6.")
    low, high = (None if v is None else _zero(target) + round(v / _scale(target)) for v in limits[function])
    return max(-128, low), 127 if high is None else min(127, high)


def _arrays(k, step):
    """Return the C definitions of a step's arrays."""
    lines = []
    for name, (kind, values) in step["arrays"].items():
        numbers = [f"{float(value).hex()}f" if kind == "float" else str(int(value)) for value in values.ravel()]
        rows = [", ".join(numbers[i : i + 24]) for i in range(0, len(numbers), 24)]
        aligned = " __attribute__((aligned(4)))" if name == "weights" else ""
        text = f"static const {kind} {name}_{k}[{len(numbers)}]{aligned} = {{\n  " + ",\n  ".join(rows) + "};"
        lines += ["#ifdef LIKE_XNNPACK", text, "#endif"] if kind == "float" else [text]  # nobody else needs it
    return lines


def _layer(k, step):
    """Return the C definition of a step's layer."""
    scale = f"SCALE(scale_{k}) " if "scale" in step["arrays"] else ""
    parts = [f".{name} = {name}_{k}" for name in step["arrays"] if name != "scale"]
    parts += [f".{name} = {value}" for name, value in step["fields"].items()]
    return f"static const Layer layer_{k} = {{{scale}{', '.join(parts)}}};  // {step['operator']}"


def _values(graph, index, kind):
    tensor = graph.tensors[index]
    data = graph.buffers[tensor.buffer].data
    if data is None:
        raise CourseError("Weights are computed while the model runs: the exporter takes models with constant weights.")
    return np.frombuffer(bytes(bytearray(data)), np.dtype(kind).newbyteorder("<")).reshape(tensor.shape)


def _scale(tensor):
    return float(np.float32(_quantization(tensor).scale[0]))


def _zero(tensor):
    return int(_quantization(tensor).zeroPoint[0])


def _quantization(tensor):
    found = tensor.quantization
    if found is None or found.scale is None or not len(found.scale):
        raise CourseError("A tensor of the model has no scale: convert the model anew, with a representative dataset.")
    return found


def _up(size):
    """Return size rounded up to a multiple of 4."""
    return -(-size // 4) * 4


def main():
    if len(sys.argv) != 3:
        sys.exit("Give a model and a folder: python -m tflite_course.targets.firmware.export_c model.tflite folder")
    path, folder = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        source = write(path, folder, path.name)
    except CourseError as error:
        sys.exit(str(error))
    print(f"model.c: {len(source):,} characters")


if __name__ == "__main__":
    main()
