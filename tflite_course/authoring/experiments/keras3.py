"""Export mnist_cnn from Keras 3 and from PyTorch in every way there is, and measure each .tflite file with LiteRT.

    python -m tflite_course.authoring keras3

The exporting runs in .venv-keras3, which the script makes (targets/keras3/environment.py; 3 GB) and the course never
uses otherwise; it takes some minutes. The files are measured here. Writes keras3.json: a row has "backend", "way" and
what came of it, "error" or "bytes", "operators", "flex", "input", "signature", "output", "mnist", "pens" (shares of
right answers) and "changed" (answers on both sets that are other than those of the course's file). The file of the
plain PyTorch module is kept as keras3_pytorch.tflite.
"""

import json
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from tflite_course.authoring.experiments import record
from tflite_course.datasets import load_mnist, load_pen_digits
from tflite_course.errors import CourseError
from tflite_course.evaluation import machine, predict
from tflite_course.lesson.graphs import operator_names
from tflite_course.models import load_model, model_path
from tflite_course.targets.keras3 import environment

BACKENDS = ("tensorflow", "torch")


def describe(path, digits, reference):
    """Return what a row says of a .tflite file. reference: {title: the answers of the course's file}."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path))
    (signature,) = interpreter.get_signature_list().values()
    names = operator_names(path)
    row = {
        "bytes": path.stat().st_size,
        "operators": len(names),
        "flex": [name for name in names if name.startswith("Flex")],
        "input": signature["inputs"][0],
        "signature": interpreter.get_input_details()[0]["shape_signature"].tolist(),
        "output": signature["outputs"][0],
    }
    try:
        answers = {title: predict(path, images).argmax(1) for title, (images, _) in digits.items()}
    except CourseError as error:
        return row | {"error": str(error)}
    row |= {title: round(float(np.mean(answers[title] == labels)), 4) for title, (_, labels) in digits.items()}
    return row | {"changed": sum(int(np.sum(answers[title] != reference[title])) for title in digits)}


def load_in_keras_2(path):
    """Return what tf_keras says of a .keras file that Keras 3 wrote."""
    try:
        load_model(path)
    except Exception as error:  # whatever Keras 2 says of a file that it does not understand
        return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
    return "it loads"


def rows_of(backend, folder, digits, reference):
    """Return (rows, versions) of a backend; its files go to the folder."""
    folder.mkdir()
    load_model("mnist_cnn").save(folder / "keras_2.keras")
    answer = json.loads(environment.run("export_models.py", backend, folder).splitlines()[-1])
    rows = []
    for row in answer["rows"]:
        if row["way"].startswith("PyTorch module"):
            shutil.copy(folder / row["file"], record.FOLDER / "keras3_pytorch.tflite")
        found = describe(folder / row.pop("file"), digits, reference) if "file" in row else {}
        rows.append({"backend": backend, **row, **found})
    if backend == "tensorflow":
        said = load_in_keras_2(folder / "keras_3.keras")
        rows.append({"backend": backend, "way": "a .keras file of Keras 3, loaded with Keras 2", "error": said})
    return rows, answer["versions"]


def main():
    start = time.perf_counter()
    environment.make()
    digits = {"mnist": load_mnist()[1], "pens": load_pen_digits()}
    course = model_path("mnist_cnn", "float32")
    reference = {title: predict(course, images).argmax(1) for title, (images, _) in digits.items()}
    rows, versions = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for backend in BACKENDS:
            found, versions = rows_of(backend, Path(folder, backend), digits, reference)
            rows += found
    for row in rows:
        print(row, flush=True)
    images = {title: len(labels) for title, (_, labels) in digits.items()}
    settings = {"processor": machine(), "environment": versions, "images": images}
    record.store("keras3", rows, time.perf_counter() - start, **settings)


if __name__ == "__main__":
    main()
