"""Execute a Core ML model on any computer: the operations of an ML Program in NumPy.

    python -m tflite_course.targets.coreml MODEL.mlpackage     # its operations, the bytes of its files

coremltools converts models everywhere, but only macOS predicts with them. This module reads a saved .mlpackage back
with coremltools' own reader and computes what its program says. It checks the mathematics that the file holds;
which bits Apple's runtime gives on a CPU, a GPU or the Neural Engine it cannot say.

float16 is float16 here too: each operation adds up in float32 and rounds its result once. Meaning of the operations:
https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html
"""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tflite_course.errors import CourseError

DTYPES = {"fp16": np.float16, "fp32": np.float32, "int32": np.int32, "bool": np.bool_}
WEIGHTS = Path("Data", "com.apple.CoreML", "weights")


class Earlier(NamedTuple):
    """The result of an earlier step as an argument."""

    name: str


class Program(NamedTuple):
    """An ML Program that is ready to run.

    source: (name, shape) of its one input; target: the name of its one output.
    steps: (operation, {argument: its value, or Earlier(name)}, name of the result, its dtype), in order; weights are
    arrays, decompressed. compressed: {operation: how many} of those that decompress weights.
    """

    source: tuple
    target: str
    steps: list
    compressed: dict


def padding(kind, custom, sides, kernel, strides):
    """Return (before, after) of the two image axes as Core ML defines its three kinds of padding."""
    if kind == "valid":
        return [(0, 0), (0, 0)]
    if kind == "custom":
        return [(custom[0], custom[1]), (custom[2], custom[3])]
    if kind != "same":
        raise CourseError(f"Padding '{kind}' is not one that this program computes: valid, same or custom.")
    total = [
        max((-(-side // stride) - 1) * stride + length - side, 0)
        for side, length, stride in zip(sides, kernel, strides, strict=True)
    ]
    return [(whole // 2, whole - whole // 2) for whole in total]


def windows(x, kernel, strides, pads, fill):
    """Yield, for each place of a kernel, the values of x (n, c, h, w) that it meets."""
    x = np.pad(x, [(0, 0), (0, 0), *pads], constant_values=fill)
    rows, columns = ((x.shape[2 + k] - kernel[k]) // strides[k] + 1 for k in range(2))
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            bottom, right = i + strides[0] * (rows - 1) + 1, j + strides[1] * (columns - 1) + 1
            yield (i, j), x[:, :, i : bottom : strides[0], j : right : strides[1]]


def conv(x, weight, bias=None, strides=(1, 1), pad_type="valid", pad=None, dilations=(1, 1), groups=1):
    """Convolve x (n, c, h, w) with weight (out, c / groups, height, width)."""
    if weight.ndim != 4 or tuple(dilations) != (1, 1):
        raise CourseError("This program computes convolutions over two axes without dilation: export the model so.")
    kernel, n = weight.shape[2:], len(x)
    pads = padding(pad_type, pad, x.shape[2:], kernel, strides)
    split = weight.astype(np.float32).reshape(groups, len(weight) // groups, *weight.shape[1:])
    total = 0
    for (i, j), seen in windows(x.astype(np.float32), kernel, strides, pads, 0):
        shape = seen.shape[2:]
        seen = seen.reshape(n, groups, x.shape[1] // groups, -1)
        part = split[..., 0, i, j, None] * seen if seen.shape[2] == 1 else split[..., i, j] @ seen
        total = total + part
    total = total.reshape(n, len(weight), *shape)
    return total if bias is None else total + bias[:, None, None]


def max_pool(x, kernel_sizes, strides=(1, 1), pad_type="valid", pad=None, ceil_mode=False):
    if ceil_mode:
        raise CourseError("This program computes max_pool without ceil_mode: export the model so.")
    pads = padding(pad_type, pad, x.shape[2:], kernel_sizes, strides)
    return np.maximum.reduce([seen for _, seen in windows(x, kernel_sizes, strides, pads, -np.inf)])


def linear(x, weight, bias=0):
    return x.astype(np.float32) @ weight.astype(np.float32).T + np.asarray(bias, np.float32)


def softmax(x, axis=-1):
    powers = np.exp(x.astype(np.float32) - x.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


OPERATIONS = {
    "add": lambda x, y: x + y,
    "cast": lambda x, dtype: x.astype(DTYPES[dtype]),
    "clip": lambda x, alpha, beta: np.clip(x, alpha, beta),
    "conv": conv,
    "expand_dims": lambda x, axes: np.expand_dims(x, tuple(axes)),
    "linear": linear,
    "max_pool": max_pool,
    "mul": lambda x, y: x * y,
    "reduce_mean": lambda x, axes, keep_dims=False: x.mean(tuple(axes), dtype=np.float32, keepdims=bool(keep_dims)),
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "reshape": lambda x, shape: x.reshape(shape),
    "softmax": softmax,
    "squeeze": lambda x, axes: x.squeeze(tuple(axes)),
    "sub": lambda x, y: x - y,
    "transpose": lambda x, perm: x.transpose(perm),
}


def open_package(package):
    """Return the Program of a saved .mlpackage, a folder.

    Raises CourseError for a folder that is not an ML Program or lost a part, and for an operation not in OPERATIONS.
    """
    from coremltools.converters.mil.frontend.milproto.load import load
    from coremltools.converters.mil.mil import types
    from coremltools.models.utils import load_spec

    package = Path(package)
    if not (package / "Manifest.json").is_file():
        raise CourseError(f"{package.name} is not a Core ML package: give the folder that save() wrote.")
    try:
        spec = load_spec(str(package))
        if spec.WhichOneof("Type") != "mlProgram":
            raise CourseError(f"{package.name} holds no ML Program: convert with convert_to='mlprogram'.")
        function = load(spec, spec.specificationVersion, str(package / WEIGHTS)).functions["main"]
    except CourseError:
        raise
    except Exception as error:  # coremltools raises RuntimeError, OSError, AssertionError and those of protobuf
        raise CourseError(f"{package.name} is damaged ({type(error).__name__}): save the model again.") from None
    if len(function.inputs) != 1 or len(function.outputs) != 1:
        raise CourseError(f"{package.name} has several inputs or outputs: this program runs models with one of each.")
    steps, compressed, weights = [], {}, {}
    for operation in function.operations:
        kind, result = operation.op_type, operation.outputs[0]
        if kind.startswith("constexpr_"):
            weights[result.name] = operation.materialized_val_inference()
            compressed[kind] = compressed.get(kind, 0) + 1
        elif kind in OPERATIONS:
            arguments = {key: _argument(value, weights) for key, value in operation.inputs.items() if value is not None}
            steps.append((kind, arguments, result.name, types.nptype_from_builtin(result.dtype)))
        elif kind != "const":
            raise CourseError(f"{package.name} has the operation {kind}, which this module does not compute: add it.")
    name, variable = next(iter(function.inputs.items()))
    return Program((name, tuple(variable.shape)), function.outputs[0].name, steps, compressed)


def _argument(value, weights):
    """Return the value of an operation's input: a number, a text, an array, or Earlier."""
    if value.name in weights:
        return weights[value.name]
    return Earlier(value.name) if value.val is None else value.val


def run(program, values):
    """Return what a Program gives for values, one after the other, as float32 (n, ...).

    values: (n, ...), each with as many numbers as the program's input has. Raises CourseError for another number.
    """
    name, shape = program.source
    if np.prod(np.shape(values)[1:]) != np.prod(shape):
        raise CourseError(
            f"The values have the shape {np.shape(values)}, the model takes {shape} at a time: give (n, ...)."
        )
    outputs = []
    for value in values:
        results = {name: np.asarray(value).reshape(shape)}
        for kind, arguments, result, dtype in program.steps:
            given = {key: results[v.name] if isinstance(v, Earlier) else v for key, v in arguments.items()}
            results[result] = OPERATIONS[kind](**given).astype(dtype, copy=False)
        outputs.append(results[program.target][0])
    return np.stack(outputs).astype(np.float32)


def package_bytes(package):
    """Return {"bytes": of all files of a package, "weights": of its weight.bin}."""
    sizes = {file.name: file.stat().st_size for file in Path(package).rglob("*") if file.is_file()}
    return {"bytes": sum(sizes.values()), "weights": sizes.get("weight.bin", 0)}


def main():
    if len(sys.argv) != 2:
        raise SystemExit("Usage: python -m tflite_course.targets.coreml MODEL.mlpackage")
    try:
        program = open_package(sys.argv[1])
    except CourseError as error:
        raise SystemExit(str(error)) from None
    print("input", *program.source)
    for kind, arguments, _, dtype in program.steps:
        print(f"{kind:12} {np.dtype(dtype).name:8}", *(np.shape(v) for v in arguments.values() if np.ndim(v) > 1))
    print(program.compressed, package_bytes(sys.argv[1]))


if __name__ == "__main__":
    main()
