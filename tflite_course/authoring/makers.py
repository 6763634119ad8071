"""The one list of what makes things: every maker with its inputs and its outputs, in the order in which they run.

`assets/made.json` keeps the SHA-256 of each maker's inputs and outputs from the day that it last ran. A maker is out of
date when an input has changed since then, an output is missing, or an output was changed by something else.
"""

import hashlib
import json
from typing import NamedTuple

from tflite_course.authoring import ROOT
from tflite_course.errors import CourseError

STORE = "assets/made.json"
PACKAGE = "tflite_course.authoring"


class Maker(NamedTuple):
    """One thing that makes files.

    module: what `python -m` runs. inputs, outputs: patterns of paths in the course's folder; the module is an input
    anyway. commands: the arguments of each run. outside: what it needs from outside the course, or None.
    """

    module: str
    inputs: tuple
    outputs: tuple
    commands: tuple = ((),)
    outside: str | None = None


def _data(name, outside):
    return Maker(f"{PACKAGE}.data.make_{name}", (), (f"data/{name}.npz",), outside=outside)


def _experiment(name, inputs, more=()):
    files = (f"assets/experiments/{name}.json", *more)
    return Maker(f"{PACKAGE}.experiments.{name}", ("data/mnist.npz", *inputs), files)


def _target(name, inputs, module=None):
    inputs = ("data/golden.npz", "assets/models/*_int8.tflite", *inputs)
    return Maker(module or f"{PACKAGE}.targets.{name}", inputs, (f"assets/targets/{name}.json",))


def _model(name, *variants):
    ends = (".weights.h5", ".json", *[f"_{variant}.tflite" for variant in variants or ("float32",)])
    return tuple(f"assets/models/{name}{end}" for end in ends)


CNN = "assets/models/mnist_cnn.weights.h5"
STROKES = ("tflite_course/pad/strokes.py", "tflite_course/pad/centring.py")
MORE_STROKES = (*STROKES, "tflite_course/pad/rare_strokes.py")

MAKERS = {
    "make_mnist": _data("mnist", "Debian's package dataset-mnist or the published files"),
    "make_fashion_mnist": _data("fashion_mnist", "Debian's package dataset-fashion-mnist"),
    "make_textures": _data("textures", "the package scikit-image"),
    "make_watch": _data("watch", "the package seglearn"),
    "make_pen_digits": Maker(
        f"{PACKAGE}.data.make_pen_digits", STROKES, ("data/pen_digits.npz",), outside="data set 81 of the UCI archive"
    ),
    "make_centring": Maker(f"{PACKAGE}.data.make_centring", STROKES, ("data/centring.npz",)),
    "train_mnist_cnn": Maker(
        f"{PACKAGE}.models.train_mnist_cnn",
        ("data/mnist.npz", *MORE_STROKES),
        _model("mnist_cnn", "float32", "int8")
        + _model("mnist_cnn_plain")
        + _model("mnist_cnn_augmented")
        + _model("mnist_cnn_mixed"),
        (("--recipe", "plain"), ("--recipe", "augmented"), ("--recipe", "mixed"), ()),
    ),
    "store_keras_logits": Maker(
        f"{PACKAGE}.models.store_keras_logits", ("data/mnist.npz", CNN), ("assets/models/mnist_cnn_keras_logits.npz",)
    ),
    "train_small_models": Maker(
        f"{PACKAGE}.models.train_small_models",
        (
            "data/mnist.npz",
            "assets/models/mnist_cnn_mixed_float32.tflite",
            "assets/models/mnist_cnn_augmented_float32.tflite",
        ),
        _model("mnist_ds", "float32", "int8")
        + _model("mnist_small", "int8")
        + _model("mnist_tiny", "int8")
        + _model("mnist_nano", "int8"),
    ),
    "train_watch": Maker(
        f"{PACKAGE}.models.train_watch",
        ("data/watch.npz", "tflite_course/sensors.py"),
        _model("watch", "float32", "int8"),
    ),
    "export_for_browser": Maker(
        f"{PACKAGE}.models.export_for_browser",
        ("data/mnist.npz", "assets/models/mnist_*.weights.h5"),
        ("assets/web/models/*.tflite",),
    ),
    "measure_pen_digits": Maker(
        f"{PACKAGE}.models.measure_pen_digits",
        ("data/pen_digits.npz", "assets/models/mnist_cnn*.tflite", *STROKES),
        ("assets/models/pen_digits.json",),
    ),
    "make_golden": Maker(
        f"{PACKAGE}.data.make_golden", ("data/mnist.npz", "assets/models/mnist_*.tflite"), ("data/golden.npz",)
    ),
    "calibration": _experiment("calibration", ("assets/models/mnist_*.weights.h5",)),
    "ranges": _experiment("ranges", (CNN, "data/pen_digits.npz")),
    "int8_speed": Maker(
        f"{PACKAGE}.experiments.int8_speed",
        ("assets/models/mnist_cnn_*.tflite", "tflite_course/timing.py"),
        ("assets/experiments/int8_speed.json",),
    ),
    "quantization_aware_training": _experiment(
        "quantization_aware_training", ("assets/models/mnist_*.weights.h5",), ("assets/experiments/qat_*.tflite",)
    ),
    "qat_border": _experiment(
        "qat_border", ("assets/models/mnist_*.weights.h5", "data/pen_digits.npz", "tflite_course/low_bits.py")
    ),
    "pruning": _experiment("pruning", (CNN,), ("assets/experiments/pruning_*.weights.h5",)),
    "cost_of_pruning": _experiment(
        "cost_of_pruning", (CNN, "data/pen_digits.npz", "tflite_course/authoring/experiments/pruning.py")
    ),
    "sparse_kernels": Maker(f"{PACKAGE}.experiments.sparse_kernels", (), ("assets/experiments/sparse_kernels.json",)),
    "clustering": _experiment(
        "clustering", ("assets/models/mnist_*.weights.h5",), ("assets/experiments/clustering_16.npz",)
    ),
    "combine": _experiment("combine", (CNN,), ("assets/experiments/combine_*.weights.h5",)),
    "redesign": _experiment("redesign", (CNN,)),
    "distillation": _experiment("distillation", ("assets/models/mnist_nano*",)),
    "duel": _experiment(
        "duel",
        (CNN, "data/pen_digits.npz", *STROKES),
        ("assets/experiments/duel_right.npz", "assets/experiments/duel_pruned_*.tflite"),
    )._replace(commands=(("--again",),)),
    "records_of_size": _experiment(
        "records_of_size",
        (
            "data/pen_digits.npz",
            "assets/models/mnist_cnn_mixed_float32.tflite",
            "assets/models/mnist_cnn_augmented_float32.tflite",
            "tflite_course/models/pack.py",
            *STROKES,
        ),
        ("assets/models/record_*.tflite",),
    ),
    "architecture_search": _experiment(
        "architecture_search",
        ("data/pen_digits.npz", "assets/firmware/*", "tflite_course/search/*.py", "tflite_course/models/*.py"),
    ),
    "federated": _experiment("federated", ("tflite_course/targets/federated/*",)),
    "keras3": _experiment(
        "keras3",
        (CNN, "data/pen_digits.npz", "tflite_course/targets/keras3/*"),
        ("assets/experiments/keras3_pytorch.tflite",),
    ),
    "transfer": _experiment("transfer", ("data/textures.npz",), ("assets/experiments/transfer_features.npz",)),
    "pretrained": _experiment("pretrained", ("data/textures.npz",), ("assets/experiments/pretrained_photographs.npz",)),
    "watch": _experiment("watch", ("data/watch.npz", "tflite_course/sensors.py")),
    "linux": _target("linux", ("assets/edge/*.py",)),
    "browser": _target("browser", ("assets/web/*.*", "assets/web/models/*"), "tflite_course.targets.browser"),
    "firmware": _target("firmware", ("assets/firmware/*", "tflite_course/targets/firmware/*.py")),
    "coreml": _target("coreml", (CNN, "assets/experiments/pruning_80.weights.h5")),
    "server": _target("server", ("assets/server/*.py",)),
    "gpu": _target("gpu", (CNN, "tflite_course/targets/gpu.py")),
    "labs": Maker(f"{PACKAGE}.labs", ("solutions/*/*",), ("labs/*/*",)),
    "outputs": Maker(
        f"{PACKAGE}.outputs",
        ("data/*.npz", "assets/models/*", "assets/experiments/*", "assets/targets/*", "assets/quizzes/*"),
        ("notebooks/*.ipynb", "notebooks/deeper/*.ipynb"),
    ),
    "lesson_pictures": Maker(
        f"{PACKAGE}.lesson_pictures",
        ("notebooks/*.ipynb", "assets/targets/linux.json"),
        ("assets/figures/lessons/*.png",),
    ),
}
# Run by hand: they write nothing that the course stores, or need what only their docstring tells.
BY_HAND = {
    "cats_and_dogs": f"{PACKAGE}.experiments.cats_and_dogs",
    "cmsis_nn": f"{PACKAGE}.targets.cmsis_nn",
}


def files_of(patterns, root=ROOT):
    """Return the files that match the patterns, as sorted paths; what is made locally is left out."""
    found = {path.relative_to(root).as_posix() for pattern in patterns for path in root.glob(pattern) if path.is_file()}
    return sorted(name for name in found if "__pycache__" not in name and "/work/" not in name)


def source_of(maker):
    """Return the path of a maker's module from the course's folder."""
    return maker.module.replace(".", "/") + ".py"


def hashes(patterns, root=ROOT):
    """Return {path: SHA-256} of the files that match the patterns; line ends do not count in text."""
    result = {}
    for name in files_of(patterns, root):
        content = (root / name).read_bytes()
        if b"\0" not in content[:8000]:
            content = content.replace(b"\r\n", b"\n")
        result[name] = hashlib.sha256(content).hexdigest()[:16]
    return result


def state(maker, root=ROOT):
    """Return {"inputs": hashes, "outputs": hashes} of a maker as the files are now."""
    return {"inputs": hashes((source_of(maker), *maker.inputs), root), "outputs": hashes(maker.outputs, root)}


def read_store(root=ROOT):
    """Return what was remembered of each maker. Raises CourseError for a file that cannot be read."""
    path = root / STORE
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise CourseError(f"{STORE} is damaged: restore it with `git checkout -- {STORE}`.") from None


def remember(names, root=ROOT, makers=MAKERS):
    """Store the state of these makers as up to date."""
    store = read_store(root) | {name: state(makers[name], root) for name in names}
    ordered = {name: store[name] for name in makers if name in store}
    (root / STORE).write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")


def remember_outputs(name, paths, root=ROOT):
    """Store the hashes of some outputs that a maker has just written; its inputs stay as they were remembered."""
    store = read_store(root)
    store.setdefault(name, {"inputs": {}, "outputs": {}})["outputs"].update(hashes(paths, root))
    (root / STORE).write_text(json.dumps(store, indent=1) + "\n", encoding="utf-8")


def stale(root=ROOT, makers=MAKERS):
    """Return {maker: reasons}, in the order in which they run, of those that are out of date.

    A maker is out of date, too, when a maker is whose outputs it reads.
    """
    store, found, late = read_store(root), {}, set()
    for name, maker in makers.items():
        now, then = state(maker, root), store.get(name, {"inputs": {}, "outputs": {}})
        reasons = [f"{path} has changed" for path in _differing(now["inputs"], then["inputs"])]
        reasons += [f"{path} was not written by it" for path in _differing(now["outputs"], then["outputs"])]
        reasons += [f"{pattern} is missing" for pattern in maker.outputs if not files_of([pattern], root)]
        reasons += [f"{path} is out of date" for path in now["inputs"] if path in late]
        if reasons:
            found[name] = reasons
            late |= set(now["outputs"])
    return found


def _differing(now, then):
    return sorted(path for path in now.keys() | then.keys() if now.get(path) != then.get(path))
