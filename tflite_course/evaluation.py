"""Measure a .tflite model: answers, accuracy, size and latency. A model is its bytes or a path, everywhere."""

import collections
import dataclasses
import gzip
import hashlib
import os
import time

import numpy as np

from tflite_course.contract import Runner, contract, contract_for, make_image_interpreter, ranges_to_try
from tflite_course.datasets import load_pen_digits
from tflite_course.errors import CourseError
from tflite_course.machine import processor
from tflite_course.models import read_model
from tflite_course.runtime import (
    dequantize_output,
    is_shipped,
    make_interpreter,
    operators,
    quantize_input,
    try_in_child,
)

__all__ = [
    "accuracy",
    "accuracy_band",
    "activation_memory",
    "against_keras",
    "check_images",
    "check_labels",
    "churn",
    "compare",
    "compare_answers",
    "comparison_table",
    "confusion_matrix",
    "contract",
    "dequantize_output",
    "invoke",
    "is_shipped",
    "latency",
    "machine",
    "make_interpreter",
    "operators",
    "peak_memory",
    "predict",
    "quantize_input",
    "sign_test",
    "size_ledger",
    "try_in_child",
    "weight_structure",
]

KEPT, KEPT_FROM = 32, 1000  # answers of so many runs are kept, of those with so many images and more
_kept = collections.OrderedDict()


def check_images(images):
    """Return images as float32 (n, 28, 28) after checking that they are grey values from 0 to 1.

    Raises CourseError that names what is wrong: the shape, the dtype or the range.
    """
    try:
        images = np.asarray(images)
    except ValueError:
        raise CourseError("The images differ in shape: make each 28 x 28 and stack them with np.stack.") from None
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.shape == (0,):
        raise CourseError("The list of images is empty: give at least one, with the shape (n, 28, 28).")
    if images.ndim == 2 and images.shape[1] == 784:
        raise CourseError(f"The images are rows, {images.shape}: make them square with `images.reshape(-1, 28, 28)`.")
    if images.ndim == 2:
        raise CourseError(f"One image has the shape {images.shape}: add the batch axis with `image[np.newaxis]`.")
    if images.ndim != 3 or images.shape[1:] != (28, 28):
        raise CourseError(f"Images must have the shape (n, 28, 28), these have {images.shape}: reshape or crop them.")
    if images.dtype == np.uint8:
        raise CourseError("The images are uint8 from 0 to 255: divide by 255 first (`images / np.float32(255)`).")
    if not np.issubdtype(images.dtype, np.floating):
        raise CourseError(f"The images have the dtype {images.dtype}: give float32 from 0 to 1.")
    if np.isnan(images).any():
        first = int(np.isnan(images).any(axis=(1, 2)).argmax())
        raise CourseError(f"Image {first} has grey values that are not a number (NaN): look where it was divided.")
    if len(images) and not (images.min() >= 0 and images.max() <= 1):
        raise CourseError(
            f"The grey values go from {images.min():g} to {images.max():g}, images go from 0 to 1 here: divide by 255 "
            f"once, or clip; what the model itself takes is said with `input_range=`."
        )
    return images.astype(np.float32, copy=False)


def invoke(model, values, *, batch=50, output=0):  # larger batches leave the caches
    """Return what a .tflite model gives for values, (n, ...), as it is: no quantization on the way in or out.

    values: (n, 28, 28), or what the model reads, in the dtype of its input. A model that cannot take several at once
    runs one by one, one with a fixed batch in such batches; what it keeps in variables is forgotten between calls.
    output: the number of the output, as in get_output_details().
    Raises CourseError for a damaged model, several inputs, and values of another shape or dtype.
    """
    values = np.asarray(values)
    return Runner(contract_for(model, values, output), batch)(values)


def predict(model, images, *, batch=50, input_range=None, output=None):
    """Return the answers of a .tflite model, float32 (n, 10): logits, or probabilities when it ends in softmax.

    images: float32 (n, 28, 28) from 0 to 1. Integer inputs and outputs are quantized and dequantized on the way.
    input_range: what paper and ink are for the model, for example (0, 255); output: number or name of the output with
    the answer. None finds both in the file, see contract().
    Raises CourseError for a damaged model, one that does not go from 28 x 28 pixels to ten numbers, one that answers
    NaN, and for images of the wrong shape, dtype or range.
    """
    images = check_images(images)
    return _predict(contract(model, input_range=input_range, output=output), images, batch)


def _predict(found, images, batch=50):
    """Return the answers of a Contract's model; those to many images are kept, lessons measure a model repeatedly."""
    if not len(images):
        return np.zeros((0, 10), np.float32)

    def answer():
        return found.decode(Runner(found, batch)(found.encode(images)))

    if len(images) < KEPT_FROM:
        return answer()
    key = hashlib.sha256(found.content)
    key.update(np.ascontiguousarray(images))
    key.update(repr((found.input_range, found.target["index"], found.signature, batch)).encode())
    key = key.digest()
    if key not in _kept:
        _kept[key] = answer()
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return _kept[key].copy()


def check_labels(labels, count):
    """Return labels as int64 (count,) after checking their number and that they are digits from 0 to 9."""
    labels = np.asarray(labels)
    if labels.shape != (count,):
        cure = "take `labels.argmax(1)`" if labels.shape == (count, 10) else "give one label for each image"
        raise CourseError(f"There are {count} images and the labels have the shape {labels.shape}: {cure}.")
    if not np.issubdtype(labels.dtype, np.integer):
        raise CourseError(f"The labels have the dtype {labels.dtype}: give the digits as integers from 0 to 9.")
    if count and not (labels.min() >= 0 and labels.max() <= 9):
        raise CourseError(
            f"The labels go from {labels.min()} to {labels.max()}, digits go from 0 to 9: number the classes from 0."
        )
    return labels.astype(np.int64)


def accuracy(model, images, labels, *, input_range=None, output=None):
    """Return the share of images, 0 to 1, that a .tflite model names as their labels do.

    Arguments as in predict(). Raises CourseError for what predict() refuses, for no images, for labels that are not
    digits, and for a model that is right with another input_range only.
    """
    images = check_images(images)
    labels = check_labels(labels, _at_least_one(images))
    found = contract(model, input_range=input_range, output=output)
    right = _predict(found, images).argmax(1) == labels
    if input_range is None:
        check_input_range(found, images, labels, right)
    return float(np.mean(right))


def _at_least_one(images):
    if not len(images):
        raise CourseError("There are no images to measure with: give at least one.")
    return len(images)


def check_input_range(found, images, labels, right=None, name="The model", sample=200):
    """Raise CourseError when a model fails with its contract's input_range and reads well with another one.

    found: its Contract; right: bool (n,), which images it named as their labels do, None finds it out. Left alone are
    models of the course, and a model that is right for half of the images; of the others sample images are tried with
    the usual ranges, bright paper included. Noisy or faint images can read better in another range, too: only nine of
    ten right answers count as a sign.
    """
    if is_shipped(found.content):
        return
    if right is None:
        right = _predict(found, images).argmax(1) == labels
    if len(right) < 10 or np.mean(right) >= 0.5:
        return
    part, digits, now = images[:sample], labels[:sample], float(np.mean(right[:sample]))
    shares = {}
    for other in ranges_to_try(found.source):
        answers = _predict(dataclasses.replace(found, input_range=other), part)
        shares[other] = float(np.mean(answers.argmax(1) == digits))
    best = max(shares, key=shares.get, default=None)
    if best and shares[best] >= 0.9:
        low, high = found.input_range
        raise CourseError(
            f"{name} reads {now:.0%} of {len(part)} images right with grey values from {low:g} to {high:g}, and "
            f"{shares[best]:.0%} with {best[0]:g} to {best[1]:g}: say so with `input_range={best}`."
        )


def confusion_matrix(predicted, labels):
    """Return int64 (10, 10): row = the label, column = what was predicted, value = how many images."""
    predicted, labels = _check_predicted(predicted), check_labels(labels, len(predicted))
    matrix = np.zeros((10, 10), np.int64)
    np.add.at(matrix, (labels, predicted), 1)
    return matrix


def _check_predicted(predicted, count=None):
    """Return predictions as int64 (n,) after checking that they are digits."""
    try:
        return check_labels(predicted, len(predicted) if count is None else count)
    except (CourseError, TypeError) as error:
        text = str(error).replace("labels", "predictions").replace("label", "prediction")
        raise CourseError(f"{text.rstrip('.')} (`answers.argmax(1)` makes digits of answers).") from None


def churn(predicted, reference, labels):
    """Compare two lists of predictions, each int (n,): return {"changed", "fixed", "broken"}, numbers of images."""
    predicted, reference = _check_predicted(predicted), _check_predicted(reference, len(predicted))
    labels = check_labels(labels, len(predicted))
    changed = predicted != reference
    return {
        "changed": int(changed.sum()),
        "fixed": int((changed & (predicted == labels)).sum()),
        "broken": int((changed & (reference == labels)).sum()),
    }


def sign_test(fixed, broken):
    """Return how probable it is that chance alone makes two equally good models differ like this, 0 to 1.

    fixed, broken: numbers of images that only one, and only the other of two models reads right, as churn() gives them.
    The exact two-sided sign test: without a difference each of these images falls to either side like a coin.
    """
    from scipy.special import bdtr  # scipy.stats has the test ready, and takes four times as long to import

    if fixed < 0 or broken < 0 or fixed != int(fixed) or broken != int(broken):
        raise CourseError(f"fixed = {fixed} and broken = {broken}: both are numbers of images.")
    return min(1.0, 2 * float(bdtr(min(fixed, broken), int(fixed + broken), 0.5)))


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

    right: a whole number; the mean of several runs is rounded to one.
    Source: E. B. Wilson, "Probable inference", Journal of the American Statistical Association 22 (1927).
    """
    if not 0 <= right <= count or count == 0:
        raise CourseError(f"{right} right answers out of {count} images make no accuracy: check both numbers.")
    from scipy.special import ndtri  # see sign_test

    right, square = round(right), ndtri(0.975) ** 2
    middle = (right + square / 2) / (count + square)
    half = np.sqrt(square * (right * (count - right) / count + square / 4)) / (count + square)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def activation_memory(model):
    """Return the bytes that the activations of a .tflite model need at once, at a batch of 1.

    The largest sum, over the operators in their order, of the tensors that are alive: those that were made and are
    still needed. Weights that are stored smaller and unpacked (float16, weight-only) are no activations. A runtime
    that computes one whole operator after the other needs at least this; its kernels and structures need memory too.
    Raises CourseError for a model of several graphs: what its branches and loops need depends on the input.
    """
    content = read_model(model)
    if (graphs := _graphs(content)) > 1:
        raise CourseError(
            f"The model has {graphs} graphs (branches, loops or signatures), whose memory depends on what is run: "
            f"convert one signature without tf.cond and tf.while_loop, or use peak_memory()."
        )
    interpreter = make_image_interpreter(content)
    steps = _without_unpacking(operators(interpreter))
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    made = {index for step in steps for index in step["outputs"]} | {details["index"] for details in inputs}
    size = {}
    for details in interpreter.get_tensor_details():
        if details["index"] in made:
            size[details["index"]] = int(np.prod(details["shape"])) * np.dtype(details["dtype"]).itemsize
    last_use = {details["index"]: len(steps) for details in outputs}
    for number, step in enumerate(steps):
        for index in step["inputs"]:
            last_use[index] = max(number, last_use.get(index, 0))
    alive, largest = {details["index"] for details in inputs}, 0
    for number, step in enumerate(steps):
        alive |= set(step["outputs"])
        largest = max(largest, sum(size.get(index, 0) for index in alive))
        alive = {index for index in alive if last_use.get(index, 0) > number}
    return largest // _fixed_batch(inputs, outputs)


def _graphs(content):
    """Return how many graphs of a model are run; those that only set variables once do not count."""
    from ai_edge_litert.schema_py_generated import BuiltinOperator, Model

    model = Model.GetRootAs(content)
    codes = [model.OperatorCodes(i).BuiltinCode() for i in range(model.OperatorCodesLength())]
    return max(1, model.SubgraphsLength() - codes.count(BuiltinOperator.CALL_ONCE))


def _without_unpacking(steps):
    """Return operators without those that turn a constant into float32: LiteRT does it once and keeps it as weights.

    What DENSIFY unpacks counts: a sparse file is small, and the dense weights are made beside it.
    """
    made, kept = {index for step in steps for index in step["outputs"]}, []
    for step in steps:
        if step["op_name"] == "DEQUANTIZE" and step["inputs"][0] not in made:
            made -= set(step["outputs"])
        else:
            kept.append(step)
    return kept


def _fixed_batch(inputs, outputs):
    """Return the batch that a file is fixed to: the first axis that all inputs and outputs share.

    Ten numbers whose last axis counts the images, [10, batch], count as well.
    """
    first = {int(details["shape"][0]) if len(details["shape"]) > 1 else 1 for details in inputs}
    if len(first) != 1:
        return 1
    batch, shapes = first.pop(), [details["shape"].tolist() for details in outputs]
    shared = all((shape[0] if len(shape) > 1 else 1) == batch or shape == [10, batch] for shape in shapes)
    return batch if shared else 1


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
    interpreter = make_image_interpreter(read_model(model))
    details = {entry["index"]: entry for entry in interpreter.get_tensor_details()}
    steps, rows = operators(interpreter), []
    stored = {step["outputs"][0]: step["inputs"][0] for step in steps if step["op_name"] in ("DEQUANTIZE", "DENSIFY")}
    made = {index for step in steps for index in step["outputs"]}
    for step in steps:
        if step["op_name"] not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            continue
        index = step["inputs"][1]
        while index in stored:  # weights that are unpacked before their operator
            index = stored[index]
        if index in made:  # a product of two activations has no weights
            continue
        weights, zero_points = interpreter.get_tensor(index), details[index]["quantization_parameters"]["zero_points"]
        zero = int(zero_points[0]) if len(zero_points) else 0  # weights of a .tflite are symmetric: one for all
        rows.append(
            {
                "operator": step["op_name"],
                "shape": tuple(int(length) for length in weights.shape),
                "zeros": float(np.mean(weights == zero)),
                "distinct": len(np.unique(weights)),
            }
        )
    return rows


def compare(
    models, images, labels, *, reference=None, timed=True, memory=False, pens=False, input_range=None, output=None
):
    """Measure several .tflite models in the same way: return one row, a dict, for each.

    models: {name: path or bytes}; your own may be among them. images: float32 (n, 28, 28); labels: int (n,).
    reference: the name of the model that churn is counted against; None takes the first.
    input_range, output: as in predict(), for all models, or a dict {name: ...} for some.
    A row has "name", those of size_ledger(), "accuracy" with "low" and "high" (its 95 % band), "changed", "fixed" and
    "broken" (churn); timed adds "p50" and "p95" (microseconds for one image, one thread); memory adds
    "activations" (bytes, see activation_memory) and "peak" (MiB, see peak_memory); pens adds "pens", the accuracy on
    the digits of datasets.load_pen_digits(), which strangers drew.
    Raises CourseError for no models, an unknown reference and everything that accuracy() refuses.
    """
    if not isinstance(models, dict) or not models:
        raise CourseError("compare() takes the models as {name: path or bytes}, with at least one in it.")
    reference = next(iter(models)) if reference is None else reference
    if reference not in models:
        raise CourseError(f"The reference '{reference}' is not among the models {', '.join(map(str, models))}.")
    images = check_images(images)
    labels = check_labels(labels, _at_least_one(images))
    contracts, predicted = {}, {}
    for name, model in models.items():
        wanted = _of(input_range, name)
        contracts[name] = contract(model, input_range=wanted, output=_of(output, name))
        predicted[name] = _predict(contracts[name], images).argmax(1)
        if wanted is None:
            check_input_range(contracts[name], images, labels, predicted[name] == labels, f"'{name}'")
    rows, strangers = [], load_pen_digits() if pens else None
    for name, found in contracts.items():
        right = int((predicted[name] == labels).sum())
        low, high = accuracy_band(right, len(labels))
        row = {
            "name": str(name),
            **size_ledger(found.content),
            "accuracy": right / len(labels),
            "low": low,
            "high": high,
        }
        row |= churn(predicted[name], predicted[reference], labels)
        if pens:
            row["pens"] = float((_predict(found, strangers[0]).argmax(1) == strangers[1]).mean())
        if timed:
            row |= _time_for_one(found, images[:1])
        if memory:
            row |= {"activations": activation_memory(found.content), "peak": peak_memory(found.content)}
        rows.append(row)
    return rows


def against_keras(name, network, model, digits):
    """Compare a .tflite model with the Keras model that it was made of: return a row, a dict, for each set of digits.

    name: stands in the rows; network: takes float32 (n, 28, 28) and gives ten numbers each; model: bytes or a path;
    digits: {title: (images, labels)}. A row has the accuracy of both, as text, and "changed", "fixed" and "broken".
    """
    rows = []
    for title, (images, labels) in digits.items():
        keras = network.predict(images, batch_size=500, verbose=0).argmax(1)
        file = predict(model, images).argmax(1)
        shares = {"Keras": f"{np.mean(keras == labels):.2%}", "file": f"{np.mean(file == labels):.2%}"}
        rows.append({"model": name, "digits": title, **shares, **churn(file, keras, labels)})
    return rows


def compare_answers(answers, digits):
    """Compare models on the same images by what they answered: return a row, a dict, for each.

    answers: {model: {title: int (n,)}}; the first model is the one that the others are compared with.
    digits: {title: (images, labels)}, of which the first set is that of "fixed", "broken" and "p" (see sign_test).
    A row has "model", the accuracy on each set, 0 to 1, and these three.
    Raises CourseError for no models and for answers that are not digits, one for each image.
    """
    if not answers:
        raise CourseError("There are no answers to compare: give {model: {title: digits}}, with at least one model.")
    first, title, rows = next(iter(answers.values())), next(iter(digits)), []
    for model, read in answers.items():
        row = {"model": model}
        for name, (_, labels) in digits.items():
            row[name] = float(np.mean(_check_predicted(read[name], len(labels)) == labels))
        step = churn(read[title], first[title], digits[title][1])
        row |= {"fixed": step["fixed"], "broken": step["broken"], "p": sign_test(step["fixed"], step["broken"])}
        rows.append(row)
    return rows


def _of(setting, name):
    """Return what a setting says for one of several models."""
    return setting.get(name) if isinstance(setting, dict) else setting


def _time_for_one(found, image):
    """Return {"p50", "p95"}, the microseconds that a model takes for one image; a fixed batch is divided up."""
    values = found.encode(np.repeat(image, found.batch or 1, axis=0))
    times = latency(Runner(found, 1).prepare(values))
    return {key: times[key] / len(values) for key in ("p50", "p95")}


def comparison_table(rows, *, as_table=False, mark=None):
    """Return the rows of compare() as text, one line a model; times and memory, where measured, in a second block.

    as_table=True gives a tflite_course.lesson.table instead, which a notebook shows as HTML; mark: the name of the row
    that matters.

    "pen digits", where measured, stands in the table of as_table=True only: a line of text would be too long.
    Times are not padded: they alone change from run to run.
    """
    if not rows:
        raise CourseError("There are no rows to print: give what compare() returned.")
    if as_table:
        from tflite_course.lesson.tables import table

        caption = f"Processor: {machine()}" if "p50" in rows[0] else ""
        return table([_cells(row) for row in rows], mark=mark, caption=caption)
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


def _cells(row):
    """Return a row of compare() as {column: cell}; the last cell changes from run to run, and is not padded."""
    cells = {"model": row["name"], "bytes": row["bytes"], "gzip": kilobytes(row["gzip"])}
    cells |= {key: row[key] for key in ("weights", "overhead")}
    cells |= {"accuracy": f"{row['accuracy']:.2%}", "95 % band": f"{row['low']:.2%} to {row['high']:.2%}"}
    cells |= {key: row[key] for key in ("changed", "fixed", "broken")}
    if "pens" in row:
        cells["pen digits"] = f"{row['pens']:.2%}"
    if "activations" in row:
        cells["activations"] = row["activations"]
    measured = [f"{row['p50']:.1f} us / {row['p95']:.1f} us"] if "p50" in row else []
    measured += [f"{row['peak']:.1f} MiB"] if "peak" in row else []
    names = ["p50 / p95"] * ("p50" in row) + ["peak memory"] * ("peak" in row)
    return cells | ({", ".join(names): ", ".join(measured)} if measured else {})


def kilobytes(size):
    """Return a number of bytes as text with three digits, "205 kB": the rest of a gzip size differs by processor."""
    size = size / 1000
    return f"{size:.{0 if size >= 99.95 else 1 if size >= 9.995 else 2}f} kB"


def machine():
    """Return name, instruction set and number of cores of this machine's processor, as one line of text."""
    return processor()
