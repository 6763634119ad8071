"""Build data/fashion_mnist.npz from Debian's package dataset-fashion-mnist, which holds the four IDX files.

    python -m tflite_course.authoring make_fashion_mnist
    python -m tflite_course.authoring make_fashion_mnist --package dataset-fashion-mnist_all.deb

Needs dpkg-deb, and without --package also apt-get and a network. Takes the first TRAIN training images and the first
TEST test images in the published order. The MD5 of every whole file is compared with that of the original. Running it
again writes the same bytes.
"""

import argparse
import gzip
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tflite_course.authoring import ROOT
from tflite_course.authoring.data.idx import read_published, store

PACKAGE = "dataset-fashion-mnist"
INSIDE = "usr/share/datasets/fashion-mnist"
OUTPUT = ROOT / "data" / "fashion_mnist.npz"
TRAIN, TEST = 12_000, 2_000

# name in fashion_mnist.npz: (file in the package, MD5 of the unpacked file, how many of its entries are taken)
FILES = {
    "x_train": ("train-images-idx3-ubyte", "f4a8712d7a061bf5bd6d2ca38dc4d50a", TRAIN),
    "y_train": ("train-labels-idx1-ubyte", "9018921c3c673c538a1fc5bad174d6f9", TRAIN),
    "x_test": ("t10k-images-idx3-ubyte", "8181f5470baa50b63fa0f6fddb340f0a", TEST),
    "y_test": ("t10k-labels-idx1-ubyte", "15d484375f8d13e6eb1aabb0c3f46965", TEST),
}


def fetch(folder):
    """Download the package into a folder and return its path."""
    if shutil.which("apt-get") is None:
        sys.exit(f"apt-get is missing: give the Debian package {PACKAGE} with --package, or keep the course's file.")
    done = subprocess.run(["apt-get", "download", PACKAGE], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        sys.exit(f"apt-get cannot fetch {PACKAGE} ({last}): call `apt-get update`, and check the network.")
    return next(Path(folder).glob("*.deb"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--package", type=Path, help="a .deb that is here already")
    chosen = parser.parse_args().package
    if shutil.which("dpkg-deb") is None:
        sys.exit("dpkg-deb is missing: run this on Debian or Ubuntu, or keep the file that comes with the course.")
    arrays = {}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["dpkg-deb", "-x", str(chosen or fetch(folder)), f"{folder}/unpacked"], check=True)
        for name, (file, published, count) in FILES.items():
            content = gzip.decompress(Path(folder, "unpacked", INSIDE, f"{file}.gz").read_bytes())
            arrays[name] = read_published(file, content, published)[:count]
    store(OUTPUT, arrays)


if __name__ == "__main__":
    main()
