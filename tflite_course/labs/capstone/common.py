"""What all three files of the capstone are asked: how many of the test images they name right, and why so few."""

import functools

import numpy as np

from tflite_course.labs import tflite_file
from tflite_course.labs.exercise import Mistake

ACCURATE = 0.80  # of the 2,000 test images: what a short training passes with room to spare


@functools.cache
def fashion():
    """Return what load_fashion_mnist() returns, loaded once for all checks."""
    from tflite_course.datasets import load_fashion_mnist

    return load_fashion_mnist()


def require_accuracy(content, interpreter, lowest):
    """Return the accuracy; raise Mistake when it is less than asked, with the reason when it can be seen."""
    from tflite_course import evaluation

    accuracy = evaluation.accuracy(content, *fashion()[1], input_range=(0, 1))
    if accuracy >= lowest:
        return accuracy
    shipped = tflite_file.source_checkpoint(interpreter)
    if shipped:
        raise Mistake(f"these are the weights of {shipped}, which knows digits and not clothes. Train your own.")
    if interpreter.get_input_details()[0]["dtype"] == np.float32:
        _check_range(content, accuracy)
    found = f"{accuracy:.1%} of the test images are right, at least {lowest:.0%} are asked."
    if accuracy < 0.2:
        raise Mistake(f"{found} That is guessing: look at the loss (from_logits=True) and at the labels.")
    raise Mistake(f"{found} Train longer, or look at the range of the images.")


def _check_range(content, accuracy):
    """Raise Mistake when a model is clearly better on images that are prepared in another way."""
    from tflite_course import evaluation

    images, labels = fashion()[1]

    def gain(prepared):
        return np.mean(evaluation.invoke(content, prepared).argmax(1) == labels) - accuracy

    if gain(images * 255) > 0.1:
        raise Mistake("the model expects 0 to 255. Train it on what load_fashion_mnist() gives, 0 to 1.")
    if gain(1 - images) > 0.2:
        raise Mistake("the model expects dark pieces on white. Train it on the images as they are.")
