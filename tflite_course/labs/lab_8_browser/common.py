"""What the exercises of lab 8 share: small pages, and the case in which an answer is wrong."""

import copy
import gzip

from tflite_course.labs.exercise import same


def make_page(rng, prefix=""):
    """Return a small page, {name: bytes}: text, a model of random bytes, and a runtime that is packed already."""
    words = [b"function ", b"const ", b"await ", b"return ", b"model", b"canvas", b"(", b")", b";\n"]
    text = b"".join(words[k] for k in rng.integers(0, len(words), int(rng.integers(400, 900))))
    page = {
        f"{prefix}index.html": b"<!doctype html>\n" + b"<p>digit</p>\n" * int(rng.integers(20, 60)),
        f"{prefix}app.js": text,
        f"{prefix}models/digits.tflite": rng.bytes(int(rng.integers(300, 900))),
        f"{prefix}runtime/litert.wasm.gz": gzip.compress(text[::-1] + rng.bytes(700), mtime=0),
    }
    names = [list(page)[k] for k in rng.permutation(len(page))]
    return {name: page[name] for name in names}


def first_wrong(answer, right, cases):
    """Return (case, what was returned, what is right) of the first case in which an answer returns something wrong.

    None when there is none, because the answer stops with an error, for example.
    """
    for case in cases:
        try:
            found = answer(*copy.deepcopy(case))
        except Exception:  # the student's own code may raise anything
            continue
        expected = right(*case)
        if not same(found, expected):
            return case, found, expected
    return None
