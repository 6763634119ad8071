"""Write a small int8 .tflite file in fewer bytes: weights of 4 bits, and what strip() leaves though nothing needs it.

Below 4 KiB most of a file is not weights: tables say of each tensor and each operator what it is. pack() keeps equal
tables once and leaves out what the interpreters of LiteRT and TFLM compute by themselves.
"""

from functools import partial

import numpy as np

from tflite_course.errors import CourseError
from tflite_course.models.files import read_model
from tflite_course.models.flatbuffer import drop_unused_buffers, kind_of, packed, strip, unpack

STEPS = {8: 127, 4: 7}  # of a grid of so many bits, on each side of 0


def pack(model, bits=8):
    """Return the bytes of an int8 .tflite model, smaller; the answers stay, up to the last step of a sum.

    model: bytes or a path, of one graph. bits: 8 leaves the weights; 4 stores two of them in a byte and takes weights
    that lie on a grid of 4 bits already: of each scale the largest is 7 steps from 0; a list has a number for each
    operator with weights. (TFLM runs a dense layer of 4 bits only with one scale for all of it: channels=False in
    to_int8.) Besides strip():
    equal tables of ranges and options are stored once; the scale of a convolution's bias goes, it is input scale times
    weight scale; a reshape before a dense layer goes, the layer reads its input as a row anyway.
    Raises CourseError for other bits, weights that are not integers or not on the grid, and what strip() refuses.
    """
    from ai_edge_litert import schema_py_generated as schema

    if not set([bits] if isinstance(bits, int) else bits) <= set(STEPS):
        raise CourseError(f"bits is {bits!r}: a .tflite file holds weights of {' or '.join(map(str, STEPS))} bits.")
    tree = unpack(strip(model))
    graph, kinds = tree.subgraphs[0], schema.BuiltinOperator
    _drop_reshapes(tree, graph, kinds)
    found = [operator for operator in graph.operators if kind_of(tree, operator) in _with_weights()]
    each = [bits] * len(found) if isinstance(bits, int) else list(bits)
    if len(each) != len(found):
        raise CourseError(f"There are {len(found)} operators with weights and {len(each)} numbers of bits.")
    for operator, own in zip(found, each, strict=True):
        weights, bias = (graph.tensors[i] if i >= 0 else None for i in [*operator.inputs, -1][1:3])
        if own == 4:
            _to_four_bits(tree, weights, bias, schema)
        if bias is not None and kind_of(tree, operator) != kinds.FULLY_CONNECTED:  # whose kernel compares the scales
            bias.quantization = None
    _share([tensor.quantization for tensor in graph.tensors])
    _share([operator.builtinOptions for operator in graph.operators])
    for tensor in graph.tensors:
        tensor.hasRank = False
    return packed(tree, share=True)


def _with_weights():
    """Return the kinds of operators that have weights and a bias: convolutions and dense layers."""
    from ai_edge_litert.schema_py_generated import BuiltinOperator as Kind

    return Kind.CONV_2D, Kind.DEPTHWISE_CONV_2D, Kind.FULLY_CONNECTED


def _drop_reshapes(tree, graph, kinds):
    """Remove each reshape whose only reader is a dense layer, and then what no operator uses any more."""
    readers = [(kind_of(tree, operator), operator.inputs[0]) for operator in graph.operators]
    for operator in [found for found in graph.operators if kind_of(tree, found) == kinds.RESHAPE]:
        made = operator.outputs[0]
        if [kind for kind, read in readers if read == made] == [kinds.FULLY_CONNECTED]:
            reader = next(other for other in graph.operators if other.inputs[0] == made)
            reader.inputs[0] = operator.inputs[0]
            graph.operators.remove(operator)
    used = sorted({i for op in graph.operators for i in (*op.inputs, *op.outputs) if i >= 0} | {*graph.inputs})
    number = {old: new for new, old in enumerate(used)} | {-1: -1}
    for operator in graph.operators:
        operator.inputs = [number[i] for i in operator.inputs]
        operator.outputs = [number[i] for i in operator.outputs]
    graph.inputs, graph.outputs = [number[i] for i in graph.inputs], [number[i] for i in graph.outputs]
    graph.tensors = [graph.tensors[i] for i in used]
    drop_unused_buffers(tree, graph)
    codes = sorted({operator.opcodeIndex for operator in graph.operators})
    for operator in graph.operators:
        operator.opcodeIndex = codes.index(operator.opcodeIndex)
    tree.operatorCodes = [tree.operatorCodes[i] for i in codes]


def _to_four_bits(tree, weights, bias, schema):
    """Store weights, int8 in the file, with 4 bits each, and change their scale and the bias with it."""
    if weights.type != schema.TensorType.INT8:
        raise CourseError("The model has no weights of integers to store with 4 bits: convert it to int8 first.")
    ratio = STEPS[4] / STEPS[8]
    values = np.asarray(tree.buffers[weights.buffer].data, np.uint8).view(np.int8)
    small = np.round(values * ratio).astype(np.int8)
    if np.abs(small / ratio - values).max() > 0.51:
        raise CourseError("The weights are not on a grid of 4 bits: round and train them for it first (lesson 06).")
    small = np.append(small, np.zeros(len(small) % 2, np.int8)).view(np.uint8) & 15
    tree.buffers[weights.buffer].data = small[0::2] | small[1::2] << 4
    weights.type = schema.TensorType.INT4
    weights.quantization.scale = [scale / ratio for scale in weights.quantization.scale]
    if bias is not None:
        sums = np.asarray(tree.buffers[bias.buffer].data, np.uint8).view(np.int32)
        tree.buffers[bias.buffer].data = np.round(sums * ratio).astype(np.int32).view(np.uint8)
        bias.quantization.scale = [scale / ratio for scale in bias.quantization.scale]


def _share(tables):
    """Let tables with equal content be written once: a table refers to another by its place, so one copy serves all."""
    places = {}

    def write(builder, table, key):
        if key not in places:
            places[key] = type(table).Pack(table, builder)
        return places[key]

    for table in filter(None, tables):
        content = {name: np.asarray(value).tolist() for name, value in vars(table).items()}
        table.Pack = partial(write, table=table, key=f"{type(table).__name__} {sorted(content.items())}")


def bytes_by_kind(model):
    """Return the bytes of a .tflite model by what they are for, {kind: bytes}; together they are the whole file.

    "weights" and "biases" are the constants of convolutions and dense layers, "ranges" the lists of scales and zero
    points, each list counted once, "tables" all else: what each tensor and operator is, and how it is found.
    Raises CourseError for a damaged file.
    """
    from ai_edge_litert import schema_py_generated as schema

    content = read_model(model)
    tree = schema.Model.GetRootAs(content)
    graph, found = tree.Subgraphs(0), {"weights": 0, "biases": 0}
    for operator in map(graph.Operators, range(graph.OperatorsLength())):
        code = tree.OperatorCodes(operator.OpcodeIndex())
        if max(code.BuiltinCode(), code.DeprecatedBuiltinCode()) in _with_weights():
            inputs = operator.InputsAsNumpy()
            for kind, number in zip(found, inputs[1:3], strict=False):
                if number >= 0:
                    found[kind] += tree.Buffers(graph.Tensors(number).Buffer()).DataLength()
    lists = {}
    for tensor in map(graph.Tensors, range(graph.TensorsLength())):
        if (ranges := tensor.Quantization()) is not None:
            for field, size in ((8, 4), (10, 8)):  # scales, float32; zero points, int64; each behind its length
                if place := ranges._tab.Offset(field):
                    lists[ranges._tab.Vector(place)] = 4 + size * ranges._tab.VectorLen(place)
    found["ranges"] = sum(lists.values())
    return found | {"tables": len(content) - sum(found.values())}
