"""The exercises of lab 9: a model in C, the memory of a board, and integer arithmetic that is right to the last bit."""

from tflite_course.labs.lab_9_microcontroller import (
    arena_bytes,
    dense,
    fits,
    fold_bias,
    multiplier_and_shift,
    rescale,
    to_c_array,
)

EXERCISES = {
    "to_c_array": to_c_array.EXERCISE,
    "arena_bytes": arena_bytes.EXERCISE,
    "fits": fits.EXERCISE,
    "multiplier_and_shift": multiplier_and_shift.EXERCISE,
    "rescale": rescale.EXERCISE,
    "fold_bias": fold_bias.EXERCISE,
    "dense": dense.EXERCISE,
}
