"""Measure CompiledModel on the GPU backend through SwiftShader against the CPU, and write gpu.json.

    python -m tflite_course.authoring gpu

It needs Chromium, which brings SwiftShader along. "rows": the golden images. The other entries are what the notebook
03, deeper: Accelerators computes where SwiftShader is found, and shows where it is not.
"""

import re
import subprocess
from importlib.metadata import version

import numpy as np
import tensorflow as tf

from tflite_course.authoring import ROOT
from tflite_course.errors import CourseError
from tflite_course.lesson import message_of
from tflite_course.models import load_model, model_path
from tflite_course.models.flatbuffer import first_operators
from tflite_course.targets import golden, gpu
from tflite_course.targets.browser import find_chromium

COUNT = 200


def convert():
    """Return the bytes of (mnist_cnn with a batch of one, the same that answers with a 1 at the digit)."""
    network = load_model("mnist_cnn", batch_size=1)

    @tf.function(input_signature=[tf.TensorSpec((1, 28, 28))])
    def digit(image):
        return tf.one_hot(tf.argmax(network(image), axis=1), 10)

    function = digit.get_concrete_function()
    fixed = tf.lite.TFLiteConverter.from_keras_model(network)
    return fixed.convert(), tf.lite.TFLiteConverter.from_concrete_functions([function], network).convert()


def measure(driver):
    """Return (row for store_target, the other measurements)."""
    batches = golden.golden_images(np.float32)[:, np.newaxis]
    fixed, digit = convert()
    found = gpu.run_on(fixed, batches, driver=driver)
    cpu, on_gpu = (found[name]["outputs"][:, 0] for name in ("CPU", "GPU"))
    row = {"runtime": f"CompiledModel on {found['GPU']['adapter']}", "model": "mnist_cnn_float32"}
    row |= {"against": "CompiledModel on the CPU"} | golden.agreement(on_gpu, cpu)
    reshape = gpu.run_on(first_operators(fixed, 1), batches[:COUNT], driver=driver)
    both = gpu.run_on(digit, batches[:COUNT], ["GPU+CPU"], driver=driver)["GPU+CPU"]

    def said(model, where, driver=driver):
        return message_of(lambda: gpu.run_on(model, batches[:1], [where], driver=driver))

    return row, {
        "open batch": said(model_path("mnist_cnn"), "GPU"),
        "operators": gpu.operators_taken(fixed, driver=driver),
        "operators of the digit": gpu.operators_taken(digit, driver=driver),
        "digit, GPU alone": said(digit, "GPU"),
        "digit, both": {"whole": both["whole"], "digits": both["outputs"][:, 0].argmax(1).tolist()},
        "answers": {
            "whole": found["GPU"]["whole"],
            "adapter": found["GPU"]["adapter"],
            "same": int((on_gpu.argmax(1) == cpu.argmax(1))[:COUNT].sum()),
            "largest": float(np.abs(on_gpu - cpu)[:COUNT].max()),
        },
        "ratios": {
            "GPU to CPU": round(_median(found["GPU"]) / _median(found["CPU"])),
            "GPU to first operator": round(_median(found["GPU"]) / _median(reshape["GPU"])),
        },
        "no driver": said(fixed, "GPU", driver="nowhere.so"),
    }


def _median(one):
    return float(np.median(one["times"]))


def chromium_version():
    """Return the version of the Chromium whose SwiftShader it is, "unknown" where it does not tell."""
    done = subprocess.run([find_chromium(), "--version"], capture_output=True, text=True)
    found = re.search(r"[\d.]+", done.stdout)
    return found[0] if found else "unknown"


def main():
    driver = gpu.swiftshader()
    if driver is None:
        raise CourseError("There is no SwiftShader here: install Chromium (Debian: apt-get install chromium).")
    row, more = measure(driver)
    versions = {name: version(name) for name in ("ai-edge-litert", "numpy", "tensorflow")}
    golden.store_target(
        ROOT / "assets" / "targets" / "gpu.json",
        [row],
        command="python -m tflite_course.authoring gpu",
        versions=versions | {"chromium": chromium_version()},
        **more,
    )


if __name__ == "__main__":
    main()
