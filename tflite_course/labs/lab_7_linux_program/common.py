"""What the exercises of lab 7 share: the details of a tensor, as an interpreter gives them."""

import numpy as np


def details(rng, dtype, quantization, shape):
    """Return the details of a tensor: its name and index are random, as they mean nothing."""
    return {
        "name": str(rng.choice(["serving_default_image:0", "image"])),
        "index": int(rng.integers(9)),
        "shape": np.array(shape, np.int32),
        "dtype": dtype,
        "quantization": quantization,
    }
