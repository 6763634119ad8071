"""The exercises of lab 2: prepare images, run the interpreter, measure its latency, and make a drawing fit."""

from tflite_course.labs.lab_2_interpreter_and_drawing import (
    accuracy,
    center,
    ink_on_paper,
    measure,
    predict_batches,
    predict_one,
    prepare_images,
)

EXERCISES = {
    "prepare_images": prepare_images.EXERCISE,
    "predict_one": predict_one.EXERCISE,
    "predict_batches": predict_batches.EXERCISE,
    "measure": measure.EXERCISE,
    "ink_on_paper": ink_on_paper.EXERCISE,
    "center": center.EXERCISE,
    "accuracy": accuracy.EXERCISE,
}
