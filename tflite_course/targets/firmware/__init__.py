"""From a .tflite file to C, and to firmware that an emulated board runs."""
