"""Models as C on emulated boards: TFLM's answers to the last byte, what it costs, and what is refused."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tests import ROOT
from tflite_course import evaluation, sensors
from tflite_course.datasets import load_watch
from tflite_course.errors import CourseError
from tflite_course.models import model_path
from tflite_course.targets import golden, tflm
from tflite_course.targets.firmware import board, export_c

FIRMWARE = ROOT / "assets" / "firmware"
EXPORT = [sys.executable, "-m", "tflite_course.targets.firmware.export_c"]
STORED = json.loads((ROOT / "assets" / "targets" / "firmware.json").read_text(encoding="utf-8"))


with_tools = pytest.mark.skipif(
    bool(board.missing_packages()), reason=f"install the packages {' '.join(board.missing_packages())}"
)
BOARDS = ("mps2-an386", "microbit")


def tflm_outputs(model, values):
    pytest.importorskip("tflite_micro", reason="tflite-micro has wheels for Linux on x86-64 only")
    return tflm.run(model, values)


def firmware_outputs(model, board_name, values, folder, **options):
    board.build(model, board_name, folder, **options)
    return board.run(board_name, folder, values)


with_gcc = pytest.mark.skipif(not shutil.which("gcc"), reason="install a C compiler (gcc)")
HOST = """#include <stdio.h>
#include "model.h"
int main(void) {
  while (fread(model_input, 1, MODEL_INPUT_BYTES, stdin) == MODEL_INPUT_BYTES) {
    model_run();
    fwrite(model_output, 1, MODEL_OUTPUT_BYTES, stdout);
  }
  return 0;
}
"""


def host_outputs(model, values, folder, defines=()):
    """Return the rows of an exported model that runs on this machine, int8 (n, outputs): the fast way to many rows."""
    export_c.write(model, folder)
    (folder / "host.c").write_text(HOST)
    command = [
        "gcc",
        "-O2",
        "-Wall",
        "-Werror",
        *[f"-D{define}" for define in defines],
        "host.c",
        "model.c",
        "-o",
        "host",
    ]
    subprocess.run(command, cwd=folder, check=True)
    values = np.ascontiguousarray(values, np.int8)
    done = subprocess.run([folder / "host"], input=values.tobytes(), capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.int8).reshape(len(values), -1)


def int8_model(layers, images, shape=(28, 28, 1)):
    """Return the int8 .tflite of Keras layers with weights of a seed; images: float32, shown to the converter."""
    import tensorflow as tf
    import tf_keras as keras

    keras.utils.set_random_seed(3)
    network = keras.Sequential([keras.layers.Input(shape, batch_size=1), *layers(keras.layers)])
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image.reshape(1, *shape) * 9] for image in images)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def edited(name, change):
    """Return a shipped int8 model as bytes after change(tree), where tree is the FlatBuffer as Python objects."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    tree = schema.ModelT.InitFromPackedBuf(bytearray(model_path(name, "int8").read_bytes()), 0)
    change(tree, schema)
    builder = flatbuffers.Builder(1024)
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def change_operator(tree, schema):
    mean = next(code for code in tree.operatorCodes if code.builtinCode == schema.BuiltinOperator.MEAN)
    mean.builtinCode = mean.deprecatedBuiltinCode = schema.BuiltinOperator.SOFTMAX


def change_dilation(tree, schema):
    tree.subgraphs[0].operators[0].builtinOptions.dilationHFactor = 2


def change_batch(tree, schema):
    graph = tree.subgraphs[0]
    graph.tensors[graph.inputs[0]].shape = [2, 28, 28, 1]


def change_outputs(tree, schema):
    graph = tree.subgraphs[0]
    graph.outputs = [*graph.outputs, graph.operators[0].outputs[0]]


def change_groups(tree, schema):
    graph = tree.subgraphs[0]
    weights = graph.tensors[graph.operators[2].inputs[1]]
    weights.shape = [*weights.shape[:2], weights.shape[2] * 2, weights.shape[3] // 2]


def drop_scale(tree, schema):
    graph = tree.subgraphs[0]
    graph.tensors[graph.inputs[0]].quantization = None


def change_activation(tree, schema):
    tree.subgraphs[0].operators[0].builtinOptions.fusedActivationFunction = schema.ActivationFunctionType.TANH


def change_order(tree, schema):
    operators = tree.subgraphs[0].operators
    operators[1], operators[2] = operators[2], operators[1]


def change_scale(tree, schema):
    graph = tree.subgraphs[0]
    graph.tensors[graph.operators[0].outputs[0]].quantization.scale = [1e-9]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (change_operator, "operator SOFTMAX has no kernel"),
        (change_dilation, "CONV_2D with dilation"),
        (change_batch, r"input is \[2, 28, 28, 1\], the exporter takes one image: convert it with a batch of 1"),
        (change_outputs, "has 2 outputs, the exporter takes one of each"),
        (change_groups, "CONV_2D with groups has no kernel"),
        (drop_scale, "has no scale"),
        (change_activation, "CONV_2D with activation number 4"),
        (change_order, "takes a chain"),
        (change_scale, "CONV_2D makes values larger"),
    ],
)
def test_what_has_no_kernel_is_refused_by_name(change, words):
    with pytest.raises(CourseError, match=words):
        export_c.export(edited("mnist_tiny", change))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (model_path("mnist_cnn", "float32").read_bytes(), "input is FLOAT32"),
        (model_path("mnist_tiny", "int8").read_bytes()[:4000], "cut short or damaged"),
        (b"no model at all", "not a .tflite file"),
    ],
    ids=["float32", "cut short", "no model"],
)
def test_a_wrong_file_is_refused_in_one_sentence(content, words, tmp_path):
    file = tmp_path / "wrong.tflite"
    file.write_bytes(content)
    with pytest.raises(CourseError, match=words):
        export_c.export(file)
    command = [*EXPORT, str(file), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and words in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_file_cut_anywhere_is_refused():
    content = model_path("mnist_nano", "int8").read_bytes()
    for length in range(0, len(content), 53):
        with pytest.raises(CourseError):
            export_c.export(content[:length])


def test_the_program_writes_what_export_returns(tmp_path):
    model = model_path("mnist_nano", "int8")
    command = [*EXPORT, str(model), str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    source, header = export_c.export(model, model.name)
    assert (tmp_path / "model.c").read_text(encoding="utf-8") == source
    assert (tmp_path / "model.h").read_text(encoding="utf-8") == header
    assert (tmp_path / "kernels.h").read_bytes() == (FIRMWARE / "kernels.h").read_bytes()
    if shutil.which("gcc"):  # the folder is all that a compiler needs
        subprocess.run(["gcc", "-c", "-Wall", "-Werror", "model.c"], cwd=tmp_path, check=True)


@pytest.mark.parametrize("real", [0.5, 0.9999999999, 1.0, 4.6474, 0.00713, 2**-31, 1e-12])
def test_a_multiplier_says_the_same_as_the_float(real):
    multiplier, right = export_c.quantize_multiplier(real)
    assert multiplier == 0 or 2**30 <= multiplier < 2**31
    assert abs(multiplier / 2**31 / 2.0**right - real) <= max(real * 2**-31, 2**-32)


def test_the_arena_is_the_largest_pair_of_neighbours():
    # 28 x 28 x 16 after the first convolution, and a quarter of it after the pooling
    source, header = export_c.export(model_path("mnist_cnn", "int8"))
    assert f"arena[{28 * 28 * 16 + 14 * 14 * 16}]" in source
    assert "MODEL_INPUT_BYTES 784" in header and "MODEL_OUTPUT_BYTES 10" in header


@with_tools
@pytest.mark.parametrize(
    ("name", "board_name", "count"),
    [
        ("mnist_nano", "mps2-an386", 1000),
        ("mnist_nano", "microbit", 1000),
        ("mnist_tiny", "mps2-an386", 1000),
        ("mnist_tiny", "microbit", 1000),
        ("mnist_small", "mps2-an386", 200),
        ("mnist_small", "microbit", 100),
        ("mnist_ds", "mps2-an386", 200),
        ("mnist_ds", "microbit", 100),
        ("mnist_cnn", "mps2-an386", 200),
    ],
)
def test_the_firmware_answers_as_tflm(name, board_name, count, tmp_path):
    model, values = model_path(name, "int8"), golden.golden_images()[:count]
    outputs, cost = firmware_outputs(model, board_name, values, tmp_path)
    assert np.array_equal(outputs, tflm_outputs(model.read_bytes(), values))
    (stored,) = [row for row in STORED["boards"] if (row["model"], row["board"]) == (name, board_name)]
    assert cost["instructions"] == pytest.approx(stored["instructions"], rel=0.25)
    assert cost["stack"] < 1024


@with_tools
def test_other_paddings_strides_and_clamps(tmp_path):
    """What the small models do not use: VALID, strides that differ, windows that are not square, ReLU6, means."""
    images = golden.golden_images(np.float32)[:100]
    model = int8_model(
        lambda layers: [
            layers.Conv2D(5, (3, 2), (2, 1), padding="valid", activation="relu6"),
            layers.AveragePooling2D((2, 3), (1, 2), padding="same"),
            layers.DepthwiseConv2D(3, 2, padding="same"),
            layers.MaxPooling2D(3, 2, padding="same"),
            layers.Conv2D(3, 3, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(7),
        ],
        images,
    )
    values = golden.golden_images()[:100]
    reference = tflm_outputs(model, values)
    assert len(np.unique(reference)) > 20
    for board_name in BOARDS:
        assert np.array_equal(firmware_outputs(model, board_name, values, tmp_path)[0], reference)


@with_gcc
@pytest.mark.parametrize("like", board.ROUNDING)
@pytest.mark.parametrize("name", golden.MODELS)
def test_every_row_of_every_model_in_each_rounding(name, like, tmp_path):
    model, values = model_path(name, "int8"), golden.golden_images()
    found = host_outputs(model, values, tmp_path, board.ROUNDING[like])
    if like == "TFLM":
        expected = tflm_outputs(model.read_bytes(), values)
    else:
        stored = golden.load_golden()[name]
        expected = stored if like == "LiteRT reference" else golden.run_litert(model, values, "XNNPACK")
    assert (found == expected).all(axis=1).sum() == len(values) == 1000


def watch_windows():
    """Return int8 windows of three people, (n, size, 1, 6), as the watch's model takes them."""
    samples, _, _ = sensors.cut_windows([record for record in load_watch() if record.person in (8, 9, 10)])
    details = evaluation.make_interpreter(WATCH).get_input_details()[0]
    return evaluation.quantize_input(samples.astype(np.float32), details).reshape(-1, *details["shape"][1:])


WATCH = ROOT / "assets" / "models" / "watch_int8.tflite"


@with_gcc
def test_the_model_of_the_watch_gives_every_row_of_litert(tmp_path):
    windows = watch_windows()
    assert len(windows) > 2000
    found = host_outputs(WATCH, windows, tmp_path, board.ROUNDING["LiteRT reference"])
    assert np.array_equal(found, golden.run_litert(WATCH, windows).reshape(len(windows), -1))


@with_tools
def test_the_model_of_the_watch_runs_on_a_microbit(tmp_path):
    windows = watch_windows()[::40]
    outputs, cost = firmware_outputs(WATCH, "microbit", windows, tmp_path)
    assert np.array_equal(outputs, golden.run_litert(WATCH, windows).reshape(len(windows), -1))
    assert cost["stack"] < 1024


@with_tools
def test_a_network_of_dense_layers_alone_compiles(tmp_path):
    images = golden.golden_images(np.float32)[:60]
    model = int8_model(lambda layers: [layers.Dense(17, "relu"), layers.Dense(10)], images, shape=(784,))
    assert "patch" not in export_c.export(model)[0]
    values = golden.golden_images()[:60]
    reference = golden.run_litert(model, values)
    for board_name in BOARDS:
        outputs, _ = firmware_outputs(model, board_name, values, tmp_path, defines=board.ROUNDING["LiteRT reference"])
        assert np.array_equal(outputs, reference)


@with_gcc
def test_a_row_longer_than_16_bits_can_count(tmp_path):
    images = golden.golden_images(np.float32)[:60]
    model = int8_model(
        lambda layers: [layers.Conv2D(44, 3, padding="same"), layers.Flatten(), layers.Dense(10)], images
    )
    assert ".row = 34496" in export_c.export(model)[0]
    values = golden.golden_images()[:60]
    found = host_outputs(model, values, tmp_path, board.ROUNDING["LiteRT reference"])
    assert np.array_equal(found, golden.run_litert(model, values))


def test_what_16_bits_cannot_count_is_refused(monkeypatch):
    monkeypatch.setattr(export_c, "MOST", 20)
    with pytest.raises(CourseError, match=r"In CONV_2D the \w+ is \d+, the kernels count to 20: make this layer"):
        export_c.export(model_path("mnist_tiny", "int8"))


def test_a_dense_layer_on_several_rows_is_refused():
    images = golden.golden_images(np.float32)[:60]
    model = int8_model(lambda layers: [layers.Dense(4), layers.Flatten(), layers.Dense(10)], images, shape=(28, 28))
    with pytest.raises(CourseError, match="flatten its input first|has no kernel"):
        export_c.export(model)


@with_tools
@pytest.mark.parametrize("like", board.ROUNDING)
def test_each_way_to_round_is_that_of_its_runtime_and_of_no_other(like, tmp_path):
    model, values = model_path("mnist_nano", "int8"), golden.golden_images()[:200]
    outputs, _ = firmware_outputs(model, "mps2-an386", values, tmp_path, defines=board.ROUNDING[like])
    references = {
        "TFLM": tflm_outputs(model.read_bytes(), values),
        "LiteRT reference": golden.load_golden()["mnist_nano"][:200],
        "XNNPACK": golden.run_litert(model, values, "XNNPACK"),
    }
    assert [other for other, rows in references.items() if np.array_equal(outputs, rows)] == [like]


@with_tools
def test_a_board_with_too_little_memory(tmp_path):
    with pytest.raises(CourseError, match=r"mnist_cnn does not fit on microbit, [\d,]+ bytes of RAM are lacking"):
        board.build(model_path("mnist_cnn", "int8"), "microbit", tmp_path, name="mnist_cnn")


def test_an_unknown_board(tmp_path):
    with pytest.raises(CourseError, match="no board 'arduino': choose from mps2-an386, microbit"):
        board.build(model_path("mnist_nano", "int8"), "arduino", tmp_path)


@pytest.mark.parametrize("action", ["build", "run"])
def test_a_missing_tool_is_named(action, tmp_path, monkeypatch):
    monkeypatch.setattr(board.shutil, "which", lambda program: None)
    assert board.missing_packages() == ["gcc-arm-none-eabi", "qemu-system-arm"]
    with pytest.raises(CourseError, match="is not installed: install the package"):
        if action == "build":
            board.build(model_path("mnist_nano", "int8"), "microbit", tmp_path)
        else:
            board.run("microbit", tmp_path, golden.golden_images()[:1])


@with_tools
def test_wrong_images_and_a_firmware_that_does_not_end(tmp_path):
    board.build(model_path("mnist_nano", "int8"), "microbit", tmp_path)
    with pytest.raises(CourseError, match="read 2 images where 3 were given"):
        board.run("microbit", tmp_path, np.zeros((3, 28, 20), np.int8))
    with pytest.raises(CourseError, match="did not end within"):
        board.run("microbit", tmp_path, np.zeros((1000, 28, 28), np.int8), timeout=0.2)
    (tmp_path / "firmware.elf").write_bytes(b"\0" * 100)
    with pytest.raises(CourseError, match="stopped on microbit|did not end"):
        board.run("microbit", tmp_path, np.zeros((1, 28, 28), np.int8), timeout=20)


@with_tools
def test_a_stack_that_does_not_fit_is_a_linker_error(tmp_path):
    """board.build() takes the reserved stack out of the RAM that it reports."""
    text = (FIRMWARE / "sections.ld").read_text(encoding="utf-8")
    assert re.search(r"\.stack .*\. \+= 1K", text)
    size = board.build(model_path("mnist_nano", "int8"), "microbit", tmp_path)
    arena = int(re.search(r"arena\[(\d+)\]", (tmp_path / "model.c").read_text(encoding="utf-8"))[1])
    assert arena <= size["ram"] <= arena + 1024


def test_the_stored_record():
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", STORED["date"])
    assert STORED["command"] == "python -m tflite_course.authoring firmware"
    assert {"gcc-arm-none-eabi", "qemu-system-arm", "tflite-micro", "ethos-u-vela"} <= set(STORED["versions"])
    against_tflm = [row for row in STORED["rows"] if row["against"] == "TFLM, x86-64"]
    assert len(against_tflm) == 9 and all(row["bit_exact"] == row["of"] == 1000 for row in against_tflm)
    assert [(row["model"], row["board"]) for row in STORED["boards"] if "refused" in row] == [("mnist_cnn", "microbit")]
    assert len(STORED["rounding"]) == 15
    assert all(row[row["like"]] == row["of"] == 1000 for row in STORED["rounding"])


def test_no_more_instructions_than_cmsis_nn():
    rows = {row["model"]: row for row in STORED["cmsis_nn"]}
    assert set(golden.MODELS) | {"tutorial network"} == set(rows)
    assert all(row["course"] <= row["cmsis_nn"] for row in rows.values())


def test_the_arena_of_tflm_is_as_stored():
    pytest.importorskip("tflite_micro", reason="tflite-micro has wheels for Linux on x86-64 only")
    for row in STORED["tflm"]:
        content = model_path(row["model"], "int8").read_bytes()
        tflm.make_interpreter(content, row["arena"])
        with pytest.raises(RuntimeError, match="failed to allocate"):
            tflm.make_interpreter(content, row["arena"] - 16)


def test_vela_gives_what_is_stored(tmp_path):
    pytest.importorskip("ethosu.vela", reason="install ethos-u-vela (pip)")
    (stored,) = [row for row in STORED["vela"] if (row["model"], row["accelerator"]) == ("mnist_tiny", "ethos-u55-128")]
    command = [
        sys.executable,
        "-m",
        "ethosu.vela",
        str(model_path("mnist_tiny", "int8")),
        "--output-dir",
        str(tmp_path),
    ]
    command += ["--accelerator-config", "ethos-u55-128", "--output-dir", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    (summary,) = tmp_path.glob("*_summary_*.csv")
    assert summary.read_text(encoding="utf-8").split()[-1].endswith(f",{stored['cycles']}")
