"""The model of lesson 01 in later lessons, and what lessons train and show with: curve, pictures, band, sign test."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from tflite_course import checks, evaluation, models, resources
from tflite_course.authoring.outputs import sanitize
from tflite_course.datasets import load_mnist
from tflite_course.errors import CourseError
from tflite_course.lesson import show_images, training_curve


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A clone with nothing in it, in whose notebooks/ we are; own models are looked for."""
    for name in ("notebooks/deeper", "labs/lab_1"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "notebooks")
    monkeypatch.delenv("COURSE_OWN_MODELS", raising=False)
    return tmp_path


@pytest.fixture
def small():
    import tf_keras as keras

    keras.utils.set_random_seed(1)
    layers = [keras.layers.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10)]
    return keras.Sequential(layers)


def test_the_own_model_is_found_from_every_lesson_and_lab(course, small, monkeypatch):
    assert models.my_model().name == "mnist_cnn"
    path = models.keep_model(small)
    assert path.as_posix() == "work/my_mnist.keras" and [p.name for p in path.parent.iterdir()] == ["my_mnist.keras"]
    for folder in ("notebooks", "notebooks/deeper", "labs/lab_1"):
        monkeypatch.chdir(course / folder)
        assert models.my_model().count_params() == 7850
    monkeypatch.setenv("COURSE_OWN_MODELS", "shipped")
    assert models.my_model().name == "mnist_cnn"


def test_a_later_training_replaces_the_kept_model(course, small):
    models.keep_model(small)
    small.set_weights([np.zeros_like(w) for w in small.get_weights()])
    models.keep_model(small)
    assert not any(w.any() for w in models.my_model().get_weights())


def test_a_model_that_does_not_fit_is_named_and_stays(course):
    import tf_keras as keras

    models.keep_model(keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)]))
    path = course / "notebooks" / "work" / "my_mnist.keras"
    for content, reason in ((path.read_bytes(), r"it turns \(None, 4\) into \(None, 2\)"), (b"no model", ".")):
        path.write_bytes(content)
        said = []
        assert models.my_model(say=said.append).name == "mnist_cnn" and path.read_bytes() == content
        assert len(said) == 1 and re.search(rf"^work/my_mnist.keras cannot be used \({reason}.*stands in", said[0])
        assert str(course) not in said[0]


def test_the_own_tflite(course):
    assert models.my_tflite() == models.model_path("mnist_cnn")
    path = course / "notebooks" / "work" / "my_mnist.tflite"
    path.parent.mkdir()
    path.write_bytes(models.model_path("mnist_cnn_plain").read_bytes())
    assert models.my_tflite() == path
    path.write_bytes(b"no model")
    said = []
    assert models.my_tflite(say=said.append) == models.model_path("mnist_cnn")
    assert said[0].startswith("work/my_mnist.tflite cannot be used (") and path.read_bytes() == b"no model"


def test_a_folder_that_cannot_be_written(course, small):
    (course / "notebooks" / "work").write_text("a file")
    with pytest.raises(CourseError, match="work/my_mnist.keras cannot be written"):
        models.keep_model(small)


def test_work_folders_of_a_clone_and_without_one(course, monkeypatch, tmp_path_factory):
    (course / "labs" / "lab_1" / "work").mkdir()
    names = [path.relative_to(course).as_posix() for path in resources.work_folders()]
    assert names == ["notebooks/work", "labs/lab_1/work"]
    alone = tmp_path_factory.mktemp("alone")
    monkeypatch.chdir(alone)
    assert resources.work_folders() == [alone / "work"]


def test_a_training_is_drawn_and_printed(small, monkeypatch, capsys):
    shown, drawn = [], []
    monkeypatch.setattr("tflite_course.lesson.training.display", shown.append)
    small.compile("adam", "mse", metrics=["accuracy"])
    x, y = np.zeros((640, 28, 28), np.float32), np.zeros((640, 10), np.float32)
    callback = training_curve("small", expected=[1.0, 0.0], tolerance=0.01)
    callback.curve.picture.observe(lambda change: drawn.append(change["new"]), "value")
    history = small.fit(x, y, validation_data=(x, y), epochs=3, verbose=0, callbacks=[callback]).history
    assert shown == [callback.curve] and len(drawn) >= 30
    last = history["val_accuracy"][-1]
    assert f"validation {last:.3f}" in drawn[-1] and f"validation accuracy {last:.3f}" in callback.curve.sentence
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "epoch 1, validation accuracy: 1.000 (expected 1.000 ± 0.010)"
    assert "is OUTSIDE 0.000 ± 0.010" in said[1] and said[2] == "epoch 3, validation accuracy: 1.000"
    text = repr(callback.curve)
    assert text == repr(training_curve("small").curve) and "small" in text  # what is stored is the same on every run


def test_a_second_training_begins_a_new_curve(small, monkeypatch):
    monkeypatch.setattr("tflite_course.lesson.training.display", lambda curve: None)
    small.compile("adam", "mse", metrics=["accuracy"])
    x, y = np.zeros((64, 28, 28), np.float32), np.zeros((64, 10), np.float32)
    callback = training_curve("small")
    for _ in range(2):
        small.fit(x, y, epochs=2, verbose=0, callbacks=[callback])
    assert len(callback.curve.validation) == 2  # without validation data: of the training
    assert callback.curve.training[-1][0] == pytest.approx(2)


def test_images_in_rows():
    images = load_mnist(raw=True)[1][0][:5]
    plt.close("all")
    show_images(images, range(5), columns=3, rows=["a", "b"])
    axes = plt.gcf().axes
    assert len(axes) == 6 and axes[0].images[0].get_clim() == (0, 255) and not axes[5].images
    assert [axis.get_title() for axis in axes[:2]] == ["0", "1"] and axes[3].get_ylabel() == "b"
    plt.close("all")
    for arguments, message in (
        (([],), "no images"),
        ((images, ["a"]), "1 titles for 5"),
        ((images, None), "1 rows for 2"),
    ):
        with pytest.raises(CourseError, match=message):
            show_images(*arguments, columns=3, rows=["a"])


def test_a_band_in_a_cell_of_a_table():
    text = checks.banded(0.9642, 0.966, 0.012)
    assert text == "0.964 (expected 0.966 ± 0.012)"
    assert sanitize(text) == sanitize(checks.banded(0.9701, 0.966, 0.012))
    assert checks.banded(0.9, 0.966, 0.012) == "0.9 is OUTSIDE 0.966 ± 0.012"
    with pytest.raises(CourseError, match="The tolerance of 'The value' is 0"):
        checks.banded(1, 1, 0)


def test_sign_test():
    assert evaluation.sign_test(0, 0) == 1 and evaluation.sign_test(5, 5) == 1
    assert evaluation.sign_test(0, 15) == pytest.approx(2 * 0.5**15)  # all of 15 coins on one side
    assert evaluation.sign_test(1, 3) == evaluation.sign_test(3, 1) == pytest.approx(2 * 5 / 16)
    for wrong in ((-1, 2), (1.5, 2)):
        with pytest.raises(CourseError, match="both are numbers of images"):
            evaluation.sign_test(*wrong)


def test_lab_1_says_the_same_with_the_own_model_and_without(course, capsys):
    """The bytes of a lesson's output must not depend on whether somebody has trained a model before."""
    import nbformat
    import tensorflow as tf

    from tests import ROOT

    path = ROOT / "solutions" / "lab_1_train_and_convert" / "lab_1_train_and_convert.ipynb"
    [cell] = [c for c in nbformat.read(path, as_version=4).cells if c.id == "22b-mine"]
    x_test, y_test = load_mnist(raw=True)[1]
    converted, said = [], []

    def convert(model):
        converted.append(model.name)
        return tf.lite.TFLiteConverter.from_keras_model(model).convert()

    for own in (False, True):
        if own:
            model = models.load_model("mnist_cnn_plain")
            model._name = "mine"
            models.keep_model(model)
        exec(cell.source, {"np": np, "x_test": x_test, "y_test": y_test, "convert": convert})
        said.append(sanitize(capsys.readouterr().out))
    assert converted == ["mnist_cnn", "mine"] and said[0] == said[1]
    assert said[0].startswith("accuracy of the model of lesson 01: VALUE (expected")
    exec(
        cell.source, {"np": np, "x_test": x_test, "y_test": y_test, "convert": lambda model: ...}
    )  # a lab without answers
    assert capsys.readouterr().out == ""
