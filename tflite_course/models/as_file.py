"""A tf_keras network as a float32 .tflite file without a conversion: LiteRT reads many digits sooner than Keras."""

import numpy as np

from tflite_course.models.convert import export
from tflite_course.models.digits import CHECKPOINTS, model_path
from tflite_course.models.flatbuffer import drop_unused_buffers, kind_of, packed, unpack

# Layers without weights of which a chain may be made; one with two inputs is not among them.
PLAIN = {
    *("InputLayer", "Reshape", "Flatten", "Dropout", "ReLU", "Activation", "Softmax", "ZeroPadding2D"),
    *("MaxPooling2D", "AveragePooling2D", "GlobalMaxPooling2D", "GlobalAveragePooling2D"),
}
KINDS = {"Conv2D": "CONV_2D", "DepthwiseConv2D": "DEPTHWISE_CONV_2D", "Dense": "FULLY_CONNECTED"}
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


def fold_norm(kernel, bias, norm):
    """Return kernel and bias with the batch normalization behind them folded in, as the converter does.

    It multiplies each channel, the last axis of the kernel, by gamma / sqrt(variance + epsilon). norm: the layer.
    """
    gamma, beta, mean, variance = norm.get_weights()
    factor = gamma / np.sqrt(variance + norm.epsilon)
    return kernel * factor, beta + (bias - mean) * factor


def folded_weights(network):
    """Return [(operator, weights, bias)] of a network's layers, arrays in the shapes that its .tflite file has.

    None for a network with a layer of which the course does not know this.
    """
    found, open_for_norm = [], False
    for layer in network.layers:
        kind = type(layer).__name__
        if kind in KINDS:
            kernel = layer.get_weights()[0]
            if kind == "DepthwiseConv2D":
                kernel = kernel.reshape(*kernel.shape[:2], -1)
            bias = layer.get_weights()[1] if layer.use_bias else np.zeros(kernel.shape[-1])
            found.append((KINDS[kind], kernel, bias))
        elif kind == "BatchNormalization" and open_for_norm and layer.scale and layer.center:
            operator, kernel, bias = found[-1]
            found[-1] = (operator, *fold_norm(kernel, bias, layer))
        elif kind not in PLAIN:
            return None
        open_for_norm = kind in KINDS and layer.get_config()["activation"] == "linear"
    return [(name, w[np.newaxis] if w.ndim == 3 else np.moveaxis(w, -1, 0), bias) for name, w, bias in found]


def _with_weights(content, weights):
    """Return the bytes of a float32 .tflite file with other weights; None where operators or shapes differ."""
    from ai_edge_litert.schema_py_generated import BufferT, BuiltinOperator

    tree, places, tensors = unpack(content), [], []
    graph = tree.subgraphs[0]
    names = {getattr(BuiltinOperator, name): name for name in KINDS.values()}
    for operator in graph.operators:
        if name := names.get(kind_of(tree, operator)):
            both = [graph.tensors[i] for i in operator.inputs[1:]]
            places.append((name, *(tuple(tensor.shape) for tensor in both)))
            tensors += both
    if places != [(name, *(array.shape for array in both)) for name, *both in weights]:
        return None
    for tensor, array in zip(tensors, (array for _, *both in weights for array in both), strict=True):
        tree.buffers.append(BufferT())  # its own: two equal tables may have been stored once
        tree.buffers[-1].data = np.ascontiguousarray(array, np.float32).view(np.uint8).ravel()
        tensor.buffer = len(tree.buffers) - 1
    drop_unused_buffers(tree, graph)
    return packed(tree)
