"""Lab 5, clustered: the model of the course with 16 different weights in each kernel, and the count of them."""

import numpy as np

from tflite_course.labs.exercise import NO_ANSWER, Exercise, Mistake, describe
from tflite_course.labs.lab_5_prune_and_cluster.common import KERNELS, layers_of, share_right, shipped

CLUSTERS = 16


def judge(answer, rng):
    from tensorflow_model_optimization.python.core.clustering.keras.cluster_wrapper import ClusterWeights

    if type(answer) not in (tuple, list) or len(answer) != 2:
        raise Mistake(f"a model and a dict are expected, `clustered` and `distinct`, this is {describe(answer)}.")
    model, distinct = answer
    if model is Ellipsis:
        raise Mistake(NO_ANSWER)
    if model is None:
        raise Mistake("the model is None: that is what `cluster_weights` returns, silently, for a Keras 3 model.")
    arrays = layers_of(model, ClusterWeights, "strip_clustering")
    _check_clusters(_distinct(arrays))
    if np.array_equal(arrays["logits"][1], shipped()["logits"][1]):
        raise Mistake("the biases are still those of the checkpoint: nothing was fine-tuned after clustering.")
    right = share_right(model, rng)
    if right < 0.96:
        raise Mistake(f"{right:.1%} right. Fine-tuning needs a low learning rate: take 1e-4.")
    _check_counts(distinct, arrays)


def _distinct(arrays):
    """Return {layer: number of different weights in its kernel}."""
    return {name: len(np.unique(arrays[name][0])) for name in KERNELS}


def _check_clusters(counted):
    for name, number in counted.items():
        if number > 8 * CLUSTERS and name != "conv_1" or number == _distinct(shipped())[name]:
            raise Mistake(f"{name} has {number:,} different weights: it is not clustered.")
        if number > CLUSTERS:
            raise Mistake(f"{name} has {number} different weights, asked are at most {CLUSTERS}.")
        if number <= CLUSTERS // 2:
            raise Mistake(f"{name} has {number} different weights: ask for {CLUSTERS} clusters.")


def _check_counts(told, arrays):
    """Raise Mistake unless the student's dict tells the different weights of each kernel."""
    if told is None or told is Ellipsis:
        raise Mistake("the model is right, and `distinct` is missing: count the different weights of each kernel.")
    if type(told) is not dict or set(told) != set(KERNELS):
        raise Mistake(f"distinct must be a dict with the keys {', '.join(KERNELS)}, this is {describe(told)}.")
    if any(type(number) not in (int, np.int64, np.int32) for number in told.values()):
        raise Mistake("the values of distinct must be whole numbers.")
    counted = _distinct(arrays)
    if told == counted:
        return
    if told == _distinct(shipped()):
        raise Mistake("distinct belongs to the model before clustering: count in the stripped one.")
    if told == {name: arrays[name][0].size for name in KERNELS}:
        raise Mistake("distinct counts all weights. `np.unique` gives the different ones.")
    name = next(name for name in KERNELS if told[name] != counted[name])
    raise Mistake(f"distinct['{name}'] is {told[name]}, and the kernel holds {counted[name]} different weights.")


EXERCISE = Exercise(
    points=3,
    tests="your clustered model: wrappers, different weights in each kernel, fine-tuning, accuracy; and your count",
    why="only a count tells whether the weights are shared in what you ship.",
    judge=judge,
)
