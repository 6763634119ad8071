"""A tf_keras network as a float32 .tflite file without a conversion: LiteRT reads many digits sooner than Keras."""

import numpy as np

from tflite_course.models.convert import export
from tflite_course.models.digits import CHECKPOINTS, model_path

# Layers without weights of which a chain may be made; one with two inputs is not among them.
PLAIN = {
    *("InputLayer", "Reshape", "Flatten", "Dropout", "ReLU", "Activation", "Softmax", "ZeroPadding2D"),
    *("MaxPooling2D", "AveragePooling2D", "GlobalMaxPooling2D", "GlobalAveragePooling2D"),
}
# Layer: its operator, and its kernel as it lies there: output channels first, those of a depthwise one last.
KINDS = {
    "Conv2D": ("CONV_2D", lambda kernel: kernel.transpose(3, 0, 1, 2)),
    "DepthwiseConv2D": ("DEPTHWISE_CONV_2D", lambda kernel: kernel.reshape(1, *kernel.shape[:2], -1)),
    "Dense": ("FULLY_CONNECTED", np.transpose),
}
TRIED, MANY = 32, 500  # images on which file and network must agree; fewer than so many are left to Keras
_converted = {}  # the file of a network with these layers


def answers_of(network, images):
    """Return what a tf_keras network answers to images, float32 (n, 10), as its predict() does.

    images: float32 (n, 28, 28) from 0 to 1. LiteRT answers to many of them: with the float32 file of a network of the
    same layers, shipped or converted once, and the weights of this one. Keras does where the layers are no chain of
    ordinary ones, and where the file answers the first images in another way.
    """
    from tflite_course.evaluation import predict

    content = as_float_file(network) if len(images) >= MANY else None
    if content is not None:
        expected = np.asarray(network(images[:TRIED], training=False))
        if np.isfinite(expected).all():  # predict() refuses a model that answers NaN
            found = predict(content, images[:TRIED], input_range=(0, 1))
            if np.abs(found - expected).max() <= 1e-3 * np.abs(expected).max():
                return predict(content, images, input_range=(0, 1))
    return network.predict(images, batch_size=500, verbose=0)


def as_float_file(network):
    """Return a tf_keras network as float32 .tflite bytes; None unless it is a chain of ordinary layers."""
    weights = folded_weights(network)
    if weights is None or len(network.inputs) != 1 or len(network.outputs) != 1:
        return None
    if network.name in CHECKPOINTS and "float32" in CHECKPOINTS[network.name]:
        content = _with_weights(model_path(network.name).read_bytes(), weights)
        if content is not None:
            return content
    layers = network.to_json()
    if layers not in _converted:
        import tensorflow as tf

        _converted[layers] = tf.lite.TFLiteConverter.from_saved_model(export(network)).convert()
    return _with_weights(_converted[layers], weights)


def folded_weights(network):
    """Return [(operator, weights, bias)] of a network's layers, float32 arrays as they lie in its .tflite file.

    Batch normalization is folded into the layer before it, as the converter does: it multiplies each channel by
    gamma / sqrt(variance + epsilon). None for a network with a layer of which the course does not know this.
    """
    found, open_for_norm = [], False
    for layer in network.layers:
        kind = type(layer).__name__
        if kind in KINDS:
            operator, turned = KINDS[kind]
            weights = turned(layer.get_weights()[0])
            channels = weights.shape[-1 if operator == "DEPTHWISE_CONV_2D" else 0]
            bias = layer.get_weights()[1] if layer.use_bias else np.zeros(channels, np.float32)
            found.append((operator, weights, bias))
        elif kind == "BatchNormalization" and open_for_norm and layer.scale and layer.center:
            gamma, beta, mean, variance = layer.get_weights()
            operator, weights, bias = found[-1]
            factor = gamma / np.sqrt(variance + layer.epsilon)
            by_channel = factor if operator == "DEPTHWISE_CONV_2D" else factor.reshape(-1, *[1] * (weights.ndim - 1))
            found[-1] = (operator, weights * by_channel, beta + (bias - mean) * factor)
        elif kind not in PLAIN:
            return None
        open_for_norm = kind in KINDS and layer.get_config()["activation"] == "linear"
    return found


def _with_weights(content, weights):
    """Return the bytes of a float32 .tflite file with other weights; None where operators or shapes differ."""
    from ai_edge_litert import schema_py_generated as schema

    content = bytearray(content)
    model = schema.Model.GetRootAs(content)
    graph, places = model.Subgraphs(0), []
    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    for k in range(graph.OperatorsLength()):
        operator = graph.Operators(k)
        code = model.OperatorCodes(operator.OpcodeIndex())
        name = names[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        if name in {kind for kind, _ in KINDS.values()}:
            places.append((name, *(graph.Tensors(int(index)) for index in operator.InputsAsNumpy()[1:])))
    if [(name, *(tuple(tensor.ShapeAsNumpy()) for tensor in tensors)) for name, *tensors in places] != [
        (name, *(array.shape for array in arrays)) for name, *arrays in weights
    ]:
        return None
    tensors = [tensor for _, *both in places for tensor in both]
    if len({tensor.Buffer() for tensor in tensors}) < len(tensors):
        return None  # two equal tables are stored once
    for tensor, array in zip(tensors, (array for _, *both in weights for array in both), strict=True):
        data = model.Buffers(tensor.Buffer()).DataAsNumpy()  # shares the memory of content
        data[:] = np.ascontiguousarray(array, np.float32).view(np.uint8).ravel()
    return bytes(content)
