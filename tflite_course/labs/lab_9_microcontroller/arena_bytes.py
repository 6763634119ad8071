"""Lab 9, arena_bytes: the least RAM for the tensors that are alive at the same step."""

import functools

from tflite_course.labs.exercise import Exercise, KnownMistake

ALIGN = 16  # bytes: the address of a tensor is a multiple of it


def _up(size):
    return -(-size // ALIGN) * ALIGN


def _inside(step, first, last):
    return first <= step <= last


def arena_bytes(tensors, *, pad=_up, alive=_inside):
    steps = range(max(last for *_, last in tensors) + 1)
    return max(sum(pad(size) for size, first, last in tensors if alive(step, first, last)) for step in steps)


def _chain(sizes):
    return [(int(size), max(k - 1, 0), min(k, len(sizes) - 2)) for k, size in enumerate(sizes)]


def cases(rng):
    found = [(_chain([784, 1176, 1568, 392, 539, 11, 10]),), (_chain(rng.integers(1, 60, 6) * 16),)]
    for _ in range(4):
        tensors = _chain(rng.integers(20, 2000, int(rng.integers(5, 9))))
        size, first, last = tensors[1]
        tensors[1] = (size, first, last + int(rng.integers(1, 4)))  # a shortcut: it is read once more, later
        found.append((tensors,))
    found.append(([(100, 0, 0), (33, 0, 3), (40, 1, 1), (65, 1, 3), (17, 2, 3), (1, 3, 3)],))
    found.append((list(reversed(found[2][0])),))  # the order of the list says nothing
    return found


def all_tensors(tensors):
    return sum(_up(size) for size, *_ in tensors)


def largest_tensor(tensors):
    return max(_up(size) for size, *_ in tensors)


def neighbours(tensors):
    return max(_up(a[0]) + _up(b[0]) for a, b in zip(tensors, tensors[1:], strict=False))


def sum_rounded(tensors):
    return _up(arena_bytes(tensors, pad=lambda size: size))


def as_float(tensors):
    return float(arena_bytes(tensors))


def _mistake(**options):
    return functools.partial(arena_bytes, **options)


BOTH_COUNT = "a tensor is alive at its first step and at its last: both count."

EXERCISE = Exercise(
    points=2,
    tests="arena_bytes(tensors) on chains of layers, with shortcuts, and in any order",
    why="RAM decides which model a chip can run, and this number is the least that it takes.",
    cases=cases,
    right=arena_bytes,
    mistakes=[
        KnownMistake(
            "you add up all tensors. Those that are not alive at the same step share their places.", all_tensors
        ),
        KnownMistake(
            "this is the largest tensor alone. What is alive at the same step must fit together.", largest_tensor
        ),
        KnownMistake(
            "you look at neighbours in the list only. A tensor may stay alive over several steps.", neighbours
        ),
        KnownMistake(
            "the padding is missing: each tensor takes a multiple of 16 bytes.", _mistake(pad=lambda size: size)
        ),
        KnownMistake("you round the sum up. Each tensor begins at a multiple of 16, so round each size.", sum_rounded),
        KnownMistake(
            "a size that is a multiple of 16 already stays as it is. You add 16 more.",
            _mistake(pad=lambda size: (size // ALIGN + 1) * ALIGN),
        ),
        KnownMistake(
            "you round the sizes down to a multiple of 16. Round them up.",
            _mistake(pad=lambda size: size // ALIGN * ALIGN),
        ),
        KnownMistake(BOTH_COUNT, _mistake(alive=lambda step, first, last: first <= step < last)),
        KnownMistake(BOTH_COUNT, _mistake(alive=lambda step, first, last: first < step <= last)),
        KnownMistake("bytes are a whole number (int).", as_float),
    ],
)
