"""Lab 2, predict_one: the logits of one image."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake, Mistake, describe, mnist, require_function, same
from tflite_course.labs.lab_2_interpreter_and_drawing.common import FLOAT_MODELS, call, model_content


def _logits(content, images):
    """Return the logits of images of any range, which evaluation.predict refuses."""
    from tflite_course import evaluation

    interpreter = evaluation.make_interpreter(content, batch=len(images))
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], images)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def _probabilities(content, images):
    logits = _logits(content, images)
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


MISTAKEN_LOGITS = [
    ("these are probabilities. Return the ten numbers as the model gives them.", _probabilities),
    (
        "the image is divided by 255 once more. It goes from 0 to 1 already.",
        lambda content, images: _logits(content, images / np.float32(255)),
    ),
    (
        "the image is multiplied by 255. The model learned from 0 to 1.",
        lambda content, images: _logits(content, images * np.float32(255)),
    ),
    (
        "rows and columns of the image are exchanged.",
        lambda content, images: _logits(content, np.ascontiguousarray(images.swapaxes(1, 2))),
    ),
    (
        "ink and paper are exchanged: hand the image on as it is.",
        lambda content, images: _logits(content, 1 - images),
    ),
]
TWO_AXES = "the result has the shape (1, 10): take its first row."


def judge(answer, rng):
    require_function(answer)
    images = mnist()[1][0]
    for name in rng.permutation(FLOAT_MODELS)[:2]:
        content = model_content(name)
        chosen = images[rng.choice(len(images), 4, replace=False)]
        found = [call(answer, content, image.copy()) for image in chosen]
        for logits in found:
            if type(logits) is np.ndarray and logits.shape == (1, 10):
                raise Mistake(TWO_AXES)
            if type(logits) is not np.ndarray or logits.shape != (10,) or logits.dtype != np.float32:
                raise Mistake(f"ten logits are expected, float32 (10,), this is {describe(logits)}.")
        _compare(np.stack(found), content, chosen)


def _compare(found, content, images):
    expected = _logits(content, images)
    if same(found, expected, tolerance=1e-3):
        return
    if np.ptp(found, axis=0).max() == 0:
        raise Mistake("four images get the same ten numbers. Set the image, then call `invoke()`, then read.")
    for hint, mistaken in MISTAKEN_LOGITS:
        values = mistaken(content, images)
        if same(found, values, tolerance=1e-3 * max(1.0, float(np.abs(values).max()))):
            raise Mistake(hint)
    raise Mistake(f"for a test image your function gives {describe(found[0])}, expected {describe(expected[0])}.")


def _one(mistaken):
    """Return an answer with a mistake that is written for many images."""
    return lambda content, image: mistaken(content, image[np.newaxis])[0]


EXERCISE = Exercise(
    points=2,
    tests="predict_one(content, image) on four test images with two models",
    why="these five steps are the same in every program that runs a .tflite file.",
    judge=judge,
    mistakes=[
        *(KnownMistake(hint, _one(mistaken)) for hint, mistaken in MISTAKEN_LOGITS),
        KnownMistake(TWO_AXES, lambda content, image: _logits(content, image[np.newaxis])),
    ],
)
