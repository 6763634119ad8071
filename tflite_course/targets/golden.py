"""Golden vectors: what the reference runtime answers for 1,000 test images, and how a target compares with it.

    python -m tflite_course.targets.golden

compares the machine that it runs on, a Raspberry Pi for example: it needs ai-edge-litert and numpy only.
data/golden.npz holds the answers (authoring/data/make_golden.py makes it), assets/targets/ how each target compared.
"""

import argparse
import datetime
import hashlib
import io
import json
import platform
import zipfile
import zlib
from pathlib import Path

import numpy as np

from tflite_course.contract import Runner, contract_for
from tflite_course.datasets import load_mnist
from tflite_course.errors import CourseError
from tflite_course.machine import processor
from tflite_course.models import model_path
from tflite_course.resources import ROOTS, resource

# The models that golden vectors are shipped for; all are int8 inside and outside.
MODELS = ("mnist_cnn", "mnist_ds", "mnist_small", "mnist_tiny", "mnist_nano")
COUNT = 1000

# What LiteRT calls its three sets of kernels.
KERNELS = {
    "reference": "BUILTIN_REF",
    "built-in": "BUILTIN_WITHOUT_DEFAULT_DELEGATES",
    "XNNPACK": "AUTO",
}


def golden_files():
    """Return {name in golden.npz: path of the .tflite file}: the five int8 models and mnist_cnn in float32."""
    files = {name: model_path(name, "int8") for name in MODELS}
    return {**files, "mnist_cnn_float32": model_path("mnist_cnn", "float32")}


def golden_images(dtype=np.int8):
    """Return the images of the golden vectors, (1000, 28, 28): the first test images of MNIST.

    dtype: int8 gives grey - 128, what the int8 models take; uint8 the grey values; float32 grey / 255.
    """
    grey = load_mnist(raw=True)[1][0][:COUNT]
    if dtype == np.float32:
        return grey / np.float32(255)
    return grey if dtype == np.uint8 else (grey.astype(np.int16) - 128).astype(np.int8)


def load_golden():
    """Return data/golden.npz as a dict of arrays.

    "index": int32 (1000,), numbers of images in MNIST's test set; "labels": int64 (1000,);
    a name of MODELS: int8 (1000, 10), the output rows of LiteRT's reference kernels; "mnist_cnn_float32": float32
    (1000, 10), logits of the float32 file by the same kernels.
    Raises CourseError when the file is missing, damaged or was made of other models than those that are here.
    """
    path = resource("data/golden.npz")
    cure = (
        "`git checkout -- data/golden.npz` restores it, `python -m tflite_course.authoring make_golden` makes it anew"
    )
    try:
        with np.load(io.BytesIO(path.read_bytes())) as arrays:
            content = dict(arrays)
        known = dict(zip(content.pop("names").tolist(), content.pop("sha256").tolist(), strict=True))
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error):
        raise CourseError(f"{path.name} is damaged: {cure}.") from None
    for name, file in golden_files().items():
        if known.get(name) != hashlib.sha256(file.read_bytes()).hexdigest():
            raise CourseError(f"{path.name} was made with another {file.name} than the one here: {cure}.")
    return content


def run_litert(model, values, kernels="reference"):
    """Return the raw output rows of a .tflite model for values, one at a time, on one thread.

    values: (n, 28, 28) in the dtype of the model's input. kernels: a key of KERNELS.
    Raises CourseError for a damaged model, one that LiteRT cannot run, values of another shape or dtype, and kernels
    that LiteRT does not have.
    """
    if kernels not in KERNELS:
        raise CourseError(f"LiteRT has no kernels '{kernels}': choose from {', '.join(KERNELS)}.")
    values = np.asarray(values)
    return Runner(contract_for(model, values), batch=1, kernels=KERNELS[kernels])(values)


def agreement(rows, expected):
    """Count how many output rows of a target are the expected ones: return a dict of numbers.

    rows, expected: (n, 10), both int8 or both float32. "bit_exact": rows with ten equal values; "within_1": rows
    whose values differ by 1 at most (None for floats); "argmax": rows with the same digit; "largest": the largest
    difference of two values; "of": n.
    Raises CourseError for another shape or dtype: uint8 rows minus 128 are int8 rows.
    """
    rows, expected = np.asarray(rows), np.asarray(expected)
    if rows.shape != expected.shape or rows.dtype != expected.dtype or rows.dtype not in (np.int8, np.float32):
        raise CourseError(
            f"The rows are {rows.dtype} {rows.shape}, expected are {expected.dtype} {expected.shape}: "
            f"give one row for each golden image, in the dtype of the golden rows."
        )
    exact = rows.dtype == np.int8
    difference = np.abs(rows.astype(np.float64) - expected).max(axis=1)
    return {
        "bit_exact": int((difference == 0).sum()),
        "within_1": int((difference <= 1).sum()) if exact else None,
        "argmax": int((rows.argmax(axis=1) == expected.argmax(axis=1)).sum()),
        "largest": int(difference.max()) if exact else float(np.format_float_scientific(difference.max(), 1)),
        "of": len(rows),
    }


def store_target(path, rows, *, command, versions, **more):
    """Write what was measured on a target to a .json file, with today's date and this processor, and print its size.

    rows: a list of {"runtime", "model", "against", ...}, the rest from agreement(). command: how to repeat it.
    versions: {package or tool: version}. more: other measurements, kept under their names.
    """
    for row in rows:
        missing = {"runtime", "model", "against", "bit_exact", "within_1", "argmax", "of"} - set(row)
        if missing:
            raise CourseError(f"A row of {path.name} has no {', '.join(sorted(missing))}: add it.")
    date = datetime.date.today().isoformat()
    about = {"date": date, "processor": processor()}
    record = {**about, "command": command, "versions": versions, "rows": rows, **more}
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"{path.name}: {len(rows)} rows, {path.stat().st_size:,} bytes")


def stored_targets():
    """Return {target: record} of every file in assets/targets/, in the order of their names."""
    folder = next((root / "assets" / "targets" for root in ROOTS if (root / "assets" / "targets").is_dir()), None)
    files = sorted(folder.glob("*.json")) if folder else []
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in files}


def measure(models=MODELS, kernels=tuple(KERNELS), count=COUNT):
    """Run models with LiteRT on this machine: return (rows for store_target, {"model, kernels": output rows})."""
    expected, images = load_golden(), golden_images()[:count]
    rows, outputs = [], {}
    for name in models:
        for kind in kernels:
            found = outputs[f"{name}, {kind}"] = run_litert(model_path(name, "int8"), images, kind)
            row = {"runtime": f"LiteRT {kind}, {architecture()}", "model": name, "against": "LiteRT reference"}
            rows.append(row | agreement(found, expected[name][:count]))
    return rows, outputs


def architecture():
    """Return this machine's processor family under its usual name: "x86-64", "aarch64" or what Python calls it."""
    return {"x86_64": "x86-64", "AMD64": "x86-64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())


def matrix(rows, what="bit_exact"):
    """Return rows of store_target as text: a line for each runtime, a column for each model.

    what: "bit_exact", "within_1", "argmax" or "largest". "-": not measured.
    """
    cells = {(row["runtime"], row["model"]): row[what] for row in rows}
    runtimes = list(dict.fromkeys(row["runtime"] for row in rows))
    names = [name for name in (*MODELS, "mnist_cnn_float32") if any(name == row["model"] for row in rows)]
    width = max(len(what), *(len(runtime) for runtime in runtimes))
    lines = [f"{what:{width}}  " + "  ".join(f"{name:>11}" for name in names)]
    for runtime in runtimes:
        found = (cells.get((runtime, name)) for name in names)
        texts = ("-" if value is None else f"{value:,}" for value in found)
        lines.append(
            f"{runtime:{width}}  "
            + "  ".join(f"{text:>{max(11, len(name))}}" for text, name in zip(texts, names, strict=True))
        )
    return "\n".join(lines)


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Compare LiteRT on this machine with the golden vectors.")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--count", type=int, default=COUNT, help=f"how many images, at most {COUNT}")
    parser.add_argument("--rows", type=Path, metavar="FILE.npz", help="store the output rows too")
    arguments = parser.parse_args(arguments)
    rows, outputs = measure(arguments.models, count=arguments.count)
    print("\n\n".join(matrix(rows, what) for what in ("bit_exact", "within_1", "argmax")))
    if arguments.rows:
        np.savez(arguments.rows, **outputs)


if __name__ == "__main__":
    main()
