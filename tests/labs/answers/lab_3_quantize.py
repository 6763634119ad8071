"""Right answers in different styles, and wrong ones with a part of the hint that must name the mistake (or None)."""

import functools

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from tests.labs.answers import EqualsEverything, mnist
from tflite_course import models

(X_TRAIN, Y_TRAIN), (X_TEST, Y_TEST) = mnist()


# --- affine_grid
def grid_plain(low, high, bits, signed):
    if low > 0:
        low = 0.0
    if high < 0:
        high = 0.0
    first = -(2 ** (bits - 1)) if signed else 0
    last = first + 2**bits - 1
    scale = (high - low) / (last - first)
    zero_point = round(first - low / scale)
    return (scale, max(first, min(last, zero_point)))


def grid_numpy(low, high, bits, signed):
    ends = np.array([low, high, 0.0])
    scale = np.ptp(ends) / (2**bits - 1)
    shift = 2 ** (bits - 1) if signed else 0
    return [scale, np.int64(np.rint(-ends.min() / scale)) - shift]


def grid_other_end(low, high, bits, signed):
    low, high = np.minimum(low, 0), np.maximum(high, 0)
    top = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
    scale = float((high - low) / (2**bits - 1))
    return scale, int(np.round(top - high / scale))


def _scale(low, high):
    return (max(high, 0.0) - min(low, 0.0)) / 255


def grid_of_the_lesson(low, high):
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / 255
    return scale, int(np.clip(np.round(-128 - low / scale), -128, 127))


GRID_WRONG = {
    "wrong sign": (
        lambda low, high, *_: (
            _scale(low, high),
            int(np.clip(round(-128 + min(low, 0) / _scale(low, high)), -128, 127)),
        ),
        None,
    ),
    "the visible example alone": (lambda *_: (0.0129411765, -74), None),
    "the lesson's own": (grid_of_the_lesson, "TypeError"),
    "equals everything": (lambda *_: EqualsEverything(), None),
    "raises": (lambda *_: 1 / 0, "ZeroDivisionError"),
    "nothing": (lambda *_: None, "returns nothing yet"),
    "not a function": ((0.0129411765, -74), "a function is expected"),
    "untouched": (..., "no answer yet"),
}


# --- quantize
def quantize_loop(real, scale, zero_point, axis=None):
    if axis is not None:
        real = np.moveaxis(real, axis, 0)
        parts = [quantize_loop(part, s, z) for part, s, z in zip(real, scale, zero_point, strict=True)]
        return np.moveaxis(np.stack(parts), 0, axis).copy()
    flat = [max(-128, min(127, round(float(v) / scale) + int(zero_point))) for v in real.ravel()]
    return np.array(flat, dtype=np.int8).reshape(real.shape)


def quantize_rint(real, scale, zero_point, axis=None):
    real = np.asarray(real)
    if axis is not None:
        others = tuple(k for k in range(real.ndim) if k != axis)
        scale, zero_point = (np.expand_dims(values, others) for values in (scale, zero_point))
    q = np.rint(real / scale).astype(np.int64) + zero_point
    return np.minimum(np.maximum(q, -128), 127).astype("int8")


def quantize_iinfo(real, scale, zero_point, axis=None):
    limits = np.iinfo(np.int8)
    if axis is not None:
        swapped = quantize_iinfo(np.swapaxes(real, axis, -1), scale, zero_point)
        return np.swapaxes(swapped, axis, -1)
    return np.clip(np.around(real / scale + zero_point), limits.min, limits.max).astype(np.int8)


def changes_input(real, scale, zero_point, axis=None):
    real /= np.max(scale)
    return np.clip(np.round(real) + np.max(zero_point), -128, 127).astype(np.int8)


def fixed_answer(real, scale, zero_point, axis=None):
    return np.array([-128, -74, -35, 126], np.int8)


QUANTIZE_WRONG = {
    "int32": (lambda *case: quantize_rint(*case).astype(np.int32), None),
    "changes its input": (changes_input, "changes the array"),
    "the visible example alone": (fixed_answer, None),
    "equals everything": (lambda *_: EqualsEverything(), None),
    "untouched": (lambda *_: ..., None),
}


# --- convolve
def convolve_loop(x, w, b, zero_x, zero_y, multiplier):
    filters, rows, columns, _ = w.shape
    found = []
    for i in range(x.shape[0] - rows + 1):
        for j in range(x.shape[1] - columns + 1):
            window = x[i : i + rows, j : j + columns].astype(np.int32) - zero_x
            sums = [int((window * w[f]).sum()) + int(b[f]) for f in range(filters)]
            found.append(
                [max(-128, min(127, round(s * float(m)) + zero_y)) for s, m in zip(sums, multiplier, strict=True)]
            )
    return np.array(found, np.int8).reshape(x.shape[0] - rows + 1, x.shape[1] - columns + 1, filters)


def convolve_windows(x, w, b, zero_x, zero_y, multiplier):
    windows = np.lib.stride_tricks.sliding_window_view(x.astype(np.int32) - zero_x, w.shape[1:3], axis=(0, 1))
    sums = np.einsum("yxcij,fijc->yxf", windows, w.astype(np.int32)) + b
    return np.clip(np.rint(sums * multiplier) + zero_y, -128, 127).astype(np.int8)


def convolve_fixed_point(x, w, b, zero_x, zero_y, multiplier):
    """Round twice, as a chip without floats."""
    x = x.astype(np.int64) - zero_x
    rows, columns = w.shape[1:3]
    height, width = x.shape[0] - rows + 1, x.shape[1] - columns + 1
    parts = [x[i : i + height, j : j + width] for i in range(rows) for j in range(columns)]
    sums = np.concatenate(parts, axis=-1) @ w.reshape(len(w), -1).T.astype(np.int64) + b
    mantissa, exponent = np.frexp(multiplier)
    high = (sums * np.round(mantissa * 2**31).astype(np.int64) + (1 << 30)) >> 31
    right = np.maximum(-exponent, 0)
    whole = np.sign(high) * ((np.abs(high) + ((1 << right) >> 1)) >> right)
    return np.clip(whole + zero_y, -128, 127).astype(np.int8)


def convolve_in_place(x, w, b, zero_x, zero_y, multiplier):
    x -= np.int8(zero_x)
    return convolve_windows(x, w, b, 0, zero_y, multiplier)


CONVOLVE_WRONG = {
    "one pixel": (lambda *case: convolve_windows(*case)[:1, :1], None),
    "padded": (lambda x, *case: convolve_windows(np.pad(x, ((1, 1), (1, 1), (0, 0))), *case), None),
    "list": (lambda *case: convolve_windows(*case).tolist(), None),
    "changes its input": (convolve_in_place, "changes the array"),
    "the visible example alone": (lambda *_: np.array([[[20]]], np.int8), None),
    "equals everything": (lambda *_: EqualsEverything(), None),
    "untouched": (lambda *_: None, "returns nothing yet"),
}


# --- representative_dataset
SCANS = np.uint8(np.round(255 - 255 * X_TRAIN[:5000]))


def ten_of_each():
    for digit in range(10):
        for scan in SCANS[Y_TRAIN[:5000] == digit][:10]:
            yield [((255 - scan) / np.float32(255))[np.newaxis]]


def as_dictionary():
    taken = dict.fromkeys(range(10), 0)
    for scan, label in zip(SCANS, Y_TRAIN, strict=False):
        if taken[int(label)] < 12:
            taken[int(label)] += 1
            yield {"image": 1 - scan.reshape(1, 28, 28).astype(np.float32) / 255}


def listed():
    order = np.concatenate([np.flatnonzero(Y_TRAIN[:5000] == digit)[-20:] for digit in range(10)])
    return [[(1 - SCANS[k : k + 1] / 255).astype("float32")] for k in order]


def samples(make, count=100):
    """Return a representative dataset that yields make(i)."""

    def dataset():
        for i in range(count):
            yield make(i)

    return dataset


def turned():
    for (image,) in ten_of_each():
        yield [image.transpose(0, 2, 1)]


NOISE = np.random.default_rng(1).random((100, 1, 28, 28), np.float32) / 2
TEN = [sample[0] for sample in ten_of_each()]
OF_EACH_TEST = np.concatenate([X_TEST[Y_TEST == digit][:10] for digit in range(10)])
DATASET_WRONG = {
    "a generator": (ten_of_each(), "a generator, it must be a function"),
    "float64": (samples(lambda i: [1 - SCANS[i : i + 1] / 255]), "float64"),
    "no batch axis": (samples(lambda i: [TEN[i][0]]), "batch axis"),
    "no list": (samples(lambda i: TEN[i]), "list with one array"),
    "grey values as they are": (samples(lambda i: [SCANS[i : i + 1].astype(np.float32)]), "grey values from 0 to 255"),
    "paper is 1": (samples(lambda i: [1 - TEN[i]]), "0 for paper and 1 for ink"),
    "divided twice": (samples(lambda i: [TEN[i] / np.float32(255)]), "divide by 255"),
    "the lesson's own": (samples(lambda i: [X_TRAIN[i : i + 1]], 500), "Take 10 of each"),
    "nine of each": (samples(lambda i: [TEN[i + i // 9]], 90), "Take 10 of each"),
    "one digit": (samples(lambda i: [X_TRAIN[Y_TRAIN == 7][i : i + 1]]), "the digit 0 comes 0 times"),
    "noise": (samples(lambda i: [NOISE[i]]), "not among the scans"),
    "turned": (turned, "not among the scans"),
    "black": (samples(lambda i: [np.zeros((1, 28, 28), np.float32)]), "images are empty"),
    "one image": (samples(lambda i: [TEN[0]]), "more than once"),
    "test images": (samples(lambda i: [OF_EACH_TEST[i : i + 1]]), "test images"),
    "empty": (lambda: iter([]), "no sample"),
    "untouched": (lambda: None, None),
}


# --- int8_model
@functools.cache
def convert(
    dataset=ten_of_each, types=(tf.uint8, tf.int8), only_int8=True, change=None, name="mnist_ds", turned_over=False
):
    network = models.load_model(name)
    if turned_over:
        network.layers[-1].set_weights([part[..., ::-1] for part in network.layers[-1].get_weights()])
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if dataset:
        change = change or (lambda image: image)
        shape = (1, *network.input_shape[1:])
        converter.representative_dataset = lambda: ([change(s[0]).reshape(shape)] for s in dataset())
        if only_int8:
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type, converter.inference_output_type = types
    return converter.convert()


def lazily(**options):
    """Return a function that makes the model when a test asks for it."""
    return functools.partial(convert, **options)


def black(image):
    return image * np.float32(0.001)


def unscaled(image):
    return image * np.float32(255)


MODEL_WRONG = {
    "float32": (lambda: models.model_path("mnist_ds").read_bytes(), "nothing is quantized"),
    "dynamic range": (lazily(dataset=None), "float32. Give a representative dataset"),
    "float input and output": (lazily(types=(tf.float32, tf.float32)), "inference_input_type"),
    "int8 input, as in the lesson": (lazily(types=(tf.int8, tf.int8)), "a camera gives uint8"),
    "uint8 output": (lazily(types=(tf.uint8, tf.uint8)), "the output is uint8"),
    "the lesson's network": (lazily(name="mnist_cnn"), "another network"),
    "unscaled calibration": (lazily(change=unscaled), "0 to 255"),
    "black calibration": (lazily(change=black), "did not go from 0 to 1"),
    "its digits in another order": (lazily(turned_over=True), "Are its weights those of the trained network"),
    "a path": (lambda: str(models.model_path("mnist_ds", "int8")), "bytes"),
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
    "convolve": (
        {"loops": convolve_loop, "windows": convolve_windows, "fixed point": convolve_fixed_point},
        CONVOLVE_WRONG,
    ),
    "representative_dataset": ({"ten of each": ten_of_each, "dict": as_dictionary, "list": listed}, DATASET_WRONG),
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
            "from 500 images": lazily(dataset=listed),
        },
        MODEL_WRONG,
    )
}
