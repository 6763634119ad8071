"""Count the multiply-accumulates of a .tflite model: what its convolutions and dense layers compute for one image."""

import numpy as np

from tflite_course.errors import CourseError


def count_macs(model):
    """Return how many multiply-accumulates (MACs) a .tflite model needs for one image.

    model: bytes or a path. One MAC is one product that is added to a sum: a convolution needs one for each weight at
    each place of its output, a dense layer one for each weight. Zeros in the weights count too: the kernels multiply
    by them. Pooling, additions and activations do not count.
    Raises CourseError for what make_interpreter() refuses, and for a model with products that have no constant weights
    or are in loops, which this does not count.
    """
    from tflite_course.evaluation import make_interpreter, operators  # it imports this package

    interpreter = make_interpreter(model)
    shapes = {entry["index"]: tuple(map(int, entry["shape"])) for entry in interpreter.get_tensor_details()}
    batch = max(1, shapes[interpreter.get_input_details()[0]["index"]][0])
    total = 0
    for step in operators(interpreter):
        name = step["op_name"]
        if name in ("BATCH_MATMUL", "CONV_3D", "TRANSPOSE_CONV", "WHILE", "UNIDIRECTIONAL_SEQUENCE_LSTM"):
            raise CourseError(f"The MACs of the operator {name} are not counted here: count them by hand.")
        if name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            images, height, width, _ = shapes[step["outputs"][0]]
            total += images * height * width * int(np.prod(shapes[step["inputs"][1]]))
        elif name == "FULLY_CONNECTED":
            weights = shapes[step["inputs"][1]]
            total += int(np.prod(shapes[step["outputs"][0]])) * weights[-1]
    return total // batch
