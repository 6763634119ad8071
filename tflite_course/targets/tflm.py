"""TensorFlow Lite Micro on this computer, for scripts and tests; lessons 12 and 17 call it themselves.

Needs the package tflite-micro (Linux on x86-64 only).
"""

import subprocess
import sys

import numpy as np

from tflite_course.errors import CourseError
from tflite_course.models import read_model

AMPLE = 200_000  # bytes: an arena for every model of the course
LARGEST = 2**24  # bytes: more than any microcontroller has


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


# What a child process runs: try the largest arena, then halve the interval. It tells each size before it tries it.
SEARCH = """
import sys
from tflite_micro.python.tflite_micro import runtime
low, high, step, fits = map(int, sys.argv[1:])
content = sys.stdin.buffer.read()
while not fits or high - low > step:
    size = max(step, (low + high) // 2 // step * step) if fits else high
    print("try", size, flush=True)
    try:
        runtime.Interpreter.from_bytes(content, arena_size=size)
        high, fits = size, 1
        print("fits", size, flush=True)
    except RuntimeError:
        print("small", size, flush=True)
        if size == high:
            break
        low = size
"""


def smallest_arena(model, step=16):
    """Return the bytes of the smallest arena in which TFLM allocates the tensors of a model, a multiple of step.

    The sizes are tried in a process of its own: TFLM can end the process when an arena is too small, and such a size
    counts as too small. Raises ImportError without the package, and CourseError for a model that TFLM takes in no arena
    up to LARGEST.
    """
    from tflite_micro.python.tflite_micro import runtime  # noqa: F401  so that its absence is told here

    content, low, high, fits = read_model(model), 0, AMPLE, False
    while not fits or high - low > step:
        tried, cause = _search(content, low, high, step, fits)
        for word, size in tried:
            if word == "fits":
                high, fits = size, True
            else:
                low = size
        if not fits:
            if high >= LARGEST:
                raise CourseError(
                    f"TFLM takes this model in no arena up to {LARGEST:,} bytes ({cause}): convert it in full "
                    f"int8 with operators that TFLM has (lesson 12)."
                )
            low, high = high, LARGEST
    return high


def _search(content, low, high, step, fits):
    """Return ([("fits" or "small", arena)], what TFLM said last) of a child; the size that ended it was too small."""
    command = [sys.executable, "-c", SEARCH, *(str(int(value)) for value in (low, high, step, fits))]
    done = subprocess.run(command, input=content, capture_output=True)
    steps = [line.split() for line in done.stdout.decode().splitlines()]
    if done.returncode and not steps:
        raise CourseError(f"TFLM could not be started: {done.stderr.decode(errors='replace').strip()[-200:]}.")
    tried = [(word, int(size)) for word, size in steps if word != "try"]
    if done.returncode:
        tried.append(("small", int(steps[-1][1])))
    said = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
    cause = next(
        (line for line in said if "find op" in line or "nsupported" in line), said[-1] if said else "no message"
    )
    return tried, cause.strip().rstrip(".")
