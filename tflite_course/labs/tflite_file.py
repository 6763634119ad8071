"""What the checks of several labs ask about a .tflite answer: its dtypes, its raw outputs, its checkpoint."""

import functools

import numpy as np

from tflite_course import evaluation
from tflite_course.labs.exercise import Mistake, Partly, describe

WITH_WEIGHTS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def open_file(answer):
    """Return a LiteRT interpreter of an answer that must be the bytes of a .tflite file, or raise Mistake."""
    from tflite_course.errors import CourseError

    if hasattr(answer, "convert"):
        raise Mistake("this is the converter. Its method `convert()` returns the bytes of the file.")
    if type(answer) is str or hasattr(answer, "__fspath__"):
        raise Mistake("this is a path. Give the bytes that `converter.convert()` returns.")
    if type(answer) is not bytes:
        raise Mistake(f"expected are the bytes that `converter.convert()` returns, this is {describe(answer)}.")
    try:
        return evaluation.make_interpreter(answer)
    except CourseError as error:
        raise Mistake(str(error)) from None


def weights_of(interpreter):
    """Return the weights of the convolutions and dense layers, a list of arrays in their order; biases left out."""
    operators = [op for op in evaluation.operators(interpreter) if op["op_name"] in WITH_WEIGHTS]
    return [interpreter.get_tensor(int(op["inputs"][1])) for op in operators]


def dtypes(interpreter):
    """Return the names of the dtypes of input, output and (a set) weights."""
    ends = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    return *(np.dtype(end["dtype"]).name for end in ends), {w.dtype.name for w in weights_of(interpreter)}


def require_shapes(interpreter):
    """Raise Mistake unless the model takes one grey picture of 28 x 28 and gives ten numbers."""
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    if tuple(source["shape"][1:]) not in ((28, 28), (28, 28, 1)):
        raise Mistake(f"the input has the shape {tuple(map(int, source['shape']))}, it must be (1, 28, 28).")
    if tuple(target["shape"][1:]) != (10,):
        raise Mistake(f"the output has the shape {tuple(map(int, target['shape']))}, it must be ten numbers, (1, 10).")


def require_int8(interpreter):
    """Raise Mistake unless input, output and weights are int8, with the setting that is missing."""
    source, target, weights = dtypes(interpreter)
    if weights == {"float32"}:
        raise Mistake("the weights are float32: nothing is quantized. Set `converter.optimizations`.")
    if source == target == "float32":
        raise Mistake(
            "input and output are float32. Give a representative dataset, allow only TFLITE_BUILTINS_INT8, and set "
            "inference_input_type and inference_output_type to tf.int8."
        )
    if (source, target) != ("int8", "int8"):
        raise Mistake(f"the input is {source} and the output {target}, both must be int8.")
    if interpreter.get_input_details()[0]["quantization"][0] > 0.5:
        raise Mistake("the scale of the input is near 1: the calibration images went from 0 to 255, not from 0 to 1.")


@functools.cache
def _shipped(name, variant):
    from tflite_course.models import model_path

    return weights_of(evaluation.make_interpreter(model_path(name, variant)))


def source_checkpoint(interpreter):
    """Return the name of the shipped model whose weights these are, or None."""
    from tflite_course.errors import CourseError
    from tflite_course.models import CHECKPOINTS

    weights = weights_of(interpreter)
    for name, variants in CHECKPOINTS.items():
        for variant in variants:
            try:
                known = _shipped(name, variant)
            except CourseError:  # this copy of the course lacks the file
                continue
            if len(known) == len(weights) and all(map(_nearly_equal, known, weights)):
                return name
    return None


def _nearly_equal(known, weights):
    """Return whether weights are the known ones, converted perhaps on another processor.

    There an integer of one in a hundred may be the next one, and a float32 has other last digits.
    """
    if known.shape != weights.shape or known.dtype != weights.dtype:
        return False
    if known.dtype.kind == "f":
        return bool(np.abs(known - weights).max() <= 1e-5 * np.abs(known).max())
    apart = np.abs(known.astype(int) - weights)
    return bool(apart.max() <= 1 and np.count_nonzero(apart) <= max(1, known.size // 100))


def raw_outputs(content, images):
    """Return what a .tflite model gives for float32 images from 0 to 1: an array (n, 10) in its output dtype."""
    source = evaluation.make_interpreter(content).get_input_details()[0]
    return evaluation.invoke(content, evaluation.quantize_input(images, source))


def judge_levels(levels, cost, accuracy, *, stripped, nothing, unit="bytes"):
    """Return what a judge returns for an answer of this cost and accuracy: None at the top level, Partly below it.

    levels: rows (points, largest cost, lowest accuracy), the points rising. stripped: the cost that the file would have
    after flatbuffer.strip. Raises Mistake(nothing) when no level is reached.
    """
    points = max((points for points, most, least in levels if cost <= most and accuracy >= least), default=0)
    if not points:
        raise Mistake(nothing)
    missed = next((level for level in levels if level[0] > points), None)
    if missed is None:
        return None
    hint = f" Stripped it would have {stripped:,} bytes." if stripped < cost else ""
    found = f"{cost:,} {unit} and {accuracy:.2%}. For {missed[0]} points: at most {missed[1]:,} bytes"
    return Partly(points, f"{found} and at least {missed[2]:.0%}.{hint}")


def edit_flatbuffer(content, alter):
    """Return a .tflite file after alter(tree), with the tree of its tables as ai_edge_litert unpacks it."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    tree = schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
    alter(tree)
    builder = flatbuffers.Builder(1024)
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())
