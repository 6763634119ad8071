"""The exercises of lab 8: what LiteRT.js takes, a canvas, probabilities, a coarse clock, page weight and updates."""

import copy
import functools
import gzip
import hashlib
import itertools

import numpy as np

from tflite_course.labs import files
from tflite_course.labs.exercise import (
    Exercise,
    Mistake,
    compare_function,
    describe,
    mnist,
    require_function,
    require_returned,
    same,
)

IMAGES = 500  # of the test set, for what has to be run
TAKEN = ("float32", "int32", "uint8")  # by LiteRT.js, see lesson 11


# --- find_reasons
@functools.cache
def _dressed(source="int8", target="int8", open_axes=()):
    """Return a small .tflite file of the course with other dtypes at its ends, and with open axes of its input.

    An operator at each end translates. The answers of a file with int32 or int16 ends mean nothing: they are not run.
    """
    from ai_edge_litert import schema_py_generated as schema

    from tflite_course.models import model_path

    kinds, codes = schema.TensorType, schema.BuiltinOperator
    types = {"float32": kinds.FLOAT32, "int32": kinds.INT32, "uint8": kinds.UINT8, "int16": kinds.INT16}

    def code_for(name, going_out):
        if name == "uint8":
            return codes.QUANTIZE
        if name == "float32":
            return codes.DEQUANTIZE if going_out else codes.QUANTIZE
        return codes.CAST

    def alter(tree):
        graph = tree.subgraphs[0]
        for name, end, going_out in ((source, "inputs", False), (target, "outputs", True)):
            if name == "int8":
                continue
            inner = int(getattr(graph, end)[0])
            tensor = copy.deepcopy(graph.tensors[inner])
            tensor.type, tensor.buffer = types[name], 0
            if name == "uint8":
                tensor.quantization.zeroPoint = [int(tensor.quantization.zeroPoint[0]) + 128]
            else:
                tensor.quantization = None
            outer = len(graph.tensors)
            graph.tensors.append(tensor)
            code = schema.OperatorCodeT()
            code.builtinCode = code.deprecatedBuiltinCode = code_for(name, going_out)
            code.version = 1
            tree.operatorCodes.append(code)
            operator = schema.OperatorT()
            operator.opcodeIndex = len(tree.operatorCodes) - 1
            operator.inputs, operator.outputs = ([inner], [outer]) if going_out else ([outer], [inner])
            graph.operators.insert(len(graph.operators) if going_out else 0, operator)
            setattr(graph, end, [outer])  # a new list: equal lists of a stripped file are one and the same
        signature = np.array(graph.tensors[int(graph.inputs[0])].shape, np.int32)
        signature[list(open_axes)] = -1
        graph.tensors[int(graph.inputs[0])].shapeSignature = signature
        tree.signatureDefs = None

    return files.change(model_path("mnist_nano", "int8").read_bytes(), alter)


def _ends(content):
    from tflite_course import evaluation

    interpreter = evaluation.make_interpreter(content)
    return interpreter.get_input_details()[0], interpreter.get_output_details()[0]


def _reasons(content, *, axes=slice(None), shape="shape_signature", taken=TAKEN, only_input=False):
    source, target = _ends(content)
    found = ["open axis"] if -1 in source[shape][axes] else []
    for end, details in (("input", source), ("output", target))[: 1 if only_input else 2]:
        name = np.dtype(details["dtype"]).name
        if name not in taken:
            found.append(f"{end} {name}")
    return found


def judge_find_reasons(answer, rng):
    from tflite_course.models import model_path

    require_function(answer)
    cases = [_dressed(*pair) for pair in itertools.product(("float32", "int32", "uint8"), repeat=2)]
    cases = [cases[k] for k in rng.permutation(9)[:4]] + [_dressed("int32", "float32"), _dressed("uint8", "uint8")]
    cases += [_dressed(), _dressed("int8", "uint8"), _dressed("uint8", "int8"), _dressed("int16", "int8")]
    cases += [_dressed("float32", "int16"), _dressed(open_axes=(0,)), _dressed("uint8", "uint8", (0,))]
    cases += [_dressed("float32", "int8", (int(rng.integers(1, 3)),)), _dressed("float32", "float32", (0, 2))]
    cases += [model_path("mnist_cnn", variant).read_bytes() for variant in ("float32", "int8")]
    cases = [(cases[k],) for k in rng.permutation(len(cases))]

    def without(*lost, **options):
        taken = tuple(name for name in TAKEN if name not in lost)
        return functools.partial(_reasons, taken=taken, **options)

    def words(content):
        return [reason.split()[0] if reason != "open axis" else reason for reason in _reasons(content)]

    hint = "a file may have several reasons, and you stop at the first. Collect all of them in a list."
    try:
        compare_function(
            answer,
            _reasons,
            cases,
            {
                "`shape` holds a 1 where an axis is open. `shape_signature` tells it by -1.": functools.partial(
                    _reasons, shape="shape"
                ),
                "you look at the first axis only. Any open axis is a reason.": functools.partial(
                    _reasons, axes=slice(1)
                ),
                "the output is not looked at: its dtype counts too.": functools.partial(_reasons, only_input=True),
                "LiteRT.js takes int32 too.": without("int32"),
                "LiteRT.js takes uint8 too: it is int8 that it refuses.": without("uint8"),
                "only float32 passes. LiteRT.js takes int32 and uint8 too.": without("int32", "uint8"),
                "int8 is the dtype that LiteRT.js refuses.": functools.partial(_reasons, taken=(*TAKEN, "int8")),
                "every kind of integer passes. Of the integers, LiteRT.js takes int32 and uint8.": functools.partial(
                    _reasons, taken=(*TAKEN, "int8", "int16")
                ),
                hint: lambda content: _reasons(content)[:1],
                "you return whether the file fits. Asked is the list of reasons, an empty one when it fits.": (
                    lambda content: not _reasons(content)
                ),
                "you return whether there is a reason. Asked is the list of them.": lambda content: bool(
                    _reasons(content)
                ),
                "the order is another one: open axis, then input, then output.": lambda content: sorted(
                    _reasons(content), key=lambda reason: (reason == "open axis", reason)
                ),
                "the dtype is missing: a reason reads `input int8`, for example.": words,
            },
        )
    except Mistake as mistake:
        text = str(mistake)
        if "your function returns" in text and text.startswith("with a bytes"):  # bytes say nothing: name the file
            case = next(case for case in cases if not same(_tried(answer, *case), _reasons(*case)))
            source, target = _ends(*case)
            ends = [np.dtype(details["dtype"]).name for details in (source, target)]
            raise Mistake(
                f"for a file with {ends[0]} input, {ends[1]} output and the signature "
                f"{source['shape_signature'].tolist()} your function returns {describe(_tried(answer, *case))}, "
                f"expected {describe(_reasons(*case))}."
            ) from None
        raise


def _tried(answer, *arguments):
    try:
        return answer(*arguments)
    except Exception:  # the student's own code may raise anything
        return None


# --- page_model
def judge_page_model(answer, rng):
    from tflite_course import evaluation

    interpreter = files.open_file(answer)
    files.require_shapes(interpreter)
    if -1 in interpreter.get_input_details()[0]["shape_signature"]:
        raise Mistake(
            "the batch is open (-1). Fix it before you convert: a concrete function with the shape [1, 28, 28], or "
            "`load_model` with `batch_size=1`."
        )
    if interpreter.get_input_details()[0]["shape"][0] != 1:
        raise Mistake(
            f"the batch is fixed to {interpreter.get_input_details()[0]['shape'][0]}, a page shows one image."
        )
    if any(entry["dtype"] == np.float16 for entry in interpreter.get_tensor_details()):
        raise Mistake("the weights are float16, asked is int8: leave `supported_types` alone.")
    source, target, weights = files.kind(interpreter)
    if weights == {"float32"}:
        raise Mistake("the weights are float32: nothing is quantized. Set `converter.optimizations`.")
    if (source, target) != ("float32", "float32"):
        refused = [f"{end} {name}" for end, name in (("input", source), ("output", target)) if name != "float32"]
        raise Mistake(f"{' and '.join(refused)}: asked is float32. Leave inference_input_type and its sister alone.")
    names = [entry["op_name"] for entry in interpreter._get_ops_details()]
    if "QUANTIZE" not in names:
        raise Mistake(
            "only the weights are int8, the model still computes in float32. Give it a representative dataset: then "
            "the activations are int8 too."
        )
    if weights != {"int8"}:
        raise Mistake(f"the weights are {', '.join(sorted(weights))}, asked is int8.")
    images, labels = mnist()[1]
    start = int(rng.integers(0, len(images) - IMAGES))
    accuracy = evaluation.accuracy(answer, images[start : start + IMAGES], labels[start : start + IMAGES])
    if accuracy < 0.96:
        raise Mistake(
            f"the form is right, and {accuracy:.1%} of the answers are: the ranges are wrong. Calibrate with images "
            f"from 0 to 1, as in training, and take trained weights."
        )


# --- to_grey
WEIGHTS = np.array([0.299, 0.587, 0.114])


def _grey(data, width, height, *, weights=WEIGHTS, alpha=lambda a: a / 255, paper=255, invert=True):
    pixels = data.reshape(height, width, 4).astype(np.float64)
    opaque = alpha(pixels[..., 3:])
    colour = pixels[..., :3] * opaque + paper * (1 - opaque)
    grey = colour @ weights
    return np.clip(np.round(255 - grey if invert else grey), 0, 255).astype(np.uint8)


def _canvas(rng, width, height, ink=None):
    """Return flat uint8 (height * width * 4,): strokes on transparent paper, as getImageData gives them."""
    data = np.zeros((height, width, 4), np.uint8)
    inside = rng.random((height, width)) < 0.4
    data[..., :3] = rng.integers(0, 200, (height, width, 3)) if ink is None else ink
    data[..., 3] = rng.integers(40, 256, (height, width))
    data[~inside] = 0  # nothing was drawn here
    return data.ravel()


def judge_to_grey(answer, rng):
    require_function(answer)
    cases = []
    for ink in ((0, 0, 0), (200, 30, 20), None):
        width, height = (int(size) for size in rng.permutation(np.arange(5, 12))[:2])
        cases.append((_canvas(rng, width, height, ink), width, height))
    solid = cases[-1][0].copy()
    solid[3::4] = 255  # nothing is transparent
    cases.append((solid, *cases[-1][1:]))

    def turned(data, width, height):
        return _grey(data, height, width)

    def alone(data, width, height):
        return data[3::4].reshape(height, width)

    def wrapped(data, width, height):
        pixels = data.reshape(height, width, 4)
        opaque = pixels[..., 3:]
        colour = (pixels[..., :3] * opaque) / 255 + (255 - opaque)
        return np.clip(np.round(255 - colour @ WEIGHTS), 0, 255).astype(np.uint8)

    def four(data, width, height):
        return np.round(255 - data.reshape(height, width, 4).mean(axis=2)).astype(np.uint8)

    def as_float(data, width, height):
        return (_grey(data, width, height) / 255).astype(np.float32)

    third = np.full(3, 1 / 3)
    compare_function(
        answer,
        _grey,
        cases,
        {
            "transparent pixels are (0, 0, 0, 0), and you take them for black ink: mix with white paper by alpha.": (
                functools.partial(_grey, alpha=np.ones_like)
            ),
            "alpha says how much of a colour covers the paper, it is no fourth colour.": four,
            "you mix with black paper. The paper is white: what alpha leaves open is 255.": functools.partial(
                _grey, paper=0
            ),
            "paper and ink are exchanged: the models learned bright ink on dark paper, so return 255 - grey.": (
                functools.partial(_grey, invert=False)
            ),
            "the three colours count the same. The weights are 0.299, 0.587 and 0.114.": functools.partial(
                _grey, weights=third
            ),
            "you read red only. Each colour has its weight.": functools.partial(_grey, weights=np.array([1.0, 0, 0])),
            "the weights are in the order blue, green, red. A canvas gives red first.": functools.partial(
                _grey, weights=WEIGHTS[::-1]
            ),
            "the result is alpha, whatever the colour is. Use the colours too; and if you multiply uint8 by uint8, it "
            "wraps around: make the pixels float first.": alone,
            "rows and columns are exchanged: a canvas is stored row by row, its shape is (height, width, 4).": turned,
            "uint8 times uint8 wraps around. Make the pixels float before you multiply.": wrapped,
            "the picture is right, and it goes from 0 to 1. Asked is uint8, 0 to 255.": as_float,
        },
        tolerance=1,
    )


# --- softmax
def _softmax(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _float32(value):
    """Return a float array as float32: which float dtype comes back is no part of the exercise."""
    if type(value) is np.ndarray and value.dtype.kind == "f":
        return value.astype(np.float32)
    return value


def judge_softmax(answer, rng):
    require_function(answer)

    def tried(logits):
        return _float32(answer(logits))

    small = [(rng.normal(0, 4, shape).astype(np.float32),) for shape in ((10,), (6, 10), (10, 10))]

    def along(axis):
        return lambda x: np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)

    def columns(x):
        return along(0)(x)

    def bent(function):
        return lambda x: function(x) / function(x).sum(axis=-1, keepdims=True)

    compare_function(
        tried,
        _softmax,
        small,
        {
            "each column sums to 1. Asked are rows that do: use the last axis.": columns,
            "all rows together sum to 1. Each row must.": along(None),
            "the powers do not sum to 1: divide them by their sum.": np.exp,
            "the powers do not sum to 1: divide them by their sum. ": lambda x: np.exp(
                x - x.max(axis=-1, keepdims=True)
            ),
            "this is the logarithm of the probabilities.": lambda x: np.log(_softmax(x)),
            "you divide by the largest power. Divide by the sum of them.": lambda x: (
                np.exp(x) / np.exp(x).max(axis=-1, keepdims=True)
            ),
            "you take the powers of 2. The models were trained with those of e: `np.exp`.": bent(np.exp2),
            "the logits are divided by their sum, without powers. A negative logit is no probability.": bent(
                lambda x: x
            ),
            "you square the logits. Take their powers, `np.exp`.": bent(np.square),
            "this is a sigmoid for each logit. The ten must sum to 1 in each row.": lambda x: 1 / (1 + np.exp(-x)),
        },
        tolerance=1e-5,
    )
    large = rng.normal(0, 4, (5, 10)).astype(np.float32)
    large[1] += 900
    large[2] -= 900
    large[3, int(rng.integers(0, 10))] = 120
    with np.errstate(all="ignore"):
        found, expected = tried(large.copy()), _softmax(large)
        powers, shifted = np.exp(large), np.exp(large - large.max())
        lost_plain, lost_shifted = (np.isnan(p / p.sum(axis=-1, keepdims=True)) for p in (powers, shifted))
    if type(found) is not np.ndarray or found.shape != large.shape or found.dtype.kind != "f":
        raise Mistake(f"probabilities of shape {large.shape} are expected, this is {describe(found)}.")
    lost = np.isnan(found)
    if same(lost, lost_plain):
        raise Mistake(
            "logits near 900 give nan: their powers are too large for a float, and those of -900 are all 0. Subtract "
            "the largest logit of the row first; the result stays the same."
        )
    if same(lost, lost_shifted):
        raise Mistake(
            "you subtract the largest logit of all rows. In a row with far smaller ones all powers are 0: take the "
            "largest of each row."
        )
    if lost.any():
        raise Mistake(f"{int(lost.any(axis=-1).sum())} of 5 rows with very large and small logits give nan.")
    if not same(found, expected, tolerance=1e-5):
        raise Mistake(
            "with very large and very small logits the result is another one than it should be. Subtract the largest "
            "logit of each row, and clip nothing."
        )


# --- time_one
class _Browser:
    """A clock that ticks in whole milliseconds, and a run that is slow at first. It never waits."""

    MOST = 100_000

    def __init__(self, rng, slow):
        self.cost = float(rng.uniform(0.035, 0.055))
        self.slow, self.now = slow, float(rng.uniform(10, 11))
        self.runs = self.reads = self.idle = 0
        self.began = None

    def run(self):
        self.runs, self.idle = self.runs + 1, 0
        self.now += self.cost * (3 if self.runs <= self.slow else 1)
        if self.runs > self.MOST:
            hint = "you never read `clock()`" if not self.reads else "it does not end when `least` has passed"
            raise Mistake(f"`run()` is called {self.MOST:,} times: {hint}.")

    def clock(self):
        self.began = self.now if self.began is None else self.began
        self.reads, self.idle = self.reads + 1, self.idle + 1
        if self.idle > 10_000:
            raise Mistake("you read the clock again and again, and run nothing in between.")
        return float(int(self.now))


def judge_time_one(answer, rng):
    require_function(answer)
    for least in (60, 90):
        warm_up = int(rng.integers(200, 300))
        browser = _Browser(rng, warm_up)
        found = require_returned(answer(browser.run, browser.clock, warm_up, least))
        if not isinstance(found, (int, float, np.integer, np.floating)) or isinstance(found, bool):
            raise Mistake(f"one number is expected, milliseconds, this is {describe(found)}.")
        _compare_time(float(found), browser, warm_up, least)


def _compare_time(found, browser, warm_up, least):
    counted, cost = browser.runs - warm_up, browser.cost
    spent = counted * cost

    def near(value):
        return abs(found - value) <= 0.03 * value

    if not browser.runs:
        raise Mistake("you never call `run()`. Time the call itself, with the brackets.")
    if not browser.reads:
        raise Mistake("you never read `clock()`. It is the page's clock, `time` is not.")
    if counted == 1 or browser.runs == 1:
        raise Mistake(
            f"you time one run of {cost:.3f} ms, and the clock ticks once a millisecond. Run until {least} ms have "
            f"passed."
        )
    if counted > 0 and near(cost) and spent >= 0.9 * least:
        return
    elapsed = browser.now - browser.began  # since the clock was read for the first time
    if elapsed > spent + browser.cost and any(near(elapsed / n) for n in (counted, browser.runs) if n > 0):
        raise Mistake(
            f"the first {warm_up} runs are slow, and they are in your time. Call them before you read the clock."
        )
    if counted <= 0 or spent < 0.9 * least:
        raise Mistake(
            f"`run()` is called {browser.runs} times, {warm_up} of them to warm up. Go on until {least} ms have passed."
        )
    if found == 0:
        raise Mistake("you clock each run alone: most take 0 ticks. Clock many runs at once and divide.")
    for unit, factor in (("seconds", 1e-3), ("microseconds", 1e3), ("nanoseconds", 1e6)):
        if near(cost * factor):
            raise Mistake(f"these are {unit}. The clock gives milliseconds, and those are asked.")
    if near(spent):
        raise Mistake(f"this is the time of all {counted} runs. Divide by their number.")
    if near(1 / cost):
        raise Mistake("these are runs in a millisecond. Asked are milliseconds for one run.")
    if near(spent / browser.runs):
        raise Mistake(f"you divide by the {warm_up} runs before, too. Divide by those that were timed.")
    raise Mistake(f"your function finds {describe(found)} ms, one run takes {cost:.4f} ms.")


# --- page_weight
def _packed(name, content):
    return len(content) if name.endswith(".gz") else len(gzip.compress(content, mtime=0))


def _weight(page, *, size=_packed, total=None, unit=1.0):
    sizes = {name: size(name, content) for name, content in page.items()}
    whole = sum(sizes.values()) if total is None else total(page)
    return {name: (packed, unit * packed / whole) for name, packed in sizes.items()}


def _page(rng, prefix=""):
    """Return a small page, {name: bytes}: text, a model of random bytes, and a runtime that is packed already."""
    words = [b"function ", b"const ", b"await ", b"return ", b"model", b"canvas", b"(", b")", b";\n"]
    text = b"".join(words[k] for k in rng.integers(0, len(words), int(rng.integers(400, 900))))
    page = {
        f"{prefix}index.html": b"<!doctype html>\n" + b"<p>digit</p>\n" * int(rng.integers(20, 60)),
        f"{prefix}app.js": text,
        f"{prefix}models/digits.tflite": rng.bytes(int(rng.integers(300, 900))),
        f"{prefix}runtime/litert.wasm.gz": gzip.compress(text[::-1] + rng.bytes(700), mtime=0),
    }
    names = [list(page)[k] for k in rng.permutation(len(page))]
    return {name: page[name] for name in names}


def judge_page_weight(answer, rng):
    require_function(answer)
    cases = [(_page(rng),), (_page(rng, "web/"),), ({"a.txt": b"a" * int(rng.integers(500, 900))},)]

    def unpacked(name, content):
        return len(content)

    def always(name, content):
        return len(gzip.compress(content, mtime=0))

    def together(page):
        return _packed("", b"".join(page.values()))

    def smallest(name, content):
        return min(len(content), _packed(name, content))

    hint = "a name that ends with .gz is packed already: count its bytes as they are."
    try:
        compare_function(
            answer,
            _weight,
            cases,
            {
                "these are the bytes of the files. On their way they are packed: `gzip.compress`.": functools.partial(
                    _weight, size=unpacked
                ),
                hint: functools.partial(_weight, size=always),
                "the share is that of the unpacked bytes. Divide by the sum of the packed ones.": functools.partial(
                    _weight, total=lambda page: sum(map(len, page.values()))
                ),
                "the whole is packed as one file. A browser loads file by file: add the sizes of the packed files.": (
                    functools.partial(_weight, total=together)
                ),
                "the shares are percentages. Asked is a share from 0 to 1.": functools.partial(_weight, unit=100.0),
                "you divide by the heaviest file. A share is a part of all.": functools.partial(
                    _weight, total=lambda page: max(_packed(*item) for item in page.items())
                ),
                "you take the smaller of the two sizes. A server packs every file, also one that grows by it.": (
                    functools.partial(_weight, size=smallest)
                ),
                "the packed bytes are missing: the value is (bytes, share).": lambda page: {
                    name: share for name, (_, share) in _weight(page).items()
                },
                "the shares are missing: the value is (bytes, share).": lambda page: {
                    name: packed for name, (packed, _) in _weight(page).items()
                },
                "bytes and share are exchanged: the bytes come first.": lambda page: {
                    name: value[::-1] for name, value in _weight(page).items()
                },
            },
            tolerance=1e-9,
        )
    except Mistake as mistake:
        if "your function returns" in str(mistake) and str(mistake).startswith("with {"):
            _name_the_file(answer, cases)
        raise


def _name_the_file(answer, cases):
    """Raise Mistake that says which file of a page has another weight, in fewer words than the page itself."""
    for (page,) in cases:
        found, expected = _tried(answer, dict(page)), _weight(page)
        if same(found, expected, tolerance=1e-9):
            continue
        if type(found) is not dict or set(found) != set(expected):
            raise Mistake(f"a dict with the names of the page is expected, this is {describe(found)}.") from None
        for name, value in expected.items():
            if not same(found[name], value, tolerance=1e-9):
                raise Mistake(
                    f"{name} has {len(page[name])} bytes; your function returns {describe(found[name])}, expected "
                    f"{describe(value)}."
                ) from None


# --- plan_update
def _digest(content):
    return hashlib.sha256(content).hexdigest()[:12]


def _plan(kept, page, *, digest=_digest, choose=None):
    manifest = {name: digest(content) for name, content in page.items()}
    chosen = choose(kept, manifest) if choose else [name for name in manifest if kept.get(name) != manifest[name]]
    return manifest, sorted(chosen), sorted(set(kept) - set(manifest))


def judge_plan_update(answer, rng):
    require_function(answer)
    cases = []
    for _ in range(2):
        page = _page(rng)
        old = dict(page)
        old["app.js"] = old["app.js"] + b"\n"  # changed since
        old["center.js"] = b"gone since"
        old["models/old.tflite"] = page["models/digits.tflite"]  # the same bytes under another name
        old.pop("models/digits.tflite")
        old["index.html"] = old["index.html"][::-1]  # as long as before
        page["pad.js"] = rng.bytes(40)
        cases.append(({name: _digest(content) for name, content in old.items()}, page))
    cases.append(({}, _page(rng)))
    cases.append(({name: _digest(content) for name, content in cases[-1][1].items()}, cases[-1][1]))

    def tried(kept, page):
        given = dict(kept), dict(page)
        found = answer(*given)
        return found if given == (kept, page) else "changed"

    def part(choose):
        return functools.partial(_plan, choose=choose)

    def by(digest):
        return functools.partial(_plan, digest=digest)

    def dropped_too(kept, page):
        manifest, load, drop = _plan(kept, page)
        return manifest, load, sorted(set(drop) | (set(load) & set(kept)))

    def only_changed(kept, manifest):
        return [name for name in manifest if name in kept and kept[name] != manifest[name]]

    for case in cases:
        if type(_tried(tried, *case)) is str:
            raise Mistake("your function changes the dict that it is given. Make a new one.")
    try:
        compare_function(
            tried,
            _plan,
            cases,
            {
                "a file whose content changed must be loaded again, though its name is known: compare the digests.": (
                    part(lambda kept, manifest: [name for name in manifest if name not in kept])
                ),
                "you load everything. Leave out what is kept with the same digest.": part(
                    lambda kept, manifest: list(manifest)
                ),
                "you look for a digest under any name. A page asks for a file by its name: compare name by name.": part(
                    lambda kept, manifest: [name for name in manifest if manifest[name] not in kept.values()]
                ),
                "a new file must be loaded too, not only a changed one.": part(only_changed),
                "you load what has not changed. It is the other way round.": part(
                    lambda kept, manifest: [name for name in manifest if kept.get(name) == manifest[name]]
                ),
                "a file that changed is loaded, not dropped: drop the names that the new page does not have.": (
                    dropped_too
                ),
                "the digest is too long: take its first twelve characters.": by(
                    lambda content: hashlib.sha256(content).hexdigest()
                ),
                "this is another hash. Asked is SHA-256: `hashlib.sha256`.": by(
                    lambda content: hashlib.md5(content, usedforsecurity=False).hexdigest()[:12]
                ),
                "this is another hash. Asked is SHA-256: `hashlib.sha256`. ": by(
                    lambda content: hashlib.sha1(content, usedforsecurity=False).hexdigest()[:12]
                ),
                "the length is no digest: a file can change and keep its length.": by(len),
                "you hash the name. The content decides whether a file has changed.": (
                    lambda kept, page: _plan(kept, {name: name.encode() for name in page})
                ),
                "load and drop are exchanged: what to load comes before what to drop.": lambda kept, page: (
                    _plan(kept, page)[0],
                    *_plan(kept, page)[:0:-1],
                ),
                "the manifest is that of the old page. Return the one of the new page.": lambda kept, page: (
                    kept,
                    *_plan(kept, page)[1:],
                ),
                "nothing is dropped. Names that the new page does not have any more must go.": lambda kept, page: (
                    *_plan(kept, page)[:2],
                    [],
                ),
            },
        )
    except Mistake as mistake:
        if "your function returns" in str(mistake) and str(mistake).startswith("with {"):
            _name_the_part(tried, cases)
        raise


def _name_the_part(answer, cases):
    """Raise Mistake that says which of the three parts of a plan is another one."""
    for case in cases:
        found, expected = _tried(answer, *case), _plan(*case)
        if type(found) not in (tuple, list) or len(found) != 3:
            raise Mistake(f"three things are expected, manifest, load and drop, this is {describe(found)}.") from None
        for name, value, right in zip(("manifest", "load", "drop"), found, expected, strict=True):
            if same(value, right):
                continue
            if type(value) is list and sorted(map(str, value)) == right:
                raise Mistake(f"{name} has the right names in another order: sort them.") from None
            raise Mistake(f"{name} is {describe(value)}, expected {describe(right)}.") from None


EXERCISES = {
    "find_reasons": Exercise(
        2,
        "find_reasons(content) on files with many dtypes at their ends, with and without open axes",
        "LiteRT.js refuses such a file on the visitor's device, where you cannot help.",
        judge_find_reasons,
    ),
    "page_model": Exercise(
        3,
        "your .tflite: batch, dtypes of its ends, what is inside, and its accuracy on a part of the test set",
        "the page hands over float32 pixels, and the int8 inside makes the file small.",
        judge_page_model,
    ),
    "to_grey": Exercise(
        3,
        "to_grey(data, width, height) on canvases with black, coloured and half transparent ink",
        "a canvas that nobody touched is black and transparent: who forgets alpha shows the model a black sheet.",
        judge_to_grey,
    ),
    "softmax": Exercise(
        2,
        "softmax(logits) on one row and on several, with usual and with very large logits",
        "exp(900) is infinite in every language, and infinite divided by infinite is no probability.",
        judge_softmax,
    ),
    "time_one": Exercise(
        2,
        "time_one(run, clock, warm_up, least) with a clock of whole milliseconds and first runs that are slow",
        "one run is shorter than a tick of the clock, and the first ones are still being compiled.",
        judge_time_one,
    ),
    "page_weight": Exercise(
        2,
        "page_weight(page) on pages with text, a model and a runtime that is packed already",
        "what a visitor waits for is not what the folder weighs.",
        judge_page_weight,
    ),
    "plan_update": Exercise(
        3,
        "plan_update(kept, page): new, changed, moved and missing files, a first visit, and no change at all",
        "a page that loads too much wastes a phone's data, and one that loads too little shows an old model.",
        judge_plan_update,
    ),
}
