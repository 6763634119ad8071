"""A runtime-only environment against full TensorFlow, and the golden vectors on x86-64 and on 64-bit Arm in emulation.

    python -m tflite_course.authoring linux             everything, five minutes: writes linux.json
    python -m tflite_course.authoring linux --prepare   only the environment for Arm: lesson 10 runs it live

Needs Linux on x86-64, a network, and for Arm the Debian packages qemu-user-static and mmdebstrap. Everything is made in
build/targets/linux/, 250 MB that stay (and 2 GB that do not).
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

from tflite_course.authoring import ROOT
from tflite_course.errors import CourseError
from tflite_course.models import model_path
from tflite_course.targets import golden

BUILD = ROOT / "build" / "targets" / "linux"
ARM_ROOT, ARM_PACKAGES = BUILD / "root", BUILD / "packages"
FRAMES = 12

# The Debian release whose Python the wheels are for; no kernel, no shell: Python and what its extensions link to.
RELEASE, PYTHON = "bookworm", "3.11"
DEBIAN = "python3.11,python3.11-minimal,libpython3.11-stdlib,libstdc++6,zlib1g"
RUNTIME = ("ai-edge-litert", "numpy")
WHEELS = ("manylinux_2_27_aarch64", "manylinux_2_28_aarch64", "manylinux2014_aarch64")


def run(*command, **options):
    """Run a command; return what it prints. Raises CourseError with its last line when it fails."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, **options)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise CourseError(f"{Path(command[0]).name} ended with {done.returncode}: {last}")
    return done.stdout


def pip(*arguments):
    return run(sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments)


def pinned(*names):
    return [f"{name}=={version(name)}" for name in names]


def missing_tools():
    """Return one line that names what emulation of Arm lacks on this machine, or None."""
    if platform.system() != "Linux" or golden.architecture() != "x86-64":
        return "Arm is emulated on Linux with x86-64 only: on Arm run `python -m tflite_course.targets.golden`."
    tools = {"qemu-aarch64-static": "qemu-user-static", "mmdebstrap": "mmdebstrap"}
    missing = [package for tool, package in tools.items() if not shutil.which(tool)]
    return f"Arm cannot be emulated here: install the package {' and '.join(missing)}." if missing else None


def make_arm():
    """Make the files of a small Debian for 64-bit Arm with Python, LiteRT and NumPy, unless they are there.

    Nothing is installed on this machine. Raises CourseError for a missing tool or network.
    """
    missing = missing_tools()
    if missing:
        raise CourseError(missing)
    stamp, wanted = BUILD / "stamp", " ".join([RELEASE, DEBIAN, *pinned(*RUNTIME)])
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.mkdir(parents=True)
    # qemu is called by name here, so the check that the kernel knows it is skipped
    options = ("--variant=extract", "--architectures=arm64", "--skip=check/qemu")
    run("mmdebstrap", *options, f"--include={DEBIAN}", RELEASE, ARM_ROOT)
    platforms = [f"--platform={wheel}" for wheel in WHEELS]
    options = ("--only-binary=:all:", f"--python-version={PYTHON}", "--implementation=cp")
    pip("install", "--no-compile", f"--target={ARM_PACKAGES}", *platforms, *options, *pinned(*RUNTIME), *constraints())
    write_identity(ARM_ROOT)
    stamp.write_text(wanted)


def constraints():
    return ("--constraint", ROOT / "constraints.txt")


def write_identity(root, cores=4):
    """Write what the processor of a Raspberry Pi 4 says of itself into the folders proc and sys of an Arm root.

    LiteRT asks /proc and /sys for the number and kind of cores. Without these files it would read those of the x86-64
    below, and end with a segmentation fault: QEMU takes files under its prefix (-L) first, also these.
    """
    processor = "processor\t: {}\nFeatures\t: fp asimd evtstrm crc32 cpuid\nCPU implementer\t: 0x41\n"
    processor += "CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: 0xd08\nCPU revision\t: 3\n\n"
    files = {"proc/cpuinfo": "".join(map(processor.format, range(cores)))}
    files |= {f"sys/devices/system/cpu/{name}": f"0-{cores - 1}" for name in ("possible", "present", "online")}
    files["sys/devices/system/cpu/kernel_max"] = str(cores - 1)
    for core in range(cores):
        folder = f"sys/devices/system/cpu/cpu{core}"
        files[f"{folder}/topology/core_siblings_list"] = f"0-{cores - 1}"
        files[f"{folder}/topology/physical_package_id"] = "0"
        files[f"{folder}/cpufreq/cpuinfo_max_freq"] = "1500000"
        files[f"{folder}/cpufreq/cpuinfo_min_freq"] = "600000"
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text + "\n")


def emulated(*arguments):
    """Return the command and the environment that run Python for Arm with arguments, in emulation."""
    python = ARM_ROOT / "usr" / "bin" / f"python{PYTHON}"
    command = ["qemu-aarch64-static", "-cpu", "cortex-a72", "-L", ARM_ROOT, python, *arguments]
    paths = {"PYTHONPATH": os.pathsep.join([str(ARM_PACKAGES), str(ROOT)]), "PYTHONDONTWRITEBYTECODE": "1"}
    return [str(part) for part in command], {**os.environ, **paths, "LC_ALL": "C.UTF-8"}


def arm_rows(models=golden.MODELS, count=golden.COUNT):
    """Run the golden vectors in emulation: return (rows against the reference, the same against x86-64's kernels)."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.npz"
        options = ("--models", *models, "--count", count, "--rows", file)
        command, environment = emulated("-m", "tflite_course.targets.golden", *options)
        run(*command, env=environment)
        with np.load(file) as arrays:
            found = dict(arrays)
    here, (expected, rows, others) = golden.measure(models, count=count)[1], (golden.load_golden(), [], [])
    for key, values in found.items():
        name, kernels = key.split(", ")
        row = {"runtime": f"LiteRT {kernels}, aarch64 in QEMU", "model": name, "against": "LiteRT reference"}
        rows.append(row | golden.agreement(values, expected[name][:count]))
        others.append(row | {"against": f"LiteRT {kernels}, x86-64"} | golden.agreement(values, here[key]))
    return rows, others


def tflm_rows(models=golden.MODELS, count=golden.COUNT):
    """Run the golden vectors in TensorFlow Lite Micro's interpreter, compiled for x86-64."""
    from tflite_micro.python.tflite_micro import runtime

    expected, images, rows = golden.load_golden(), golden.golden_images()[:count], []
    for name in models:
        content = model_path(name, "int8").read_bytes()
        interpreter = runtime.Interpreter.from_bytes(content, arena_size=200_000)
        found = []
        for image in images:
            interpreter.set_input(image.reshape(interpreter.get_input_details(0)["shape"]), 0)
            interpreter.invoke()
            found.append(interpreter.get_output(0)[0])
        row = {"runtime": "TFLM, x86-64", "model": name, "against": "LiteRT reference"}
        rows.append(row | golden.agreement(np.stack(found), expected[name][:count]))
    return rows


def write_frames(folder, count=FRAMES):
    """Write the first test images as PGM files into a folder, as a camera would."""
    for number, image in enumerate(golden.golden_images(np.uint8)[:count]):
        (folder / f"frame_{number:03}.pgm").write_bytes(b"P5\n28 28\n255\n" + image.tobytes())


def program_lines(emulate):
    """Return what assets/edge/read_digits.py prints for the first test images, here or in emulation."""
    with tempfile.TemporaryDirectory() as folder:
        write_frames(Path(folder))
        program = ROOT / "assets" / "edge" / "read_digits.py"
        arguments = (program, model_path("mnist_small", "int8"), folder, "--until-silence", "--patience", "0.5")
        command, environment = emulated(*arguments) if emulate else ([sys.executable, *arguments], None)
        return run(*command, env=environment).splitlines()


def environment_costs(name, packages, repeats=5):
    """Make an environment with packages, measure it, throw it away: return a dict.

    "installed": MB of files (10**6 bytes); "install": seconds; "memory", "cpu", "wall", "modules": of
    first_prediction.py, the median of repeats after one start that writes Python's caches.
    """
    probe = ROOT / "assets" / "edge" / "first_prediction.py"
    with tempfile.TemporaryDirectory() as folder:
        run(sys.executable, "-m", "venv", "--without-pip", folder)
        python = Path(folder) / "bin" / "python"
        start = time.monotonic()
        pip("--python", python, "install", "--no-compile", *pinned(*packages), *constraints())
        seconds = time.monotonic() - start
        site = next(Path(folder).glob("lib/python*/site-packages"))
        installed = sum(file.stat().st_size for file in site.rglob("*") if file.is_file())
        starts = [json.loads(run(python, probe, name, model_path("mnist_small", "int8"))) for _ in range(1 + repeats)]
    medians = {key: round(statistics.median(one[key] for one in starts[1:]), 3) for key in starts[0]}
    return {"packages": pinned(*packages), "installed": round(installed / 1e6), "install": round(seconds), **medians}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--prepare", action="store_true", help="only make the environment for Arm")
    options = parser.parse_args()
    make_arm()
    if options.prepare:
        return
    environments = {
        "LiteRT alone": environment_costs("litert", RUNTIME),
        "full TensorFlow": environment_costs("tensorflow", ("tensorflow", "numpy")),
    }
    program = {f"lines{where}": program_lines(emulate=bool(where)) for where in ("", " in emulation")}
    hundred = {row["against"].split()[1].strip(","): row["bit_exact"] for row in arm_rows(["mnist_nano"], 100)[1]}
    program["equal rows of the first 100"] = hundred
    rows, others = arm_rows()
    versions = {name: version(name) for name in (*RUNTIME, "tensorflow", "tflite-micro")}
    versions["qemu-user-static"] = run("qemu-aarch64-static", "--version").split()[2]
    golden.store_target(
        ROOT / "assets" / "targets" / "linux.json",
        [*golden.measure()[0], *tflm_rows(), *rows, *others],
        command="python -m tflite_course.authoring linux",
        versions={"python": platform.python_version(), **versions},
        environments=environments,
        program=program,
    )


if __name__ == "__main__":
    try:
        main()
    except CourseError as error:
        sys.exit(str(error))
