"""Keras 2 models between a submission and its judge: their layers as JSON, their weights as arrays, never code.

Only layers of the lists below are built again. Any other layer (a Lambda, a class of the student's own) stays where it
is: what stands for it asks the submission for its outputs. Pruning schedules of TFMOT cross by their settings.
"""

import json
import re
import sys
import types

import numpy as np

from tflite_course.grading.judge import wire

MOST_TEXT = 2 * 2**20  # characters of the JSON of a model
LAYERS = set(
    """Activation Add AlphaDropout Average AveragePooling1D AveragePooling2D BatchNormalization
    Concatenate Conv1D Conv2D Conv2DTranspose Cropping1D Cropping2D Dense DepthwiseConv1D DepthwiseConv2D Dot
    Dropout ELU Flatten GaussianDropout
    GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D GlobalMaxPooling1D GlobalMaxPooling2D GroupNormalization
    InputLayer LayerNormalization LeakyReLU Maximum MaxPooling1D MaxPooling2D Minimum Multiply PReLU Permute
    RandomBrightness RandomContrast RandomCrop RandomFlip RandomRotation RandomTranslation RandomZoom ReLU RepeatVector
    Rescaling Reshape Resizing SeparableConv1D SeparableConv2D Softmax SpatialDropout1D SpatialDropout2D Subtract
    ThresholdedReLU UnitNormalization UpSampling1D UpSampling2D ZeroPadding1D ZeroPadding2D""".split()
)
OPERATIONS = {"TFOpLambda", "SlicingOpLambda"}
OPERATION = re.compile(
    r"(math|nn|__operators__|image)\.\w+|expand_dims|reshape|squeeze|transpose|cast|concat|stack|identity|pad|"
    r"reduce_\w+|clip_by_value|add|subtract|multiply|divide|minimum|maximum|abs|sqrt|square|exp|one_hot|tile|where"
)
WRAPPERS = {"QuantizeLayer", "QuantizeWrapper", "QuantizeWrapperV2", "QuantizeAnnotate", "QuantizeAwareActivation"}
QUANTIZERS = re.compile(
    r"NoOpActivation|OutputOnlyConfig|(Default|NoOp|Last|Moving|AllValues|Fixed|OutputOnly)\w*(QuantizeConfig|Quantizer)"
)
TO_STRIP = {"PruneLowMagnitude", "ClusterWeights"}  # a model that has them is not judged further
SCHEDULES = ("PolynomialDecay", "ConstantSparsity")


def is_model(value):
    """Return whether a value is a model of Keras 2, without importing Keras."""
    keras = sys.modules.get("tf_keras")
    return keras is not None and isinstance(value, keras.Model)


def copy_weights(theirs, mine):
    """Give a model the weights that the other side gave to it, or zeros when it has other layers now."""
    new, old = theirs.get_weights(), mine.get_weights()
    fits = [w.shape for w in new] == [w.shape for w in old]
    mine.set_weights(new if fits else [np.zeros_like(w) for w in old])


# --- describe


def describe(value, number, writer):
    """Return the JSON of a model or schedule; number(function): by which the other side can call a function."""
    if is_schedule(value):
        return _describe_schedule(value, writer)
    entry = {"t": "model", "n": number(value), "name": type(value).__name__[:80]}
    kinds = sorted({type(layer).__name__ for layer in value.layers} & TO_STRIP)
    if kinds:
        return entry | {"kind": "wrapped", "wrappers": kinds}
    graph = type(value).__name__ in ("Sequential", "Functional", "Model") and type(value).__module__.startswith(
        "tf_keras."
    )
    if not graph or not value.inputs:
        return entry | {"kind": "subclass"}
    entry |= {"kind": "graph", "json": _layers_as_json(value, number, writer)}
    entry |= {"weights": [writer.value(weight) for weight in map(np.asarray, value.get_weights())]}
    return entry | {"optimizer": _optimizer(value), "loss": _loss(value)}


def _layers_as_json(model, number, writer):
    try:
        config = json.loads(model.to_json())
    except (NotImplementedError, TypeError, ValueError) as error:
        raise wire.Unreadable(
            f"the model has a layer that cannot be described: {str(error).splitlines()[0][:200]}"
        ) from None
    for layer in config["config"]["layers"]:
        if layer["class_name"] not in LAYERS | OPERATIONS | WRAPPERS | {"Sequential", "Functional"}:
            own = model.get_layer(layer["config"]["name"])
            shapes = [[list(weight.shape), weight.dtype.name] for weight in map(np.asarray, own.get_weights())]
            settings = {"name": own.name, "number": number(_as_arrays(own)), "shapes": shapes}
            settings["output"] = [None if side is None else int(side) for side in own.output_shape]
            layer.update(class_name="Remote", module=None, registered_name=None, config=settings)
    return json.dumps(config)


def _as_arrays(layer):
    def outputs(array):
        return np.asarray(layer(array))

    return outputs


def _optimizer(model):
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        return None
    try:
        rate = float(optimizer.learning_rate)
    except TypeError:  # a schedule
        rate = None
    return {"steps": int(optimizer.iterations), "rate": rate}


def _loss(model):
    loss = getattr(model, "loss", None)
    if loss is None or isinstance(loss, str):
        return loss
    config = loss.get_config() if hasattr(loss, "get_config") else {}
    return {"from_logits": config.get("from_logits")}


# --- build


def build(entry, reader, peer):
    """Return the model or schedule of an entry that describe() made. Raises Unreadable for what is not allowed."""
    if entry["t"] == "schedule":
        return _build_schedule(entry, reader)
    if entry["kind"] != "graph":
        return _stand_in(entry)
    config = json.loads(_bounded(entry["json"]))
    _allow(config)
    if type(config) is not dict or "class_name" not in config:
        raise wire.Unreadable("the model has a form that cannot be judged.")
    import tf_keras as keras

    objects = {"Remote": _remote_layer(peer)}
    try:
        with _tfmot_scope(json.dumps(config)), keras.utils.custom_object_scope(objects):
            model = keras.models.model_from_json(json.dumps(config))
        model.set_weights([reader.value(weight) for weight in entry["weights"]])
    except Exception as error:
        first = (str(error).strip().splitlines() or ["no message"])[0]
        raise wire.Unreadable(f"the model cannot be built again: {type(error).__name__}: {first[:200]}") from None
    optimizer, loss = entry["optimizer"], entry["loss"]
    if optimizer is not None:
        rate = _Schedule() if optimizer["rate"] is None else float(optimizer["rate"])
        model.__dict__["optimizer"] = types.SimpleNamespace(iterations=int(optimizer["steps"]), learning_rate=rate)
    if isinstance(loss, dict):
        loss = types.SimpleNamespace(get_config=lambda given=loss: given)
    model.__dict__["loss"] = loss
    return model


class _Schedule:
    """A learning rate that is not a number."""


def _bounded(text):
    if type(text) is not str or len(text) > MOST_TEXT:
        raise wire.Unreadable("the model is too large to judge.")
    return text


def _allow(entry):
    """Raise Unreadable unless all classes that a description names are allowed; drop what a judge does not need."""
    if isinstance(entry, list):
        for item in entry:
            _allow(item)
    if not isinstance(entry, dict):
        return
    entry.pop("build_config", None)
    for key in list(entry):
        if key.endswith("_initializer"):
            entry[key] = "zeros"
        elif key.endswith(("_regularizer", "_constraint")):
            entry[key] = None
    if "class_name" in entry:
        _allow_class(entry)
    for item in entry.values():
        _allow(item)


def _allow_class(entry):
    name, module = str(entry["class_name"]), entry.get("module")
    entry.pop("registered_name", None) if module is None else None
    if name in LAYERS | {"Sequential", "Functional", "Model"}:
        allowed = module in (None, "keras.layers", "keras", "keras.models")
    elif name in OPERATIONS:
        allowed = module == "tf_keras.src.layers.core.tf_op_layer"
        allowed = allowed and OPERATION.fullmatch(str(entry["config"].get("function")))
    elif name in WRAPPERS or QUANTIZERS.fullmatch(name):
        allowed = module is None or str(module).startswith("tensorflow_model_optimization.python.core.quantization.")
    else:
        allowed = name == "Remote" and module is None
    if not allowed:
        raise wire.Unreadable(f"the model has a layer of the kind {name[:60]}, which cannot be judged.")


def _tfmot_scope(text):
    """Return a scope in which Keras knows TFMOT's wrappers, when a description needs it."""
    import contextlib

    if "uantize" not in text:
        return contextlib.nullcontext()
    from tensorflow_model_optimization.python.core.quantization.keras import quantize

    return quantize.quantize_scope()


def _remote_layer(peer):
    """Return a class of Keras layers whose outputs are asked of the other side of a connection."""
    import tensorflow as tf
    import tf_keras as keras

    class Remote(keras.layers.Layer):
        def __init__(self, name, number, shapes, output, **_):
            super().__init__(name=str(name))
            self.number, self.shapes, self.output_side = int(number), shapes, output

        def build(self, input_shape):
            for k, (shape, dtype) in enumerate(self.shapes):
                self.add_weight(f"weight_{k}", [int(side) for side in shape], str(dtype), "zeros", trainable=False)

        def call(self, inputs):
            def ask(values):
                return np.asarray(peer.call(self.number, [values.numpy()], {}), np.float32)

            outputs = tf.py_function(ask, [inputs], tf.float32)
            outputs.set_shape(self.output_side)
            return outputs

    return Remote


def _stand_in(entry):
    """Return a model that shows no more than that it has wrappers, or that its shapes are not known."""
    import tf_keras as keras

    name = entry["name"] if str(entry["name"]).isidentifier() else "Model"
    kind = type(name, (keras.Model,), {"__module__": "submission"})
    if entry["kind"] != "wrapped":
        return kind()
    from tensorflow_model_optimization.python.core.clustering.keras.cluster_wrapper import ClusterWeights
    from tensorflow_model_optimization.python.core.sparsity.keras.pruning_wrapper import PruneLowMagnitude

    known = {"ClusterWeights": ClusterWeights, "PruneLowMagnitude": PruneLowMagnitude}
    layers = [known[name].__new__(known[name]) for name in entry["wrappers"]]
    kind.layers = property(lambda self: layers)
    return kind()


# --- pruning schedules


def is_schedule(value):
    """Return whether a value is a schedule of TFMOT's own classes, without importing TFMOT."""
    module = sys.modules.get("tensorflow_model_optimization.python.core.sparsity.keras.pruning_schedule")
    return module is not None and any(type(value) is getattr(module, name) for name in SCHEDULES)


def _describe_schedule(schedule, writer):
    config = {key: value for key, value in schedule.get_config()["config"].items()}
    return {"t": "schedule", "kind": type(schedule).__name__, "config": writer.value(config)}


def _build_schedule(entry, reader):
    from tensorflow_model_optimization.python.core.sparsity.keras import pruning_schedule

    kind, config = entry["kind"], reader.value(entry["config"])
    plain = (int, float, np.integer, np.floating)
    if kind not in SCHEDULES or type(config) is not dict or not all(isinstance(v, plain) for v in config.values()):
        raise wire.Unreadable("the pruning schedule has a form that cannot be judged.")
    return getattr(pruning_schedule, kind)(**config)
