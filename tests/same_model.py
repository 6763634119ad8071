"""Are two .tflite models the same, apart from what differs between processors?

The converter folds batch normalization with the processor's own arithmetic, so bytes and last digits of its files
differ from machine to machine. What must agree: structure, integers within one step, scales and floats within 1e-6.
"""

import numpy as np

RELATIVE = 1e-6


def describe(content):
    """Return (operators, tensors) of a .tflite file's first graph; a tensor is (name, dtype, shape, zero points)."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(content)
    graph = model.Subgraphs(0)
    operators, tensors = [], []
    for operator in map(graph.Operators, range(graph.OperatorsLength())):
        code = model.OperatorCodes(operator.OpcodeIndex())
        links = [operator.InputsAsNumpy(), operator.OutputsAsNumpy()]
        operators.append(
            (max(code.BuiltinCode(), code.DeprecatedBuiltinCode()), *(np.ravel(x).tolist() for x in links))
        )
    for tensor in map(graph.Tensors, range(graph.TensorsLength())):
        grid = tensor.Quantization()
        zeros = grid.ZeroPointAsNumpy().tolist() if grid and grid.ZeroPointLength() else []
        tensors.append((tensor.Name(), tensor.Type(), np.ravel(tensor.ShapeAsNumpy()).tolist(), zeros))
    return operators, tensors


def numbers(content):
    """Return (constants, scales): {tensor: array} of a .tflite file's first graph, int8, int32 and float32 alone."""
    from ai_edge_litert import schema_py_generated as schema

    dtypes = {schema.TensorType.FLOAT32: np.float32, schema.TensorType.INT8: np.int8, schema.TensorType.INT32: np.int32}
    model = schema.Model.GetRootAs(content)
    graph = model.Subgraphs(0)
    constants, scales = {}, {}
    for tensor in map(graph.Tensors, range(graph.TensorsLength())):
        data = model.Buffers(tensor.Buffer()).DataAsNumpy()
        if not isinstance(data, int) and tensor.Type() in dtypes:
            constants[tensor.Name()] = data.view(dtypes[tensor.Type()])
        grid = tensor.Quantization()
        if grid and grid.ScaleLength():
            scales[tensor.Name()] = grid.ScaleAsNumpy()
    return constants, scales


def differences(made, shipped):
    """Return in which respects two .tflite files (bytes) differ by more than processors do; [] if in none."""
    if describe(made) != describe(shipped):
        return ["operators, names, types, shapes or zero points"]
    found = []
    for kind, ours, theirs in zip(("constant", "scales"), numbers(made), numbers(shipped), strict=True):
        for name, values in theirs.items():
            apart = np.abs(ours[name].astype(np.float64) - values).max()
            if kind == "scales":
                limit = RELATIVE * np.abs(values).min()
            else:
                limit = RELATIVE * np.abs(values).max() if values.dtype == np.float32 else 1
            if apart > limit:
                found.append(f"{kind} of {name.decode()}: {apart:g} apart, {limit:g} allowed")
    return found
