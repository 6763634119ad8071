"""Lab 1, read_file: the operators of a .tflite file and the bytes of its constants."""

import numpy as np

from tflite_course.labs.exercise import (
    Exercise,
    KnownMistake,
    Mistake,
    describe,
    require_function,
    require_returned,
    same,
)
from tflite_course.labs.lab_1_train_and_convert.common import operator_names, tables

FILES = [
    ("mnist_cnn", "int8"),
    ("mnist_cnn_plain", "float32"),
    ("mnist_ds", "float32"),
    ("mnist_ds", "int8"),
    ("mnist_tiny", "int8"),
]


def _tensors(content):
    """Return (bytes of its buffer, number of its buffer, tensor) of each tensor of a file."""
    _, file, graph = tables(content)
    found = [graph.Tensors(i) for i in range(graph.TensorsLength())]
    return [(file.Buffers(tensor.Buffer()).DataLength(), tensor.Buffer(), tensor) for tensor in found]


def bytes_of_constants(content):
    return sum({number: size for size, number, _ in _tensors(content)}.values())


def each_tensor(content):
    return sum(size for size, _, _ in _tensors(content))


def all_buffers(content):
    _, file, _ = tables(content)
    return sum(file.Buffers(i).DataLength() for i in range(file.BuffersLength()))


def values(content):
    constants = {number: tensor for size, number, tensor in _tensors(content) if size}
    return sum(int(np.prod(tensor.ShapeAsNumpy())) for tensor in constants.values())


def number_of_buffers(content):
    return len({number for _, number, _ in _tensors(content)})


ONCE = "this names each kind once. Name each operator, in the order in which they run."
ORDER = "the operators are right, their order is not: take the order of the graph."
NUMBERS = "these are numbers. `schema.BuiltinOperator` holds the name of each."
DELEGATE = "DELEGATE is not in the file: XNNPACK adds it when the interpreter allocates its tensors."
MISTAKES_IN_BYTES = [
    ("this is the size of the whole file. Count the bytes of the constants only.", len),
    (
        "this is all else in the file. Count the bytes of the constants.",
        lambda content: len(content) - bytes_of_constants(content),
    ),
    ("two tensors share a buffer. Count each buffer once.", each_tensor),
    ("you count all buffers of the file, also those of the metadata. Take those that a tensor uses.", all_buffers),
    (
        "you count four bytes for each number. Not every constant is float32: ask the buffer.",
        lambda content: 4 * values(content),
    ),
    ("this is the number of values. Count bytes.", values),
    ("this is how many buffers there are. Add up their bytes.", number_of_buffers),
]


def judge(answer, rng):
    from tflite_course.models import model_path

    require_function(answer)
    chosen = [FILES[k] for k in rng.permutation(len(FILES))[:3]]
    for name, variant in [("mnist_cnn", "float32"), *chosen]:
        content = model_path(name, variant).read_bytes()
        found = require_returned(answer(content))
        if type(found) not in (tuple, list) or len(found) != 2:
            raise Mistake(f"two things are expected, the list of operators and the bytes, this is {describe(found)}.")
        _check_names(found[0], content)
        _check_bytes(found[1], content)


def _check_names(found, content):
    right = operator_names(content)
    if same(found, right):
        return
    if type(found) not in (list, tuple) or not all(type(name) is str for name in found):
        if type(found) in (list, tuple) and found and all(isinstance(name, (int, np.integer)) for name in found):
            raise Mistake(NUMBERS)
        raise Mistake(f"the operators are expected as a list of names, this is {describe(found)}.")
    if "DELEGATE" in found:
        raise Mistake(DELEGATE)
    if sorted(found) == sorted(set(right)):
        raise Mistake(ONCE)
    if sorted(found) == sorted(right):
        raise Mistake(ORDER)
    raise Mistake(f"you find {len(found)} operators, {describe(tuple(found[:4]))} ..., the file has {len(right)}.")


def _check_bytes(found, content):
    right = bytes_of_constants(content)
    if same(found, right):
        return
    if type(found) is not int and not isinstance(found, np.integer):
        raise Mistake(f"the bytes are expected as a whole number, this is {describe(found)}.")
    for hint, mistaken in MISTAKES_IN_BYTES:
        if int(found) == mistaken(content):
            raise Mistake(hint)
    raise Mistake(f"you find {int(found):,} bytes of constants in a file that has {right:,}.")


def _with_bytes(count):
    return lambda content: (operator_names(content), count(content))


def _with_names(names):
    return lambda content: (names(content), bytes_of_constants(content))


def _codes(content):
    _, file, graph = tables(content)
    return [file.OperatorCodes(graph.Operators(i).OpcodeIndex()).BuiltinCode() for i in range(graph.OperatorsLength())]


EXERCISE = Exercise(
    points=3,
    tests="read_file(content) on four .tflite files of the course",
    why="a device that lacks one operator cannot run the file, and bytes that are counted twice plan too much memory.",
    judge=judge,
    mistakes=[
        KnownMistake(ONCE, _with_names(lambda content: sorted(set(operator_names(content))))),
        KnownMistake(ORDER, _with_names(lambda content: sorted(operator_names(content)))),
        KnownMistake(NUMBERS, _with_names(_codes)),
        KnownMistake(DELEGATE, _with_names(lambda content: [*operator_names(content), "DELEGATE"])),
        *(KnownMistake(hint, _with_bytes(count)) for hint, count in MISTAKES_IN_BYTES),
    ],
)
