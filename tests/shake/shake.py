"""The shake: let arithmetic differ as it does on another processor, in every Python process of the tests.

    COURSE_SHAKE=2 .venv/bin/python -m pytest --nbval notebooks/05*        one notebook under the second shake
    make shake                                                             everything under each of the three

conftest.py puts this folder on PYTHONPATH and sets the variables of the chosen shake; lessons and package know nothing
of it. Three things differ from processor to processor, and all are imitated:

- The converter folds batch normalization with the processor's own reciprocal square root, and calibrates with its own
  sums. After each conversion the factors of folded channels move by `ulps` units in the last place, biases by as much
  of the largest bias, scales by one unit, and `steps` int8 weights a layer that stand on the edge of two integers by
  one step. Weights that the converter only copies stay: they are equal everywhere.
- Sums come in another order: kernels of oneDNN, OpenBLAS and NumPy are made to leave out instruction sets, with one to
  four threads; float results of LiteRT, and a network's weights at the start of a training, move by `ulps` units.
- A processor has fewer or more instruction sets: `timing.MASKS` keeps its first `sets`.

Shipped files are read as they are. Zeros stay zeros, and equal weights of one channel stay equal.
"""

import importlib.abc
import os
import sys
from importlib.machinery import PathFinder

# threads: of OpenMP and TensorFlow; None leaves TensorFlow's to the lesson. variables: which instructions are left out.
# sets: how many instruction sets a lesson can hold LiteRT's built-in kernels to.
SHAKES = {
    1: {
        "ulps": 1,
        "steps": 0,
        "threads": 1,
        "sets": 1,
        "variables": {"TF_ENABLE_ONEDNN_OPTS": "0", "OPENBLAS_CORETYPE": "Nehalem"},
    },
    2: {
        "ulps": 3,
        "steps": 0,
        "threads": 4,
        "sets": 2,
        "variables": {"ONEDNN_MAX_CPU_ISA": "SSE41", "OPENBLAS_CORETYPE": "Haswell"},
    },
    3: {
        "ulps": 2,
        "steps": 1,
        "threads": None,
        "sets": 3,
        "variables": {"ONEDNN_MAX_CPU_ISA": "AVX2", "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL"},
    },
}
FOLDED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")


def number():
    """Return the number of the shake that this process runs under, 0 for none."""
    return int(os.environ.get("COURSE_SHAKE") or 0)


def settings():
    """Return the entry of SHAKES of this process."""
    return SHAKES[number()]


def move(values, ulps, seed=0):
    """Return float32 values, each moved by -ulps to ulps units in the last place; equal values move alike.

    Zeros, powers of two, infinities and NaN stay: they are exact on every processor, or no numbers.
    """
    import numpy as np

    values = np.ascontiguousarray(values, np.float32)
    bits = values.view(np.uint32)
    mixed = (bits ^ np.uint32(0x9E3779B9 * (number() + seed) % 2**32)) * np.uint32(2654435761)
    mixed = (mixed ^ (mixed >> np.uint32(15))) * np.uint32(0x85EBCA6B)
    step = (mixed >> np.uint32(8)).astype(np.int64) % (2 * ulps + 1) - ulps
    exact = (bits & np.uint32(0x7FFFFF)) == 0
    exact |= (bits & np.uint32(0x7F800000)) == 0x7F800000
    return np.where(exact, bits, bits.astype(np.int64) + step).astype(np.uint32).view(np.float32).reshape(values.shape)


def shake_model(content, copied=()):
    """Return the bytes of a converted .tflite model as another processor would have made it.

    copied: the float32 arrays of the model it was converted from; weights with the same values were not computed.
    """
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema

    ulps, steps = settings()["ulps"], settings()["steps"]
    content = bytearray(content)
    model = schema.Model.GetRootAs(content)
    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    copied = {np.sort(np.ravel(array)).tobytes() for array in copied}
    for i in range(model.SubgraphsLength()):
        graph = model.Subgraphs(i)
        for j in range(graph.TensorsLength()):
            _shake_scales(graph.Tensors(j))
        for j in range(graph.OperatorsLength()):
            operator = graph.Operators(j)
            code = model.OperatorCodes(operator.OpcodeIndex())
            kind = names[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
            inputs = [int(index) for index in operator.InputsAsNumpy()] if operator.InputsLength() else []
            if kind not in FOLDED or len(inputs) < 2:
                continue
            axis = 3 if kind == "DEPTHWISE_CONV_2D" else 0
            arrays = [_data(model, graph, index) for index in inputs[1:3]]
            if arrays[0] is None:
                continue
            if arrays[0].dtype == np.float32 and np.sort(np.ravel(arrays[0])).tobytes() not in copied:
                _shake_channels(arrays[0], axis, ulps)
            if arrays[0].dtype == np.int8:
                for _ in range(steps):
                    _step(arrays[0], axis)
            if len(arrays) > 1 and arrays[1] is not None and np.sort(np.ravel(arrays[1])).tobytes() not in copied:
                _shake_bias(arrays[1], ulps)
    return bytes(content)


def _data(model, graph, index):
    """Return the constant of a tensor as an array that shares the memory of the file; None where there is none."""
    import numpy as np
    from ai_edge_litert.schema_py_generated import TensorType

    if index < 0:
        return None
    tensor = graph.Tensors(index)
    kinds = {TensorType.FLOAT32: np.float32, TensorType.INT8: np.int8, TensorType.INT32: np.int32}
    data = model.Buffers(tensor.Buffer()).DataAsNumpy()
    if isinstance(data, int) or tensor.Type() not in kinds or tensor.Sparsity() is not None:
        return None
    return data.view(kinds[tensor.Type()]).reshape(tensor.ShapeAsNumpy())


def _shake_scales(tensor):
    """Move the scales of one tensor by one unit; 1/255 and powers of two follow from exact ranges and stay."""
    import numpy as np

    quantization = tensor.Quantization()
    if quantization is None or not quantization.ScaleLength():
        return
    scales = quantization.ScaleAsNumpy()
    scales[:] = np.where(scales == np.float32(1 / 255), scales, move(scales, 1))


def _shake_channels(weights, axis, ulps):
    """Multiply each channel by its own 1 + k / 2**23, as a factor that was rounded differently would."""
    import numpy as np

    rng = np.random.default_rng([number(), weights.size])
    shape = [-1 if i == axis else 1 for i in range(weights.ndim)]
    factors = 1 + rng.integers(-ulps, ulps + 1, weights.shape[axis]) * 2.0**-23
    weights[...] = (weights.astype(np.float64) * factors.reshape(shape)).astype(np.float32)


def _shake_bias(bias, ulps):
    """A bias is a difference, so its error is that of the larger numbers; an int32 moves where it stood on an edge."""
    import numpy as np

    rng = np.random.default_rng([number(), bias.size, 1])
    if bias.dtype == np.float32:
        error = rng.integers(-ulps, ulps + 1, bias.shape) * np.abs(bias).max() * 2.0**-23
        bias[...] = np.where(bias == 0, bias, (bias + error).astype(np.float32))
    elif bias.dtype == np.int32:
        edge = rng.random(bias.shape) < min(1 / 8, ulps * 2.0**-20 * np.abs(bias).max())
        bias += edge * rng.choice([-1, 1], bias.shape).astype(np.int32)


def _step(weights, axis):
    """Move the rarest inner value of one channel by one step, as a weight on the edge of two integers would."""
    import numpy as np

    rng = np.random.default_rng([number(), weights.size, 2])
    channels = np.moveaxis(weights, axis, 0)
    channel = channels[rng.integers(len(channels))]
    values, counts = np.unique(channel[(channel != 0) & (np.abs(channel.astype(int)) < 126)], return_counts=True)
    values = values[(np.abs(values.astype(int)) > 1)] if len(values) else values
    if len(values) < 20:  # so few values are centroids: none of them stands on an edge
        return
    counts = np.array([np.sum(channel == value) for value in values])
    value = values[counts.argmin()]
    channel[channel == value] = value + 1


# What is changed when a module is imported


def _patch_converter(module):
    """What the converters of TensorFlow 2 return is shaken."""

    def weights_of(converter):
        model, folder = (getattr(converter, name, None) for name in ("_keras_model", "saved_model_dir"))
        if hasattr(model, "get_weights"):
            return model.get_weights()
        if not folder or not os.path.exists(f"{folder}/variables/variables.index"):
            return ()
        import tensorflow as tf

        stored = tf.train.load_checkpoint(f"{folder}/variables/variables")
        kinds = stored.get_variable_to_dtype_map()
        return [stored.get_tensor(name) for name in kinds if kinds[name].name == "float32"]

    def shaken(convert):
        def wrapper(self, *args, **kwargs):
            weights = weights_of(self)
            return shake_model(convert(self, *args, **kwargs), weights)

        return wrapper

    for name in ("TFLiteKerasModelConverterV2", "TFLiteSavedModelConverterV2", "TFLiteFrozenGraphConverterV2"):
        kind = getattr(module, name)
        kind.convert = shaken(kind.convert)


def _patch_litert(module):
    """Float results of operators move; constants and inputs are read as they are."""
    import numpy as np

    ulps = settings()["ulps"]
    get_tensor, invoke_signature = module.Interpreter.get_tensor, module.SignatureRunner.__call__

    def computed(self):
        if not hasattr(self, "_shake_computed"):
            from tflite_course.runtime import operators as operators_of

            operators = operators_of(self)
            self._shake_computed = {int(index) for operator in operators for index in operator["outputs"]}
        return self._shake_computed

    def shaken_tensor(self, tensor_index, subgraph_index=0):
        value = get_tensor(self, tensor_index, subgraph_index)
        moved = subgraph_index == 0 and value.dtype == np.float32 and int(tensor_index) in computed(self)
        return move(value, ulps) if moved else value

    def shaken_signature(self, **inputs):
        outputs = invoke_signature(self, **inputs)
        return {name: move(v, ulps) if v.dtype == np.float32 else v for name, v in outputs.items()}

    module.Interpreter.get_tensor = shaken_tensor
    module.SignatureRunner.__call__ = shaken_signature


def _patch_training(model_class):
    """The first step of a training begins at weights that differ in the last place."""
    ulps = settings()["ulps"]
    fit = model_class.fit

    def shaken(self, *args, **kwargs):
        if self.built:
            for variable in self.trainable_weights:
                if "float32" in str(variable.dtype):
                    variable.assign(move(variable.numpy(), ulps))
        return fit(self, *args, **kwargs)

    model_class.fit = shaken


def _patch_threads(module):
    """TensorFlow takes the shake's number of threads, whatever the lesson asks for."""
    threads = settings()["threads"]
    if threads:
        for kind in ("intra", "inter"):
            name = f"set_{kind}_op_parallelism_threads"
            original = getattr(module, name)
            setattr(module, name, lambda num_threads, original=original: original(threads))


def _patch_instructions(module):
    """The processor has the first instruction sets of each list only."""
    for names in module.MASKS.values():
        for name in list(names)[settings()["sets"] :]:
            del names[name]


PATCHES = {
    "tensorflow.lite.python.lite": _patch_converter,
    "ai_edge_litert.interpreter": _patch_litert,
    "tf_keras.src.engine.training": lambda module: _patch_training(module.Model),
    "keras.src.backend.tensorflow.trainer": lambda module: _patch_training(module.TensorFlowTrainer),
    "tensorflow.python.framework.config": _patch_threads,
    "tflite_course.timing": _patch_instructions,
}


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the modules of PATCHES as Python does, and changes them after they were executed."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname not in PATCHES:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            PATCHES[fullname](module)

        spec.loader.exec_module = exec_module
        return spec


def install():
    """Shake this process from now on; call it before TensorFlow and LiteRT are imported."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        late = [name for name in PATCHES if name in sys.modules]
        if late:
            raise RuntimeError(f"The shake came too late, {late[0]} is imported already.")
        sys.meta_path.insert(0, _Finder())


def environment():
    """Return the environment variables of this process's shake; {} without one."""
    if not number():
        return {}
    chosen = settings()
    folder = os.path.dirname(os.path.abspath(__file__))
    path = [folder, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    variables = {"COURSE_SHAKE": str(number()), "PYTHONPATH": os.pathsep.join(dict.fromkeys(path))}
    threads = {"OMP_NUM_THREADS": str(chosen["threads"])} if chosen["threads"] else {}
    return variables | threads | chosen["variables"]


def write_startup(folder):
    """Make each IPython kernel that has this folder as its IPYTHONDIR install the shake before its first cell."""
    import pathlib

    startup = pathlib.Path(folder) / "profile_default" / "startup"
    startup.mkdir(parents=True, exist_ok=True)
    lines = ["import importlib.util, sys"]
    lines += [f"_spec = importlib.util.spec_from_file_location('shake', {os.path.abspath(__file__)!r})"]
    lines += ["_shake = sys.modules.setdefault('shake', importlib.util.module_from_spec(_spec))"]
    lines += ["hasattr(_shake, 'install') or _spec.loader.exec_module(_shake)", "_shake.install()"]
    lines += ["del importlib, sys, _spec, _shake"]  # the kernel's names are the lesson's
    (startup / "00_shake.py").write_text("\n".join(lines) + "\n", encoding="utf-8")
