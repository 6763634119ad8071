"""The exercises of lab 1: split and scale, build and train, find confusions, convert, read a file, fix the batch."""

from tflite_course.labs.lab_1_train_and_convert import (
    build_model,
    convert,
    convert_for_one,
    most_confused,
    read_file,
    split_and_scale,
    trained,
)

EXERCISES = {
    "split_and_scale": split_and_scale.EXERCISE,
    "build_model": build_model.EXERCISE,
    "trained": trained.EXERCISE,
    "most_confused": most_confused.EXERCISE,
    "convert": convert.EXERCISE,
    "read_file": read_file.EXERCISE,
    "convert_for_one": convert_for_one.EXERCISE,
}
