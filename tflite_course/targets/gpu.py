"""CompiledModel on a GPU, in a process of its own: a driver that crashes then ends nothing else.

Without a GPU there is SwiftShader, which computes what a Vulkan driver is asked for on the processor; Chromium brings
it along. LiteRT reaches a GPU through WebGPU, and that through Vulkan, Metal or Direct3D.
"""

import io
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from tflite_course.errors import CourseError
from tflite_course.models import read_model

# Where distributions put the driver of their Chromium.
SWIFTSHADER = tuple(
    Path(folder, "libvk_swiftshader.so")
    for folder in ("/usr/lib/chromium", "/usr/lib64/chromium", "/usr/lib64/chromium-browser", "/opt/google/chrome")
)
PROGRAM = """
import io, json, sys, time
import numpy as np
from ai_edge_litert.compiled_model import CompiledModel, HardwareAccelerator, Options

path, names, size = sys.argv[1], sys.argv[2].split("+"), int(sys.argv[3])
accelerators = HardwareAccelerator(sum(HardwareAccelerator[name] for name in names))
model = CompiledModel.from_file(path, options=Options(hardware_accelerators=accelerators))
inputs, outputs = model.create_input_buffers(0), model.create_output_buffers(0)
logits, times = [], []
for batch in np.load(io.BytesIO(sys.stdin.buffer.read())):
    inputs[0].write(batch)
    start = time.perf_counter_ns()
    model.run_by_index(0, inputs, outputs)
    logits.append(outputs[0].read(size, np.float32).tolist())
    times.append((time.perf_counter_ns() - start) / 1000)
print(json.dumps({"whole": model.is_fully_accelerated(), "logits": logits, "times": times}))
"""


def swiftshader():
    """Return the path of SwiftShader's Vulkan driver, None where there is none."""
    return next((path for path in SWIFTSHADER if path.is_file()), None)


def run_on(model, batches, accelerator="GPU", *, driver=None, timeout=300):
    """Run a .tflite model with CompiledModel; return {"whole", "logits", "times", "adapter", "nodes"}.

    batches: float32 (n, batch, 28, 28), what the file takes, n calls. accelerator: "CPU", "GPU" or "GPU+CPU". driver:
    of Vulkan, as swiftshader() gives it; None leaves the choice to the system.
    whole: does it run every operator? logits: float32 (n * batch, 10). times: microseconds, (n,), with the answer read.
    adapter: the GPU's name, "" for the CPU. nodes: (operators that the GPU took, all operators), None without a GPU.
    Raises CourseError when LiteRT refuses the model, the process dies or the time is over.
    """
    batches = np.ascontiguousarray(batches, np.float32)
    sent = io.BytesIO()
    np.save(sent, batches)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.tflite")
        path.write_bytes(read_model(model))
        command = [sys.executable, "-c", PROGRAM, str(path), accelerator, str(10 * batches.shape[1])]
        try:
            done = subprocess.run(
                command, input=sent.getvalue(), capture_output=True, timeout=timeout, env=_environment(folder, driver)
            )
        except subprocess.TimeoutExpired:
            raise CourseError(f"{accelerator} gave no answer within {timeout} s: send fewer images.") from None
    said = done.stderr.decode(errors="replace")
    if done.returncode:
        raise CourseError(_why(said, accelerator, done.returncode))
    found = json.loads(done.stdout.splitlines()[-1])  # the driver prints, too
    adapter = re.search(r"Selected adapter: ([^,\n]+)", said)
    took = re.findall(r"Replacing (\d+) out of (\d+) node\(s\) with delegate \(([^)]*)\)", said)
    nodes = next(((int(part), int(of)) for part, of, name in took if "XNN" not in name.upper()), None)
    return {
        "whole": found["whole"],
        "logits": np.array(found["logits"], np.float32).reshape(-1, 10),
        "times": np.array(found["times"]),
        "adapter": adapter[1].strip() if adapter and "GPU" in accelerator else "",
        "nodes": nodes,
    }


def _environment(folder, driver):
    """Return the environment of the child: with a driver, the file that names it to Vulkan's loader."""
    environment = {**os.environ}
    if driver is not None:
        manifest = Path(folder, "driver.json")
        content = {"file_format_version": "1.0.0", "ICD": {"library_path": str(driver), "api_version": "1.1"}}
        manifest.write_text(json.dumps(content), encoding="utf-8")
        libraries = filter(None, [str(Path(driver).parent), environment.get("LD_LIBRARY_PATH")])
        environment |= {"VK_ICD_FILENAMES": str(manifest), "LD_LIBRARY_PATH": os.pathsep.join(libraries)}
    return environment


def _why(said, accelerator, code):
    if "Failed to modify graph with delegate" in said:
        return (
            f"{accelerator} refuses the model: fix its batch, and leave no operator that computes shapes (lesson 02)."
        )
    if "No adapter" in said or "Failed to create WebGPU" in said or "Failed to create" in said:
        return f"There is no {accelerator} that LiteRT can use: install a Vulkan driver, or Chromium for SwiftShader."
    last = next((line for line in reversed(said.splitlines()) if line.strip()), "no message")
    return f"{accelerator} ended with code {code} ({last.strip()[:120]}): take the CPU."
