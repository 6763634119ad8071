"""The exercises of lab 10: windows, persons held out, statistics, recall, one scale, a stream, a decision."""

from tflite_course.labs.lab_10_gestures import (
    count_steps,
    cut_windows,
    decide,
    recall,
    split_by_person,
    standardize,
    stream,
)

EXERCISES = {
    "cut_windows": cut_windows.EXERCISE,
    "split_by_person": split_by_person.EXERCISE,
    "standardize": standardize.EXERCISE,
    "recall": recall.EXERCISE,
    "count_steps": count_steps.EXERCISE,
    "stream": stream.EXERCISE,
    "decide": decide.EXERCISE,
}
