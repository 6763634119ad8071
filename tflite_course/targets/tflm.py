"""TensorFlow Lite Micro on this computer, for scripts and tests; lessons 12 and 17 call it themselves.

Needs the package tflite-micro (Linux on x86-64 only).
"""

import numpy as np

from tflite_course.models import read_model

AMPLE = 200_000  # bytes: an arena for every model of the course


def make_interpreter(model, arena=AMPLE):
    """Return TFLM's interpreter of a .tflite, its bytes or a path, in an arena of so many bytes.

    Raises ImportError without the package, and RuntimeError when the arena is too small.
    """
    from tflite_micro.python.tflite_micro import runtime

    return runtime.Interpreter.from_bytes(read_model(model), arena_size=arena)


def run(model, values, arena=AMPLE):
    """Return the output rows of TFLM, (n, outputs), for quantized inputs (n, ...), one after the other."""
    interpreter, rows = make_interpreter(model, arena), []
    shape = interpreter.get_input_details(0)["shape"]
    for value in values:
        interpreter.set_input(value.reshape(shape), 0)
        interpreter.invoke()
        rows.append(interpreter.get_output(0)[0].copy())
    return np.stack(rows)


def smallest_arena(model, step=16):
    """Return the bytes of the smallest arena in which TFLM allocates the tensors of a model, a multiple of step."""
    low, high = 0, AMPLE
    while high - low > step:
        middle = (low + high) // 2 // step * step
        try:
            make_interpreter(model, middle)
            high = middle
        except RuntimeError:
            low = middle
    return high
