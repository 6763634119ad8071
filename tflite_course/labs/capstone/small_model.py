"""Capstone, small_model: the smallest useful int8 file, paid by its bytes after gzip and its accuracy."""

from tflite_course.labs import tflite_file
from tflite_course.labs.capstone.common import require_accuracy
from tflite_course.labs.exercise import Exercise

# points, largest file after gzip, lowest accuracy
LEVELS = ((1, 24_000, 0.75), (2, 12_000, 0.75), (3, 8_000, 0.75), (4, 8_000, 0.80))


def judge(answer, rng):
    from tflite_course import evaluation
    from tflite_course.models.flatbuffer import strip

    interpreter = tflite_file.open_file(answer)
    tflite_file.require_shapes(interpreter)
    tflite_file.require_int8(interpreter)
    accuracy = require_accuracy(answer, interpreter, LEVELS[0][2])
    packed = evaluation.size_ledger(answer)["gzip"]
    return tflite_file.judge_levels(
        LEVELS,
        packed,
        accuracy,
        stripped=evaluation.size_ledger(strip(answer))["gzip"],
        nothing=f"after gzip the file has {packed:,} bytes, the first level allows {LEVELS[0][1]:,}. Prune and cluster "
        f"it, or build a narrower network.",
        unit="bytes after gzip",
    )


EXERCISE = Exercise(
    points=4,
    tests="your small int8 file: its bytes after gzip and its accuracy on the test images",
    why="this is what a user downloads, and you decide by which way it became small.",
    judge=judge,
)
