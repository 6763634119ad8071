"""Times that are compared fairly: several calls in turns, the operators of a model, the instructions of a processor."""

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from tflite_course.errors import CourseError
from tflite_course.models import read_model
from tflite_course.models.flatbuffer import first_operators
from tflite_course.runtime import make_interpreter, operators

# LiteRT's built-in int8 kernels take their matrix products from the library ruy, which has the same product written
# for several instruction sets and reads RUY_PATHS, a mask that says which it may take.
# Source: github.com/google/ruy, ruy/path.h and ruy/ctx.cc.
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


def in_turns(runs, *, rounds=100, warm_up=5):
    """Time calls in turns, one of each a round: what slows the machine for a while slows all of them.

    Calls that take about as long: after one of 1.6 ms, mnist_cnn as float32 took 109 to 128 instead of 79 to 93
    microseconds, and after one that reads 16 MB as long (an AMD EPYC with AVX2), so it looked no faster than int8.

    runs: {name: a call without arguments}; the first warm_up rounds are not counted.
    Returns {name: microseconds, float64 (rounds,)}; np.median and np.percentile make p50 and p95 of them.
    Raises CourseError for no calls and no rounds.
    """
    if not runs or rounds < 1:
        raise CourseError(f"There are {len(runs)} calls and {rounds} rounds to time: give at least one of each.")
    times = {name: np.empty(rounds) for name in runs}
    for i in range(-warm_up, rounds):
        for name, run in runs.items():
            start = time.perf_counter_ns()
            run()
            if i >= 0:
                times[name][i] = (time.perf_counter_ns() - start) / 1000
    return times


def latency_by_operator(model, *, rounds=200, kernels="AUTO"):
    """Return {"4 CONV_2D": p50, ...}, the microseconds that each operator of a .tflite model adds to one call.

    Copies of the file that end after the first, second, ... operator are timed in turns; an operator has the
    difference of two neighbours, and 0 where that is lost in the noise. kernels: a name of LiteRT's OpResolverType.
    Raises CourseError for a damaged model and one of several graphs.
    """
    content = read_model(model)
    names = [step["op_name"] for step in operators(make_interpreter(content, kernels=kernels))]
    parts = {n: make_interpreter(first_operators(content, n), kernels=kernels) for n in range(1, len(names) + 1)}
    times = in_turns({n: part.invoke for n, part in parts.items()}, rounds=rounds)
    until = [0.0, *(float(np.median(values)) for values in times.values())]
    return {f"{n} {name}": max(until[n + 1] - until[n], 0.0) for n, name in enumerate(names)}


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
            env={**os.environ, "RUY_PATHS": mask, "PYTHONPATH": str(Path(__file__).resolve().parents[1])},
        )
        if done.returncode == 0:
            found[name] = json.loads(done.stdout)
    return found
