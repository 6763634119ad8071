"""Checks that name a mistake in one sentence: measured numbers, and what converters and TFMOT are given."""

from tflite_course.errors import CourseError


def near(label, value, expected, tolerance, digits=3, unit=""):
    """Print a measured value with the band that is expected beside it, or say that it is outside.

    For numbers that come from a training or a conversion in the lesson: they differ in the last digits from machine to
    machine. The regression test masks the value in front of "(expected", so it notices only a value that is outside.
    value, expected, tolerance: numbers in the same unit; digits: decimals that are printed;
    unit: stands behind the band.

    Raises CourseError for a tolerance that is not above zero, and for a value that is not a number.
    """
    print(f"{label}: {banded(value, expected, tolerance, digits, unit, label=label)}")


def banded(value, expected, tolerance, digits=3, unit="", *, label="The value"):
    """Return what near() prints behind its label, for the cell of a table: "0.964 (expected 0.966 ± 0.012)".

    Arguments and errors are those of near().
    """
    if not tolerance > 0:
        raise CourseError(f"The tolerance of '{label}' is {tolerance}: give a number above zero.")
    value = float(value)
    if value != value:
        raise CourseError(f"{label} is not a number: the training went wrong, look at the loss.")
    band = f"{expected:.{digits}f} ± {tolerance:.{digits}f}{f' {unit}' if unit else ''}"
    if abs(value - expected) <= tolerance:
        return f"{value:.{digits}f} (expected {band})"
    return f"{value:.6g} is OUTSIDE {band}"


def check_representative_dataset(dataset, input_shape, input_range=(0, 1)):
    """Return the number of samples (at most 1,000 are looked at) of a right representative dataset.

    dataset: what converter.representative_dataset gets, a function that yields lists of one float32 array each.
    input_shape: the shape of the model's input with its batch axis, for example (1, 28, 28); None fits any length.
    input_range: what paper and ink are for the model.
    Raises CourseError that names what is wrong: a generator, an array, float64, a missing batch axis, the range, a
    label beside the image.
    """
    import itertools

    import numpy as np

    if not callable(dataset):
        cure = "give the function itself, without the brackets" if hasattr(dataset, "__next__") else "wrap it"
        raise CourseError(
            f"The representative dataset is a {type(dataset).__name__}, it must be a function that yields samples: "
            f"{cure} (`def samples(): ... yield [image]`)."
        )
    count = 0
    for sample in itertools.islice(dataset(), 1000):
        if not isinstance(sample, (list, tuple, dict)):
            raise CourseError(
                f"A sample is a {type(sample).__name__}, it must be a list with one array for each input: "
                f"write `yield [image]`."
            )
        if len(sample) != 1:
            raise CourseError(
                f"A sample holds {len(sample)} arrays, the model has one input: yield the image alone, `yield [image]`."
            )
        value = np.asarray(next(iter(sample.values())) if isinstance(sample, dict) else sample[0])
        if value.dtype != np.float32:
            raise CourseError(
                f"A sample has the dtype {value.dtype}, the model takes float32: write `image.astype(np.float32)`."
            )
        fits = len(value.shape) == len(input_shape)
        fits = fits and all(want in (None, have) for want, have in zip(input_shape, value.shape, strict=True))
        if not fits:
            hint = (
                "keep the batch axis, `images[i : i + 1]`" if value.ndim < len(input_shape) else "yield one at a time"
            )
            raise CourseError(f"A sample has the shape {value.shape}, the model takes {tuple(input_shape)}: {hint}.")
        low, high = input_range
        if value.size and not (value.min() >= low and value.max() <= high):
            raise CourseError(
                f"A sample has grey values from {value.min():g} to {value.max():g}, the model was trained on {low:g} "
                f"to {high:g}: prepare calibration images as you prepared the training images."
            )
        count += 1
    if not count:
        raise CourseError("The representative dataset yields no sample: check the loop in the function.")
    return count


def is_keras_3(model):
    """Return whether a model (or any object) is made of classes of Keras 3; those of Keras 2 are in tf_keras."""
    return any(base.__module__.split(".")[0] == "keras" for base in type(model).__mro__)


def check_for_tfmot(model):
    """Return the model when TFMOT can take it: a tf_keras (Keras 2) model of layers that it knows how to quantize.

    Raises CourseError for a Keras 3 model, something that is not a model, a subclassed or unbuilt model, one that is
    wrapped already, and layers without a quantization rule.
    """
    import tf_keras

    if not isinstance(model, tf_keras.Model):
        if is_keras_3(model):
            raise CourseError(
                "This is a Keras 3 model, and TFMOT works with Keras 2: "
                "build it with `import tf_keras as keras` instead of `import keras` or `tf.keras`."
            )
        raise CourseError(f"TFMOT takes a tf_keras model, not {type(model).__name__}: give the model that you trained.")
    if isinstance(model, tf_keras.Sequential) and not model.built:
        raise CourseError("The model is not built, its shapes are unknown: begin it with an Input layer.")
    if not model._is_graph_network:
        raise CourseError(
            f"{type(model).__name__} is a subclassed model, TFMOT cannot see its layers: "
            f"build it as keras.Sequential or with keras.Model(inputs, outputs)."
        )
    from tensorflow_model_optimization.python.core.quantization.keras import quantize_annotate
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
        default_8bit_quantize_registry,
    )

    layers = tf_keras.layers
    registry = default_8bit_quantize_registry.Default8BitQuantizeRegistry()
    for layer in model.layers:
        if type(layer).__name__ in ("QuantizeLayer", "QuantizeWrapper", "QuantizeWrapperV2"):
            raise CourseError("The model is wrapped for quantization already: load the float model again.")
        if isinstance(layer, tf_keras.Model):
            raise CourseError(
                f"The layer '{layer.name}' is a model inside the model, which TFMOT cannot quantize: "
                f"put its layers into the outer model one by one."
            )
        # quantize_model leaves a Lambda as it is, with a warning
        known = (layers.InputLayer, layers.SeparableConv2D, layers.Lambda, quantize_annotate.QuantizeAnnotate)
        if isinstance(layer, layers.BatchNormalization):  # folded into the layer before it
            before = layer.inbound_nodes[0].inbound_layers
            known += (type(layer),) * isinstance(before, (layers.Conv2D, layers.DepthwiseConv2D, layers.Dense))
        if not isinstance(layer, known) and not registry.supports(layer):
            raise CourseError(
                f"The layer '{layer.name}' ({type(layer).__name__}) has no quantization rule in TFMOT: give it a "
                f"QuantizeConfig with quantize_annotate_layer, or annotate only the other layers (lesson 06)."
            )
    return model


def check_float_model(model):
    """Return the bytes of a .tflite model whose input, output and weights are float: what a quantizer starts from.

    Raises CourseError for a model that is quantized already, and for a damaged or missing file.
    """
    import numpy as np

    from tflite_course.evaluation import make_interpreter
    from tflite_course.models import read_model

    content = read_model(model)
    interpreter = make_interpreter(content)
    for kind, tensors in (("input", interpreter.get_input_details()), ("output", interpreter.get_output_details())):
        for details in tensors:
            if details["dtype"] != np.float32:
                raise CourseError(
                    f"The model is quantized already, its {kind} is {np.dtype(details['dtype']).name}: "
                    f"start from the float32 .tflite file."
                )
    for details in interpreter.get_tensor_details():
        if len(details["quantization_parameters"]["scales"]):
            raise CourseError(
                "The model is quantized already, it has weights of 8 bits or less behind its float input: "
                "start from the float32 .tflite file."
            )
    return content
