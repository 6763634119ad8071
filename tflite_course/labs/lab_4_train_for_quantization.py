"""The exercises of lab 4: fake quantization, QAT beside its control, and what may be claimed of the two."""

import functools

import numpy as np

from tflite_course.labs.exercise import (
    NO_ANSWER,
    Exercise,
    Mistake,
    compare_function,
    describe,
    mnist,
    require_function,
    require_returned,
    same,
)

IMAGES = 500  # of the test set, for what has to be run
KERNELS = ("conv_1", "conv_2", "conv_3", "logits")
BLOCKS = (("conv_1", "norm_1", "relu_1"), ("conv_2", "norm_2", "relu_2"), ("logits",))
CLAIMS = ("better", "worse", "no difference shown")


@functools.cache
def _shipped():
    """Return {name: array} of the variables of the shipped checkpoint."""
    from tflite_course.models import load_model

    return {variable.name: variable.numpy() for variable in load_model("mnist_cnn").weights}


def _fake(x, low, high, bits, *, widen=True, steps=None, round_zero=True, clip=True, to_whole=np.round):
    if widen:
        low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / (steps or 2**bits - 1)
    zero_point = np.round(-low / scale) if round_zero else -low / scale
    q = to_whole(x / scale) + zero_point if round_zero else to_whole(x / scale + zero_point)
    q = np.clip(q, 0, 2**bits - 1) if clip else q
    return (scale * (q - zero_point)).astype(np.float32)


def judge_fake_quantize(answer, rng):
    cases = [(np.array([-5.0, -0.3, 0.0, 0.5, 1.6]), -1.0, 2.0, 3)]
    for bits in (2, 4, 8):
        low, high = float(-rng.uniform(0.3, 3)), float(rng.uniform(0.3, 3))
        cases.append((rng.uniform(2 * low, 2 * high, (4, 5)), low, high, bits))
    low = float(rng.uniform(0.3, 1))
    cases.append((rng.uniform(-1, 6, 12), low, low + float(rng.uniform(1, 3)), 4))  # zero lies below the range
    cases.append((rng.uniform(-6, 1, 12), -low - float(rng.uniform(1, 3)), -low, 3))

    def integers(x, low, high, bits):
        low, high = min(low, 0.0), max(high, 0.0)
        scale = (high - low) / (2**bits - 1)
        return np.clip(np.round(x / scale) + np.round(-low / scale), 0, 2**bits - 1)

    def still_float64(x, low, high, bits):
        low, high = min(low, 0.0), max(high, 0.0)
        scale, top = (high - low) / (2**bits - 1), 2**bits - 1
        zero_point = np.round(-low / scale)
        return scale * (np.clip(np.round(x / scale) + zero_point, 0, top) - zero_point)

    def all_integers(dtype):
        return lambda *case: integers(*case).astype(dtype)

    whole = "these are the integers of the grid. Fake quantization goes back: subtract the zero point, times scale."
    zero = "0.0 must lie on the grid: widen the range to include 0 before you compute the scale."
    nudge = "0.0 is not on your grid: round the zero point to a whole number. The ends of the range move a little."
    compare_function(
        answer,
        _fake,
        cases,
        {
            "you use 2**bits steps. 2**bits points have one gap less between them.": lambda x, low, high, bits: _fake(
                x, low, high, bits, steps=2**bits
            ),
            zero: functools.partial(_fake, widen=False),
            nudge: functools.partial(_fake, round_zero=False),
            "values outside the range are not clipped: the grid ends at 0 and 2**bits - 1.": functools.partial(
                _fake, clip=False
            ),
            "you cut the fraction off. Round to the nearest point.": functools.partial(_fake, to_whole=np.trunc),
            "you round down. Round to the nearest point.": functools.partial(_fake, to_whole=np.floor),
            "your grid has always 8 bits: use the argument.": lambda x, low, high, bits: _fake(x, low, high, 8),
            whole: all_integers(np.float64),
            whole + " ": all_integers(np.float32),
            whole + "  ": all_integers(np.int64),
            whole + "   ": all_integers(np.uint8),
            "the values are right and the dtype is not: return float32, the network trains in it.": still_float64,
        },
        tolerance=1e-5,
    )


def _straight(x, upstream, low, high):
    return np.where((x >= low) & (x <= high), upstream, 0).astype(np.float32)


def judge_straight_through(answer, rng):
    x = np.array([-2.0, -0.75, -0.2, 0.0, 1.5, 3.0], np.float32)
    cases = [(x, np.array([2, -3, 0.5, 1, 4, 5], np.float32), -0.75, 1.5)]  # both ends are among the values
    for shape in ((7,), (3, 4), (30,)):
        low, high = float(-rng.uniform(0.2, 2)), float(rng.uniform(0.2, 2))
        values = rng.uniform(1.6 * low, 1.6 * high, shape).astype(np.float32)
        cases.append((values, rng.normal(size=shape).astype(np.float32), low, high))

    def ones(x, upstream, low, high):
        return _straight(x, np.ones_like(upstream), low, high)

    def without_ends(x, upstream, low, high):
        return np.where((x > low) & (x < high), upstream, 0).astype(np.float32)

    def clipped(x, upstream, low, high):
        return np.clip(upstream, low, high).astype(np.float32)

    def outside(x, upstream, low, high):
        return np.where((x >= low) & (x <= high), 0, upstream).astype(np.float32)

    def times_x(x, upstream, low, high):
        return (np.clip(x, low, high) * upstream).astype(np.float32)

    compare_function(
        answer,
        _straight,
        cases,
        {
            "this is the true slope of the stairs, 0 everywhere: with it no weight would ever move.": lambda x, *_: (
                np.zeros_like(x)
            ),
            "where x is clipped the gradient is 0: a change of x changes nothing there.": lambda x, upstream, *_: (
                upstream
            ),
            "you return the slope alone. The chain rule multiplies it by the gradient that comes in.": ones,
            "x at an end of the range is not clipped yet: take <= and >=.": without_ends,
            "you clip the gradient. x is what is clipped; the gradient passes or does not.": clipped,
            "you kept the gradient where x is clipped, and dropped it inside. It is the other way round.": outside,
            "the slope inside the range is 1, not x.": times_x,
        },
        tolerance=1e-6,
    )


def _wrapped(model):
    """Return the layers of a model that TFMOT has wrapped, as {name of the layer inside: wrapper}."""
    from tensorflow_model_optimization.python.core.quantization.keras.quantize_wrapper import QuantizeWrapper

    return {layer.layer.name: layer for layer in model.layers if isinstance(layer, QuantizeWrapper)}


def _annotated(model):
    from tensorflow_model_optimization.python.core.quantization.keras.quantize_annotate import QuantizeAnnotate

    return any(isinstance(layer, QuantizeAnnotate) for layer in model.layers)


def _require_keras_2(model, name):
    import tf_keras

    if not isinstance(model, tf_keras.Model):
        if type(model).__module__.split(".")[0] == "keras":
            raise Mistake(f"{name} is a Keras 3 model. TFMOT needs Keras 2: `import tf_keras as keras`.")
        raise Mistake(f"{name} must be a tf_keras model, this is {describe(model)}.")


def _small_model(rng):
    """Return a network with layers as in mnist_cnn, but few, because TFMOT takes its time; weights from rng."""
    import tf_keras as keras

    def block(filters, number):
        return [
            keras.layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"conv_{number}"),
            keras.layers.BatchNormalization(name=f"norm_{number}"),
            keras.layers.ReLU(name=f"relu_{number}"),
        ]

    first, second, last = block(2, 1), block(3, 2), keras.layers.Dense(10, name="logits")
    pool, flat = keras.layers.MaxPooling2D(4, name="pool_1"), keras.layers.Flatten(name="flatten")
    model = keras.Sequential([keras.layers.Input((28, 28, 1), name="image"), *first, pool, *second, flat, last])
    model.set_weights([rng.uniform(0.1, 1, array.shape) for array in model.get_weights()])
    return model


def judge_make_aware(answer, rng):
    require_function(answer)
    all_kernels, found = {block[0] for block in BLOCKS}, []
    for blocks in (BLOCKS[:1], [BLOCKS[int(rng.integers(1, 3))]]):
        names = [name for block in blocks for name in block]
        model = _small_model(rng)
        before, layers = model.get_weights(), {layer.name for layer in model.layers}
        aware = require_returned(answer(model, tuple(names)))
        _require_keras_2(aware, "what your function returns")
        if _annotated(aware):
            raise Mistake("the layers are marked, and nothing else happened: end with `quantize_apply`.")
        if not same(model.get_weights(), before):
            raise Mistake("your function changes the model that it is given. TFMOT makes a copy: change that.")
        wrapped = _wrapped(aware)
        if not wrapped:
            raise Mistake("no layer has fake quantization: mark layers with `quantize_annotate_layer`, then apply.")
        kernels = [variable.numpy() for variable in aware.weights if variable.name.endswith("conv_2/kernel:0")]
        if not same(kernels, [model.get_layer("conv_2").get_weights()[0]]):
            raise Mistake("the weights are not those of the model that was given: start from it, not from a new one.")
        found.append((names, {name for name in wrapped if name in all_kernels}, sorted(layers - {*names, *wrapped})))
    for names, kernels, _ in found:
        wanted = all_kernels - set(names)
        if kernels == wanted:
            continue
        left = ", ".join(names)
        if kernels == all_kernels:
            raise Mistake(f"all layers have fake quantization, and {left} should stay as they are.")
        if kernels == all_kernels - wanted:
            raise Mistake("it is the wrong way round: you marked the layers that should stay float.")
        if found[0][1] == found[1][1]:
            raise Mistake("your function leaves out the same layers whatever names it is given: use its argument.")
        raise Mistake(f"with {left} left out, fake quantization is in {sorted(kernels)}, expected in {sorted(wanted)}.")
    forgotten = found[0][2] + found[1][2]
    if forgotten:
        raise Mistake(
            f"{forgotten[0]} is not marked. Mark every layer that is not named, whatever its kind: a convolution "
            f"becomes one operator with its normalization and ReLU, and TFMOT must see the three together."
        )


def _pair(answer, what):
    """Return an answer's two parts; raise Mistake for one that is missing."""
    if type(answer) not in (tuple, list) or len(answer) != 2:
        raise Mistake(f"expected are {what}, this is {describe(answer)}.")
    if any(part is None or part is Ellipsis for part in answer):
        raise Mistake(NO_ANSWER)
    return answer


def _kernel(model, name):
    """Return the kernel of a layer, float32, whether the layer is wrapped or not."""
    for variable in model.weights:
        if variable.name.endswith(f"{name}/kernel:0"):
            return variable.numpy()
    raise Mistake(f"there is no layer {name} with a kernel: start from `models.load_model()`.")


def judge_trained(answer, rng):
    aware, control = _pair(answer, "two models, `aware` and `control`")
    for name, model in (("aware", aware), ("control", control)):
        _require_keras_2(model, name)
        if _annotated(model):
            raise Mistake(f"the layers of {name} are marked, and `quantize_apply` was not called.")
    if _wrapped(control) and not _wrapped(aware):
        raise Mistake("you swapped the two: `aware` has no fake quantization, and `control` has it.")
    if not _wrapped(aware):
        raise Mistake("aware has no fake quantization: use your function of exercise 3, or `quantize_model`.")
    if _wrapped(control):
        raise Mistake("control has fake quantization. It is the same training without it.")
    left = sorted(set(KERNELS) - set(_wrapped(aware)))
    if left:
        raise Mistake(f"{', '.join(left)} of aware has no fake quantization. This time leave no layer out.")
    steps, rates = {}, {}
    for name, model in (("aware", aware), ("control", control)):
        optimizer = getattr(model, "optimizer", None)
        steps[name] = int(optimizer.iterations) if optimizer is not None else 0
        if steps[name] < 20:
            raise Mistake(
                f"the optimizer of {name} has counted {steps[name]} steps. Train it for one epoch (a new `compile` "
                f"begins to count at 0)."
            )
        try:
            rates[name] = float(optimizer.learning_rate)
        except TypeError:
            raise Mistake(f"the learning rate of {name} is no number: give the optimizer 1e-4.") from None
        if rates[name] > 2e-3:
            raise Mistake(f"{name} has the learning rate {rates[name]:g}. Fine-tuning needs a low one: take 1e-4.")
    if steps["aware"] != steps["control"]:
        raise Mistake(
            f"aware was trained for {steps['aware']} steps and control for {steps['control']}. A control gets the same "
            f"training: if you ran a `fit` twice, load that model again."
        )
    if abs(rates["aware"] - rates["control"]) > 1e-9:
        raise Mistake(
            f"the learning rates differ, {rates['aware']:g} and {rates['control']:g}: then nobody can tell what fake "
            f"quantization did."
        )
    images, labels = mnist()[1]
    chosen = rng.choice(len(images), IMAGES, replace=False)
    for name, model in (("aware", aware), ("control", control)):
        for layer in KERNELS:
            shipped, kernel = _shipped()[f"{layer}/kernel:0"], _kernel(model, layer)
            if kernel.shape != shipped.shape or np.corrcoef(kernel.ravel(), shipped.ravel())[0, 1] < 0.8:
                raise Mistake(
                    f"{name} is far from the shipped checkpoint: `models.load_model()` gives it, start there."
                )
            if np.array_equal(kernel, shipped):
                raise Mistake(f"the weights of {name} are still those of the checkpoint: `fit` changed another model.")
        right = np.mean(np.asarray(model(images[chosen], training=False)).argmax(1) == labels[chosen])
        if right < 0.96:
            raise Mistake(
                f"{name} has {right:.1%} right: start from the checkpoint, with images and labels in one order."
            )


@functools.cache
def _shipped_int8():
    from tflite_course.models import model_path

    return _last_weights(_inspect(model_path("mnist_cnn", "int8").read_bytes()))


def _last_weights(file):
    return file["interpreter"].get_tensor(file["last weights"])


def _inspect(content):
    """Return what a check needs to know of a .tflite file: input, output, names of tensors, weights, operators."""
    from tflite_course import evaluation

    interpreter = evaluation.make_interpreter(content)
    steps = [step for step in interpreter._get_ops_details() if step["op_name"] != "DELEGATE"]
    layers = [step for step in steps if step["op_name"] in ("CONV_2D", "FULLY_CONNECTED")]
    tensors = {entry["index"]: entry for entry in interpreter.get_tensor_details()}
    return {
        "input": interpreter.get_input_details()[0],
        "output": interpreter.get_output_details()[0],
        "from QAT": any("quant_conv" in entry["name"] for entry in tensors.values()),
        "dtypes": {np.dtype(tensors[int(step["inputs"][1])]["dtype"]).name for step in layers},
        "last weights": int(layers[-1]["inputs"][1]) if layers else None,
        "interpreter": interpreter,
        "operators": [step["op_name"] for step in steps],
    }


def judge_int8_files(answer, rng):
    from tflite_course import evaluation
    from tflite_course.errors import CourseError

    if type(answer) is not dict or set(answer) != {"QAT", "control"}:
        raise Mistake(f'expected is a dict with the keys "QAT" and "control", this is {describe(answer)}.')
    if any(content is None or content is Ellipsis for content in answer.values()):
        raise Mistake(NO_ANSWER)
    files = {}
    for name, content in answer.items():
        if type(content) not in (bytes, bytearray):
            raise Mistake(f"{name}: expected are the bytes that `convert()` returns, this is {describe(content)}.")
        try:
            files[name] = _inspect(content)
        except CourseError as error:
            raise Mistake(f"{name}: {error}") from None
    if files["control"]["from QAT"] and not files["QAT"]["from QAT"]:
        raise Mistake("you swapped the two files: the one called control comes from the model with fake quantization.")
    for name, wanted in (("QAT", True), ("control", False)):
        if files[name]["from QAT"] != wanted:
            other = "aware" if wanted else "control"
            raise Mistake(f"the file {name} does not come from the model `{other}`: convert that one.")
    for name, file in files.items():
        _judge_int8(name, file)
    images, labels = mnist()[1]
    start = int(rng.integers(0, len(images) - 2 * IMAGES))
    part = slice(start, start + 2 * IMAGES)
    for name, content in answer.items():
        right = evaluation.accuracy(bytes(content), images[part], labels[part])
        if right < 0.96:
            cause = "its ranges are still the placeholders, so train it before you convert"
            cause = cause if name == "QAT" else "calibrate with images that are prepared as in training"
            raise Mistake(f"{name} has {right:.1%} right: {cause}.")


def _judge_int8(name, file):
    if "int8" in file["dtypes"] and file["dtypes"] != {"int8"}:
        cure = "give a representative dataset" if name == "control" else "leave no layer out"
        raise Mistake(f"{name}: only some of the weights are int8: {cure}.")
    if file["dtypes"] != {"int8"}:
        more = " The file is larger than float32 now." if "QUANTIZE" in file["operators"] else ""
        raise Mistake(f"{name}: the weights are not int8: set `converter.optimizations`.{more}")
    for kind in ("input", "output"):
        dtype = np.dtype(file[kind]["dtype"])
        if dtype != np.int8:
            raise Mistake(
                f"{name}: the {kind} is {dtype.name}. Asked is int8: `converter.inference_{kind}_type = tf.int8`"
                + ("." if name == "QAT" else ", which needs a representative dataset for the control.")
            )
    if "DEQUANTIZE" in file["operators"]:
        raise Mistake(f"{name}: a part of the model is float. Leave no layer out, and calibrate the control.")
    if name == "control":
        if file["input"]["quantization"][0] > 0.5:
            raise Mistake("control: the scale of the input is near 1: the calibration images went from 0 to 255.")
        last, shipped = _last_weights(file), _shipped_int8()
        if last.shape == shipped.shape and np.mean(last == shipped) > 0.97:
            raise Mistake(
                "control: these are the weights of the shipped checkpoint. Convert the model that you trained."
            )


def _churn(predicted, reference, labels):
    changed = predicted != reference
    fixed, broken = changed & (predicted == labels), changed & (reference == labels)
    return int(changed.sum()), int(fixed.sum()), int(broken.sum())


def judge_churn(answer, rng):
    predicted, reference = np.array([1, 2, 3, 4, 5]), np.array([1, 2, 8, 9, 7])
    cases = [(predicted, reference, np.array([1, 0, 3, 9, 0]))]
    for count in (60, 500):
        labels = rng.integers(0, 10, count)
        reference = np.where(rng.random(count) < 0.2, rng.integers(0, 10, count), labels)
        cases.append((np.where(rng.random(count) < 0.3, rng.integers(0, 10, count), reference), reference, labels))

    def shares(*case):
        return tuple(value / len(case[0]) for value in _churn(*case))

    def only_net(predicted, reference, labels):
        return (
            _churn(predicted, reference, labels)[0],
            int((predicted == labels).sum()),
            int((reference == labels).sum()),
        )

    def as_errors(predicted, reference, labels):
        changed = predicted != reference
        return (
            int(changed.sum()),
            int((changed & (predicted == labels)).sum()),
            int((changed & (predicted != labels)).sum()),
        )

    def right_answers(predicted, reference, labels):
        return int(abs((predicted == labels).sum() - (reference == labels).sum())), *_churn(
            predicted, reference, labels
        )[1:]

    def sum_of_both(*case):
        _, fixed, broken = _churn(*case)
        return fixed + broken, fixed, broken

    def against_labels(predicted, reference, labels):
        return int((predicted != labels).sum()), *_churn(predicted, reference, labels)[1:]

    both_wrong = "some answers change from one wrong digit to another: they are changed, and neither fixed nor broken."
    compare_function(
        answer,
        _churn,
        cases,
        {
            "asked are numbers of images, not shares.": shares,
            "fixed and broken are swapped: fixed is right now and was not before.": lambda *case: tuple(
                _churn(*case)[k] for k in (0, 2, 1)
            ),
            both_wrong: sum_of_both,
            "broken was right before. You count all changed answers that are wrong now.": as_errors,
            "count only answers that changed: those which both models have right are not fixed.": only_net,
            "the difference of the two accuracies hides the churn: compare answer by answer.": right_answers,
            "changed compares the two models with each other, not with the labels.": against_labels,
        },
    )


def _half_band(share, count):
    return 1.96 * np.sqrt(share * (1 - share) / count)


def _claim(qat, control, count, *, noise=_half_band, every=True, factor=1.0):
    gains = np.asarray(qat) - np.asarray(control)
    limit = factor * noise(np.mean(control), count)
    for sign, word in ((1, CLAIMS[0]), (-1, CLAIMS[1])):
        if sign * gains.mean() > limit and (not every or (sign * gains > 0).all()):
            return word
    return CLAIMS[2]


def _seeds(rng, count, sizes, *, spread=0.0):
    """Return QAT's accuracies, those of the control and the count; sizes: the gains in half bands."""
    share = rng.uniform(0.9, 0.97)
    control = share + spread * np.linspace(-1, 1, len(sizes)) * _half_band(share, count)
    return control + np.asarray(sizes) * _half_band(share, count), control, count


def judge_claim(answer, rng):
    cases = [
        (np.array([0.9935, 0.9932, 0.9933, 0.9932]), np.array([0.9941, 0.9941, 0.9944, 0.9941]), 10_000),
        (np.array([0.9929, 0.9920, 0.9917, 0.9928]), np.array([0.9874, 0.9862, 0.9890, 0.9903]), 10_000),
    ]
    for count in (500, 2_000, 10_000):
        low, high = sorted(rng.uniform(0.1, 0.7, 2))
        cases.append(_seeds(rng, count, [low, 0.5, high]))  # always better, inside the noise
        cases.append(_seeds(rng, count, [-low, -0.5, -high, -0.2]))
        cases.append(_seeds(rng, count, [3 + low, 4, 5, -0.3]))  # better on average, and not every time
        cases.append(_seeds(rng, count, [-4, -3 - high, -5, 0.4]))
        cases.append(_seeds(rng, count, [4 + low, 3, 5]))
        cases.append(_seeds(rng, count, [1.3 + low, 1.4, 1.5, 1.6]))  # between the half and the whole band
        cases.append(_seeds(rng, count, [-1.3 - high, -1.6, -1.4]))
        cases.append(_seeds(rng, count, [1.4, 1.5 + low, 1.6], spread=6.0))  # seeds differ more than methods
        cases.append(_seeds(rng, count, [0.4, -0.2, -0.3], spread=-0.1))

    def any_gain(qat, control, count):
        return _claim(qat, control, count, noise=lambda *_: 0.0, every=False)

    def best_seed(qat, control, count):
        gain = max(qat) - max(control)
        return CLAIMS[0] if gain > 0 else CLAIMS[1] if gain < 0 else CLAIMS[2]

    def best_and_noise(qat, control, count):
        gain, limit = max(qat) - max(control), _half_band(np.mean(control), count)
        return CLAIMS[0] if gain > limit else CLAIMS[1] if gain < -limit else CLAIMS[2]

    def unpaired(qat, control, count):
        return CLAIMS[0] if min(qat) > max(control) else CLAIMS[1] if max(qat) < min(control) else CLAIMS[2]

    def unpaired_and_noise(qat, control, count):
        word = unpaired(qat, control, count)
        return word if word == _claim(qat, control, count) else CLAIMS[2]

    def swapped(qat, control, count):
        return _claim(control, qat, count)

    def percent(qat, control, count):
        return _claim(qat, control, count, noise=lambda share, n: 100 * _half_band(share, n))

    noise_missing = (
        "some of these gains are smaller than the noise of the test set: compare the mean with half the band."
    )
    compare_function(
        answer,
        _claim,
        cases,
        {
            noise_missing: functools.partial(_claim, noise=lambda *_: 0.0),
            noise_missing + " And ask every seed.": any_gain,
            "the mean is not enough: every seed must point the same way.": functools.partial(_claim, every=False),
            "you compare with the whole band. Take half of it: 1.96 * sqrt(p * (1 - p) / count).": functools.partial(
                _claim, factor=2.0
            ),
            "the best seed of each side is luck. Compare seed by seed.": best_seed,
            "the best seed of each side is luck. Compare seed by seed. ": best_and_noise,
            "a seed gives both models the same images: subtract seed by seed, before you look at the spread.": unpaired,
            "a seed gives both models the same images: subtract seed by seed, before you look. ": unpaired_and_noise,
            "you have QAT and control swapped: a gain is QAT minus control.": swapped,
            "the accuracies are shares from 0 to 1, so the band must be one, too: do not multiply by 100.": percent,
        },
    )


EXERCISES = {
    "fake_quantize": Exercise(
        2,
        "fake_quantize(x, low, high, bits) for 2 to 8 bits, on ranges with and beside zero",
        "training feels the rounding only if it is the one that the int8 kernels do.",
        judge_fake_quantize,
    ),
    "straight_through": Exercise(
        1,
        "straight_through(x, upstream, low, high) inside, outside and at the ends of the range",
        "a staircase is flat: without this rule no weight would ever learn.",
        judge_straight_through,
    ),
    "make_aware": Exercise(
        2,
        "make_aware(model, float_layers) on two small models, with different layers left out",
        "a sensitive layer can stay float, if you know which layers TFMOT has to see together.",
        judge_make_aware,
    ),
    "trained": Exercise(
        3,
        "your two models: fake quantization in one, the same start, steps and learning rate in both",
        "a control that trained less makes any method look good.",
        judge_trained,
    ),
    "int8_files": Exercise(
        3,
        "your two .tflite files: where they come from, weights, input and output, accuracy on a part of the test set",
        "what you compare is what a device runs, not the Keras model.",
        judge_int8_files,
    ),
    "churn": Exercise(
        1,
        "churn(predicted, reference, labels) on answers of two models",
        "two models of equal accuracy can disagree on many images, and users notice.",
        judge_churn,
    ),
    "claim": Exercise(
        3,
        "claim(qat, control, count) on clear and on doubtful results over several seeds",
        "one good seed is an anecdote, and a difference inside the noise is none.",
        judge_claim,
    ),
}
