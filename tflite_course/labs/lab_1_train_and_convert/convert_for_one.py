"""Lab 1, convert_for_one: a Keras model as a float32 file for exactly one image."""

import numpy as np

from tflite_course.labs.exercise import Exercise, Mistake
from tflite_course.labs.lab_1_train_and_convert.common import (
    check_logits,
    converted,
    open_float_file,
    operator_names,
    random_model,
)

OF_SHAPES = {"SHAPE", "STRIDED_SLICE", "PACK"}  # operators that compute a shape at run time


def judge(answer, rng):
    model = random_model(rng)
    content = converted(answer, model)
    interpreter = open_float_file(content, batch=1)
    names = operator_names(content)
    if any("RANDOM" in name for name in names):
        raise Mistake("the file draws random numbers: trace the model with `training=False`.")
    check_logits(interpreter, model, rng.random((6, 28, 28), np.float32))
    left = sorted(OF_SHAPES & set(names))
    if left:
        raise Mistake(f"{', '.join(left)} are still there: a shape inside the graph is computed at run time.")
    _check_signature(list(interpreter.get_signature_list().values()))


def _check_signature(signatures):
    if not signatures:
        raise Mistake("the file has no signature: give the converter the model as its second argument.")
    inputs, outputs = signatures[0]["inputs"], signatures[0]["outputs"]
    if (inputs, outputs) != (["image"], ["logits"]):
        raise Mistake(
            f"the signature goes from {inputs} to {outputs}, it must go from ['image'] to ['logits']: name the "
            f"TensorSpec, and return a dictionary."
        )


EXERCISE = Exercise(
    points=3,
    tests="convert_for_one(model) on a model with random weights: batch, operators, names and logits of the file",
    why="a microcontroller plans its memory once, for shapes that are known before the first run.",
    judge=judge,
)
