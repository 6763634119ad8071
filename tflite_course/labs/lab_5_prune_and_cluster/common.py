"""What both models of lab 5 are asked: their layers, beside those of the shipped checkpoint, and their accuracy."""

import functools

import numpy as np

from tflite_course.labs.exercise import Mistake, describe, is_keras_3, mnist

IMAGES = 500  # of the test set, for what has to be run
KERNELS = ("conv_1", "conv_2", "conv_3", "logits")


@functools.cache
def shipped():
    """Return {layer: list of arrays} of the shipped checkpoint."""
    from tflite_course.models import load_model

    return {layer.name: layer.get_weights() for layer in load_model("mnist_cnn").layers}


def layers_of(model, wrapper, strip):
    """Return {layer: list of arrays} of an answer, or raise Mistake when it is not a plain mnist_cnn of Keras 2.

    wrapper: the class of TFMOT that must be gone. strip: the name of the function that takes it off.
    """
    import tf_keras

    if type(model) in (bytes, bytearray):
        raise Mistake(
            "this is a .tflite file. Asked is the Keras model: zeros and clusters are made before converting."
        )
    if not isinstance(model, tf_keras.Model):
        if is_keras_3(model):
            raise Mistake("this is a Keras 3 model. TFMOT needs Keras 2: `import tf_keras as keras`.")
        raise Mistake(f"a tf_keras model is expected, this is {describe(model)}.")
    if any(isinstance(layer, wrapper) for layer in model.layers):
        raise Mistake(f"the wrappers are still there: the file would be far too large. Call `{strip}`.")
    arrays = {layer.name: layer.get_weights() for layer in model.layers}
    for name in KERNELS:
        if not arrays.get(name) or arrays[name][0].shape != shipped()[name][0].shape:
            raise Mistake(f"there is no layer {name} with a kernel as in mnist_cnn: start from `models.load_model()`.")
    return arrays


def share_right(model, rng):
    """Return the share of some test images, 0 to 1, that a Keras model names right."""
    images, labels = mnist()[1]
    chosen = rng.choice(len(images), IMAGES, replace=False)
    return float(np.mean(np.asarray(model(images[chosen], training=False)).argmax(1) == labels[chosen]))
