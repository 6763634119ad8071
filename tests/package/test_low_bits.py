"""Weights of few bits: the grid, its ranges, and the same grid inside a training."""

import numpy as np
import pytest

from tflite_course import low_bits
from tflite_course.errors import CourseError
from tflite_course.models import load_model


@pytest.fixture(scope="module")
def kernel():
    return np.random.default_rng(0).normal(size=(3, 3, 4, 5)).astype(np.float32)


@pytest.mark.parametrize("ranges", low_bits.RANGES)
@pytest.mark.parametrize("bits", [2, 3, 8])
def test_a_channel_lies_on_a_symmetric_grid(kernel, bits, ranges):
    rounded = low_bits.round_kernel(kernel, bits, ranges)
    steps = 2 ** (bits - 1) - 1
    assert rounded.shape == kernel.shape and rounded.dtype == np.float32
    for channel in range(kernel.shape[-1]):
        values = rounded[..., channel]
        q = values / np.abs(values).max() * steps
        assert np.allclose(q, np.round(q), atol=1e-3) and len(np.unique(np.round(q))) <= 2 * steps + 1
    ends = np.abs(kernel).max(axis=(0, 1, 2))
    if ranges == "largest":
        assert np.allclose(np.abs(rounded).max(axis=(0, 1, 2)), ends)
    else:
        assert (np.abs(rounded).max(axis=(0, 1, 2)) <= ends * 1.0001).all()


def test_least_squares_is_never_worse(kernel):
    for bits in range(2, 9):
        errors = [((low_bits.round_kernel(kernel, bits, r) - kernel) ** 2).sum(axis=(0, 1, 2)) for r in low_bits.RANGES]
        assert (errors[1] <= errors[0] + 1e-9).all()
    assert errors[0].max() < 0.01 < ((low_bits.round_kernel(kernel, 2) - kernel) ** 2).sum(axis=(0, 1, 2)).min()


def test_a_channel_of_zeros_stays_zero():
    assert not low_bits.round_kernel(np.zeros((3, 2), np.float32), 2, "least squares").any()


@pytest.mark.parametrize(
    ("bits", "ranges", "message"),
    [(1, "largest", "bits is 1"), (9, "largest", "2 to 8"), ("4", "largest", "'4'"), (4, "widest", "choose from")],
)
def test_grids_that_there_are_not(kernel, bits, ranges, message):
    with pytest.raises(CourseError, match=message):
        low_bits.round_kernel(kernel, bits, ranges)


@pytest.mark.parametrize("bits", [2, 4])
def test_the_largest_grid_is_that_of_tfmot(kernel, bits):
    import tensorflow as tf
    import tensorflow_model_optimization as tfmot

    quantizer = tfmot.quantization.keras.quantizers.LastValueQuantizer(
        num_bits=bits, per_axis=True, symmetric=True, narrow_range=True
    )
    largest = tf.constant(np.abs(kernel).max(axis=(0, 1, 2)))
    theirs = quantizer(tf.constant(kernel), False, {"min_var": -largest, "max_var": largest}).numpy()
    ours = low_bits.round_kernel(kernel, bits)
    assert np.mean(np.abs(ours - theirs) > 1e-5) < 0.01  # halves fall to either side


@pytest.mark.parametrize("ranges", low_bits.RANGES)
def test_training_rounds_as_afterwards(kernel, ranges):
    import tensorflow as tf

    inside = low_bits._round_tensor(tf.constant(kernel), 3, ranges).numpy()
    assert np.allclose(inside, low_bits.round_kernel(kernel, 3, ranges), atol=1e-6)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).uniform(size=(256, 28, 28)).astype(np.float32)


def test_a_copy_is_rounded_and_depthwise_kernels_are_not():
    model = load_model("mnist_ds")
    before = [weights.copy() for weights in model.get_weights()]
    rounded = low_bits.with_low_bits(model, 2)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    kernel = rounded.get_layer("conv_3").kernel.numpy()
    assert max(len(np.unique(kernel[..., channel])) for channel in range(kernel.shape[-1])) <= 3
    same = [layer.get_layer("depthwise_2").get_weights()[0] for layer in (model, rounded)]
    assert np.array_equal(*same)


def test_norms_are_measured_and_nothing_is_trained(images):
    model = load_model("mnist_nano")
    trained = [variable.numpy() for variable in model.trainable_variables]
    mean = model.get_layer("norm_1").moving_mean.numpy()
    low_bits.measure_norms(model, images[..., np.newaxis])
    assert not np.allclose(mean, model.get_layer("norm_1").moving_mean.numpy())
    assert all(np.array_equal(a, b) for a, b in zip(trained, model.trainable_variables, strict=True))


@pytest.mark.parametrize("bits", [None, 2])
def test_float_weights_learn_behind_the_grid(images, bits):
    import tf_keras as keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10)])
    labels = np.random.default_rng(2).integers(0, 10, len(images))
    before = model.get_weights()[0].copy()

    def loss():
        network = model if bits is None else low_bits.with_low_bits(model, bits)
        answers = network(images).numpy()
        return keras.losses.sparse_categorical_crossentropy(labels, answers, from_logits=True).numpy().mean()

    first = loss()
    for _ in range(5):
        low_bits.fine_tune(model, images, labels, bits=bits)
    after = model.get_weights()[0]
    assert loss() < first and not np.array_equal(before, after)
    assert len(np.unique(after[:, 0])) > 100, "the float weights lie on the grid"


def test_without_bits_it_is_the_training_of_keras(images):
    import tf_keras as keras

    labels = np.arange(len(images)) % 10
    ours, theirs = load_model("mnist_nano"), load_model("mnist_nano")
    low_bits.fine_tune(ours, images[..., np.newaxis], labels, rate=1e-3)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    theirs.compile(keras.optimizers.Adam(1e-3), loss)
    theirs.fit(images[..., np.newaxis], labels, batch_size=64, shuffle=False, verbose=0)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert np.allclose(a, b, atol=1e-4)


def test_ranges_begin_where_the_float_model_is(images):
    import tensorflow_model_optimization as tfmot

    plain = load_model("mnist_nano")
    aware = tfmot.quantization.keras.quantize_model(plain)
    low_bits.set_ranges(aware, plain, images[:50, ..., np.newaxis])
    ends = {v.name: float(v) for v in aware.weights if v.shape.rank == 0}
    assert ends["quant_relu_1/output_min:0"] == 0 and 0 < ends["quant_relu_1/output_max:0"] != 6
    assert ends["quant_logits/post_activation_min:0"] < 0
