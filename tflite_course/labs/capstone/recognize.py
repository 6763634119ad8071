"""Capstone, recognize: what the device does with one picture of its camera."""

import functools

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake, mnist


def recognize(content, image):
    return _answer(content, _quantized(content, image / np.float32(255)))


@functools.lru_cache(maxsize=8)
def _interpreter(content):
    from tflite_course import evaluation

    return evaluation.make_interpreter(content)


def _scales(content):
    """Return scale and zero point of the input."""
    return _interpreter(content).get_input_details()[0]["quantization"]


def _quantized(content, image):
    from tflite_course import evaluation

    return evaluation.quantize_input(image, _interpreter(content).get_input_details()[0])


def _answer(content, values, *, dequantize=True):
    """Return (name, confidence) for an int8 image; dequantize: whether the softmax sees logits."""
    from tflite_course import evaluation
    from tflite_course.datasets import FASHION_CLASSES

    interpreter = _interpreter(content)
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    interpreter.set_tensor(source["index"], values.reshape(source["shape"]))
    interpreter.invoke()
    raw = interpreter.get_tensor(target["index"])[0]
    logits = evaluation.dequantize_output(raw, target) if dequantize else raw.astype(np.float32)
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    return FASHION_CLASSES[int(shares.argmax())], float(shares.max())


def cases(rng):
    from tflite_course.models import model_path

    images, _ = mnist()[1]
    found = []
    for name in ("mnist_cnn", "mnist_tiny", "mnist_nano"):
        content = model_path(name, "int8").read_bytes()
        first, second = images[rng.choice(len(images), (2, 25), replace=False)]
        pictures = np.round(255 * (0.6 * first + 0.4 * second)).astype(np.uint8)  # two digits, so it cannot be sure
        answers = [recognize(content, picture) for picture in pictures]
        unsure = list(np.argsort([share for _, share in answers])[:3])  # where a wrong softmax shows
        renamed = [k for k in range(25) if answers[k][0] != not_divided(content, pictures[k])[0]][:1]
        found += [(content, pictures[k]) for k in unsure + renamed]  # and where a wrong range shows
    return found


def bytes_cast(content, image):
    return _answer(content, image.astype(np.int8))


def not_divided(content, image):
    return _answer(content, _quantized(content, image.astype(np.float32)))


def cast_after_dividing(content, image):
    return _answer(content, (image / 255).astype(np.int8))


def without_zero_point(content, image):
    scale, _ = _scales(content)
    return _answer(content, np.clip(np.round(image / 255 / scale), -128, 127).astype(np.int8))


def softmax_of_int8(content, image):
    return _answer(content, _quantized(content, image / np.float32(255)), dequantize=False)


def number_for_name(content, image):
    from tflite_course.datasets import FASHION_CLASSES

    name, share = recognize(content, image)
    return FASHION_CLASSES.index(name), share


def percent(content, image):
    name, share = recognize(content, image)
    return name, 100 * share


EXERCISE = Exercise(
    points=2,
    tests="recognize(content, image) on three int8 models and images as a camera gives them",
    why="on the device nobody divides, quantizes and names for you.",
    cases=cases,
    right=recognize,
    mistakes=[
        KnownMistake(
            "you cast the bytes of the camera to int8: 200 becomes -56. Divide by 255, then quantize.", bytes_cast
        ),
        KnownMistake("you do not divide by 255: the model learned 0 to 1.", not_divided),
        KnownMistake(
            "0..1 cast to int8 is black but for a few dots: divide by the scale and add the zero point.",
            cast_after_dividing,
        ),
        KnownMistake("the zero point of the input is missing.", without_zero_point),
        KnownMistake(
            "the softmax sees int8 numbers. Dequantize the output first: scale * (q - zero_point).", softmax_of_int8
        ),
        KnownMistake(
            "you return the number of the class. Asked is its name, FASHION_CLASSES[number].", number_for_name
        ),
        KnownMistake("the confidence goes from 0 to 1, not to 100.", percent),
    ],
    tolerance=2e-3,
)
