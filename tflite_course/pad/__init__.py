"""The drawing pad: strokes, the centring that MNIST's makers used, the widget, and what it keeps."""

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
from tflite_course.pad.kept import Kept, KeptDigits, load_kept
from tflite_course.pad.widget import STATIC, DigitPad, PadBox, PenSlider, Recognizer

__all__ = [
    "INK",
    "SMALLEST",
    "STATIC",
    "DigitPad",
    "EmptyDrawing",
    "Kept",
    "KeptDigits",
    "PadBox",
    "PenSlider",
    "Recognizer",
    "center_like_mnist",
    "check_canvas",
    "find_ink",
    "load_kept",
    "resize_only",
    "softmax",
]
