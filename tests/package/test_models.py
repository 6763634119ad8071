"""tflite_course.models and the shipped files: what they promise, and bad input."""

import json

import numpy as np
import pytest

from tests.same_model import differences, numbers
from tflite_course import evaluation, models
from tflite_course.datasets import load_mnist, load_pen_digits
from tflite_course.errors import CourseError
from tflite_course.models import flatbuffer
from tflite_course.resources import resource


@pytest.fixture(scope="module")
def test_set():
    return load_mnist()[1]


@pytest.mark.parametrize("variant", models.CHECKPOINTS["mnist_cnn"])
def test_the_model_of_the_course_reads_mnist(variant, test_set):
    assert evaluation.accuracy(models.model_path("mnist_cnn", variant), *test_set) >= 0.994


def test_int8_is_within_a_tenth_of_a_point(test_set):
    float32 = evaluation.accuracy(models.model_path("mnist_cnn", "float32"), *test_set)
    int8 = evaluation.accuracy(models.model_path("mnist_cnn", "int8"), *test_set)
    assert abs(float32 - int8) <= 0.001


@pytest.mark.parametrize("name", models.CHECKPOINTS)
def test_record_tells_the_truth(name, test_set):
    record = json.loads(resource(f"assets/models/{name}.json").read_text(encoding="utf-8"))
    assert set(models.CHECKPOINTS[name]) <= set(record)
    for variant in models.CHECKPOINTS[name]:
        noted = record[variant]
        path = models.model_path(name, variant)
        measured = {"test_accuracy": round(evaluation.accuracy(path, *test_set), 4), **evaluation.size_ledger(path)}
        assert measured == noted


def test_tflite_files_come_from_the_checkpoint(test_set):
    """Converting the shipped weights again gives the shipped files, up to what differs between processors."""
    import runpy

    script = runpy.run_path(str(resource("tflite_course/authoring/models/train_mnist_cnn.py")))
    for variant, content in script["convert"](models.load_model("mnist_cnn")).items():
        path = models.model_path("mnist_cnn", variant)
        assert differences(content, path.read_bytes()) == [], variant
        answers = [evaluation.predict(model, test_set[0]).argmax(axis=1) for model in (content, path)]
        assert np.sum(answers[0] != answers[1]) <= 5, variant


@pytest.mark.parametrize("wrapped", [False, True])
def test_export_gives_the_file_of_the_keras_model(wrapped, capfd):
    """All but one byte of the metadata, which says what was converted; nothing is printed, TFMOT's wrappers or not."""
    import tensorflow as tf
    import tensorflow_model_optimization as tfmot

    network = models.load_model("mnist_ds")
    if wrapped:
        network = tfmot.quantization.keras.quantize_model(network)
    capfd.readouterr()
    folder = models.export(network)
    assert capfd.readouterr().out == ""
    doors = tf.lite.TFLiteConverter.from_saved_model(folder), tf.lite.TFLiteConverter.from_keras_model(network)
    files = [np.frombuffer(converter.convert(), np.uint8) for converter in doors]
    assert len(files[0]) == len(files[1]) and np.sum(files[0] != files[1]) == 1
    stripped = [flatbuffer.strip(file.tobytes()) for file in files]
    assert stripped[0] == stripped[1], "the byte is not in the metadata"


def test_export_keeps_names_of_several_inputs_and_outputs():
    import tensorflow as tf
    import tf_keras as keras
    from ai_edge_litert.interpreter import Interpreter

    sides = [keras.Input((4,), name="left"), keras.Input((4,), name="right")]
    network = keras.Model(sides, [keras.layers.Add(name="sum")(sides), keras.layers.Subtract(name="gap")(sides)])
    content = tf.lite.TFLiteConverter.from_saved_model(models.export(network)).convert()
    runner = Interpreter(model_content=content).get_signature_runner()
    answers = runner(left=np.full((1, 4), 5, np.float32), right=np.full((1, 4), 3, np.float32))
    assert {name: values[0, 0] for name, values in answers.items()} == {"sum": 8, "gap": 2}


@pytest.mark.parametrize("variant", ["float32", "int8"])
def test_another_model_is_not_the_same(variant):
    """The comparison notices one weight, one scale, another order of operators, another network."""
    content = models.model_path("mnist_cnn", variant).read_bytes()
    assert differences(content, content) == []
    assert differences(models.model_path("mnist_ds", variant).read_bytes(), content)
    for kind in range(1 + (variant == "int8")):
        changed = bytearray(content)
        values = list(numbers(changed)[kind].values())[-1]  # shares the memory of the file
        values.flat[0] += 2 if values.dtype.kind == "i" else 1e-5 * np.abs(values).max()
        assert len(differences(bytes(changed), content)) == 1


def test_int8_file_has_int8_input_and_output():
    interpreter = evaluation.make_interpreter(models.model_path("mnist_cnn", "int8"))
    details = [interpreter.get_input_details()[0], interpreter.get_output_details()[0]]
    assert [d["dtype"].__name__ for d in details] == ["int8", "int8"]


def test_checkpoint_holds_weights_only():
    import h5py

    with h5py.File(resource("assets/models/mnist_cnn.weights.h5")) as file:
        assert not [key for key in file if "optimizer" in key]
    assert (
        resource("assets/models/mnist_cnn.weights.h5").stat().st_size < 5 * models.load_model().count_params() + 40_000
    )


def test_own_model_by_path(tmp_path):
    model = models.load_model()
    model.save(tmp_path / "mine.keras")
    assert models.load_model(tmp_path / "mine.keras").count_params() == model.count_params()


@pytest.mark.parametrize(
    ("name", "accuracy", "size"),
    [("mnist_small", 0.995, 16_384), ("mnist_tiny", 0.99, 8_192), ("mnist_nano", 0.975, 4_096)],
)
def test_models_of_record(name, accuracy, size, test_set):
    path = models.model_path(name, "int8")
    interpreter = evaluation.make_interpreter(path)
    details = [interpreter.get_input_details()[0], interpreter.get_output_details()[0]]
    assert [d["dtype"].__name__ for d in details] == ["int8", "int8"]
    assert path.stat().st_size <= size
    assert evaluation.accuracy(path, *test_set) >= accuracy


@pytest.mark.parametrize(
    ("name", "variant"), [("mnist_cnn", "float32"), ("mnist_cnn", "int8"), ("mnist_small", "int8")]
)
def test_what_is_deployed_reads_the_pens_of_strangers(name, variant):
    assert evaluation.accuracy(models.model_path(name, variant), *load_pen_digits()) >= 0.985


def test_unknown_names():
    with pytest.raises(CourseError, match="no model 'mnist_cmm': the course has mnist_cnn"):
        models.load_model("mnist_cmm")
    with pytest.raises(CourseError, match="choose from"):
        models.model_path("mnist_cnn", "int4")


@pytest.mark.parametrize("kept", [8, 100, 1000, 0.3, 0.6, 0.9, -1000, -200])
@pytest.mark.parametrize("variant", ["float32", "int8"])
def test_truncated_tflite(tmp_path, kept, variant):
    content = models.model_path("mnist_cnn", variant).read_bytes()
    cut = content[: int(kept * len(content)) if 0 < kept < 1 else kept]
    (tmp_path / "cut.tflite").write_bytes(cut)
    with pytest.raises(CourseError, match=r"cut\.tflite is cut short or damaged .* convert it anew"):
        models.read_model(tmp_path / "cut.tflite")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", r"empty \(0 bytes\): write or copy"),
        (b"TFL3", "not a .tflite file"),
        (b"<html>no</html>", "not a .tflite file"),
    ],
)
def test_not_a_tflite(content, said):
    with pytest.raises(CourseError, match=said):
        models.read_model(content)


def test_missing_tflite_and_wrong_type(tmp_path):
    with pytest.raises(CourseError, match="no file gone.tflite"):
        models.read_model(tmp_path / "gone.tflite")
    with pytest.raises(CourseError, match="not Sequential: convert"):
        models.read_model(type("Sequential", (), {})())
