"""What several checks of lab 2 share: the models, and a call that explains what the runtime says."""

import numpy as np

from tflite_course.labs.exercise import Mistake, require_returned

FLOAT_MODELS = ("mnist_cnn", "mnist_cnn_plain", "mnist_cnn_augmented", "mnist_ds")

# What the runtime says, and what a student probably did.
MESSAGES = {
    "Got value of type FLOAT64": "the interpreter got float64. Hand the images on as float32, as they are given.",
    "Got value of type UINT8": "the interpreter got uint8. Hand the images on as float32, as they are given.",
    "Got 2 but expected 3": "the batch axis is missing: write `image[np.newaxis]`.",
    "for dimension 0": (
        "the number of images does not fit the memory. Resize the input, allocate again, and mind the last, shorter "
        "batch."
    ),
    "Tensor data is null": "there is no result to read yet: call `invoke()` after `set_tensor`.",
    "allocate_tensors": "the tensors have no memory yet: call `allocate_tensors()` first, and again after a resize.",
    "reference to internal data": "`tensor()` gives a view, and the interpreter waits for it. Use `get_tensor()`.",
}


def model_content(name):
    """Return the bytes of a float32 model that the course ships."""
    from tflite_course.models import model_path

    return model_path(str(name)).read_bytes()


def call(answer, *arguments):
    """Return what the answer returns; a message of the runtime becomes a hint."""
    arrays = [argument for argument in arguments if type(argument) is np.ndarray]
    before = [array.copy() for array in arrays]
    try:
        value = answer(*arguments)
    except (RuntimeError, ValueError) as error:
        for part, hint in MESSAGES.items():
            if part in str(error):
                raise Mistake(hint) from None
        raise
    require_returned(value)
    if not all(np.array_equal(array, copy) for array, copy in zip(arrays, before, strict=True)):
        raise Mistake("your function changes the array that it is given. Work on a new one.")
    return value
