"""What a network of the space costs before it is trained: bytes of its file, memory and instructions.

Bytes and memory are exact: the bytes are those of a file with the same tables and other numbers, the memory is that of
the tensors that are alive at the same time. Instructions are predicted by a linear model of the loops in kernels.h;
the emulator counts them exactly.
"""

import tempfile
from typing import NamedTuple

import numpy as np

from tflite_course.errors import CourseError
from tflite_course.search.placeholder import placeholder
from tflite_course.search.space import FILTERS, HEADS, KINDS, STEPS, Block, Network, operators

BOARD = "mps2-an386"  # a Cortex-M4, see tflite_course/targets/firmware/board.py
# What the kernels of kernels.h do: each has a price in the linear model, in instructions. What always comes together in
# this space has one price: a sum of a depthwise convolution has nine products.
ACTIONS = (
    "four products of two rows",  # the inner loop of a convolution and of a dense layer
    "pair of rows",
    "copied value",  # gather: what the window covers
    "place of a convolution",
    "sum of a depthwise convolution",
    "place of a depthwise convolution",
    "compared value",
    "place of a window of pooling",
    "summed value of a mean",
    "mean",
)


class Costs(NamedTuple):
    """Costs of a network, or limits of them: bytes of the file, bytes of memory, instructions for one image."""

    bytes: int
    memory: int
    instructions: int


def activation_memory(network):
    """Return the bytes of the tensors that are alive at the same time: the largest input and output of an operator.

    Each tensor takes a multiple of 4 bytes. A reshape copies nothing.
    """
    pairs = [(step.source, step.target) for step in operators(network) if step.name != "RESHAPE"]
    return max(sum(-(-int(np.prod(shape)) // 4) * 4 for shape in pair) for pair in pairs)


def predicted_instructions(network, prices):
    """Return the instructions for one image by the linear model; prices: {action: instructions}, see fit_prices()."""
    return round(float(action_counts(network) @ [prices[action] for action in ACTIONS]))


def action_counts(network):
    """Return how often the kernels do each of ACTIONS for one image, float64 (actions,)."""
    counts = dict.fromkeys(ACTIONS, 0)
    for step in operators(network):
        places, channels, outputs = int(np.prod(step.target[:-1])), step.source[-1], step.target[-1]
        covered = places * step.window**2
        if step.name in ("CONV_2D", "FULLY_CONNECTED"):
            row = -(-(step.window**2) * channels // 4)
            counts["four products of two rows"] += places * -(-outputs // 2) * row
            counts["pair of rows"] += places * -(-outputs // 2)
        if step.name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            counts["copied value"] += covered * channels
        if step.name == "CONV_2D":
            counts["place of a convolution"] += places
        elif step.name == "DEPTHWISE_CONV_2D":
            counts["sum of a depthwise convolution"] += places * channels
            counts["place of a depthwise convolution"] += places
        elif step.name == "MAX_POOL_2D":
            counts["compared value"] += covered * channels
            counts["place of a window of pooling"] += covered
        elif step.name == "MEAN":
            counts["summed value of a mean"] += int(np.prod(step.source))
            counts["mean"] += channels
    return np.array([counts[action] for action in ACTIONS], float)


def fit_prices(networks, instructions):
    """Return {action: instructions}, the prices that fit counted networks best; no price is below zero.

    networks: of the space; instructions: int (n,), counted by the emulator. The relative errors are made small.
    """
    from scipy.optimize import nnls

    counted = np.asarray(instructions, float)
    rows = np.stack([action_counts(network) for network in networks]) / counted[:, np.newaxis]
    size = np.linalg.norm(rows, axis=0)
    size[size == 0] = 1
    prices, _ = nnls(rows / size, np.ones(len(rows)))
    return {action: round(float(price), 4) for action, price in zip(ACTIONS, prices / size, strict=True)}


def emulated_instructions(model, images):
    """Return the instructions that a .tflite model, bytes, needs for one image on an emulated Cortex-M4, their mean.

    images: int8 (n, 28, 28) or (n, 28, 28, 1). Max pooling writes what is larger, so that images differ a little.
    Raises CourseError without the compiler and the emulator, see targets/firmware/board.py.
    """
    from tflite_course.targets.firmware import board

    with tempfile.TemporaryDirectory() as folder:
        board.build(model, BOARD, folder)
        return board.run(BOARD, folder, images)[1]["instructions"]


def costs(network, prices):
    """Return the Costs of a network: bytes and memory exact, instructions predicted."""
    file_bytes = len(placeholder(network))
    return Costs(file_bytes, activation_memory(network), predicted_instructions(network, prices))


def over(found, limits):
    """Return the names of the costs that are larger than their limits."""
    return [name for name in Costs._fields if getattr(found, name) > getattr(limits, name)]


def costs_within(network, limits, prices):
    """Return the Costs of a network, or None when one of them is larger than its limit; what is quick comes first."""
    if activation_memory(network) > limits.memory or predicted_instructions(network, prices) > limits.instructions:
        return None
    found = costs(network, prices)
    return None if over(found, limits) else found


def check_limits(limits, prices):
    """Raise CourseError, one sentence, for limits that no network of the space keeps, or that are not numbers.

    What a network costs grows with its blocks when its last layer is a mean: the cheapest have one block.
    """
    cheapest = [costs(Network((Block(*choice),), head), prices) for choice in _choices() for head in HEADS]
    units = {"bytes": "bytes", "memory": "bytes of activation memory", "instructions": "instructions"}
    for name, unit in units.items():
        limit, least = getattr(limits, name), min(getattr(found, name) for found in cheapest)
        if isinstance(limit, bool) or not isinstance(limit, (int, float, np.number)) or not limit > 0:
            raise CourseError(f"A limit of {limit!r} {unit} is not a number above zero.")
        if limit < least:
            raise CourseError(
                f"No network of this space fits into {limit:,} {unit}: the smallest needs {least:,}. Raise the limit."
            )


def _choices():
    return [(kind, filters, step) for kind in KINDS for filters in FILTERS for step in STEPS]
