"""Lab 8, page_weight: what a visitor waits for, file by file."""

import gzip

from tflite_course.labs.exercise import Exercise, KnownMistake
from tflite_course.labs.lab_8_browser.common import make_page


def page_weight(page):
    return _weight(page)


def packed(name, content):
    return len(content) if name.endswith(".gz") else len(gzip.compress(content, mtime=0))


def _weight(page, *, size=packed, whole=None, unit=1.0):
    """Return {name: (bytes, share)}; the options are the mistakes that people make."""
    sizes = {name: size(name, content) for name, content in page.items()}
    whole = sum(sizes.values()) if whole is None else whole
    return {name: (taken, unit * taken / whole) for name, taken in sizes.items()}


def cases(rng):
    beside = {"unpack.gz.js": b"export const unpack = (bytes) => bytes;\n" * int(rng.integers(5, 20))}
    alone = {"a.txt": b"a" * int(rng.integers(500, 900))}
    return [(make_page(rng),), (make_page(rng, "web/") | beside,), (alone,)]


def not_packed(page):
    return _weight(page, size=lambda name, content: len(content))


def packed_twice(page):
    return _weight(page, size=lambda name, content: len(gzip.compress(content, mtime=0)))


def gz_anywhere(page):
    return _weight(page, size=lambda name, content: len(content) if ".gz" in name else packed(name, content))


def share_of_unpacked(page):
    return _weight(page, whole=sum(map(len, page.values())))


def packed_as_one(page):
    return _weight(page, whole=packed("", b"".join(page.values())))


def percentages(page):
    return _weight(page, unit=100.0)


def share_of_heaviest(page):
    return _weight(page, whole=max(packed(*item) for item in page.items()))


def smaller_size(page):
    return _weight(page, size=lambda name, content: min(len(content), packed(name, content)))


def shares_alone(page):
    return {name: share for name, (_, share) in page_weight(page).items()}


def bytes_alone(page):
    return {name: size for name, (size, _) in page_weight(page).items()}


def exchanged(page):
    return {name: value[::-1] for name, value in page_weight(page).items()}


def rows(page):
    return [(name, *value) for name, value in page_weight(page).items()]


EXERCISE = Exercise(
    points=2,
    tests="page_weight(page) on pages with text, a model and a runtime that is packed already",
    why="what a visitor waits for is not what the folder weighs.",
    cases=cases,
    right=page_weight,
    mistakes=[
        KnownMistake("a name with .gz in the middle is an ordinary file: look at the end of the name.", gz_anywhere),
        KnownMistake("these are the bytes of the files. On their way they are packed: `gzip.compress`.", not_packed),
        KnownMistake("a name that ends with .gz is packed already: count its bytes as they are.", packed_twice),
        KnownMistake(
            "the share is that of the unpacked bytes. Divide by the sum of the packed ones.", share_of_unpacked
        ),
        KnownMistake(
            "the whole is packed as one file. A browser loads file by file: add the sizes of the packed files.",
            packed_as_one,
        ),
        KnownMistake("the shares are percentages. Return shares from 0 to 1.", percentages),
        KnownMistake("you divide by the heaviest file. A share is a part of all.", share_of_heaviest),
        KnownMistake(
            "you take the smaller of the two sizes. A server packs every file, also one that grows by it.", smaller_size
        ),
        KnownMistake("the packed bytes are missing: the value is (bytes, share).", shares_alone),
        KnownMistake("the shares are missing: the value is (bytes, share).", bytes_alone),
        KnownMistake("bytes and share are exchanged: the bytes come first.", exchanged),
        KnownMistake("this is a list of rows. Return a dict, {name: (bytes, share)}.", rows),
    ],
    tolerance=1e-9,
)
