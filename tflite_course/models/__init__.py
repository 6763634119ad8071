"""The course's trained models: their networks, checkpoints and .tflite files, and what is done to such a file."""

from tflite_course.models.as_file import answers_of
from tflite_course.models.convert import export, to_int8
from tflite_course.models.digits import (
    CHECKPOINTS,
    SMALL_NETWORKS,
    build,
    build_mnist_cnn,
    build_mnist_ds,
    build_small,
    load_model,
    model_path,
)
from tflite_course.models.files import read_model
from tflite_course.models.own import keep_model, my_model, my_tflite

__all__ = [
    "CHECKPOINTS",
    "SMALL_NETWORKS",
    "answers_of",
    "build",
    "build_mnist_cnn",
    "build_mnist_ds",
    "build_small",
    "export",
    "keep_model",
    "load_model",
    "model_path",
    "my_model",
    "my_tflite",
    "read_model",
    "to_int8",
]
