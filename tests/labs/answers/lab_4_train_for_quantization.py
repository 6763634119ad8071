"""Right answers in different styles, and wrong ones with a part of the hint that must name the mistake (or None)."""

import functools

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras

from tests.labs.answers import EqualsEverything, mnist
from tflite_course import models
from tflite_course.resources import resource

QUANTIZATION = tfmot.quantization.keras
FIRST_BLOCK = ("conv_1", "norm_1", "relu_1")


# --- fake_quantize
def fake_plain(x, low, high, bits):
    if low > 0:
        low = 0.0
    if high < 0:
        high = 0.0
    top = 2**bits - 1
    scale = (high - low) / top
    zero_point = round(-low / scale)
    q = np.minimum(np.maximum(np.rint(x / scale) + zero_point, 0), top)
    return np.float32((q - zero_point) * scale)


def fake_loop(x, low, high, bits):
    low, high = min(low, 0), max(high, 0)
    step = (high - low) / (2**bits - 1)
    first = -round(-low / step)  # the lowest point, in steps from 0.0
    flat = [step * max(first, min(first + 2**bits - 1, round(float(value) / step))) for value in np.ravel(x)]
    return np.array(flat, np.float32).reshape(np.shape(x))


def fake_tensorflow(x, low, high, bits):
    low, high = min(low, 0.0), max(high, 0.0)
    x = np.asarray(x, np.float32)
    return tf.quantization.fake_quant_with_min_max_vars(x, low, high, num_bits=bits).numpy()


def fake_in_place(x, low, high, bits):
    x -= 0.1
    return fake_plain(x, low, high, bits)


FAKE_WRONG = {
    "unchanged": (lambda x, low, high, bits: x.astype(np.float32), None),
    "changes its input": (fake_in_place, "changes the array"),
    "the visible example alone": (lambda *_: np.array([-6, -3, 0, 3, 12], np.float32) / 7, None),
    "equals everything": (lambda *_: EqualsEverything(), None),
    "no function": (np.zeros(5, np.float32), "a function is expected"),
    "nothing": (lambda *_: None, "returns nothing yet"),
    "untouched": (..., "no answer yet"),
}


# --- straight_through
def straight_tape(x, upstream, low, high):
    variable = tf.Variable(x)
    with tf.GradientTape() as tape:
        value = tf.clip_by_value(variable, low, high)
    return tape.gradient(value, variable, output_gradients=tf.constant(upstream)).numpy()


def straight_loop(x, upstream, low, high):
    flat = [u if low <= v <= high else 0.0 for v, u in zip(x.ravel(), upstream.ravel(), strict=True)]
    return np.array(flat, np.float32).reshape(x.shape)


def straight_copy(x, upstream, low, high):
    gradient = upstream.copy()
    gradient[(x < low) | (x > high)] = 0
    return gradient


def straight_in_place(x, upstream, low, high):
    upstream[(x < low) | (x > high)] = 0
    return upstream


STRAIGHT_WRONG = {
    "changes its input": (straight_in_place, "changes the array"),
    "list": (lambda *case: straight_loop(*case).tolist(), None),
    "the visible case alone": (lambda *_: np.array([0, -3, 0.5, 1, 4, 0], np.float32), None),
    "equals everything": (lambda *_: EqualsEverything(), None),
    "nothing": (lambda *_: None, "returns nothing yet"),
    "untouched": (..., "no answer yet"),
}


# --- make_aware
def aware_lookup(model, float_layers):
    kept = set(float_layers)

    def choose(layer):
        if layer.name in kept:
            return layer
        return QUANTIZATION.quantize_annotate_layer(layer)

    return QUANTIZATION.quantize_apply(keras.models.clone_model(model, clone_function=choose))


def aware_sequential(model, float_layers):
    layers = [keras.Input(model.input_shape[1:], name="image")]
    for layer in model.layers:
        layers.append(layer if layer.name in float_layers else QUANTIZATION.quantize_annotate_layer(layer))
    return QUANTIZATION.quantize_apply(keras.Sequential(layers))


def aware_own_copy(model, float_layers):
    copied = keras.models.clone_model(model)
    copied.set_weights(model.get_weights())
    return aware_lookup(copied, list(float_layers))


def annotated_only(model, float_layers, kinds=keras.layers.Layer, apply=False, invert=False, skip=None):
    skip = float_layers if skip is None else skip

    def choose(layer):
        left = (layer.name in skip) != invert or not isinstance(layer, kinds)
        return layer if left else QUANTIZATION.quantize_annotate_layer(layer)

    annotated = keras.models.clone_model(model, clone_function=choose)
    return QUANTIZATION.quantize_apply(annotated) if apply else annotated


def changes_weights(model, float_layers):
    model.set_weights([array * 0 for array in model.get_weights()])
    return aware_lookup(model, float_layers)


CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.Dense)
AWARE_WRONG = {
    "not applied": (annotated_only, "end with `quantize_apply`"),
    "all layers": (lambda model, names: QUANTIZATION.quantize_model(model), "all layers have fake quantization"),
    "the wrong way round": (functools.partial(annotated_only, apply=True, invert=True), "wrong way round"),
    "always the first block": (functools.partial(annotated_only, apply=True, skip=FIRST_BLOCK), "whatever names"),
    "always logits as well": (
        lambda model, names: aware_lookup(model, [*names, "logits"]),
        "left out, fake quantization is in ['conv_2'], expected in ['conv_2', 'logits']",
    ),
    "half of a block": (lambda model, names: aware_lookup(model, names[:1]), "RuntimeError: Layer norm_1"),
    "only layers with weights": (functools.partial(annotated_only, apply=True, kinds=CONVOLUTIONS), "not marked"),
    "shipped weights": (lambda model, names: aware_lookup(models.load_model(), names), "not those of the model"),
    "untrained weights": (
        lambda model, names: aware_lookup(keras.models.clone_model(model), names),
        "not those of the model",
    ),
    "changes the model": (changes_weights, "changes the model"),
    "the model itself": (lambda model, names: model, "no layer has fake quantization"),
    "no model": (lambda model, names: "aware", "must be a tf_keras model"),
    "equals everything": (lambda model, names: EqualsEverything(), "must be a tf_keras model"),
    "no function": (EqualsEverything(), "a function is expected"),
    "nothing": (lambda model, names: None, "returns nothing yet"),
    "untouched": (..., "no answer yet"),
}


# --- trained: nothing is trained here. Weights move a little, and the optimizer is told how many steps there were.
RANGES = {"quant_relu_1": (0, 7), "quant_relu_2": (0, 7), "quant_relu_3": (0, 5), "quant_logits": (-31.5, 20.5)}


@functools.cache
def wrapped(use):
    """Return the shipped model with fake quantization, one for each use."""
    return QUANTIZATION.quantize_model(models.load_model("mnist_cnn"))


def moved(model, *, steps=47, rate=1e-4, noise=1e-3, start=None, optimizer=keras.optimizers.Adam):
    """Return the model as if it had been trained: weights moved at random, ranges set, steps counted."""
    generator = np.random.default_rng(1)
    given = {variable.name: variable.numpy() for variable in (start or models.load_model("mnist_cnn")).weights}
    for variable in model.weights:
        if variable.name in given:
            move = generator.normal(0, noise, variable.shape) if "kernel" in variable.name else 0
            variable.assign(given[variable.name] + move)
    kernels = {
        variable.name.split("/")[0]: variable.numpy() for variable in model.weights if "kernel:" in variable.name
    }
    for variable in model.weights:
        layer, _, name = variable.name.removesuffix(":0").partition("/")
        if name.endswith(("_min", "_max")):
            low, high = RANGES.get(layer, (0, 1) if layer == "quantize_layer" else (0, 7))
            if name.startswith("kernel"):
                kernel = np.abs(kernels[layer.removeprefix("quant_")])
                high = kernel.max(axis=tuple(range(kernel.ndim - len(variable.shape))))
                low = -high
            variable.assign(np.broadcast_to(low if name.endswith("min") else high, variable.shape))
    model.compile(optimizer(rate), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.optimizer.iterations.assign(steps)
    return model


def aware(**options):
    return moved(wrapped("trained"), **options)


def control(**options):
    return moved(models.load_model("mnist_cnn"), **options)


def partly_aware():
    return moved(annotated_only(models.load_model("mnist_cnn"), FIRST_BLOCK, apply=True))


def norm_left_out():
    """Return an aware model in which one batch normalization is not quantized: its weights are int8, and it is not."""
    return moved(annotated_only(models.load_model("mnist_cnn"), ["norm_2"], apply=True))


def always_a_three():
    model = control()
    kernel, bias = model.get_layer("logits").get_weights()
    model.get_layer("logits").set_weights([kernel, bias + 30 * np.eye(10)[3]])
    return model


def without_a_number():
    """Return a control whose optimizer has a schedule in the place of its learning rate."""
    model = control()
    model.compile(keras.optimizers.legacy.Adam(keras.optimizers.schedules.CosineDecay(1e-4, 47)), "mse")
    model.optimizer.iterations.assign(47)
    return model


def another_network():
    model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10, name="last")])
    return moved(model)


def keras_3():
    import keras as modern

    return modern.Sequential([modern.layers.Input((28, 28)), modern.layers.Flatten(), modern.layers.Dense(10)])


TRAINED_RIGHT = {
    "one epoch": lambda: (aware(), control()),
    "a list, two epochs, lower rate": lambda: [aware(steps=94, rate=5e-5), control(steps=94, rate=5e-5)],
    "another optimizer": lambda: (
        aware(optimizer=keras.optimizers.RMSprop, noise=2e-3),
        control(optimizer=keras.optimizers.RMSprop, noise=2e-3),
    ),
}
TRAINED_WRONG = {
    "swapped": (lambda: (control(), aware()), "you swapped the two"),
    "no fake quantization": (lambda: (control(), control()), "aware has no fake quantization"),
    "both aware": (lambda: (aware(), aware()), "control has fake quantization"),
    "a layer left out": (lambda: (partly_aware(), control()), "leave no layer out"),
    "marked, not applied": (
        lambda: (annotated_only(models.load_model("mnist_cnn"), ()), control()),
        "`quantize_apply` was not called",
    ),
    "not trained": (lambda: (aware(steps=0), control()), "has counted 0 steps"),
    "control not trained": (lambda: (aware(), models.load_model("mnist_cnn")), "optimizer of control has counted 0"),
    "control trained longer": (lambda: (aware(), control(steps=94)), "same training"),
    "different rates": (lambda: (aware(rate=1e-3), control()), "learning rates differ"),
    "another model was trained": (lambda: (aware(), control(noise=0)), "`fit` changed another model"),
    "from scratch": (
        lambda: (aware(), control(start=models.build("mnist_cnn"))),
        "far from the shipped checkpoint",
    ),
    "rate too high": (lambda: (aware(rate=0.01), control(rate=0.01)), "Fine-tuning needs a low one"),
    "labels in another order": (lambda: (aware(), always_a_three()), "images and labels in one order"),
    "a schedule of the old kind": (lambda: (aware(), without_a_number()), "is not a number"),
    "another network": (lambda: (aware(), another_network()), "there is no layer conv_1"),
    "destroyed": (lambda: (aware(noise=0.15), control(noise=0.15)), "far from the shipped checkpoint"),
    "Keras 3": (lambda: (aware(), keras_3()), "Keras 3"),
    "file instead of a model": (lambda: (b"TFL3", b"TFL3"), "must be a tf_keras model"),
    "one alone": (lambda: aware(), "two models"),
    "equals everything": (lambda: (EqualsEverything(), EqualsEverything()), "must be a tf_keras model"),
    "the checkpoint twice": (lambda: (models.load_model(), models.load_model()), "aware has no fake quantization"),
    "untouched": (lambda: (..., ...), "no answer yet"),
}


# --- int8_files
def stored(kind):
    return models.read_model(resource(f"assets/experiments/qat_int8_cnn_{kind}.tflite"))


def pair(qat="qat", other="control"):
    return {"QAT": stored(qat), "control": stored(other)}


@functools.cache
def convert(kind, optimize=True, types=(tf.int8, tf.int8), scaled=None):
    """Return .tflite bytes of a model of this module; scaled: what calibration images are multiplied by."""

    makers = {"aware": aware, "control": control, "blank": lambda: wrapped("blank"), "norm left out": norm_left_out}
    converter = tf.lite.TFLiteConverter.from_keras_model(makers[kind]())
    converter.optimizations = [tf.lite.Optimize.DEFAULT] if optimize else []
    if scaled:
        images = mnist()[0][0][:50] * np.float32(scaled)
        converter.representative_dataset = lambda: ([image[np.newaxis]] for image in images)
    if types:
        converter.inference_input_type, converter.inference_output_type = types
    return converter.convert()


def with_qat(**options):
    return lambda: pair() | {"QAT": convert(**options)}


def with_control(**options):
    return lambda: pair() | {"control": convert("control", **options)}


FILES_RIGHT = {
    "stored run": pair,
    "ranges set": lambda: pair("qat_ranges_set"),
    "bytearray": lambda: {name: bytearray(content) for name, content in pair().items()},
}
FILES_WRONG = {
    "swapped": (lambda: pair("control", "qat"), "you swapped the two files"),
    "control twice": (lambda: pair("control"), "does not come from the model `aware`"),
    "QAT twice": (lambda: pair(other="qat"), "does not come from the model `control`"),
    "not optimized": (with_qat(kind="aware", optimize=False, types=None), "set `converter.optimizations`"),
    "float input and output": (with_qat(kind="aware", types=None), "inference_input_type"),
    "uint8": (with_qat(kind="aware", types=(tf.uint8, tf.uint8)), "uint8"),
    "wrapped, not trained": (with_qat(kind="blank"), "placeholders"),
    "normalization left out": (with_qat(kind="norm left out"), "QAT: a part of the model is float"),
    "control without calibration": (with_control(types=None), "give a representative dataset"),
    "control with float input": (with_control(scaled=1.0, types=None), "inference_input_type"),
    "unscaled calibration": (with_control(scaled=255.0), "0 to 255"),
    "the shipped file": (
        lambda: pair() | {"control": models.model_path("mnist_cnn", "int8").read_bytes()},
        "weights of the shipped checkpoint",
    ),
    "control that was not trained": (lambda: pair(other="untrained"), "weights of the shipped checkpoint"),
    "float control": (lambda: pair() | {"control": models.model_path().read_bytes()}, "weights are not int8"),
    "paths": (lambda: {"QAT": "qat.tflite", "control": "control.tflite"}, "bytes"),
    "cut short": (lambda: {name: content[:20_000] for name, content in pair().items()}, "cut short"),
    "one file": (lambda: stored("qat"), "a dict with the keys"),
    "equals everything": (lambda: {"QAT": EqualsEverything(), "control": EqualsEverything()}, "bytes"),
    "untouched": (lambda: {"QAT": ..., "control": ...}, "no answer yet"),
}


# --- churn
def churn_loop(predicted, reference, labels):
    changed = fixed = broken = 0
    for now, before, label in zip(predicted, reference, labels, strict=True):
        if now != before:
            changed += 1
            fixed += int(now == label)
            broken += int(before == label)
    return changed, fixed, broken


def churn_numpy(predicted, reference, labels):
    right_now, right_before = predicted == labels, reference == labels
    counts = [predicted != reference, right_now & ~right_before, right_before & ~right_now]
    return tuple(np.count_nonzero(count) for count in counts)


def churn_list(predicted, reference, labels):
    from tflite_course.evaluation import churn

    return list(churn(predicted, reference, labels).values())


CHURN_WRONG = {
    "changed alone": (lambda p, r, y: int((p != r).sum()), None),
    "a dict": (lambda *case: dict(zip("abc", churn_loop(*case), strict=True)), None),
    "the visible case alone": (lambda *_: (3, 1, 1), None),
    "equals everything": (lambda *_: EqualsEverything(), None),
    "nothing": (lambda *_: None, "returns nothing yet"),
    "untouched": (..., "no answer yet"),
}


# --- claim
NONE = "no difference shown"


def claim_plain(qat, control, count):
    differences = [a - b for a, b in zip(qat, control, strict=True)]
    p, mean = sum(control) / len(control), sum(differences) / len(differences)
    noise = 1.96 * (p * (1 - p) / count) ** 0.5
    if all(d > 0 for d in differences) and mean > noise:
        return "better"
    if all(d < 0 for d in differences) and mean < -noise:
        return "worse"
    return NONE


def claim_wilson(qat, control, count):
    from tflite_course.evaluation import accuracy_band

    low, high = accuracy_band(np.mean(control) * count, count)
    gains = qat - control
    if abs(gains.mean()) <= (high - low) / 2 or gains.min() * gains.max() <= 0:
        return NONE
    return "better" if gains.mean() > 0 else "worse"


def claim_sign(qat, control, count):
    gains, share = np.subtract(qat, control), np.mean(control)
    signs = np.sign(gains)
    clear = np.all(signs == signs[0]) and abs(np.mean(gains)) > 1.96 * np.sqrt(share * (1 - share) / count)
    return {1: "better", -1: "worse"}[int(signs[0])] if clear else NONE


CLAIM_WRONG = {
    "always careful": (lambda *_: NONE, None),
    "a bool": (lambda *case: claim_plain(*case) == "better", None),
    "the visible cases alone": (lambda q, c, n: NONE if q[0] < c[0] else "better", None),
    "equals everything": (lambda *_: EqualsEverything(), None),
    "nothing": (lambda *_: None, "returns nothing yet"),
    "untouched": (..., "no answer yet"),
}


# --- choose_range
def range_loop(values, bits):
    lowest, highest, best = min(values.min(), 0), max(values.max(), 0), (np.inf, None)
    for low in np.linspace(lowest, 0, 30):
        for high in np.linspace(highest, 0, 30):
            if low < high:
                error = float(((fake_plain(values, low, high, bits) - values) ** 2).sum())
                best = min(best, (error, (low, high)))
    return best[1]


def range_in_turns(values, bits):
    """Move one end, then the other, until nothing changes, from several starts."""
    lowest, highest, found = min(float(values.min()), 0.0), max(float(values.max()), 0.0), []

    def error(low, high):
        return float(((fake_loop(values, low, high, bits) - values) ** 2).sum()) if low < high else np.inf

    shares = np.linspace(0.02, 1, 50)
    for start in (1.0, 0.4, 0.15):
        low, high = start * lowest, start * highest
        for _ in range(3):
            high = highest * min(shares, key=lambda share: error(low, highest * share))
            low = lowest * min(shares, key=lambda share: error(lowest * share, high))
        found.append((error(low, high), low, high))
    return np.array(min(found)[1:], np.float32)


def range_vectorized(values, bits):
    top = 2**bits - 1
    low, high = np.meshgrid(np.linspace(0, min(values.min(), 0), 41), np.linspace(0, max(values.max(), 0), 41)[1:])
    low, high = low.ravel(), high.ravel()
    scale = (high - low) / top
    zero_point = np.rint(-low / scale)
    q = np.clip(np.rint(values[:, None] / scale) + zero_point, 0, top)
    best = (((q - zero_point) * scale - values[:, None]) ** 2).mean(axis=0).argmin()
    return [float(low[best]), float(high[best])]


def range_of_the_lesson(size, bits):
    """The least squares of lesson 05, for magnitudes on a symmetric grid."""
    size = np.abs(size)[:, np.newaxis]
    most, tries = 2 ** (bits - 1) - 1, np.linspace(0.05, 1, 40)[:, np.newaxis] * size.max(axis=0)
    errors = [np.square(p / most * np.clip(np.round(size * most / p), -most, most) - size).sum(0) for p in tries]
    point = float(tries[np.argmin(errors), 0])
    return -point, point


def range_in_place(values, bits):
    values.sort()
    return float(values[0]), float(values[-1])


FINITE = "the ends must be finite numbers"
RANGE_WRONG = {
    "the lesson's own": (range_of_the_lesson, None),
    "half of it": (lambda *case: [end / 2 for end in range_vectorized(*case)], "The lowest and the highest value give"),
    "one number": (lambda *case: range_vectorized(*case)[1], "two numbers are expected"),
    "high first": (lambda *case: range_vectorized(*case)[::-1], "0.0 must lie between low and high"),
    "nothing at all": (lambda *_: (0.0, 0.0), "0.0 must lie between low and high"),
    "not finite": (lambda *_: (-np.inf, np.nan), FINITE),
    "words": (lambda *_: ("min", "max"), FINITE),
    "changes its input": (range_in_place, "changes the values"),
    "equals everything": (lambda *_: EqualsEverything(), "two numbers are expected"),
    "two that equal everything": (lambda *_: (EqualsEverything(), EqualsEverything()), FINITE),
    "a range": ((0.0, 0.3), "a function is expected"),
    "nothing": (lambda *_: None, "returns nothing yet"),
    "untouched": (..., "no answer yet"),
}


# exercise: ({style: answer}, {mistake: (answer, part of the hint or None)})
ANSWERS = {
    "fake_quantize": ({"plain": fake_plain, "loop": fake_loop, "TensorFlow": fake_tensorflow}, FAKE_WRONG),
    "straight_through": ({"tape": straight_tape, "loop": straight_loop, "copy": straight_copy}, STRAIGHT_WRONG),
    "make_aware": (
        {"clone": aware_lookup, "Sequential": aware_sequential, "own copy": aware_own_copy},
        AWARE_WRONG,
    ),
    "churn": ({"loop": churn_loop, "NumPy": churn_numpy, "of the course": churn_list}, CHURN_WRONG),
    "claim": ({"plain": claim_plain, "Wilson": claim_wilson, "signs": claim_sign}, CLAIM_WRONG),
    "choose_range": (
        {"loops": range_loop, "vectorized": range_vectorized, "in turns": range_in_turns},
        RANGE_WRONG,
    ),
}
# the same, where an answer is made only when its test runs
LAZY_ANSWERS = {"trained": (TRAINED_RIGHT, TRAINED_WRONG), "int8_files": (FILES_RIGHT, FILES_WRONG)}
