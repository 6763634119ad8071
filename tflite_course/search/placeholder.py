"""An int8 .tflite file of a network of the space without any training: random weights under the tables of a real one.

Its bytes are those of the network's own file after flatbuffer.strip(), and a runtime or the emulator can run it.
"""

import numpy as np

from tflite_course.models.flatbuffer import strip
from tflite_course.search.space import SIDE, operators

CODES = {  # name in the schema and version, as the converter writes them for int8
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 3,
    "MAX_POOL_2D": 2,
    "MEAN": 2,
    "RESHAPE": 1,
    "FULLY_CONNECTED": 4,
}


def placeholder(network, seed=0):
    """Return the bytes of an int8 .tflite with random weights for a network of the space, stripped.

    Scales and weights are drawn so that no two lists are equal by chance and activations use their range.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    return strip(_pack(_Writer(schema, np.random.default_rng(seed)).model(operators(network)), flatbuffers))


def _pack(tree, flatbuffers):
    builder = flatbuffers.Builder(1024)
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


class _Writer:
    """Builds the tree of a file: constants from the last layer to the first, then the tensors between operators."""

    def __init__(self, schema, draw):
        self.schema, self.draw, self.tensors, self.codes = schema, draw, [], {}
        self.buffers = [schema.BufferT()]

    def model(self, steps):
        schema = self.schema
        graph, tree = schema.SubGraphT(), schema.ModelT()
        self._tensor((SIDE, SIDE, 1), scale=1 / 255)
        shapes = [step for step in steps if step.name in ("MEAN", "RESHAPE")]  # their constants lie before the weights
        made = {id(step): self._constants(step) for step in [*shapes, *[s for s in reversed(steps) if s not in shapes]]}
        last, graph.operators = 0, []
        for step in steps:
            scale = None if step.name not in ("MAX_POOL_2D", "RESHAPE") else self.tensors[last].quantization.scale[0]
            output = self._tensor(step.target, scale=scale, logits=step is steps[-1])
            graph.operators.append(self._operator(step, [last, *made[id(step)]], output))
            last = output
        graph.tensors, graph.inputs, graph.outputs = self.tensors, [0], [last]
        tree.version, tree.subgraphs, tree.buffers = 3, [graph], self.buffers
        tree.operatorCodes = [self._code(name) for name in self.codes]
        return tree

    def _code(self, name):
        code = self.schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(self.schema.BuiltinOperator, name)
        code.version = CODES[name]
        return code

    def _operator(self, step, inputs, output):
        schema, operator = self.schema, self.schema.OperatorT()
        operator.opcodeIndex = self.codes.setdefault(step.name, len(self.codes))
        operator.inputs, operator.outputs = inputs, [output]
        kind = {
            "CONV_2D": "Conv2DOptions",
            "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
            "MAX_POOL_2D": "Pool2DOptions",
            "MEAN": "ReducerOptions",
            "FULLY_CONNECTED": "FullyConnectedOptions",
        }.get(step.name)
        if kind is None:
            return operator
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
        options = operator.builtinOptions = getattr(schema, f"{kind}T")()
        if hasattr(options, "strideW"):
            options.strideW = options.strideH = step.stride
            pool = step.name == "MAX_POOL_2D"
            options.padding = schema.Padding.VALID if pool else schema.Padding.SAME
            options.fusedActivationFunction = schema.ActivationFunctionType.NONE if pool else 1
            if pool:
                options.filterWidth = options.filterHeight = step.window
        if step.name == "DEPTHWISE_CONV_2D":
            options.depthMultiplier = 1
        return operator

    def _constants(self, step):
        """Add the constants of an operator; return their numbers in the order of its inputs."""
        if step.name == "MAX_POOL_2D":
            return []
        if step.name in ("MEAN", "RESHAPE"):
            values = [1, 2] if step.name == "MEAN" else [-1, step.target[0]]
            number = self._plain((2,), np.array(values, np.int32))
            self.tensors[
                number
            ].quantization = self.schema.QuantizationParametersT()  # the converter leaves an empty one
            return [number]
        outputs = step.target[-1]
        if step.name == "FULLY_CONNECTED":
            shape, fan = (outputs, step.source[0]), step.source[0]
        elif step.name == "CONV_2D":
            shape = (outputs, step.window, step.window, step.source[-1])
            fan = step.window**2 * step.source[-1]
        else:
            shape, fan = (1, step.window, step.window, outputs), step.window**2
        scales = self.draw.uniform(0.5, 1.0, outputs).astype(np.float32) / (160 * fan**0.5)
        bias = self._quantized((outputs,), self.draw.integers(-99, 99, outputs, np.int32), scales * np.float32(0.9))
        weights = self.draw.integers(-127, 128, shape, np.int8)
        return [self._quantized(shape, weights, scales, 3 if step.name == "DEPTHWISE_CONV_2D" else 0), bias]

    def _plain(self, shape, values):
        tensor, buffer = self.schema.TensorT(), self.schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self.buffers.append(buffer)
        tensor.shape, tensor.hasRank, tensor.buffer = list(shape), True, len(self.buffers) - 1
        tensor.type = self.schema.TensorType.INT8 if values.dtype == np.int8 else self.schema.TensorType.INT32
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def _quantized(self, shape, values, scales, dimension=0):
        number = self._plain(shape, values)
        self.tensors[number].quantization = self._quantization(scales, [0] * len(scales), dimension)
        return number

    def _tensor(self, shape, scale=None, logits=False):
        tensor = self.schema.TensorT()
        tensor.shape, tensor.hasRank, tensor.buffer = [1, *shape], True, 0
        tensor.type = self.schema.TensorType.INT8
        scale = self.draw.uniform(0.02, 0.03) if scale is None else scale
        tensor.quantization = self._quantization(np.array([scale], np.float32), [7 if logits else -128])
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def _quantization(self, scales, zeros, dimension=0):
        quantization = self.schema.QuantizationParametersT()
        quantization.scale, quantization.zeroPoint = np.asarray(scales, np.float32), np.array(zeros, np.int64)
        quantization.quantizedDimension = dimension
        return quantization
