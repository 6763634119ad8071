"""Capstone, float_model: the float32 file that all others are compared with."""

from tflite_course.labs import tflite_file
from tflite_course.labs.capstone.common import ACCURATE, require_accuracy
from tflite_course.labs.exercise import Exercise, Mistake


def judge(answer, rng):
    interpreter = tflite_file.open_file(answer)
    tflite_file.require_shapes(interpreter)
    source, target, weights = tflite_file.dtypes(interpreter)
    if (source, target, weights) != ("float32", "float32", {"float32"}):
        raise Mistake("the file is quantized already. Asked is float32: what all others are compared with.")
    require_accuracy(answer, interpreter, ACCURATE)


EXERCISE = Exercise(
    points=3,
    tests="your float32 file: its form and its accuracy on the 2,000 test images",
    why="this file is what every later one is compared with; a weak start hides what compression does.",
    judge=judge,
)
