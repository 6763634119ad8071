"""Bring cats and dogs for the last section of lesson 16: needs a network, 70 MB, and is not part of the course.

    python -m tflite_course.authoring cats_and_dogs       writes notebooks/work/cats_and_dogs.npz

The archive is the one of TensorFlow's own tutorials: a part of the Asirra data set of Microsoft Research, photographs
of animals from shelters. Read its terms before you do more than learn with it.
"""

import io
import urllib.error
import urllib.request
import zipfile

import numpy as np
from PIL import Image, UnidentifiedImageError

from tflite_course.authoring import ROOT
from tflite_course.errors import CourseError

ADDRESS = "https://storage.googleapis.com/mledu-datasets/cats_and_dogs_filtered.zip"
OUTPUT = ROOT / "notebooks" / "work" / "cats_and_dogs.npz"
SIDE, LARGEST = 96, 100_000_000
COUNTS = {"train": 100, "validation": 200}  # of each animal


def fetch(address=ADDRESS):
    """Return the archive. Raises CourseError without a network and for something far too large."""
    try:
        with urllib.request.urlopen(address, timeout=20) as answer:
            content = answer.read(LARGEST + 1)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise CourseError(f"The cats and dogs cannot be fetched ({error}): check the network, or go without.") from None
    if len(content) > LARGEST:
        raise CourseError("The archive of cats and dogs is larger than it was: it is not the one that was meant.")
    return content


def square(content, side=SIDE):
    """Return the middle of a picture as uint8 (side, side, 3)."""
    with Image.open(io.BytesIO(content)) as image:
        short = min(image.size)
        left, top = ((length - short) // 2 for length in image.size)
        middle = image.convert("RGB").crop((left, top, left + short, top + short))
    return np.asarray(middle.resize((side, side), Image.Resampling.BICUBIC))


def read(archive, counts=COUNTS):
    """Return {"x_train", "y_train", "x_validation", "y_validation"}: uint8 images, 0 = cat, 1 = dog.

    Nothing is unpacked to the disk. Raises CourseError for an archive without the expected pictures.
    """
    arrays = {}
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            for part, count in counts.items():
                images = []
                for animal in ("cats", "dogs"):
                    names = sorted(n for n in files.namelist() if f"/{part}/{animal}/" in n and n.endswith(".jpg"))
                    if len(names) < count:
                        raise CourseError(
                            f"The archive has {len(names)} {animal} for {part}, not {count}: fetch it again."
                        )
                    images += [square(files.read(name)) for name in names[:count]]
                arrays[f"x_{part}"] = np.stack(images)
                arrays[f"y_{part}"] = np.repeat(np.arange(2, dtype=np.uint8), count)
    except (zipfile.BadZipFile, UnidentifiedImageError):
        raise CourseError("The archive of cats and dogs is damaged: fetch it again.") from None
    return arrays


def main():
    try:
        arrays = read(fetch())
    except CourseError as error:
        raise SystemExit(str(error)) from None
    OUTPUT.parent.mkdir(exist_ok=True)
    np.savez_compressed(OUTPUT, **arrays)
    print(f"{OUTPUT.name}: {len(arrays['x_train'])} and {len(arrays['x_validation'])} images")


if __name__ == "__main__":
    main()
