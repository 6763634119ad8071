"""Lab 3, int8_model: a model whose input, weights and output are int8."""

from tflite_course.labs import tflite_file
from tflite_course.labs.exercise import Exercise, Mistake, mnist

IMAGES = 1000  # of the test set
ENOUGH = 0.97  # of them must be right; the shipped int8 model reaches 0.99


def judge(answer, rng):
    from tflite_course import evaluation

    interpreter = tflite_file.open_file(answer)
    tflite_file.require_shapes(interpreter)
    tflite_file.require_int8(interpreter)
    images, labels = mnist()[1]
    start = int(rng.integers(0, len(images) - IMAGES))
    part = slice(start, start + IMAGES)
    accuracy = evaluation.accuracy(answer, images[part], labels[part], input_range=(0, 1))
    if accuracy < ENOUGH:
        raise Mistake(
            f"the model runs, and only {accuracy:.1%} of its answers are right: the ranges are wrong. Calibrate with "
            f"images that are prepared as in training."
        )


EXERCISE = Exercise(
    points=3,
    tests="your .tflite: weights, input and output, and its accuracy on a part of the test set",
    why="a microcontroller has no float input, and a model that is badly calibrated looks fine until it is measured.",
    judge=judge,
)
