"""The drawing pad: strokes, the centring that MNIST's makers used, and the widget that shows a model's answer."""

from tflite_course.pad.widget import (
    INK,
    SMALLEST,
    STATIC,
    DigitPad,
    EmptyDrawing,
    PenSlider,
    Recognizer,
    center_like_mnist,
    check_canvas,
    find_ink,
    resize_only,
    softmax,
)

__all__ = [
    "INK",
    "SMALLEST",
    "STATIC",
    "DigitPad",
    "EmptyDrawing",
    "PenSlider",
    "Recognizer",
    "center_like_mnist",
    "check_canvas",
    "find_ink",
    "resize_only",
    "softmax",
]
