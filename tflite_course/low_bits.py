"""Weights of few bits: kernels that are rounded after training, and the same rounding inside a training (QAT).

All of it stays float32 and only behaves like a file with such weights: a .tflite holds weights of 8 and of 4 bits, so
this is how 2 and 3 bits are tried. A grid of `bits` bits has 2**bits - 1 points, symmetric about 0, and one scale for
each output channel. Convolutions and dense layers get it; depthwise convolutions have few weights and keep float32.
"""

import numpy as np

from tflite_course.errors import CourseError

RANGES = ("largest", "least squares")
FRACTIONS = np.linspace(0.1, 1, 19, dtype=np.float32)  # of the largest weight, that least squares tries


def round_kernel(kernel, bits, ranges="largest"):
    """Return a kernel, float32 (..., output channels), on the grid of these bits.

    ranges: "largest": the grid of a channel ends at its largest weight; "least squares": of 19 ends it takes the one
    with the smallest sum of squared errors, and clips what lies beyond.
    Raises CourseError for less than 2 or more than 8 bits and for other ranges.
    """
    check(bits, ranges)
    kernel = np.asarray(kernel, np.float32)
    axes = tuple(range(kernel.ndim - 1))
    largest = np.abs(kernel).max(axis=axes, keepdims=True)
    if ranges == "largest":
        return _on_grid(kernel, largest, bits)
    best, least = None, None
    for fraction in FRACTIONS:
        candidate = _on_grid(kernel, fraction * largest, bits)
        error = ((candidate - kernel) ** 2).sum(axis=axes, keepdims=True)
        best = candidate if best is None else np.where(error < least, candidate, best)
        least = error if least is None else np.minimum(error, least)
    return best


def _on_grid(kernel, end, bits):
    steps = 2 ** (bits - 1) - 1
    scale = np.where(end > 0, end, 1) / steps
    return (scale * np.clip(np.round(kernel / scale), -steps, steps)).astype(np.float32)


def check(bits, ranges):
    """Raise CourseError unless there is a grid for these bits and ranges."""
    if bits not in range(2, 9):
        raise CourseError(f"bits is {bits!r}: a grid here has 2 to 8 bits.")
    if ranges not in RANGES:
        raise CourseError(f"ranges is {ranges!r}: choose from {', '.join(map(repr, RANGES))}.")


def has_low_bits(layer):
    """Return whether a Keras layer gets weights of few bits: convolutions and dense layers, depthwise ones not."""
    import tf_keras as keras

    return type(layer) in (keras.layers.Conv2D, keras.layers.Dense)


def with_low_bits(model, bits, ranges="largest"):
    """Return a copy of a tf_keras model whose kernels are rounded after training; see round_kernel()."""
    import tf_keras as keras

    check(bits, ranges)
    rounded = keras.models.clone_model(model)
    rounded.set_weights(model.get_weights())
    for layer in filter(has_low_bits, rounded.layers):
        layer.kernel.assign(round_kernel(layer.kernel.numpy(), bits, ranges))
    return rounded


def measure_norms(model, images, batch=100):
    """Measure mean and variance of each batch normalization anew, from images without labels; return the model.

    Rounded weights give other sums, and the statistics of the float weights no longer fit. Nothing is trained.
    images: float32 (n, 28, 28) or as the model takes them, some dozens of batches: each statistic is a moving average.
    """
    import tensorflow as tf

    step = tf.function(lambda part: model(part, training=True))  # half the time, and the same statistics
    for start in range(0, len(images) - batch + 1, batch):
        step(tf.constant(images[start : start + batch]))
    return model


def set_ranges(aware, plain, images):
    """Start the ranges of a QAT model's activations at what its float model shows on some images.

    aware: what tfmot's quantize_model returned; plain: the float model that it was made of.
    """
    import tf_keras as keras

    outputs = keras.Model(plain.input, {layer.name: layer.output for layer in plain.layers})
    seen = outputs.predict(images, verbose=0)
    for variable in aware.weights:
        layer, _, name = variable.name.removesuffix(":0").partition("/")
        if name in ("output_min", "post_activation_min"):
            variable.assign(min(0, seen[layer.removeprefix("quant_")].min()))
        elif name in ("output_max", "post_activation_max"):
            variable.assign(seen[layer.removeprefix("quant_")].max())


def fine_tune(model, images, labels, *, bits=None, ranges="largest", rate=1e-3, batch=64):
    """Train a tf_keras model for one epoch with Adam, in the order of the images, in place; return it.

    bits: None trains in float32, as a control does. With bits it is QAT: before each step the kernels are rounded as
    round_kernel() does, the gradient is taken there, and the float weights behind get it (straight through).
    images: as the model takes them; labels: int (n,). The kernels that remain are the float ones.
    Raises CourseError for bits or ranges without a grid.
    """
    import tensorflow as tf
    import tf_keras as keras

    kernels = []
    if bits is not None:
        check(bits, ranges)
        kernels = [layer.kernel for layer in model.layers if has_low_bits(layer)]
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build(model.trainable_variables)  # else the step is traced twice
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    shapes = [tf.TensorSpec((None, *images.shape[1:]), tf.float32), tf.TensorSpec((None,), tf.int64)]

    @tf.function(input_signature=shapes)
    def step(x, y):
        behind = [tf.identity(kernel) for kernel in kernels]
        for kernel in kernels:
            kernel.assign(_round_tensor(kernel, bits, ranges))
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True))
        gradients = tape.gradient(value, model.trainable_variables)
        for kernel, weights in zip(kernels, behind, strict=True):
            kernel.assign(weights)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    for start in range(0, len(images), batch):
        step(images[start : start + batch], np.asarray(labels[start : start + batch], np.int64))
    return model


def _round_tensor(kernel, bits, ranges):
    """Return round_kernel() of a TensorFlow kernel."""
    import tensorflow as tf

    steps, axes = 2 ** (bits - 1) - 1, tuple(range(kernel.shape.rank - 1))
    largest = tf.reduce_max(tf.abs(kernel), axes, keepdims=True)
    fractions = FRACTIONS if ranges == "least squares" else FRACTIONS[-1:]
    ends = tf.reshape(fractions, (-1, *[1] * kernel.shape.rank)) * largest
    scales = tf.where(ends > 0, ends, 1.0) / steps
    grids = scales * tf.clip_by_value(tf.round(kernel / scales), -steps, steps)
    errors = tf.reduce_sum((grids - kernel) ** 2, [axis + 1 for axis in axes], keepdims=True)
    best = tf.one_hot(tf.argmin(errors, axis=0), len(fractions), axis=0)
    return tf.reduce_sum(grids * best, axis=0)
