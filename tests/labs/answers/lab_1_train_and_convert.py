"""Right answers in different styles, and wrong ones with a part of the hint that must name the mistake (or None)."""

import functools
import tempfile
from collections import Counter

import numpy as np
import tensorflow as tf
import tf_keras as keras
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from tests.labs.answers import EqualsEverything, mnist
from tflite_course import evaluation, models
from tflite_course.labs.lab_1_train_and_convert.common import random_model

(X_TRAIN, Y_TRAIN), (X_TEST, Y_TEST) = mnist()
layers = keras.layers


# --- split_and_scale
def split_slices(images, labels, held_back):
    cut = len(images) - held_back
    scaled = images.astype(np.float32) / 255
    return (scaled[:cut], labels[:cut]), (scaled[cut:], labels[cut:])


def split_numpy(images, labels, held_back):
    x = np.split(np.multiply(images, np.float32(1 / 255)), [len(images) - held_back])
    y = np.split(labels, [len(images) - held_back])
    return [[x[0], y[0]], [x[1], y[1]]]


def split_indices(images, labels, held_back):
    indices = np.arange(len(images))
    train, valid = indices < len(images) - held_back, indices >= len(images) - held_back
    return tuple(((images[part] / 255.0).astype("float32"), labels[part]) for part in (train, valid))


def shuffled_apart(images, labels, held_back):
    return split_slices(np.random.default_rng(1).permutation(images), labels, held_back)


def three_of_ten(images, labels, held_back):
    x = images / np.float32(255)
    return (x[:7], labels[:7]), (x[7:], labels[7:])


def no_validation(images, labels, held_back):
    return (images / np.float32(255), labels), (images[:0] / np.float32(255), labels[:0])


def changes_input(images, labels, held_back):
    images //= 255
    return split_slices(images, labels, held_back)


SPLIT_WRONG = {
    "labels left behind": (shuffled_apart, None),
    "nothing held back": (no_validation, None),
    "changes its input": (changes_input, "changes the array"),
    "the visible example alone": (three_of_ten, None),
    "equals everything": (lambda i, n, h: EqualsEverything(), None),
    "untouched": (lambda i, n, h: None, "returns nothing yet"),
}


# --- build_model
def network(*body, shape=(28, 28), name="image", outputs=10, last="logits", activation=None):
    """Return a function that builds a Sequential from functions that make its layers."""

    def build():
        end = layers.Dense(outputs, activation=activation, name=last)
        return keras.Sequential([layers.Input(shape, name=name), *(make() for make in body), end])

    return build


def channel():
    return layers.Reshape((28, 28, 1))


def conv(filters=6, **options):
    return lambda: layers.Conv2D(filters, 3, activation="relu", **options)


usual = network(channel, conv(8), layers.MaxPooling2D, conv(16), layers.MaxPooling2D, layers.Flatten)
large = network(channel, conv(32), layers.Flatten)
one_model = network(channel, conv(strides=4), layers.Flatten)()


def functional():
    image = keras.Input((28, 28), name="image")
    x = tf.expand_dims(image, -1)
    for filters in (8, 12):
        x = layers.MaxPooling2D()(layers.Conv2D(filters, 3, padding="same", activation="relu")(x))
    return keras.Model(image, layers.Dense(10, name="logits")(layers.Flatten()(x)))


def without_input():
    return keras.Sequential([channel(), conv(4)(), layers.Flatten(), layers.Dense(10, name="logits")])


def keras_3():
    import keras as keras_of_today  # tf.keras is Keras 2 when a test has imported TFMOT before

    other = keras_of_today.layers
    body = [other.Reshape((28, 28, 1)), other.Conv2D(4, 3), other.Flatten(), other.Dense(10, name="logits")]
    return keras_of_today.Sequential([other.Input((28, 28), name="image"), *body])


def two_outputs():
    model = one_model
    return keras.Model(model.inputs, [model.outputs[0], layers.Flatten()(model.inputs[0])])


def blind():
    """Build a network that gives the same numbers for each image."""
    end = layers.Dense(10, name="logits", kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(-1))
    return keras.Sequential([layers.Input((28, 28), name="image"), channel(), conv()(), layers.Flatten(), end])


BUILD_RIGHT = {
    "Sequential": usual,
    "functional": functional,
    "global average": network(channel, conv(24, strides=2), conv(24), layers.GlobalAveragePooling2D),
}
BUILD_WRONG = {
    "softmax": (network(channel, conv(strides=4), layers.Flatten, activation="softmax"), "softmax"),
    "ReLU at the end": (network(channel, conv(strides=4), layers.Flatten, activation="relu"), "logits have none"),
    "Keras 3": (keras_3, "Keras 3"),
    "channel in the input": (network(conv(strides=4), layers.Flatten, shape=(28, 28, 1)), "channel axis"),
    "a row of numbers": (network(shape=(784,)), "784"),
    "dense alone": (network(layers.Flatten), "no convolution"),
    "too large": (large, "at most 20,000"),
    "names": (network(channel, conv(strides=4), layers.Flatten, name="x", last="dense"), "signature"),
    "one output": (network(channel, conv(strides=4), layers.Flatten, outputs=1), "one number for each digit"),
    "two outputs": (two_outputs, "must have one each"),
    "smaller images": (network(layers.Flatten, shape=(14, 14)), "must be (None, 28, 28)"),
    "zeros": (blind, "do not depend on the image"),
    "no input layer": (without_input, "shape of the input"),
    "a model": (one_model, "without the brackets"),
    "one model for all": (lambda: one_model, "same model"),
    "the visible numbers alone": (lambda: 5258, "a Keras model is expected"),
    "equals everything": (lambda: EqualsEverything(), "a Keras model is expected"),
    "untouched": (lambda: None, "returns nothing yet"),
}


# --- trained: random filters, and the last layer by least squares instead of a training
@functools.cache
def solved(build=usual, loss="logits", scale=1.0, transposed=False, inverted=False):
    keras.utils.set_random_seed(3)
    model = build()
    images, labels = X_TRAIN[:1500], Y_TRAIN[:1500]
    images = images.swapaxes(1, 2) if transposed else 1 - images if inverted else images
    body = keras.Model(model.inputs, model.layers[-1].input)
    features = body(images * np.float32(scale), training=False).numpy().astype(np.float64)
    mean = features.mean(0)
    centred = features - mean
    ridge = centred.T @ centred + 1e-2 * np.trace(centred.T @ centred) / len(mean) * np.eye(len(mean))
    kernel = np.linalg.solve(ridge, centred.T @ np.eye(10)[labels])
    bias = np.bincount(labels, minlength=10) / len(labels) - mean @ kernel
    model.layers[-1].set_weights([10 * kernel, 10 * bias])
    if loss == "logits":
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    elif loss:
        model.compile("adam", loss)
    return model


def lazily(function, *arguments, **options):
    """Return a function that makes the answer when a test asks for it."""
    return functools.partial(function, *arguments, **options)


class Memory(keras.Model):
    """A model that knows the labels of the test images by heart."""

    def call(self, images, training=None):
        known = {image.tobytes(): label for image, label in zip(X_TEST, Y_TEST, strict=True)}
        return np.eye(10)[[known[image.tobytes()] for image in np.asarray(images)]]


TRAINED_WRONG = {
    "untrained": (usual, "fit"),
    "loss of probabilities": (lazily(solved, loss="sparse_categorical_crossentropy"), "from_logits=True"),
    "loss object of probabilities": (
        lambda: solved(loss=keras.losses.SparseCategoricalCrossentropy()),
        "from_logits=True",
    ),
    "0 to 255": (lazily(solved, scale=255.0), "learned from 0 to 255"),
    "transposed": (lazily(solved, transposed=True), "rows and columns"),
    "inverted": (lazily(solved, inverted=True), "ink and paper"),
    "shipped": (lambda: models.load_model("mnist_ds"), "the course ships"),
    "too large": (large, "parameters"),
    "the history": (keras.callbacks.History, "what `fit` returns"),
    "the function": (lambda: usual, "Call it"),
    "the labels": (lambda: Y_TEST, "a Keras model is expected"),
    "labels by heart": (Memory, None),
    "equals everything": (EqualsEverything, "a Keras model is expected"),
    "untouched": (lambda: ..., "no answer yet"),
}


# --- most_confused
def confused_numpy(predicted, labels):
    matrix = evaluation.confusion_matrix(predicted, labels)
    np.fill_diagonal(matrix, -1)
    row, column = divmod(int(matrix.argmax()), 10)
    return row, column, matrix[row, column]


def confused_counter(predicted, labels):
    pairs = Counter((int(y), int(p)) for p, y in zip(predicted, labels, strict=True) if p != y)
    ((label, answer), number), *_ = pairs.most_common(1)
    return label, answer, number


def confused_loops(predicted, labels):
    best = (0, 0, 0)
    for label in range(10):
        for answer in range(10):
            number = int(((labels == label) & (predicted == answer)).sum())
            if label != answer and number > best[2]:
                best = (label, answer, number)
    return list(best)


CONFUSED_WRONG = {
    "two of three": (lambda p, y: confused_numpy(p, y)[:2], None),
    "number as float": (lambda p, y: (*confused_loops(p, y)[:2], float(confused_loops(p, y)[2])), None),
    "the visible example alone": (lambda p, y: (4, 9, 2), None),
    "equals everything": (lambda p, y: EqualsEverything(), None),
    "untouched": (lambda p, y: None, "returns nothing yet"),
}


# --- convert
def traced(model, batch=None, training=False, name="image", key="logits", owner=True):
    """Convert through the door of concrete functions."""
    spec = tf.TensorSpec((batch, 28, 28), tf.float32, name=name)

    @tf.function(input_signature=[spec])
    def serve(image):
        logits = model(image, training=training)
        return {key: logits} if key else logits

    function = serve.get_concrete_function()
    return tf.lite.TFLiteConverter.from_concrete_functions([function], model if owner else None).convert()


def door_keras(model, optimize=False, types=()):
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if optimize:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = list(types)
    return converter.convert()


def door_saved_model(model):
    folder = tempfile.mkdtemp()
    model.export(folder)
    return tf.lite.TFLiteConverter.from_saved_model(folder).convert()


def with_softmax(model):
    return door_keras(keras.Model(model.inputs, layers.Softmax()(model.outputs[0])))


@functools.cache
def visible_model():
    """Return the model that the check hands in with the visible seed."""
    return random_model(np.random.default_rng(0))


def path_of(model):
    return str(models.model_path("mnist_cnn"))


def smaller_images(model):
    return door_keras(network(layers.Flatten, shape=(14, 14))())


def changes_weights(model):
    content = door_keras(model)
    model.set_weights([0 * weights for weights in model.get_weights()])
    return content


SHIPPED = models.model_path("mnist_cnn").read_bytes()
CONVERT_WRONG = {
    "a path": (path_of, "a path"),
    "the converter": (tf.lite.TFLiteConverter.from_keras_model, "the converter"),
    "dynamic range": (lazily(door_keras, optimize=True), "optimizations"),
    "float16": (lazily(door_keras, optimize=True, types=[tf.float16]), "optimizations"),
    "fixed batch": (lazily(traced, batch=1), "fixed to 1"),
    "softmax": (with_softmax, "probabilities"),
    "the shipped file": (lambda model: SHIPPED, "other numbers"),
    "smaller images": (smaller_images, "the input has the shape (1, 14, 14)"),
    "changes the weights": (changes_weights, "changes the weights"),
    "raises": (lambda model: model.convert(), "AttributeError"),
    "the visible model alone": (lambda model: door_keras(visible_model()), "other numbers"),
    "cut short": (lambda model: SHIPPED[:50_000], "cut short"),
    "the model": (lambda model: model, "bytes"),
    "no function": (SHIPPED, "a function is expected"),
    "equals everything": (lambda model: EqualsEverything(), "bytes"),
    "untouched": (lambda model: None, "returns nothing yet"),
}


# --- convert_for_one
def functional_wrapper(model):
    image = keras.Input((28, 28), batch_size=1, name="image")
    logits = layers.Activation("linear", name="logits")(model(image))
    return door_keras(keras.Model(image, logits))


def module(model):
    """Convert a SavedModel whose signature has a fixed batch."""
    spec = tf.TensorSpec((1, 28, 28), tf.float32, name="image")
    serve = tf.function(lambda image: {"logits": model(image, training=False)}, input_signature=[spec])
    folder = tempfile.mkdtemp()
    tf.saved_model.save(model, folder, signatures={"serving_default": serve})
    return tf.lite.TFLiteConverter.from_saved_model(folder).convert()


def resized_only(model):
    content = door_keras(model)
    interpreter = Interpreter(model_content=content)
    interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], (1, 28, 28))
    interpreter.allocate_tensors()
    return content


def with_dropout(model):
    @tf.function(input_signature=[tf.TensorSpec((1, 28, 28), tf.float32, name="image")])
    def serve(image):
        return {"logits": tf.nn.dropout(model(image, training=False), 0.3)}

    return tf.lite.TFLiteConverter.from_concrete_functions([serve.get_concrete_function()], model).convert()


ONE_WRONG = {
    "dropout": (with_dropout, "random numbers"),
    "open": (door_keras, "open (-1)"),
    "resized in the interpreter": (resized_only, "the signature says what may change"),
    "batch of two": (lazily(traced, batch=2), "fixed to 2"),
    "traced for training": (lazily(traced, batch=1, training=True), "training=False"),
    "name of the input": (lazily(traced, batch=1, name="x"), "TensorSpec"),
    "name of the output": (lazily(traced, batch=1, key=None), "dictionary"),
    "without the model": (lazily(traced, batch=1, owner=False), "second argument"),
    "quantized": (lambda model: models.model_path("mnist_cnn", "int8").read_bytes(), "float32"),
    "the visible model alone": (lambda model: traced(visible_model(), batch=1), "other numbers"),
    "equals everything": (lambda model: EqualsEverything(), "bytes"),
    "untouched": (lambda model: None, "returns nothing yet"),
}


# --- read_file
OPERATOR = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}


def read_schema(content):
    file = schema.Model.GetRootAs(content)
    graph = file.Subgraphs(0)
    used = {graph.Tensors(i).Buffer() for i in range(graph.TensorsLength())}
    return names(content), sum(file.Buffers(number).DataLength() for number in used)


def names(content):
    file = schema.Model.GetRootAs(content)
    graph = file.Subgraphs(0)
    numbers = [graph.Operators(i).OpcodeIndex() for i in range(graph.OperatorsLength())]
    return [OPERATOR[file.OperatorCodes(number).BuiltinCode()] for number in numbers]


def read_objects(content):
    tree = schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
    graph = tree.subgraphs[0]
    found = [OPERATOR[tree.operatorCodes[operator.opcodeIndex].builtinCode] for operator in graph.operators]
    buffers = [tree.buffers[number].data for number in sorted({tensor.buffer for tensor in graph.tensors})]
    return found, sum(len(data) for data in buffers if data is not None)


def read_interpreter(content, allocate=False):
    interpreter = Interpreter(model_content=content)
    if allocate:
        interpreter.allocate_tensors()
    found = [operator["op_name"] for operator in evaluation.operators(interpreter, delegates=True)]
    return found, evaluation.size_ledger(content)["weights"]


READ_WRONG = {
    "after allocation": (lazily(read_interpreter, allocate=True), "DELEGATE"),
    "numbers as text": (lambda content: ([*map(str, range(4))], 0), "you find 4 operators"),
    "bytes as text": (
        lambda content: (names(content), str(evaluation.size_ledger(content)["weights"])),
        "whole number",
    ),
    "some bytes": (lambda content: (names(content), 1234567), "bytes of constants in a file that has"),
    "operators in one text": (lambda content: (" ".join(names(content)), 0), "a list of names"),
    "names alone": (names, "two things"),
    "the visible file alone": (lambda content: read_schema(SHIPPED), None),
    "equals everything": (lambda content: EqualsEverything(), "two things"),
    "untouched": (lambda content: None, "returns nothing yet"),
}

# exercise: ({style: answer}, {mistake: (answer, part of the hint or None)})
ANSWERS = {
    "split_and_scale": ({"slices": split_slices, "NumPy": split_numpy, "indices": split_indices}, SPLIT_WRONG),
    "build_model": (BUILD_RIGHT, BUILD_WRONG),
    "most_confused": (
        {"NumPy": confused_numpy, "Counter": confused_counter, "loops": confused_loops},
        CONFUSED_WRONG,
    ),
    "convert": ({"Keras": door_keras, "SavedModel": door_saved_model, "concrete function": traced}, CONVERT_WRONG),
    "read_file": ({"schema": read_schema, "objects": read_objects, "interpreter": read_interpreter}, READ_WRONG),
    "convert_for_one": (
        {"concrete function": lazily(traced, batch=1), "wrapper": functional_wrapper, "SavedModel": module},
        ONE_WRONG,
    ),
}
# the same, where an answer is made only when its test runs
LAZY_ANSWERS = {
    "trained": (
        {
            "usual": lazily(solved),
            "functional": lazily(solved, functional),
            "not compiled": lazily(solved, loss=None),
        },
        TRAINED_WRONG,
    )
}
