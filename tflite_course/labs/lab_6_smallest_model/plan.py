"""Lab 6, plan: multiply-accumulates and bytes of a network that is not built yet."""

from typing import NamedTuple

from tflite_course.labs.exercise import Exercise, KnownMistake


class Layer(NamedTuple):
    """A layer with weights: the places of its input and of its output, its weights and its output channels."""

    before: int
    places: int
    weights: int
    channels: int


def plan(parts):
    layers = _layers(parts)
    return _macs(layers), sum(layer.weights + 4 * layer.channels for layer in layers)


def _layers(parts, *, pool=lambda side: side // 2, stride=lambda side, by: -(-side // by), depthwise=lambda count: 1):
    """Return the layers of a network; the functions round the side, and tell how many channels a filter sees."""
    side, channels, layers = 28, 1, []
    for part in parts:
        if part == "pool":
            side = pool(side)
            continue
        kernel, strides = part[-2:]
        before, side = side, stride(side, strides)
        if part[0] == "conv":
            weights, channels = kernel**2 * channels * part[1], part[1]
        else:
            weights = kernel**2 * channels * depthwise(channels)
        layers.append(Layer(before**2, side**2, weights, channels))
    return [*layers, Layer(1, 1, 10 * channels, 10)]


def _macs(layers):
    return sum(layer.places * layer.weights for layer in layers)


def cases(rng):
    found = [[("conv", 4, 3, 1)], [("conv", 8, 5, 2), "pool", ("depthwise", 3, 1), ("conv", 12, 1, 1)]]
    found += [[("conv", 3, 3, 1), "pool", "pool", "pool", ("conv", 6, 3, 1)]]  # 7 / 2 is 3 for a pool
    found += [[("conv", 3, 3, 2), ("depthwise", 3, 2), ("conv", 5, 3, 2)]]  # and 4 for a stride
    for _ in range(5):
        parts = [("conv", int(rng.integers(2, 20)), int(rng.choice([3, 5])), int(rng.integers(1, 3)))]
        for _ in range(rng.integers(1, 4)):
            kind, kernel, by = rng.integers(3), int(rng.choice([1, 3, 5])), int(rng.integers(1, 3))
            parts.append(["pool", ("depthwise", kernel, by), ("conv", int(rng.integers(2, 30)), kernel, by)][kind])
        found.append(parts)
    return [(parts,) for parts in found]


def bias_of_one_byte(parts):
    return plan(parts)[0], sum(layer.weights + layer.channels for layer in _layers(parts))


def without_biases(parts):
    return plan(parts)[0], sum(layer.weights for layer in _layers(parts))


def as_float32(parts):
    return plan(parts)[0], sum(4 * layer.weights + 4 * layer.channels for layer in _layers(parts))


def without_dense(parts):
    *layers, dense = _layers(parts)
    macs, size = plan(parts)
    return macs - dense.weights, size - dense.weights - 4 * dense.channels


def macs_are_weights(parts):
    return without_biases(parts)[1], plan(parts)[1]


def places_before_the_stride(parts):
    return sum(layer.before * layer.weights for layer in _layers(parts)), plan(parts)[1]


def depthwise_sees_all_channels(parts):
    layers = _layers(parts, depthwise=lambda channels: channels)
    return _macs(layers), sum(layer.weights + 4 * layer.channels for layer in layers)


def pool_rounds_up(parts):
    return _macs(_layers(parts, pool=lambda side: -(-side // 2))), plan(parts)[1]


def stride_rounds_down(parts):
    return _macs(_layers(parts, stride=lambda side, by: side // by)), plan(parts)[1]


def two_operations(parts):
    macs, size = plan(parts)
    return 2 * macs, size


def biases_in_macs(parts):
    macs, size = plan(parts)
    return macs + sum(layer.places * layer.channels for layer in _layers(parts)), size


def bytes_first(parts):
    return plan(parts)[::-1]


EXERCISE = Exercise(
    points=3,
    tests="plan(parts) on networks with convolutions, depthwise convolutions, pools and strides",
    why="who can count before training does not train networks that never fit.",
    cases=cases,
    right=plan,
    mistakes=[
        KnownMistake("a bias has four bytes (int32), and you count one.", bias_of_one_byte),
        KnownMistake("the biases are missing: one int32, four bytes, for each output channel.", without_biases),
        KnownMistake("these are the bytes of float32. An int8 weight has one byte.", as_float32),
        KnownMistake(
            "the dense layer is missing: ten outputs, each with a weight for every channel and a bias.", without_dense
        ),
        KnownMistake(
            "your MACs are the weights. Each weight works at every place of the output: times height and width.",
            macs_are_weights,
        ),
        KnownMistake(
            "you take the height and width before the stride. Count the places of the output.", places_before_the_stride
        ),
        KnownMistake(
            "a depthwise filter sees one channel: size * size * channels weights, no second factor.",
            depthwise_sees_all_channels,
        ),
        KnownMistake("a pool rounds down: 7 becomes 3.", pool_rounds_up),
        KnownMistake('with "same" padding a stride rounds up: 7 becomes 4.', stride_rounds_down),
        KnownMistake("a MAC is one product with its addition. You count two operations.", two_operations),
        KnownMistake("a bias is not a multiply-accumulate: leave biases out of the MACs.", biases_in_macs),
        KnownMistake("the order is (MACs, bytes).", bytes_first),
    ],
)
