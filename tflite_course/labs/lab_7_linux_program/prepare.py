"""Lab 7, prepare: a camera frame as the input tensor of whatever model is installed."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake
from tflite_course.labs.lab_7_linux_program.common import details as tensor_details


def prepare(frame, details):
    return _prepare(frame, details)


def _prepare(frame, details, *, divisor=255, to_whole=np.round, offset=1, limits=None):
    """Return a frame as the input tensor of details; the options are the mistakes that people make."""
    values = frame.astype(np.float64) / divisor
    dtype = np.dtype(details["dtype"])
    if dtype.kind != "f":
        scale, zero_point = details["quantization"]
        low, high = limits or (np.iinfo(dtype).min, np.iinfo(dtype).max)
        values = np.clip(to_whole(values / scale) + offset * zero_point, low, high).astype(np.int64)
    return values.astype(dtype).reshape(details["shape"])


def _is_float(details):
    return np.dtype(details["dtype"]).kind == "f"


def cases(rng):
    unit = float(np.float32(1 / 255))
    found = []
    for dtype, quantization, shape in (
        (np.int8, (unit, -128), (1, 28, 28, 1)),
        (np.int8, (unit, -128), (1, 28, 28)),
        (np.int8, (_scale(rng, 0.0045, 0.006), int(rng.integers(-110, -60))), (1, 28, 28, 1)),
        (np.int8, (_scale(rng, 0.002, 0.003), int(rng.integers(-60, 0))), (1, 784)),  # its grid ends below 1
        (np.uint8, (unit, 0), (1, 28, 28)),
        (np.uint8, (_scale(rng, 0.0045, 0.006), int(rng.integers(3, 50))), (1, 28, 28, 1)),
        (np.float32, (0.0, 0), (1, 28, 28)),
    ):
        frame = rng.integers(0, 256, (28, 28)).astype(np.uint8)
        frame[0, :2] = 0, 255
        found.append((frame, tensor_details(rng, dtype, quantization, shape)))
    return found


def _scale(rng, low, high):
    """Return a scale on whose grid no grey value lies near the middle of two points: rounding is never in doubt."""
    while True:
        scale = round(float(rng.uniform(low, high)), 6)
        places = np.arange(256) / 255 / scale
        if np.abs(np.abs(places - np.round(places)) - 0.5).min() > 1e-3:
            return scale


def not_divided(frame, details):
    return _prepare(frame, details, divisor=1)


def divided_by_256(frame, details):
    return _prepare(frame, details, divisor=256)


def float_not_divided(frame, details):
    return _prepare(frame, details, divisor=1 if _is_float(details) else 255)


def _float_by(frame, details, change):
    """Return the right tensor of an integer model, and of a float one what change makes of frame / 255 / scale."""
    if not _is_float(details):
        return prepare(frame, details)
    scale, zero_point = details["quantization"]
    return change(np.round(frame / 255 / scale) + zero_point).astype(np.float32).reshape(details["shape"])


def float_divided_by_its_scale(frame, details):
    return _float_by(frame, details, lambda values: values)


def float_divided_by_its_scale_and_clipped(frame, details):
    return _float_by(frame, details, lambda values: np.clip(values, -128, 127))


def float_with_limits_of_integers(frame, details):
    return _float_by(frame, details, lambda values: np.clip(values, np.iinfo(details["dtype"]).min, None))


def grey_minus_128(frame, details):
    if details["dtype"] != np.int8:
        return prepare(frame, details)
    return (frame.astype(np.int16) - 128).astype(np.int8).reshape(details["shape"])


def cast(frame, details):
    return prepare(frame, details) if _is_float(details) else frame.astype(details["dtype"]).reshape(details["shape"])


def not_clipped(frame, details):
    return _prepare(frame, details, limits=(-np.inf, np.inf))


def limits_of_int8(frame, details):
    return _prepare(frame, details, limits=(-128, 127))


def truncated(frame, details):
    return _prepare(frame, details, to_whole=np.trunc)


def no_zero_point(frame, details):
    return _prepare(frame, details, offset=0)


def zero_point_subtracted(frame, details):
    return _prepare(frame, details, offset=-1)


def no_batch_axis(frame, details):
    return prepare(frame, details).reshape(frame.shape)


def float64(frame, details):
    return (frame / 255).reshape(details["shape"]) if _is_float(details) else prepare(frame, details)


NO_SCALE = "a float model has no scale (it is 0). Return the grey values from 0 to 1 for it."

EXERCISE = Exercise(
    points=2,
    tests="prepare(frame, details) for int8, uint8 and float32 models with several scales and shapes",
    why="the model of a device is replaced while the program stays: only the model knows its scale.",
    cases=cases,
    right=prepare,
    mistakes=[
        KnownMistake("the frame goes from 0 to 255, the model learned from 0 to 1: divide by 255 first.", not_divided),
        KnownMistake("you divide by 256, the largest grey value is 255.", divided_by_256),
        KnownMistake("a float model learned from 0 to 1: divide by 255 for it too.", float_not_divided),
        KnownMistake(NO_SCALE, float_divided_by_its_scale),
        KnownMistake(NO_SCALE, float_divided_by_its_scale_and_clipped),
        KnownMistake(NO_SCALE, float_with_limits_of_integers),
        KnownMistake("`grey - 128` fits one scale and zero point. Take both from `details`.", grey_minus_128),
        KnownMistake("you cast without scale and zero point.", cast),
        KnownMistake(
            "values outside the grid wrap around. Clip to the limits of the dtype before you cast.", not_clipped
        ),
        KnownMistake(
            "you clip to -128 and 127 always. `np.iinfo(details['dtype'])` knows the limits of uint8 too.",
            limits_of_int8,
        ),
        KnownMistake("you cut the fraction off. Round to the nearest whole number.", truncated),
        KnownMistake("the zero point is missing: add it after the division.", no_zero_point),
        KnownMistake("you subtract the zero point. It is added on the way in.", zero_point_subtracted),
        KnownMistake("the shape must be that of `details`, with the batch axis.", no_batch_axis),
        KnownMistake("for a float model the result is float64: LiteRT takes float32 and converts nothing.", float64),
    ],
    tolerance=1e-6,
)
