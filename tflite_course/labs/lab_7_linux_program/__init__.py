"""The exercises of lab 7: what is installed, a frame that may be broken, a loop that goes on, and golden vectors."""

from tflite_course.labs.lab_7_linux_program import (
    compare,
    decide,
    installed_bytes,
    prepare,
    probabilities,
    read_frame,
    serve,
)

EXERCISES = {
    "installed_bytes": installed_bytes.EXERCISE,
    "read_frame": read_frame.EXERCISE,
    "prepare": prepare.EXERCISE,
    "probabilities": probabilities.EXERCISE,
    "decide": decide.EXERCISE,
    "serve": serve.EXERCISE,
    "compare": compare.EXERCISE,
}
