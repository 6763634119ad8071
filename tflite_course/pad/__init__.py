"""The drawing pad: strokes, the centring that MNIST's makers used, the widget, what it keeps, and photographs."""

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
from tflite_course.pad.photo import Photo, paint_photo, read_photo
from tflite_course.pad.photo_box import PhotoBox
from tflite_course.pad.shapes import SHAPES, invent_shape
from tflite_course.pad.widget import STATIC, DigitPad, PadBox, PenSlider, Recognizer

__all__ = [
    "INK",
    "SHAPES",
    "SMALLEST",
    "STATIC",
    "DigitPad",
    "EmptyDrawing",
    "Kept",
    "KeptDigits",
    "PadBox",
    "PenSlider",
    "Photo",
    "PhotoBox",
    "Recognizer",
    "center_like_mnist",
    "check_canvas",
    "find_ink",
    "invent_shape",
    "load_kept",
    "paint_photo",
    "read_photo",
    "resize_only",
    "softmax",
]
