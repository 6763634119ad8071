"""Right answers in different styles, and wrong ones with a part of the hint that must name the mistake (or None)."""

import functools
import itertools

import numpy as np
import tensorflow as tf
import tf_keras as keras
from ai_edge_litert.interpreter import Interpreter

from tests.labs.answers import EqualsEverything, mnist
from tflite_course import evaluation, models
from tflite_course.datasets import FASHION_CLASSES, load_fashion_mnist
from tflite_course.models import flatbuffer, model_path

(X_TRAIN, Y_TRAIN), (X_TEST, _) = load_fashion_mnist()
DIGITS = mnist()[0][0][:300]
layers = keras.layers


# --- files. Instead of training: random filters, and a last layer that least squares finds
@functools.cache
def solve(filters=8, size=5, strides=2, pool=2, prepare="as it is", channel=False, seed=0, labels="right", batch=None):
    """Return a network. It names about four of five test images right."""
    rng = np.random.default_rng(seed)

    def network(batch_size, last):
        shape = (28, 28, 1) if channel else (28, 28)
        image = keras.Input(shape, batch_size=batch_size)
        x = image if channel else layers.Reshape((28, 28, 1))(image)
        x = layers.Conv2D(filters, size, strides, padding="same", activation="relu")(x)
        x = layers.Flatten()(layers.MaxPooling2D(pool)(x))
        return keras.Model(image, layers.Dense(10)(x) if last else x)

    change = {"as it is": lambda x: x, "0 to 255": lambda x: 255 * x, "inverted": lambda x: 1 - x}[prepare]
    images = change(X_TRAIN[:6000])
    kernel = rng.normal(size=(size, size, 1, filters)).astype(np.float32) / (255 if prepare == "0 to 255" else 1)
    features = network(None, last=False)
    features.set_weights([kernel, np.zeros(filters, np.float32)])
    found = features.predict(images.reshape(-1, *features.input_shape[1:]), batch_size=500, verbose=0)
    matrix = np.concatenate([found, np.ones((len(found), 1))], axis=1).astype(np.float64)
    targets = 10 * np.eye(10)[Y_TRAIN[:6000] if labels == "right" else rng.integers(0, 10, 6000)]
    square = matrix.T @ matrix
    ridge = 1e-4 * np.trace(square) / len(square) * np.eye(len(square))
    solved = np.linalg.solve(square + ridge, matrix.T @ targets).astype(np.float32)
    model = network(batch, last=True)
    model.set_weights([*features.get_weights(), solved[:-1], solved[-1]])
    return model


@functools.cache
def to_file(variant="float32", types=(tf.int8, tf.int8), scaled=1.0, **options):
    model = solve(**options)
    shape = (1, *model.input_shape[1:])
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if variant != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant == "int8":
        samples = X_TRAIN[:200] * np.float32(scaled)
        converter.representative_dataset = lambda: ([sample.reshape(shape)] for sample in samples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type, converter.inference_output_type = types
    return converter.convert()


def made(variant="float32", strip=False, **options):
    """Return a function that makes a file when a test asks for it."""
    return lambda: flatbuffer.strip(to_file(variant, **options)) if strip else to_file(variant, **options)


def shipped(name="mnist_cnn", variant="float32"):
    return lambda: model_path(name, variant).read_bytes()


BOTH_WRONG = {
    "random labels": (made(labels="random"), "guessing"),
    "a path": (lambda: str(model_path("mnist_cnn")), "bytes"),
    "the network": (lambda: models.load_model("mnist_cnn"), "bytes"),
    "cut short": (lambda: to_file()[:-2000], None),
    "equals everything": (EqualsEverything, "bytes"),
    "untouched": (lambda: ..., "no answer yet"),
}
FLOAT_WRONG = BOTH_WRONG | {
    "digits": (shipped(), "knows digits"),
    "0 to 255": (made(prepare="0 to 255"), "expects 0 to 255"),
    "inverted": (made(prepare="inverted"), "dark pieces on white"),
    "int8": (made("int8"), "quantized already"),
    "dynamic range": (made("dynamic"), "quantized already"),
    "too weak": (made(filters=1, size=5, strides=2, pool=7), "at least 80%"),
}
INT8_WRONG = BOTH_WRONG | {
    "random labels": (made("int8", labels="random"), "guessing"),
    "digits": (shipped(variant="int8"), "knows digits"),
    "float32": (made(), "nothing is quantized"),
    "dynamic range": (made("dynamic"), "Give a representative dataset"),
    "float input and output": (made("int8", types=(tf.float32, tf.float32)), "inference_input_type"),
    "uint8": (made("int8", types=(tf.uint8, tf.uint8)), "uint8"),
    "unscaled calibration": (made("int8", scaled=255.0), "0 to 255"),
    "calibrated in the dark": (made("int8", scaled=0.02), "of the test images are right"),
}
SMALL_WRONG = INT8_WRONG | {"too large": (made("int8", filters=56, seed=3), "Prune and cluster it")}
# points that a file between the levels earns, and a part of what is said
SMALL_PARTLY = {
    "larger": (made("int8", filters=24), 2, "For 3 points: at most 8,000 bytes and at least 75%"),
}


# --- representative_dataset
def in_order():
    for i in range(150):
        yield [X_TRAIN[i : i + 1]]


def with_channel():
    for index in np.random.default_rng(5).choice(len(X_TRAIN), 200, replace=False):
        yield {"image": X_TRAIN[index].reshape(1, 28, 28, 1)}


def some_of_each():
    chosen = [np.flatnonzero(Y_TRAIN == label)[:12] for label in range(10)]
    return [[X_TRAIN[i][np.newaxis]] for i in np.concatenate(chosen)]


def samples(make, count=120):
    """Return a representative dataset that yields make(i)."""
    return lambda: (make(i) for i in range(count))


BOOTS = X_TRAIN[Y_TRAIN == 9]
DATASET_WRONG = {
    "digits": (samples(lambda i: [DIGITS[i : i + 1]]), "are these digits"),
    "boots alone": (samples(lambda i: [BOOTS[i : i + 1]]), "of the 10 classes"),
    "test images": (samples(lambda i: [X_TEST[i : i + 1]]), "test images"),
    "inverted": (samples(lambda i: [1 - X_TRAIN[i : i + 1]]), "what are these"),
    "divided twice": (samples(lambda i: [X_TRAIN[i : i + 1] / np.float32(255)]), "divided by 255 already"),
    "0 to 255": (samples(lambda i: [X_TRAIN[i : i + 1] * 255]), "grey values from 0 to 255"),
    "one image": (samples(lambda i: [X_TRAIN[:1]]), "again and again"),
    "too few": (samples(lambda i: [X_TRAIN[i : i + 1]], 20), "at least 100"),
    "float64": (samples(lambda i: [X_TRAIN[i : i + 1].astype(np.float64)]), "float64"),
    "no batch axis": (samples(lambda i: [X_TRAIN[i]]), "batch axis"),
    "no list": (samples(lambda i: X_TRAIN[i : i + 1]), "list with one array"),
    "a generator": (in_order(), "a function is expected"),
    "empty": (lambda: iter([]), "no sample"),
    "equals everything": (EqualsEverything(), "a function is expected"),
    "nothing": (lambda: None, "returns nothing yet"),
    "untouched": (..., "no answer yet"),
}


# --- verdict
def verdict_by_hand(before, after, images, labels):
    old, new = (evaluation.predict(model, images).argmax(1) for model in (before, after))
    right, still = old == labels, new == labels
    fixed, broken = np.sum(~right & still), np.sum(right & ~still)
    return {
        "factor": len(before) / len(after),
        "points": 100 * (still.mean() - right.mean()),
        "changed": np.sum(old != new),
        "fixed": fixed,
        "broken": broken,
        "clear": abs(int(fixed) - int(broken)) > 2 * (fixed + broken) ** 0.5,
    }


def verdict_with_compare(before, after, images, labels):
    old, new = evaluation.compare({"old": before, "new": after}, images, labels, timed=False)
    counts = {key: new[key] for key in ("changed", "fixed", "broken")}
    gained = new["fixed"] - new["broken"]
    clear = gained**2 > 4 * (new["fixed"] + new["broken"])
    points = 100 * (new["accuracy"] - old["accuracy"])
    return {"clear": clear, "points": points, "factor": old["bytes"] / new["bytes"], **counts}


def verdict_loop(before, after, images, labels):
    counts = {"changed": 0, "fixed": 0, "broken": 0}
    old, new = (evaluation.predict(model, images).argmax(1) for model in (before, after))
    for a, b, label in zip(old.tolist(), new.tolist(), labels.tolist(), strict=True):
        counts["changed"] += a != b
        counts["fixed"] += a != label == b
        counts["broken"] += a == label != b
    gained = counts["fixed"] - counts["broken"]
    clear = bool(abs(gained) > 2 * np.sqrt(counts["fixed"] + counts["broken"]))
    return counts | {"factor": len(before) / len(after), "points": gained / len(labels) * 100, "clear": clear}


def with_clear(clear):
    """Return a verdict with another value of "clear"."""
    return lambda *case: verdict_by_hand(*case) | {"clear": clear}


VERDICT_WRONG = {
    "always clear": (with_clear(True), None),
    "never clear": (with_clear(False), None),
    "clear is a text": (with_clear("yes"), None),
    "a key missing": (
        lambda *case: {k: v for k, v in verdict_by_hand(*case).items() if k != "clear"},
        "expected (broken, changed, clear, factor, fixed, points)",
    ),
    "a list": (lambda *case: list(verdict_by_hand(*case).values()), "expected {factor: "),
    "the visible case alone": (
        lambda *case: {"factor": 8.0, "points": -1.0, "changed": 9, "fixed": 3, "broken": 5, "clear": False},
        None,
    ),
    "equals everything": (lambda *case: EqualsEverything(), "expected {factor: "),
    "its values equal everything": (lambda *case: dict.fromkeys(verdict_by_hand(*case), EqualsEverything()), None),
    "its keys equal everything": (
        lambda *case: dict(zip([*"abcde", EqualsEverything], itertools.repeat(0.0))),
        "expected (broken, changed, clear, factor, fixed, points)",
    ),
    "nothing": (lambda *case: None, "returns nothing yet"),
    "untouched": (..., "no answer yet"),
}


# --- recognize
def recognizer(prepare=None, softmax=True):
    def recognize(content, image):
        interpreter = Interpreter(model_content=content)
        interpreter.allocate_tensors()
        source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        scale, zero_point = source["quantization"]
        values = image / 255 / scale + zero_point if prepare is None else prepare(image, scale, zero_point)
        values = np.clip(np.round(values), -128, 127).astype(np.int8) if values.dtype != np.int8 else values
        interpreter.set_tensor(source["index"], np.reshape(values, source["shape"]))
        interpreter.invoke()
        q, (scale, zero_point) = interpreter.get_tensor(target["index"])[0], target["quantization"]
        logits = scale * (q.astype(np.float64) - zero_point)
        shares = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum() if softmax else logits
        return FASHION_CLASSES[int(np.argmax(q))], shares.max()

    return recognize


def recognize_predict(content, image):
    logits = evaluation.predict(content, image[np.newaxis] / np.float32(255))
    shares = tf.nn.softmax(logits).numpy()[0]
    return [FASHION_CLASSES[shares.argmax()], float(shares.max())]


def recognize_log(content, image):
    logits = evaluation.predict(content, (image / 255).astype(np.float32)[None])[0].tolist()
    best = max(range(10), key=logits.__getitem__)
    return FASHION_CLASSES[best], 1 / sum(np.exp(value - logits[best]) for value in logits)


RECOGNIZE_WRONG = {
    "logit": (recognizer(softmax=False), None),
    "float input": (recognizer(lambda x, s, z: (x / 255).astype(np.float32) * 0), None),
    "name alone": (lambda content, image: recognize_predict(content, image)[0], None),
    "the visible case alone": (lambda content, image: ("Ankle boot", 0.99), None),
    "equals everything": (lambda content, image: (EqualsEverything(), EqualsEverything()), None),
    "nothing": (lambda content, image: None, "returns nothing yet"),
    "untouched": (..., "no answer yet"),
}

# exercise: ({style: answer}, {mistake: (answer, part of the hint or None)})
ANSWERS = {
    "representative_dataset": (
        {"in order": in_order, "with a channel": with_channel, "some of each": some_of_each},
        DATASET_WRONG,
    ),
    "verdict": (
        {"by hand": verdict_by_hand, "compare()": verdict_with_compare, "loop": verdict_loop},
        VERDICT_WRONG,
    ),
    "recognize": (
        {"one function": recognizer(), "predict()": recognize_predict, "by hand": recognize_log},
        RECOGNIZE_WRONG,
    ),
}
# the same, where an answer is made only when its test runs
LAZY_ANSWERS = {
    "float_model": (
        {
            "plain": made(),
            "with a channel": made(channel=True, batch=1),
            "stripped, more filters": made(strip=True, filters=24),
        },
        FLOAT_WRONG,
    ),
    "int8_model": (
        {
            "plain": made("int8"),
            "with a channel": made("int8", channel=True, batch=1),
            "stripped": made("int8", strip=True),
        },
        INT8_WRONG,
    ),
    "small_model": (
        {
            "plain": made("int8"),
            "stripped": made("int8", strip=True),
            "other filters": made("int8", strip=True, filters=9, seed=4),
        },
        SMALL_WRONG,
    ),
}
