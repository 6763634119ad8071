"""Lab 4, int8_files: the .tflite files of both models, int8 inside and at both ends."""

import functools

import numpy as np

from tflite_course.labs.exercise import NO_ANSWER, Exercise, Mistake, describe, mnist

IMAGES = 1_000  # of the test set


def judge(answer, rng):
    from tflite_course import evaluation

    files = _files(answer)
    if files["control"]["from QAT"] and not files["QAT"]["from QAT"]:
        raise Mistake("you swapped the two files: the one called control comes from the model with fake quantization.")
    for name, wanted in (("QAT", True), ("control", False)):
        if files[name]["from QAT"] != wanted:
            other = "aware" if wanted else "control"
            raise Mistake(f"the file {name} does not come from the model `{other}`: convert that one.")
    for name, file in files.items():
        _check_int8(name, file)
    _check_control(files["control"])
    images, labels = mnist()[1]
    start = int(rng.integers(0, len(images) - IMAGES))
    part = slice(start, start + IMAGES)
    for name, content in answer.items():
        right = evaluation.accuracy(bytes(content), images[part], labels[part])
        if right < 0.96:
            cause = "its ranges are still the placeholders, so train it before you convert"
            cause = cause if name == "QAT" else "calibrate with images that are prepared as in training"
            raise Mistake(f"{name} has {right:.1%} right: {cause}.")


def _files(answer):
    """Return {name: what a check needs to know} of the two files, or raise Mistake."""
    from tflite_course.errors import CourseError

    if type(answer) is not dict or set(answer) != {"QAT", "control"}:
        raise Mistake(f'expected is a dict with the keys "QAT" and "control", this is {describe(answer)}.')
    if any(content is None or content is Ellipsis for content in answer.values()):
        raise Mistake(NO_ANSWER)
    files = {}
    for name, content in answer.items():
        if type(content) not in (bytes, bytearray):
            raise Mistake(f"{name}: expected are the bytes that `convert()` returns, this is {describe(content)}.")
        try:
            files[name] = _inspect(content)
        except CourseError as error:
            raise Mistake(f"{name}: {error}") from None
    return files


def _inspect(content):
    """Return what a check needs to know of a .tflite file: input, output, names of tensors, weights, operators."""
    from tflite_course import evaluation

    interpreter = evaluation.make_interpreter(content)
    steps = evaluation.operators(interpreter)
    layers = [step for step in steps if step["op_name"] in ("CONV_2D", "FULLY_CONNECTED")]
    tensors = {entry["index"]: entry for entry in interpreter.get_tensor_details()}
    return {
        "input": interpreter.get_input_details()[0],
        "output": interpreter.get_output_details()[0],
        "from QAT": any("quant_conv" in entry["name"] for entry in tensors.values()),
        "dtypes": {np.dtype(tensors[int(step["inputs"][1])]["dtype"]).name for step in layers},
        "last weights": int(layers[-1]["inputs"][1]) if layers else None,
        "interpreter": interpreter,
        "operators": [step["op_name"] for step in steps],
    }


def _check_int8(name, file):
    """Raise Mistake unless weights, input and output of a file are int8, with the setting that is missing."""
    if "int8" in file["dtypes"] and file["dtypes"] != {"int8"}:
        cure = "give a representative dataset" if name == "control" else "leave no layer out"
        raise Mistake(f"{name}: only some of the weights are int8: {cure}.")
    if file["dtypes"] != {"int8"}:
        more = " The file is larger than float32 now." if "QUANTIZE" in file["operators"] else ""
        raise Mistake(f"{name}: the weights are not int8: set `converter.optimizations`.{more}")
    for end in ("input", "output"):
        dtype = np.dtype(file[end]["dtype"])
        if dtype != np.int8:
            raise Mistake(
                f"{name}: the {end} is {dtype.name}. Asked is int8: `converter.inference_{end}_type = tf.int8`"
                + ("." if name == "QAT" else ", which needs a representative dataset for the control.")
            )
    if "DEQUANTIZE" in file["operators"]:
        raise Mistake(f"{name}: a part of the model is float. Leave no layer out, and calibrate the control.")


def _check_control(file):
    """Raise Mistake when the control was calibrated with grey values up to 255, or is the shipped model."""
    if file["input"]["quantization"][0] > 0.5:
        raise Mistake("control: the scale of the input is near 1: the calibration images went from 0 to 255.")
    last, shipped = _last_weights(file), _shipped()
    if last.shape == shipped.shape and np.mean(last == shipped) > 0.97:
        raise Mistake("control: these are the weights of the shipped checkpoint. Convert the model that you trained.")


def _last_weights(file):
    return file["interpreter"].get_tensor(file["last weights"])


@functools.cache
def _shipped():
    from tflite_course.models import model_path

    return _last_weights(_inspect(model_path("mnist_cnn", "int8").read_bytes()))


EXERCISE = Exercise(
    points=3,
    tests="your two .tflite files: where they come from, weights, input and output, accuracy on a part of the test set",
    why="what you compare is what a device runs, not the Keras model.",
    judge=judge,
)
