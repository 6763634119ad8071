"""Lab 5, codebook: indices of four bits, two in a byte, and the way back to the weights."""

import numpy as np

from tflite_course.labs.exercise import (
    NO_ANSWER,
    Exercise,
    KnownMistake,
    Mistake,
    compare_function,
    describe,
    require_function,
)


def pack(indices):
    first, second = _halves(indices)
    return first << 4 | second


def _halves(indices):
    """Return the first and the second index of each byte; an odd number is filled up with a 0."""
    padded = np.append(indices, np.zeros(len(indices) % 2, np.uint8)).astype(np.uint8)
    return padded[0::2], padded[1::2]


def low_half_first(indices):
    first, second = _halves(indices)
    return second << 4 | first


def last_one_lost(indices):
    return indices[: len(indices) // 2 * 2 : 2] << 4 | indices[1::2]


def not_packed(indices):
    return indices.copy()


def not_shifted(indices):
    first, second = _halves(indices)
    return first + second


def bytes_as_int64(indices):
    return pack(indices).astype(np.int64)


PACK_MISTAKES = [
    KnownMistake("the first index belongs in the upper four bits, the second in the lower.", low_half_first),
    KnownMistake("the last index of an odd number is lost: add a 0 before you pack.", last_one_lost),
    KnownMistake("each index still has a byte of its own. Two go into one.", not_packed),
    KnownMistake("you add the two without moving the first: shift it by four bits, `<< 4`.", not_shifted),
    KnownMistake("the bytes are right and the dtype is not: uint8, or nothing is saved.", bytes_as_int64),
]


def unpack(packed, codebook, count):
    return codebook[np.stack([packed >> 4, packed & 15], axis=-1).ravel()[:count]]


def halves_swapped(packed, codebook, count):
    return codebook[np.stack([packed & 15, packed >> 4], axis=-1).ravel()[:count]]


def filling_comes_back(packed, codebook, count):
    return unpack(packed, codebook, 2 * len(packed))


def indices_alone(packed, codebook, count):
    return unpack(packed, np.arange(16, dtype=np.uint8), count)


def not_alternating(packed, codebook, count):
    return codebook[np.concatenate([packed >> 4, packed & 15])[:count]]


def upper_halves_alone(packed, codebook, count):
    return codebook[packed >> 4]


def values_as_float64(packed, codebook, count):
    return unpack(packed, codebook, count).astype(np.float64)


UNPACK_MISTAKES = [
    KnownMistake("the two halves of each byte are swapped: the upper four bits come first.", halves_swapped),
    KnownMistake(
        "one value too many: the last four bits of an odd number are filling. Cut at count.", filling_comes_back
    ),
    KnownMistake("these are the indices. Look them up in the codebook.", indices_alone),
    KnownMistake("first all upper halves, then all lower ones: they must alternate.", not_alternating),
    KnownMistake("only one of the two indices of a byte comes back.", upper_halves_alone),
    KnownMistake("the values are right and the dtype is not: keep that of the codebook.", values_as_float64),
]


def judge(answer, rng):
    if type(answer) not in (tuple, list) or len(answer) != 2:
        raise Mistake(f"two functions are expected, `pack` and `unpack`, this is {describe(answer)}.")
    for function in answer:
        if function is None or function is Ellipsis:
            raise Mistake(NO_ANSWER)
        require_function(function)
    indices = [np.array([3, 0, 15, 1], np.uint8)]
    indices += [rng.integers(0, 16, count).astype(np.uint8) for count in (7, 20, 33, 1)]
    packed = [(pack(part), rng.normal(0, 0.1, 16).astype(np.float32), len(part)) for part in indices]
    _compare("pack", answer[0], pack, [(part,) for part in indices], PACK_MISTAKES)
    _compare("unpack", answer[1], unpack, packed, UNPACK_MISTAKES)


def _compare(name, answer, right, cases, mistakes):
    try:
        compare_function(answer, right, cases, mistakes)
    except Mistake as mistake:
        raise Mistake(f"{name}: {mistake}") from None


EXERCISE = Exercise(
    points=2,
    tests="pack(indices) and unpack(packed, codebook, count) on even and odd numbers of indices",
    why="16 clusters are worth 4 bits a weight only to a format that stores indices.",
    judge=judge,
    mistakes=[
        *(KnownMistake(f"pack: {hint}", (mistaken, unpack)) for hint, mistaken in PACK_MISTAKES),
        *(KnownMistake(f"unpack: {hint}", (pack, mistaken)) for hint, mistaken in UNPACK_MISTAKES),
    ],
)
