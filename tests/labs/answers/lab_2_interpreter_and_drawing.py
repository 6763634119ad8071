"""Right answers in different styles, and wrong ones with a part of the hint that must name the mistake (or None)."""

import statistics
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image
from scipy import ndimage

from tests.labs.answers import EqualsEverything, mnist
from tflite_course import evaluation, models
from tflite_course import pad as drawing

_, (X_TEST, Y_TEST) = mnist()


# --- prepare_images
def prepare_reshape(images):
    scaled = images / 255 if images.dtype == np.uint8 else images
    return scaled.reshape(-1, 28, 28).astype(np.float32)


def prepare_steps(images):
    if images.ndim == 4:
        images = images[..., 0]
    if images.ndim == 2:
        images = images[np.newaxis]
    if np.issubdtype(images.dtype, np.integer):
        return images / np.float32(255)
    return np.array(images, dtype="float32")


def prepare_loop(images):
    full = np.iinfo(images.dtype).max if images.dtype.kind == "u" else 1.0
    rows = images.reshape(-1, 784).tolist()
    return np.array([[v / full for v in row] for row in rows], np.float32).reshape(-1, 28, 28)


def in_place(images):
    images = images.reshape(-1, 28, 28)
    if images.dtype == np.uint8:
        images //= 255
    return images.astype(np.float32)


PREPARE_WRONG = {
    "changes its input": (in_place, "changes the array"),
    "the first image only": (lambda images: prepare_steps(images)[:1], None),
    "the visible example alone": (lambda images: X_TEST[:1], None),
    "equals everything": (lambda images: EqualsEverything(), None),
    "untouched": (lambda images: None, "returns nothing yet"),
}


# --- predict_one
def one(prepare=lambda image: image[np.newaxis], read=lambda logits: logits[0], invoke=True, allocate=True):
    """Return an answer that runs the interpreter with these steps."""

    def predict(content, image):
        interpreter = Interpreter(model_content=content)
        if allocate:
            interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], prepare(image))
        if invoke:
            interpreter.invoke()
        return read(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))

    return predict


def one_signature(content, image):
    run = Interpreter(model_content=content).get_signature_runner("serving_default")
    return run(image=np.expand_dims(image, 0))["logits"].squeeze()


def one_view(content, image):
    interpreter = Interpreter(model_content=content, num_threads=2)
    interpreter.allocate_tensors()
    interpreter.tensor(interpreter.get_input_details()[0]["index"])()[0] = image
    interpreter.invoke()
    return interpreter.tensor(interpreter.get_output_details()[0]["index"])()[0].copy()


def held_view(content, image):
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    view = interpreter.tensor(interpreter.get_input_details()[0]["index"])()
    view[0] = image
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]


FIXED = one()(models.model_path("mnist_cnn").read_bytes(), X_TEST[0])
ONE_WRONG = {
    "no batch axis": (one(lambda image: image), "batch axis is missing"),
    "float64": (one(lambda image: image[None].astype(np.float64)), "float64"),
    "uint8": (one(lambda image: (image[None] * 255).astype(np.uint8)), "uint8"),
    "not allocated": (one(allocate=False), "allocate_tensors()"),
    "not invoked": (one(invoke=False), "invoke()"),
    "the digit": (one(read=lambda logits: int(logits.argmax())), "ten logits"),
    "mirrored": (one(lambda image: image[None, :, ::-1]), "for a test image"),
    "no such input": (one(lambda image: image[None, None, None]), "ValueError"),
    "view held": (held_view, "get_tensor"),
    "test image 0 alone": (lambda content, image: FIXED, "same ten numbers"),
    "equals everything": (lambda content, image: EqualsEverything(), "ten logits"),
    "untouched": (lambda content, image: None, "returns nothing yet"),
}


# --- predict_batches
def batches(content, images, batch, last="own", read=lambda logits: logits.argmax(axis=1)):
    interpreter = Interpreter(model_content=content)
    source, target = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    interpreter.resize_tensor_input(source, [batch, 28, 28])
    interpreter.allocate_tensors()
    found = []
    for start in range(0, len(images), batch):
        part = images[start : start + batch]
        missing = batch - len(part)
        if missing and last == "left out":
            break
        if missing and last == "own":
            interpreter.resize_tensor_input(source, part.shape)
            interpreter.allocate_tensors()
        if missing and last in ("padded", "padded and kept"):
            part = np.concatenate([part, np.zeros((missing, 28, 28), np.float32)])
        interpreter.set_tensor(source, part)
        interpreter.invoke()
        answer = read(interpreter.get_tensor(target))
        found.append(answer[: batch - missing] if last == "padded" else answer)
    return np.concatenate(found) if np.ndim(found[0]) else np.array(found)


def batches_with(**options):
    return lambda content, images, batch: batches(content, images, batch, **options)


def batches_signature(content, images, batch):
    run = Interpreter(model_content=content).get_signature_runner()
    digits = []
    for start in range(0, len(images), batch):
        digits += run(image=images[start : start + batch])["logits"].argmax(-1).tolist()
    return digits


def one_by_one(content, images, batch):
    predict = one()
    return np.array([predict(content, image).argmax() for image in images])


def all_at_once(content, images, batch):
    return batches(content, images, len(images))


def not_resized(content, images, batch):
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], images[:batch])


def scaled_again(content, images, batch):
    images /= 255
    return batches(content, images, batch)


BATCHES_WRONG = {
    "one by one": (one_by_one, "are enough"),
    "all at once": (all_at_once, "at once"),
    "last batch left out": (batches_with(last="left out"), "are missing"),
    "last batch does not fit": (batches_with(last="does not fit"), "shorter"),
    "padding kept": (batches_with(last="padded and kept"), "Cut off"),
    "one digit for each batch": (batches_with(read=lambda logits: logits.argmax()), "argmax(axis=1)"),
    "wrong axis": (batches_with(read=lambda logits: logits.argmax(axis=0)), None),
    "logits": (batches_with(read=lambda logits: logits), "these are the logits"),
    "not resized": (not_resized, "Resize the input"),
    "changes its input": (scaled_again, "changes the array"),
    "the first labels": (lambda content, images, batch: Y_TEST[: len(images)], None),
    "as text": (batches_with(read=lambda logits: logits.argmax(axis=1).astype(str)), "integers"),
    "equals everything": (lambda content, images, batch: EqualsEverything(), "digits"),
    "untouched": (lambda content, images, batch: None, "returns nothing yet"),
}


# --- measure
def timed(run, repeats):
    times = np.empty(repeats)
    for i in range(repeats):
        start = time.perf_counter_ns()
        run()
        times[i] = (time.perf_counter_ns() - start) / 1000
    return times


def measured(result=lambda times: np.percentile(times, [50, 95]), scale=1.0, warm=True, count_warm=False):
    """Return an answer that measures with these steps."""

    def measure(run, warm_up, repeats):
        before = timed(run, warm_up) if warm else []
        times = timed(run, repeats) * scale
        first, second = result(np.concatenate([before, times]) if count_warm else times)
        return first, second

    return measure


def measure_sorted(run, warm_up, repeats):
    for _ in range(warm_up):
        run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(1e6 * (time.perf_counter() - start))
    times.sort()
    return [statistics.median(times), times[int(0.95 * repeats)]]


def measure_course(run, warm_up, repeats):
    found = evaluation.latency(run, warm_up=warm_up, repeats=repeats)
    return found["p50"], found["p95"]


def total(run, warm_up, repeats):
    for _ in range(warm_up):
        run()
    start = time.perf_counter()
    for _ in range(repeats):
        run()
    mean = (time.perf_counter() - start) / repeats * 1e6
    return mean, mean


def once(run, warm_up, repeats):
    return measured()(run, 0, 1)


def never(run, warm_up, repeats):
    return tuple(np.percentile([1.0 for _ in range(repeats) if run], [50, 95]))


MEASURE_WRONG = {
    "no warm-up": (measured(warm=False), "no warm-up"),
    "warm-up counted": (measured(count_warm=True), "warm-up are among"),
    "mean": (measured(lambda t: (t.mean(), np.percentile(t, 95))), "is the mean"),
    "one clock for all": (total, "is the mean"),
    "quantile and percentile": (measured(lambda t: np.percentile(t, [0.5, 0.95])), "0 to 100"),
    "slowest": (measured(lambda t: (np.median(t), t.max())), "slowest call"),
    "exchanged": (measured(lambda t: np.percentile(t, [95, 50])), "exchanged"),
    "milliseconds": (measured(scale=1e-3), "milliseconds"),
    "seconds": (measured(scale=1e-6), "these are seconds"),
    "nanoseconds": (measured(scale=1000), "nanoseconds"),
    "one call": (once, "once"),
    "no call": (never, "never calls"),
    "whole numbers": (measured(lambda t: np.percentile(t, [50, 95]).astype(int).tolist()), "fraction"),
    "fixed numbers": (lambda run, warm_up, repeats: (57.5, 80.1), "never calls"),
    "three numbers": (lambda run, w, r: (*measured()(run, w, r), 1.0), "two numbers are expected"),
    "warm-up twice": (lambda run, w, r: measured()(run, 2 * w, r), "times instead of"),
    "fixed numbers after the calls": (measured(lambda t: (57.5, 80.1)), "your function finds"),
    "equals everything": (lambda run, warm_up, repeats: [run() for _ in range(1)] and EqualsEverything(), None),
    "untouched": (lambda run, warm_up, repeats: None, "returns nothing yet"),
}


# --- ink_on_paper
def ink_mean(canvas):
    return 255 - canvas if canvas.mean() > 127 else canvas


def ink_histogram(canvas):
    dark = np.count_nonzero(canvas < 128)
    return canvas.copy() if dark > canvas.size / 2 else np.bitwise_not(canvas)


def ink_border(canvas):
    border = np.concatenate([canvas[0], canvas[-1], canvas[:, 0], canvas[:, -1]])
    return np.abs(np.int16(255) * (np.median(border) > 127) - canvas.astype(np.int16)).astype(np.uint8)


def overwrites(canvas):
    canvas[...] = ink_mean(canvas)
    return canvas


INK_WRONG = {
    "int64": (lambda canvas: ink_mean(canvas).astype(np.int64), None),
    "changes its input": (overwrites, "changes the array"),
    "the visible case alone": (lambda canvas: np.zeros((56, 56), np.uint8), None),
    "equals everything": (lambda canvas: EqualsEverything(), None),
    "untouched": (lambda canvas: None, "returns nothing yet"),
}


# --- center
def cut(canvas):
    rows, columns = np.flatnonzero((canvas > 25).any(1)), np.flatnonzero((canvas > 25).any(0))
    return canvas[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def centred(side=20, mass=True, ratio=True, boxed=True, way=Image.Resampling.LANCZOS, middle=14):
    """Return an answer that centres a drawing with these steps."""

    def center(canvas):
        digit = cut(canvas) if boxed else canvas
        scale = [side / max(digit.shape)] * 2 if ratio else [side / length for length in digit.shape]
        height, width = (max(1, round(length * s)) for length, s in zip(digit.shape, scale, strict=True))
        small = np.asarray(Image.fromarray(digit).resize((width, height), way), np.float32) / 255
        row, column = ndimage.center_of_mass(small) if mass else ((height - 1) / 2, (width - 1) / 2)
        image = np.pad(small, 28)
        top, left = round(28 + row - middle), round(28 + column - middle)
        return image[top : top + 28, left : left + 28]

    return center


def center_zoom(canvas):
    digit = cut(canvas)
    small = ndimage.zoom(digit / 255, 20 / max(digit.shape), order=1)
    image = np.zeros((28, 28))
    image[: small.shape[0], : small.shape[1]] = small
    shift = 13.5 - np.array(ndimage.center_of_mass(image))
    return np.clip(ndimage.shift(image, shift, order=1), 0, 1).astype(np.float32)


VISIBLE = drawing.center_like_mnist(np.pad(np.full((60, 20), 255, np.uint8), ((40, 40), (60, 60))))
right_center = drawing.center_like_mnist
CENTER_WRONG = {
    "box in the middle": (centred(mass=False), "mean place of the ink"),
    "no margin": (centred(side=28, mass=False), "margin"),
    "size kept": (lambda c: np.roll(drawing.resize_only(c), (3, 2), (0, 1)), "Scale the box"),
    "stretched": (centred(ratio=False), "stretched"),
    "10 pixels": (centred(side=10), "so that it is 20"),
    "off by three": (centred(middle=11), "centre of mass is at"),
    "0 to 255": (lambda c: right_center(c) * np.float32(255), "0 to 1"),
    "float64": (lambda c: right_center(c).astype(np.float64), "float64"),
    "uint8": (lambda c: np.round(right_center(c) * 255).astype(np.uint8), "float32"),
    "batch axis": (lambda c: right_center(c)[None], "(28, 28)"),
    "one picture for all": (lambda c: VISIBLE, None),
    "equals everything": (lambda c: EqualsEverything(), "an image is expected"),
    "untouched": (lambda c: None, "returns nothing yet"),
}


# --- accuracy
def digits_of(content, images):
    return evaluation.predict(content, images).argmax(1)


def accuracy_loop(content, images, labels):
    predict = one()
    return sum(int(predict(content, x).argmax()) == y for x, y in zip(images, labels, strict=True)) / len(images)


def accuracy_padded(content, images, labels):
    return np.mean(batches(content, images, 64, last="padded") == labels)


def share(rule):
    return lambda content, images, labels: rule(digits_of(content, images) == labels)


ACCURACY_WRONG = {
    "first batch": (share(lambda right: right[:50].mean()), "first 50"),
    "last batch left out": (share(lambda right: right[: len(right) // 50 * 50].mean()), "images"),
    "rounded": (share(lambda right: round(float(right.mean()), 2)), None),
    "list": (share(lambda right: right.tolist()), "a share"),
    "the known accuracy": (lambda content, images, labels: 0.9937, None),
    "one": (lambda content, images, labels: 1.0, None),
    "equals everything": (lambda content, images, labels: EqualsEverything(), "a share"),
    "untouched": (lambda content, images, labels: None, "returns nothing yet"),
}

# exercise: ({style: answer}, {mistake: (answer, part of the hint or None)})
ANSWERS = {
    "prepare_images": ({"reshape": prepare_reshape, "steps": prepare_steps, "loop": prepare_loop}, PREPARE_WRONG),
    "predict_one": ({"interpreter": one(), "signature": one_signature, "view": one_view}, ONE_WRONG),
    "predict_batches": (
        {"last batch": batches_with(), "padded": batches_with(last="padded"), "signature": batches_signature},
        BATCHES_WRONG,
    ),
    "measure": ({"NumPy": measured(), "sorted": measure_sorted, "the course's": measure_course}, MEASURE_WRONG),
    "ink_on_paper": ({"mean": ink_mean, "histogram": ink_histogram, "border": ink_border}, INK_WRONG),
    "center": ({"the course's": right_center, "Lanczos": centred(), "SciPy": center_zoom}, CENTER_WRONG),
    "accuracy": (
        {"the course's": evaluation.accuracy, "loop": accuracy_loop, "padded": accuracy_padded},
        ACCURACY_WRONG,
    ),
}
