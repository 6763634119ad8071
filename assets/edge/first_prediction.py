"""What a process has used when it has its first answer.

    python assets/edge/first_prediction.py litert MODEL.tflite
    python assets/edge/first_prediction.py tensorflow MODEL.tflite

Prints JSON: "memory", the largest resident set in MiB (null where the system does not tell); "cpu", seconds of the
processor; "wall", seconds of the clock since this file began; "modules", how many Python modules were imported.
"""

import json
import sys
import time

START = time.perf_counter()


def largest_memory():
    """Return the largest resident set of this process in MiB; None on Windows."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:  # ru_maxrss would begin with the parent's
            return next(int(line.split()[1]) / 2**10 for line in status if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main(runtime, model):
    if runtime == "litert":
        from ai_edge_litert.interpreter import Interpreter
    else:
        import tensorflow

        Interpreter = tensorflow.lite.Interpreter

    interpreter = Interpreter(model, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.invoke()
    wall = time.perf_counter() - START
    used = {"memory": largest_memory(), "cpu": time.process_time(), "wall": wall, "modules": len(sys.modules)}
    print(json.dumps(used))


if __name__ == "__main__":
    main(*sys.argv[1:])
