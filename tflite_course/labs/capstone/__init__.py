"""The exercises of the capstone: a model of your own on Fashion-MNIST, from the training to the device."""

from tflite_course.labs.capstone import (
    float_model,
    int8_model,
    recognize,
    representative_dataset,
    small_model,
    verdict,
)
from tflite_course.labs.capstone.small_model import LEVELS

__all__ = ["EXERCISES", "LEVELS"]

EXERCISES = {
    "float_model": float_model.EXERCISE,
    "representative_dataset": representative_dataset.EXERCISE,
    "int8_model": int8_model.EXERCISE,
    "verdict": verdict.EXERCISE,
    "small_model": small_model.EXERCISE,
    "recognize": recognize.EXERCISE,
}
