"""Capstone, int8_model: the trained network as a full int8 file."""

from tflite_course.labs import tflite_file
from tflite_course.labs.capstone.common import ACCURATE, require_accuracy
from tflite_course.labs.exercise import Exercise


def judge(answer, rng):
    interpreter = tflite_file.open_file(answer)
    tflite_file.require_shapes(interpreter)
    tflite_file.require_int8(interpreter)
    require_accuracy(answer, interpreter, ACCURATE - 0.03)


EXERCISE = Exercise(
    points=2,
    tests="your int8 file: weights, input and output, and its accuracy on the test images",
    why="a microcontroller takes int8 from the camera to the answer.",
    judge=judge,
)
