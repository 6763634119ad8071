"""Lab 6, same_answers: whether two files give exactly the same ten outputs for every image."""

import functools

import numpy as np

from tflite_course import evaluation
from tflite_course.labs import tflite_file
from tflite_course.labs.exercise import Exercise, KnownMistake, mnist
from tflite_course.labs.lab_6_smallest_model.common import varied


def same_answers(before, after, images):
    return np.array_equal(_answers(before, images), _answers(after, images))


def _answers(content, images):
    return _answers_to_bytes(content, images.tobytes())


@functools.lru_cache(maxsize=64)  # the mistakes ask for the same answers again and again
def _answers_to_bytes(content, images):
    return tflite_file.raw_outputs(content, np.frombuffer(images, np.float32).reshape(-1, 28, 28))


def cases(rng):
    from tflite_course.models.flatbuffer import strip

    nano, cnn = _file("mnist_nano"), _file("mnist_cnn")
    images = mnist()[1][0][rng.choice(10_000, 40, replace=False)]
    few, kept, difference = _raised_until(images, lambda difference: 0 < (difference > 0).sum() < 20)
    last = kept[np.argsort(difference, kind="stable")[: (difference == 0).sum() + 1]]  # the last one differs
    early = kept[np.argsort(-difference, kind="stable")]  # the first one differs
    most, kept, difference = _raised_until(images, lambda difference: (difference > 0).sum() > 20)
    first = kept[np.argsort(-difference, kind="stable")]
    far, kept, _ = _raised_until(images, lambda difference: difference.max() >= 4)
    found = [(cnn, strip(cnn), images[:15]), (strip(cnn), cnn, images[:15]), (nano, nano, images[:3])]
    found += [(nano, few, last), (few, nano, last), (nano, few, early), (nano, most, first), (nano, far, kept)]
    return [*found, (nano, varied(nano, rng), images), (few, strip(few), images)]


@functools.cache
def _file(name):
    from tflite_course.models import model_path

    return model_path(name, "int8").read_bytes()


def _raised_until(images, fits):
    """Return mnist_nano with a raised bias, the images that keep their digit, and how their outputs differ.

    The difference of an image is the largest of its ten outputs, an int; fits(differences) chooses how far to raise.
    """
    before, step = _answers(_file("mnist_nano"), images), 1
    while step < 1 << 20:
        changed = _raised(step)
        after = _answers(changed, images)
        kept = after.argmax(1) == before.argmax(1)
        difference = np.abs(after.astype(int) - before).max(1)[kept]
        if fits(difference):
            return changed, images[kept], difference
        step += max(1, step // 4)
    raise RuntimeError("no bias tells the two files apart")  # of another shipped file, perhaps


@functools.cache
def _raised(step):
    """Return mnist_nano with one bias of its last layer raised by a number of steps."""
    content = _file("mnist_nano")
    last = [op for op in evaluation.operators(tflite_file.open_file(content)) if op["op_name"] == "FULLY_CONNECTED"][-1]

    def alter(tree):
        buffer = tree.buffers[tree.subgraphs[0].tensors[int(last["inputs"][2])].buffer]
        values = np.array(buffer.data, np.uint8).view(np.int32).copy()
        values[3] += step
        buffer.data = values.view(np.uint8)

    return tflite_file.edit_flatbuffer(content, alter)


def files_alone(before, after, images):
    return before == after


def digits_alone(before, after, images):
    return np.array_equal(_answers(before, images).argmax(1), _answers(after, images).argmax(1))


def first_image_alone(before, after, images):
    return same_answers(before, after, images[:1])


def nearly(before, after, images):
    return bool(np.abs(_answers(before, images) - _answers(after, images).astype(int)).max() <= 1)


def cast(before, after, images):
    values = images.astype(np.int8)
    return np.array_equal(evaluation.invoke(before, values), evaluation.invoke(after, values))


def swapped(before, after, images):
    return not same_answers(before, after, images)


EXERCISE = Exercise(
    points=2,
    tests="same_answers(before, after, images) on files that are equal, nearly equal and different",
    why="a smaller file is a gain only if you can prove that it answers as before.",
    cases=cases,
    right=same_answers,
    mistakes=[
        KnownMistake("you compare the files. A stripped file has other bytes and the same answers.", files_alone),
        KnownMistake(
            "you compare the digits. A proof compares all ten outputs: the same digit can come from others.",
            digits_alone,
        ),
        KnownMistake("you run one image alone. The difference may be in the last one.", first_image_alone),
        KnownMistake("you allow a small difference. int8 outputs are whole numbers: ask for exactly the same.", nearly),
        KnownMistake(
            "you cast the images to int8, so all of them are black: quantize with scale and zero point.", cast
        ),
        KnownMistake("True and False are swapped.", swapped),
    ],
)
