"""Lab 2, predict_batches: the digits of many images, a batch at a time."""

import contextlib
import math

import numpy as np

from tflite_course.labs.exercise import Exercise, Mistake, describe, mnist, require_function, same
from tflite_course.labs.lab_2_interpreter_and_drawing.common import FLOAT_MODELS, call, model_content


@contextlib.contextmanager
def _counted_calls():
    """Count how often the interpreter runs: yields a list that grows by the batch of each run."""
    from ai_edge_litert.interpreter import Interpreter, SignatureRunner

    batches, invoke, run = [], Interpreter.invoke, SignatureRunner.__call__

    def counted_invoke(self):
        batches.append(int(self.get_input_details()[0]["shape"][0]))
        return invoke(self)

    def counted_run(self, **inputs):
        batches.append(len(next(iter(inputs.values()))))
        return run(self, **inputs)

    Interpreter.invoke, SignatureRunner.__call__ = counted_invoke, counted_run
    try:
        yield batches
    finally:
        Interpreter.invoke, SignatureRunner.__call__ = invoke, run


def judge(answer, rng):
    from tflite_course import evaluation

    require_function(answer)
    images = mnist()[1][0]
    cases = [(24, 8), (8 * int(rng.integers(2, 6)) + int(rng.integers(1, 8)), 8), (5, 16)]
    for count, batch in cases:
        content = model_content(rng.choice(FLOAT_MODELS))
        chosen = images[rng.choice(len(images), count, replace=False)]
        expected = evaluation.predict(content, chosen).argmax(1)
        with _counted_calls() as batches:
            digits = call(answer, content, chosen, batch)
        given = f"{count} images in batches of {batch}"
        digits = np.array(digits) if type(digits) is list else digits
        _check_shape(digits, count, batch, given)
        if not same(digits.astype(np.int64), expected.astype(np.int64)):
            raise Mistake(f"{given}: {int((digits == expected).sum())} digits are those that the interpreter gives.")
        _check_calls(batches, count, batch, given)


def _check_shape(digits, count, batch, given):
    if type(digits) is not np.ndarray:
        raise Mistake(f"{given}: {count} digits are expected, this is {describe(digits)}.")
    if digits.shape == (count, 10):
        raise Mistake("these are the logits. `argmax(axis=1)` gives the digits.")
    if digits.shape == (count // batch * batch,) and count % batch:
        raise Mistake(f"{given}: the last {count % batch} images are missing. Run the shorter batch too.")
    if digits.shape == (math.ceil(count / batch) * batch,) and count % batch:
        raise Mistake(f"{given}: {len(digits)} digits come back. Cut off those that belong to no image.")
    if digits.shape == (math.ceil(count / batch),) and digits.shape != (count,):
        raise Mistake(f"{given}: one digit for each batch comes back. Use `argmax(axis=1)`, not `argmax()`.")
    if digits.shape != (count,) or digits.dtype.kind not in "iu":
        raise Mistake(f"{given}: {count} digits (integers) are expected, this is {describe(digits)}.")


def _check_calls(batches, count, batch, given):
    """batches: the number of images in each run of the interpreter."""
    if batches and max(batches) > batch:
        raise Mistake(f"{given}: {max(batches)} images went in at once. A device has memory for `batch` images.")
    enough = math.ceil(count / batch)
    if len(batches) > enough:
        raise Mistake(
            f"{given}: the interpreter ran {len(batches)} times, {enough} are enough. Resize the input to the batch."
        )


EXERCISE = Exercise(
    points=3,
    tests="predict_batches(content, images, batch) with full and shorter batches, and how often the interpreter runs",
    why="a call has a cost of its own, and the last batch is nearly always shorter than the others.",
    judge=judge,
)
