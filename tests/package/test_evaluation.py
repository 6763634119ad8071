"""tflite_course.evaluation: right numbers, and bad input into every function."""

import os
import time

import numpy as np
import pytest

from tflite_course import evaluation
from tflite_course.contract import Runner
from tflite_course.datasets import load_mnist, load_pen_digits
from tflite_course.errors import CourseError
from tflite_course.models import load_model, model_path

FLOAT32, INT8 = model_path("mnist_cnn"), model_path("mnist_cnn", "int8")


@pytest.fixture(scope="module")
def test_set():
    return load_mnist()[1]


def test_same_answers_as_keras(test_set):
    images = test_set[0][:300]
    expected = load_model("mnist_cnn").predict(images, verbose=0)
    logits = evaluation.predict(FLOAT32, images)
    assert logits.shape == (300, 10) and logits.dtype == np.float32
    assert np.abs(logits - expected).max() < 1e-3


@pytest.mark.parametrize("model", [FLOAT32, INT8], ids=["float32", "int8"])
def test_batch_size_changes_no_answer(model, test_set):
    images = test_set[0][:130]
    one, many = evaluation.predict(model, images, batch=1), evaluation.predict(model, images, batch=50)
    assert np.allclose(one, many, atol=1e-4)


def test_a_run_over_many_images_is_kept(test_set, monkeypatch):
    images = test_set[0][: evaluation.KEPT_FROM].copy()
    nano, tiny = model_path("mnist_nano", "int8"), model_path("mnist_tiny", "int8")
    first, runs = evaluation.predict(nano, images), []
    monkeypatch.setattr(evaluation, "Runner", lambda *args: runs.append(args) or Runner(*args))
    second = evaluation.predict(nano, images)
    assert np.array_equal(first, second) and runs == []
    second[:] = 0  # a copy
    assert np.array_equal(evaluation.predict(nano, images), first) and runs == []

    evaluation.predict(nano, images, input_range=(0, 255))
    images[0] = 1 - images[0]
    evaluation.predict(nano, images)
    evaluation.predict(tiny, images)
    assert len(runs) == 3
    for _ in range(2):
        evaluation.predict(tiny, images[:-1])
    assert len(runs) == 5, "few images are not kept"
    monkeypatch.setattr(evaluation, "KEPT", 1)
    evaluation.predict(tiny, images, input_range=(0, 2))
    assert len(evaluation._kept) == 1


def test_no_images():
    assert evaluation.predict(FLOAT32, np.zeros((0, 28, 28), np.float32)).shape == (0, 10)


def test_bytes_and_path_are_the_same(test_set):
    images = test_set[0][:10]
    assert np.array_equal(evaluation.predict(FLOAT32, images), evaluation.predict(FLOAT32.read_bytes(), images))


def test_quantize_and_dequantize():
    details = {"dtype": np.int8, "quantization": (0.5, -3)}
    values = np.array([0.0, 0.24, 0.26, 1.0, 1000.0, -1000.0], np.float32)
    quantized = evaluation.quantize_input(values, details)
    assert quantized.dtype == np.int8 and quantized.tolist() == [-3, -3, -2, -1, 127, -128]
    assert evaluation.dequantize_output(np.array([-3, -1], np.int8), details).tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((28, 28), np.float32), "add the batch axis"),
        (np.zeros((5, 27, 28), np.float32), r"shape \(n, 28, 28\), these have \(5, 27, 28\)"),
        (np.zeros((5, 784), np.float32), r"reshape\(-1, 28, 28\)"),
        ([], "list of images is empty"),
        ([np.zeros((28, 28)), np.zeros((27, 28))], "differ in shape"),
        (np.zeros((5, 28, 28), bool), "dtype bool"),
        (np.full((5, 28, 28), "3"), "dtype <U1"),
        (np.zeros((5, 28, 28), np.uint8), "divide by 255"),
        (np.zeros((5, 28, 28), np.int64), "dtype int64"),
        (np.full((5, 28, 28), 255, np.float32), "go from 255 to 255"),
        (np.full((5, 28, 28), np.nan, np.float32), r"Image 0 has grey values that are not a number \(NaN\)"),
        (np.full((5, 28, 28), -1, np.float32), "go from -1 to -1"),
    ],
)
def test_bad_images(images, message):
    with pytest.raises(CourseError, match=message):
        evaluation.predict(FLOAT32, images)


def test_bad_labels(test_set):
    with pytest.raises(CourseError, match="There are 5 images and the labels have the shape"):
        evaluation.accuracy(FLOAT32, test_set[0][:5], test_set[1][:4])
    with pytest.raises(CourseError, match="dtype float64"):
        evaluation.accuracy(FLOAT32, test_set[0][:5], test_set[1][:5] / 2)
    with pytest.raises(CourseError, match="labels go from 1 to 10, digits go from 0 to 9"):
        evaluation.accuracy(FLOAT32, test_set[0][:30], test_set[1][:30] + 1)
    with pytest.raises(CourseError, match="labels go from -1 to 8"):
        evaluation.compare({"a": FLOAT32}, test_set[0][:30], test_set[1][:30] - 1)
    with pytest.raises(CourseError, match=r"labels have the shape \(30, 10\): take `labels.argmax\(1\)`"):
        evaluation.accuracy(FLOAT32, test_set[0][:30], np.eye(10, dtype=int)[test_set[1][:30]])
    with pytest.raises(CourseError, match="predictions go from 0 to 10"):
        evaluation.confusion_matrix([0, 10], [0, 1])
    with pytest.raises(CourseError, match="2 images and the predictions have the shape"):
        evaluation.churn([0, 1], [0, 1, 2], [0, 1])


def test_nothing_to_measure_with(test_set):
    for use in (evaluation.accuracy, lambda model, *rest: evaluation.compare({"a": model}, *rest)):
        with pytest.raises(CourseError, match="no images to measure with"):
            use(FLOAT32, test_set[0][:0], test_set[1][:0])
    with pytest.raises(CourseError, match="no rows to print"):
        evaluation.comparison_table([])


def test_confusion_matrix_and_churn():
    labels = np.array([0, 1, 1, 2])
    matrix = evaluation.confusion_matrix(np.array([0, 1, 7, 2]), labels)
    assert matrix.sum() == 4 and matrix[1, 7] == 1 and matrix[1, 1] == 1
    changed = evaluation.churn([0, 1, 1, 3], [0, 1, 7, 2], labels)
    assert changed == {"changed": 2, "fixed": 1, "broken": 1}


def test_the_sign_test():
    assert evaluation.sign_test(0, 0) == 1 and evaluation.sign_test(8, 9) == pytest.approx(1)
    assert evaluation.sign_test(0, 15) == evaluation.sign_test(15, 0) == pytest.approx(2 / 2**15)
    assert evaluation.sign_test(2, 8) == pytest.approx(2 * (1 + 10 + 45) / 2**10)
    with pytest.raises(CourseError, match="numbers of images"):
        evaluation.sign_test(-1, 3)


def test_size_ledger_adds_up():
    ledger = evaluation.size_ledger(FLOAT32)
    parameters = load_model("mnist_cnn").count_params()
    assert ledger["bytes"] == FLOAT32.stat().st_size == ledger["weights"] + ledger["overhead"]
    # nearly four bytes a parameter: the four of batch normalization melt into one a filter
    assert 0.97 * 4 * parameters < ledger["weights"] < 1.01 * 4 * parameters
    assert ledger["gzip"] < ledger["bytes"]


def test_latency_counts_what_it_says():
    calls = []
    result = evaluation.latency(lambda: calls.append(1) or time.sleep(0.001), warm_up=3, repeats=20)
    assert len(calls) == 23 and result["repeats"] == 20
    assert 1000 <= result["p50"] <= result["p95"]
    assert "cores" in result["machine"]


def test_select_tf_operators_are_named():
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([1, 28, 28])])
    def inverse(x):
        return tf.reduce_sum(tf.linalg.inv(x + tf.eye(28)), 1)

    converter = tf.lite.TFLiteConverter.from_concrete_functions([inverse.get_concrete_function()])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    with pytest.raises(CourseError, match="Select TF operators"):
        evaluation.make_interpreter(converter.convert())


@pytest.mark.parametrize("count", [1, 10, 57, 10_000])
def test_band_and_sign_test_are_those_of_scipy_stats(count):
    from scipy.stats import binomtest

    for right in {0, 1, count // 2, count - 1, count}:
        known = binomtest(right, count)
        expected = known.proportion_ci(method="wilson")
        assert evaluation.accuracy_band(right, count) == pytest.approx((expected.low, expected.high), abs=1e-12)
        assert evaluation.sign_test(right, count - right) == pytest.approx(known.pvalue, rel=1e-9)


def test_accuracy_band_is_wilsons():
    # Wilson's interval for 9,937 of 10,000, worked out by hand from the formula
    low, high = evaluation.accuracy_band(9937, 10000)
    assert low == pytest.approx(0.99194, abs=2e-5) and high == pytest.approx(0.99508, abs=2e-5)
    assert evaluation.accuracy_band(10, 10)[1] == pytest.approx(1.0)
    with pytest.raises(CourseError, match="11 right answers out of 10"):
        evaluation.accuracy_band(11, 10)


def test_operators_are_listed_in_one_way():
    interpreter = evaluation.make_interpreter(FLOAT32)
    steps, with_delegate = evaluation.operators(interpreter), evaluation.operators(interpreter, delegates=True)
    assert [step["op_name"] for step in steps].count("CONV_2D") == 3 and steps[-1]["op_name"] == "FULLY_CONNECTED"
    assert len(with_delegate) > len(steps) and with_delegate[-1]["op_name"] == "DELEGATE"
    assert steps[-1]["outputs"] == [interpreter.get_output_details()[0]["index"]]
    assert all(type(index) is int for step in steps for index in step["inputs"] + step["outputs"])


def test_integers_without_a_scale():
    values = np.array([0.0, 0.5, 1.0], np.float32)
    raw = {dtype: {"dtype": dtype, "quantization": (0.0, 0)} for dtype in (np.uint8, np.int8, np.int32)}
    assert evaluation.quantize_input(values, raw[np.uint8]).tolist() == [0, 128, 255]
    assert evaluation.quantize_input(values, raw[np.int8]).tolist() == [-128, 0, 127]
    assert evaluation.quantize_input(values, raw[np.int32]).tolist() == [0, 128, 255]
    assert evaluation.dequantize_output(np.array([-3, 7], np.int8), raw[np.int8]).tolist() == [-3.0, 7.0]
    scaled = {"dtype": np.uint8, "quantization": (1.0, 0)}
    assert evaluation.quantize_input(values, scaled, (0, 255)).tolist() == [0, 128, 255]


def test_activation_memory_by_hand():
    # the largest moment: the first convolution's output (28 x 28 x 16) and its maximum (14 x 14 x 16)
    assert evaluation.activation_memory(FLOAT32) == 4 * (28 * 28 * 16 + 14 * 14 * 16)
    assert evaluation.activation_memory(INT8) == 28 * 28 * 16 + 14 * 14 * 16


def test_peak_memory_is_plausible():
    if os.name == "nt":
        pytest.skip("Windows does not tell a process's peak this way")
    assert 0.05 < evaluation.peak_memory(FLOAT32) < 100


def test_weight_structure(test_set):
    rows = evaluation.weight_structure(INT8)
    assert [row["operator"] for row in rows] == ["CONV_2D"] * 3 + ["FULLY_CONNECTED"]
    assert rows[0]["shape"] == (16, 3, 3, 1) and rows[-1]["shape"] == (10, 3136)
    assert all(0 <= row["zeros"] < 0.5 and 1 < row["distinct"] <= 256 for row in rows)


def test_compare_agrees_with_its_parts(test_set):
    images, labels = test_set[0][:500], test_set[1][:500]
    rows = evaluation.compare({"float": FLOAT32, "int8": INT8}, images, labels, memory=True)
    assert [row["name"] for row in rows] == ["float", "int8"]
    assert rows[1]["accuracy"] == evaluation.accuracy(INT8, images, labels)
    assert rows[1]["low"] < rows[1]["accuracy"] < rows[1]["high"] or rows[1]["accuracy"] == 1.0
    assert {key: rows[0][key] for key in ("changed", "fixed", "broken")} == dict.fromkeys(
        ("changed", "fixed", "broken"), 0
    )
    assert rows[0] | evaluation.size_ledger(FLOAT32) == rows[0]
    assert 0 < rows[0]["p50"] <= rows[0]["p95"] and rows[0]["activations"] == 4 * rows[1]["activations"]
    lines = evaluation.comparison_table(rows).splitlines()
    assert len(lines) == 8 and "222,932" in lines[1] and "62,712" in lines[2]  # sizes, an empty line, memory
    assert "205 kB" in lines[1] and lines[7] == f"Processor: {evaluation.machine()}"
    assert " us / " in lines[5] and "MiB" in lines[6] and max(map(len, lines)) <= 110


def test_compare_measures_strangers_digits(test_set):
    """Pen digits have a column of their own, and only in the table: a line of text would be too long."""
    rows = evaluation.compare({"a": INT8}, test_set[0][:50], test_set[1][:50], timed=False, pens=True)
    assert rows[0]["pens"] == evaluation.accuracy(INT8, *load_pen_digits()) and "pens" not in evaluation.compare(
        {"a": INT8}, test_set[0][:50], test_set[1][:50], timed=False
    )
    found = evaluation.comparison_table([*rows, {**rows[0], "name": "b"}], as_table=True)
    assert found.frame["pen digits"].tolist() == [f"{rows[0]['pens']:.2%}"] * 2
    assert "pen digits" not in evaluation.comparison_table(rows)


def test_compare_takes_float64_and_lists(test_set):
    """The line that times a model sees the checked images, too."""
    images, labels = test_set[0][:20], test_set[1][:20]
    expected = evaluation.accuracy(FLOAT32, images, labels)
    for given in (images.astype(np.float64), images.tolist(), images[..., np.newaxis]):
        row = evaluation.compare({"a": FLOAT32}, given, labels.tolist())[0]
        assert row["accuracy"] == expected and row["p50"] > 0


def test_compare_takes_the_reference_by_name(test_set):
    images, labels = test_set[0][:100], test_set[1][:100]
    rows = evaluation.compare({"a": FLOAT32, "b": INT8}, images, labels, reference="b", timed=False)
    assert rows[1]["changed"] == 0 and "p50" not in rows[0]
    with pytest.raises(CourseError, match="reference 'c' is not among the models a"):
        evaluation.compare({"a": FLOAT32}, images, labels, reference="c")
    with pytest.raises(CourseError, match="at least one"):
        evaluation.compare({}, images, labels)


def test_a_model_with_a_fixed_batch_and_a_reshape(test_set):
    """Such a file cannot be resized; it is run image by image, and answers as the one with an open batch."""
    import tensorflow as tf

    from tflite_course import models

    converter = tf.lite.TFLiteConverter.from_keras_model(models.load_model("mnist_cnn", batch_size=1))
    fixed, images = converter.convert(), test_set[0][:60]
    assert (
        evaluation.predict(fixed, images).argmax(1).tolist() == evaluation.predict(FLOAT32, images).argmax(1).tolist()
    )


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0.00 kB"),
        (2_726, "2.73 kB"),
        (9_999, "10.0 kB"),
        (52_162, "52.2 kB"),
        (99_960, "100 kB"),
        (204_936, "205 kB"),
    ],
)
def test_kilobytes_have_three_digits(size, text):
    assert evaluation.kilobytes(size) == text
