"""tflite_course.checks: each mistake is named in one sentence, and what is right passes."""

import numpy as np
import pytest

from tflite_course import checks, models
from tflite_course.errors import CourseError

SHAPE = (1, 28, 28)
IMAGES = np.zeros((3, 28, 28), np.float32)


def samples(*values):
    return lambda: iter([[value] for value in values])


@pytest.mark.parametrize("shape", [SHAPE, (None, 28, 28)])
def test_right_representative_dataset(shape):
    assert checks.check_representative_dataset(samples(IMAGES[:1], IMAGES[1:2]), shape) == 2
    assert checks.check_representative_dataset(lambda: iter([{"image": IMAGES[:1]}]), shape) == 1


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (iter([[IMAGES[:1]]]), "without the brackets|wrap it"),
        ((image for image in IMAGES), "generator, it must be a function .* without the brackets"),
        (IMAGES, "ndarray, it must be a function .* wrap it"),
        (samples(IMAGES[:1].astype(np.float64)), "float64, the model takes float32"),
        (samples(IMAGES[0]), r"shape \(28, 28\).*keep the batch axis"),
        (samples(IMAGES), r"shape \(3, 28, 28\).*takes \(1, 28, 28\)"),
        (samples(IMAGES[:1, :14]), r"shape \(1, 14, 28\)"),
        (samples(IMAGES[:1] + 255), "from 255 to 255, the model was trained on 0 to 1"),
        (lambda: iter([IMAGES[:1]]), r"ndarray, it must be a list .* `yield \[image\]`"),
        (lambda: iter([]), "yields no sample"),
        (lambda: iter([[]]), "holds 0 arrays"),
        (lambda: iter([[IMAGES[:1], np.array([7])]]), "holds 2 arrays, .* yield the image alone"),
    ],
)
def test_wrong_representative_dataset(dataset, message):
    with pytest.raises(CourseError, match=message):
        checks.check_representative_dataset(dataset, SHAPE)


def test_another_range_of_calibration_images():
    grey = samples(IMAGES[:1] + 255)
    assert checks.check_representative_dataset(grey, SHAPE, input_range=(0, 255)) == 1
    with pytest.raises(CourseError, match="from 255 to 255, the model was trained on -1 to 1"):
        checks.check_representative_dataset(grey, SHAPE, input_range=(-1, 1))


def test_lambda_layers_as_quantize_model_takes_them():
    import tf_keras

    layers = tf_keras.layers
    model = tf_keras.Sequential([layers.Input((4,)), layers.Lambda(lambda x: x / 2), layers.Dense(2)])
    assert checks.check_for_tfmot(model) is model
    inner = tf_keras.Sequential([layers.Input((4,)), layers.Dense(3)], name="inner")
    with pytest.raises(CourseError, match="'inner' is a model inside the model"):
        checks.check_for_tfmot(tf_keras.Sequential([layers.Input((4,)), inner]))


def test_models_for_tfmot():
    import tf_keras

    model = models.load_model("mnist_cnn")
    assert checks.check_for_tfmot(model) is model

    class Swish(tf_keras.layers.Layer):
        def call(self, values):
            return values

    strange = tf_keras.Sequential([tf_keras.layers.Input((4,)), Swish(name="mine")])
    with pytest.raises(CourseError, match=r"layer 'mine' \(Swish\) has no quantization rule"):
        checks.check_for_tfmot(strange)
    layers = tf_keras.layers
    lonely = tf_keras.Sequential([layers.Input((4, 4, 1)), layers.ReLU(), layers.BatchNormalization(name="norm")])
    with pytest.raises(CourseError, match="layer 'norm'"):
        checks.check_for_tfmot(lonely)
    checks.check_for_tfmot(models.load_model("mnist_ds"))
    with pytest.raises(CourseError, match="not built"):
        checks.check_for_tfmot(tf_keras.Sequential([layers.Dense(2)]))

    class Mine(tf_keras.Model):
        pass

    with pytest.raises(CourseError, match="Mine is a subclassed model"):
        checks.check_for_tfmot(Mine())
    with pytest.raises(CourseError, match="takes a tf_keras model, not bytes"):
        checks.check_for_tfmot(b"TFL3")


def test_keras_3_model_is_named():
    import keras  # Keras 3

    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(CourseError, match="Keras 3 model, and TFMOT works with Keras 2"):
        checks.check_for_tfmot(model)


def test_float_models():
    path = models.model_path("mnist_cnn", "float32")
    assert checks.check_float_model(path) == path.read_bytes()
    with pytest.raises(CourseError, match="quantized already, its input is int8"):
        checks.check_float_model(models.model_path("mnist_cnn", "int8"))


def test_weights_of_8_bits_behind_a_float_input():
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(models.load_model("mnist_cnn"))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    with pytest.raises(CourseError, match="weights of 8 bits or less behind its float input"):
        checks.check_float_model(converter.convert())
