"""One small network in the forms in which people have their MNIST models, for every place that takes a model.

make_forms() returns {name: Form}. All forms hold mnist_nano with its shipped weights (those with an LSTM: random ones),
so nothing is trained, and all must name the digits that the network itself names. make_refused() returns files that no
place can run as they are, each with words that the sentence about it must hold.
"""

import contextlib
import functools
import hashlib
import io
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tflite_course.datasets import load_mnist
from tflite_course.models import load_model, model_path

COUNT = 60  # images that a form is tried on


class Form(NamedTuple):
    """A .tflite file and what it is.

    input_range: what paper and ink are for it; told: whether the file itself tells so (if not, say it with
    `input_range=`). kind: of its output, "logits", "probabilities" or "sigmoids". digits: int64 (COUNT,), what it must
    answer for images(); agree: for how many of them, a share (quantization moves a few).
    """

    content: bytes
    input_range: tuple
    kind: str
    note: str
    digits: np.ndarray
    agree: float
    told: bool


def images():
    """Return float32 (COUNT, 28, 28), test images of MNIST from 0 to 1."""
    return _test_set()[0]


@functools.cache
def _test_set():
    _, (grey, labels) = load_mnist()
    return grey[:COUNT], labels[:COUNT]


@functools.cache
def network():
    """Return the network, a tf_keras model (n, 28, 28, 1) -> logits (n, 10)."""
    return load_model("mnist_nano")


@functools.cache
def _digits():
    return network()(images()[..., np.newaxis]).numpy().argmax(1)


def samples(low=0.0, high=1.0, shape=(1, 28, 28)):
    """Return a representative dataset of 100 images, paper = low and ink = high."""
    grey = load_mnist()[0][0][:100]
    return lambda: ([(low + (high - low) * image).reshape(shape).astype(np.float32)] for image in grey)


# ---- how a function becomes a file ----


def convert(function, shape=(None, 28, 28), dtype="float32", *, prepare=None):
    """Return .tflite bytes of a function of one tensor; prepare(converter) sets what is to be set."""
    import tensorflow as tf

    concrete = tf.function(function, input_signature=[tf.TensorSpec(shape, dtype)]).get_concrete_function()
    return _finish(tf.lite.TFLiteConverter.from_concrete_functions([concrete], network()), prepare)


def _finish(converter, prepare):
    if prepare:
        prepare(converter)
    return converter.convert()


def float16(converter):
    import tensorflow as tf

    converter.optimizations, converter.target_spec.supported_types = [tf.lite.Optimize.DEFAULT], [tf.float16]


def dynamic(converter):
    import tensorflow as tf

    converter.optimizations = [tf.lite.Optimize.DEFAULT]


def integer(io="float32", dataset=None, wide=False):
    """Return a prepare() for full-integer quantization; io: dtype of input and output; wide: 16-bit activations."""

    def prepare(converter):
        import tensorflow as tf

        ops = tf.lite.OpsSet
        kind = ops.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8 if wide else ops.TFLITE_BUILTINS_INT8
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = dataset or samples()
        converter.target_spec.supported_ops = [kind]
        converter.inference_input_type = converter.inference_output_type = getattr(tf, io)

    return prepare


def logits(x):
    """The network on a tensor of any layout."""
    import tensorflow as tf

    return network()(tf.reshape(x, (-1, 28, 28, 1)))


def then(name, before=lambda x: x):
    """Return a function: before, the network, and an activation of tf.nn."""
    import tensorflow as tf

    return lambda x: getattr(tf.nn, name)(logits(before(x)))


def saved(module, signatures, prepare=None):
    """Return .tflite bytes of a tf.Module, converted as a SavedModel with signatures."""
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=signatures)
        return _finish(tf.lite.TFLiteConverter.from_saved_model(folder), prepare)


def recipe(name, content=None):
    """Return .tflite bytes that the LiteRT quantizer made by one of its recipes."""
    from litert_quantizer import quantizer
    from litert_quantizer import recipe as recipes

    with contextlib.redirect_stdout(io.StringIO()):
        worker = quantizer.Quantizer(bytearray(content or convert(logits)), getattr(recipes, name)())
        return bytes(worker.quantize().quantized_model)


def without_scale():
    """Return the shipped int8 file of mnist_cnn after a tool dropped what its input's integers mean."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    tree = schema.ModelT.InitFromPackedBuf(bytearray(model_path("mnist_cnn", "int8").read_bytes()), 0)
    graph = tree.subgraphs[0]
    graph.tensors[graph.inputs[0]].quantization = None
    builder = flatbuffers.Builder(1024)
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


# ---- Keras ----


def keras_2(*ends, shape=(28, 28), batch_size=None, prepare=None):
    import tensorflow as tf
    from tf_keras import Sequential, layers

    start = [layers.Input(shape, batch_size=batch_size), layers.Reshape((28, 28, 1))]
    model = Sequential([*start, network(), *(getattr(layers, end)() for end in ends)])
    return _finish(tf.lite.TFLiteConverter.from_keras_model(model), prepare)


def keras_3(activation=None, rescale=None):
    """The network built anew in Keras 3, with the weights of the other."""
    import keras
    import tensorflow as tf

    layers, body = keras.layers, []
    for layer in network().layers:
        settings = layer.get_config()
        if type(layer).__name__ == "Conv2D":
            kept = ("filters", "kernel_size", "strides", "padding", "use_bias")
            body.append(layers.Conv2D(**{key: settings[key] for key in kept}))
        elif type(layer).__name__ == "BatchNormalization":
            body.append(layers.BatchNormalization(epsilon=settings["epsilon"]))
        elif type(layer).__name__ != "Dense":
            body.append(getattr(layers, type(layer).__name__)())
    scale = [layers.Rescaling(rescale)] if rescale else []
    model = keras.Sequential([layers.Input((28, 28, 1)), *scale, *body, layers.Dense(10, activation=activation)])
    model.set_weights(network().get_weights())
    with contextlib.redirect_stdout(io.StringIO()):  # Keras lists what it exports
        return tf.lite.TFLiteConverter.from_keras_model(model).convert()


@functools.cache
def _recurrent(batch_size):
    """Return (bytes, digits) of an LSTM that reads an image row by row, with random weights.

    The file keeps the cells' state from call to call, and answers another image wrong when nobody resets it.
    """
    import tensorflow as tf
    from tf_keras import Sequential, layers
    from tf_keras.utils import set_random_seed

    set_random_seed(3)
    build = [layers.LSTM(12), layers.Dense(10)]
    answers = Sequential([layers.Input((28, 28)), *build])(images()).numpy().argmax(1)
    model = Sequential([layers.Input((28, 28), batch_size=batch_size), *build])
    return tf.lite.TFLiteConverter.from_keras_model(model).convert(), answers


def counter():
    """A file that counts its calls in a variable and answers right only at the first."""
    import tensorflow as tf

    class Counting(tf.Module):
        def __init__(self):
            super().__init__()
            self.net, self.calls = network(), tf.Variable(0.0)

        @tf.function(input_signature=[tf.TensorSpec((1, 28, 28))])
        def read(self, x):
            calls = self.calls.assign_add(1.0)
            return {"logits": logits(x) * (3 - 2 * calls)}

    def prepare(converter):
        converter.experimental_enable_resource_variables = True

    module = Counting()
    return saved(module, {"read": module.read}, prepare)


def _module(**functions):
    """Return a tf.Module with the network and a tf.function of (None, 28, 28) for each signature."""
    import tensorflow as tf

    module = tf.Module()
    module.net = network()
    spec = [tf.TensorSpec((None, 28, 28), name="image")]
    module.functions = {name: tf.function(function, input_signature=spec) for name, function in functions.items()}
    return saved(module, module.functions)


def _two_signatures():
    import tensorflow as tf

    return _module(
        aaa_brightness=lambda image: {"brightness": tf.reduce_mean(image, (1, 2))},
        read=lambda image: {"logits": logits(image)},
    )


def _mean_one(x):
    import tensorflow as tf

    return {"brightness": tf.reduce_mean(x, (1, 2)), "logits": logits(x)}


def _both(x):
    import tensorflow as tf

    answer = logits(x)
    return {"a_logits": answer, "b_probabilities": tf.nn.softmax(answer)}


def _open_size(x):
    return network()(x)


# name: (function that makes the bytes, what differs from a plain float32 file with logits)
CLOSE = {"agree": 0.95}
UNTOLD = {"told": False}
P = {"kind": "probabilities"}


def _registry():
    import tensorflow as tf

    network()  # it clears Keras's session, which must not happen while a function is traced

    forms = {
        # frameworks and ends
        "keras 2": (keras_2, {}),
        "keras 2, softmax": (lambda: keras_2("Softmax"), P),
        "keras 2, softmax, batch 1": (lambda: keras_2("Softmax", batch_size=1), P),
        "keras 3": (keras_3, {}),
        "keras 3, softmax": (lambda: keras_3("softmax"), P),
        "log softmax": (lambda: convert(then("log_softmax")), {}),
        "sigmoids": (lambda: convert(then("sigmoid")), {"kind": "sigmoids"}),
        "softmax by hand": (
            lambda: convert(lambda x: (e := tf.exp(logits(x))) / tf.reduce_sum(e, 1, keepdims=True)),
            P,
        ),
        # layouts
        "784": (lambda: convert(logits, (None, 784)), {}),
        "28 x 28 x 1": (lambda: convert(logits, (None, 28, 28, 1)), {}),
        "1 x 28 x 28": (lambda: convert(logits, (None, 1, 28, 28)), {}),
        "open height and width": (lambda: convert(_open_size, (None, None, None, 1)), {}),
        "no batch axis": (lambda: convert(lambda x: logits(x)[0], (28, 28)), {}),
        "no batch axis, 784": (lambda: convert(logits, (784,)), {}),
        "output 1 x 1 x 10": (lambda: convert(lambda x: tf.reshape(logits(x), (-1, 1, 1, 10))), {}),
        "output 10 x n": (lambda: convert(lambda x: tf.transpose(logits(x))), {}),
        "output 10 x 7": (lambda: convert(lambda x: tf.transpose(logits(x)), (7, 28, 28)), {}),
        "batch 1": (lambda: convert(logits, (1, 28, 28)), {}),
        "batch 1, fixed inside": (lambda: convert(lambda x: tf.reshape(logits(x), (1, 10)), (1, 28, 28)), {}),
        "batch 7, fixed inside": (lambda: convert(lambda x: tf.reshape(logits(x), (7, 10)), (7, 28, 28, 1)), {}),
        "batch 28": (lambda: convert(logits, (28, 28, 28)), {}),
        "batch 32": (lambda: convert(then("softmax"), (32, 28, 28, 1)), P),
        # outputs and signatures
        "two outputs": (lambda: convert(_mean_one), {}),
        "logits and probabilities": (lambda: convert(_both), P),
        "one named signature": (lambda: _module(classify=lambda image: {"digit": logits(image)}), {}),
        "two signatures": (_two_signatures, {}),
        # dtypes
        "float16": (lambda: convert(logits, prepare=float16), {}),
        "dynamic range": (lambda: convert(logits, prepare=dynamic), CLOSE),
        "int8 inside": (lambda: convert(then("softmax"), prepare=integer()), CLOSE | P),
        "int8": (lambda: convert(logits, prepare=integer("int8")), CLOSE),
        "int8, softmax": (lambda: convert(then("softmax"), prepare=integer("int8")), CLOSE | P),
        "int8, softmax, batch 1": (lambda: convert(then("softmax"), (1, 28, 28), prepare=integer("int8")), CLOSE | P),
        "uint8": (lambda: convert(logits, prepare=integer("uint8")), CLOSE),
        "uint8, softmax": (lambda: convert(then("softmax"), prepare=integer("uint8")), CLOSE | P),
        "int16 x 8": (lambda: convert(logits, prepare=integer(wide=True)), CLOSE),
        "int16 x 8, int16": (lambda: convert(then("softmax"), prepare=integer("int16", wide=True)), CLOSE | P),
        "float16 in and out": (
            lambda: convert(lambda x: tf.cast(logits(tf.cast(x, "float32")), "float16"), dtype="float16"),
            {},
        ),
        "float64 in and out": (
            lambda: convert(lambda x: tf.cast(logits(tf.cast(x, "float32")), "float64"), dtype="float64"),
            {},
        ),
        # input ranges
        # the converter hides the factor in the weights of the convolution
        "Rescaling": (lambda: keras_3("softmax", rescale=1 / 255), P | UNTOLD | {"input_range": (0, 255)}),
        "divided by 255": (lambda: convert(lambda x: logits(x / 255)), {"input_range": (0, 255)}),
        "Rescaling, int8": (
            lambda: convert(lambda x: logits(x / 255), prepare=integer("int8", samples(0, 255))),
            CLOSE | {"input_range": (0, 255)},
        ),
        "-1 to 1, int8": (
            lambda: convert(lambda x: logits(x / 2 + 0.5), prepare=integer("int8", samples(-1, 1))),
            CLOSE | {"input_range": (-1, 1)},
        ),
        "mean and deviation, uint8": (
            lambda: convert(lambda x: logits(x * 0.3081 + 0.1307), prepare=integer("uint8", samples(-0.4242, 2.8215))),
            CLOSE | {"input_range": (-0.4242, 2.8215)},
        ),
        "-1 to 1": (lambda: convert(lambda x: logits(x * 0.5 + 0.5)), UNTOLD | {"input_range": (-1, 1)}),
        "0 to 255": (lambda: convert(lambda x: logits(_hidden(x))), UNTOLD | {"input_range": (0, 255)}),
        "mean and deviation": (
            lambda: convert(lambda x: logits(x * 0.3081 + 0.1307)),
            UNTOLD | {"input_range": (-0.4242, 2.8215)},
        ),
        "bright paper": (lambda: convert(lambda x: logits(1 - x)), UNTOLD | {"input_range": (1, 0)}),
        "bright paper, uint8": (
            lambda: convert(lambda x: logits(1 - x), prepare=integer("uint8")),
            CLOSE | UNTOLD | {"input_range": (1, 0)},
        ),
        "int16 x 8, int16, -1 to 1": (
            lambda: convert(lambda x: logits(x / 2 + 0.5), prepare=integer("int16", samples(-1, 1), wide=True)),
            CLOSE | UNTOLD | {"input_range": (-1, 1)},
        ),
        "0 and 1, uint8 without scale": (
            lambda: convert(lambda x: logits(tf.cast(x, "float32")), dtype="uint8"),
            {"agree": 0.9} | UNTOLD | {"input_range": (0, 1)},
        ),
        "uint8 without scale": (
            lambda: convert(lambda x: logits(tf.cast(x, "float32") / 255), dtype="uint8"),
            {"input_range": (0, 255)},
        ),
        "int32 without scale": (
            lambda: convert(lambda x: logits(tf.cast(x, "float32") / 255), dtype="int32"),
            {"input_range": (0, 255)},
        ),
        "int8 without scale": (without_scale, CLOSE | {"input_range": (-128, 127)}),
        # state
        "LSTM, batch 1": (lambda: _recurrent(1)[0], {"digits": lambda: _recurrent(1)[1]}),
        "variable that counts": (counter, {}),
    }
    if sys.platform != "win32":  # the LiteRT quantizer has no wheels for it
        forms["int4"] = (lambda: recipe("dynamic_wi4_afp32"), {"agree": 0.5})
        forms["weight-only int8"] = (lambda: recipe("weight_only_wi8_afp32"), CLOSE)
    return forms


def _hidden(x):
    """Divide by 255 so that no operator in front of the network says so: a convolution learned it."""
    import tensorflow as tf

    return tf.nn.conv2d(tf.reshape(x, (-1, 28, 28, 1)), tf.fill((1, 1, 1, 1), 1 / 255), 1, "SAME")


def make_forms(names=None, *, folder=None):
    """Return {name: Form} of the given names, by default of all. folder: where finished files are kept and found."""
    registry = _registry()
    forms = {}
    for name in registry if names is None else names:
        make, more = registry[name]
        settings = {"input_range": (0, 1), "kind": "logits", "agree": 1.0, "told": True} | more
        digits = settings.pop("digits", _digits)()
        forms[name] = Form(content=_kept(name, make, folder), note=name, digits=digits, **settings)
    return forms


_made = {}


def _kept(name, make, folder):
    """Return a form's bytes, made once in a process, and once in a session when a folder is given."""
    if name not in _made:
        path = folder and Path(folder) / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.tflite"
        if path and path.exists():
            _made[name] = path.read_bytes()
        else:
            _made[name] = make()
            if path:
                beside = path.with_suffix(f".{id(make)}")
                beside.write_bytes(_made[name])
                beside.replace(path)
    return _made[name]


# ---- files that no place can run as they are ----


REFUSED = (
    "RGB",
    "32 x 32",
    "two inputs",
    "audio",
    "seven numbers",
    "argmax",
    "two heads of ten",
    "string",
    "Select TF",
    "Select TF, open batch",
    "unset variables",
)


def _refused_functions():
    """Return {name: (function, dtypes and shapes of its inputs, words of the sentence)}."""
    import tensorflow as tf

    def flat(x, count):
        """Ten numbers from any tensor; no trained network is needed to refuse a file."""
        return tf.reshape(x, (1, -1))[:, :count] * 2.0

    def behind_an_open_batch(x):
        x = tf.nn.max_pool2d(tf.reshape(x, (-1, 28, 28, 1)), 1, 1, "SAME")
        x = tf.reshape(x, (tf.shape(x)[0], 784))[:, 300:310]
        return x + tf.linalg.inv(tf.eye(10)[None] + x[:, :, None] * 0.0)[:, :, 0]

    return {
        "RGB": (lambda x: flat(x, 10), [((1, 28, 28, 3), "float32")], r"28, 28, 3"),
        "32 x 32": (lambda x: flat(x, 10), [((1, 32, 32, 1), "float32")], r"32, 32, 1"),
        "two inputs": (
            lambda x, y: flat(x, 10) + y,
            [((1, 28, 28), "float32"), ((1, 10), "float32")],
            r"two inputs|2 inputs",
        ),
        "audio": (lambda x: flat(x, 10), [((1, 16000), "float32")], r"16000"),
        "seven numbers": (lambda x: flat(x, 7), [((1, 28, 28), "float32")], r"1, 7"),
        "argmax": (lambda x: tf.argmax(flat(x, 10), 1), [((1, 28, 28), "float32")], r"argmax"),
        "two heads of ten": (
            lambda x: {"digit": logits(x), "other": flat(x, 10)},
            [((1, 28, 28), "float32")],
            r"output=",
        ),
        "string": (
            lambda x: flat(tf.cast(tf.strings.length(x), "float32"), 10),
            [((784,), "string")],
            r"string|Select TF",
        ),
        "Select TF": (lambda x: flat(tf.linalg.inv(x), 10), [((1, 28, 28), "float32")], r"Select TF"),
        # LiteRT notices this one only when it runs: what stands in front has a shape that is known only then
        "Select TF, open batch": (behind_an_open_batch, [((None, 28, 28), "float32")], r"Select TF"),
    }


def _unset_variables():
    """Return a file whose weights are variables that nothing assigns: a Keras 3 network inside a tf.Module."""
    import keras
    import tensorflow as tf

    class Holder(tf.Module):
        def __init__(self):
            super().__init__()
            self.net = keras.Sequential([keras.layers.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10)])

        @tf.function(input_signature=[tf.TensorSpec((1, 28, 28))])
        def read(self, x):
            return self.net(x)

    module = Holder()
    return saved(module, {"read": module.read})


def make_refused(*, folder=None):
    """Return {name: (bytes, words)}: a pattern for the sentence that must be given about each of these files."""
    import tensorflow as tf

    network()

    def make(function, specs):
        signature = [tf.TensorSpec(shape, dtype) for shape, dtype in specs]
        concrete = tf.function(function, input_signature=signature).get_concrete_function()
        converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], network())
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
        return converter.convert()

    refused = {
        name: (_kept(name, functools.partial(make, function, specs), folder), words)
        for name, (function, specs, words) in _refused_functions().items()
    }
    refused["unset variables"] = (_kept("unset variables", _unset_variables, folder), r"variables")
    return refused
