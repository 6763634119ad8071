"""The graph of a model before and after conversion, read from a traced function and from a .tflite file, and drawn."""

from tflite_course.errors import CourseError
from tflite_course.lesson.style import COLOURS, course_style
from tflite_course.models import read_model

CARRIERS = {"Placeholder", "ReadVariableOp", "Const", "Identity", "NoOp"}  # they compute nothing
# Operators of a .tflite file that take in what follows them: operations of TensorFlow, in their order.
TAKES_IN = {
    "CONV_2D": ("Conv2D", "FusedBatchNormV3", "BiasAdd", "Relu"),
    "DEPTHWISE_CONV_2D": ("DepthwiseConv2dNative", "FusedBatchNormV3", "BiasAdd", "Relu"),
    "FULLY_CONNECTED": ("MatMul", "BiasAdd", "Relu"),
    "MAX_POOL_2D": ("MaxPool",),
}
COLOUR = {"CONV_2D": "sky", "DEPTHWISE_CONV_2D": "sky", "FULLY_CONNECTED": "green", "MAX_POOL_2D": "orange"}


def operations(function):
    """Return the types of the operations of a concrete function, in the order in which they were recorded."""
    return [operation.type for operation in function.graph.get_operations() if operation.type not in CARRIERS]


def operator_names(model):
    """Return the names of the operators of a .tflite file, bytes or a path, in the order in which they run."""
    return [step["name"] for step in read_operators(model)]


def read_operators(model):
    """Return the operators of the first graph of a .tflite file, in the order in which they run, one dict each.

    "name"; "constants": its inputs that are stored in the file, arrays (for a convolution weights and bias); "bytes"
    of these; "activation": the name of the one that is fused into it, or None. model: bytes or a path.
    Raises CourseError for what is not a .tflite file.
    """
    from ai_edge_litert import schema_py_generated as schema

    file = schema.Model.GetRootAs(read_model(model))
    names = {number: name for name, number in vars(schema.BuiltinOperator).items()}
    graph, found = file.Subgraphs(0), []
    for i in range(graph.OperatorsLength()):
        operator = graph.Operators(i)
        code = file.OperatorCodes(operator.OpcodeIndex())
        custom = code.CustomCode()
        name = custom.decode() if custom else names[code.BuiltinCode()]
        tensors = [graph.Tensors(number) for number in operator.InputsAsNumpy() if number >= 0]  # -1: left out
        constants = [_constant(file, tensor) for tensor in tensors if file.Buffers(tensor.Buffer()).DataLength()]
        size = sum(array.nbytes for array in constants)
        step = {"name": name, "constants": constants, "bytes": size, "activation": _activation(operator, name)}
        found.append(step)
    return found


def _constant(file, tensor):
    """Return a stored tensor as an array; one of a rare type as bytes."""
    from ai_edge_litert import schema_py_generated as schema

    kinds = {number: name.lower() for name, number in vars(schema.TensorType).items() if isinstance(number, int)}
    data, kind = file.Buffers(tensor.Buffer()).DataAsNumpy(), kinds[tensor.Type()]
    if kind not in ("float32", "float16", "int8", "int16", "int32", "int64", "uint8"):
        return data
    return data.view(kind).reshape(tensor.ShapeAsNumpy() if tensor.ShapeLength() else ())


def _activation(operator, name):
    """Return the activation that is fused into an operator with weights, "RELU" for example, or None."""
    from ai_edge_litert import schema_py_generated as schema

    options = {"CONV_2D": schema.Conv2DOptions, "DEPTHWISE_CONV_2D": schema.DepthwiseConv2DOptions}
    options["FULLY_CONNECTED"] = schema.FullyConnectedOptions
    place = operator.BuiltinOptions()
    if name not in options or place is None:
        return None
    table = options[name]()
    table.Init(place.Bytes, place.Pos)
    kinds = {number: kind for kind, number in vars(schema.ActivationFunctionType).items()}
    kind = kinds[table.FusedActivationFunction()]
    return None if kind == "NONE" else kind


def _text(step):
    """Return what the box of an operator says: its name, the shapes of weights and bias, its activation."""
    if step["name"] not in TAKES_IN:
        return step["name"]
    shapes = ["x".join(map(str, array.shape)) for array in step["constants"]]
    parts = [f"{kind} {shape}" for kind, shape in zip(("weights", "bias"), shapes, strict=False)]
    return "   ".join([step["name"], ", ".join([*parts, *[step["activation"]] * (step["activation"] is not None)])])


def fused(before, after):
    """Return for each operator of a file the numbers of the operations that it does: lists that cover all of `before`.

    before: types of TensorFlow's operations in their order; after: names of the operators of the file.
    Raises CourseError for graphs that do not fit: a branch, or an operator that is not in TAKES_IN.
    """
    groups, place = [], 0
    for name in after:
        group = []
        for kind in TAKES_IN.get(name, (name,)):
            if place < len(before) and _same(before[place], kind):
                group.append(place)
                place += 1
        if not group:
            rest = before[place] if place < len(before) else "nothing"
            raise CourseError(f"{name} of the file and {rest} of the traced function are no pair: draw a plain chain.")
        groups.append(group)
    if place < len(before):
        raise CourseError(f"Nothing in the file does {before[place]} of the traced function: draw a plain chain.")
    return groups


def _same(one, other):
    return one.replace("_", "").lower() == other.replace("_", "").lower()


def draw_fusion(function, model):
    """Draw the graph of a concrete function and that of the .tflite file made of it, side by side; bands join them.

    Returns (figure, a sentence that says how many steps there are on each side).
    Raises CourseError for graphs that are not a plain chain; see fused().
    """
    import matplotlib.pyplot as plt

    before, after = operations(function), read_operators(model)
    groups = fused(before, [step["name"] for step in after])
    with course_style():
        figure, axes = plt.subplots(figsize=(7.0, 0.3 * len(before) + 0.5))
        axes.set(xlim=(0, 10), ylim=(len(before) - 0.3, -1.1))
        axes.axis("off")
        axes.text(1.5, -0.75, f"traced: {len(before)} operations", ha="center", weight="bold")
        axes.text(7.3, -0.75, f"in the file: {len(after)} operators", ha="center", weight="bold")
        for step, group in zip(after, groups, strict=True):
            colour = COLOURS[COLOUR[step["name"]]] if step["name"] in COLOUR else "#d9d9d9"
            top, bottom, middle = group[0] - 0.42, group[-1] + 0.42, (group[0] + group[-1]) / 2
            band = [(3, top), (4.7, middle - 0.42), (4.7, middle + 0.42), (3, bottom)]
            axes.fill(*zip(*band, strict=True), color=colour, alpha=0.3, linewidth=0)
            for number in group:
                _box(axes, 0, 3, number, before[number], colour)
            _box(axes, 4.7, 9.9, middle, _text(step), colour)
    merged = sum(len(group) > 1 for group in groups)
    sentence = f"{len(before)} traced operations become {len(after)} operators; {merged} do the work of several"
    return figure, sentence


def _box(axes, left, right, row, text, colour):
    from matplotlib.patches import FancyBboxPatch

    style = {"boxstyle": "round,pad=0,rounding_size=0.15", "facecolor": colour, "edgecolor": "#333333", "alpha": 0.75}
    axes.add_patch(FancyBboxPatch((left, row - 0.36), right - left, 0.72, **style))
    axes.text((left + right) / 2, row, text, ha="center", va="center", fontsize=8)
