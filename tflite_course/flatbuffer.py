"""Write a .tflite file again without what a runtime does not need. Lesson 09 shows what each part costs."""

from tflite_course.errors import CourseError
from tflite_course.models import read_model

# What can go, and who would miss it.
PARTS = {
    "names": "names of tensors, graph and description: only people read them",
    "signatures": "the signature: get_signature_runner() needs it, Interpreter.invoke() does not",
    "metadata": "the converter's version and notes",
    "min_max": "the ranges seen in calibration: scale and zero point say the same",
    "shape_signature": "the marks of open axes: the batch is fixed to the shape that is stored",
    "empty_buffers": "a buffer for each tensor that has no constant data",
    "shared_lists": "equal lists of scales and zero points: one copy is enough for all tensors",
}


def strip(model, parts=PARTS):
    """Return the bytes of a .tflite model, written again without the given parts: a list of names from PARTS.

    The operators, the weights and the scales stay as they are, and so do the answers. Only for models of one graph.
    Raises CourseError for an unknown part, several graphs and a damaged file.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        raise CourseError(f"There is no part {', '.join(unknown)}: choose from {', '.join(PARTS)}.")
    tree = schema.ModelT.InitFromPackedBuf(bytearray(read_model(model)), 0)
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
        _drop_unused_buffers(tree, graph)
    if "shared_lists" in parts:
        for tensor in graph.tensors:
            if tensor.quantization is not None and tensor.quantization.scale is not None:
                tensor.quantization.__class__ = _sharing(schema)

    class Builder(flatbuffers.Builder):
        vectors = None  # the lists that were stored already, for _sharing()

    builder = Builder(1024)
    builder.vectors = {}
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _drop_unused_buffers(tree, graph):
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


def _sharing(schema):
    """Return a class that packs QuantizationParameters with scale and zero point, equal lists stored once."""

    class Sharing(schema.QuantizationParametersT):
        def Pack(self, builder):
            shared = builder.vectors

            def vector(values, start, prepend):
                key = (start, tuple(values))
                if key not in shared:
                    start(builder, len(values))
                    for value in reversed(values):
                        prepend(value)
                    shared[key] = builder.EndVector()
                return shared[key]

            scale = vector(self.scale, schema.QuantizationParametersStartScaleVector, builder.PrependFloat32)
            zeros = vector(self.zeroPoint, schema.QuantizationParametersStartZeroPointVector, builder.PrependInt64)
            schema.QuantizationParametersStart(builder)
            schema.QuantizationParametersAddScale(builder, scale)
            schema.QuantizationParametersAddZeroPoint(builder, zeros)
            if self.quantizedDimension:
                schema.QuantizationParametersAddQuantizedDimension(builder, self.quantizedDimension)
            return schema.QuantizationParametersEnd(builder)

    return Sharing
