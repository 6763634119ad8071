"""LiteRT's interpreter, its operators, and the numbers that go in and out. Course code reaches these by evaluation."""

import functools
import hashlib
import subprocess
import sys

import numpy as np

from tflite_course.errors import CourseError
from tflite_course.models import read_model
from tflite_course.resources import ROOTS


def make_interpreter(model, *, batch=None, shape=None, num_threads=1, kernels="AUTO"):
    """Return a LiteRT Interpreter of the model, tensors allocated.

    batch: the number of images it takes at once; shape: the whole shape of its first input; None keeps what the file
    says. kernels: a name of LiteRT's OpResolverType.
    Raises CourseError for a damaged file or one with operators that this runtime does not have.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    content = read_model(model)
    _refuse_unset_variables(content)
    resolver, interpreter = getattr(OpResolverType, kernels), None
    try:
        interpreter = Interpreter(
            model_content=content, num_threads=num_threads, experimental_op_resolver_type=resolver
        )
        if batch is not None or shape is not None:
            details = interpreter.get_input_details()[0]
            interpreter.resize_tensor_input(details["index"], shape or [batch, *details["shape"][1:]])
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError, IndexError) as error:  # IndexError: a model without inputs has no batch
        raise CourseError(_explain(str(error), interpreter)) from None
    return interpreter


def run_model(call):
    """Call what runs a model, such as interpreter.invoke. Some files are refused only here, see make_interpreter().

    LiteRT prepares what follows a shape that is known only when the model runs. Raises CourseError.
    """
    try:
        call()
    except RuntimeError as error:
        raise CourseError(_explain(str(error), None)) from None


def _explain(message, interpreter):
    """Return one sentence about what LiteRT said when it refused a model; interpreter: None when there is none."""
    first = (message.strip().splitlines() or ["no message"])[0].rstrip(".")
    if "Select TensorFlow op" in message or "Regular TensorFlow ops" in message or "flex" in message.lower():
        return (
            "The model needs Select TF operators, which LiteRT in Python cannot run: "
            "replace those layers and convert with TFLITE_BUILTINS only (lesson 02)."
        )
    if "edgetpu" in message:
        return "The model was compiled for the Edge TPU: take the file from before edgetpu_compiler."
    if "custom op" in message:
        return (
            f"LiteRT does not have an operator of this model ({first}): convert with TFLITE_BUILTINS only (lesson 02)."
        )
    if "find op for builtin opcode" in message or "builtin_code out of range" in message:
        return f"The model is newer than this runtime ({first}): update ai-edge-litert."
    if "valid Flatbuffer" in message:
        return f"The file is damaged ({first}): copy or download it again, or convert it anew."
    if "schema version" in message:
        return f"This is no file of this runtime's format ({first}): convert the model anew."
    signatures = (
        [details["shape_signature"].tolist() for details in interpreter.get_input_details()] if interpreter else []
    )
    if any(-1 in signature[1:] for signature in signatures):
        return f"The model leaves axes of its input open, {signatures[0]} ({first}): say the size with `shape=`."
    return f"LiteRT cannot run this model ({first})."


def _refuse_unset_variables(content):
    """Raise CourseError for a file that reads variables and never assigns them: its weights were left behind."""
    from ai_edge_litert.schema_py_generated import BuiltinOperator, Model

    model = Model.GetRootAs(content)
    codes = {model.OperatorCodes(i).BuiltinCode() for i in range(model.OperatorCodesLength())}
    if BuiltinOperator.READ_VARIABLE in codes and BuiltinOperator.ASSIGN_VARIABLE not in codes:
        raise CourseError(
            "The model reads variables that nothing assigns, its weights are not in the file: convert the Keras model "
            "itself with from_keras_model, or what model.export() wrote."
        )


def operators(interpreter, *, delegates=False):
    """Return the operators of an interpreter's main graph in their order, one dict for each.

    "op_name": str, as in LiteRT's schema; "inputs", "outputs": lists of tensor indices, -1 for an input left out.
    delegates=True: also the entries named DELEGATE, each stands for the operators that XNNPACK runs.
    LiteRT keeps this list private; this function is the one place in the course that asks for it.
    """
    found = []
    for entry in interpreter._get_ops_details():
        if delegates or entry["op_name"] != "DELEGATE":
            inputs, outputs = ([int(index) for index in entry[key]] for key in ("inputs", "outputs"))
            found.append({"op_name": entry["op_name"], "inputs": inputs, "outputs": outputs})
    return found


def quantize_input(images, details, input_range=None):
    """Return float images from 0 to 1 as the dtype of an input tensor: round(x / scale) + zero_point, clipped.

    input_range: what 0 and 1 are for the model, for example (0, 255). None is (0, 1); an integer input without a scale
    takes grey values, 0 to 255, or -128 to 127 when it is int8.
    """
    dtype, (scale, zero_point) = details["dtype"], details["quantization"]
    whole = issubclass(dtype, np.integer)
    low, high = input_range or (raw_range(dtype) if whole and not scale else (0, 1))
    if low != 0 or high != 1:
        images = np.float32(low) + np.float32(high - low) * images
    if not whole:
        return images.astype(dtype, copy=False)
    if scale:
        images = images / scale
    limits = np.iinfo(dtype)
    return np.clip(np.round(images) + zero_point, limits.min, limits.max).astype(dtype)


def raw_range(dtype):
    """Return what paper and ink are for an integer input without a scale."""
    return (-128, 127) if dtype == np.int8 else (0, 255)


def dequantize_output(values, details):
    """Return the values of an output tensor as float32: scale * (q - zero_point), or as they are without a scale."""
    if details["dtype"] == np.float32:
        return values
    scale, zero_point = details["quantization"]
    if not scale:
        return values.astype(np.float32)
    return (values.astype(np.float32) - zero_point) * np.float32(scale)


# ---- files that end the process ----

TRIAL = """
import sys
from ai_edge_litert.interpreter import Interpreter
try:
    interpreter = Interpreter(model_content=sys.stdin.buffer.read())
    interpreter.allocate_tensors()
    interpreter.invoke()
except (RuntimeError, ValueError):
    pass
"""


def try_in_child(model):
    """Return the bytes of a .tflite model after a process of its own has loaded it and run it once.

    LiteRT ends the whole process for some files, instead of raising an error. Files that come with the course are not
    tried, others once in a session. What LiteRT refuses in the ordinary way is left to make_interpreter().
    Raises CourseError when the trial's process died.
    """
    content = read_model(model)
    if not is_shipped(content) and (ended := _trial(content)) is not None:
        raise CourseError(
            f"LiteRT ends the whole program when it runs this model ({ended}): convert it again with the converter of "
            f"lesson 02, with operators and a quantization that LiteRT knows."
        )
    return content


def is_shipped(content):
    """Return whether the bytes are those of a .tflite file that comes with the course."""
    return hashlib.sha256(content).digest() in _shipped()


@functools.cache
def _shipped():
    """Return the SHA-256 of the files that come with the course."""
    paths = [path for root in ROOTS for path in (root / "assets" / "models").glob("*.tflite")]
    return {hashlib.sha256(path.read_bytes()).digest() for path in paths}


@functools.lru_cache(maxsize=64)
def _trial(content):
    """Return how a process that ran a model died, one line, or None when it did not."""
    done = subprocess.run([sys.executable, "-c", TRIAL], input=content, capture_output=True)
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    said = [line for line in lines if not line.startswith(("INFO", "WARNING"))]
    return f"code {done.returncode}, {said[-1] if said else 'no message'}" if done.returncode else None
