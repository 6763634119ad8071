"""Right answers in different styles, and wrong ones with a part of the hint that must name the mistake (or None)."""

import functools

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from tests.labs.answers import EqualsEverything
from tflite_course import models
from tflite_course.datasets import load_mnist

(X_TRAIN, _), (X_TEST, Y_TEST) = load_mnist()


# --- affine_grid
def grid_plain(low, high):
    if low > 0:
        low = 0.0
    if high < 0:
        high = 0.0
    scale = (high - low) / (127 + 128)
    zero_point = round(-128 - low / scale)
    return (scale, max(-128, min(127, zero_point)))


def grid_numpy(low, high):
    ends = np.array([low, high, 0.0])
    scale = np.ptp(ends) / 255
    return [scale, np.int64(np.clip(np.rint(-128 - ends.min() / scale), -128, 127))]


def grid_other_end(low, high):
    low, high = np.minimum(low, 0), np.maximum(high, 0)
    scale = float((high - low) / 255)
    return scale, int(np.round(127 - high / scale))


def _scale(low, high):
    return (max(high, 0.0) - min(low, 0.0)) / 255


GRID_WRONG = {
    "wrong sign": (
        lambda low, high: (_scale(low, high), int(np.clip(round(-128 + min(low, 0) / _scale(low, high)), -128, 127))),
        None,
    ),
    "the visible example alone": (lambda low, high: (0.0129411765, -74), None),
    "equals everything": (lambda low, high: EqualsEverything(), None),
    "raises": (lambda low, high: 1 / 0, "ZeroDivisionError"),
    "nothing": (lambda low, high: None, "returns nothing yet"),
    "not a function": ((0.0129411765, -74), "a function is expected"),
    "untouched": (..., "no answer yet"),
}


# --- quantize
def quantize_loop(real, scale, zero_point):
    flat = [max(-128, min(127, round(float(v) / scale) + zero_point)) for v in real.ravel()]
    return np.array(flat, dtype=np.int8).reshape(real.shape)


def quantize_rint(real, scale, zero_point):
    q = np.rint(np.asarray(real) / scale).astype(np.int64) + zero_point
    return np.minimum(np.maximum(q, -128), 127).astype("int8")


def quantize_iinfo(real, scale, zero_point):
    limits = np.iinfo(np.int8)
    return np.clip(np.around(real / scale + zero_point), limits.min, limits.max).astype(np.int8)


def changes_input(real, scale, zero_point):
    real /= scale
    return np.clip(np.round(real) + zero_point, -128, 127).astype(np.int8)


def fixed_answer(real, scale, zero_point):
    return np.array([-128, -74, -35, 126], np.int8)


QUANTIZE_WRONG = {
    "int32": (lambda r, s, z: np.clip(np.round(r / s) + z, -128, 127).astype(np.int32), None),
    "changes its input": (changes_input, "changes the array"),
    "the visible example alone": (fixed_answer, None),
    "equals everything": (lambda r, s, z: EqualsEverything(), None),
    "untouched": (lambda r, s, z: ..., None),
}

# --- dequantize
DEQUANTIZE_RIGHT = {
    "float first": lambda q, s, z: (q.astype(np.float32) - z) * np.float32(s),
    "int32 first": lambda q, s, z: ((q.astype(np.int32) - z) * s).astype(np.float32),
    "array of float64": lambda q, s, z: (
        np.array([[s * (int(v) - z) for v in row] for row in np.atleast_2d(q)]).reshape(q.shape).astype("float32")
    ),
}
DEQUANTIZE_WRONG = {
    "list": (lambda q, s, z: ((q.astype(np.float32) - z) * np.float32(s)).tolist(), None),
    "float16": (lambda q, s, z: ((q.astype(np.float32) - z) * np.float32(s)).astype(np.float16), None),
    "equals everything": (lambda q, s, z: EqualsEverything(), None),
    "untouched": (lambda q, s, z: None, "returns nothing yet"),
}


# --- representative_dataset
def from_indices():
    for index in np.random.default_rng(5).choice(len(X_TRAIN), 100, replace=False):
        yield [X_TRAIN[index][np.newaxis]]


def as_dictionary():
    for image in X_TRAIN[:60]:
        yield {"image": image.reshape(1, 28, 28)}


def listed():
    return [[image[None]] for image in X_TRAIN[1000:1200]]


def samples(make):
    """Return a representative dataset that yields make(i)."""

    def dataset():
        for i in range(100):
            yield make(i)

    return dataset


NOISE = np.random.default_rng(1).random((100, 1, 28, 28), np.float32)
DATASET_WRONG = {
    "a generator": (from_indices(), "a generator, it must be a function"),
    "float64": (samples(lambda i: [X_TRAIN[i : i + 1].astype(np.float64)]), "float64"),
    "no batch axis": (samples(lambda i: [X_TRAIN[i]]), "batch axis"),
    "no list": (samples(lambda i: X_TRAIN[i : i + 1]), "list with one array"),
    "0 to 255": (samples(lambda i: [X_TRAIN[i : i + 1] * 255]), "grey values from 0 to 255"),
    "divided twice": (samples(lambda i: [X_TRAIN[i : i + 1] / np.float32(255)]), "divide by 255"),
    "noise": (samples(lambda i: [NOISE[i]]), "mean grey value"),
    "black": (samples(lambda i: [np.zeros((1, 28, 28), np.float32)]), "again and again"),
    "one image": (samples(lambda i: [X_TRAIN[:1]]), "again and again"),
    "test images": (samples(lambda i: [X_TEST[i : i + 1]]), "test images"),
    "too few": (lambda: iter([[X_TRAIN[:1]], [X_TRAIN[1:2]]]), "at least 50"),
    "empty": (lambda: iter([]), "no sample"),
    "untouched": (lambda: None, None),
}


# --- int8_model
@functools.cache
def convert(dataset=from_indices, types=(tf.int8, tf.int8), only_int8=True, scaled=1.0):
    converter = tf.lite.TFLiteConverter.from_keras_model(models.load_model("mnist_cnn"))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if dataset:
        converter.representative_dataset = lambda: ([s[0] * np.float32(scaled)] for s in dataset())
        if only_int8:
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type, converter.inference_output_type = types
    return converter.convert()


def lazily(**options):
    """Return a function that makes the model when a test asks for it."""
    return functools.partial(convert, **options)


MODEL_WRONG = {
    "float32": (lambda: models.model_path("mnist_cnn").read_bytes(), "nothing is quantized"),
    "dynamic range": (lazily(dataset=None), "float32. Give a representative dataset"),
    "float input and output": (lazily(types=(tf.float32, tf.float32)), "inference_input_type"),
    "uint8": (lazily(types=(tf.uint8, tf.uint8)), "uint8"),
    "unscaled calibration": (lazily(scaled=255.0), "0 to 255"),
    "black calibration": (lazily(scaled=0.001), "ranges are wrong"),
    "a path": (lambda: str(models.model_path("mnist_cnn", "int8")), "bytes"),
    "cut short": (lambda: convert()[:20_000], "cut short"),
    "untouched": (lambda: ..., "no answer yet"),
}


# --- predict
def predict_batch(content, images):
    interpreter = Interpreter(model_content=content)
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    interpreter.resize_tensor_input(source["index"], images.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(source["index"], quantize_rint(images, *source["quantization"]))
    interpreter.invoke()
    return np.argmax(interpreter.get_tensor(target["index"]), axis=1)


def one_by_one(prepare):
    def predict(content, images):
        interpreter = Interpreter(model_content=content)
        interpreter.allocate_tensors()
        source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        found = []
        for image in images:
            interpreter.set_tensor(source["index"], prepare(image, *source["quantization"])[None])
            interpreter.invoke()
            found.append(int(interpreter.get_tensor(target["index"]).argmax()))
        return found

    return predict


def predict_signature(content, images):
    interpreter = Interpreter(model_content=content)
    run = interpreter.get_signature_runner()
    scale, zero_point = interpreter.get_input_details()[0]["quantization"]
    (name,) = run.get_output_details()
    return run(image=quantize_iinfo(images, scale, zero_point))[name].argmax(axis=-1).astype(np.int32)


PREDICT_WRONG = {
    "float input": (one_by_one(lambda x, s, z: x), "ValueError"),
    "changes its input": (lambda content, images: [images.fill(0), *range(40)][1:], "changes the images"),
    "logits": (lambda content, images: np.zeros((40, 10), np.float32), "40 digits"),
    "inverted": (one_by_one(lambda x, s, z: quantize_rint(1 - x, s, z)), "digits are those"),
    "always 7": (lambda content, images: np.full(len(images), 7), "same digit"),
    "first labels": (lambda content, images: Y_TEST[: len(images)].astype(np.int64), None),
    "equals everything": (lambda content, images: EqualsEverything(), "40 digits"),
    "untouched": (lambda content, images: None, "returns nothing yet"),
}

# exercise: ({style: answer}, {mistake: (answer, part of the hint or None)})
ANSWERS = {
    "affine_grid": ({"plain": grid_plain, "NumPy": grid_numpy, "from the other end": grid_other_end}, GRID_WRONG),
    "quantize": ({"loop": quantize_loop, "rint": quantize_rint, "iinfo": quantize_iinfo}, QUANTIZE_WRONG),
    "dequantize": (DEQUANTIZE_RIGHT, DEQUANTIZE_WRONG),
    "representative_dataset": ({"chosen": from_indices, "dict": as_dictionary, "list": listed}, DATASET_WRONG),
    "predict": (
        {"batch": predict_batch, "one by one": one_by_one(quantize_loop), "signature": predict_signature},
        PREDICT_WRONG,
    ),
}
# the same, where an answer is made only when its test runs
LAZY_ANSWERS = {
    "int8_model": (
        {
            "usual": lazily(),
            "without TFLITE_BUILTINS_INT8": lazily(only_int8=False),
            "the shipped file": lambda: models.model_path("mnist_cnn", "int8").read_bytes(),
        },
        MODEL_WRONG,
    )
}
