"""Keras models between a submission and its judge: what is built again is the same, other layers are asked."""

import socket
import threading

import numpy as np
import pytest

from tflite_course.grading.judge import answers, process, wire
from tflite_course.grading.judge.proxy import Judge

pytestmark = pytest.mark.slow


OPEN = []


@pytest.fixture(autouse=True)
def closes_what_it_opens():
    yield
    while OPEN:
        OPEN.pop().close()


def serve(server_of):
    """Start the submission's end, server_of(socket), and return the judge's socket."""
    pair = socket.socketpair()
    OPEN.extend(pair)
    threading.Thread(target=server_of(pair[1]).serve, daemon=True).start()
    return pair[0]


def crossed(value):
    """Return what the judge makes of a value, and the judge's end; it stays open."""
    judge = Judge(serve(lambda theirs: answers.Answers(theirs, {"value": value})), deadline=None)
    return judge.answer("value"), judge


def decided(lab, exercise, answer):
    request = {"lab": lab, "exercise": exercise, "expression": "answer", "seed": 5, "seconds": 300}
    return process.decide(serve(lambda theirs: answers.Answers(theirs, {"answer": answer})), request)


def network(*middle):
    import tf_keras as keras

    layers = keras.layers
    model = keras.Sequential([layers.Input((28, 28), name="image"), *middle, layers.Dense(10, name="logits")])
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.1, 1, weight.shape) - 0.5 * (weight.ndim == 2) for weight in model.get_weights()])
    return model


def middle():
    import tf_keras as keras

    layers = keras.layers
    return [
        layers.Reshape((28, 28, 1)),
        layers.Conv2D(3, 3, activation="relu", kernel_regularizer="l2", name="conv_1"),
        layers.BatchNormalization(name="norm_1"),
        layers.GlobalAveragePooling2D(),
    ]


IMAGES = np.random.default_rng(1).random((5, 28, 28), np.float32)


def outputs(model):
    return np.asarray(model(IMAGES, training=False))


def test_a_model_is_built_again():
    import tf_keras as keras

    model = network(*middle())
    model.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    found, judge = crossed(model)
    assert type(found) is type(model) and found is not model
    np.testing.assert_allclose(outputs(found), outputs(model), atol=1e-6)
    assert [w.name for w in found.weights] == [w.name for w in model.weights]
    assert float(found.optimizer.learning_rate) == pytest.approx(1e-3) and int(found.optimizer.iterations) == 0
    assert found.loss.get_config()["from_logits"] is True
    assert judge.answer("value") is found  # one object there is one object here


def test_a_functional_model_with_operations_is_built_again():
    import tensorflow as tf
    import tf_keras as keras

    image = keras.Input((28, 28), name="image")
    grown = tf.expand_dims(image, -1) * 2.0
    model = keras.Model(image, keras.layers.Dense(10)(keras.layers.Flatten()(keras.layers.Conv2D(2, 3)(grown))))
    np.testing.assert_allclose(outputs(crossed(model)[0]), outputs(model), atol=1e-5)


def test_a_layer_of_its_own_is_asked():
    """A Lambda is code: it stays in the submission, and gives its outputs when the judge asks."""
    import tf_keras as keras

    model = network(keras.layers.Lambda(lambda x: 2 * x[..., None], name="mine"), *middle()[1:])
    found, _ = crossed(model)
    assert type(found.get_layer("mine")).__name__ == "Remote"
    np.testing.assert_allclose(outputs(found), outputs(model), atol=1e-5)


def test_a_model_with_fake_quantization_is_built_again():
    import tensorflow_model_optimization as tfmot

    from tests.labs.answers import lab_4_train_for_quantization as mine
    from tflite_course.labs.lab_4_train_for_quantization.make_aware import _small_model

    model = tfmot.quantization.keras.quantize_model(_small_model(np.random.default_rng(2)))
    found, _ = crossed(model)
    images = IMAGES[..., np.newaxis]
    np.testing.assert_allclose(np.asarray(found(images)), np.asarray(model(images)), atol=1e-5)
    for name, answer in mine.ANSWERS["make_aware"][0].items():
        assert decided("lab_4_train_for_quantization", "make_aware", answer)["points"] == 2.0, name


def test_a_model_of_keras_3_and_one_without_shapes_get_their_hints():
    import keras as keras_3
    import tf_keras as keras

    def of_keras_3():
        return keras_3.Sequential([keras_3.layers.Input((28, 28)), keras_3.layers.Flatten()])

    class Own(keras.Model):
        pass

    lab = "lab_1_train_and_convert"
    assert "Keras 3" in decided(lab, "build_model", of_keras_3)["hint"]
    assert "the shape of the input is not known yet" in decided(lab, "build_model", Own)["hint"]
    kept = network(*middle())
    assert "the same model each time" in decided(lab, "build_model", lambda: kept)["hint"]


def test_wrappers_and_schedules_cross():
    import tensorflow_model_optimization as tfmot

    sparsity = tfmot.sparsity.keras
    schedule, _ = crossed(sparsity.PolynomialDecay(0.1, 0.8, 2, 40, frequency=3))
    assert type(schedule) is sparsity.PolynomialDecay and schedule.end_step == 40 and schedule.frequency == 3
    lab = "lab_5_prune_and_cluster"
    model = network(*middle())
    wrapped = sparsity.prune_low_magnitude(model, pruning_schedule=sparsity.ConstantSparsity(0.5, 0))
    assert "Call `strip_pruning`" in decided(lab, "pruned", wrapped)["hint"]


def test_a_description_that_lies_is_refused():
    model = network(*middle())

    class Liar(answers.Answers):
        def _export(self, value, writer):
            described = super()._export(value, writer)
            if "json" in described:
                described["json"] = described["json"].replace('"Conv2D"', '"Lambda"')
            return described

    ours = serve(lambda theirs: Liar(theirs, {"value": model}))
    with pytest.raises(wire.Unreadable, match="a layer of the kind Lambda"):
        Judge(ours, deadline=None).answer("value")
