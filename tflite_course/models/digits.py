"""The trained models that come with the course, and the code that builds them.

A lesson starts from the shipped checkpoint, so that its numbers are the same on every machine. To use your own model,
give its path where a lesson gives a name.
"""

from pathlib import Path

from tflite_course.errors import CourseError
from tflite_course.resources import resource

# name: its .tflite files. mnist_cnn is the model of the course; lesson 04 compares it with the two that saw less:
# mnist_cnn_plain learned from MNIST as it is, mnist_cnn_augmented from MNIST with variations. mnist_cnn_mixed was its
# teacher and is that of the small models: it learned from invented pen digits, too. mnist_ds, from
# depthwise-separable convolutions, is the second model of lessons 05 to 09, and the last three are the models of
# record: the best accuracy that the course reached in 16, 8 and 4 KiB.
CHECKPOINTS = {
    "mnist_cnn": ("float32", "int8"),
    "mnist_cnn_plain": ("float32",),
    "mnist_cnn_augmented": ("float32",),
    "mnist_cnn_mixed": ("float32",),
    "mnist_ds": ("float32", "int8"),
    "mnist_small": ("int8",),
    "mnist_tiny": ("int8",),
    "mnist_nano": ("int8",),
}


def _block(filters, number, size=3, strides=1, momentum=0.9):
    """Return convolution, batch normalization and ReLU; the converter makes one operator of the three."""
    from tf_keras import layers

    return [
        layers.Conv2D(filters, size, strides, padding="same", use_bias=False, name=f"conv_{number}"),
        layers.BatchNormalization(momentum=momentum, name=f"norm_{number}"),
        layers.ReLU(name=f"relu_{number}"),
    ]


def build_mnist_cnn(batch_size=None, filters=(16, 32, 64)):
    """Return the untrained network mnist_cnn, a tf_keras model; filters: those of its three convolutions.

    Input "image": float32 (batch, 28, 28), grey values from 0 (paper) to 1 (ink).
    Output "logits": float32 (batch, 10); softmax turns them into probabilities.
    batch_size fixes the first axis; None leaves it open.
    """
    import tf_keras as keras

    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((28, 28), batch_size=batch_size, name="image"),
            layers.Reshape((28, 28, 1), name="add_channel"),
            *_block(filters[0], 1),
            layers.MaxPooling2D(name="pool_1"),
            *_block(filters[1], 2),
            layers.MaxPooling2D(name="pool_2"),
            *_block(filters[2], 3),
            layers.Flatten(name="flatten"),
            layers.Dropout(0.3, name="dropout"),
            layers.Dense(10, name="logits"),
        ],
        name="mnist_cnn",
    )


def build_mnist_ds(batch_size=None):
    """Return the untrained network mnist_ds: depthwise-separable convolutions, input and output as build_mnist_cnn."""
    import tf_keras as keras

    layers = keras.layers

    def separable(filters, number):
        return [
            layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"depthwise_{number}"),
            layers.BatchNormalization(momentum=0.9, name=f"depthwise_norm_{number}"),
            layers.ReLU(name=f"depthwise_relu_{number}"),
            *_block(filters, number, size=1),
        ]

    return keras.Sequential(
        [
            layers.Input((28, 28), batch_size=batch_size, name="image"),
            layers.Reshape((28, 28, 1), name="add_channel"),
            *_block(16, 1, strides=2),
            *separable(32, 2),
            layers.MaxPooling2D(name="pool_2"),
            *separable(48, 3),
            *separable(64, 4),
            layers.GlobalAveragePooling2D(name="average"),
            layers.Dense(10, name="logits"),
        ],
        name="mnist_ds",
    )


# name: (filters, size, strides) of each convolution, "pool" for a maximum over 2 x 2.
SMALL_NETWORKS = {
    "mnist_small": [(12, 3, 1), "pool", (16, 3, 1), (16, 3, 1), "pool", (24, 3, 1), (19, 3, 1)],
    "mnist_tiny": [(8, 3, 1), "pool", (12, 3, 1), (14, 3, 1), "pool", (16, 3, 1)],
    "mnist_nano": [(6, 5, 2), (8, 3, 1), "pool", (11, 3, 1)],
}


def build_small(name, batch_size=None):
    """Return the untrained network of a model of record: mnist_small, mnist_tiny or mnist_nano.

    Input "image": float32 (batch, 28, 28, 1), with the channel, which saves an operator. Output as build_mnist_cnn.
    """
    import tf_keras as keras

    layers = keras.layers
    body = []
    for number, part in enumerate(SMALL_NETWORKS[name], 1):
        if part == "pool":
            body.append(layers.MaxPooling2D(name=f"pool_{number}"))
        else:
            filters, size, strides = part
            body += _block(filters, number, size, strides)
    return keras.Sequential(
        [
            layers.Input((28, 28, 1), batch_size=batch_size, name="image"),
            *body,
            layers.GlobalAveragePooling2D(name="average"),
            layers.Dense(10, name="logits"),
        ],
        name=name,
    )


def build(name, batch_size=None):
    """Return the untrained network of a name in CHECKPOINTS, a tf_keras model."""
    if name in SMALL_NETWORKS:
        return build_small(name, batch_size)
    return build_mnist_ds(batch_size) if name == "mnist_ds" else build_mnist_cnn(batch_size)


def load_model(name="mnist_cnn", *, batch_size=None, weights=None):
    """Return a shipped model with its trained weights, or your own from a path to a .keras, .h5 or SavedModel.

    batch_size fixes the batch of a shipped model; None leaves it open. weights: a file to take instead of the shipped.
    Raises CourseError for a name that the course does not have and a file that is not there.
    """
    if name in CHECKPOINTS:
        import tf_keras as keras

        keras.backend.clear_session()  # a second model of the session would get other layer names, and another size
        model = build(name, batch_size)
        model.load_weights(weights or resource(f"assets/models/{name}.weights.h5"))
        return model
    if not Path(name).exists():
        raise CourseError(
            f"There is no model '{name}': the course has {', '.join(CHECKPOINTS)}; for your own give the path of a "
            f".keras, .h5 or SavedModel that exists."
        )
    import tf_keras as keras

    return keras.models.load_model(name)


def model_path(name="mnist_cnn", variant="float32"):
    """Return the path of a shipped .tflite file; variant is "float32" or "int8" (int8 input and output)."""
    if variant not in CHECKPOINTS.get(name, ()):
        choices = "; ".join(f"{known}: {', '.join(variants)}" for known, variants in CHECKPOINTS.items())
        raise CourseError(f"The course ships no {name}, {variant}: choose from {choices}.")
    return resource(f"assets/models/{name}_{variant}.tflite")
