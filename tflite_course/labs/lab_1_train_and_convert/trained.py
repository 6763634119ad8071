"""Lab 1, trained: the student's network after one epoch."""

import functools

import numpy as np

from tflite_course.labs.exercise import Exercise, Mistake, mnist
from tflite_course.labs.lab_1_train_and_convert.common import LARGEST, require_network

ENOUGH = 0.7  # of the test images, after one epoch on 6,000 images; the model solution reaches about 0.9
OTHER_IMAGES = [
    (
        "it learned from 0 to 255 and is tested with 0 to 1. Train with x_small, which is scaled.",
        lambda images: images * 255,
    ),
    ("it learned from images with ink and paper exchanged.", lambda images: 1 - images),
    ("it learned from images with rows and columns exchanged.", lambda images: images.swapaxes(1, 2)),
]


def judge(answer, rng):
    if callable(answer) and not hasattr(answer, "get_weights"):
        raise Mistake("this is a function. Call it: `trained = build_model()`, then compile and fit.")
    if type(answer).__name__ == "History":
        raise Mistake("this is what `fit` returns. Keep the model: `trained = build_model()`, then `trained.fit(...)`.")
    model = require_network(answer)
    if any(weights.ndim >= 2 and weights.tobytes() in _shipped_weights() for weights in model.get_weights()):
        raise Mistake("these are weights of a model that the course ships. Train your own, it takes a few seconds.")
    if model.count_params() > LARGEST:
        raise Mistake(f"the network has {model.count_params():,} parameters: train the one from `build_model()`.")
    if _loses_logits(model):
        raise Mistake(
            "the loss takes the outputs for probabilities, and your network gives logits. Write "
            "`keras.losses.SparseCategoricalCrossentropy(from_logits=True)`."
        )
    images, labels = mnist()[1]
    chosen = rng.choice(len(images), 2000, replace=False)
    _check_accuracy(model, images[chosen], labels[chosen])


@functools.cache
def _shipped_weights():
    """Return the bytes of all arrays with two axes or more in the weights that the course ships."""
    import h5py

    from tflite_course.errors import CourseError
    from tflite_course.models import CHECKPOINTS
    from tflite_course.resources import resource

    found = set()

    def collect(_, item):
        if isinstance(item, h5py.Dataset) and item.ndim >= 2:
            found.add(item[()].tobytes())

    for name in CHECKPOINTS:
        try:
            with h5py.File(resource(f"assets/models/{name}.weights.h5")) as file:
                file.visititems(collect)
        except (CourseError, OSError):  # not every model of the list is shipped
            continue
    return found


def _loses_logits(model):
    """Return whether the model was compiled with a loss that takes its outputs for probabilities."""
    loss = getattr(model, "loss", None)
    if isinstance(loss, str):
        return loss in ("sparse_categorical_crossentropy", "categorical_crossentropy")
    config = loss.get_config() if hasattr(loss, "get_config") else {}
    return config.get("from_logits") is False


def _accuracy(model, images, labels):
    found = [np.asarray(model(part, training=False)).argmax(1) for part in np.split(images, 10)]
    return float(np.mean(np.concatenate(found) == labels))


def _check_accuracy(model, images, labels):
    right = _accuracy(model, images, labels)
    if right >= ENOUGH:
        return
    low = f"only {right:.1%} of {len(images):,} test images are right"
    for hint, change in OTHER_IMAGES:
        if _accuracy(model, change(images), labels) > max(right + 0.1, 0.5):
            raise Mistake(f"{low}: {hint}")
    if right < 0.2:
        raise Mistake(f"{low}: that is guessing. Did you call `fit`, with labels in the order of the images?")
    raise Mistake(
        f"{low}, {ENOUGH:.0%} are needed: train one epoch on 6,000 images, in batches of 64 or fewer, with the "
        f"optimizer adam."
    )


EXERCISE = Exercise(
    points=2,
    tests="your trained model: its loss, and its accuracy on 2,000 test images",
    why="a loss or a scale that does not fit raises no error; only the accuracy shows it.",
    judge=judge,
)
