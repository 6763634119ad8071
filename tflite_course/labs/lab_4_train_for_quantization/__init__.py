"""The exercises of lab 4: fake quantization, QAT beside its control, what may be claimed, and a better range."""

from tflite_course.labs.lab_4_train_for_quantization import (
    choose_range,
    churn,
    claim,
    fake_quantize,
    int8_files,
    make_aware,
    straight_through,
    trained,
)

EXERCISES = {
    "fake_quantize": fake_quantize.EXERCISE,
    "straight_through": straight_through.EXERCISE,
    "make_aware": make_aware.EXERCISE,
    "trained": trained.EXERCISE,
    "int8_files": int8_files.EXERCISE,
    "churn": churn.EXERCISE,
    "claim": claim.EXERCISE,
    "choose_range": choose_range.EXERCISE,
}
