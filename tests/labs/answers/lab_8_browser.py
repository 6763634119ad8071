"""Right answers in different styles, and wrong ones with a part of the hint that must name the mistake (or None)."""

import functools
import gzip
import hashlib
import io
import time
import zlib

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from tests.labs.answers import EqualsEverything, mnist
from tflite_course import models
from tflite_course.models import flatbuffer

(X_TRAIN, _), (X_TEST, Y_TEST) = mnist()


# --- find_reasons
def reasons_append(content):
    found = []
    interpreter = Interpreter(model_content=content)
    [source], [target] = interpreter.get_input_details(), interpreter.get_output_details()
    if source["shape_signature"].min() < 0:
        found.append("open axis")
    if source["dtype"] not in (np.float32, np.int32, np.uint8):
        found.append("input " + source["dtype"].__name__)
    if target["dtype"] not in (np.float32, np.int32, np.uint8):
        found.append("output " + target["dtype"].__name__)
    return found


def reasons_tables(content):
    from ai_edge_litert import schema_py_generated as schema

    names = {value: name.lower() for name, value in vars(schema.TensorType).items() if isinstance(value, int)}
    graph = schema.Model.GetRootAs(content).Subgraphs(0)
    source, target = graph.Tensors(graph.Inputs(0)), graph.Tensors(graph.Outputs(0))
    signature = source.ShapeSignatureAsNumpy() if source.ShapeSignatureLength() else source.ShapeAsNumpy()
    kinds = [f"{end} {names[t.Type()]}" for end, t in (("input", source), ("output", target))]
    return ["open axis"] * bool(np.any(signature == -1)) + [
        kind for kind in kinds if kind.split()[1] not in {"float32", "int32", "uint8"}
    ]


def reasons_signature(content):
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    refused = {"int8", "int16", "int64", "bool", "float16", "float64"}
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    found = [f"input {np.dtype(source['dtype'])}", f"output {np.dtype(target['dtype'])}"]
    found = [reason for reason in found if reason.split()[-1] in refused]
    return (["open axis"] if any(n == -1 for n in source["shape_signature"]) else []) + found


REASONS_WRONG = {
    "as text": (lambda content: ", ".join(reasons_append(content)), "for a file with"),
    "never": (lambda content: [], "for a file with"),
    "opens a path": (lambda content: Interpreter(model_path=content), None),
    "equals everything": (lambda content: EqualsEverything(), None),
    "untouched": (lambda content: None, "returns nothing yet"),
}


# --- page_model
def images(scale=1.0, batch=1):
    return ([X_TRAIN[i : i + batch] * np.float32(scale)] for i in range(100))


@functools.cache
def convert(batch=1, dataset=True, scale=1.0, types=(tf.float32, tf.float32), concrete=False, quantize=True):
    network = models.load_model("mnist_ds", batch_size=None if concrete else batch)
    if concrete:
        run = tf.function(lambda image: network(image, training=False))
        fixed = run.get_concrete_function(tf.TensorSpec([batch, 28, 28], tf.float32))
        converter = tf.lite.TFLiteConverter.from_concrete_functions([fixed], network)
    else:
        converter = tf.lite.TFLiteConverter.from_keras_model(network)
    if quantize:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if dataset:
            converter.representative_dataset = lambda: images(scale, batch or 1)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        else:
            converter.target_spec.supported_types = [tf.float16] if dataset is None else []
        converter.inference_input_type, converter.inference_output_type = types
    return converter.convert()


def lazily(**options):
    """Return a function that makes the model when a test asks for it."""
    return functools.partial(convert, **options)


PAGE_WRONG = {
    "open batch": (lazily(batch=None), "batch is open"),
    "batch of 8": (lazily(batch=8), "fixed to 8"),
    "not quantized": (lazily(quantize=False), "nothing is quantized"),
    "dynamic range": (lazily(dataset=False), "only the weights are int8"),
    "float16": (lazily(dataset=None), "float16"),
    "uint8 ends": (lazily(types=(tf.uint8, tf.uint8)), "input uint8 and output uint8"),
    "int8 output": (lazily(types=(tf.float32, tf.int8)), "output int8"),
    "unscaled calibration": (lazily(scale=255.0), "ranges are wrong"),
    "black calibration": (lazily(scale=0.001), "ranges are wrong"),
    "the shipped file": (lambda: models.model_path("mnist_ds", "int8").read_bytes(), "batch is open"),
    "a path": (lambda: str(models.model_path("mnist_ds")), "bytes"),
    "cut short": (lambda: convert()[:9000], "cut short"),
    "another network": (lambda: flatbuffer.strip(models.model_path("mnist_nano", "int8")), "input int8"),
    "equals everything": (EqualsEverything, "bytes"),
    "untouched": (lambda: ..., "no answer yet"),
}


# --- to_grey
def grey_loop(data, width, height):
    out = np.empty((height, width), np.uint8)
    for y in range(height):
        for x in range(width):
            red, green, blue, alpha = (int(v) for v in data[4 * (y * width + x) :][:4])
            share = alpha / 255
            over = [c * share + 255 * (1 - share) for c in (red, green, blue)]
            out[y, x] = round(255 - (0.299 * over[0] + 0.587 * over[1] + 0.114 * over[2]))
    return out


def grey_darkness(data, width, height):
    red, green, blue, alpha = data.reshape(height, width, 4).transpose(2, 0, 1).astype(np.float32)
    dark = 255 - (0.299 * red + 0.587 * green + 0.114 * blue)
    return (dark * alpha / 255 + 0.5).astype(np.uint8)


def grey_whole(data, width, height):
    pixels = data.astype(np.int64).reshape(-1, 4)
    dark = (255 - pixels[:, :3]) @ np.array([299, 587, 114])
    return ((dark * pixels[:, 3] + 127_500) // 255_000).astype(np.uint8).reshape(height, width)


def grey_in_place(data, width, height):
    found = grey_loop(data, width, height)
    data[3::4] = 255
    return found


GREY_WRONG = {
    "flat": (lambda d, w, h: grey_loop(d, w, h).ravel(), None),
    "float64": (lambda d, w, h: grey_loop(d, w, h).astype(float), None),
    "changes its input": (grey_in_place, "changes the array"),
    "equals everything": (lambda d, w, h: EqualsEverything(), None),
    "untouched": (lambda d, w, h: None, "returns nothing yet"),
}


# --- softmax
def softmax_rows(logits):
    rows = []
    for row in np.atleast_2d(logits).astype(np.float64):
        powers = np.exp(row - max(row))
        rows.append(powers / sum(powers))
    return np.array(rows).reshape(logits.shape)


def softmax_log(logits):
    return np.exp(logits - np.logaddexp.reduce(logits.astype(np.float64), axis=-1, keepdims=True))


def softmax_scipy(logits):
    from scipy.special import softmax

    return softmax(logits, axis=-1)


def softmax_tensorflow(logits):
    return tf.nn.softmax(logits).numpy()


def divided(powers, axis=-1):
    return lambda x: powers(x) / powers(x).sum(axis=axis, keepdims=True)


def softmax_in_place(logits):
    logits -= logits.max(axis=-1, keepdims=True)
    return divided(np.exp)(logits)


SOFTMAX_WRONG = {
    "digit": (lambda x: x.argmax(axis=-1), None),
    "changes its input": (softmax_in_place, "changes the array"),
    "equals everything": (lambda x: EqualsEverything(), None),
    "untouched": (lambda x: None, "returns nothing yet"),
}


# --- time_one
def time_doubling(run, clock, warm_up, least):
    for _ in range(warm_up):
        run()
    runs = 1
    while True:
        start = clock()
        for _ in range(runs):
            run()
        spent = clock() - start
        if spent >= least:
            return spent / runs
        runs *= 2


def time_do_while(run, clock, warm_up, least):
    count = -warm_up
    while count < 0:
        run()
        count += 1
    start = now = clock()
    while now < start + least:
        run()
        count, now = count + 1, clock()
    return np.float64((now - start) / count)


def time_packets(run, clock, warm_up, least):
    _ = [run() for _ in range(warm_up)]
    start, spent, runs = clock(), 0.0, 0
    while spent < least:
        for _ in range(20):
            run()
        runs += 20
        spent = clock() - start
    return spent / runs


def timed(result=lambda spent, runs, warm_up: spent / runs, warm=True, counted=False, clock_first=False):
    def time_one(run, clock, warm_up, least):
        start = clock() if clock_first else None
        for _ in range(warm_up if warm else 0):
            run()
        start, runs = clock() if start is None else start, warm_up if counted else 0
        while clock() - start < least:
            run()
            runs += 1
        return result(clock() - start, runs, warm_up)

    return time_one


def time_once(run, clock, warm_up, least):
    for _ in range(warm_up):
        run()
    start = clock()
    run()
    return clock() - start


def time_each(run, clock, warm_up, least):
    for _ in range(warm_up):
        run()
    times = []
    for _ in range(5000):
        start = clock()
        run()
        times.append(clock() - start)
    return float(np.median(times))


def time_hundred(run, clock, warm_up, least):
    for _ in range(warm_up):
        run()
    start = clock()
    for _ in range(100):
        run()
    return (clock() - start) / 100 + 1e-3


def time_other_clock(run, clock, warm_up, least):
    start, runs = time.perf_counter() * 1000, 0
    while time.perf_counter() * 1000 - start < 5:
        run()
        runs += 1
    return 5 / runs


def time_waits(run, clock, warm_up, least):
    start = clock()
    while clock() - start < least:
        pass
    return 0.03


def time_forever(run, clock, warm_up, least):
    start = clock()
    while start == start:
        run()


TIME_WRONG = {
    "one run": (time_once, "and the clock ticks"),
    "each alone": (time_each, "clock each run alone"),
    "a hundred": (time_hundred, "Go on until"),
    "no warm-up": (timed(warm=False), "they are in your time"),
    "clock before the warm-up": (timed(clock_first=True), "they are in your time"),
    "warm-up in the number": (timed(counted=True), "also divide by the"),
    "all runs": (timed(lambda spent, runs, warm_up: spent), "Divide by their number"),
    "the other way round": (timed(lambda spent, runs, warm_up: runs / spent), "runs in a millisecond"),
    "seconds": (timed(lambda spent, runs, warm_up: spent / runs / 1000), "these are seconds"),
    "microseconds": (timed(lambda spent, runs, warm_up: 1000 * spent / runs), "these are microseconds"),
    "another clock": (time_other_clock, "never read `clock()`"),
    "runs nothing": (time_waits, "run nothing in between"),
    "does not end": (time_forever, "does not end"),
    "fixed": (lambda run, clock, warm_up, least: clock() and run() or 0.03, None),
    "text": (timed(lambda spent, runs, warm_up: f"{spent / runs} ms"), "one number"),
    "equals everything": (lambda run, clock, warm_up, least: EqualsEverything(), "one number"),
    "untouched": (lambda run, clock, warm_up, least: None, "returns nothing yet"),
}


# --- page_weight
def size_of(name, content):
    return len(content) if name[-3:] == ".gz" else len(gzip.compress(content))


def weight_loop(page):
    sizes, total = {}, 0
    for name in page:
        sizes[name] = size_of(name, page[name])
        total += sizes[name]
    return {name: [sizes[name], sizes[name] / total] for name in sizes}


def weight_file(page):
    def packed(content):
        target = io.BytesIO()
        with gzip.GzipFile(filename="", fileobj=target, mode="wb", compresslevel=9, mtime=0) as file:
            file.write(content)
        return len(target.getvalue())

    names = sorted(page)
    sizes = np.array([len(page[n]) if n.endswith(".gz") else packed(page[n]) for n in names])
    return {n: (int(size), float(share)) for n, size, share in zip(names, sizes, sizes / sizes.sum(), strict=True)}


def weight_zlib(page):
    packer = functools.partial(zlib.compress, level=9, wbits=31)
    sizes = {n: len(c if n.endswith("gz") else packer(c)) for n, c in page.items()}
    return {n: (size, size / sum(sizes.values())) for n, size in sizes.items()}


WEIGHT_WRONG = {
    "rounded": (lambda page: {n: (b, round(s, 2)) for n, (b, s) in weight_loop(page).items()}, "expected"),
    "equals everything": (lambda page: EqualsEverything(), None),
    "untouched": (lambda page: None, "returns nothing yet"),
}


# --- plan_update
def digest(content):
    return hashlib.sha256(content).hexdigest()[:12]


def plan_sets(kept, page):
    manifest = {name: digest(page[name]) for name in page}
    same = {name for name, value in manifest.items() if (name, value) in kept.items()}
    return manifest, sorted(manifest.keys() - same), sorted(kept.keys() - manifest.keys())


def plan_loop(kept, page):
    manifest, load, drop = {}, [], []
    for name in sorted(page):
        manifest[name] = hashlib.new("sha256", page[name]).digest().hex()[:12]
        if name not in kept or kept[name] != manifest[name]:
            load.append(name)
    for name in sorted(kept):
        if name not in page:
            drop.append(name)
    return [manifest, load, drop]


def plan_items(kept, page):
    manifest = dict(zip(page, map(digest, page.values()), strict=True))
    changed = dict(manifest.items() - kept.items())
    return manifest, sorted(changed), sorted(filter(lambda name: name not in manifest, kept))


def plan_backwards(kept, page):
    manifest, load, drop = plan_sets(kept, page)
    return manifest, load[::-1], drop


def plan_in_place(kept, page):
    found = plan_sets(kept, page)
    kept.update(found[0])
    return found


PLAN_WRONG = {
    "not sorted": (plan_backwards, "sort them"),
    "sets": (lambda k, p: (plan_sets(k, p)[0], *map(set, plan_sets(k, p)[1:])), "load is"),
    "two things": (lambda k, p: plan_sets(k, p)[:2], "three things"),
    "changes its input": (plan_in_place, "changes the dict"),
    "equals everything": (lambda k, p: (EqualsEverything(), EqualsEverything(), EqualsEverything()), "expected"),
    "untouched": (lambda k, p: None, "returns nothing yet"),
}

# exercise: ({style: answer}, {mistake: (answer, part of the hint or None)})
ANSWERS = {
    "find_reasons": (
        {"append": reasons_append, "tables": reasons_tables, "allocated": reasons_signature},
        REASONS_WRONG,
    ),
    "to_grey": ({"loop": grey_loop, "darkness": grey_darkness, "whole numbers": grey_whole}, GREY_WRONG),
    "softmax": (
        {"rows": softmax_rows, "log": softmax_log, "SciPy": softmax_scipy, "TensorFlow": softmax_tensorflow},
        SOFTMAX_WRONG,
    ),
    "time_one": (
        {"doubling": time_doubling, "do while": time_do_while, "packets": time_packets},
        TIME_WRONG,
    ),
    "page_weight": ({"loop": weight_loop, "GzipFile": weight_file, "zlib": weight_zlib}, WEIGHT_WRONG),
    "plan_update": ({"sets": plan_sets, "loop": plan_loop, "items": plan_items}, PLAN_WRONG),
}
# the same, where an answer is made only when its test runs
LAZY_ANSWERS = {
    "page_model": (
        {
            "fixed network": lazily(),
            "concrete function": lazily(concrete=True),
            "stripped": lambda: flatbuffer.strip(convert(batch=None)),
        },
        PAGE_WRONG,
    )
}
