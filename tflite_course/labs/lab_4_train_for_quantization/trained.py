"""Lab 4, trained: a model with fake quantization and its control, from the same checkpoint by the same training."""

import functools

import numpy as np

from tflite_course.labs.exercise import NO_ANSWER, Exercise, Mistake, describe, mnist
from tflite_course.labs.lab_4_train_for_quantization.common import annotated, require_keras_2, wrapped

IMAGES = 500  # of the test set
KERNELS = ("conv_1", "conv_2", "conv_3", "logits")
FEWEST_STEPS, HIGHEST_RATE = 20, 2e-3


def judge(answer, rng):
    if type(answer) not in (tuple, list) or len(answer) != 2:
        raise Mistake(f"expected are two models, `aware` and `control`, this is {describe(answer)}.")
    if any(model is None or model is Ellipsis for model in answer):
        raise Mistake(NO_ANSWER)
    models = dict(zip(("aware", "control"), answer, strict=True))
    _check_wrappers(models)
    _check_trainings({name: _training(name, model) for name, model in models.items()})
    images, labels = mnist()[1]
    chosen = rng.choice(len(images), IMAGES, replace=False)
    for name, model in models.items():
        _check_weights(name, model)
        right = np.mean(np.asarray(model(images[chosen], training=False)).argmax(1) == labels[chosen])
        if right < 0.96:
            raise Mistake(
                f"{name} has {right:.1%} right: start from the checkpoint, with images and labels in one order."
            )


def _check_wrappers(models):
    """Raise Mistake unless all layers of aware have fake quantization, and none of control."""
    for name, model in models.items():
        require_keras_2(model, name)
        if annotated(model):
            raise Mistake(f"the layers of {name} are marked, and `quantize_apply` was not called.")
    aware, control = map(wrapped, models.values())
    if control and not aware:
        raise Mistake("you swapped the two: `aware` has no fake quantization, and `control` has it.")
    if not aware:
        raise Mistake("aware has no fake quantization: use your function of exercise 3, or `quantize_model`.")
    if control:
        raise Mistake("control has fake quantization. It is the same training without it.")
    left = sorted(set(KERNELS) - set(aware))
    if left:
        raise Mistake(f"{', '.join(left)} of aware has no fake quantization. This time leave no layer out.")


def _training(name, model):
    """Return (steps, learning rate) of a model, or raise Mistake when it was not fine-tuned."""
    optimizer = getattr(model, "optimizer", None)
    steps = int(optimizer.iterations) if optimizer is not None else 0
    if steps < FEWEST_STEPS:
        raise Mistake(
            f"the optimizer of {name} has counted {steps} steps. Train it for one epoch (a new `compile` begins to "
            f"count at 0)."
        )
    try:
        rate = float(optimizer.learning_rate)
    except TypeError:
        raise Mistake(f"the learning rate of {name} is not a number: give the optimizer 1e-4.") from None
    if rate > HIGHEST_RATE:
        raise Mistake(f"{name} has the learning rate {rate:g}. Fine-tuning needs a low one: take 1e-4.")
    return steps, rate


def _check_trainings(trainings):
    (steps, rate), (control_steps, control_rate) = trainings["aware"], trainings["control"]
    if steps != control_steps:
        raise Mistake(
            f"aware was trained for {steps} steps and control for {control_steps}. A control gets the same training: "
            f"if you ran a `fit` twice, load that model again."
        )
    if abs(rate - control_rate) > 1e-9:
        raise Mistake(
            f"the learning rates differ, {rate:g} and {control_rate:g}: then nobody can tell what fake quantization "
            f"did."
        )


@functools.cache
def _shipped():
    """Return {name: array} of the variables of the shipped checkpoint."""
    from tflite_course.models import load_model

    return {variable.name: variable.numpy() for variable in load_model("mnist_cnn").weights}


def _check_weights(name, model):
    """Raise Mistake unless the kernels are near those of the shipped checkpoint, and not the same."""
    for layer in KERNELS:
        shipped, kernel = _shipped()[f"{layer}/kernel:0"], _kernel(model, layer)
        if kernel.shape != shipped.shape or np.corrcoef(kernel.ravel(), shipped.ravel())[0, 1] < 0.8:
            raise Mistake(f"{name} is far from the shipped checkpoint: `models.load_model()` gives it, start there.")
        if np.array_equal(kernel, shipped):
            raise Mistake(f"the weights of {name} are still those of the checkpoint: `fit` changed another model.")


def _kernel(model, layer):
    """Return the kernel of a layer, float32, whether the layer is wrapped or not."""
    for variable in model.weights:
        if variable.name.endswith(f"{layer}/kernel:0"):
            return variable.numpy()
    raise Mistake(f"there is no layer {layer} with a kernel: start from `models.load_model()`.")


EXERCISE = Exercise(
    points=3,
    tests="your two models: fake quantization in one, the same start, steps and learning rate in both",
    why="a control that trained less makes any method look good.",
    judge=judge,
)
