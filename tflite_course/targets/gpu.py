"""CompiledModel on a GPU, in a process of its own: a driver that crashes then ends nothing else.

Without a GPU there is SwiftShader, which computes on the processor what a Vulkan driver is asked for; Chromium brings
it along. The LiteRT of pip reaches a GPU through WebGPU, and WebGPU reaches it through Vulkan on Linux.
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
from tflite_course.models.flatbuffer import one_operator
from tflite_course.runtime import make_interpreter, operators

# Where distributions put the driver of their Chromium.
SWIFTSHADER = tuple(
    Path(folder, "libvk_swiftshader.so")
    for folder in ("/usr/lib/chromium", "/usr/lib64/chromium", "/usr/lib64/chromium-browser", "/opt/google/chrome")
)
ACCELERATORS = ("CPU", "GPU", "GPU+CPU")
OPEN_SHAPE = (
    "LiteRT's GPU takes no open batch: convert the model with a fixed one, load_model(name, batch_size=1) for example."
)
OPEN = """
import io, json, sys, time
import numpy as np
from ai_edge_litert.compiled_model import CompiledModel, HardwareAccelerator, Options

def compiled(path, names):
    wanted = HardwareAccelerator(sum(HardwareAccelerator[name] for name in names.split("+")))
    return CompiledModel.from_file(path, options=Options(hardware_accelerators=wanted))
"""
RUN = """
path, size, dtype, names = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:]
models = {name: compiled(path, name) for name in names}
buffers = {name: (m.create_input_buffers(0), m.create_output_buffers(0)) for name, m in models.items()}
found = {name: {"whole": m.is_fully_accelerated(), "outputs": [], "times": []} for name, m in models.items()}
for batch in np.load(io.BytesIO(sys.stdin.buffer.read())):
    for name, model in models.items():
        inputs, outputs = buffers[name]
        inputs[0].write(batch)
        start = time.perf_counter_ns()
        model.run_by_index(0, inputs, outputs)
        found[name]["outputs"].append(outputs[0].read(size, np.dtype(dtype).type).tolist())
        found[name]["times"].append((time.perf_counter_ns() - start) / 1000)
print(json.dumps(found))
"""
ACCEPTS = """
def takes(path):
    try:
        compiled(path, "GPU")
    except RuntimeError as error:
        if "ops are not accelerated" not in str(error):
            raise
        return False
    return True

print(json.dumps([takes(path) for path in sys.argv[1:]]))
"""


def swiftshader():
    """Return the path of SwiftShader's Vulkan driver, None where there is none."""
    return next((path for path in SWIFTSHADER if path.is_file()), None)


def run_on(model, batches, accelerators=("CPU", "GPU"), *, driver=None, timeout=300):
    """Run a .tflite model with CompiledModel on accelerators, which take turns for each call.

    model: with a fixed batch, one input and one output. batches: (n, *shape of the input), in its dtype: n calls.
    accelerators: of ACCELERATORS. driver: of Vulkan, as swiftshader() gives it; None leaves the choice to the system.
    Returns {accelerator: {"whole", "outputs", "times", "adapter"}}. whole: does it (of the CPU: XNNPACK) run every
    operator? outputs: (n, *shape of the output). times: microseconds of each call and of reading its answer, (n,).
    adapter: the GPU's name, "" for the CPU.
    Raises CourseError for a model with an open batch, batches of another shape or dtype, an accelerator that is not
    there or lacks an operator, a process that dies and a time that is over.
    """
    unknown = [name for name in accelerators if name not in ACCELERATORS]
    if unknown or not accelerators:
        raise CourseError(f"There is no accelerator {unknown}: choose from {', '.join(ACCELERATORS)}.")
    content, batches = read_model(model), np.ascontiguousarray(batches)
    source, target = _ends(content)
    if batches.shape[1:] != tuple(source["shape"]) or batches.dtype != source["dtype"] or not len(batches):
        raise CourseError(
            f"The model takes {source['dtype'].__name__} {tuple(source['shape'].tolist())}, the batches are "
            f"{batches.dtype} {batches.shape}: give (n, *that), in that dtype, with at least one batch."
        )
    sent = io.BytesIO()
    np.save(sent, batches)
    arguments = [str(np.prod(target["shape"])), np.dtype(target["dtype"]).name, *accelerators]
    found, said = _in_child(OPEN + RUN, [content], arguments, driver, timeout, sent.getvalue())
    adapter = re.search(r"Selected adapter: ([^,\n]+)", said)
    for name, one in found.items():
        one["outputs"] = np.array(one["outputs"], target["dtype"]).reshape(-1, *target["shape"])
        one["times"] = np.array(one["times"])
        one["adapter"] = adapter[1].strip() if adapter and "GPU" in name else ""
    return found


def operators_taken(model, *, driver=None, timeout=300):
    """Return [(name of an operator, does the GPU take it?)] of a .tflite model, each tried in a file of its own.

    model: with a fixed batch. driver: as for run_on(). Raises CourseError as run_on() does.
    """
    content = read_model(model)
    if any(-1 in end["shape_signature"] for end in _ends(content)):
        raise CourseError(OPEN_SHAPE)
    names = [step["op_name"] for step in operators(make_interpreter(content))]
    files = [one_operator(content, number + 1) for number in range(len(names))]
    taken, _ = _in_child(OPEN + ACCEPTS, files, [], driver, timeout)
    return list(zip(names, taken, strict=True))


def _ends(content):
    """Return the details of the one input and the one output of a model."""
    interpreter = make_interpreter(content)
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    if len(inputs) != 1 or len(outputs) != 1:
        raise CourseError("The model has several inputs or outputs: give one with one of each.")
    return inputs[0], outputs[0]


def _in_child(program, files, arguments, driver, timeout, sent=b""):
    """Run a program on model files; return (what its last line says, what it wrote to stderr)."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"{number}.tflite") for number in range(len(files))]
        for path, content in zip(paths, files, strict=True):
            path.write_bytes(content)
        command = [sys.executable, "-c", program, *map(str, paths), *arguments]
        environment = _environment(folder, driver)
        try:
            done = subprocess.run(command, input=sent, capture_output=True, timeout=timeout, env=environment)
        except subprocess.TimeoutExpired:
            raise CourseError(f"The GPU gave no answer within {timeout} s: send fewer images.") from None
    said = done.stderr.decode(errors="replace")
    if done.returncode:
        raise CourseError(_why(said, done.returncode))
    return json.loads(done.stdout.splitlines()[-1]), said  # the driver prints, too


def _environment(folder, driver):
    """Return the environment of the child: with a driver, the file that names it to Vulkan's loader."""
    environment = {**os.environ}
    if driver is not None:
        manifest = Path(folder, "driver.json")
        content = {"file_format_version": "1.0.0", "ICD": {"library_path": str(driver), "api_version": "1.1"}}
        manifest.write_text(json.dumps(content), encoding="utf-8")
        libraries = filter(None, [str(Path(driver).parent), environment.get("LD_LIBRARY_PATH")])
        environment |= {"VK_DRIVER_FILES": str(manifest), "VK_ICD_FILENAMES": str(manifest)}  # the new name, the old
        environment["LD_LIBRARY_PATH"] = os.pathsep.join(libraries)
    return environment


def _why(said, code):
    """Return the sentence for a child that failed: said is what it wrote to stderr."""
    if "No adapters found" in said or "Failed to initialize WebGPU environment" in said:
        return "There is no GPU that LiteRT can use: install a Vulkan driver, or Chromium for SwiftShader."
    if "dynamic-sized tensors" in said:
        return OPEN_SHAPE
    if "ops are not accelerated" in said:
        return "LiteRT's GPU lacks an operator of the model: name 'GPU+CPU', or leave that operator to your program."
    errors = [line for line in said.splitlines() if re.search(r"Error\b|ERROR", line)]
    last = errors[-1].strip()[:160] if errors else "no message"
    return f"The process on the GPU ended with code {code} ({last}): take the CPU."
