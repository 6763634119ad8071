"""Lab 5, pruned: the model of the course with zeros in three layers, trained and without wrappers."""

import numpy as np

from tflite_course.labs.exercise import Exercise, Mistake
from tflite_course.labs.lab_5_prune_and_cluster.common import KERNELS, layers_of, share_right, shipped

PRUNED = ("conv_2", "conv_3", "logits")
SPARSITY = 0.8


def judge(answer, rng):
    from tensorflow_model_optimization.python.core.sparsity.keras.pruning_wrapper import PruneLowMagnitude

    arrays = layers_of(answer, PruneLowMagnitude, "strip_pruning")
    _check_zeros({name: float(np.mean(arrays[name][0] == 0)) for name in KERNELS})
    kernel, start = arrays["conv_3"][0], shipped()["conv_3"][0]
    if np.array_equal(kernel[kernel != 0], start[kernel != 0]):
        raise Mistake("the weights that are left are those of the checkpoint: nothing was trained after pruning.")
    right = share_right(answer, rng)
    if right < 0.95:
        raise Mistake(f"{right:.1%} right. Training should bring back nearly all: start from the shipped model.")


def _check_zeros(zeros):
    """Raise Mistake unless the shares of zeros, {layer: share}, are those asked."""
    if max(zeros.values()) < 0.01:
        raise Mistake("there are no zeros: the schedule chose no mask in your few steps, or this is another model.")
    if zeros["conv_1"] > 0.05:
        raise Mistake(f"{zeros['conv_1']:.0%} of conv_1 is zero. It is small and sensitive: leave it dense.")
    for name in PRUNED:
        if abs(zeros[name] - SPARSITY) > 0.01:
            more = ": wrap this layer, too" if zeros[name] < 0.01 else ""
            raise Mistake(f"{zeros[name]:.1%} of {name} is zero, asked are {SPARSITY:.0%}{more}.")


EXERCISE = Exercise(
    points=3,
    tests="your pruned model: wrappers, zeros in each layer, whether it was trained, accuracy on a part of the test "
    "set",
    why="count the zeros: a model that is called pruned may be dense, or larger than before.",
    judge=judge,
)
