"""Conversions that lessons 02 and 05 show, for whatever needs such a file and is about something else."""

import contextlib
import io
import tempfile

_folders = []  # removed when this process ends


def to_int8(network, images, channels=True):
    """Return a tf_keras network as .tflite bytes, int8 inside and at both ends.

    images: float32 (n, 28, 28) or as the network takes them; all of them calibrate.
    channels: whether each filter gets a scale of its own; otherwise a layer has one for all of its weights.
    """
    import tensorflow as tf

    shape = (1, *network.input_shape[1:])
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image.reshape(shape)] for image in images)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    converter._experimental_disable_per_channel = not channels
    return converter.convert()


def export(network):
    """Return the folder, a str, of a tf_keras network as a SavedModel: its forward pass alone, and nothing is printed.

    The folder is removed when this process ends.

    Where a network is converted several times, from_saved_model of it takes about half of what from_keras_model does,
    which saves all that Keras knows of the network, each time.
    """
    _folders.append(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
    folder = _folders[-1].name
    with contextlib.redirect_stdout(io.StringIO()):  # a long report
        network.export(folder)
    return folder
