"""Lab 1, convert: a Keras model as a float32 file with an open batch."""

import numpy as np

from tflite_course.labs.exercise import Exercise
from tflite_course.labs.lab_1_train_and_convert.common import check_logits, converted, open_float_file, random_model


def judge(answer, rng):
    model = random_model(rng)
    interpreter = open_float_file(converted(answer, model), batch=-1)
    check_logits(interpreter, model, rng.random((6, 28, 28), np.float32))


EXERCISE = Exercise(
    points=2,
    tests="convert(model) on a model with random weights: type, dtype, batch and logits of the file",
    why="a file that converts is not yet a file that gives the answers of your model.",
    judge=judge,
)
