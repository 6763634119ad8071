"""Lab 2, accuracy: the share of images that a model gets right."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake, Mistake, describe, mnist, require_function, same
from tflite_course.labs.lab_2_interpreter_and_drawing.common import FLOAT_MODELS, call, model_content

HOW_MANY = "this is how many are right. Divide by the number of images."
MISTAKEN_SHARES = [  # hint, and what is returned for a bool array that says which answers are right
    ("this is a percentage. Return the share, from 0 to 1.", lambda right: 100 * right.mean()),
    ("this is the share of wrong answers.", lambda right: 1 - right.mean()),
    (
        "you divide by 10,000. Divide by the number of images that were given.",
        lambda right: right.sum() / 10_000,
    ),
]


def judge(answer, rng):
    from tflite_course import evaluation

    require_function(answer)
    images, labels = mnist()[1]
    for _ in range(2):
        content = model_content(rng.choice(FLOAT_MODELS))
        chosen = rng.choice(len(images), int(rng.integers(103, 149)), replace=False)
        known = labels[chosen].copy()
        known[: int(rng.integers(20, 60))] += 1  # labels that are wrong: an accuracy that nobody has in mind
        known %= 10
        given = images[chosen]
        right = evaluation.predict(content, given).argmax(1) == known
        _check_share(call(answer, content, given, known), right)


def _check_share(found, right):
    count, number = len(right), int(right.sum())
    if same(found, number / count, tolerance=1e-9):
        return
    if same(found, number):
        raise Mistake(HOW_MANY)
    if not isinstance(found, (float, np.floating)):
        raise Mistake(f"a share from 0 to 1 (float) is expected, this is {describe(found)}.")
    for hint, mistaken in MISTAKEN_SHARES:
        if abs(found - mistaken(right)) < 1e-6:
            raise Mistake(hint)
    if abs(found - number / count) < 0.006:
        raise Mistake(f"{number} of {count} are right, that is {number / count:.6f}. Do not round the share.")
    for part in (50, 100, 32, 64, 10, 20, 25, 8, 16, 1):
        if abs(found - right[:part].mean()) < 1e-9:
            raise Mistake(f"this is the share of the first {part} images. Run all of them.")
        whole = count // part * part
        if abs(found - right[:whole].mean()) < 1e-9:
            raise Mistake(f"the last {count - whole} images are left out. Run the shorter batch too.")
    raise Mistake(f"{number} of {count} images are right, that is {number / count:.4f}; you return {describe(found)}.")


def _share(mistaken):
    def accuracy(content, images, labels):
        from tflite_course import evaluation

        return float(mistaken(evaluation.predict(content, images).argmax(1) == labels))

    return accuracy


def how_many(content, images, labels):
    from tflite_course import evaluation

    return int((evaluation.predict(content, images).argmax(1) == labels).sum())


EXERCISE = Exercise(
    points=1,
    tests="accuracy(content, images, labels) on test images, some with a wrong label",
    why="a handful of images says little, and an accuracy needs all of them: the last batch, and the right divisor.",
    judge=judge,
    mistakes=[
        KnownMistake(HOW_MANY, how_many),
        *(KnownMistake(hint, _share(mistaken)) for hint, mistaken in MISTAKEN_SHARES),
    ],
)
