"""Build the firmware of an exported model with gcc and run it on an emulated board (QEMU).

python -m tflite_course.targets.firmware.board model.tflite microbit     # 1,000 test images, and what they cost
"""

import re
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from tflite_course.errors import CourseError
from tflite_course.resources import resource
from tflite_course.targets.firmware.export_c import write

SOURCE = resource("assets/firmware/main.c").parent


# QEMU's name of the board, which is also the name of its linker script: its processor.
BOARDS = {"mps2-an386": "cortex-m4", "microbit": "cortex-m0"}
# Whose rounding the kernels follow: macros for kernels.h.
ROUNDING = {"TFLM": (), "LiteRT reference": ("LIKE_LITERT_REFERENCE",), "XNNPACK": ("LIKE_XNNPACK",)}
PACKAGES = {"arm-none-eabi-gcc": "gcc-arm-none-eabi", "qemu-system-arm": "qemu-system-arm"}
COMPILER = "arm-none-eabi-gcc -mthumb -O2 -std=gnu11 -masm-syntax-unified -Wall -Werror -Wno-unused-function"
# There is no C library: gcc must not turn loops into calls of memcpy.
COMPILER += " -nostdlib -ffreestanding -fno-tree-loop-distribute-patterns -ffunction-sections -Wl,--gc-sections"
EMULATOR = "qemu-system-arm -nographic -monitor none -serial none -icount shift=0"
EMULATOR += " -semihosting-config enable=on,target=native"


def missing_packages():
    """Return the packages (Debian's and Ubuntu's names) that must be installed before build() and run() work."""
    return [package for program, package in PACKAGES.items() if not shutil.which(program)]


def build(model, board, folder, *, name="The model", defines=()):
    """Export a model and compile its firmware to folder/firmware.elf: return {"flash", "ram"}, bytes.

    ram: what the linker placed there; the stack comes on top, see run(). defines: macros for kernels.h.
    Raises CourseError for a missing compiler, an unknown board, a model that cannot be exported, and one that is too
    large for the board.
    """
    if board not in BOARDS:
        raise CourseError(f"There is no board '{board}': choose from {', '.join(BOARDS)}.")
    _need("arm-none-eabi-gcc")
    folder = Path(folder)
    write(model, folder, name)
    command = [*COMPILER.split(), f"-mcpu={BOARDS[board]}", *[f"-D{define}" for define in defines]]
    command += [f"-I{SOURCE}", "-I.", "model.c", *[str(SOURCE / file) for file in ("main.c", "startup.c")]]
    command += ["-lgcc", f"-L{SOURCE}", f"-T{SOURCE / board}.ld", "-o", "firmware.elf"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        overflow = re.findall(r"region `(\w+)' overflowed by (\d+) bytes", done.stderr)
        if overflow:
            lacking = " and ".join(f"{int(count):,} bytes of {memory}" for memory, count in overflow)
            raise CourseError(f"{name} does not fit on {board}, {lacking} are lacking: take a smaller model or board.")
        lines = [line for line in done.stderr.splitlines() if "error" in line] or ["no reason given"]
        raise CourseError(f"The firmware could not be compiled ({lines[0].strip()}).")
    size = subprocess.run(
        ["arm-none-eabi-size", "firmware.elf"], cwd=folder, capture_output=True, text=True, check=True
    )
    text, data, bss = (int(n) for n in size.stdout.splitlines()[1].split()[:3])
    reserved = 1024  # sections.ld keeps it free for the stack, and size counts it
    return {"flash": text + data, "ram": data + bss - reserved}


def run(board, folder, values, *, timeout=300):
    """Run folder/firmware.elf on int8 images (n, ...): return (outputs, cost).

    outputs: int8 (n, outputs of the model). cost: {"instructions": for one image, on average; "stack": bytes}.
    QEMU counts instructions, not cycles: it knows nothing of wait states and pipelines.
    Raises CourseError for a missing emulator, images of another size and a firmware that stops or hangs.
    """
    _need("qemu-system-arm")
    folder = Path(folder)
    (folder / "input.bin").write_bytes(np.ascontiguousarray(values, np.int8).tobytes())
    command = [*EMULATOR.split(), "-M", board, "-kernel", "firmware.elf"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise CourseError(f"The firmware did not end within {timeout} s: give it fewer images, or debug it.") from None
    if done.returncode:
        message = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise CourseError(f"The firmware stopped on {board} ({message}): check the size of its input and its memory.")
    images, ticks, million, stack = struct.unpack("<4I", (folder / "report.bin").read_bytes())
    if images != len(values) or not images:
        raise CourseError(
            f"The firmware read {images} images where {len(values)} were given: give at least one, as int8 of the size "
            f"of the model's input."
        )
    outputs = np.frombuffer((folder / "output.bin").read_bytes(), np.int8).reshape(images, -1)
    return outputs, {"instructions": round(ticks / images * 1_000_000 / million), "stack": stack}


def _need(program):
    if not shutil.which(program):
        raise CourseError(f"{program} is not installed: install the package {PACKAGES[program]} (Debian, Ubuntu).")


def main():
    if len(sys.argv) != 3:
        sys.exit(
            f"Give a model and a board: python -m tflite_course.targets.firmware.board model.tflite {'|'.join(BOARDS)}"
        )
    from tflite_course.targets import golden

    expected = golden.load_golden()["labels"]
    with tempfile.TemporaryDirectory() as folder:
        try:
            size = build(sys.argv[1], sys.argv[2], folder, name=Path(sys.argv[1]).name)
            outputs, cost = run(sys.argv[2], folder, golden.golden_images())
        except CourseError as error:
            sys.exit(str(error))
    print(f"{np.mean(outputs.argmax(1) == expected):.1%} right, {size | cost}")


if __name__ == "__main__":
    main()
