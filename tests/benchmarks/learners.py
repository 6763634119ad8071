"""Ten scripted first-time readers go through lessons; who reached the product is kept in tests/tools/learners.json.

    python -m tests.benchmarks.learners                     all of them, through all lessons of the second edition
    python -m tests.benchmarks.learners 03 04 --learner 3 7 two of them, through two lessons
    python -m tests.benchmarks.learners 03 --learner 3 --plan  what the third one does there

A reader keeps a folder over the lessons of one run, so the model that is trained in 01 is there in 02 and later.
Whoever begins with a later lesson finds a stand-in for it, or nothing, as the reader's plan says.
"""

import argparse
import datetime
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests import ROOT
from tests.notebooks.learners import LEARNERS, Reading, code_cells, described
from tests.tools.lessons import deeper_files, lesson_files, number_of
from tests.tools.minutes import LEARNED, OVERVIEW, SECOND_EDITION, overview, read_learned
from tflite_course.machine import processor

# The plain model stands in for one of the reader's own: another than the course's, and as good as theirs.
STAND_IN = """
import shutil
from tflite_course.models import keep_model, load_model, model_path
keep_model(load_model("mnist_cnn_plain"))
shutil.copy(model_path("mnist_cnn_plain"), "work/my_mnist.tflite")
"""


def chosen(numbers):
    """Return the names of lessons and deeper notebooks whose names begin so, by default the second edition."""
    names = [path.stem for path in [*lesson_files(), *deeper_files()]]
    if not numbers:
        return list(SECOND_EDITION)
    found = [name for name in names if any(name == n or (n.isdigit() and name in of_lesson(n)) for n in numbers)]
    if not found:
        raise SystemExit(f"There is no lesson {' or '.join(numbers)}.")
    return found


def of_lesson(number):
    """Return the name of the lesson with a number, as a list."""
    return [path.stem for path in lesson_files() if number_of(path.stem) == int(number)]


def prepare_folder(folder, learner, name, stand_in):
    """Return the folder in which a reader opens a lesson: with an own model, or without anything of earlier lessons."""
    if not learner.own:
        folder = folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    if number_of(name) > 1:
        (folder / "work").mkdir(exist_ok=True)
        for file in ("my_mnist.keras", "my_mnist.tflite"):
            if not (folder / "work" / file).is_file():
                shutil.copy(stand_in() / file, folder / "work" / file)
    return folder


def make_stand_in(folder):
    """Return a function that returns the folder with the stand-in's files, made when it is first asked."""

    def work():
        if not (folder / "work").is_dir():
            folder.mkdir()
            environment = {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
            subprocess.run([sys.executable, "-c", STAND_IN], cwd=folder, env=os.environ | environment, check=True)
        return folder / "work"

    return work


def processor_seconds():
    """Return the processor time of this process and of all kernels that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def store(name, row):
    """Put the outcome of a reader in a lesson into learners.json; those of other cells than today's are forgotten."""
    record, cells = read_learned(), [cell.id for cell in code_cells(name)]
    entry = record.setdefault(name, {})
    rows = entry.get("learners", []) if entry.get("cells") == cells else []
    rows = [other for other in rows if other["learner"] != row["learner"]] + [row]
    order = [learner.name for learner in LEARNERS]
    record[name] = {"cells": cells, "learners": sorted(rows, key=lambda row: order.index(row["learner"]))}
    LEARNED.write_text(json.dumps(dict(sorted(record.items())), indent=1) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", metavar="NN", help="numbers of lessons, or names of notebooks")
    parser.add_argument("--learner", type=int, nargs="*", metavar="N", help="1 to 10; all of them by default")
    parser.add_argument("--plan", action="store_true", help="print what they do, and run nothing")
    options = parser.parse_args()
    numbers = options.learner or range(1, len(LEARNERS) + 1)
    if not set(numbers) <= set(range(1, len(LEARNERS) + 1)):
        raise SystemExit(f"There are learners 1 to {len(LEARNERS)}.")
    learners, failed = [LEARNERS[number - 1] for number in numbers], 0
    with tempfile.TemporaryDirectory(prefix="learners-", ignore_cleanup_errors=True) as folder:
        stand_in = make_stand_in(Path(folder, "stand_in"))
        for name in chosen(options.lessons):
            for number, learner in zip(numbers, learners, strict=True):
                if options.plan:
                    print(f"{number}. {learner.name}, {name}", *described(learner, name), sep="\n  ")
                    continue
                start = processor_seconds()
                place = prepare_folder(Path(folder, learner.name), learner, name, stand_in)
                runs, outcome = Reading(learner, name, place).outcome()
                seconds = processor_seconds() - start
                who = f"{name}: {number}. {learner.name}"
                print(f"{who}: {runs} cells, {seconds:.0f} s of a core, {outcome}", flush=True)
                failed += outcome != "reached"
                command = " ".join(["python -m tests.benchmarks.learners", *sys.argv[1:]])
                about = {"date": datetime.date.today().isoformat(), "processor": processor(), "command": command}
                store(name, {"learner": learner.name, "cells": runs, "outcome": outcome, **about})
    if not options.plan:
        OVERVIEW.write_text(overview(), encoding="utf-8")
    raise SystemExit(failed > 0)


if __name__ == "__main__":
    main()
