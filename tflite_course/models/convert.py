"""Conversions that lessons 02 and 05 show, for whatever needs such a file and is about something else."""

import tempfile

_folders = []  # removed when this process ends


def to_int8(network, images, channels=True):
    """Return a tf_keras network as .tflite bytes, int8 inside and at both ends.

    images: float32 (n, 28, 28) or as the network takes them; all of them calibrate.
    channels: whether each filter gets a scale of its own; otherwise a layer has one for all of its weights.
    """
    import tensorflow as tf

    shape = (1, *network.input_shape[1:])
    converter = tf.lite.TFLiteConverter.from_saved_model(export(network))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image.reshape(shape)] for image in images)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    converter._experimental_disable_per_channel = not channels
    return converter.convert()


def export(network):
    """Return the folder, a str, of a tf_keras network as a SavedModel: its forward pass alone, and nothing is printed.

    The folder is removed when this process ends.

    from_saved_model of it takes about half of what from_keras_model does, and less of a network that TFMOT wrapped:
    from_keras_model saves all that Keras knows of each layer first. Names are the same, and so is the file, except for
    one byte of its metadata, which tells what it was converted from.
    """
    import tensorflow as tf

    signature = [tf.TensorSpec(one.shape, one.dtype, one.name) for one in network.inputs]

    @tf.function(input_signature=signature)
    def serve(*inputs):
        outputs = network(inputs if len(inputs) > 1 else inputs[0], training=False)
        return dict(zip(network.output_names, tf.nest.flatten(outputs), strict=True))

    _folders.append(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
    held = tf.train.Checkpoint(variables=network.variables)
    tf.saved_model.save(held, _folders[-1].name, signatures=serve)
    return _folders[-1].name
