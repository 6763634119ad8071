"""Does this device compute what the laptop computed? Needs ai-edge-litert and numpy, nothing else.

    python check_device.py model.tflite golden.npz

golden.npz: "images", uint8 (n, 28, 28), and "rows", the model's outputs for them from LiteRT's reference kernels.
It says in how many rows the kernels of this device are equal, and how long one image takes. It ends with 1 when the
reference kernels differ: then the model, the runtime or the memory is not what was tested.
"""

import sys
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

KERNELS = {"reference": OpResolverType.BUILTIN_REF, "XNNPACK": OpResolverType.AUTO}


def run(path, images, kernels):
    """Return (output rows, microseconds of the middle one) for uint8 images."""
    interpreter = Interpreter(path, num_threads=1, experimental_op_resolver_type=kernels)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    scale, zero_point = source["quantization"]
    rows, times = [], []
    for image in images:
        values = image.reshape(source["shape"]) / np.float32(255)
        if scale:
            limits = np.iinfo(source["dtype"])
            values = np.clip(np.round(values / scale) + zero_point, limits.min, limits.max)
        interpreter.set_tensor(source["index"], values.astype(source["dtype"]))
        start = time.perf_counter()
        interpreter.invoke()
        times.append(1e6 * (time.perf_counter() - start))
        rows.append(interpreter.get_tensor(target["index"])[0])
    return np.stack(rows), np.median(times)


def main():
    if len(sys.argv) != 3:
        sys.exit("Give a model and the golden rows: python check_device.py model.tflite golden.npz")
    try:
        with np.load(sys.argv[2]) as golden:
            images, expected = golden["images"], golden["rows"]
        found = {name: run(sys.argv[1], images, kernels) for name, kernels in KERNELS.items()}
    except (OSError, ValueError, KeyError, EOFError, RuntimeError) as error:
        sys.exit(f"The check cannot be made ({' '.join(str(error).split())[:150]}): copy both files again.")
    for name, (rows, middle) in found.items():
        equal, digits = (rows == expected).all(axis=1), rows.argmax(axis=1) == expected.argmax(axis=1)
        print(f"{name:10} {equal.sum()} of {len(rows)} rows equal, {digits.sum()} digits, {middle:.0f} us an image")
    if not np.array_equal(found["reference"][0], expected):
        sys.exit("The reference kernels differ here: compare the model's checksum and the version of ai-edge-litert.")


if __name__ == "__main__":
    main()
