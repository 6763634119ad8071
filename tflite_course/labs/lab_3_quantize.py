"""The exercises of lab 3: affine arithmetic, a representative dataset, an int8 model and how to run it."""

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
    same,
)

IMAGES = 1000  # of the test set, for what has to be run


def _grid(low, high):
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / 255
    return scale, int(np.clip(np.round(-128 - low / scale), -128, 127))


def _quantize(real, scale, zero_point):
    return np.clip(np.round(real / scale) + zero_point, -128, 127).astype(np.int8)


def _dequantize(q, scale, zero_point):
    return (np.float32(scale) * (q.astype(np.int32) - zero_point)).astype(np.float32)


def judge_affine_grid(answer, rng):
    cases = [(-0.7, 2.6), (0.0, 1.0), (0.4, 1.0), (-3.0, -1.0), (-1.0, 1.0)]
    cases += [(float(-a), float(b)) for a, b in rng.uniform(0.1, 9, (6, 2)).round(2)]
    cases += [(float(a), float(a + b)) for a, b in rng.uniform(0.1, 9, (2, 2)).round(2)]

    def steps_256(low, high):
        low, high = min(low, 0.0), max(high, 0.0)
        return (high - low) / 256, int(np.clip(np.round(-128 - low / ((high - low) / 256)), -128, 127))

    def without_zero(low, high):
        scale = (high - low) / 255
        return scale, int(np.clip(np.round(-128 - low / scale), -128, 127))

    def without_zero_free(low, high):
        scale = (high - low) / 255
        return scale, int(np.round(-128 - low / scale))

    def real_zero_point(low, high):
        low, high = min(low, 0.0), max(high, 0.0)
        return (high - low) / 255, -128 - low / ((high - low) / 255)

    def unsigned(low, high):
        scale, zero_point = _grid(low, high)
        return scale, zero_point + 128

    def symmetric(low, high):
        return max(abs(low), abs(high)) / 127, 0

    zero_hint = "0.0 must lie on the grid: widen the range to include 0 before you compute the scale."
    compare_function(
        answer,
        _grid,
        cases,
        {
            "you divide by 256. 256 points have 255 gaps between them.": steps_256,
            zero_hint: without_zero,
            zero_hint + " ": without_zero_free,
            "the zero point must be a whole number (int): round it, or 0.0 is not on the grid.": real_zero_point,
            "your zero point belongs to uint8 (0 to 255). int8 goes from -128 to 127.": unsigned,
            "this is the symmetric grid. Asked is the asymmetric one, which fits low and high.": symmetric,
        },
        tolerance=1e-9,
    )


def judge_quantize(answer, rng):
    cases = [(np.array([-0.7, 0.0, 0.5, 2.6]), 0.013, -74), (np.array([3.0, -9.0, 100.0]), 0.013, -74)]
    for zero_point in (0, -128, 13):
        cases.append((rng.uniform(-4, 4, (3, 4)).round(3), float(rng.uniform(0.005, 0.03)), zero_point))

    def cast_first(real, scale, zero_point):
        return np.clip(real.astype(np.int8) / scale + zero_point, -128, 127).astype(np.int8)

    def not_clipped(real, scale, zero_point):
        return (np.round(real / scale) + zero_point).astype(np.int64).astype(np.int8)

    def truncated(real, scale, zero_point):
        return np.clip(real / scale + zero_point, -128, 127).astype(np.int8)

    def floored(real, scale, zero_point):
        return np.clip(np.floor(real / scale) + zero_point, -128, 127).astype(np.int8)

    def no_zero_point(real, scale, zero_point):
        return np.clip(np.round(real / scale), -128, 127).astype(np.int8)

    def minus_zero_point(real, scale, zero_point):
        return np.clip(np.round(real / scale) - zero_point, -128, 127).astype(np.int8)

    def clipped_early(real, scale, zero_point):
        return (np.clip(np.round(real / scale), -128, 127) + zero_point).astype(np.int64).astype(np.int8)

    def multiplied(real, scale, zero_point):
        return np.clip(np.round(real * scale) + zero_point, -128, 127).astype(np.int8)

    def still_float(real, scale, zero_point):
        return np.clip(np.round(real / scale) + zero_point, -128, 127)

    def to_uint8(real, scale, zero_point):
        return np.clip(np.round(real / scale) + zero_point, 0, 255).astype(np.uint8)

    no_clip = "values outside the range wrap around, 128 becomes -128. Clip to -128 and 127 before you cast."
    compare_function(
        answer,
        _quantize,
        cases,
        {
            "you cast to int8 before you divide by the scale, so the fractions are lost.": cast_first,
            no_clip: not_clipped,
            "you cut the fraction off. Round to the nearest whole number.": truncated,
            "you round down. Round to the nearest whole number.": floored,
            "the zero point is missing: it must be added after the division.": no_zero_point,
            "you subtract the zero point. It is subtracted on the way back, and added here.": minus_zero_point,
            "you clip before you add the zero point, so the sum leaves int8. Clip last.": clipped_early,
            "you multiply by the scale. It is the distance between two points: divide by it.": multiplied,
            "the values are right and the dtype is not: end with `.astype(np.int8)`.": still_float,
            "this is uint8, 0 to 255. Asked is int8, -128 to 127.": to_uint8,
        },
    )


def judge_dequantize(answer, rng):
    cases = [(np.array([-128, -74, 0, 127], np.int8), 0.013, -74)]
    for zero_point in (0, -128, 100):
        q = rng.integers(-128, 128, (3, 5)).astype(np.int8)
        cases.append((q, float(rng.uniform(0.005, 0.03)), zero_point))

    def wrapped(q, scale, zero_point):
        return (np.float32(scale) * (q - np.int8(zero_point))).astype(np.float32)

    def added(q, scale, zero_point):
        return (np.float32(scale) * (q.astype(np.int32) + zero_point)).astype(np.float32)

    def divided(q, scale, zero_point):
        return ((q.astype(np.int32) - zero_point) / np.float32(scale)).astype(np.float32)

    def no_zero_point(q, scale, zero_point):
        return (np.float32(scale) * q.astype(np.int32)).astype(np.float32)

    def as_float64(q, scale, zero_point):
        return scale * (q.astype(np.float64) - zero_point)

    compare_function(
        answer,
        _dequantize,
        cases,
        {
            "int8 minus int8 overflows: NumPy stays in int8. Make it float32 or int32 before you subtract.": wrapped,
            "you add the zero point. It was added on the way in: subtract it here.": added,
            "you divide by the scale. On the way back it is multiplied.": divided,
            "the zero point is missing: subtract it before you multiply.": no_zero_point,
            "the values are right and the dtype is not: return float32, as the models use it.": as_float64,
        },
        tolerance=1e-5,
    )


def judge_representative_dataset(answer, rng):
    from tflite_course.checks import check_representative_dataset
    from tflite_course.errors import CourseError

    try:
        count = check_representative_dataset(answer, (1, 28, 28))
    except CourseError as error:
        raise Mistake(str(error)) from None
    if count < 50:
        raise Mistake(f"it yields {count} images. Take at least 50, so that the largest activations are seen.")
    samples = [list(s.values()) if isinstance(s, dict) else s for s, _ in zip(answer(), range(count), strict=False)]
    seen = np.stack([np.asarray(sample[0])[0] for sample in samples])
    (x_train, _), (x_test, _) = mnist()
    if len(np.unique(seen.reshape(count, -1), axis=0)) < 0.9 * count:
        raise Mistake("it yields the same image again and again. Take different ones.")
    known = {image.tobytes() for image in x_test}
    if sum(image.astype(np.float32).tobytes() in known for image in seen) > count / 2:
        raise Mistake("these are test images. Keep those for the measurement, and calibrate with training images.")
    ink = float(seen.mean())
    if seen.max() <= 2 / 255:
        raise Mistake(f"the largest grey value is {seen.max():.4f}: you divide by 255, and load_mnist() did that.")
    if not 0.08 < ink < 0.2:
        raise Mistake(f"the mean grey value is {ink:.3f}, MNIST has {x_train.mean():.3f}: are these training images?")


def judge_int8_model(answer, rng):
    from tflite_course import evaluation

    interpreter = files.open_file(answer)
    files.require_shapes(interpreter)
    files.require_int8(interpreter)
    images, labels = mnist()[1]
    start = int(rng.integers(0, len(images) - IMAGES))
    accuracy = evaluation.accuracy(answer, images[start : start + IMAGES], labels[start : start + IMAGES])
    if accuracy < 0.97:
        raise Mistake(
            f"the model answers, with {accuracy:.1%} right: the ranges are wrong. Calibrate with images that are "
            f"prepared as in training."
        )


def judge_predict(answer, rng):
    from tflite_course import evaluation
    from tflite_course.models import model_path

    content = model_path("mnist_cnn", "int8").read_bytes()
    images = mnist()[1][0]
    chosen = rng.choice(len(images), 40, replace=False)
    given = images[chosen].copy()
    expected = evaluation.predict(content, given).argmax(1)
    source = evaluation.make_interpreter(content).get_input_details()[0]
    digits = require_returned(require_function(answer)(content, given))
    if not np.array_equal(given, images[chosen]):
        raise Mistake("your function changes the images that it is given. Work on a new array.")
    if type(digits) is list:
        digits = np.array(digits)
    if type(digits) is not np.ndarray or digits.shape != (40,) or digits.dtype.kind not in "iu":
        raise Mistake(f"40 images were given, expected are 40 digits (integers), this is {describe(digits)}.")
    if same(digits.astype(np.int64), expected.astype(np.int64)):
        return
    cast = "you cast to int8 without scale and zero point: 0..1 becomes 0, and 128..255 wraps around."
    wrong = [
        (cast, given.astype(np.int8)),
        (cast, (given * 255).astype(np.uint8).astype(np.int8)),
        (
            "the zero point of the input is missing: add it after the division.",
            np.clip(np.round(given / source["quantization"][0]), -128, 127).astype(np.int8),
        ),
    ]
    for hint, values in wrong:
        if same(digits.astype(np.int64), evaluation.invoke(content, values).argmax(1)):
            raise Mistake(hint)
    right = int((digits == expected).sum())
    raise Mistake(f"{right} of 40 digits are those that the interpreter gives: look at the dtype and the range of x.")


EXERCISES = {
    "affine_grid": Exercise(
        2,
        "affine_grid(low, high) on ranges with, without and beside zero",
        "a wrong scale saturates or wastes part of the 256 values, and nobody sees it in the shapes.",
        judge_affine_grid,
    ),
    "quantize": Exercise(
        2,
        "quantize(real, scale, zero_point) inside and outside the range",
        "this is the line that is forgotten or wrong in most programs that run an int8 model.",
        judge_quantize,
    ),
    "dequantize": Exercise(
        1,
        "dequantize(q, scale, zero_point) over all of int8",
        "NumPy keeps int8 when it subtracts, and wraps around without a word.",
        judge_dequantize,
    ),
    "representative_dataset": Exercise(
        2,
        "your representative dataset: form, dtype, range, number and origin of its samples",
        "the converter reads the ranges of all activations from it; a wrong one gives a model that guesses.",
        judge_representative_dataset,
    ),
    "int8_model": Exercise(
        3,
        "your .tflite: weights, input and output, and its accuracy on a part of the test set",
        "a microcontroller has no float input, and a model that is badly calibrated looks fine until it is measured.",
        judge_int8_model,
    ),
    "predict": Exercise(
        3,
        "predict(content, images) on an int8 model and test images",
        "on a device nobody converts the input for you.",
        judge_predict,
    ),
}
