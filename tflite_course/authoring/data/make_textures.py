"""Build data/textures.npz from three photographs that scikit-image 0.26.0 ships: brick, grass and gravel, all CC0.

    python -m tflite_course.authoring make_textures

Training images are upright squares from the left half of each photograph. Test images come from the right half, and
are seen as a phone would see them: turned, from another distance, in another light, by a noisy sensor. Running it again
writes the same bytes.
"""

import hashlib
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from tflite_course.authoring import ROOT
from tflite_course.authoring.data.idx import store

CLASSES = {  # name: SHA-256 of the photograph, 512 x 512, grey
    "brick": "7966caf324f6ba843118d98f7a07746d22f6a343430add0233eca5f6eaaa8fcf",
    "grass": "b6b6022426b38936c43a4ac09635cd78af074e90f42ffa8227ac8b7452d39f89",
    "gravel": "c48615b451bf1e606fbd72c0aa9f8cc0f068ab7111ef7d93bb9b0f2586440c12",
}
OUTPUT = ROOT / "data" / "textures.npz"
SIDE, TRAIN, TEST = 96, 8, 40  # pixels; images of each class
ZOOM, LIGHT, NOISE = (0.7, 1.5), (0.5, 1.4), 20  # in the test: of distance, of brightness, in grey values


def photograph(name):
    """Return one of the photographs; end the program when it is not there or another one."""
    package = find_spec("skimage")
    if package is None:
        sys.exit("There is no scikit-image: `pip install scikit-image==0.26.0`.")
    content = Path(package.origin).parent.joinpath("data", f"{name}.png").read_bytes()
    if hashlib.sha256(content).hexdigest() != CLASSES[name]:
        sys.exit(f"{name}.png is not the one of scikit-image 0.26.0: nothing was written.")
    with Image.open(Path(package.origin).parent / "data" / f"{name}.png") as image:
        return image.convert("L")


def upright(half, rng):
    """Return a square of half a photograph as it is, uint8 (SIDE, SIDE)."""
    left, top = (int(rng.integers(0, length - SIDE + 1)) for length in half.size)
    return np.asarray(half.crop((left, top, left + SIDE, top + SIDE)))


def changed(half, rng):
    """Return a square of half a photograph turned, nearer or farther, darker or brighter, with a sensor's noise."""
    seen = SIDE * rng.uniform(*ZOOM)
    needed = int(np.ceil(seen * 2**0.5)) + 1  # so that no corner is empty after turning
    left, top = (int(rng.integers(0, length - needed + 1)) for length in half.size)
    square = half.crop((left, top, left + needed, top + needed))
    square = square.rotate(float(rng.uniform(0, 360)), Image.Resampling.BICUBIC)
    edge = (needed - seen) / 2
    square = square.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=(edge, edge, needed - edge, needed - edge))
    seen = np.asarray(square) * rng.uniform(*LIGHT) + rng.normal(0, NOISE, (SIDE, SIDE))
    return np.clip(np.round(seen), 0, 255).astype(np.uint8)


def main():
    rng, arrays = np.random.default_rng(16), {"classes": np.array(list(CLASSES))}
    photographs = [photograph(name) for name in CLASSES]
    for part, half, make, count in (
        ("train", (0, 0, 256, 512), upright, TRAIN),
        ("test", (256, 0, 512, 512), changed, TEST),
    ):
        images = [make(image.crop(half), rng) for image in photographs for _ in range(count)]
        arrays |= {
            f"x_{part}": np.stack(images),
            f"y_{part}": np.repeat(np.arange(len(CLASSES), dtype=np.uint8), count),
        }
    store(OUTPUT, arrays)


if __name__ == "__main__":
    main()
