"""The drawing pad: strokes, the centring that MNIST's makers used, and the widget that shows a model's answer."""

from tflite_course.contract import softmax
from tflite_course.pad.centring import (
    INK,
    SMALLEST,
    EmptyDrawing,
    center_like_mnist,
    check_canvas,
    find_ink,
    resize_only,
)
from tflite_course.pad.widget import STATIC, DigitPad, PenSlider, Recognizer

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
