"""Measure int8 against float32 for lesson 05, by kernels and by the instructions that they may use.

    python -m tflite_course.authoring int8_speed        # a minute, on a machine that does nothing else

Rows of the processor that this runs on, mnist_cnn at a batch of 1, in microseconds: XNNPACK, which takes what the
processor has, and LiteRT's built-in kernels, whose matrix products the library ruy can hold to older instructions
(see tflite_course/timing.py). Each number is the median of the p50 of several turns, in each of which every row is
timed once, so that a slow minute of the machine does not fall on one row. Rows of other processors stay in
int8_speed.json: run it on another machine to add its rows, with the date and the commit as they are there.
"""

import datetime
import json
import time

import numpy as np

from tflite_course import evaluation, models, timing
from tflite_course.authoring.experiments.record import FOLDER, store
from tflite_course.machine import instruction_set

FORMS, TURNS, ROUNDS = ("float32", "int8"), 9, 500


def measure_once():
    """Return {(kernels, instructions): {form: p50}} of this processor."""
    paths = {form: models.model_path("mnist_cnn", form) for form in FORMS}
    runs = {form: evaluation.make_interpreter(path).invoke for form, path in paths.items()}
    times = timing.in_turns(runs, rounds=ROUNDS, warm_up=100)
    found = {("XNNPACK", instruction_set() or "unknown"): {form: np.median(times[form]) for form in FORMS}}
    built_in = {form: timing.latency_by_instructions(path, repeats=ROUNDS) for form, path in paths.items()}
    for name in built_in["int8"]:
        if name in built_in["float32"] and name not in timing.ANY:  # plain C++ is what no processor needs
            found["built-in", name] = {form: built_in[form][name] for form in FORMS}
    return found


def measure():
    """Return the rows of this processor."""
    turns = [measure_once() for _ in range(TURNS)]
    labels = {"processor": evaluation.machine(), "date": datetime.date.today().isoformat()}
    return [
        labels
        | {"kernels": kernels, "instructions": instructions}
        | {form: round(float(np.median([turn[kernels, instructions][form] for turn in turns])), 3) for form in FORMS}
        for kernels, instructions in turns[0]
    ]


def main():
    start, path = time.time(), FOLDER / "int8_speed.json"
    rows = measure()
    for row in rows:
        print(row)
    old = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
    others = [row for row in old if row["processor"] != rows[0]["processor"]]
    store("int8_speed", others + rows, time.time() - start, model="mnist_cnn", batch=1, turns=TURNS, rounds=ROUNDS)


if __name__ == "__main__":
    main()
