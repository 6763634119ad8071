"""Lab 2, predict_batches: the digits of many images, a batch at a time.

How often the interpreter runs is not counted: the student's program may run where nobody can count. The models that it
is given add the number of images of a run to each digit, so the digits tell in which batches they were made.
"""

import functools
import math

import numpy as np

from tflite_course.labs import tflite_file
from tflite_course.labs.exercise import Exercise, Mistake, describe, mnist, require_function, same
from tflite_course.labs.lab_2_interpreter_and_drawing.common import FLOAT_MODELS, call, model_content


@functools.cache
def witness(name):
    """Return a .tflite file of the course whose answer is (digit + number of images in the run) modulo 10."""
    return tflite_file.edit_flatbuffer(model_content(name), _add_number_of_images)


def _add_number_of_images(tree):
    """Add the operators behind the logits: ARG_MAX, SHAPE, GATHER, ADD, FLOOR_MOD, ONE_HOT."""
    from ai_edge_litert import schema_py_generated as schema

    graph, kinds = tree.subgraphs[0], schema.TensorType
    image, logits = int(graph.inputs[0]), int(graph.outputs[0])

    def tensor(kind, shape, values=None):
        made = schema.TensorT()
        made.type, made.shape, made.name = kind, shape, f"witness_{len(graph.tensors)}".encode()
        made.shapeSignature = [-1, *shape[1:]] if shape and values is None and shape[0] == 1 else None
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.array([values], np.float32 if kind == kinds.FLOAT32 else np.int32).view(np.uint8)
            tree.buffers.append(buffer)
            made.buffer = len(tree.buffers) - 1
        graph.tensors.append(made)
        return len(graph.tensors) - 1

    def operator(name, inputs, output, **settings):
        code, made = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode, code.version = getattr(schema.BuiltinOperator, name), 1
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        tree.operatorCodes.append(code)
        made.opcodeIndex, made.inputs, made.outputs = len(tree.operatorCodes) - 1, inputs, [output]
        kind = "".join(part.capitalize() for part in name.split("_")) + "Options"
        made.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
        made.builtinOptions = getattr(schema, f"{kind}T")()
        for key, value in settings.items():
            setattr(made.builtinOptions, key, value)
        graph.operators.append(made)
        return output

    whole = kinds.INT32
    digits = operator("ARG_MAX", [logits, tensor(whole, [], 1)], tensor(whole, [1]), outputType=whole)
    shape = operator("SHAPE", [image], tensor(whole, [3]), outType=whole)
    count = operator("GATHER", [shape, tensor(whole, [], 0)], tensor(whole, []), axis=0)
    moved = operator("ADD", [digits, count], tensor(whole, [1]))
    moved = operator("FLOOR_MOD", [moved, tensor(whole, [], 10)], tensor(whole, [1]))
    numbers = [tensor(whole, [], 10), tensor(kinds.FLOAT32, [], 9.0), tensor(kinds.FLOAT32, [], -9.0)]
    last = operator("ONE_HOT", [moved, *numbers], tensor(kinds.FLOAT32, [1, 10]), axis=-1)
    graph.outputs = [last]
    for signature in tree.signatureDefs or []:
        signature.outputs[0].tensorIndex = last


def judge(answer, rng):
    from tflite_course import evaluation

    require_function(answer)
    images = mnist()[1][0]
    cases = [(24, 8), (8 * int(rng.integers(2, 6)) + int(rng.integers(1, 8)), 8), (5, 16)]
    for count, batch in cases:
        name = str(rng.choice(FLOAT_MODELS))
        chosen = images[rng.choice(len(images), count, replace=False)]
        plain = evaluation.predict(model_content(name), chosen).argmax(1).astype(np.int64)
        digits = call(answer, witness(name), chosen, batch)
        given = f"{count} images in batches of {batch}"
        digits = np.array(digits) if type(digits) is list else digits
        _check_shape(digits, count, batch, given)
        _check_runs(digits.astype(np.int64), plain, batch, given)


def _check_shape(digits, count, batch, given):
    if type(digits) is not np.ndarray:
        raise Mistake(f"{given}: {count} digits are expected, this is {describe(digits)}.")
    if digits.shape == (count, 10):
        raise Mistake("these are the logits. `argmax(axis=1)` gives the digits.")
    if digits.shape == (count // batch * batch,) and count % batch:
        raise Mistake(f"{given}: the last {count % batch} images are missing. Run the shorter batch too.")
    if digits.shape == (math.ceil(count / batch) * batch,) and count % batch:
        raise Mistake(f"{given}: {len(digits)} digits come back. Cut off those that belong to no image.")
    if digits.shape == (math.ceil(count / batch),) and digits.shape != (count,):
        raise Mistake(f"{given}: one digit for each batch comes back. Use `argmax(axis=1)`, not `argmax()`.")
    if digits.shape != (count,) or digits.dtype.kind not in "iu":
        raise Mistake(f"{given}: {count} digits (integers) are expected, this is {describe(digits)}.")


def _check_runs(digits, plain, batch, given):
    """Raise Mistake unless the digits are those of runs of `batch` images; plain: those that nothing was added to."""
    count, rest = len(plain), len(plain) % batch
    sizes = np.full(count, batch)
    last = np.where(np.arange(count) < count - rest, batch, rest)  # the last run has fewer images, or is filled up
    expected = [(plain + runs) % 10 for runs in (sizes, last)]
    if any(same(digits, right) for right in expected):
        return
    if count > batch and same(digits, (plain + count) % 10):
        raise Mistake(f"{given}: {count} images went in at once. A device has memory for `batch` images.")
    if same(digits, (plain + 1) % 10):
        raise Mistake(
            f"{given}: the interpreter ran {count} times, {math.ceil(count / batch)} are enough. Resize the input to "
            f"the batch."
        )
    alike = max(int((digits == right).sum()) for right in expected)
    raise Mistake(f"{given}: {alike} digits are those that the interpreter gives.")


EXERCISE = Exercise(
    points=3,
    tests="predict_batches(content, images, batch) with full and shorter batches, and how often the interpreter runs",
    why="a call has a cost of its own, and the last batch is nearly always shorter than the others.",
    judge=judge,
)
