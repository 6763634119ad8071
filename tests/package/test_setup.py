"""tflite_course.setup, the small modules, and bad input into them."""

import os
import platform
import subprocess
import sys
from importlib import metadata

import numpy as np
import pytest

from tests import ROOT
from tflite_course import quiz, setup
from tflite_course.checks import near
from tflite_course.errors import CourseError


@pytest.mark.parametrize("version", [(3, 9, 1), (3, 10, 0), (3, 14, 0), (2, 7)])
def test_wrong_python(version):
    with pytest.raises(CourseError, match=rf"This is Python {version[0]}\.{version[1]}, .* PYTHON=python3\.12"):
        setup.check_python(version)


@pytest.mark.parametrize("version", [(3, 11), (3, 12, 4), (3, 13, 0)])
def test_right_python(version):
    setup.check_python(version)


def test_missing_package(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    with pytest.raises(CourseError, match=r'tensorflow is not installed: run `pip install "tensorflow>=2\.20"`'):
        setup.check_packages()


@pytest.mark.parametrize(
    ("found", "good"), [("2.19.1", False), ("2.9.0", False), ("2.20.0", True), ("2.21.0rc1", True)]
)
def test_version_of_a_package(monkeypatch, found, good):
    monkeypatch.setattr(metadata, "version", lambda name: found)
    if good:
        assert setup.check_packages(["tensorflow"]) == {"tensorflow": found}
    else:
        with pytest.raises(CourseError, match=rf"tensorflow {found} does not work .* restart the kernel"):
            setup.check_packages(["tensorflow"])


def test_the_lowest_versions_are_those_of_the_package():
    """pyproject.toml and setup.VERSIONS say the same."""
    import tomllib

    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {r.name: str(r.specifier) for r in map(Requirement, project["dependencies"])}
    for name, (low, _) in setup.VERSIONS.items():
        assert declared[name] == f">={low}", name


def test_pins_satisfy_the_ranges():
    pinned = dict(
        line.split("#")[0].strip().split("==")
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if "==" in line
    )
    for name in setup.VERSIONS:
        assert metadata.version(name) == pinned[name], f"{name}: make the environment again"


@pytest.mark.parametrize("flag", ["True", "False"])
def test_prepare_in_a_fresh_python(flag):
    code = f"import sys; from tflite_course.setup import prepare; prepare(tensorflow={flag})"
    code += "; import tensorflow_model_optimization" * (flag == "True")
    code += "; import gc; assert gc.isenabled() and 'keras' not in sys.modules"
    code += "; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert "ai-edge-litert" in done.stdout and done.stdout.strip().endswith(flag)


def test_keras_3_is_there_when_it_is_used():
    code = "from tflite_course.setup import prepare; prepare(); import tensorflow as tf, tensorflow.keras.models, keras"
    code += "; from tensorflow.keras import layers; print(tf.keras.__version__, keras.__version__, layers.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    version = metadata.version("keras")
    assert done.stdout.splitlines()[-1].split()[:2] == [version, version] and version.startswith("3.")


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64",
    reason="Not every TensorFlow for other systems has oneDNN.",
)
@pytest.mark.parametrize("said", [None, "0"])
def test_onednn_can_be_left_out(said):
    """prepare() takes oneDNN on every x86-64 processor, unless the variable says otherwise before."""
    code = (
        "from tflite_course.setup import prepare; prepare()\n"
        "from tensorflow.python.util import _pywrap_util_port as port; print(port.IsMklEnabled())"
    )
    variables = {key: value for key, value in os.environ.items() if key != "TF_ENABLE_ONEDNN_OPTS"}
    variables |= {"TF_ENABLE_ONEDNN_OPTS": said} if said else {}
    done = subprocess.run([sys.executable, "-c", code], env=variables, text=True, capture_output=True, check=True)
    assert done.stdout.split()[-1] == str(said is None)


def test_keras_reads_data_without_the_autotuner():
    """Its sleeping thread holds up the end of each epoch; what a student says of it stays."""
    import tensorflow as tf
    from tf_keras.src.engine.data_adapter import DataHandler

    setup.prepare()
    setup.prepare()
    values = np.arange(10.0, dtype=np.float32)[:, np.newaxis]
    batches = tf.data.Dataset.from_tensor_slices((values, values)).batch(4)
    chosen = tf.data.Options()
    chosen.autotune.enabled = True
    for data, enabled in [
        (dict(x=values, y=values, batch_size=4), False),
        (dict(x=batches), False),
        (dict(x=batches.with_options(chosen)), True),
    ]:
        dataset = DataHandler(**data)._dataset
        assert dataset.options().autotune.enabled is enabled
        read = np.concatenate([batch[0] for batch in dataset.take(3)])
        np.testing.assert_array_equal(read, values)
    assert batches.options().autotune.enabled is None


def test_autograph_leaves_tfmot_alone():
    """But not the layer of a student inside a wrapper; a second prepare() adds nothing."""
    import tensorflow as tf
    import tensorflow_model_optimization as tfmot
    import tf_keras as keras
    from tensorflow.python.autograph.core import config
    from tensorflow.python.autograph.impl.conversion import is_allowlisted

    setup.prepare()
    rules = config.CONVERSION_RULES
    setup.prepare()
    assert config.CONVERSION_RULES == rules
    assert is_allowlisted(tfmot.quantization.keras.quantizers.MovingAverageQuantizer.__call__)

    class Halved(keras.layers.Dense):
        def get_prunable_weights(self):
            return [self.kernel]

        def call(self, inputs):
            if tf.reduce_mean(inputs) > 0:
                inputs = inputs / 2
            return super().call(inputs)

    model = keras.Sequential([keras.Input((2,)), Halved(1, kernel_initializer="ones")])
    pruned = tfmot.sparsity.keras.prune_low_magnitude(model)
    assert pruned.predict(np.float32([[1, 1]]), verbose=0) == 1
    assert pruned.predict(np.float32([[-1, -1]]), verbose=0) == -2


LEARNS = """
import sys
from tflite_course.setup import prepare
prepare()
from tensorflow.python.autograph.core import config
if sys.argv[1] == "translated":
    config.CONVERSION_RULES = tuple(r for r in config.CONVERSION_RULES if "optimization" not in str(r))
import numpy as np, tf_keras as keras, tensorflow_model_optimization as tfmot
sparsity = tfmot.sparsity.keras
schedule = sparsity.PolynomialDecay(0, 0.8, 0, 8, frequency=2)
wrap = {
    "QAT": tfmot.quantization.keras.quantize_model,
    "pruning": lambda m: sparsity.prune_low_magnitude(m, pruning_schedule=schedule),
    "2:4": lambda m: sparsity.prune_low_magnitude(m, sparsity_m_by_n=(2, 4)),
    "clustering": lambda m: tfmot.clustering.keras.cluster_weights(m, 4),
}
x, y = np.random.default_rng(0).random((64, 8, 8, 4), np.float32), np.arange(64) % 10
for name, compress in wrap.items():
    keras.utils.set_random_seed(1)
    layers = keras.layers.Conv2D(8, 3, use_bias=False), keras.layers.BatchNormalization(), keras.layers.ReLU()
    layers += keras.layers.Flatten(), keras.layers.Dense(10)
    model = compress(keras.Sequential([keras.Input((8, 8, 4)), *layers]))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    calls = [sparsity.UpdatePruningStep()] if "prun" in name or ":" in name else []
    model.fit(x, y, 8, 2, verbose=0, callbacks=calls)
    numbers = np.concatenate([np.ravel(w.numpy()) for w in model.weights]).astype(float)
    print("learned", name, len(numbers), repr(float(numbers @ np.arange(len(numbers)))))
"""


def test_tfmot_learns_the_same_without_autograph():
    said = []
    for how in ("translated", "as it is"):
        done = subprocess.run([sys.executable, "-c", LEARNS, how], text=True, capture_output=True, check=True, cwd=ROOT)
        said.append([line for line in done.stdout.splitlines() if line.startswith("learned")])
    assert len(said[0]) == 4 and said[0] == said[1]


def test_importing_the_package_is_light():
    code = (
        "import sys, tflite_course.pad, tflite_course.evaluation, tflite_course.models, tflite_course.datasets;"
        "print([m for m in ('tensorflow', 'tf_keras', 'ai_edge_litert') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_a_course_error_is_one_sentence_in_a_notebook():
    lines = CourseError("What is wrong: what to do.")._render_traceback_()
    assert lines == ["CourseError: What is wrong: what to do."]


def test_near(capsys):
    near("accuracy", 0.912, 0.91, 0.005)
    near("accuracy", 0.9149, 0.91, 0.005)
    near("accuracy", 0.9151, 0.91, 0.005)
    near("accuracy", 0.89, 0.91, 0.005)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["accuracy: 0.912 (expected 0.910 ± 0.005)", "accuracy: 0.915 (expected 0.910 ± 0.005)"]
    assert lines[2] == "accuracy: 0.9151 is OUTSIDE 0.910 ± 0.005" and "0.89 is OUTSIDE" in lines[3]


@pytest.mark.parametrize("tolerance", [0, -1])
def test_near_with_a_useless_band(tolerance):
    with pytest.raises(CourseError, match="above zero"):
        near("accuracy", 0.9, 0.9, tolerance)


def test_near_with_nan():
    with pytest.raises(CourseError, match="look at the loss"):
        near("accuracy", float("nan"), 0.9, 0.1)


def test_quiz_with_two_right_answers(monkeypatch, tmp_path):
    answers = [{"answer": "a", "correct": True, "feedback": "f"}] * 2
    (tmp_path / "q.json").write_text(__import__("json").dumps([{"question": "Which?", "answers": answers}]))
    monkeypatch.setattr(quiz, "resource", lambda name: tmp_path / "q.json")
    with pytest.raises(CourseError, match="exactly one right answer"):
        quiz.load_quiz("q")
