"""Lab 4, make_aware: fake quantization in all layers of a model but the named ones."""

from typing import NamedTuple

from tflite_course.labs.exercise import Exercise, Mistake, require_function, require_returned, same
from tflite_course.labs.lab_4_train_for_quantization.common import annotated, require_keras_2, wrapped

BLOCKS = (("conv_1", "norm_1", "relu_1"), ("conv_2", "norm_2", "relu_2"), ("logits",))
WITH_KERNEL = {block[0] for block in BLOCKS}


class Found(NamedTuple):
    """What an answer made of a model: the names that it was given, and sets of names of layers."""

    named: list
    aware: set  # layers with a kernel and fake quantization
    forgotten: list  # neither named nor marked


def judge(answer, rng):
    require_function(answer)
    given = [[*BLOCKS[0]], [*BLOCKS[int(rng.integers(1, 3))]]]
    found = [_found(answer, names, rng) for names in given]
    for names, aware, _ in found:
        if aware != WITH_KERNEL - set(names):
            _explain(names, aware, always_the_same=found[0].aware == found[1].aware)
    forgotten = found[0].forgotten + found[1].forgotten
    if forgotten:
        raise Mistake(
            f"{forgotten[0]} is not marked. Mark every layer that is not named, whatever its kind: a convolution "
            f"becomes one operator with its normalization and ReLU, and TFMOT must see the three together."
        )


def _small_model(rng):
    """Return a network with layers as in mnist_cnn, but few, because TFMOT takes its time; weights from rng."""
    import tf_keras as keras

    def block(filters, number):
        return [
            keras.layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"conv_{number}"),
            keras.layers.BatchNormalization(name=f"norm_{number}"),
            keras.layers.ReLU(name=f"relu_{number}"),
        ]

    first, second, last = block(2, 1), block(3, 2), keras.layers.Dense(10, name="logits")
    pool, flat = keras.layers.MaxPooling2D(4, name="pool_1"), keras.layers.Flatten(name="flatten")
    model = keras.Sequential([keras.layers.Input((28, 28, 1), name="image"), *first, pool, *second, flat, last])
    model.set_weights([rng.uniform(0.1, 1, array.shape) for array in model.get_weights()])
    return model


def _found(answer, names, rng):
    """Return what the answer makes of a new model, or raise Mistake when that is not a copy with fake quantization."""
    model = _small_model(rng)
    before, layers = model.get_weights(), {layer.name for layer in model.layers}
    aware = require_returned(answer(model, tuple(names)))
    require_keras_2(aware, "what your function returns")
    if annotated(aware):
        raise Mistake("the layers are marked, and nothing else happened: end with `quantize_apply`.")
    if not same(model.get_weights(), before):
        raise Mistake("your function changes the model that it is given. TFMOT makes a copy: change that.")
    inside = wrapped(aware)
    if not inside:
        raise Mistake("no layer has fake quantization: mark layers with `quantize_annotate_layer`, then apply.")
    kernels = [variable.numpy() for variable in aware.weights if variable.name.endswith("conv_2/kernel:0")]
    if not same(kernels, [model.get_layer("conv_2").get_weights()[0]]):
        raise Mistake("the weights are not those of the model that was given: start from it, not from a new one.")
    return Found(names, WITH_KERNEL & set(inside), sorted(layers - {*names, *inside}))


def _explain(names, aware, *, always_the_same):
    """Raise Mistake with the reason why fake quantization is in other layers than those asked."""
    wanted, left = WITH_KERNEL - set(names), ", ".join(names)
    if aware == WITH_KERNEL:
        raise Mistake(f"all layers have fake quantization, and {left} should stay as they are.")
    if aware == WITH_KERNEL - wanted:
        raise Mistake("it is the wrong way round: you marked the layers that should stay float.")
    if always_the_same:
        raise Mistake("your function leaves out the same layers whatever names it is given: use its argument.")
    raise Mistake(f"with {left} left out, fake quantization is in {sorted(aware)}, expected in {sorted(wanted)}.")


EXERCISE = Exercise(
    points=2,
    tests="make_aware(model, float_layers) on two small models, with different layers left out",
    why="a sensitive layer can stay float, if you know which layers TFMOT has to see together.",
    judge=judge,
)
