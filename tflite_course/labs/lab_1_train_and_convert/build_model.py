"""Lab 1, build_model: a small convolutional network of Keras 2."""

import numpy as np

from tflite_course.labs.exercise import Exercise, Mistake, require_function, require_returned
from tflite_course.labs.lab_1_train_and_convert.common import LARGEST, require_network


def judge(answer, rng):
    import tf_keras as keras

    if issubclass(type(answer), keras.Model):
        raise Mistake("this is a model. Give the function that builds it, without the brackets.")
    model = require_network(require_returned(require_function(answer)()))
    _check_outputs(model, rng.random((20, 28, 28), np.float32))
    _check_layers(model)
    if answer() is model:
        raise Mistake("your function returns the same model each time. Build a new one inside the function.")


def _check_outputs(model, images):
    outputs = np.asarray(model(images, training=False))
    if np.allclose(outputs.sum(1), 1, atol=1e-3) and outputs.min() >= 0:
        raise Mistake("the outputs sum to 1: there is a softmax at the end. Leave it out, the network gives logits.")
    if outputs.min() >= 0:
        raise Mistake("no output is below 0. The last layer has an activation, logits have none.")
    if np.ptp(outputs, axis=0).max() < 1e-6:
        raise Mistake("the outputs do not depend on the image.")


def _check_layers(model):
    import tf_keras as keras

    kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)
    if not any(issubclass(type(layer), kinds) for layer in model.submodules):
        raise Mistake("there is no convolution. Dense layers alone forget which pixels are neighbours.")
    if model.count_params() > LARGEST:
        raise Mistake(
            f"the network has {model.count_params():,} parameters, at most {LARGEST:,} are allowed. Most of them stand "
            f"between `Flatten` and `Dense`: pool before it, or take fewer filters."
        )
    names = model.input_names[0], model.output_names[0]
    if names != ("image", "logits"):
        raise Mistake(
            f"the input is called '{names[0]}' and the last layer '{names[1]}', they must be 'image' and 'logits': "
            f"the names become the signature of the file."
        )


EXERCISE = Exercise(
    points=2,
    tests="the model that build_model() returns: Keras 2, input, output, layers, parameters and names",
    why="the converter takes the network as it is: what you name and leave open here stands in the file.",
    judge=judge,
)
