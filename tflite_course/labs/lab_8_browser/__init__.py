"""The exercises of lab 8: what LiteRT.js takes, a canvas, probabilities, a coarse clock, page weight and updates."""

from tflite_course.labs.lab_8_browser import (
    find_reasons,
    page_model,
    page_weight,
    plan_update,
    softmax,
    time_one,
    to_grey,
)

EXERCISES = {
    "find_reasons": find_reasons.EXERCISE,
    "page_model": page_model.EXERCISE,
    "to_grey": to_grey.EXERCISE,
    "softmax": softmax.EXERCISE,
    "time_one": time_one.EXERCISE,
    "page_weight": page_weight.EXERCISE,
    "plan_update": plan_update.EXERCISE,
}
