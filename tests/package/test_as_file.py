"""A tf_keras network as a float32 file without a conversion: it answers like the network, or Keras does."""

import numpy as np
import pytest

from tflite_course import datasets, models
from tflite_course.models import as_file

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def images():
    return datasets.load_mnist()[1][0][:600]


@pytest.fixture
def no_keras(monkeypatch):
    """Keras may answer to a few images, for the comparison."""
    import tf_keras as keras

    def refuse(*_, **__):
        raise AssertionError("Keras answered")

    monkeypatch.setattr(keras.Model, "predict", refuse)


def changed(network, seed=0):
    """Other weights and statistics than the shipped ones: nothing of the file that they are put into may stay."""
    rng = np.random.default_rng(seed)
    weights = [w * rng.uniform(0.7, 1.3, w.shape) + 0.01 * rng.random(w.shape) for w in network.get_weights()]
    network.set_weights([w.astype(np.float32) for w in weights])
    return network


@pytest.mark.parametrize("name", ["mnist_cnn", "mnist_cnn_plain", "mnist_ds", "mnist_small"])
def test_a_file_answers_like_its_network(name, images, no_keras):
    network = changed(models.load_model(name))
    expected = np.asarray(network(images.reshape(-1, *network.input_shape[1:]), training=False))
    found = models.answers_of(network, images)
    assert found.shape == (600, 10) and np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def chain(*middle, end=()):
    import tf_keras as keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    start = [layers.Input((28, 28)), layers.Reshape((28, 28, 1))]
    return changed(keras.Sequential([*start, *middle, layers.Flatten(), layers.Dense(10), *end]))


def test_biases_activations_and_norms_of_every_kind(images, no_keras):
    from tf_keras import layers

    network = chain(
        layers.Conv2D(4, 3, 2),
        layers.BatchNormalization(epsilon=0.1),
        layers.Activation("relu6"),
        layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"),
        layers.BatchNormalization(),
        layers.AveragePooling2D(),
        end=[layers.Softmax()],
    )
    expected = np.asarray(network(images, training=False))
    assert np.abs(models.answers_of(network, images) - expected).max() < 1e-4


def test_the_layers_are_converted_once(images, monkeypatch):
    from tf_keras import layers

    monkeypatch.setattr(as_file, "_converted", {})
    first = chain(layers.Conv2D(3, 3, 2, name="a"), layers.Dropout(0.5, name="b"))
    for seed in range(2):
        models.answers_of(changed(first, seed), images)
    assert len(as_file._converted) == 1


def test_keras_answers_for_other_networks(images):
    import tf_keras as keras
    from tf_keras import layers

    inputs = keras.Input((28, 28))
    two = layers.Add()([layers.Dense(7)(inputs), layers.Dense(7)(inputs)])
    branches = keras.Model(inputs, layers.Dense(10)(layers.Flatten()(two)))
    assert as_file.as_float_file(branches) is None
    assert np.array_equal(models.answers_of(branches, images), branches.predict(images, batch_size=500, verbose=0))
    norm_behind_relu = chain(layers.Conv2D(4, 5, 2, activation="relu"), layers.BatchNormalization())
    assert as_file.as_float_file(norm_behind_relu) is None
    inside = keras.Sequential([models.load_model("mnist_nano"), layers.Softmax()])
    inside.build((None, 28, 28, 1))
    assert as_file.as_float_file(inside) is None


def test_a_network_that_learned_nan_answers_nan(images):
    network = models.load_model("mnist_nano")
    network.set_weights([np.full_like(w, np.nan) for w in network.get_weights()])
    assert np.isnan(models.answers_of(network, images)).all()


def test_keras_answers_where_the_file_answers_in_another_way(images, monkeypatch):
    network = models.load_model("mnist_cnn")
    expected = network.predict(images, batch_size=500, verbose=0)
    folded = as_file.folded_weights(network)
    wrong = [(operator, weights, bias + 1) for operator, weights, bias in folded]
    monkeypatch.setattr(as_file, "folded_weights", lambda network: wrong)
    assert np.array_equal(models.answers_of(network, images), expected)
