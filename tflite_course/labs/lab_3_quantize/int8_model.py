"""Lab 3, int8_model: a model of int8 weights that takes the grey bytes of a camera as they are."""

import numpy as np

from tflite_course.labs import tflite_file
from tflite_course.labs.exercise import Exercise, Mistake, mnist

NETWORK = "mnist_ds"
IMAGES = 1000  # of the test set
ENOUGH = 0.97  # of them must be right; the shipped int8 model reaches 0.99


def judge(answer, rng):
    from tflite_course import evaluation

    interpreter = tflite_file.open_file(answer)
    tflite_file.require_shapes(interpreter)
    _check_types(interpreter)
    if not any(step["op_name"] == "DEPTHWISE_CONV_2D" for step in evaluation.operators(interpreter)):
        raise Mistake(f'this is another network: convert `models.load_model("{NETWORK}")`.')
    images, labels = mnist()[1]
    start = int(rng.integers(0, len(images) - IMAGES))
    part = slice(start, start + IMAGES)
    accuracy = evaluation.accuracy(answer, images[part], labels[part], input_range=(0, 1))
    if accuracy < ENOUGH:
        raise Mistake(
            f"the model runs, and only {accuracy:.1%} of its answers are right. Are its weights those of the trained "
            f"network, and the calibration images prepared as in training?"
        )


def _check_types(interpreter):
    """Raise Mistake unless the weights are int8, the input uint8 grey values and the output int8."""
    source, target, weights = tflite_file.dtypes(interpreter)
    if weights == {"float32"}:
        raise Mistake("the weights are float32: nothing is quantized. Set `converter.optimizations`.")
    if source == target == "float32":
        raise Mistake(
            "input and output are float32. Give a representative dataset, allow only TFLITE_BUILTINS_INT8, and set "
            "inference_input_type and inference_output_type."
        )
    if source != "uint8":
        raise Mistake(f"the input is {source}, and a camera gives uint8: set inference_input_type to tf.uint8.")
    if target != "int8":
        raise Mistake(f"the output is {target}, it must be int8: set inference_output_type to tf.int8.")
    scale, zero_point = interpreter.get_input_details()[0]["quantization"]
    if scale > 0.5:
        raise Mistake("the scale of the input is near 1: the calibration images went from 0 to 255, not from 0 to 1.")
    if zero_point != 0 or not np.isclose(scale, 1 / 255, rtol=0.01):
        raise Mistake(
            f"the input has the scale {scale:.5f} and the zero point {zero_point}. For grey bytes they must be 1/255 "
            f"and 0: the calibration images did not go from 0 to 1."
        )


EXERCISE = Exercise(
    points=3,
    tests="your .tflite: the network, weights, input and output, and its accuracy on a part of the test set",
    why="a device hands over bytes and no floats, and a badly calibrated model looks fine until it is measured.",
    judge=judge,
)
