"""Capstone, verdict: two models compared image by image."""

import functools
import gzip

import numpy as np

from tflite_course import evaluation
from tflite_course.labs import tflite_file
from tflite_course.labs.exercise import Exercise, KnownMistake, mnist


def verdict(before, after, images, labels):
    first, second = (_named(model, images.tobytes()) for model in (before, after))
    counts = evaluation.churn(second, first, labels)
    gained = counts["fixed"] - counts["broken"]
    return {
        "factor": len(before) / len(after),
        "points": 100 * gained / len(labels),
        **counts,
        "clear": bool(abs(gained) > _luck(counts)),
    }


def _luck(counts):
    """Return what fixed - broken reaches by luck."""
    return 2 * np.sqrt(counts["fixed"] + counts["broken"])


@functools.lru_cache(maxsize=32)  # the mistakes ask for the same images again and again
def _named(content, images):
    return evaluation.predict(
        content, np.frombuffer(images, np.float32).reshape(-1, 28, 28), input_range=(0, 1)
    ).argmax(1)


def cases(rng):
    cnn, nano, float32 = _file("mnist_cnn", "int8"), _file("mnist_nano", "int8"), _file("mnist_ds", "float32")
    images, labels = mnist()[1]
    lost = _one_class(int(rng.integers(10)))
    chosen = rng.choice(len(images), 500, replace=False)
    noisy = np.clip(images[chosen] + 0.3 * rng.standard_normal((500, 28, 28), np.float32), 0, 1)
    clean, labels = images[chosen], labels[chosen]
    first, second = (_named(model, noisy.tobytes()) for model in (float32, nano))
    fixed, broken = (second == labels) & (first != labels), (first == labels) & (second != labels)
    few = np.concatenate([np.flatnonzero(fixed)[:1], np.flatnonzero(broken)[:3], np.flatnonzero(first == second)[:40]])
    return [
        (float32, nano, noisy[:150], labels[:150]),
        (float32, nano, noisy[few], labels[few]),  # not clear
        (nano, lost, clean[:60], labels[:60]),  # clear, down
        (lost, cnn, clean[:50], labels[:50]),  # clear, up
        (cnn, cnn, noisy[:20], labels[:20]),
        _stays_wrong(nano, lost, clean[:60], labels.dtype),
    ]


def _stays_wrong(before, after, images, dtype):
    """Return a case of ten changed answers: six are broken, which is clear, and four go from wrong to wrong."""
    was, now = (_named(model, images.tobytes()) for model in (before, after))
    changed = np.flatnonzero(was != now)[:10]
    neither = [min({0, 1, 2} - {int(was[k]), int(now[k])}) for k in changed]
    return before, after, images[changed], np.array([*was[changed[:6]], *neither[6:]], dtype)


@functools.cache
def _file(name, variant):
    from tflite_course.models import model_path

    return model_path(name, variant).read_bytes()


@functools.cache
def _one_class(label):
    """Return mnist_nano with other biases in its last layer: it gives the same label for every image."""
    content = _file("mnist_nano", "int8")
    last = [op for op in evaluation.operators(tflite_file.open_file(content)) if op["op_name"] == "FULLY_CONNECTED"][-1]

    def alter(tree):
        buffer = tree.buffers[tree.subgraphs[0].tensors[int(last["inputs"][2])].buffer]
        values = np.array(buffer.data, np.uint8).view(np.int32).copy()
        values -= 1 << 16
        values[label] += 1 << 17
        buffer.data = values.view(np.uint8)

    return tflite_file.edit_flatbuffer(content, alter)


def upside_down(before, after, images, labels):
    return verdict(before, after, images, labels) | {"factor": len(after) / len(before)}


def factor_of_gzip(before, after, images, labels):
    packed = [len(gzip.compress(content, 9)) for content in (before, after)]
    return verdict(before, after, images, labels) | {"factor": packed[0] / packed[1]}


def wrong_sign(before, after, images, labels):
    found = verdict(before, after, images, labels)
    return found | {"points": -found["points"]}


def points_as_share(before, after, images, labels):
    found = verdict(before, after, images, labels)
    return found | {"points": found["points"] / 100}


def points_as_images(before, after, images, labels):
    found = verdict(before, after, images, labels)
    return found | {"points": found["fixed"] - found["broken"]}


def fixed_and_broken_swapped(before, after, images, labels):
    found = verdict(before, after, images, labels)
    return found | {"fixed": found["broken"], "broken": found["fixed"]}


def changed_is_their_sum(before, after, images, labels):
    found = verdict(before, after, images, labels)
    return found | {"changed": found["fixed"] + found["broken"]}


def clear_against_changed(before, after, images, labels):
    found = verdict(before, after, images, labels)
    return found | {"clear": bool(abs(found["fixed"] - found["broken"]) > 2 * np.sqrt(found["changed"]))}


def clear_losses_alone(before, after, images, labels):
    found = verdict(before, after, images, labels)
    return found | {"clear": bool(found["broken"] - found["fixed"] > _luck(found))}


def clear_gains_alone(before, after, images, labels):
    found = verdict(before, after, images, labels)
    return found | {"clear": bool(found["fixed"] - found["broken"] > _luck(found))}


def every_difference_clear(before, after, images, labels):
    found = verdict(before, after, images, labels)
    return found | {"clear": found["fixed"] != found["broken"]}


ONE_DIRECTION = '"clear" sees losses alone, or gains alone: compare the absolute value.'

EXERCISE = Exercise(
    points=3,
    tests="verdict(before, after, images, labels) on pairs of models and on few, many and noisy images",
    why="two accuracies that differ say little; the images that changed say whether it was luck.",
    cases=cases,
    right=verdict,
    mistakes=[
        KnownMistake("the factor is upside down: a file of half the size has the factor 2.", upside_down),
        KnownMistake("your factor compares gzip. Asked are the bytes of the files.", factor_of_gzip),
        KnownMistake('"points" has the wrong sign: it is negative when accuracy was lost.', wrong_sign),
        KnownMistake('"points" is a share here. A point is one percent: times 100.', points_as_share),
        KnownMistake('"points" counts images here. A point is one percent of them.', points_as_images),
        KnownMistake('"fixed" and "broken" are swapped. Broken: right before, wrong after.', fixed_and_broken_swapped),
        KnownMistake(
            '"changed" counts all other answers, also those that were wrong and are wrong in another way.',
            changed_is_their_sum,
        ),
        KnownMistake(
            '"clear" compares with "changed". Answers that stay wrong say nothing: take fixed + broken.',
            clear_against_changed,
        ),
        KnownMistake(ONE_DIRECTION, clear_losses_alone),
        KnownMistake(ONE_DIRECTION, clear_gains_alone),
        KnownMistake(
            '"clear" is true for every difference: compare it with twice the square root of fixed + broken.',
            every_difference_clear,
        ),
    ],
    tolerance=1e-6,
)
