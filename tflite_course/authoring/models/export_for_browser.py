"""Convert the quantized models of the course for LiteRT.js.

    python -m tflite_course.authoring export_for_browser     # writes assets/web/models/

The weights are those of assets/models/*.weights.h5 and the calibration is that of the shipped int8 files; only input
and output are uint8, and the batch is 1. Takes about a minute.
"""

from tflite_course.authoring import ROOT
from tflite_course.datasets import load_mnist
from tflite_course.models import CHECKPOINTS, load_model
from tflite_course.models.flatbuffer import strip

SOURCE = ROOT / "assets" / "web"


NAMES = [name for name, variants in CHECKPOINTS.items() if "int8" in variants]


def export(name):
    """Return a model of the course as .tflite bytes: int8 inside, uint8 input and output, a batch of 1, stripped."""
    import tensorflow as tf

    (images, _), _ = load_mnist()
    model = load_model(name, batch_size=1)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([images[i].reshape(model.input_shape)] for i in range(500))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.uint8
    return strip(converter.convert())


def main():
    (SOURCE / "models").mkdir(exist_ok=True)
    for name in NAMES:
        content = export(name)
        (SOURCE / "models" / f"{name}_uint8.tflite").write_bytes(content)
        print(f"{name}_uint8.tflite: {len(content):,} bytes")


if __name__ == "__main__":
    main()
