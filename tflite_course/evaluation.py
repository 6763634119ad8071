"""Measure a .tflite model: answers, accuracy, size and latency. A model is its bytes or a path, everywhere."""

import gzip
import os
import time

import numpy as np

from tflite_course.errors import CourseError
from tflite_course.machine import processor
from tflite_course.models import read_model


def make_interpreter(model, *, batch=None, num_threads=1):
    """Return a LiteRT Interpreter of the model, tensors allocated.

    batch: the number of images it takes at once; None keeps what the file says.
    Raises CourseError for a damaged file or one with operators that this runtime does not have.
    """
    from ai_edge_litert.interpreter import Interpreter

    content = read_model(model)
    try:
        interpreter = Interpreter(model_content=content, num_threads=num_threads)
        if batch is not None:
            details = interpreter.get_input_details()[0]
            interpreter.resize_tensor_input(details["index"], [batch, *details["shape"][1:]])
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        message = str(error)
        if "Select TensorFlow op" in message or "flex" in message.lower():
            raise CourseError(
                "The model needs Select TF operators, which LiteRT in Python cannot run: "
                "replace those layers and convert with TFLITE_BUILTINS only (lesson 02)."
            ) from None
        raise CourseError(f"LiteRT cannot run this model ({message.strip().splitlines()[0]}).") from None
    return interpreter


def quantize_input(images, details):
    """Return float32 images in 0..1 as the dtype of an input tensor: round(x / scale) + zero_point, clipped."""
    if details["dtype"] == np.float32:
        return images
    scale, zero_point = details["quantization"]
    limits = np.iinfo(details["dtype"])
    return np.clip(np.round(images / scale) + zero_point, limits.min, limits.max).astype(details["dtype"])


def dequantize_output(values, details):
    """Return the values of an output tensor as float32: scale * (q - zero_point)."""
    if details["dtype"] == np.float32:
        return values
    scale, zero_point = details["quantization"]
    return (values.astype(np.float32) - zero_point) * np.float32(scale)


def check_images(images):
    """Return images as float32 (n, 28, 28) after checking that they are grey values from 0 to 1.

    Raises CourseError that names what is wrong: the shape, the dtype or the range.
    """
    images = np.asarray(images)
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.ndim == 2:
        raise CourseError(f"One image has the shape {images.shape}: add the batch axis with `image[np.newaxis]`.")
    if images.ndim != 3 or images.shape[1:] != (28, 28):
        raise CourseError(f"Images must have the shape (n, 28, 28), these have {images.shape}: reshape or crop them.")
    if images.dtype == np.uint8:
        raise CourseError("The images are uint8 from 0 to 255: divide by 255 first (`images / np.float32(255)`).")
    if not np.issubdtype(images.dtype, np.floating):
        raise CourseError(f"The images have the dtype {images.dtype}: give float32 from 0 to 1.")
    if len(images) and not (images.min() >= 0 and images.max() <= 1):
        raise CourseError(
            f"The grey values go from {images.min():g} to {images.max():g}, the models were trained on 0 to 1: "
            f"divide by 255 once, or clip."
        )
    return images.astype(np.float32, copy=False)


def invoke(model, values, *, batch=50):  # larger batches leave the caches
    """Return what a .tflite model gives for values, (n, ...), as it is: no quantization on the way in or out.

    values: (n, 28, 28) in the dtype of the model's input. A model that cannot take several at once runs one by one.
    Raises CourseError for a damaged model.
    """
    if not _takes_batches(model, batch):
        batch = 1
    interpreters, outputs = {}, []
    for start in range(0, len(values), batch):
        part = values[start : start + batch]
        if len(part) not in interpreters:
            interpreters[len(part)] = make_interpreter(model, batch=len(part))
        interpreter = interpreters[len(part)]
        source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        interpreter.set_tensor(source["index"], part.reshape(source["shape"]))
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(target["index"]))
    return np.concatenate(outputs)


def predict(model, images, *, batch=50):
    """Return the logits of a .tflite model, float32 (n, 10).

    images: float32 (n, 28, 28) from 0 to 1. Integer inputs and outputs are quantized and dequantized on the way.
    Raises CourseError for a damaged model and for images of the wrong shape, dtype or range.
    """
    images, interpreter = check_images(images), make_interpreter(model)
    if not len(images):
        return np.zeros((0, 10), np.float32)
    values = quantize_input(images, interpreter.get_input_details()[0])
    return dequantize_output(invoke(model, values, batch=batch), interpreter.get_output_details()[0])


def _takes_batches(model, batch):
    """Return whether a model takes several images at once; one with a fixed batch and a reshape inside does not."""
    if make_interpreter(model).get_input_details()[0]["shape_signature"][0] == -1:
        return True
    try:
        make_interpreter(model, batch=batch).invoke()
    except (CourseError, RuntimeError):
        return False
    return True


def check_labels(labels, count):
    """Return labels as int64 (count,) after checking their number and that they are digits."""
    labels = np.asarray(labels)
    if labels.shape != (count,):
        raise CourseError(
            f"There are {count} images and the labels have the shape {labels.shape}: give one label for each image."
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise CourseError(f"The labels have the dtype {labels.dtype}: give the digits as integers from 0 to 9.")
    return labels.astype(np.int64)


def accuracy(model, images, labels):
    """Return the share of images, 0 to 1, that a .tflite model names as their labels do."""
    logits = predict(model, images)
    return float(np.mean(logits.argmax(1) == check_labels(labels, len(logits))))


def confusion_matrix(predicted, labels):
    """Return int64 (10, 10): row = the label, column = what was predicted, value = how many images."""
    predicted, labels = np.asarray(predicted), check_labels(labels, len(predicted))
    matrix = np.zeros((10, 10), np.int64)
    np.add.at(matrix, (labels, predicted), 1)
    return matrix


def churn(predicted, reference, labels):
    """Compare two lists of predictions, each int (n,): return {"changed", "fixed", "broken"}, numbers of images."""
    predicted, reference = np.asarray(predicted), np.asarray(reference)
    labels = check_labels(labels, len(predicted))
    changed = predicted != reference
    return {
        "changed": int(changed.sum()),
        "fixed": int((changed & (predicted == labels)).sum()),
        "broken": int((changed & (reference == labels)).sum()),
    }


def size_ledger(model):
    """Return where the bytes of a .tflite go: {"bytes", "gzip", "weights", "overhead"}.

    weights: the buffers of constant tensors; overhead: all else (names, operators, signatures, metadata).
    """
    from ai_edge_litert.schema_py_generated import Model

    content = read_model(model)
    parsed = Model.GetRootAs(content)
    used = set()
    for k in range(parsed.SubgraphsLength()):
        graph = parsed.Subgraphs(k)
        used |= {graph.Tensors(i).Buffer() for i in range(graph.TensorsLength())}
    weights = sum(parsed.Buffers(i).DataLength() for i in used)
    return {
        "bytes": len(content),
        "gzip": len(gzip.compress(content, 9, mtime=0)),
        "weights": weights,
        "overhead": len(content) - weights,
    }


def latency(run, *, warm_up=50, repeats=500):
    """Time run(), a call without arguments: return {"p50", "p95", "repeats", "machine"}, times in microseconds.

    The first warm_up calls are not counted: they load caches and allocate.
    """
    for _ in range(warm_up):
        run()
    times = np.empty(repeats)
    for i in range(repeats):
        start = time.perf_counter_ns()
        run()
        times[i] = (time.perf_counter_ns() - start) / 1000
    p50, p95 = np.percentile(times, [50, 95])
    return {"p50": float(p50), "p95": float(p95), "repeats": repeats, "machine": machine()}


def accuracy_band(right, count):
    """Return (low, high), the 95 % band of an accuracy of right out of count images: Wilson's score interval.

    Source: E. B. Wilson, "Probable inference", Journal of the American Statistical Association 22 (1927).
    """
    if not 0 <= right <= count or count == 0:
        raise CourseError(f"{right} right answers out of {count} images make no accuracy: check both numbers.")
    z, share = 1.959964, right / count
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    return float(middle - half), float(middle + half)


def activation_memory(model):
    """Return the bytes that the activations of a .tflite model need at once, at a batch of 1.

    The largest sum, over the operators in their order, of the tensors that are alive: those that were made and are
    still needed. No runtime can do with less; a microcontroller's arena is larger, its kernels have work space too.
    """
    interpreter = make_interpreter(model)
    operators = interpreter._get_ops_details()  # the public interface has no list of operators
    operators = [operator for operator in operators if operator["op_name"] != "DELEGATE"]
    made = {int(index) for operator in operators for index in operator["outputs"]}
    made |= {int(details["index"]) for details in interpreter.get_input_details()}
    size = {}
    for details in interpreter.get_tensor_details():
        if details["index"] in made:
            size[details["index"]] = int(np.prod(details["shape"])) * np.dtype(details["dtype"]).itemsize
    last_use = {int(details["index"]): len(operators) for details in interpreter.get_output_details()}
    for step, operator in enumerate(operators):
        for index in operator["inputs"]:
            last_use[int(index)] = max(step, last_use.get(int(index), 0))
    alive, largest = {int(details["index"]) for details in interpreter.get_input_details()}, 0
    for step, operator in enumerate(operators):
        alive |= {int(index) for index in operator["outputs"]}
        largest = max(largest, sum(size.get(index, 0) for index in alive))
        alive = {index for index in alive if last_use.get(index, 0) > step}
    return largest


def peak_memory(model):
    """Return the MiB by which a fresh process grows at most while it loads a .tflite model and runs it once.

    Measured by the operating system (resident set), so it moves by some hundred KiB from run to run. Linux and macOS.
    """
    import subprocess
    import sys

    content = read_model(model)
    program = (
        "import resource, sys\n"
        "from ai_edge_litert.interpreter import Interpreter\n"
        "def peak():\n"
        "    if sys.platform == 'darwin':\n"
        "        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20\n"
        "    status = open('/proc/self/status').read()\n"  # ru_maxrss would begin with the parent's peak on Linux
        "    return int(status.split('VmHWM:')[1].split()[0]) / 2**10\n"
        "content = sys.stdin.buffer.read(); before = peak()\n"
        "interpreter = Interpreter(model_content=content); interpreter.allocate_tensors(); interpreter.invoke()\n"
        "print(peak() - before)"
    )
    if os.name == "nt":
        raise CourseError("peak_memory needs Linux or macOS: Windows does not tell a process's peak this way.")
    finished = subprocess.run([sys.executable, "-c", program], input=content, capture_output=True)
    if finished.returncode:
        last = finished.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise CourseError(f"The model could not be run in a process of its own ({' '.join(last)}).")
    return float(finished.stdout)


def weight_structure(model):
    """Return what the weights of a .tflite model look like, one dict for each operator that has weights, in order.

    "operator": its name; "shape": of the weights; "zeros": the share of values that mean 0.0, 0 to 1; "distinct": how
    many different stored values there are. Biases are left out. Only for weights of 8 bits or more.
    """
    interpreter = make_interpreter(model)
    details = {entry["index"]: entry for entry in interpreter.get_tensor_details()}
    rows = []
    for operator in interpreter._get_ops_details():
        if operator["op_name"] not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            continue
        weights = interpreter.get_tensor(int(operator["inputs"][1]))
        zero_points = details[int(operator["inputs"][1])]["quantization_parameters"]["zero_points"]
        zero = int(zero_points[0]) if len(zero_points) else 0  # weights of a .tflite are symmetric: one for all
        rows.append(
            {
                "operator": operator["op_name"],
                "shape": tuple(int(length) for length in weights.shape),
                "zeros": float(np.mean(weights == zero)),
                "distinct": len(np.unique(weights)),
            }
        )
    return rows


def compare(models, images, labels, *, reference=None, timed=True, memory=False):
    """Measure several .tflite models in the same way: return one row, a dict, for each.

    models: {name: path or bytes}; your own may be among them. images: float32 (n, 28, 28); labels: int (n,).
    reference: the name of the model that churn is counted against; None takes the first.
    A row has "name", those of size_ledger(), "accuracy" with "low" and "high" (its 95 % band), "changed", "fixed" and
    "broken" (churn); timed adds "p50" and "p95" (microseconds for one image, one thread); memory adds
    "activations" (bytes, see activation_memory) and "peak" (MiB, see peak_memory).
    Raises CourseError for no models, an unknown reference and everything that predict() refuses.
    """
    if not isinstance(models, dict) or not models:
        raise CourseError("compare() takes the models as {name: path or bytes}, with at least one in it.")
    reference = reference or next(iter(models))
    if reference not in models:
        raise CourseError(f"The reference '{reference}' is not among the models {', '.join(models)}.")
    labels = check_labels(labels, len(images))
    predicted = {name: predict(model, images).argmax(1) for name, model in models.items()}
    rows = []
    for name, model in models.items():
        right = int((predicted[name] == labels).sum())
        low, high = accuracy_band(right, len(labels))
        row = {"name": name, **size_ledger(model), "accuracy": right / len(labels), "low": low, "high": high}
        row |= churn(predicted[name], predicted[reference], labels)
        if timed:
            interpreter = make_interpreter(model)
            source = interpreter.get_input_details()[0]
            interpreter.set_tensor(source["index"], quantize_input(images[:1], source).reshape(source["shape"]))
            row |= {key: value for key, value in latency(interpreter.invoke).items() if key in ("p50", "p95")}
        if memory:
            row |= {"activations": activation_memory(model), "peak": peak_memory(model)}
        rows.append(row)
    return rows


def comparison_table(rows):
    """Return the rows of compare() as text, one line a model; times and memory, where measured, in a second block.

    Times are not padded: they alone change from run to run.
    """
    width = max(len("model"), *(len(row["name"]) for row in rows))
    columns = ["bytes", "gzip", "weights", "overhead", "accuracy (95 % band)", "changed", "fixed", "broken"]
    with_memory, timed = "activations" in rows[0], "p50" in rows[0]
    lines = [f"{'model':{width}}  " + "  ".join(f"{column:>8}" for column in columns)]
    more = [
        [f"{'model':{width}}", *["activations"] * with_memory, *["p50 / p95"] * timed, *["peak memory"] * with_memory]
    ]
    for row in rows:
        cells = [f"{row[key]:8,}" for key in ("bytes", "weights", "overhead")]
        cells.insert(1, f"{kilobytes(row['gzip']):>8}")
        cells.append(f"{row['accuracy']:7.2%} ({row['low']:.2%}-{row['high']:.2%})".rjust(len(columns[4])))
        cells += [f"{row[key]:>8}" for key in ("changed", "fixed", "broken")]
        lines.append(f"{row['name']:{width}}  " + "  ".join(cells))
        more.append([f"{row['name']:{width}}"])
        if with_memory:
            more[-1].append(f"{row['activations']:>11,}")
        if timed:
            more[-1].append(f"{row['p50']:.1f} us / {row['p95']:.1f} us")
        if with_memory:
            more[-1].append(f"{row['peak']:.1f} MiB")
    if with_memory or timed:
        lines += ["", *("  ".join(cells) for cells in more)]
    if timed:
        lines.append(f"Processor: {machine()}")
    return "\n".join(lines)


def kilobytes(size):
    """Return a number of bytes as text with three digits, "205 kB": the rest of a gzip size differs by processor."""
    size = size / 1000
    return f"{size:.{0 if size >= 99.95 else 1 if size >= 9.995 else 2}f} kB"


def machine():
    """Return name, instruction set and number of cores of this machine's processor, as one line of text."""
    return processor()
