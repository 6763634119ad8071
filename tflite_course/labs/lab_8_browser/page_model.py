"""Lab 8, page_model: a file for the page, float32 outside and int8 inside."""

import numpy as np

from tflite_course import evaluation
from tflite_course.labs import tflite_file
from tflite_course.labs.exercise import Exercise, Mistake, mnist

IMAGES = 500  # of the test set


def judge(answer, rng):
    interpreter = tflite_file.open_file(answer)
    tflite_file.require_shapes(interpreter)
    _require_one_image(interpreter)
    _require_int8_inside(interpreter)
    images, labels = mnist()[1]
    start = int(rng.integers(0, len(images) - IMAGES))
    part = slice(start, start + IMAGES)
    accuracy = evaluation.accuracy(answer, images[part], labels[part], input_range=(0, 1))
    if accuracy < 0.96:
        raise Mistake(
            f"the form is right, and {accuracy:.1%} of the answers are: the ranges are wrong. Calibrate with images "
            f"from 0 to 1, as in training, and take trained weights."
        )


def _require_one_image(interpreter):
    source = interpreter.get_input_details()[0]
    if -1 in source["shape_signature"]:
        raise Mistake(
            "the batch is open (-1). Fix it before you convert: a concrete function with the shape [1, 28, 28], or "
            "`load_model` with `batch_size=1`."
        )
    if source["shape"][0] != 1:
        raise Mistake(f"the batch is fixed to {source['shape'][0]}, a page shows one image.")


def _require_int8_inside(interpreter):
    """Raise Mistake unless weights and activations are int8 and both ends float32, with the setting that is wrong."""
    if any(entry["dtype"] == np.float16 for entry in interpreter.get_tensor_details()):
        raise Mistake("the weights are float16, int8 is expected: leave `supported_types` alone.")
    source, target, weights = tflite_file.dtypes(interpreter)
    if weights == {"float32"}:
        raise Mistake("the weights are float32: nothing is quantized. Set `converter.optimizations`.")
    if (source, target) != ("float32", "float32"):
        refused = [f"{end} {name}" for end, name in (("input", source), ("output", target)) if name != "float32"]
        raise Mistake(
            f"{' and '.join(refused)}: float32 is expected. Leave inference_input_type and inference_output_type alone."
        )
    if "QUANTIZE" not in [entry["op_name"] for entry in evaluation.operators(interpreter)]:
        raise Mistake(
            "only the weights are int8, the model still computes in float32. Give it a representative dataset: then "
            "the activations are int8 too."
        )
    if weights != {"int8"}:
        raise Mistake(f"the weights are {', '.join(sorted(weights))}, int8 is expected.")


EXERCISE = Exercise(
    points=3,
    tests="your .tflite: batch, dtypes of its ends, what is inside, and its accuracy on a part of the test set",
    why="the page hands over float32 pixels, and the int8 inside makes the file small.",
    judge=judge,
)
