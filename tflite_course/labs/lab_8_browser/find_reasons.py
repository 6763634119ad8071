"""Lab 8, find_reasons: why LiteRT.js refuses a .tflite file."""

import copy
import functools
import itertools
from typing import NamedTuple

import numpy as np

from tflite_course.labs import tflite_file
from tflite_course.labs.exercise import Exercise, KnownMistake, Mistake, compare_function, describe
from tflite_course.labs.lab_8_browser.common import first_wrong

TAKEN = ("float32", "int32", "uint8")  # by LiteRT.js, see lesson 11


class Ends(NamedTuple):
    """What a .tflite file says of its input and output."""

    signature: tuple
    shape: tuple
    source: str
    target: str


@functools.cache
def ends_of(content):
    from tflite_course import evaluation

    interpreter = evaluation.make_interpreter(content)
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    return Ends(
        tuple(source["shape_signature"].tolist()),
        tuple(source["shape"].tolist()),
        *(np.dtype(end["dtype"]).name for end in (source, target)),
    )


def find_reasons(content):
    ends = ends_of(content)
    return _axes(ends.signature) + _dtypes(ends)


def _axes(signature):
    return ["open axis"] if -1 in signature else []


def _dtypes(ends, taken=TAKEN):
    named = (("input", ends.source), ("output", ends.target))
    return [f"{end} {name}" for end, name in named if name not in taken]


@functools.cache
def dressed(source="int8", target="int8", open_axes=()):
    """Return a small .tflite file of the course with other dtypes at its ends, and with open axes of its input.

    An operator at each end translates. The answers of a file with int32 or int16 ends mean nothing: they are not run.
    """
    from tflite_course.models import model_path

    def alter(tree):
        graph = tree.subgraphs[0]
        for name, end in ((source, "inputs"), (target, "outputs")):
            if name != "int8":
                _translate(tree, end, name)
        signature = np.array(graph.tensors[int(graph.inputs[0])].shape, np.int32)
        signature[list(open_axes)] = -1
        graph.tensors[int(graph.inputs[0])].shapeSignature = signature
        tree.signatureDefs = None

    return tflite_file.edit_flatbuffer(model_path("mnist_nano", "int8").read_bytes(), alter)


def _translate(tree, end, name):
    """Give one end ("inputs" or "outputs") of a tree another dtype, with an operator that translates."""
    from ai_edge_litert import schema_py_generated as schema

    graph, going_out = tree.subgraphs[0], end == "outputs"
    inner, outer = int(getattr(graph, end)[0]), len(graph.tensors)
    tensor = copy.deepcopy(graph.tensors[inner])
    tensor.type, tensor.buffer = getattr(schema.TensorType, name.upper()), 0
    if name == "uint8":
        tensor.quantization.zeroPoint = [int(tensor.quantization.zeroPoint[0]) + 128]
    else:
        tensor.quantization = None
    graph.tensors.append(tensor)
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = _translator(name, going_out)
    code.version = 1
    tree.operatorCodes.append(code)
    operator = schema.OperatorT()
    operator.opcodeIndex = len(tree.operatorCodes) - 1
    operator.inputs, operator.outputs = ([inner], [outer]) if going_out else ([outer], [inner])
    graph.operators.insert(len(graph.operators) if going_out else 0, operator)
    setattr(graph, end, [outer])  # a new list: equal lists of a stripped file are one and the same


def _translator(name, going_out):
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    if name == "uint8":
        return BuiltinOperator.QUANTIZE
    if name == "float32":
        return BuiltinOperator.DEQUANTIZE if going_out else BuiltinOperator.QUANTIZE
    return BuiltinOperator.CAST


def cases(rng):
    from tflite_course.models import model_path

    taken = [dressed(*pair) for pair in itertools.product(TAKEN, repeat=2)]
    found = [taken[k] for k in rng.permutation(9)[:4]] + [dressed("int32", "float32"), dressed("uint8", "uint8")]
    found += [dressed(), dressed("int8", "uint8"), dressed("uint8", "int8"), dressed("int16", "int8")]
    found += [dressed("float32", "int16"), dressed(open_axes=(0,)), dressed("uint8", "uint8", (0,))]
    found += [dressed("float32", "int8", (int(rng.integers(1, 3)),)), dressed("float32", "float32", (0, 2))]
    found += [model_path("mnist_cnn", variant).read_bytes() for variant in ("float32", "int8")]
    return [(found[k],) for k in rng.permutation(len(found))]


def shape_for_signature(content):
    ends = ends_of(content)
    return _axes(ends.shape) + _dtypes(ends)


def first_axis_only(content):
    ends = ends_of(content)
    return _axes(ends.signature[:1]) + _dtypes(ends)


def input_only(content):
    return [reason for reason in find_reasons(content) if not reason.startswith("output")]


def _with(content, *taken):
    ends = ends_of(content)
    return _axes(ends.signature) + _dtypes(ends, taken)


def no_int32(content):
    return _with(content, "float32", "uint8")


def no_uint8(content):
    return _with(content, "float32", "int32")


def float32_only(content):
    return _with(content, "float32")


def int8_passes(content):
    return _with(content, *TAKEN, "int8")


def all_integers_pass(content):
    return _with(content, *TAKEN, "int8", "int16")


def first_reason(content):
    return find_reasons(content)[:1]


def whether_it_fits(content):
    return not find_reasons(content)


def whether_it_is_refused(content):
    return bool(find_reasons(content))


def open_axis_last(content):
    return sorted(find_reasons(content), key=lambda reason: (reason == "open axis", reason))


def no_dtype(content):
    return [reason if reason == "open axis" else reason.split()[0] for reason in find_reasons(content)]


MISTAKES = [
    KnownMistake("`shape` holds a 1 where an axis is open. `shape_signature` holds -1 there.", shape_for_signature),
    KnownMistake("you look at the first axis only. Any open axis is a reason.", first_axis_only),
    KnownMistake("the output is not looked at: its dtype counts too.", input_only),
    KnownMistake("LiteRT.js takes int32 too.", no_int32),
    KnownMistake("LiteRT.js takes uint8 too: it is int8 that it refuses.", no_uint8),
    KnownMistake("only float32 passes. LiteRT.js takes int32 and uint8 too.", float32_only),
    KnownMistake("int8 is the dtype that LiteRT.js refuses.", int8_passes),
    KnownMistake(
        "every kind of integer passes. Of the integers, LiteRT.js takes int32 and uint8.",
        all_integers_pass,
    ),
    KnownMistake(
        "a file may have several reasons, and you stop at the first. Collect all of them in a list.", first_reason
    ),
    KnownMistake(
        "you return whether the file fits. Return the list of reasons, an empty one when it fits.", whether_it_fits
    ),
    KnownMistake("you return whether there is a reason. Return the list of reasons.", whether_it_is_refused),
    KnownMistake("the order is wrong. It is: open axis, then input, then output.", open_axis_last),
    KnownMistake("the dtype is missing: a reason reads `input int8`, for example.", no_dtype),
]


def judge(answer, rng):
    tried = cases(rng)
    try:
        compare_function(answer, find_reasons, tried, MISTAKES)
    except Mistake as mistake:
        wrong = first_wrong(answer, find_reasons, tried)
        if wrong is None or wrong[1] is None or str(mistake) in dict(MISTAKES):
            raise
        (content,), found, expected = wrong
        ends = ends_of(content)
        raise Mistake(
            f"for a file with {ends.source} input, {ends.target} output and the signature {list(ends.signature)} your "
            f"function returns {describe(found)}, expected {describe(expected)}."
        ) from None


EXERCISE = Exercise(
    points=2,
    tests="find_reasons(content) on files with many dtypes at their ends, with and without open axes",
    why="LiteRT.js refuses such a file on the visitor's device, where you cannot help.",
    judge=judge,
    mistakes=MISTAKES,
)
