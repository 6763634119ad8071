"""Lab 2, measure: p50 and p95 of a call, after a warm-up."""

import math
import time

import numpy as np

from tflite_course.labs.exercise import Exercise, Mistake, describe, require_function
from tflite_course.labs.lab_2_interpreter_and_drawing.common import call

TRIES = 5  # two, and more only on a machine that is found busy


class _Task:
    """A task to measure: slow at first, then mostly fast. It notes how long each call really took."""

    def __init__(self, rng, warm_up, repeats):
        self.fast = float(rng.uniform(0.0018, 0.003))
        plan = np.full(repeats, self.fast)
        slow = rng.permutation(repeats)[: math.ceil(repeats * 0.15)]
        plan[slow] = 5 * self.fast
        plan[slow[0]] = 20 * self.fast
        self.plan, self.took = [12 * self.fast] * warm_up + plan.tolist(), []

    def __call__(self):
        start = time.perf_counter_ns()
        time.sleep(self.plan[len(self.took)] if len(self.took) < len(self.plan) else self.fast)
        self.took.append((time.perf_counter_ns() - start) / 1000)

    def was_disturbed(self):
        """Return whether the calls took clearly longer than they sleep: other work holds the processor."""
        return len(self.took) > 0 and sum(self.took) > 1.1e6 * sum(self.plan[: len(self.took)])


def judge(answer, rng):
    """Judge up to TRIES times: a busy machine disturbs a measurement, a mistake stays."""
    require_function(answer)
    for left in reversed(range(TRIES)):
        warm_up, repeats = int(rng.integers(8, 12)), int(rng.integers(80, 90))
        task = _Task(rng, warm_up, repeats)
        try:
            return _judge_once(answer, task, warm_up, repeats)
        except Mistake:
            if not left or (left < TRIES - 1 and not task.was_disturbed()):
                raise


def _judge_once(answer, task, warm_up, repeats):
    found = call(answer, task, warm_up, repeats)
    _check_calls(len(task.took), warm_up, repeats)
    if type(found) not in (tuple, list) or len(found) != 2:
        raise Mistake(f"two numbers are expected, p50 and p95, this is {describe(found)}.")
    if not all(isinstance(value, (float, np.floating)) for value in found):
        raise Mistake(f"two numbers with a fraction (float) are expected, this is {describe(tuple(found))}.")
    _check_times(found, np.array(task.took), warm_up)


def _check_calls(calls, warm_up, repeats):
    if calls == 0:
        raise Mistake("your function never calls `run()`. Time the call itself, with the brackets.")
    if calls == 1:
        raise Mistake("your function calls `run()` once. One call says nothing: repeat it.")
    if calls == repeats:
        raise Mistake(
            f"there is no warm-up: {calls} calls instead of {warm_up} that do not count and {repeats} that do."
        )
    if calls != warm_up + repeats:
        raise Mistake(f"your function calls `run()` {calls} times instead of {warm_up} + {repeats} times.")


def _fits(found, times, p50=50, p95=95, scale=1.0):
    """Return whether two numbers are percentiles of times, in microseconds times scale."""
    for value, share in zip(found, (p50, p95), strict=True):
        # between neighbouring ranks, and up to 450 us for the clock, the way to the caller and a busy processor
        low, high = np.percentile(times, [max(share - 3, 0), min(share + 3, 100)])
        if not low * 0.98 * scale <= value <= (high * 1.02 + 450) * scale:
            return False
    return True


def _check_times(found, took, warm_up):
    """found: the two numbers of the student; took: microseconds of each call, those of the warm-up first."""
    counted = took[warm_up:]
    p50, p95 = np.percentile(counted, [50, 95])
    nearer_with_warm_up = abs(found[1] - np.percentile(took, 95)) < abs(found[1] - p95)
    if _fits(found, counted) and not nearer_with_warm_up:
        return
    for unit, scale in (("nanoseconds", 1000), ("milliseconds", 1e-3), ("seconds", 1e-6)):
        if _fits(found, counted, scale=scale):
            raise Mistake(f"these are {unit}. Microseconds are needed.")
    if _fits(found, took):
        raise Mistake("the calls of the warm-up are among the times. Throw them away before you compute p95.")
    if _fits(found, counted, 0.5, 0.95):
        raise Mistake("`np.percentile` counts from 0 to 100: 0.95 is nearly the fastest call. Write 50 and 95.")
    if abs(found[0] - counted.mean()) < 0.1 * counted.mean():
        raise Mistake("the first number is the mean. A few slow calls lift it; p50 is the median.")
    if _fits(found, counted, 95, 50):
        raise Mistake("the two numbers are exchanged: p50 comes first.")
    if found[1] > 0.95 * counted.max():
        raise Mistake("the second number is the slowest call. p95 lets the slowest twentieth out.")
    raise Mistake(
        f"your function finds {describe(tuple(found))}; the calls took {p50:.0f} microseconds at p50 and {p95:.0f} at "
        f"p95."
    )


EXERCISE = Exercise(
    points=3,
    tests="measure(run, warm_up, repeats) on a task that is slow at first and disturbed now and then",
    why="the first calls and a few interruptions can make a mean larger than any call that a user sees.",
    judge=judge,
)
