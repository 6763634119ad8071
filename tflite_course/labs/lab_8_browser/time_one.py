"""Lab 8, time_one: the time of one run, by a clock that is coarser than the run."""

import numpy as np

from tflite_course.labs.exercise import Exercise, Mistake, describe, require_function, require_returned


class Browser:
    """A clock that ticks in whole milliseconds, and a run that is slow at first. It never waits."""

    MOST = 100_000

    def __init__(self, rng, slow):
        self.cost = float(rng.uniform(0.035, 0.055))
        self.slow, self.now = slow, float(rng.uniform(10, 11))
        self.runs = self.reads = self.idle = 0
        self.began = None

    def run(self):
        self.runs, self.idle = self.runs + 1, 0
        self.now += self.cost * (3 if self.runs <= self.slow else 1)
        if self.runs > self.MOST:
            hint = "you never read `clock()`" if not self.reads else "it does not end when `least` has passed"
            raise Mistake(f"`run()` is called {self.MOST:,} times: {hint}.")

    def clock(self):
        self.began = self.now if self.began is None else self.began
        self.reads, self.idle = self.reads + 1, self.idle + 1
        if self.idle > 10_000:
            raise Mistake("you read the clock again and again, and run nothing in between.")
        return float(int(self.now))


def judge(answer, rng):
    require_function(answer)
    for least in (60, 90):
        warm_up = int(rng.integers(200, 300))
        browser = Browser(rng, warm_up)
        found = require_returned(answer(browser.run, browser.clock, warm_up, least))
        if not isinstance(found, (int, float, np.integer, np.floating)) or isinstance(found, bool):
            raise Mistake(f"one number is expected, milliseconds, this is {describe(found)}.")
        _require_both_used(browser, least)
        if not _is_right(float(found), browser, warm_up, least):
            _explain(float(found), browser, warm_up, least)


def _near(found, value):
    return abs(found - value) <= 0.03 * value


def _require_both_used(browser, least):
    if not browser.runs:
        raise Mistake("you never call `run()`. Time the call itself, with the parentheses.")
    if not browser.reads:
        raise Mistake("you never read `clock()`. Take the clock that is given, not `time`.")
    if browser.runs == 1:
        _refuse_one_run(browser, least)


def _refuse_one_run(browser, least):
    raise Mistake(
        f"you time one run of {browser.cost:.3f} ms, and the clock ticks once a millisecond. Run until {least} ms have "
        f"passed."
    )


def _is_right(found, browser, warm_up, least):
    counted = browser.runs - warm_up
    return counted > 1 and _near(found, browser.cost) and counted * browser.cost >= 0.9 * least


def _explain(found, browser, warm_up, least):
    """Raise Mistake that says why a number of milliseconds is wrong."""
    counted, cost = browser.runs - warm_up, browser.cost
    spent = counted * cost
    if counted == 1:
        _refuse_one_run(browser, least)
    elapsed = browser.now - browser.began  # since the clock was read for the first time
    if elapsed > spent + cost and any(_near(found, elapsed / n) for n in (counted, browser.runs) if n > 0):
        raise Mistake(
            f"the first {warm_up} runs are slow, and they are in your time. Call them before you read the clock."
        )
    if counted <= 0 or spent < 0.9 * least:
        raise Mistake(
            f"`run()` is called {browser.runs} times, {warm_up} of them to warm up. Go on until {least} ms have passed."
        )
    if found == 0:
        raise Mistake("you clock each run alone: most take 0 ticks. Clock many runs at once and divide.")
    for unit, factor in (("seconds", 1e-3), ("microseconds", 1e3), ("nanoseconds", 1e6)):
        if _near(found, cost * factor):
            raise Mistake(f"these are {unit}. Return milliseconds, as the clock gives them.")
    if _near(found, spent):
        raise Mistake(f"this is the time of all {counted} runs. Divide by their number.")
    if _near(found, 1 / cost):
        raise Mistake("these are runs in a millisecond. Return the milliseconds of one run.")
    if _near(found, spent / browser.runs):
        raise Mistake(f"you also divide by the {warm_up} runs before. Divide by those that were timed.")
    raise Mistake(f"your function finds {describe(found)} ms, one run takes {cost:.4f} ms.")


EXERCISE = Exercise(
    points=2,
    tests="time_one(run, clock, warm_up, least) with a clock of whole milliseconds and first runs that are slow",
    why="one run is shorter than a tick of the clock, and the first ones are still being compiled.",
    judge=judge,
)
