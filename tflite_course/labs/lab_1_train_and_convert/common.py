"""What several checks of lab 1 ask: is it a network for digits, is a conversion right, which operators has a file."""

import numpy as np

from tflite_course.labs import tflite_file
from tflite_course.labs.exercise import Mistake, describe, is_keras_3, require_function, require_returned, same

LARGEST = 20_000  # parameters of the student's network


def require_network(model):
    """Return a model of Keras 2 from (28, 28) to ten numbers, or raise Mistake."""
    import tf_keras as keras

    if not issubclass(type(model), keras.Model):
        if is_keras_3(model):
            raise Mistake("this is a model of Keras 3. Build it with `import tf_keras as keras`, which is Keras 2.")
        raise Mistake(f"a Keras model is expected, this is {describe(model)}.")
    if not type(model).__module__.startswith("tf_keras.") or not model.inputs:
        raise Mistake(
            "the shape of the input is not known yet. Begin with `keras.layers.Input((28, 28), name='image')`."
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise Mistake(
            f"the model has {len(model.inputs)} inputs and {len(model.outputs)} outputs, it must have one each."
        )
    _require_shapes(tuple(model.input_shape), tuple(model.output_shape))
    return model


def _require_shapes(source, target):
    if source == (None, 28, 28, 1):
        raise Mistake(
            "the input has a channel axis, the images have none. Take (28, 28) and add the axis by `Reshape`."
        )
    if source == (None, 784):
        raise Mistake("the input is a row of 784 numbers. Take (28, 28), so that images fit as they are.")
    if source != (None, 28, 28):
        raise Mistake(f"the input has the shape {source}, it must be (None, 28, 28).")
    if target != (None, 10):
        raise Mistake(f"the output has the shape {target}, it must be (None, 10): one number for each digit.")


def random_model(rng):
    """Return an untrained model with random weights and statistics: nobody has its answers at hand."""
    import tf_keras as keras

    layers = keras.layers
    filters = int(rng.integers(3, 7))
    model = keras.Sequential(
        [
            layers.Input((28, 28), name="image"),
            layers.Reshape((28, 28, 1), name="add_channel"),
            layers.Conv2D(filters, 3, strides=2, use_bias=False, name="conv_1"),
            layers.BatchNormalization(name="norm_1"),
            layers.ReLU(name="relu_1"),
            layers.MaxPooling2D(name="pool_1"),
            layers.Flatten(name="flatten"),
            layers.Dropout(0.3, name="dropout"),
            layers.Dense(10, name="logits"),
        ],
        name="random_model",
    )
    model.set_weights(
        [rng.uniform(0.2, 0.8, w.shape).astype(np.float32) - 0.3 * (w.ndim > 1) for w in model.get_weights()]
    )
    return model


def converted(answer, model):
    """Return the bytes that an answer makes of a model, or raise Mistake."""
    before = model.get_weights()
    try:
        value = require_function(answer)(model)
    except Exception as error:
        if any(name in str(error) for name in ("FusedBatchNorm", "Random", "Dropout")):
            raise Mistake(
                "the layers still behave as in training, and LiteRT has no operators for that: trace the model with "
                "`training=False`."
            ) from None
        raise
    if not same(model.get_weights(), before):
        raise Mistake("your function changes the weights of the model that it is given.")
    return require_returned(value)


def open_float_file(content, batch):
    """Return an interpreter of a float32 file for images (28, 28) with this batch (-1: open), or raise Mistake."""
    interpreter = tflite_file.open_file(content)
    dtypes = {np.dtype(details["dtype"]).name for details in interpreter.get_tensor_details()}
    if dtypes & {"int8", "float16", "int16", "uint8"}:
        raise Mistake("the weights are not float32: leave `converter.optimizations` alone, lesson 05 is about it.")
    source = interpreter.get_input_details()
    shape = tuple(int(side) for side in source[0]["shape"])
    if len(source) != 1 or shape[1:] != (28, 28):
        raise Mistake(f"the input has the shape {shape}: convert the model that the function is given.")
    signature = int(source[0]["shape_signature"][0])
    if signature != batch:
        more = " `shape` shows 1 in both files; the signature says what may change." if batch == 1 else ""
        raise Mistake(f"the batch is {_batch(signature)} in `shape_signature`, it must be {_batch(batch)}.{more}")
    return interpreter


def _batch(number):
    return "open (-1)" if number == -1 else f"fixed to {number}"


def check_logits(interpreter, model, images):
    """Raise Mistake unless a file gives the logits of a model for images, float32 (n, 28, 28)."""
    source, target = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    found = []
    for image in images:
        interpreter.set_tensor(source, image[np.newaxis])
        interpreter.invoke()
        found.append(interpreter.get_tensor(target)[0])
    expected = np.asarray(model(images, training=False))
    if same(np.stack(found), expected, tolerance=1e-3):
        return
    powers = np.exp(expected - expected.max(1, keepdims=True))
    if same(np.stack(found), powers / powers.sum(1, keepdims=True), tolerance=1e-3):
        raise Mistake("the file gives probabilities. Convert the model as it is, it gives logits.")
    raise Mistake(
        "the file gives other numbers than the model. Convert the model that the function is given, and trace it with "
        "`training=False`."
    )


def tables(content):
    """Return (schema, file, graph): the tables of a .tflite file, and its first graph."""
    from ai_edge_litert import schema_py_generated as schema

    file = schema.Model.GetRootAs(content)
    return schema, file, file.Subgraphs(0)


def operator_names(content):
    """Return the names of the operators of a .tflite file, in the order in which they run."""
    schema, file, graph = tables(content)
    name_of = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
    codes = [file.OperatorCodes(graph.Operators(i).OpcodeIndex()) for i in range(graph.OperatorsLength())]
    return [c.CustomCode().decode() if c.CustomCode() else name_of[c.BuiltinCode()] for c in codes]
