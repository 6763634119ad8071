"""What lab 4 asks a model of TFMOT: its wrappers, and whether it is one of Keras 2."""

from tflite_course.labs.exercise import Mistake, describe, is_keras_3


def wrapped(model):
    """Return the layers of a model that TFMOT has wrapped, as {name of the layer inside: wrapper}."""
    from tensorflow_model_optimization.python.core.quantization.keras.quantize_wrapper import QuantizeWrapper

    return {layer.layer.name: layer for layer in model.layers if isinstance(layer, QuantizeWrapper)}


def annotated(model):
    """Return whether a layer of a model is marked for quantization that was not applied."""
    from tensorflow_model_optimization.python.core.quantization.keras.quantize_annotate import QuantizeAnnotate

    return any(isinstance(layer, QuantizeAnnotate) for layer in model.layers)


def require_keras_2(model, name):
    """Raise Mistake unless a model is one of tf_keras; name: what the sentence calls it."""
    import tf_keras

    if isinstance(model, tf_keras.Model):
        return
    if is_keras_3(model):
        raise Mistake(f"{name} is a Keras 3 model. TFMOT needs Keras 2: `import tf_keras as keras`.")
    raise Mistake(f"{name} must be a tf_keras model, this is {describe(model)}.")
