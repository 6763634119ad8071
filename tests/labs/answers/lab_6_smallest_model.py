"""Right answers in different styles, and wrong ones with a part of the hint that must name the mistake (or None)."""

import functools

import flatbuffers
import numpy as np
import tensorflow as tf
import tf_keras as keras
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from tests.labs.answers import EqualsEverything, mnist
from tflite_course import evaluation, models
from tflite_course.models import flatbuffer, model_path

(X_TRAIN, _), _ = mnist()
layers = keras.layers


# --- plan
def plan_two_passes(parts):
    shapes, channels, side = [], 1, 28
    for part in parts:
        if part == "pool":
            side = int(side / 2)
        elif part[0] == "conv":
            side = int(np.ceil(side / part[3]))
            shapes.append((side, part[2] ** 2 * channels * part[1], part[1]))
            channels = part[1]
        elif part[0] == "depthwise":
            side = (side + part[2] - 1) // part[2]
            shapes.append((side, part[1] ** 2 * channels, channels))
    shapes.append((1, channels * 10, 10))
    return [sum(s * s * w for s, w, _ in shapes), sum(w + 4 * c for _, w, c in shapes)]


def plan_numpy(parts):
    macs, size = plan_two_passes(parts)
    return np.int64(macs), np.int64(size)


def plan_with_keras(parts):
    """Build it and ask Keras."""
    model = keras.Sequential([layers.Input((28, 28, 1))])
    for part in parts:
        if part == "pool":
            model.add(layers.MaxPooling2D())
        elif part[0] == "conv":
            model.add(layers.Conv2D(*part[1:], padding="same"))
        else:
            model.add(layers.DepthwiseConv2D(*part[1:], padding="same"))
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(10))
    macs = size = 0
    for layer in model.layers:
        if layer.get_weights():
            kernel, bias = layer.get_weights()
            macs += kernel.size * int(np.prod(layer.output_shape[1:-1]))
            size += kernel.size + 4 * bias.size
    return macs, size


PLAN_WRONG = {
    "floats": (lambda parts: [float(value) for value in plan_two_passes(parts)], None),
    "the visible example alone": (lambda parts: (28264, 132), None),
    "equals everything": (lambda parts: EqualsEverything(), None),
    "no function": ((28264, 132), "a function is expected"),
    "nothing": (lambda parts: None, "returns nothing yet"),
    "untouched": (..., "no answer yet"),
}


# --- build_network
def network(body, shape=(28, 28, 1), last=None):
    """Return a function that builds a network of these layers; body makes new ones on each call."""

    def build():
        return keras.Sequential([layers.Input(shape), *body(), last or layers.Dense(10)])

    return build


def block(filters, size=3, strides=1, late=False):
    parts = [layers.Conv2D(filters, size, strides, padding="same", use_bias=late), layers.BatchNormalization()]
    return [parts[0], layers.ReLU(), parts[1]] if late else [*parts, layers.ReLU()]


def small_body():
    return [*block(6, 5, 2), layers.MaxPooling2D(), *block(8), layers.MaxPooling2D(), layers.Flatten()]


def functional():
    image = x = keras.Input((28, 28), batch_size=1)
    x = layers.Reshape((28, 28, 1))(x)
    x = layers.Conv2D(8, 3, 2, activation="relu")(x)
    x = layers.DepthwiseConv2D(3, padding="same")(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    return keras.Model(image, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


def keras_3():
    import keras as keras3

    return keras3.Sequential([keras3.layers.Input((28, 28, 1)), keras3.layers.Flatten(), keras3.layers.Dense(10)])


BUILD_WRONG = {
    "Keras 3": (keras_3, "Keras 3"),
    "softmax": (network(small_body, last=layers.Dense(10, activation="softmax")), "softmax"),
    "too many weights": (network(lambda: [*block(32, 3, 2), *block(32)]), "the output has the shape"),
    "too many weights, flat": (network(lambda: [*block(8), layers.Flatten()]), "the budget is 5,000"),
    "too many MACs": (
        network(lambda: [*block(12), *block(12), *block(12), layers.GlobalAveragePooling2D()]),
        "the budget is 400,000",
    ),
    "ReLU before normalization": (
        network(lambda: [*block(8, 3, 2, late=True), layers.GlobalAveragePooling2D()]),
        "cannot fold",
    ),
    "no convolution": (network(lambda: [layers.AveragePooling2D(4), layers.Flatten()]), "no convolution"),
    "wrong input": (network(small_body, shape=(32, 32, 1)), "the input has the shape"),
    "nine outputs": (network(small_body, last=layers.Dense(9)), "the output has the shape"),
    "the model of the course": (lambda: models.build("mnist_cnn"), "the budget is"),
    "an argument": (lambda batch_size: network(small_body)(), "TypeError"),
    "a model": (network(small_body)(), None),
    "the cost of one": (lambda: 5000, "tf_keras model"),
    "equals everything": (lambda: EqualsEverything(), "tf_keras model"),
    "nothing": (lambda: None, "returns nothing yet"),
    "untouched": (..., "no answer yet"),
}


# --- strip_file
def stripping(alter, identifier=b"TFL3", finish=bytes):
    def strip(content):
        tree = schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
        alter(tree)
        builder = flatbuffers.Builder(0)
        builder.Finish(tree.Pack(builder), identifier)
        return finish(builder.Output())

    return strip


def everything(tree):
    tree.description = tree.signatureDefs = tree.metadata = tree.metadataBuffer = None
    for graph in tree.subgraphs:
        graph.name = None
        for tensor in graph.tensors:
            tensor.name = None


def empty_texts(tree):
    tree.description, tree.signatureDefs, tree.metadata = "", [], []
    tree.subgraphs[0].name = ""
    for tensor in tree.subgraphs[0].tensors:
        tensor.name = ""


def names_alone(tree):
    for tensor in tree.subgraphs[0].tensors:
        tensor.name = None


def forgot_metadata(tree):
    everything(tree)
    tree.metadata = [schema.MetadataT()]
    tree.metadata[0].name, tree.metadata[0].buffer = "min_runtime_version", 0


def scales_too(tree):
    everything(tree)
    for tensor in tree.subgraphs[0].tensors:
        tensor.quantization = None


def weights_too(tree):
    everything(tree)
    large = max(tree.buffers, key=lambda buffer: 0 if buffer.data is None else len(buffer.data))
    large.data = np.zeros_like(np.array(large.data, np.uint8))


STRIP_WRONG = {
    "names alone": (stripping(names_alone), "still has the name of the graph"),
    "metadata left": (stripping(forgot_metadata), "still has metadata"),
    "untouched file": (lambda content: content, "still has names of tensors"),
    "no identifier": (stripping(everything, identifier=None), "TFL3"),
    "bytearray": (stripping(everything, finish=bytearray), "bytes(builder.Output())"),
    "cut": (lambda content: content[:-300], None),
    "scales too": (stripping(scales_too), None),
    "weights too": (stripping(weights_too), "answers have changed"),
    "the course's file": (lambda content: model_path("mnist_nano", "int8").read_bytes(), "answers have changed"),
    "a stored answer": (
        lambda content: flatbuffer.strip(model_path("mnist_ds", "int8")),
        "answers have changed",
    ),
    "the tree": (lambda content: schema.ModelT.InitFromPackedBuf(bytearray(content), 0), "expected are the bytes"),
    "equals everything": (lambda content: EqualsEverything(), "expected are the bytes"),
    "nothing": (lambda content: None, "returns nothing yet"),
    "untouched": (..., "no answer yet"),
}


# --- same_answers
def same_predict(before, after, images):
    return np.array_equal(evaluation.predict(before, images), evaluation.predict(after, images))


def outputs(content, images, take=lambda values: values):
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    found = []
    for values in evaluation.quantize_input(images, source):
        interpreter.set_tensor(source["index"], values.reshape(source["shape"]))
        interpreter.invoke()
        found.append(take(interpreter.get_tensor(target["index"])[0].copy()))
    return np.array(found)


def same_one_by_one(before, after, images):
    return all(
        (a == b).all() for a, b in zip(outputs(before, images), outputs(after, images), strict=True)
    )  # a NumPy bool or a bool


def same_bytes_of_outputs(before, after, images):
    return outputs(before, images).tobytes() == outputs(after, images).tobytes()


SAME_WRONG = {
    "sizes": (lambda before, after, images: len(before) >= len(after), None),
    "array": (lambda before, after, images: outputs(before, images) == outputs(after, images), None),
    "black images": (lambda before, after, images: same_predict(before, after, np.zeros_like(images)), None),
    "always": (lambda before, after, images: True, None),
    "never": (lambda before, after, images: False, None),
    "equals everything": (lambda before, after, images: EqualsEverything(), None),
    "untouched": (lambda before, after, images: None, "returns nothing yet"),
}


# --- my_model
@functools.cache
def convert(name="mnist_nano", seed=5, flat=False, types=(tf.int8, tf.int8), quantized=True, scaled=1.0, random=False):
    """Return a .tflite file of a shipped network with its filters in another order: the same answers, other weights."""
    model = models.load_model(name, batch_size=1)
    rng = np.random.default_rng(seed)
    if random:
        model.set_weights([rng.permutation(w.ravel()).reshape(w.shape) for w in model.get_weights()])
    elif seed is not None:
        first, norm, second = (model.layers[k] for k in _first_layers(model))
        order = rng.permutation(first.filters)
        first.set_weights([first.get_weights()[0][..., order]])
        norm.set_weights([values[order] for values in norm.get_weights()])
        second.set_weights([second.get_weights()[0][:, :, order]])
    shape = (1, *model.input_shape[1:])
    if flat:
        shape = (1, 28, 28)
        image = keras.Input((28, 28), batch_size=1)
        model = keras.Model(image, model(layers.Reshape((28, 28, 1))(image)))
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if quantized:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        samples = X_TRAIN[:200] * np.float32(scaled)
        converter.representative_dataset = lambda: ([sample.reshape(shape)] for sample in samples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type, converter.inference_output_type = types
    return converter.convert()


def _first_layers(model):
    """Return the places of the first convolution, its normalization and the convolution that follows."""
    kinds = [type(layer).__name__ for layer in model.layers]
    first = kinds.index("Conv2D")
    return first, first + 1, kinds.index("Conv2D", first + 1)


def made(strip=False, **options):
    """Return a function that makes a file when a test asks for it."""
    return lambda: flatbuffer.strip(convert(**options)) if strip else convert(**options)


MODEL_WRONG = {
    "the course's file": (lambda: model_path("mnist_nano", "int8").read_bytes(), "weights of mnist_nano"),
    "the course's weights": (made(name="mnist_tiny", seed=None), "weights of mnist_tiny"),
    "float32": (made(quantized=False), "nothing is quantized"),
    "float input and output": (made(types=(tf.float32, tf.float32)), "inference_input_type"),
    "uint8": (made(types=(tf.uint8, tf.uint8)), "uint8"),
    "unscaled calibration": (made(scaled=255.0), "0 to 255"),
    "not trained": (made(random=True), "Is it trained"),
    "too large": (made(name="mnist_cnn"), "take fewer filters"),
    "a path": (lambda: str(model_path("mnist_nano", "int8")), "bytes"),
    "the network": (lambda: models.load_model("mnist_nano"), "bytes"),
    "cut short": (lambda: convert()[:4000], "cut short"),
    "equals everything": (EqualsEverything, "bytes"),
    "untouched": (lambda: ..., "no answer yet"),
}
# points that a file between the levels earns, and a part of what is said
MODEL_PARTLY = {
    "8,040 bytes": (made(strip=True, name="mnist_tiny"), 4, "For 5 points: at most 6,144 bytes"),
    "not stripped": (made(name="mnist_tiny"), 1, "Stripped it would have 8,"),
}


# --- choose
def choose_sorted(rows, budget):
    rows = sorted((row for row in rows if not row["bytes"] > budget), key=lambda row: row["bytes"])
    best_low = max(rows, key=lambda row: row["accuracy"])["low"] if rows else 0
    for row in rows:
        if not row["high"] < best_low:
            return row["name"]


def choose_loop(rows, budget):
    best = chosen = None
    for row in rows:
        if row["bytes"] <= budget and (best is None or row["accuracy"] > best["accuracy"]):
            best = row
    for row in rows:
        if row["bytes"] <= budget and row["high"] >= best["low"] and (chosen is None or row["bytes"] < chosen["bytes"]):
            chosen = row
    return None if chosen is None else chosen["name"]


def choose_arrays(rows, budget):
    rows = [row for row in rows if row["bytes"] <= budget]
    if not len(rows):
        return None
    size, accuracy, low, high = (np.array([row[key] for row in rows]) for key in ("bytes", "accuracy", "low", "high"))
    size = np.where(high >= low[accuracy.argmax()], size, np.inf)
    return rows[int(size.argmin())]["name"]


def choose_names(rows, budget):
    """Return a list with the name of the right model, or an empty list."""
    return [row["name"] for row in rows if row["name"] == choose_sorted(rows, budget)]


CHOOSE_WRONG = {
    "raises when none fits": (lambda rows, budget: choose_names(rows, budget)[0], "IndexError"),
    "a list of one": (lambda rows, budget: choose_names(rows, budget), None),
    "the visible example alone": (lambda rows, budget: "tiny", None),
    "equals everything": (lambda rows, budget: EqualsEverything(), None),
    "nothing": (lambda rows, budget: None, "returns nothing yet"),
    "untouched": (..., "no answer yet"),
}

# exercise: ({style: answer}, {mistake: (answer, part of the hint or None)})
ANSWERS = {
    "plan": ({"two passes": plan_two_passes, "NumPy": plan_numpy, "Keras counts": plan_with_keras}, PLAN_WRONG),
    "build_network": (
        {
            "flat": network(small_body),
            "functional": functional,
            "course": lambda: models.build("mnist_nano"),
        },
        BUILD_WRONG,
    ),
    "strip_file": (
        {
            "None": stripping(everything),
            "empty": stripping(empty_texts),
            "strip() of the course": flatbuffer.strip,
            "parts of strip()": lambda content: flatbuffer.strip(content, ["names", "signatures", "metadata"]),
        },
        STRIP_WRONG,
    ),
    "same_answers": (
        {"predict": same_predict, "one by one": same_one_by_one, "bytes of outputs": same_bytes_of_outputs},
        SAME_WRONG,
    ),
    "choose": ({"sorted": choose_sorted, "loop": choose_loop, "arrays": choose_arrays}, CHOOSE_WRONG),
}
# the same, where an answer is made only when its test runs
LAZY_ANSWERS = {
    "my_model": (
        {
            "stripped": made(strip=True),
            "not stripped, and small enough": made(seed=6),
            "without a channel axis": made(strip=True, flat=True),
        },
        MODEL_WRONG,
    )
}
