"""The space of networks that is searched: one to four blocks, then a mean or a dense layer over the whole map.

A network is a text, too: "conv 8 stride, separable 12 pool, average". A block is a 3 x 3 convolution, or a depthwise
3 x 3 and a 1 x 1 convolution ("separable"), each with batch normalization and ReLU. It keeps the side of the map,
halves it by a stride of 2, or by a maximum over 2 x 2 at its end.
"""

from typing import NamedTuple

from tflite_course.errors import CourseError

SIDE, CLASSES = 28, 10
KINDS = ("conv", "separable")
FILTERS = (4, 6, 8, 12, 16, 24)
STEPS = ("stay", "stride", "pool")
HEADS = ("average", "dense")
MOST_BLOCKS = 4
MOST_HALVED = 3  # blocks that halve the map: 28, 14, 7, then 4 or 3


class Block(NamedTuple):
    """A block of a network: one of KINDS, of FILTERS and of STEPS."""

    kind: str
    filters: int
    step: str


class Network(NamedTuple):
    """A network of the space: a tuple of blocks, and one of HEADS. Its text: str(network)."""

    blocks: tuple
    head: str

    def __str__(self):
        return ", ".join([*(f"{block.kind} {block.filters} {block.step}" for block in self.blocks), self.head])


class Operator(NamedTuple):
    """An operator of the .tflite file: its name, shapes (height, width, channels) or (channels,), window and stride."""

    name: str
    source: tuple
    target: tuple
    window: int = 1
    stride: int = 1


def decode(text):
    """Return the Network of a text as str(network) writes it. Raises CourseError for one that is not in the space."""
    *parts, head = [part.strip() for part in str(text).split(",")]
    blocks = []
    for part in parts:
        words = part.split()
        if len(words) != 3 or not words[1].isdecimal():
            raise CourseError(
                f"'{part}' is not a block: write a kind, the number of filters and a step, as in '{KINDS[0]} 8 stride'."
            )
        blocks.append(Block(words[0], int(words[1]), words[2]))
    network = Network(tuple(blocks), head)
    if problem := problem_of(network):
        raise CourseError(problem)
    return network


def problem_of(network):
    """Return one sentence that says why a network is not in the space, or None when it is."""
    if not 1 <= len(network.blocks) <= MOST_BLOCKS:
        return f"The network has {len(network.blocks)} blocks: the space has networks of 1 to {MOST_BLOCKS}."
    for block in network.blocks:
        for value, known in zip(block, (KINDS, FILTERS, STEPS), strict=True):
            if value not in known:
                return f"A block has '{value}': choose from {', '.join(map(str, known))}."
    if network.head not in HEADS:
        return f"The network ends with '{network.head}': choose from {', '.join(HEADS)}."
    halved = sum(block.step != "stay" for block in network.blocks)
    if halved > MOST_HALVED:
        return f"{halved} blocks halve the map: {MOST_HALVED} are the most, because the map has {SIDE} x {SIDE} values."
    return None


def count():
    """Return how many networks the space has."""
    from math import comb

    ways, total = len(KINDS) * len(FILTERS), 0
    for blocks in range(1, MOST_BLOCKS + 1):
        for halved in range(min(blocks, MOST_HALVED) + 1):
            total += ways**blocks * comb(blocks, halved) * (len(STEPS) - 1) ** halved
    return total * len(HEADS)


def sample(draw):
    """Return a random network: first its number of blocks, then each choice with equal chances.

    draw: a numpy.random.Generator.
    """
    while True:
        blocks = [_sample_block(draw) for _ in range(draw.integers(1, MOST_BLOCKS + 1))]
        network = Network(tuple(blocks), HEADS[draw.integers(len(HEADS))])
        if problem_of(network) is None:
            return network


def mutate(network, draw):
    """Return a network of the space that differs from this one in one choice, or by one block more or less."""
    while True:
        blocks, head = list(network.blocks), network.head
        place = int(draw.integers(len(blocks)))
        change = draw.choice(["kind", "filters", "step", "head", "add", "remove"])
        if change == "add":
            blocks.insert(int(draw.integers(len(blocks) + 1)), _sample_block(draw))
        elif change == "remove":
            blocks.pop(place)
        elif change == "head":
            head = _other(HEADS, head, draw)
        elif change == "filters":  # the next larger or smaller number
            index = FILTERS.index(blocks[place].filters) + int(draw.choice([-1, 1]))
            blocks[place] = blocks[place]._replace(filters=FILTERS[min(max(index, 0), len(FILTERS) - 1)])
        else:
            known = {"kind": KINDS, "step": STEPS}[change]
            blocks[place] = blocks[place]._replace(**{change: _other(known, getattr(blocks[place], change), draw)})
        changed = Network(tuple(blocks), head)
        if changed != network and problem_of(changed) is None:
            return changed


def _sample_block(draw):
    return Block(*(known[draw.integers(len(known))] for known in (KINDS, FILTERS, STEPS)))


def _other(known, value, draw):
    others = [each for each in known if each != value]
    return others[draw.integers(len(others))]


def build(network, batch_size=None):
    """Return the untrained network, a tf_keras model.

    Input "image": float32 (batch, 28, 28, 1). Output "logits": float32 (batch, 10). batch_size fixes the first axis.
    """
    from tf_keras import Sequential, layers

    body = []

    def add(layer):
        body.extend([layer, layers.BatchNormalization(momentum=0.9), layers.ReLU()])

    for block in network.blocks:
        strides = 2 if block.step == "stride" else 1
        if block.kind == "separable":
            add(layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False))
        size, strides = (1, 1) if block.kind == "separable" else (3, strides)
        add(layers.Conv2D(block.filters, size, strides, padding="same", use_bias=False))
        if block.step == "pool":
            body.append(layers.MaxPooling2D())
    body.append(layers.GlobalAveragePooling2D() if network.head == "average" else layers.Flatten())
    image = layers.Input((SIDE, SIDE, 1), batch_size=batch_size, name="image")
    return Sequential([image, *body, layers.Dense(CLASSES, name="logits")])


def operators(network):
    """Return the operators that the converter makes of a network, in their order."""
    side, channels, result = SIDE, 1, []

    def add(name, filters, window=1, stride=1, padding=True):
        nonlocal side, channels
        after = -(-side // stride) if padding else side // stride
        result.append(Operator(name, (side, side, channels), (after, after, filters), window, stride))
        side, channels = after, filters

    for block in network.blocks:
        stride = 2 if block.step == "stride" else 1
        if block.kind == "separable":
            add("DEPTHWISE_CONV_2D", channels, 3, stride)
            add("CONV_2D", block.filters)
        else:
            add("CONV_2D", block.filters, 3, stride)
        if block.step == "pool":
            add("MAX_POOL_2D", channels, 2, 2, padding=False)
    features = channels if network.head == "average" else side * side * channels
    name = "MEAN" if network.head == "average" else "RESHAPE"
    result.append(Operator(name, (side, side, channels), (features,)))
    return [*result, Operator("FULLY_CONNECTED", (features,), (CLASSES,))]
