"""Run the int8 models of the course on emulated microcontrollers and store what it costs in firmware.json.

    python -m tflite_course.authoring firmware                    # about 3 minutes
    python -m tflite_course.authoring firmware --bakenn PYTHON    # CMSIS-NN too; PYTHON has bakenn[tflite]==1.0.0

It needs the packages gcc-arm-none-eabi and qemu-system-arm, and what requirements-dev.txt names. Without --bakenn the
stored rows of CMSIS-NN stay as they are: bakenn brings Arm's kernels, and wants an environment of its own.
"""

import argparse
import csv
import json
import os
import re
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from tflite_course.authoring import ROOT
from tflite_course.errors import CourseError
from tflite_course.models import model_path
from tflite_course.targets import golden, tflm
from tflite_course.targets.firmware import board

STORED = ROOT / "assets" / "targets" / "firmware.json"
ACCELERATORS = ("ethos-u55-32", "ethos-u55-128", "ethos-u55-256")
CORES = {"mps2-an386": "Cortex-M4", "microbit": "Cortex-M0"}


def native_output(action):
    """Run action() and return what C and C++ wrote to file descriptor 2 meanwhile."""
    with tempfile.TemporaryFile() as file:
        kept = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            action()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        file.seek(0)
        return file.read().decode()


def measure_tflm(name):
    """Return the arena that TFLM needs for a model, bytes: the tensors (head) and what the interpreter keeps (tail)."""
    model = model_path(name, "int8")
    report = native_output(tflm.make_interpreter(model).print_allocations)
    head, tail = (int(re.search(rf"allocation {part} (\d+)", report)[1]) for part in ("head", "tail"))
    return {"model": name, "arena": tflm.smallest_arena(model), "head": head, "tail": tail}


def firmware_outputs(name, board_name, values, defines=()):
    """Return (outputs, cost) of a model's firmware on int8 images; cost has its flash, RAM, stack and instructions."""
    with tempfile.TemporaryDirectory() as folder:
        size = board.build(model_path(name, "int8"), board_name, folder, name=name, defines=defines)
        outputs, cost = board.run(board_name, folder, values)
    return outputs, size | cost


def measure_boards(names=golden.MODELS, count=golden.COUNT):
    """Run models on all boards: return (rows for store_target, costs), a row against TFLM and one against LiteRT.

    A row of costs has "flash", "ram" and "stack" (bytes) and "instructions" (for one image), or "refused", a sentence.
    """
    values, expected, rows, costs = golden.golden_images()[:count], golden.load_golden(), [], []
    for name in names:
        references = {
            "LiteRT reference": expected[name][:count],
            "TFLM, x86-64": tflm.run(model_path(name, "int8"), values),
        }
        for board_name in board.BOARDS:
            try:
                outputs, cost = firmware_outputs(name, board_name, values)
            except CourseError as error:
                costs.append({"model": name, "board": board_name, "refused": str(error)})
                continue
            costs.append({"model": name, "board": board_name, **cost})
            for against, reference in references.items():
                row = {"runtime": f"C on {CORES[board_name]} in QEMU", "model": name, "against": against}
                rows.append(row | golden.agreement(outputs, reference))
    return rows, costs


def measure_rounding(names=golden.MODELS, count=golden.COUNT):
    """Return how many output rows are those of TFLM, LiteRT and XNNPACK, for each way to round in kernels.h."""
    values, expected, rows = golden.golden_images()[:count], golden.load_golden(), []
    for name in names:
        model = model_path(name, "int8")
        references = {
            "TFLM": tflm.run(model, values),
            "LiteRT reference": expected[name][:count],
            "XNNPACK": golden.run_litert(model, values, "XNNPACK"),
        }
        for like, defines in board.ROUNDING.items():
            outputs, _ = firmware_outputs(name, "mps2-an386", values, defines)
            equal = {other: golden.agreement(outputs, found)["bit_exact"] for other, found in references.items()}
            rows.append({"model": name, "like": like, **equal, "of": count})
    return rows


def measure_vela(name, accelerator):
    """Return vela's estimate for a model on an Ethos-U: cycles, time, memory. An estimate: nothing is executed."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "ethosu.vela", str(model_path(name, "int8"))]
        command += ["--accelerator-config", accelerator, "--output-dir", folder]
        subprocess.run(command, capture_output=True, check=True)
        (summary,) = Path(folder).glob("*_summary_*.csv")
        (row,) = csv.DictReader(summary.read_text(encoding="utf-8").splitlines())
    return {
        "model": name,
        "accelerator": accelerator,
        "system": row["system_config"],
        "megahertz": float(row["core_clock"]) / 1e6,
        "cycles": round(float(row["cycles_total"])),
        "microseconds": round(float(row["inference_time"]) * 1e6, 1),
        "sram": round(float(row["sram_memory_used"]) * 1024),
        "flash": round(float(row["off_chip_flash_memory_used"]) * 1024),
        "macs": int(float(row["nn_macs"])),
    }


def tool_version(program):
    """Return the version that a program of the tool chain states of itself."""
    text = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return re.search(r"\d+\.\d+\.\d+", text)[0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bakenn", metavar="PYTHON", help="a Python that has bakenn[tflite]==1.0.0")
    arguments = parser.parse_args()
    if arguments.bakenn:
        from tflite_course.authoring.targets import cmsis_nn

        kernels = cmsis_nn.measure(arguments.bakenn)
    else:
        kernels = json.loads(STORED.read_text(encoding="utf-8"))["cmsis_nn"]
    rows, costs = measure_boards()
    packages = ("ai-edge-litert", "tflite-micro", "ethos-u-vela")
    tools = {"gcc-arm-none-eabi": "arm-none-eabi-gcc", "qemu-system-arm": "qemu-system-arm"}
    golden.store_target(
        STORED,
        rows,
        command="python -m tflite_course.authoring firmware",
        versions={package: version(package) for package in packages}
        | {package: tool_version(program) for package, program in tools.items()},
        boards=costs,
        tflm=[measure_tflm(name) for name in golden.MODELS],
        rounding=measure_rounding(),
        vela=[measure_vela(name, kind) for name in golden.MODELS for kind in ACCELERATORS],
        cmsis_nn=kernels,
    )


if __name__ == "__main__":
    main()
