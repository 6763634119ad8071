"""Build data/golden.npz: what LiteRT's reference kernels answer for the first 1,000 test images of MNIST.

    python -m tflite_course.authoring make_golden

Every target of the course is compared with these rows. About twenty seconds; the images themselves are not stored, only
their numbers. Run it again whenever a .tflite file of the five models changed. int8 rows are the same on every
processor; the float32 logits are those of an x86-64. Running it again writes the same bytes.
"""

import hashlib

import numpy as np

from tflite_course.authoring import ROOT
from tflite_course.authoring.data.idx import store
from tflite_course.datasets import load_mnist
from tflite_course.targets.golden import COUNT, golden_files, golden_images, run_litert

OUTPUT = ROOT / "data" / "golden.npz"


def main():
    arrays = {"index": np.arange(COUNT, dtype=np.int32), "labels": load_mnist()[1][1][:COUNT]}
    files = golden_files()
    for name, file in files.items():
        dtype = np.float32 if name.endswith("float32") else np.int8
        arrays[name] = run_litert(file, golden_images(dtype), "reference")
        print(f"{name}: {(arrays[name].argmax(axis=1) == arrays['labels']).sum()} of {COUNT} digits right")
    arrays["names"] = np.array(list(files))
    arrays["sha256"] = np.array([hashlib.sha256(file.read_bytes()).hexdigest() for file in files.values()])
    store(OUTPUT, arrays)


if __name__ == "__main__":
    main()
