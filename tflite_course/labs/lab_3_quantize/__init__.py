"""The exercises of lab 3: affine arithmetic, a convolution in integers, an int8 model and how to run it."""

from tflite_course.labs.lab_3_quantize import (
    affine_grid,
    convolve,
    int8_model,
    predict,
    quantize,
    representative_dataset,
)

EXERCISES = {
    "affine_grid": affine_grid.EXERCISE,
    "quantize": quantize.EXERCISE,
    "convolve": convolve.EXERCISE,
    "representative_dataset": representative_dataset.EXERCISE,
    "int8_model": int8_model.EXERCISE,
    "predict": predict.EXERCISE,
}
