"""Lab 6, build_network: an untrained network within a budget of bytes and multiply-accumulates."""

import numpy as np

from tflite_course.labs.exercise import (
    Exercise,
    Mistake,
    describe,
    is_keras_3,
    require_function,
    require_returned,
)

WEIGHTS, MACS = 5_000, 400_000  # the budget, in bytes and multiply-accumulates


def judge(answer, rng):
    import tf_keras as keras

    model = require_returned(require_function(answer)())
    if not isinstance(model, keras.Model):
        if is_keras_3(model):
            raise Mistake("this is a Keras 3 model: build it with `import tf_keras as keras`, as the lessons do.")
        raise Mistake(f"expected is a tf_keras model, this is {describe(model)}.")
    _check_ends(model, rng)
    _check_layers(model)
    macs, size = _cost(model)
    if size > WEIGHTS:
        raise Mistake(f"int8 weights and int32 biases take {size:,} bytes, the budget is {WEIGHTS:,}.")
    if macs > MACS:
        raise Mistake(
            f"it needs {macs:,} MACs, the budget is {MACS:,}: make the picture smaller early, with a stride or a pool."
        )


def _check_ends(model, rng):
    """Raise Mistake unless the network makes ten logits of a grey picture."""
    shape = tuple(model.input_shape)
    if shape[1:] not in ((28, 28), (28, 28, 1)):
        raise Mistake(f"the input has the shape {shape}, asked is (None, 28, 28) or (None, 28, 28, 1).")
    if tuple(model.output_shape[1:]) != (10,):
        raise Mistake(f"the output has the shape {tuple(model.output_shape)}, asked is (None, 10).")
    images = rng.random((shape[0] or 4, *shape[1:]), np.float32)
    sums = np.asarray(model(images, training=False)).sum(1)
    if np.abs(sums - 1).max() < 1e-4:
        raise Mistake("the outputs sum to 1: there is a softmax. Asked are logits, and the loss gets from_logits=True.")


def _check_layers(model):
    """Raise Mistake unless there is a convolution, and each normalization can be folded into one."""
    import tf_keras as keras

    if not any(isinstance(layer, keras.layers.Conv2D) for layer in model.layers):
        raise Mistake("there is no convolution. Without one this budget is not enough for good digits.")
    for first, second in zip(model.layers[:-1], model.layers[1:], strict=True):
        ends = "relu" in (type(first).__name__.lower(), getattr(getattr(first, "activation", None), "__name__", ""))
        if ends and isinstance(second, keras.layers.BatchNormalization):
            raise Mistake(
                f"'{second.name}' comes after the ReLU, so the converter cannot fold it into the convolution: "
                f"convolution, normalization, ReLU."
            )


def _cost(model):
    """Return (MACs, bytes of int8 weights and int32 biases) of a tf_keras model."""
    import tf_keras as keras

    macs = size = 0
    for layer in model.layers:
        if not isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Dense)):
            continue
        kernel = layer.get_weights()[0]
        places = 1 if isinstance(layer, keras.layers.Dense) else int(np.prod(layer.output_shape[1:3]))
        macs += places * kernel.size
        size += kernel.size + 4 * layer.output_shape[-1]
    return macs, size


EXERCISE = Exercise(
    points=2,
    tests="build_network(): its input and output, the order of its layers, its bytes and its MACs",
    why="most bytes and most time are decided here, before the first image is seen.",
    judge=judge,
)
