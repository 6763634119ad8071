"""The environment of a lesson: the right versions, quiet logs, fixed seeds."""

import contextlib
import functools
import gc
import os
import platform
import random
import sys
from importlib import metadata

import numpy as np
from packaging.version import Version

from tflite_course.errors import CourseError

PYTHON = ((3, 11), (3, 13))

# Lowest version that the lessons run with, and the first one known not to work (None: none known).
VERSIONS = {
    "tensorflow": ("2.20", None),
    "tf-keras": ("2.20", None),
    "tensorflow-model-optimization": ("0.8", None),
    "ai-edge-litert": ("2.1", None),
    "tensorboard": ("2.19", None),
    "numpy": ("2.0", None),
    "pillow": ("10", None),
    "matplotlib": ("3.8", None),
    "ipywidgets": ("7.7", None),
    "anywidget": ("0.9.21", None),
}
RUNTIME_ONLY = ("ai-edge-litert", "numpy", "pillow", "matplotlib", "ipywidgets", "anywidget")


def check_python(version=None):
    """Raise CourseError unless `version` (default: this Python's) is one that TensorFlow has wheels for."""
    found = tuple(version or sys.version_info)[:2]
    low, high = PYTHON
    if not low <= found <= high:
        raise CourseError(
            f"This is Python {found[0]}.{found[1]}, and TensorFlow needs {low[0]}.{low[1]} to {high[0]}.{high[1]}: "
            f"install one of them and make the environment again with it, as in `make lab PYTHON=python3.12`."
        )


def check_packages(names=VERSIONS):
    """Return {package: version} of the named packages; raise CourseError for a missing one or a wrong version."""
    found = {}
    for name in names:
        low, bad = VERSIONS[name]
        cure = f'`pip install "{name}>={low}{f",<{bad}" if bad else ""}"` in this environment, then restart the kernel'
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            raise CourseError(f"The package {name} is not installed: run {cure}.") from None
        if Version(found[name]) < Version(low) or (bad and Version(found[name]) >= Version(bad)):
            raise CourseError(f"{name} {found[name]} does not work with this course: run {cure}.")
    return found


def prepare(*, tensorflow=True, seed=1):
    """Make this session ready for a lesson and print which versions it runs.

    Checks Python and the packages, fixes the seeds of Python, NumPy and (tensorflow=True) Keras, and hides the log
    lines that the C++ side of TensorFlow and LiteRT writes. Python's own errors and warnings stay visible.
    tensorflow=False is for lessons that only run models: TensorFlow is neither needed nor imported.
    Set TFLITE_COURSE_LOGS=1 before the kernel starts to see every log line.

    Raises CourseError for a wrong or missing version.
    """
    check_python()
    found = check_packages(VERSIONS if tensorflow else RUNTIME_ONLY)
    _hide_native_logs()
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  Keras 2 shuffles with NumPy's global generator
    if tensorflow:
        _prepare_tensorflow(seed)
    shown = ("tensorflow", "tf-keras", "ai-edge-litert") if tensorflow else ("ai-edge-litert", "numpy")
    print(f"Python {sys.version_info[0]}.{sys.version_info[1]}, " + ", ".join(f"{n} {found[n]}" for n in shown))


def _hide_native_logs():
    """Send file descriptor 2 to nowhere in a notebook kernel: C++ writes its log lines there, Python does not."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    in_kernel = "ipykernel" in sys.modules  # there sys.stderr is not file descriptor 2
    if in_kernel and not os.environ.get("TFLITE_COURSE_LOGS"):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        os.close(null)


def _prepare_tensorflow(seed):
    import warnings

    warnings.filterwarnings("ignore", module=r"(tensorflow|tf_keras|tensorflow_model_optimization)\b.*")
    # The course uses Keras 2. Keras 3, a sixth of the time, would come with TensorFlow, which imports its optimizers,
    # and with TFMOT, which looks for a module that it lacks. `tf.keras` and `import keras` load it when they are used.
    if first := "keras" not in sys.modules:
        sys.modules |= {"keras.src.optimizers": None, "keras.engine": None}
    if platform.machine() in ("x86_64", "AMD64"):
        # On Linux TensorFlow takes oneDNN by itself only where the processor has VNNI, BF16 or AMX. With AVX2 a step of
        # mnist_cnn's training takes 24 instead of 38 ms with it (AMD EPYC).
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    gc.disable()  # a search for unused objects finds none meanwhile, and takes a sixth of the time
    try:
        import tensorflow as tf
        import tf_keras
    finally:
        gc.enable()
        if first:
            del sys.modules["keras.src.optimizers"]
    gc.freeze()  # nor does one later: each conversion asks for one, and read all that was imported again

    tf.get_logger().setLevel("ERROR")
    try:  # two threads on every machine: sums come in the same order, so training gives the same numbers
        tf.config.threading.set_intra_op_parallelism_threads(2)
        tf.config.threading.set_inter_op_parallelism_threads(2)
    except RuntimeError:
        pass  # TensorFlow already runs: the kernel was not fresh
    for shortcut in (_without_autotuner, _without_autograph_in_tfmot):
        with contextlib.suppress(ImportError, AttributeError):  # private places: where they moved, it is only slower
            shortcut()
    tf_keras.utils.set_random_seed(seed)


def _without_autotuner():
    """Let Keras read its data without the autotuner of tf.data.

    That thread sleeps, twice as long each time, and the end of an epoch over a data set, of fit(), predict() and
    evaluate() waits until it wakes: up to 4 of 15 seconds when conv_net of lesson 01 reads 12,000 digits three times,
    up to 1.7 of 6 seconds in an epoch of mnist_cnn. What is read, and its order, stay the same.
    """
    import tensorflow as tf
    from tf_keras.src.engine import data_adapter

    def plain(get_dataset):
        @functools.wraps(get_dataset)
        def get_plain_dataset(self):
            dataset = get_dataset(self)
            if not isinstance(dataset, tf.data.Dataset) or dataset.options().autotune.enabled is not None:
                return dataset  # spread over machines, or somebody decided
            options = tf.data.Options()
            options.autotune.enabled = False
            return dataset.with_options(options)

        return get_plain_dataset

    for adapter in (data_adapter.TensorLikeDataAdapter, data_adapter.DatasetAdapter):
        if not hasattr(adapter.get_dataset, "__wrapped__"):  # a second prepare() finds it done
            adapter.get_dataset = plain(adapter.get_dataset)


def _without_autograph_in_tfmot():
    """Take TFMOT's code as it is, without a search for Python's `if` and `for` of tensors in it.

    Networks learn the same weights without it, in QAT, pruning and clustering, and the first quantize_model() takes 1.7
    instead of 4.2 seconds. The wrappers are still translated: they call the layer inside, which may be a student's.
    """
    from tensorflow.python.autograph.core import config

    package = "tensorflow_model_optimization"
    if any(rule.matches(package) for rule in config.CONVERSION_RULES):
        return  # a second prepare()
    wrappers = (
        "quantization.keras.quantize_wrapper",
        "sparsity.keras.pruning_wrapper",
        "clustering.keras.cluster_wrapper",
    )
    convert = (config.Convert(f"{package}.python.core.{wrapper}") for wrapper in wrappers)
    config.CONVERSION_RULES = (*convert, config.DoNotConvert(package), *config.CONVERSION_RULES)
