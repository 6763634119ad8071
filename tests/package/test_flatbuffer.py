"""tflite_course.models.flatbuffer.strip: smaller files that answer the same, in LiteRT and in TensorFlow Lite Micro."""

import numpy as np
import pytest

from tflite_course import evaluation, models
from tflite_course.datasets import load_mnist
from tflite_course.errors import CourseError
from tflite_course.models.flatbuffer import PARTS, first_operators, strip

INT8 = models.model_path("mnist_cnn", "int8")


@pytest.fixture(scope="module")
def images():
    return load_mnist()[1][0][:200]


@pytest.mark.parametrize("part", PARTS)
def test_each_part_costs_bytes_and_no_answer(part, images):
    whole, stripped = strip(INT8, []), strip(INT8, [part])
    # the converter of this version writes no ranges beside the scales
    assert len(stripped) <= len(whole) if part == "min_max" else len(stripped) < len(whole)
    assert np.array_equal(evaluation.predict(stripped, images), evaluation.predict(INT8, images))


def test_all_parts_leave_the_weights_and_the_delegate(images):
    stripped = strip(INT8)
    before, after = evaluation.size_ledger(INT8), evaluation.size_ledger(stripped)
    assert after["weights"] == before["weights"] and after["overhead"] < 0.7 * before["overhead"]
    assert np.array_equal(evaluation.predict(stripped, images), evaluation.predict(INT8, images))
    count = [
        len(evaluation.operators(evaluation.make_interpreter(model), delegates=True)) for model in (INT8, stripped)
    ]
    assert count[0] == count[1], "XNNPACK takes another number of operators"


def test_stripping_twice_changes_nothing():
    assert strip(strip(INT8)) == strip(INT8)


@pytest.mark.parametrize("variant", ["float32", "int8"])
def test_any_shipped_model(variant, images):
    path = models.model_path("mnist_ds", variant)
    assert np.array_equal(evaluation.predict(strip(path), images), evaluation.predict(path, images))


@pytest.mark.parametrize("name", models.SMALL_NETWORKS)
def test_stripped_files_run_in_tensorflow_lite_micro(name, images):
    """The small models are stripped: the microcontroller's interpreter must still take them."""
    runtime = pytest.importorskip(
        "tflite_micro.python.tflite_micro.runtime", reason="tflite-micro has wheels for Linux on x86-64 only"
    )
    path = models.model_path(name, "int8")
    micro = runtime.Interpreter.from_bytes(path.read_bytes(), arena_size=100_000)
    details = evaluation.make_interpreter(path).get_input_details()[0]
    expected = evaluation.predict(path, images).argmax(1)
    answers = []
    for image in evaluation.quantize_input(images, details).reshape(-1, 1, 28, 28, 1):
        micro.set_input(image, 0)
        micro.invoke()
        answers.append(micro.get_output(0)[0].argmax())
    # rounding differs by one unit between the two runtimes
    assert np.mean(np.array(answers) == expected) >= 0.99


def test_bad_input():
    with pytest.raises(CourseError, match="no part colour: choose from names"):
        strip(INT8, ["colour"])
    with pytest.raises(CourseError, match="cut short"):
        strip(INT8.read_bytes()[:30_000])


def test_a_file_that_ends_early_gives_what_that_operator_made(images):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    whole = Interpreter(str(INT8), experimental_op_resolver_type=plain, experimental_preserve_all_tensors=True)
    whole.allocate_tensors()
    steps = evaluation.operators(whole)
    image = evaluation.quantize_input(images[:1], whole.get_input_details()[0])
    whole.set_tensor(whole.get_input_details()[0]["index"], image)
    whole.invoke()
    for count in range(1, len(steps) + 1):
        part = Interpreter(model_content=first_operators(INT8, count), experimental_op_resolver_type=plain)
        part.allocate_tensors()
        if any(part.get_input_details()):
            part.set_tensor(part.get_input_details()[0]["index"], image)
        part.invoke()
        made = part.get_tensor(part.get_output_details()[0]["index"])
        assert [step["op_name"] for step in evaluation.operators(part)] == [s["op_name"] for s in steps[:count]]
        assert np.array_equal(made, whole.get_tensor(steps[count - 1]["outputs"][0])), steps[count - 1]["op_name"]


@pytest.mark.parametrize("count", [0, 12])
def test_a_count_of_operators_that_is_not_there(count):
    with pytest.raises(CourseError, match="The model has 11 operators: give a count from 1 to that"):
        first_operators(INT8, count)
