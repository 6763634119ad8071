"""Our lessons against the official tutorials, on this machine in one run: `python -m tests.benchmarks.lessons`.

    make benchmark-lessons
    make benchmark-lessons OFFICIAL=folder      # with the official notebooks, which are not part of the course

It runs lessons 05 to 08 and what goes deeper than 09, and prints, topic by topic, the seconds of its cells (tagged
"topic-..." in the notebook, imports and loading included), the bytes and the accuracy of the model that comes out. With
a folder it runs the official notebooks found there too, and prints ratios of both runs; without, ratios to the seconds
that those notebooks took once, on another two-core machine. Nothing is asserted: times depend on the machine.
"""

import argparse
import datetime
import json
import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tests import ROOT
from tests.tools.lessons import notebook_path
from tflite_course import evaluation
from tflite_course.authoring import kernels  # noqa: F401  the same environment as in the tests

TARGET = 1 / 3

# topic: our lesson, its tag, the variable that holds the topic's .tflite, the official notebook, its seconds once
TOPICS = {
    "integer quantization": (
        "05_post_training_quantization",
        "topic-integer-quantization",
        "int8_file",
        "post_training_integer_quant.ipynb",
        52,
    ),
    "QAT": ("06_quantization_aware_training", "topic-qat", "qat_int8", "training_example.ipynb", 25),
    "pruning": ("07_pruning", "topic-pruning", "mine", "pruning_with_keras.ipynb", None),
    "2:4 sparsity": ("07_pruning", "topic-2-4-sparsity", "two_four", "pruning_with_sparsity_2_by_4.ipynb", 223),
    "clustering": ("08_weight_clustering", "topic-clustering", "clustered_bytes", "clustering_example.ipynb", 115),
    "pruning-preserving QAT": ("09_combining_steps", "topic-pqat", "pqat", "pqat_example.ipynb", 240),
}

# Before an official notebook: MNIST from the course's file, Keras 2, and no pip.
PREAMBLE = """
import os
os.environ["TF_USE_LEGACY_KERAS"] = "1"
import numpy as _np
import tf_keras as _keras
def _load_data(path="mnist.npz"):
    stored = _np.load({data!r})
    return (stored["x_train"], stored["y_train"]), (stored["x_test"], stored["y_test"])
_keras.datasets.mnist.load_data = _load_data
import tensorflow as _tf
_tf.keras.datasets.mnist.load_data = _load_data
"""

# After it: every .tflite that the notebook left behind, as bytes or as a file.
HARVEST = """
import json as _json, pathlib as _path
def _content(value):
    if isinstance(value, (str, _path.Path)) and str(value).endswith(".tflite") and _path.Path(value).is_file():
        value = _path.Path(value).read_bytes()
    return value if isinstance(value, bytes) and value[4:8] == b"TFL3" else None
from tflite_course import evaluation as _evaluation
from tflite_course.datasets import load_mnist as _load_mnist
_test = _load_mnist()[1]
_found = []
for _name, _value in list(globals().items()):
    if {wanted} and (_model := _content(_value)):
        try:
            _accuracy = _evaluation.accuracy(_model, *_test)
        except Exception as _error:
            print("not measured:", _name, _error)
            continue
        _found.append({{"name": _name, "accuracy": _accuracy, **_evaluation.size_ledger(_model)}})
print("FOUND" + _json.dumps(_found))
"""


def run(notebook, folder, wanted):
    """Execute all cells; return (seconds of each code cell, the .tflite models that are left, as measured)."""
    notebook.cells.append(nbformat.v4.new_code_cell(HARVEST.format(wanted=wanted)))
    client = NotebookClient(
        notebook,
        timeout=1800,
        kernel_name="python3",
        record_timing=True,
        extra_arguments=["--IPKernelApp.capture_fd_output=False"],
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    text = "".join(output.get("text", "") for output in cells[-1].outputs)
    return [duration(cell) for cell in cells[:-1]], json.loads(text.split("FOUND", 1)[1])


def duration(cell):
    times = cell.metadata["execution"]
    begin, end = (datetime.datetime.fromisoformat(times[k]) for k in ("iopub.status.busy", "iopub.status.idle"))
    return (end - begin).total_seconds()


def run_lesson(name):
    """Return ({tag: seconds}, seconds in all, models): imports and loading count for every topic of the lesson."""
    path = notebook_path(name)
    notebook = nbformat.read(path, as_version=4)
    tags = [cell.metadata.get("tags", []) for cell in notebook.cells if cell.cell_type == "code"]
    times, models = run(notebook, path.parent, "not _name.startswith('_')")
    topics = {tag for cell in tags for tag in cell if tag.startswith("topic-")}
    seconds = {
        topic: sum(time for time, cell in zip(times, tags, strict=True) if topic in cell or "topic-all" in cell)
        for topic in topics
    }
    return seconds, sum(times), {model["name"]: model for model in models}


def run_official(path):
    """Return (seconds in all, models) of an official notebook, which is run as it is but for pip and the data."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            lines = cell.source.splitlines()
            cell.source = "\n".join("pass" if line.strip().startswith(("!", "%")) else line for line in lines)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(PREAMBLE.format(data=str(ROOT / "data/mnist.npz"))))
    times, models = run(notebook, path.parent, "True")
    return sum(times), models


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--official", type=Path, help="folder with the official notebooks, at any depth")
    parser.add_argument("--topics", nargs="*", choices=list(TOPICS), default=list(TOPICS))
    options = parser.parse_args()
    os.environ["PYTHONPATH"] = str(ROOT)
    print(evaluation.machine())
    lessons = {}
    for topic in options.topics:
        lesson, tag, variable, official, seconds_once = TOPICS[topic]
        if lesson not in lessons:
            lessons[lesson] = run_lesson(lesson)
            print(f"{lesson}: {lessons[lesson][1]:.1f} s in all", flush=True)
        seconds, models = lessons[lesson][0].get(tag), lessons[lesson][2]
        ours = models.get(variable)
        if seconds is None or ours is None:
            print(f"{topic}: the lesson has no cell tagged {tag} or no model {variable}: fix TOPICS or the lesson")
            continue
        line = (
            f"{topic:24} ours {seconds:6.1f} s {ours['bytes']:8,} bytes {ours['gzip']:8,} gzip {ours['accuracy']:.2%}"
        )
        found = sorted(options.official.rglob(official)) if options.official else []
        if found:
            try:
                their_seconds, their_models = run_official(found[0])
            except CellExecutionError as error:
                print(line, f"official: {official} fails, {str(error).strip().splitlines()[-1]}", flush=True)
                continue
            print(line)
            for model in their_models:
                print(f"{'':24} official {model['name']}: {model['bytes']:,} bytes {model['gzip']:,} gzip", end=" ")
                print(f"{model['accuracy']:.2%}, bytes ours/official {ours['bytes'] / model['bytes']:.2f}")
        else:
            print(line)
            their_seconds = seconds_once
        if their_seconds:
            ratio = seconds / their_seconds
            where = "this run" if found else "measured once elsewhere"
            verdict = "met" if ratio <= TARGET else "MISSED"
            print(
                f"{'':24} time ours/official {ratio:.2f} ({their_seconds:.0f} s, {where}); a third: {verdict}",
                flush=True,
            )


if __name__ == "__main__":
    main()
