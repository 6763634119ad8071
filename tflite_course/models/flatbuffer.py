"""Write a .tflite file again without what a runtime does not need (lesson 09), or without its end (lesson 03)."""

import struct

from tflite_course.errors import CourseError
from tflite_course.models.files import cut_short, read_model

# What can go, and who would miss it.
PARTS = {
    "names": "names of tensors, graph and description: only people read them",
    "signatures": "the signature: get_signature_runner() needs it, Interpreter.invoke() does not",
    "metadata": "the converter's version and notes",
    "min_max": "the ranges seen in calibration: scale and zero point say the same",
    "shape_signature": "the marks of open axes: the batch is fixed to the shape that is stored",
    "empty_buffers": "a buffer for each tensor that has no constant data",
    "shared_lists": "equal lists of shapes, scales and zero points: one copy is enough for all tensors",
}


def strip(model, parts=PARTS):
    """Return the bytes of a .tflite model, written again without the given parts: a list of names from PARTS.

    The operators, the weights and the scales stay as they are, and so do the answers. Only for models of one graph.
    Raises CourseError for an unknown part, several graphs and a damaged file.
    """

    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        raise CourseError(f"There is no part {', '.join(unknown)}: choose from {', '.join(PARTS)}.")
    tree = unpack(model)
    if len(tree.subgraphs) != 1:
        raise CourseError(f"The model has {len(tree.subgraphs)} graphs, strip() takes models with one.")
    graph = tree.subgraphs[0]
    if "names" in parts:
        tree.description = graph.name = None
        for tensor in graph.tensors:
            tensor.name = None
    if "signatures" in parts:
        tree.signatureDefs = None
    if "metadata" in parts:
        tree.metadata = tree.metadataBuffer = None
    if "shape_signature" in parts:
        for tensor in graph.tensors:
            tensor.shapeSignature = None
    if "min_max" in parts:
        for tensor in graph.tensors:
            if tensor.quantization is not None:
                tensor.quantization.min = tensor.quantization.max = None
    if "empty_buffers" in parts:
        drop_unused_buffers(tree, graph)
    return packed(tree, share="shared_lists" in parts)


def first_operators(model, count):
    """Return the bytes of a .tflite model that ends after its first `count` operators and gives what the last one made.

    Timed beside one another, such files show what each operator adds. There is no signature; only for models of one
    graph. Raises CourseError for a count that the model does not have, several graphs and a damaged file.
    """
    tree, graph = _one_graph(model, count, "first_operators()")
    graph.operators = graph.operators[:count]
    graph.outputs = graph.operators[-1].outputs
    return packed(tree)


def one_operator(model, number):
    """Return the bytes of a .tflite model that is one operator of another, the first has the number 1.

    Its inputs are those of the operator that are no constants. It shows whether an accelerator takes that operator.
    There is no signature. Raises CourseError as first_operators does.
    """
    tree, graph = _one_graph(model, number, "one_operator()")
    (operator,) = graph.operators = graph.operators[number - 1 : number]
    data = {i: tree.buffers[graph.tensors[i].buffer].data for i in operator.inputs if i >= 0}
    graph.inputs = [i for i, values in data.items() if values is None or not len(values)]
    graph.outputs = operator.outputs
    return packed(tree)


def _one_graph(model, number, caller):
    """Return (tree, its one graph), no signature, of a model that has an operator of this number: first_operators()."""
    tree = unpack(model)
    if len(tree.subgraphs) != 1:
        raise CourseError(f"The model has {len(tree.subgraphs)} graphs, {caller} takes models with one.")
    graph = tree.subgraphs[0]
    if not 1 <= number <= len(graph.operators):
        raise CourseError(f"The model has {len(graph.operators)} operators: give a count from 1 to that, not {number}.")
    tree.signatureDefs = None
    return tree, graph


def unpack(model):
    """Return a .tflite model, its bytes or a path, as a tree of Python objects. Raises CourseError for a damaged file.

    It reads all of the file, where read_model() looks at what a runtime reads.
    """
    from ai_edge_litert import schema_py_generated as schema

    content = read_model(model)
    try:
        return schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
    except (struct.error, ValueError, IndexError, TypeError, AttributeError):
        raise cut_short("The model", content) from None


def packed(tree, *, share=False):
    """Return the bytes of an unpacked model; share: equal lists of numbers are written once."""
    builder = _builder(share)
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def kind_of(tree, operator):
    """Return the number of an operator of an unpacked model in schema_py_generated.BuiltinOperator."""
    code = tree.operatorCodes[operator.opcodeIndex]
    return max(code.builtinCode, code.deprecatedBuiltinCode)


def drop_unused_buffers(tree, graph):
    """Keep buffer 0, which means "no data", and the buffers that hold something and belong to a tensor."""
    needed = {tensor.buffer for tensor in graph.tensors}
    kept, number = [tree.buffers[0]], {}
    for index, buffer in enumerate(tree.buffers):
        if index and index in needed and buffer.data is not None and len(buffer.data):
            number[index] = len(kept)
            kept.append(buffer)
    for tensor in graph.tensors:
        tensor.buffer = number.get(tensor.buffer, 0)
    tree.buffers = kept


def _builder(share):
    """Return a flatbuffers Builder; share: it stores lists of equal numbers once, as it does with its own tables."""
    import flatbuffers

    class SharingBuilder(flatbuffers.Builder):
        known = key = None

        def StartVector(self, size, count, alignment):
            self.start, self.key, self.numbers = self.Offset(), (size, count, alignment), True
            return super().StartVector(size, count, alignment)

        def PrependUOffsetTRelative(self, offset):
            self.numbers = False  # a list of references: equal bytes would not mean equal things
            super().PrependUOffsetTRelative(offset)

        def EndVector(self, *numbers):
            offset = super().EndVector(*numbers)
            ended, self.key = self.key, None
            if ended is None or not self.numbers:  # None: a string, which starts no vector
                return offset
            self.known = self.known or {}
            size, count, _ = ended
            key = (*ended, bytes(self.Bytes[self.Head() : self.Head() + 4 + size * count]))
            if key in self.known:
                self.head = len(self.Bytes) - self.start  # take the second copy back
            return self.known.setdefault(key, offset)

    return SharingBuilder(1024) if share else flatbuffers.Builder(1024)
