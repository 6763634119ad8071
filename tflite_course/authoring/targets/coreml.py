"""Convert mnist_cnn to Core ML, compress it in several ways, and execute each package in NumPy over the golden images.

    python -m tflite_course.authoring coreml   two minutes: writes coreml.json, which lesson 13 shows

Needs coremltools and scikit-learn. Runs on Linux and macOS; nothing of Apple's runtime takes part.
"""

import logging
import sys
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tflite_course.authoring import ROOT
from tflite_course.errors import CourseError
from tflite_course.models import load_model, model_path
from tflite_course.resources import resource
from tflite_course.targets import golden
from tflite_course.targets.coreml import open_package, package_bytes, run

NAME = "mnist_cnn"
PACKAGES = ("coremltools", "scikit-learn")
IN_MATRIX = ("float32", "float16", "int8")  # lesson 10's; the rest is compression, and lesson 13's


def missing_packages():
    """Return one line that names what Core ML needs and this environment lacks, or None."""
    missing = [name for name, module in zip(PACKAGES, ("coremltools", "sklearn"), strict=True) if not find_spec(module)]
    return f"Core ML packages cannot be made here: `pip install {' '.join(missing)}`." if missing else None


def convert(model, precision="FLOAT16"):
    """Return a tf_keras model for images of 28 x 28 as a Core ML ML Program for one image."""
    import coremltools as ct
    import tensorflow as tf

    function = tf.function(lambda image: model(image, training=False))
    concrete = function.get_concrete_function(tf.TensorSpec((1, 28, 28), tf.float32, name="image"))
    return ct.convert(
        [concrete],
        source="tensorflow",
        convert_to="mlprogram",
        minimum_deployment_target=ct.target.iOS17,
        compute_precision=getattr(ct.precision, precision),
    )


def variants():
    """Yield (name, Core ML model): the two precisions, then the compressed ones."""
    import coremltools.optimize.coreml as cto

    def compressed(source, method, config):
        return method(source, cto.OptimizationConfig(global_config=config))

    yield "float32", convert(load_model(NAME), "FLOAT32")
    half = convert(load_model(NAME))
    yield "float16", half
    # weight_threshold: tensors with fewer weights stay as they are; the default leaves out most of a small model
    linear = cto.OpLinearQuantizerConfig(mode="linear_symmetric", weight_threshold=0)
    yield "int8", compressed(half, cto.linear_quantize_weights, linear)
    for bits in (8, 6, 4, 2):
        palette = cto.OpPalettizerConfig(mode="kmeans", nbits=bits, weight_threshold=0)
        yield f"palette, {bits} bits", compressed(half, cto.palettize_weights, palette)
    for share in (0.5, 0.8):
        magnitude = cto.OpMagnitudePrunerConfig(target_sparsity=share, weight_threshold=0)
        yield f"{share:.0%} pruned, not trained", compressed(half, cto.prune_weights, magnitude)
    trained = convert(load_model(NAME, weights=resource("assets/experiments/pruning_80.weights.h5")))
    zeros = cto.OpThresholdPrunerConfig(threshold=1e-12, minimum_sparsity_percentile=0.3, weight_threshold=0)
    yield "80% pruned in training", compressed(trained, cto.prune_weights, zeros)


def measure(package):
    """Return (agreement of a saved package with LiteRT's logits, its bytes and accuracy over the golden images)."""
    expected, program = golden.load_golden(), open_package(package)
    logits = run(program, golden.golden_images(np.float32))
    right = int((logits.argmax(axis=1) == expected["labels"]).sum())
    sizes = package_bytes(package) | {"right": right, "compressed": program.compressed}
    return golden.agreement(logits, expected["mnist_cnn_float32"]), sizes


def describe(package, model):
    """Return what lesson 13 shows of a package: its files, its operations, and how predict() refuses on Linux."""
    refusal = None
    if sys.platform != "darwin":
        try:
            model.predict({"image": np.zeros((1, 28, 28), np.float32)})
        except Exception as error:  # coremltools raises Exception itself
            refusal = str(error)
    files = sorted(file.name for file in package.rglob("*") if file.is_file())
    return {"files": files, "operations": [kind for kind, *_ in open_package(package).steps], "refusal": refusal}


def main():
    missing = missing_packages()
    if missing:
        raise SystemExit(missing)
    logging.getLogger("coremltools").setLevel(logging.ERROR)
    rows, packages, first = [], {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for name, model in variants():
            path = Path(folder) / "Digits.mlpackage"
            model.save(str(path))
            agree, sizes = measure(path)
            first = first or describe(path, model)
            packages[name] = sizes | {key: agree[key] for key in ("argmax", "largest", "of")}
            print(name, packages[name], flush=True)
            if name in IN_MATRIX:
                row = {"runtime": f"Core ML {name}, NumPy", "model": "mnist_cnn_float32", "against": "LiteRT reference"}
                rows.append(row | agree)
    golden.store_target(
        ROOT / "assets" / "targets" / "coreml.json",
        rows,
        command="python -m tflite_course.authoring coreml",
        versions={name: version(name) for name in (*PACKAGES, "tensorflow", "numpy")},
        **first,
        packages=packages,
        tflite={variant: model_path(NAME, variant).stat().st_size for variant in ("float32", "int8")},
    )


if __name__ == "__main__":
    try:
        main()
    except CourseError as error:
        raise SystemExit(str(error)) from None
