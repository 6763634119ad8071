"""The exercises of lab 2: prepare images, run the interpreter, measure its latency, and make a drawing fit."""

import contextlib
import math
import time

import numpy as np

from tflite_course.labs.exercise import (
    Exercise,
    Mistake,
    compare_function,
    describe,
    mnist,
    require_function,
    require_returned,
    same,
)

FLOAT_MODELS = ("mnist_cnn", "mnist_cnn_plain", "mnist_cnn_augmented", "mnist_ds")

# What the runtime says, and what a student probably did.
MESSAGES = {
    "Got value of type FLOAT64": "the interpreter got float64. Hand the images on as float32, as they are given.",
    "Got value of type UINT8": "the interpreter got uint8. Hand the images on as float32, as they are given.",
    "Got 2 but expected 3": "the batch axis is missing: write `image[np.newaxis]`.",
    "for dimension 0": (
        "the number of images does not fit the memory. Resize the input, allocate again, and mind the last, shorter "
        "batch."
    ),
    "Tensor data is null": "there is no result to read yet: call `invoke()` after `set_tensor`.",
    "allocate_tensors": "the tensors have no memory yet: call `allocate_tensors()` first, and again after a resize.",
    "reference to internal data": "`tensor()` gives a view, and the interpreter waits for it. Use `get_tensor()`.",
}


def _model(name):
    from tflite_course.models import model_path

    return model_path(name).read_bytes()


def _call(answer, *arguments):
    """Call the answer; a message of the runtime becomes a hint."""
    arrays = [argument for argument in arguments if type(argument) is np.ndarray]
    before = [array.copy() for array in arrays]
    try:
        value = answer(*arguments)
    except (RuntimeError, ValueError) as error:
        for part, hint in MESSAGES.items():
            if part in str(error):
                raise Mistake(hint) from None
        raise
    require_returned(value)
    if not all(np.array_equal(array, copy) for array, copy in zip(arrays, before, strict=True)):
        raise Mistake("your function changes the array that it is given. Work on a new one.")
    return value


# --- prepare_images
def _prepare(images):
    whole = images.dtype == np.uint8
    return (images.reshape(-1, 28, 28) / np.float32(255 if whole else 1)).astype(np.float32)


def judge_prepare_images(answer, rng):
    count = int(rng.integers(3, 7))
    stored = rng.integers(0, 256, (count, 28, 28)).astype(np.uint8)
    cases = [
        (stored[0],),
        (stored,),
        (stored[..., np.newaxis],),
        (stored[0] / 255,),
        (rng.random((2, 28, 28), np.float32),),
        ((stored > 128).astype(np.uint8),),  # a faint image: its largest value is 1, and it is uint8 all the same
    ]

    def wrong_when(scale):
        def prepare(images):
            return scale(images.reshape(-1, 28, 28))

        return prepare

    def no_batch_axis(images):
        made = _prepare(images)
        return made[0] if images.ndim == 2 else made

    def keeps_channel(images):
        made = _prepare(images)
        return made[..., np.newaxis] if images.ndim == 4 else made

    def adds_channel(images):
        return _prepare(images)[..., np.newaxis]

    def by_largest(images):
        images = images.reshape(-1, 28, 28)
        return (images / np.float32(255 if images.max() > 1 else 1)).astype(np.float32)

    compare_function(
        answer,
        _prepare,
        cases,
        {
            "floats from 0 to 1 are divided once more. Divide only what is uint8.": wrong_when(
                lambda x: (x / np.float32(255)).astype(np.float32)
            ),
            "the dtype is right and the range is not: uint8 goes from 0 to 255, the model learned from 0 to 1.": (
                wrong_when(lambda x: x.astype(np.float32))
            ),
            "you choose by the largest value. A faint uint8 image has no value above 1: look at the dtype.": by_largest,
            "the result is float64. LiteRT converts nothing: end with `.astype(np.float32)`.": wrong_when(
                lambda x: x / (255 if x.dtype == np.uint8 else 1)
            ),
            "you divide by 256, the largest value is 255.": wrong_when(
                lambda x: (x / np.float32(256 if x.dtype == np.uint8 else 1)).astype(np.float32)
            ),
            "`//` cuts the fraction off, only 0 and 1 are left. Use `/`.": wrong_when(
                lambda x: (x // 255 if x.dtype == np.uint8 else x).astype(np.float32)
            ),
            "a single image has no batch axis yet: its result must be (1, 28, 28).": no_batch_axis,
            "the channel axis is still there: the result must be (n, 28, 28).": keeps_channel,
            "the model of this course takes no channel axis: the result must be (n, 28, 28).": adds_channel,
        },
        tolerance=1e-6,
    )


# --- predict_one
def _logits(content, images):
    """Return the logits of images of any range, which evaluation.predict refuses."""
    from tflite_course import evaluation

    interpreter = evaluation.make_interpreter(content, batch=len(images))
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], images)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def judge_predict_one(answer, rng):
    from tflite_course import evaluation

    require_function(answer)
    images = mnist()[1][0]
    for name in rng.permutation(FLOAT_MODELS)[:2]:
        content = _model(str(name))
        chosen = images[rng.choice(len(images), 4, replace=False)]
        expected = evaluation.predict(content, chosen)
        found = [_call(answer, content, image.copy()) for image in chosen]
        for logits in found:
            if type(logits) is np.ndarray and logits.shape == (1, 10):
                raise Mistake("the result has the shape (1, 10): take its first row.")
            if type(logits) is not np.ndarray or logits.shape != (10,) or logits.dtype != np.float32:
                raise Mistake(f"ten logits are expected, float32 (10,), this is {describe(logits)}.")
        found = np.stack(found)
        if same(found, expected, tolerance=1e-3):
            continue
        if np.ptp(found, axis=0).max() == 0:
            raise Mistake("four images get the same ten numbers. Set the image, then call `invoke()`, then read.")
        powers = np.exp(expected - expected.max(1, keepdims=True))
        wrong = {
            "these are probabilities. Asked are the ten numbers as the model gives them.": (
                powers / powers.sum(1, keepdims=True)
            ),
            "the image is divided by 255 once more. It goes from 0 to 1 already.": evaluation.predict(
                content, chosen / np.float32(255)
            ),
            "the image is multiplied by 255. The model learned from 0 to 1.": _logits(
                content, chosen * np.float32(255)
            ),
            "rows and columns of the image are exchanged.": evaluation.predict(content, chosen.swapaxes(1, 2)),
            "ink and paper are exchanged: hand the image on as it is.": evaluation.predict(content, 1 - chosen),
        }
        for hint, values in wrong.items():
            if same(found, values, tolerance=1e-3 * max(1.0, float(np.abs(values).max()))):
                raise Mistake(hint)
        raise Mistake(f"for a test image your function gives {describe(found[0])}, expected {describe(expected[0])}.")


# --- predict_batches
@contextlib.contextmanager
def _counted_calls():
    """Count how often the interpreter runs: yields a list that grows by the batch of each run."""
    from ai_edge_litert.interpreter import Interpreter, SignatureRunner

    batches, invoke, run = [], Interpreter.invoke, SignatureRunner.__call__

    def counted_invoke(self):
        batches.append(int(self.get_input_details()[0]["shape"][0]))
        return invoke(self)

    def counted_run(self, **inputs):
        batches.append(len(next(iter(inputs.values()))))
        return run(self, **inputs)

    Interpreter.invoke, SignatureRunner.__call__ = counted_invoke, counted_run
    try:
        yield batches
    finally:
        Interpreter.invoke, SignatureRunner.__call__ = invoke, run


def judge_predict_batches(answer, rng):
    from tflite_course import evaluation

    require_function(answer)
    images = mnist()[1][0]
    cases = [(24, 8), (8 * int(rng.integers(2, 6)) + int(rng.integers(1, 8)), 8), (5, 16)]
    for count, batch in cases:
        content = _model(str(rng.choice(FLOAT_MODELS)))
        chosen = images[rng.choice(len(images), count, replace=False)]
        expected = evaluation.predict(content, chosen).argmax(1)
        with _counted_calls() as batches:
            digits = _call(answer, content, chosen, batch)
        digits = np.array(digits) if type(digits) is list else digits
        given = f"{count} images in batches of {batch}"
        if type(digits) is not np.ndarray:
            raise Mistake(f"{given}: expected are {count} digits, this is {describe(digits)}.")
        if digits.shape == (count, 10):
            raise Mistake("these are the logits. `argmax(axis=1)` gives the digits.")
        if digits.shape == (count // batch * batch,) and count % batch:
            raise Mistake(f"{given}: the last {count % batch} images are missing. Run the shorter batch too.")
        if digits.shape == (math.ceil(count / batch) * batch,) and count % batch:
            raise Mistake(f"{given}: {len(digits)} digits come back. Cut off those that belong to no image.")
        if digits.shape == (math.ceil(count / batch),) and digits.shape != (count,):
            raise Mistake(f"{given}: one digit for each batch comes back. Use `argmax(axis=1)`, not `argmax()`.")
        if digits.shape != (count,) or digits.dtype.kind not in "iu":
            raise Mistake(f"{given}: expected are {count} digits (integers), this is {describe(digits)}.")
        if not same(digits.astype(np.int64), expected.astype(np.int64)):
            raise Mistake(f"{given}: {int((digits == expected).sum())} digits are those that the interpreter gives.")
        if batches and max(batches) > batch:
            raise Mistake(f"{given}: {max(batches)} images went in at once. A device has memory for `batch` images.")
        if len(batches) > math.ceil(count / batch):
            raise Mistake(
                f"{given}: the interpreter ran {len(batches)} times, {math.ceil(count / batch)} are enough. Resize the "
                f"input to the batch."
            )


# --- measure
class _Task:
    """A task to measure: slow at first, then mostly fast. It notes how long each call really took."""

    def __init__(self, rng, warm_up, repeats):
        self.fast = float(rng.uniform(0.0006, 0.001))
        plan = np.full(repeats, self.fast)
        slow = rng.permutation(repeats)[: math.ceil(repeats * 0.15)]
        plan[slow] = 5 * self.fast
        plan[slow[0]] = 20 * self.fast
        self.plan, self.took = [12 * self.fast] * warm_up + plan.tolist(), []

    def __call__(self):
        start = time.perf_counter_ns()
        time.sleep(self.plan[len(self.took)] if len(self.took) < len(self.plan) else self.fast)
        self.took.append((time.perf_counter_ns() - start) / 1000)


def _judge_measure_once(answer, rng):
    warm_up, repeats = int(rng.integers(8, 12)), int(rng.integers(80, 90))
    task = _Task(rng, warm_up, repeats)
    found = _call(answer, task, warm_up, repeats)
    calls, took = len(task.took), np.array(task.took)
    if calls == 0:
        raise Mistake("your function never calls `run()`. Time the call itself, with the brackets.")
    if calls == 1:
        raise Mistake("your function calls `run()` once. One call says nothing: repeat it.")
    if calls == repeats:
        raise Mistake(f"there is no warm-up: {calls} calls, asked are {warm_up} that do not count and {repeats} more.")
    if calls != warm_up + repeats:
        raise Mistake(f"your function calls `run()` {calls} times, asked are {warm_up} + {repeats}.")
    if type(found) not in (tuple, list) or len(found) != 2:
        raise Mistake(f"two numbers are expected, p50 and p95, this is {describe(found)}.")
    if not all(isinstance(value, (float, np.floating)) for value in found):
        raise Mistake(f"two numbers with a fraction (float) are expected, this is {describe(tuple(found))}.")
    counted = took[warm_up:]

    def band(times, share):
        # between neighbouring ranks, and up to 150 us for the clock and a processor that others use
        low, high = np.percentile(times, [max(share - 3, 0), min(share + 3, 100)])
        return low * 0.98, high * 1.02 + 150

    def fits(p50, p95, times=counted, scale=1.0):
        (low, high), (low_95, high_95) = band(times, p50), band(times, p95)
        return low * scale <= found[0] <= high * scale and low_95 * scale <= found[1] <= high_95 * scale

    with_warm_up = np.percentile(took, 95)
    nearer = abs(found[1] - with_warm_up) < abs(found[1] - np.percentile(counted, 95))
    if fits(50, 95) and not nearer:
        return
    for unit, scale in (("nanoseconds", 1000), ("milliseconds", 1e-3), ("seconds", 1e-6)):
        if fits(50, 95, scale=scale):
            raise Mistake(f"these are {unit}. Asked are microseconds.")
    if fits(50, 95, times=took):
        raise Mistake("the calls of the warm-up are among the times. Throw them away before you compute p95.")
    if fits(0.5, 0.95):
        raise Mistake("`np.percentile` counts from 0 to 100: 0.95 is nearly the fastest call. Write 50 and 95.")
    if abs(found[0] - counted.mean()) < 0.1 * counted.mean():
        raise Mistake("the first number is the mean. A few slow calls lift it; p50 is the median.")
    if fits(95, 50):
        raise Mistake("the two numbers are exchanged: p50 comes first.")
    if found[1] > 0.95 * counted.max():
        raise Mistake("the second number is the slowest call. p95 lets the slowest twentieth out.")
    p50, p95 = np.percentile(counted, [50, 95])
    raise Mistake(
        f"your function finds {describe(tuple(found))}; the calls took {p50:.0f} microseconds at p50 and {p95:.0f} at "
        f"p95."
    )


def judge_measure(answer, rng):
    require_function(answer)
    try:
        _judge_measure_once(answer, rng)
    except Mistake:  # once more: a busy machine disturbs a measurement, a mistake stays
        _judge_measure_once(answer, rng)


# --- ink_on_paper
def _ink_on_paper(canvas):
    return 255 - canvas if (canvas > 127).mean() > 0.5 else canvas.copy()


def _drawing(rng, *, size=140, extent=None, offset=None, digit=None):
    from tflite_course.pad.strokes import draw_strokes, invent_digit

    digit = int(rng.integers(0, 10)) if digit is None else digit
    extent = float(rng.uniform(0.4, 0.6)) * size if extent is None else extent
    offset = rng.uniform(-0.15, 0.15, 2) * size if offset is None else offset
    return draw_strokes(invent_digit(digit, rng), size=size, extent=extent, width=0.07 * size, offset=offset).copy()


def judge_ink_on_paper(answer, rng):
    plain = _drawing(rng, size=56)
    scan = np.where(_drawing(rng, size=56) > 0, 30, 225).astype(np.uint8)  # grey pencil on grey paper
    scan = (scan + rng.integers(-20, 21, scan.shape)).astype(np.uint8)
    corner = _drawing(rng, size=56)
    corner[:9, :9] = 255  # the stroke leaves the canvas through the corner
    faint = (_drawing(rng, size=56) // 255 * 120).astype(np.uint8)
    cases = [(plain,), (255 - plain,), (scan,), (255 - scan,), (corner,), (255 - corner,), (faint,), (255 - faint,)]

    def by_corner(canvas):
        return 255 - canvas if canvas[0, 0] > 127 else canvas.copy()

    def by_largest(canvas):
        return 255 - canvas if canvas.max() == 255 else canvas.copy()

    def when_bright(make):
        return lambda canvas: make(canvas) if (canvas > 127).mean() > 0.5 else canvas.copy()

    compare_function(
        answer,
        _ink_on_paper,
        cases,
        {
            "you exchange always. A drawing with dark paper is right already.": lambda canvas: 255 - canvas,
            "you never exchange. On bright paper, return `255 - canvas`.": lambda canvas: canvas.copy(),
            "you decide the wrong way round: bright paper is exchanged, dark paper is not.": (
                lambda canvas: canvas.copy() if (canvas > 127).mean() > 0.5 else 255 - canvas
            ),
            "you look at one pixel, and a stroke may cover it. Most pixels are paper: look at all of them.": by_corner,
            "you look at the brightest pixel. It can be ink as well as paper: look at most of the pixels.": by_largest,
            "`-canvas` stays in uint8: 255 becomes 1, and 0 stays 0. Write `255 - canvas`.": when_bright(
                lambda canvas: np.negative(canvas)
            ),
            "`1 - canvas` is for floats from 0 to 1; in uint8 it wraps around. Write `255 - canvas`.": when_bright(
                lambda canvas: np.uint8(1) - canvas
            ),
            "subtract from 255, not from the largest value of the drawing.": when_bright(
                lambda canvas: canvas.max() - canvas
            ),
            "only black and white are left. Keep the grey values.": lambda canvas: np.where(
                _ink_on_paper(canvas) > 127, 255, 0
            ).astype(np.uint8),
            "the dtype changed: the drawing stays uint8, 0 to 255.": lambda canvas: (
                _ink_on_paper(canvas) / 255
            ).astype(np.float32),
        },
    )


# --- center
def _mass(image):
    total = image.sum()
    return float(image.sum(1) @ np.arange(28) / total), float(image.sum(0) @ np.arange(28) / total)


def _box(image):
    ink = image > 0.02
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def _canvases(rng):
    """Return drawings whose centred image does not touch the edge, and two of them lean to one side."""
    from tflite_course.pad import center_like_mnist

    found = []
    while len(found) < 6:
        canvas = _drawing(rng, size=140, digit=(7, 9, 6, None, None, None)[len(found)])
        middle = _mass(center_like_mnist(canvas))
        top, bottom, left, right = _box(center_like_mnist(canvas))
        off_box = max(abs((top + bottom) / 2 - 14), abs((left + right) / 2 - 14))
        inside = top > 0 and left > 0 and bottom < 28 and right < 28
        if inside and max(abs(m - 14) for m in middle) <= 0.6 and (len(found) > 1 or off_box >= 2):
            found.append(canvas)
    return found


def judge_center(answer, rng):
    from tflite_course.pad import center_like_mnist, resize_only

    require_function(answer)
    for canvas in _canvases(rng):
        image = _call(answer, canvas.copy())
        if type(image) is not np.ndarray or image.shape != (28, 28):
            raise Mistake(f"expected is an image, float32 (28, 28), this is {describe(image)}.")
        if image.dtype != np.float32:
            raise Mistake(f"the image is {image.dtype}, the model takes float32.")
        if not (np.isfinite(image).all() and image.min() > -0.01 and image.max() < 1.01):
            raise Mistake(f"the values go from {image.min():.3g} to {image.max():.3g}, asked is 0 to 1.")
        if image.max() < 0.05:
            raise Mistake("the image is empty, or divided by 255 twice.")
        if image.mean() > 0.5:
            raise Mistake("ink and paper are exchanged: paper is 0.")
        if np.abs(image - resize_only(canvas)).mean() < 0.01:
            raise Mistake("the canvas is only made small. Cut out the box around the ink first.")
        expected = center_like_mnist(canvas)
        top, bottom, left, right = _box(image)
        height, width = bottom - top, right - left
        right_top, right_bottom, right_left, right_right = _box(expected)
        sides = right_bottom - right_top, right_right - right_left
        if height == width == 20 and min(sides) < 17:
            raise Mistake("the digit is stretched to a square. Scale both sides by the same factor.")
        if max(height, width) > 22:
            raise Mistake(f"the longer side of the ink is {max(height, width)} pixels, asked is 20: leave a margin.")
        if max(height, width) < 18:
            raise Mistake(f"the longer side of the ink is {max(height, width)} pixels. Scale the box so that it is 20.")
        row, column = _mass(image)
        if max(abs(row - 14), abs(column - 14)) > 1.1:
            if max(abs((top + bottom) / 2 - 14), abs((left + right) / 2 - 14)) <= 1:
                raise Mistake("the box is in the middle. Asked is the centre of mass: the mean place of the ink.")
            raise Mistake(f"the centre of mass is at row {row:.1f} and column {column:.1f}, asked is 14 and 14.")

        def alike(other, image=image):
            moves = [np.roll(other, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
            return max(float((image * m).sum() / np.sqrt((image**2).sum() * (m**2).sum())) for m in moves)

        if alike(expected) < 0.8:
            turned = {"rows and columns are exchanged.": expected.T, "the digit is mirrored.": expected[:, ::-1]}
            turned["the digit stands on its head."] = expected[::-1]
            for hint, other in turned.items():
                if alike(other) > 0.8:
                    raise Mistake(hint)
            raise Mistake("size and place are right, and the picture is another one: look at it with `imshow`.")


# --- accuracy
def judge_accuracy(answer, rng):
    from tflite_course import evaluation

    require_function(answer)
    images, labels = mnist()[1]
    for _ in range(2):
        content = _model(str(rng.choice(FLOAT_MODELS)))
        count = int(rng.integers(103, 149))
        chosen = rng.choice(len(images), count, replace=False)
        known = labels[chosen].copy()
        known[: int(rng.integers(20, 60))] += 1  # labels that are wrong: an accuracy that nobody has in mind
        known %= 10
        given = images[chosen]
        digits = evaluation.predict(content, given).argmax(1)
        right = int((digits == known).sum())
        found = _call(answer, content, given, known)
        if same(found, right / count, tolerance=1e-9):
            continue
        if type(found) is int or isinstance(found, np.integer):
            hint = "this is how many are right. Divide by the number of images." if found == right else None
            raise Mistake(hint or f"a share from 0 to 1 (float) is expected, this is {describe(found)}.")
        if not isinstance(found, (float, np.floating)):
            raise Mistake(f"a share from 0 to 1 (float) is expected, this is {describe(found)}.")
        if abs(found - 100 * right / count) < 1e-6:
            raise Mistake("this is a percentage. Asked is the share, from 0 to 1.")
        if abs(found - (1 - right / count)) < 1e-9:
            raise Mistake("this is the share of wrong answers.")
        if abs(found - right / 10_000) < 1e-9 or abs(found - right / len(images)) < 1e-9:
            raise Mistake("you divide by 10,000. Divide by the number of images that were given.")
        if abs(found - right / count) < 0.006:
            raise Mistake(f"{right} of {count} are right, that is {right / count:.6f}. Do not round the share.")
        for part in (50, 100, 32, 64, 10, 20, 25, 8, 16, 1):
            if abs(found - np.mean(digits[:part] == known[:part])) < 1e-9:
                raise Mistake(f"this is the share of the first {part} images. Run all of them.")
            whole = count // part * part
            if abs(found - np.mean(digits[:whole] == known[:whole])) < 1e-9:
                raise Mistake(f"the last {count - whole} images are left out. Run the shorter batch too.")
        raise Mistake(
            f"{right} of {count} images are right, that is {right / count:.4f}; you return {describe(found)}."
        )


EXERCISES = {
    "prepare_images": Exercise(
        2,
        "prepare_images(images) on uint8 and float images, with and without batch and channel axis",
        "a wrong dtype or shape raises an error, a wrong range does not: the answers become worse without a word.",
        judge_prepare_images,
    ),
    "predict_one": Exercise(
        2,
        "predict_one(content, image) on four test images with two models",
        "these five steps are the same in every program that runs a .tflite file.",
        judge_predict_one,
    ),
    "predict_batches": Exercise(
        3,
        "predict_batches(content, images, batch) with full and shorter batches, and how often the interpreter runs",
        "a call has a cost of its own, and the last batch is nearly always shorter than the others.",
        judge_predict_batches,
    ),
    "measure": Exercise(
        3,
        "measure(run, warm_up, repeats) on a task that is slow at first and disturbed now and then",
        "the first calls and a few interruptions can make a mean larger than any call that a user sees.",
        judge_measure,
    ),
    "ink_on_paper": Exercise(
        2,
        "ink_on_paper(canvas) on drawings with dark and with bright paper, faint and noisy ones too",
        "a model that learned bright ink on dark paper guesses when it sees the opposite, and raises no error.",
        judge_ink_on_paper,
    ),
    "center": Exercise(
        3,
        "center(canvas) on six drawings: dtype, range, size of the digit, shape and centre of mass",
        "no weight changes, and most of the mistakes on drawings go away.",
        judge_center,
    ),
    "accuracy": Exercise(
        1,
        "accuracy(content, images, labels) on test images, some with a wrong label",
        "a handful of images says little: the last one, the last batch and the right divisor belong to it.",
        judge_accuracy,
    ),
}
