"""A file that strip_file and same_answers of lab 6 are tried on."""

import numpy as np

from tflite_course.labs import tflite_file


def varied(content, rng):
    """Return a .tflite file with some of its weights in other places, so that no stored answer fits."""

    def alter(tree):
        large = max(tree.buffers, key=lambda buffer: 0 if buffer.data is None else len(buffer.data))
        data = np.array(large.data, np.uint8)
        places = rng.choice(len(data) // 4, 20, replace=False) * 4
        data[places] = data[rng.permutation(places)]
        large.data = data

    return tflite_file.edit_flatbuffer(content, alter)
