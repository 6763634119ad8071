"""How long a model takes when a processor may use only some of its instructions: each measured in its own process.

LiteRT's built-in int8 kernels take their matrix products from the library ruy, which has the same product written for
several instruction sets and reads RUY_PATHS, a mask that says which it may take.
Source: github.com/google/ruy, ruy/path.h and ruy/ctx.cc.
"""

import json
import os
import platform
import subprocess
import sys

from tflite_course.models import read_model

ANY = {"plain C++": "1"}
MASKS = {
    "x86_64": ANY | {"AVX": "10", "AVX2": "20", "AVX-512": "40"},
    "aarch64": ANY | {"NEON": "10", "NEON dot product": "20"},
}
MASKS |= {"AMD64": MASKS["x86_64"], "arm64": MASKS["aarch64"]}
PROGRAM = """
import json, sys
from tflite_course import evaluation
run = evaluation.make_interpreter(sys.stdin.buffer.read(), kernels="BUILTIN_WITHOUT_DEFAULT_DELEGATES")
print(json.dumps(evaluation.latency(run.invoke, warm_up=10, repeats=int(sys.argv[1]))["p50"]))
"""


def latency_by_instructions(model, *, repeats=100):
    """Return {instruction set: p50} of an int8 .tflite model with LiteRT's built-in kernels, in microseconds.

    From the oldest instructions to the newest that this processor has; one that it lacks ends its own process and is
    left out. repeats: calls that are timed, after ten that are not. Empty on a processor that ruy has no names for.
    Raises CourseError for a damaged model.
    """
    content, found = read_model(model), {}
    for name, mask in MASKS.get(platform.machine(), {}).items():
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(repeats)],
            input=content,
            capture_output=True,
            env={**os.environ, "RUY_PATHS": mask, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        if done.returncode == 0:
            found[name] = json.loads(done.stdout)
    return found
