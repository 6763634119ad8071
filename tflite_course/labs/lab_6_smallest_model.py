"""The exercises of lab 6: the best accuracy in few bytes, and the proof that stripping changes no answer."""

import functools

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

WEIGHTS, MACS = 5_000, 400_000  # the budget of the network, in bytes and multiply-accumulates
# points, largest file, lowest accuracy on the whole test set
LEVELS = ((1, 16_384, 0.85), (2, 8_192, 0.85), (3, 8_192, 0.92), (4, 8_192, 0.95), (5, 6_144, 0.95))


def _plan(
    parts,
    *,
    bias=4,
    one_bias=4,
    dense=True,
    before=False,
    full=False,
    pool=lambda side: side // 2,
    stride=lambda side, by: -(-side // by),
    per_weight=1,
    per_mac=1,
    bias_macs=False,
):
    """Return (multiply-accumulates, bytes of weights) of a network; the options are the mistakes that people make."""
    side, channels, macs, size = 28, 1, 0, 0
    for part in parts:
        if part == "pool":
            side = pool(side)
            continue
        area = side**2
        if part[0] == "conv":
            _, filters, kernel, by = part
            weights, channels = kernel**2 * channels * filters, filters
        else:
            _, kernel, by = part
            weights = kernel**2 * channels * (channels if full else 1)
        side = stride(side, by)
        area = area if before else side**2
        macs += area * (weights + bias_macs * channels)
        size += per_weight * weights + bias * channels
    if dense:
        macs += 10 * channels + 10 * bias_macs
        size += per_weight * 10 * channels + bias * 10
    return per_mac * macs, size


def judge_plan(answer, rng):
    cases = [([("conv", 4, 3, 1)],), ([("conv", 8, 5, 2), "pool", ("depthwise", 3, 1), ("conv", 12, 1, 1)],)]
    cases += [([("conv", 3, 3, 1), "pool", "pool", "pool", ("conv", 6, 3, 1)],)]  # 7 / 2 is 3 for a pool
    cases += [([("conv", 3, 3, 2), ("depthwise", 3, 2), ("conv", 5, 3, 2)],)]  # and 4 for a stride
    for _ in range(5):
        parts = [("conv", int(rng.integers(2, 20)), int(rng.choice([3, 5])), int(rng.integers(1, 3)))]
        for _ in range(rng.integers(1, 4)):
            kind, kernel, by = rng.integers(3), int(rng.choice([1, 3, 5])), int(rng.integers(1, 3))
            parts.append(["pool", ("depthwise", kernel, by), ("conv", int(rng.integers(2, 30)), kernel, by)][kind])
        cases.append((parts,))

    def wrong(**options):
        return functools.partial(_plan, **options)

    def no_places(parts):
        size = _plan(parts)[1]
        return _plan(parts, bias=0)[1], size

    compare_function(
        answer,
        _plan,
        cases,
        {
            "a bias has four bytes (int32), and you count one.": wrong(bias=1),
            "the biases are missing: one int32, four bytes, for each output channel.": wrong(bias=0),
            "these are the bytes of float32. An int8 weight has one byte.": wrong(per_weight=4),
            "the dense layer is missing: ten outputs, each with a weight for every channel and a bias.": wrong(
                dense=False
            ),
            "your MACs are the weights. Each weight works at every place of the output: times height and width.": (
                no_places
            ),
            "you take the height and width before the stride. Count the places of the output.": wrong(before=True),
            "a depthwise filter sees one channel: size * size * channels weights, no second factor.": wrong(full=True),
            "a pool rounds down: 7 becomes 3.": wrong(pool=lambda side: -(-side // 2)),
            'with "same" padding a stride rounds up: 7 becomes 4.': wrong(stride=lambda side, by: side // by),
            "a MAC is one product with its addition. You count two operations.": wrong(per_mac=2),
            "biases are no multiply-accumulates: leave them out of the MACs.": wrong(bias_macs=True),
            "the order is (MACs, bytes).": lambda parts: _plan(parts)[::-1],
        },
    )


def _layers(model):
    import tf_keras as keras

    kinds = keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Dense
    return [layer for layer in model.layers if isinstance(layer, kinds)]


def _cost(model):
    """Return (MACs, bytes of int8 weights and int32 biases) of a tf_keras model."""
    import tf_keras as keras

    macs = size = 0
    for layer in _layers(model):
        kernel = layer.get_weights()[0]
        places = 1 if isinstance(layer, keras.layers.Dense) else int(np.prod(layer.output_shape[1:3]))
        macs += places * kernel.size
        size += kernel.size + 4 * layer.output_shape[-1]
    return macs, size


def _require_model(model):
    import tf_keras as keras

    require_returned(model)
    if not isinstance(model, keras.Model):
        if type(model).__module__.split(".")[0] == "keras":
            raise Mistake("this is a Keras 3 model: build it with `import tf_keras as keras`, as the lessons do.")
        raise Mistake(f"expected is a tf_keras model, this is {describe(model)}.")


def judge_build_network(answer, rng):
    import tf_keras as keras

    require_function(answer)
    model = answer()
    _require_model(model)
    shape = tuple(model.input_shape)
    if shape[1:] not in ((28, 28), (28, 28, 1)):
        raise Mistake(f"the input has the shape {shape}, asked is (None, 28, 28) or (None, 28, 28, 1).")
    if tuple(model.output_shape[1:]) != (10,):
        raise Mistake(f"the output has the shape {tuple(model.output_shape)}, asked is (None, 10).")
    images = rng.random((shape[0] or 4, *shape[1:]), np.float32)
    sums = np.asarray(model(images, training=False)).sum(1)
    if np.abs(sums - 1).max() < 1e-4:
        raise Mistake("the outputs sum to 1: there is a softmax. Asked are logits, and the loss gets from_logits=True.")
    if not any(isinstance(layer, keras.layers.Conv2D) for layer in model.layers):
        raise Mistake("there is no convolution. Without one this budget is not enough for good digits.")
    for first, second in zip(model.layers[:-1], model.layers[1:], strict=True):
        ends = "relu" in (type(first).__name__.lower(), getattr(getattr(first, "activation", None), "__name__", ""))
        if ends and isinstance(second, keras.layers.BatchNormalization):
            raise Mistake(
                f"'{second.name}' comes after the ReLU, so the converter cannot fold it into the convolution: "
                f"convolution, normalization, ReLU."
            )
    macs, size = _cost(model)
    if size > WEIGHTS:
        raise Mistake(f"int8 weights and int32 biases take {size:,} bytes, the budget is {WEIGHTS:,}.")
    if macs > MACS:
        raise Mistake(
            f"it needs {macs:,} MACs, the budget is {MACS:,}: make the picture smaller early, with a stride or a pool."
        )


def _varied(content, rng):
    """Return a shipped model with some weights changed, so that no stored answer fits."""

    def alter(tree):
        large = max(tree.buffers, key=lambda buffer: 0 if buffer.data is None else len(buffer.data))
        data = np.array(large.data, np.uint8)
        places = rng.choice(len(data) // 4, 20, replace=False) * 4
        data[places] = data[rng.permutation(places)]
        large.data = data

    return files.change(content, alter)


def judge_strip_file(answer, rng):
    from ai_edge_litert import schema_py_generated as schema

    from tflite_course.models import model_path

    require_function(answer)
    images = mnist()[1][0][rng.choice(10_000, 20, replace=False)]
    for name, variant in (("mnist_ds", "int8"), ("mnist_cnn", "float32")):
        content = _varied(model_path(name, variant).read_bytes(), rng)
        stripped = require_returned(answer(content))
        if type(stripped) is bytearray:
            raise Mistake("this is a bytearray: end with `bytes(builder.Output())`.")
        if type(stripped) is bytes and len(stripped) > 8 and stripped[4:8] != b"TFL3":
            raise Mistake(
                'the file has lost its mark, bytes 4 to 7: write `builder.Finish(..., b"TFL3")` with the identifier.'
            )
        files.open_file(stripped)
        tree = schema.ModelT.InitFromPackedBuf(bytearray(stripped), 0)
        graph = tree.subgraphs[0]
        if not same(files.answers(stripped, images), files.answers(content, images)):
            raise Mistake("the answers have changed: weights, scales and operators must stay as they are.")
        left = {
            "names of tensors": any(tensor.name for tensor in graph.tensors),
            "the name of the graph": bool(graph.name),
            "the description": bool(tree.description),
            "signatures": bool(tree.signatureDefs),
            "metadata": bool(tree.metadata),
        }
        if any(left.values()):
            raise Mistake(f"the file still has {', '.join(part for part, there in left.items() if there)}.")
        if len(stripped) >= len(content) - 300:
            raise Mistake(f"the file has {len(stripped):,} bytes and had {len(content):,}: nothing was gained.")


def _nudged(content, images, fits):
    """Return an int8 file with one bias of the last layer raised, images that keep their digit, and their differences.

    The difference of an image is the largest of its ten outputs, an int; fits(differences) chooses how far to raise.
    """
    interpreter = files.open_file(content)
    last = [op for op in interpreter._get_ops_details() if op["op_name"] == "FULLY_CONNECTED"][-1]
    before, step = files.answers(content, images), 1

    def alter(tree):
        buffer = tree.buffers[tree.subgraphs[0].tensors[int(last["inputs"][2])].buffer]
        values = np.array(buffer.data, np.uint8).view(np.int32).copy()
        values[3] += step
        buffer.data = values.view(np.uint8)

    while step < 1 << 20:
        changed = files.change(content, alter)
        after = files.answers(changed, images)
        kept = after.argmax(1) == before.argmax(1)
        difference = np.abs(after.astype(int) - before).max(1)[kept]
        if fits(difference):
            return changed, images[kept], difference
        step += max(1, step // 4)
    raise RuntimeError("no bias tells the two files apart")  # of another shipped file, perhaps


def judge_same_answers(answer, rng):
    from tflite_course import evaluation
    from tflite_course.models import model_path
    from tflite_course.models.flatbuffer import strip

    nano, cnn = (model_path(name, "int8").read_bytes() for name in ("mnist_nano", "mnist_cnn"))
    images = mnist()[1][0][rng.choice(10_000, 40, replace=False)]
    few, kept, difference = _nudged(nano, images, lambda difference: 0 < (difference > 0).sum() < 20)
    last = kept[np.argsort(difference, kind="stable")[: (difference == 0).sum() + 1]]  # the last one differs
    most, kept, difference = _nudged(nano, images, lambda difference: (difference > 0).sum() > 20)
    first = kept[np.argsort(-difference, kind="stable")]
    far, kept, _ = _nudged(nano, images, lambda difference: difference.max() >= 4)
    cases = [(cnn, strip(cnn), images[:15]), (strip(cnn), cnn, images[:15]), (nano, nano, images[:3])]
    cases += [(nano, few, last), (few, nano, last), (nano, most, first), (nano, far, kept)]
    cases += [(nano, _varied(nano, rng), images), (few, strip(few), images)]

    def right(before, after, images):
        return same(files.answers(before, images), files.answers(after, images))

    def digits_alone(before, after, images):
        return same(files.answers(before, images).argmax(1), files.answers(after, images).argmax(1))

    def first_alone(before, after, images):
        return right(before, after, images[:1])

    def nearly(before, after, images):
        return bool(np.abs(files.answers(before, images) - files.answers(after, images).astype(int)).max() <= 1)

    def cast(before, after, images):
        values = images.astype(np.int8)
        return same(evaluation.invoke(before, values), evaluation.invoke(after, values))

    compare_function(
        answer,
        right,
        cases,
        {
            "you compare the files. A stripped file has other bytes and the same answers.": lambda before, after, _: (
                before == after
            ),
            "you compare the digits. A proof compares all ten outputs: the same digit can come from others.": (
                digits_alone
            ),
            "you run one image alone. The difference may be in the last one.": first_alone,
            "you allow a small difference. int8 outputs are whole numbers: ask for exactly the same.": nearly,
            "you cast the images to int8, so all of them are black: quantize with scale and zero point.": cast,
            "True and False are swapped.": lambda *case: not right(*case),
        },
    )


def judge_my_model(answer, rng):
    from tflite_course import evaluation
    from tflite_course.models.flatbuffer import strip

    interpreter = files.open_file(answer)
    files.require_shapes(interpreter)
    files.require_int8(interpreter)
    shipped = files.whose(interpreter)
    if shipped:
        raise Mistake(f"these are the weights of {shipped}, which comes with the course. Train a network of your own.")
    size, largest = len(answer), LEVELS[0][1]
    if size > largest:
        cure = "`flatbuffer.strip` makes it fit" if len(strip(answer)) <= largest else "take fewer filters"
        raise Mistake(f"the file has {size:,} bytes, the largest budget is {largest:,}: {cure}.")
    accuracy = evaluation.accuracy(answer, *mnist()[1])
    return files.judge_levels(
        LEVELS,
        size,
        accuracy,
        stripped=len(strip(answer)),
        nothing=f"{size:,} bytes and {accuracy:.1%}: the first level asks for {LEVELS[0][2]:.0%}. Is it trained, and "
        f"are the calibration images prepared as in training?",
    )


def _choose(rows, budget):
    fitting = [row for row in rows if row["bytes"] <= budget]
    if not fitting:
        return None
    best = max(fitting, key=lambda row: row["accuracy"])
    return min((row for row in fitting if row["high"] >= best["low"]), key=lambda row: row["bytes"])["name"]


def judge_choose(answer, rng):
    from tflite_course.evaluation import accuracy_band

    def rows(count, low, high, images):
        table = []
        for k, size in enumerate(rng.choice(np.arange(2000, 60_000), count, replace=False)):
            right = int(rng.uniform(low, high) * images)
            band = dict(zip(("low", "high"), accuracy_band(right, images), strict=True))
            gz = int(size * rng.uniform(0.3, 0.9))
            table.append({"name": f"model {k}", "bytes": int(size), "gzip": gz, "accuracy": right / images, **band})
        return table

    def row(name, size, accuracy, images=10_000):
        low, high = accuracy_band(round(accuracy * images), images)
        return {"name": name, "bytes": size, "gzip": size // 2, "accuracy": accuracy, "low": low, "high": high}

    shown = [row("nano", 4024, 0.979), row("tiny", 8040, 0.993), row("small", 16300, 0.994), row("cnn", 62712, 0.9937)]
    cases = [(shown, budget) for budget in (4023, 4024, 10_000, 20_000, 100_000)]
    cases += [([], 5000)]
    cases += [([row("a", 3000, 0.99), row("b", 9000, 0.993)], 9000)]  # the accuracy of a lies below the band of b
    cases += [([row("a", 3000, 0.95), row("b", 5000, 0.97), row("c", 60_000, 0.999)], 10_000)]
    cases += [([*shown, row("bad", 1500, 0.6)], budget) for budget in (5000, 9000)]
    for images, low in ((10_000, 0.95), (1_000, 0.9), (300, 0.9), (10_000, 0.6)):
        table = rows(8, low, 0.999, images)
        sizes = sorted(entry["bytes"] for entry in table)
        cases += [(table, sizes[5]), (table, 70_000), (table, sizes[2] - 1), (table, sizes[0] - 1)]

    def variant(fits=lambda row, budget: row["bytes"] <= budget, near=lambda row, best: row["high"] >= best["low"]):
        def choose(rows, budget):
            fitting = [row for row in rows if fits(row, budget)]
            if not fitting:
                return None
            best = max(fitting, key=lambda row: row["accuracy"])
            return min((row for row in fitting if near(row, best)), key=lambda row: row["bytes"])["name"]

        return choose

    def best_of_all(rows, budget):
        fitting = [row for row in rows if row["bytes"] <= budget]
        best = max(rows, key=lambda row: row["accuracy"], default=None)
        near = [row for row in fitting if row["high"] >= best["low"]]
        return min(near, key=lambda row: row["bytes"])["name"] if near else None

    def whole_row(rows, budget):
        name = _choose(rows, budget)
        return next((row for row in rows if row["name"] == name), None)

    require_function(answer)
    if all(answer(*case) is None for case in cases):
        require_returned(None)
    if isinstance(answer(*cases[2]), dict):
        raise Mistake('you return the whole row. Asked is its "name".')
    compare_function(
        answer,
        _choose,
        cases,
        {
            "you take the most accurate one. A smaller one may be as good within the bands.": variant(
                near=lambda row, best: row is best
            ),
            "you take the smallest that fits, however bad it is.": variant(near=lambda row, best: True),
            "a model that has exactly the budget fits: `<=`.": variant(fits=lambda row, budget: row["bytes"] < budget),
            "you compare gzip with the budget. Flash holds the file as it is.": variant(
                fits=lambda row, budget: row["gzip"] <= budget
            ),
            "you compare with the best of all rows. It may be one that does not fit.": best_of_all,
            "you ignore the budget.": variant(fits=lambda row, budget: True),
            "you compare its accuracy with the best's band. Both have a band: its `high` with the best's `low`.": (
                variant(near=lambda row, best: row["accuracy"] >= best["low"])
            ),
        },
    )


EXERCISES = {
    "plan": Exercise(
        3,
        "plan(parts) on networks with convolutions, depthwise convolutions, pools and strides",
        "who can count before training does not train networks that never fit.",
        judge_plan,
    ),
    "build_network": Exercise(
        2,
        "build_network(): its input and output, the order of its layers, its bytes and its MACs",
        "most bytes and most time are decided here, before the first image is seen.",
        judge_build_network,
    ),
    "strip_file": Exercise(
        2,
        "strip_file(content) on two models: what is gone, what the file answers, and its size",
        "in a small file names and notes take more than the weights.",
        judge_strip_file,
    ),
    "same_answers": Exercise(
        2,
        "same_answers(before, after, images) on files that are equal, nearly equal and different",
        "a smaller file is a gain only if you can prove that it answers as before.",
        judge_same_answers,
    ),
    "my_model": Exercise(
        5,
        "your int8 file: its form, its bytes, and its accuracy on the whole test set",
        "a device has so many bytes and not one more, and what counts is what fits.",
        judge_my_model,
    ),
    "choose": Exercise(
        2,
        "choose(rows, budget) on tables of models, with wide and narrow bands",
        "the most accurate row of a table is often lucky, and the smallest good one is what you ship.",
        judge_choose,
    ),
}
