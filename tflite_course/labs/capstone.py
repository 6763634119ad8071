"""The exercises of the capstone: a model of your own on Fashion-MNIST, from the training to the device."""

import functools

import numpy as np

from tflite_course.labs import files
from tflite_course.labs.exercise import (
    Exercise,
    Mistake,
    compare_function,
    describe,
    mnist,
    require_function,
    require_returned,
)

ACCURATE = 0.80  # of the 2,000 test images: what a short training passes with room to spare
# points, largest file after gzip, lowest accuracy
LEVELS = ((1, 24_000, 0.75), (2, 12_000, 0.75), (3, 8_000, 0.75), (4, 8_000, 0.80))


@functools.cache
def _data():
    from tflite_course.datasets import load_fashion_mnist

    return load_fashion_mnist()


def _require_clothes(content, interpreter, lowest):
    """Return the accuracy; raise Mistake when it is less than asked, with the reason when it can be seen."""
    from tflite_course import evaluation

    test, source = _data()[1], interpreter.get_input_details()[0]
    accuracy = evaluation.accuracy(content, *test)
    if accuracy >= lowest:
        return accuracy
    shipped = files.whose(interpreter)
    if shipped:
        raise Mistake(f"these are the weights of {shipped}, which knows digits and no clothes. Train your own.")

    def better(prepare, by):
        if source["dtype"] != np.float32:
            return False
        found = evaluation.invoke(content, prepare(test[0])).argmax(1)
        return np.mean(found == test[1]) > accuracy + by

    if better(lambda images: images * 255, 0.1):
        raise Mistake("the model expects 0 to 255. Train it on what load_fashion_mnist() gives, 0 to 1.")
    if better(lambda images: 1 - images, 0.2):
        raise Mistake("the model expects dark pieces on white. Train it on the images as they are.")
    found = f"{accuracy:.1%} of the test images are right, at least {lowest:.0%} are asked."
    if accuracy < 0.2:
        raise Mistake(f"{found} That is guessing: look at the loss (from_logits=True) and at the labels.")
    raise Mistake(f"{found} Train longer, or look at the range of the images.")


def judge_float_model(answer, rng):
    interpreter = files.open_file(answer)
    files.require_shapes(interpreter)
    source, target, weights = files.kind(interpreter)
    if (source, target, weights) != ("float32", "float32", {"float32"}):
        raise Mistake("the file is quantized already. Asked is float32: what all others are compared with.")
    _require_clothes(answer, interpreter, ACCURATE)


def judge_representative_dataset(answer, rng):
    from tflite_course.checks import check_representative_dataset
    from tflite_course.errors import CourseError

    require_function(answer)
    made = require_returned(answer())
    try:
        first = next(iter(made), None)
        values = list(first.values()) if isinstance(first, dict) else first
        channel = np.ndim(values[0]) == 4 if isinstance(values, (list, tuple)) and values else False
        count = check_representative_dataset(answer, (1, 28, 28, 1) if channel else (1, 28, 28))
    except CourseError as error:
        raise Mistake(str(error)) from None
    if count < 100:
        raise Mistake(f"it yields {count} images. Take at least 100, so that all kinds of clothes are among them.")
    samples = [list(s.values()) if isinstance(s, dict) else s for s, _ in zip(answer(), range(count), strict=False)]
    seen = np.stack([np.asarray(sample[0]).reshape(28, 28) for sample in samples]).astype(np.float32)
    if len(np.unique(seen.reshape(count, -1), axis=0)) < 0.9 * count:
        raise Mistake("it yields the same image again and again. Take different ones.")
    (x_train, y_train), (x_test, _) = _data()
    known = {image.tobytes(): label for image, label in zip(x_train, y_train, strict=True)}
    tested = {image.tobytes() for image in x_test}
    if sum(image.tobytes() in tested for image in seen) > count / 2:
        raise Mistake("these are test images. Keep those for the measurement, and calibrate with training images.")
    if seen.max() <= 2 / 255:
        raise Mistake(f"the largest grey value is {seen.max():.4f}: the loader has divided by 255 already.")
    ink = float(seen.mean())
    if ink < 0.2:
        raise Mistake(
            f"the mean grey value is {ink:.2f}, that of Fashion-MNIST {x_train.mean():.2f}: are these digits? "
            f"Calibrate with images of the kind that the model will see."
        )
    if ink > 0.4:
        raise Mistake(f"the mean grey value is {ink:.2f}, that of Fashion-MNIST {x_train.mean():.2f}: what are these?")
    labels = [known[image.tobytes()] for image in seen if image.tobytes() in known]
    classes = len(set(labels))
    if len(labels) > count / 2 and classes < 10:
        raise Mistake(f"only {classes} of the 10 classes are among them: take images as they come, or some of each.")


def judge_int8_model(answer, rng):
    interpreter = files.open_file(answer)
    files.require_shapes(interpreter)
    files.require_int8(interpreter)
    _require_clothes(answer, interpreter, ACCURATE - 0.03)


@functools.lru_cache(32)  # the mistakes are tried on the same images again and again
def _named(content, images):
    from tflite_course import evaluation

    return evaluation.predict(content, np.frombuffer(images, np.float32).reshape(-1, 28, 28)).argmax(1)


def _verdict(before, after, images, labels):
    from tflite_course import evaluation

    first, second = (_named(model, images.tobytes()) for model in (before, after))
    counts = evaluation.churn(second, first, labels)
    gained = counts["fixed"] - counts["broken"]
    return {
        "factor": len(before) / len(after),
        "points": 100 * gained / len(labels),
        **counts,
        "clear": bool(abs(gained) > 2 * np.sqrt(counts["fixed"] + counts["broken"])),
    }


def _one_class(content, label):
    """Return an int8 file that gives the same label for every image: its last bias is raised."""
    last = [op for op in files.open_file(content)._get_ops_details() if op["op_name"] == "FULLY_CONNECTED"][-1]

    def alter(tree):
        buffer = tree.buffers[tree.subgraphs[0].tensors[int(last["inputs"][2])].buffer]
        values = np.array(buffer.data, np.uint8).view(np.int32).copy()
        values -= 1 << 16
        values[label] += 1 << 17
        buffer.data = values.view(np.uint8)

    return files.change(content, alter)


def judge_verdict(answer, rng):
    import gzip

    from tflite_course.models import model_path

    cnn, nano = (model_path(name, "int8").read_bytes() for name in ("mnist_cnn", "mnist_nano"))
    float32 = model_path("mnist_ds").read_bytes()
    images, labels = mnist()[1]
    lost = _one_class(nano, int(rng.integers(10)))
    chosen = rng.choice(len(images), 500, replace=False)
    noisy = np.clip(images[chosen] + 0.3 * rng.standard_normal((500, 28, 28), np.float32), 0, 1)
    labels = labels[chosen]
    first, second = (_named(model, noisy.tobytes()) for model in (float32, nano))
    fixed, broken = (second == labels) & (first != labels), (first == labels) & (second != labels)
    few = np.concatenate([np.flatnonzero(fixed)[:1], np.flatnonzero(broken)[:3], np.flatnonzero(first == second)[:40]])
    cases = [(float32, nano, noisy[:150], labels[:150]), (float32, nano, noisy[few], labels[few])]  # few: not clear
    clean = images[chosen]
    cases += [(nano, lost, clean[:60], labels[:60]), (lost, cnn, clean[:50], labels[:50])]  # clear, down and up
    cases += [(cnn, cnn, noisy[:20], labels[:20])]

    require_function(answer)
    first = require_returned(answer(*cases[0]))
    expected = set(_verdict(*cases[0]))
    if type(first) is not dict:
        raise Mistake(f"a dict is expected, this is {describe(first)}.")
    if {key for key in first if type(key) is str} != expected or len(first) != len(expected):
        raise Mistake(f"the dict must have the keys {', '.join(sorted(expected))} and no others.")

    def change(alter):
        def mistaken(before, after, images, labels):
            verdict = _verdict(before, after, images, labels)
            return verdict | alter(verdict, before, after, len(labels))

        return mistaken

    def root(verdict):
        return np.sqrt(verdict["fixed"] + verdict["broken"])

    compare_function(
        answer,
        _verdict,
        cases,
        {
            "the factor is upside down: a file of half the size has the factor 2.": change(
                lambda v, before, after, n: {"factor": len(after) / len(before)}
            ),
            "your factor compares gzip. Asked are the bytes of the files.": change(
                lambda v, before, after, n: {"factor": len(gzip.compress(before, 9)) / len(gzip.compress(after, 9))}
            ),
            '"points" has the wrong sign: it is negative when accuracy was lost.': change(
                lambda v, before, after, n: {"points": -v["points"]}
            ),
            '"points" is a share here. A point is one percent: times 100.': change(
                lambda v, before, after, n: {"points": v["points"] / 100}
            ),
            '"points" counts images here. A point is one percent of them.': change(
                lambda v, before, after, n: {"points": v["fixed"] - v["broken"]}
            ),
            '"fixed" and "broken" are swapped. Broken: right before, wrong after.': change(
                lambda v, before, after, n: {"fixed": v["broken"], "broken": v["fixed"]}
            ),
            '"changed" counts all other answers, also those that were wrong and are wrong in another way.': change(
                lambda v, before, after, n: {"changed": v["fixed"] + v["broken"]}
            ),
            '"clear" compares with "changed". Answers that stay wrong say nothing: take fixed + broken.': change(
                lambda v, before, after, n: {"clear": bool(abs(v["fixed"] - v["broken"]) > 2 * np.sqrt(v["changed"]))}
            ),
            '"clear" sees losses alone, or gains alone: compare the absolute value.': change(
                lambda v, before, after, n: {"clear": bool(v["broken"] - v["fixed"] > 2 * root(v))}
            ),
            '"clear" sees losses alone, or gains alone: compare the absolute value. ': change(
                lambda v, before, after, n: {"clear": bool(v["fixed"] - v["broken"] > 2 * root(v))}
            ),
            '"clear" is true for every difference: compare it with twice the square root of fixed + broken.': change(
                lambda v, before, after, n: {"clear": v["fixed"] != v["broken"]}
            ),
        },
        tolerance=1e-6,
    )


def judge_small_model(answer, rng):
    from tflite_course import evaluation
    from tflite_course.models.flatbuffer import strip

    interpreter = files.open_file(answer)
    files.require_shapes(interpreter)
    files.require_int8(interpreter)
    accuracy = _require_clothes(answer, interpreter, LEVELS[0][2])
    packed = evaluation.size_ledger(answer)["gzip"]
    return files.judge_levels(
        LEVELS,
        packed,
        accuracy,
        stripped=evaluation.size_ledger(strip(answer))["gzip"],
        nothing=f"after gzip the file has {packed:,} bytes, the first level allows {LEVELS[0][1]:,}. Prune and cluster "
        f"it, or build a narrower network.",
        unit="bytes after gzip",
    )


def _recognize(content, image, *, scaled=1 / 255, prepare=None, dequantize=True, take=np.argmax):
    """Return (name, confidence) of a uint8 image; the options are the mistakes that people make."""
    from tflite_course import evaluation
    from tflite_course.datasets import FASHION_CLASSES

    interpreter = evaluation.make_interpreter(content)
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    if prepare is None:
        values = evaluation.quantize_input(image[np.newaxis] * np.float32(scaled), source)
    else:
        values = prepare(image[np.newaxis], *source["quantization"])
    raw = evaluation.invoke(content, values)[0]
    logits = evaluation.dequantize_output(raw, target) if dequantize else raw.astype(np.float32)
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    return FASHION_CLASSES[int(take(shares))], float(shares.max())


def judge_recognize(answer, rng):
    from tflite_course.datasets import FASHION_CLASSES
    from tflite_course.models import model_path

    contents = [model_path(name, "int8").read_bytes() for name in ("mnist_cnn", "mnist_tiny", "mnist_nano")]
    images, _ = mnist()[1]
    cases = []
    for content in contents:
        first, second = images[rng.choice(len(images), (2, 25), replace=False)]
        pictures = np.round(255 * (0.6 * first + 0.4 * second)).astype(np.uint8)  # two digits, so it cannot be sure
        found = [_recognize(content, picture) for picture in pictures]
        other = [_recognize(content, picture, scaled=1.0)[0] for picture in pictures]
        unsure = list(np.argsort([share for _, share in found])[:3])  # where a wrong softmax shows
        renamed = [k for k in range(25) if found[k][0] != other[k]][:1]  # where a wrong range shows
        cases += [(content, pictures[k]) for k in unsure + renamed]

    def wrong(**options):
        return functools.partial(_recognize, **options)

    def number(content, image):
        name, share = _recognize(content, image)
        return FASHION_CLASSES.index(name), share

    def logit(content, image):
        name, share = _recognize(content, image)
        return name, float(100 * share)

    def clipped(values):
        return np.clip(np.round(values), -128, 127).astype(np.int8)

    cast = "you cast the bytes of the camera to int8: 200 becomes -56. Divide by 255, then quantize."
    compare_function(
        answer,
        _recognize,
        cases,
        {
            cast: wrong(prepare=lambda image, scale, zero_point: image.astype(np.int8)),
            "you do not divide by 255: the model learned 0 to 1.": wrong(scaled=1.0),
            "0..1 cast to int8 is black but for a few dots: divide by the scale and add the zero point.": wrong(
                prepare=lambda image, scale, zero_point: (image / 255).astype(np.int8)
            ),
            "the zero point of the input is missing.": wrong(
                prepare=lambda image, scale, zero_point: clipped(image / 255 / scale)
            ),
            "the softmax sees int8 numbers. Dequantize the output first: scale * (q - zero_point).": wrong(
                dequantize=False
            ),
            "you return the number of the class. Asked is its name, FASHION_CLASSES[number].": number,
            "the confidence goes from 0 to 1, not to 100.": logit,
        },
        tolerance=2e-3,
    )


EXERCISES = {
    "float_model": Exercise(
        3,
        "your float32 file: its form and its accuracy on the 2,000 test images",
        "this file is what every later one is compared with; a weak start hides what compression does.",
        judge_float_model,
    ),
    "representative_dataset": Exercise(
        2,
        "your representative dataset: form, range, origin, and how many classes are in it",
        "ranges come from what the converter sees: digits are darker than clothes, and one class is not ten.",
        judge_representative_dataset,
    ),
    "int8_model": Exercise(
        2,
        "your int8 file: weights, input and output, and its accuracy on the test images",
        "a microcontroller takes int8 from the camera to the answer.",
        judge_int8_model,
    ),
    "verdict": Exercise(
        3,
        "verdict(before, after, images, labels) on pairs of models and on few, many and noisy images",
        "two accuracies that differ say little; the images that changed say whether it was luck.",
        judge_verdict,
    ),
    "small_model": Exercise(
        4,
        "your small int8 file: its bytes after gzip and its accuracy on the test images",
        "this is what a user downloads, and you decide by which way it became small.",
        judge_small_model,
    ),
    "recognize": Exercise(
        2,
        "recognize(content, image) on three int8 models and images as a camera gives them",
        "on the device nobody divides, quantizes and names for you.",
        judge_recognize,
    ),
}
