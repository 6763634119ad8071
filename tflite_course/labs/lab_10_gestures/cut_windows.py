"""Lab 10, cut_windows: a recording in windows that overlap."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake, compare_function
from tflite_course.labs.lab_10_gestures.common import walk


def cut_windows(samples, size, hop):
    starts = range(0, len(samples) - size + 1, hop)
    return np.array([samples[s : s + size] for s in starts], np.float32).reshape(-1, size, samples.shape[1])


def cases(rng):
    size, hop = int(rng.integers(9, 13)), int(rng.integers(3, 6))
    return [
        (walk(rng, size + 5 * hop), size, hop),  # the last window ends with the last sample
        (walk(rng, size + 4 * hop + 1), size, hop),
        (walk(rng, size + 3 * hop - 1, 3), size, hop),
        (walk(rng, 3 * size + 2), size, size),
    ]


def short_cases(rng):
    """Return recordings of one window and of none."""
    size, hop = int(rng.integers(9, 13)), int(rng.integers(3, 6))
    return [(walk(rng, count), size, hop) for count in (size, size - 1, size - hop)]


def _first(count, samples, size, hop):
    return np.stack([samples[i * hop : i * hop + size] for i in range(count)])


def last_missing(samples, size, hop):
    return _first(len(range(0, len(samples) - size, hop)), samples, size, hop)


def one_missing(samples, size, hop):
    return _first((len(samples) - size) // hop, samples, size, hop)


def padded(samples, size, hop):
    starts = range(0, len(samples), hop)
    return np.stack([np.pad(samples[s : s + size], ((0, max(0, s + size - len(samples))), (0, 0))) for s in starts])


def not_complete(samples, size, hop):
    return np.array([samples[s : s + size] for s in range(0, len(samples), hop)])


def not_complete_stacked(samples, size, hop):
    return np.stack([samples[s : s + size] for s in range(0, len(samples), hop)])


def without_overlap(samples, size, hop):
    return cut_windows(samples, size, size)


def at_every_sample(samples, size, hop):
    return cut_windows(samples, size, 1)


def time_last(samples, size, hop):
    return cut_windows(samples, size, hop).swapaxes(1, 2)


def stops_without_window(samples, size, hop):
    return _first(max(0, (len(samples) - size) // hop + 1), samples, size, hop)


def view_without_window(samples, size, hop):
    return np.lib.stride_tricks.sliding_window_view(samples, size, axis=0)[::hop].swapaxes(1, 2)


def empty_without_axes(samples, size, hop):
    return cut_windows(samples, size, hop) if len(samples) >= size else np.array([])


def longer_only(samples, size, hop):
    return cut_windows(samples[: len(samples) * (len(samples) > size)], size, hop)


NOT_COMPLETE = "your windows have different lengths. Leave out a window that is not complete."
NO_WINDOW = "a recording shorter than a window gives no window: return an array of shape (0, size, axes) for it."

MISTAKES = [
    KnownMistake(
        "the last window is missing. It may end with the last sample: count `(n - size) // hop + 1`.", last_missing
    ),
    KnownMistake(
        "one window is missing: the first one belongs to the count, `(n - size) // hop + 1`.",
        one_missing,
    ),
    KnownMistake("you fill the last windows with zeros. Leave out a window that is not complete.", padded),
    KnownMistake(NOT_COMPLETE, not_complete),
    KnownMistake(NOT_COMPLETE, not_complete_stacked),
    KnownMistake(
        "your windows do not overlap: the next one begins `hop` samples later, not `size`.",
        without_overlap,
    ),
    KnownMistake("you begin a window at every sample. Take every `hop`-th one.", at_every_sample),
    KnownMistake(
        "the axes are exchanged: the order is (windows, size, axes). `sliding_window_view` puts time last.", time_last
    ),
    KnownMistake(NO_WINDOW, stops_without_window),
    KnownMistake(NO_WINDOW, view_without_window),
    KnownMistake(NO_WINDOW, empty_without_axes),
    KnownMistake("a recording as long as a window gives one window. You return none.", longer_only),
]


def judge(answer, rng):
    """Look at short recordings only when the others are right: many a mistake stops with an error at those."""
    compare_function(answer, cut_windows, cases(rng), MISTAKES)
    compare_function(answer, cut_windows, short_cases(rng), MISTAKES)


EXERCISE = Exercise(
    points=2,
    tests="cut_windows(samples, size, hop) on recordings that end at the end of a window, after it, before it, too "
    "early",
    why="a window that is filled up shows a movement that nobody made, and one that is lost is data that you paid for.",
    judge=judge,
    mistakes=MISTAKES,
)
