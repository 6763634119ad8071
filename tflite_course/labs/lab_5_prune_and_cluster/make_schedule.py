"""Lab 5, make_schedule: a pruning schedule of TFMOT that reaches its target in time."""

from tflite_course.labs.exercise import Exercise, Mistake, describe, require_function, require_returned

FEWEST_MASKS = 5


def judge(answer, rng):
    from tensorflow_model_optimization.python.core.sparsity.keras.pruning_schedule import PruningSchedule

    require_function(answer)
    trainings = [(0.8, 94), (0.5, 40), (float(rng.choice([0.6, 0.7, 0.9])), int(rng.integers(120, 250)))]
    for final, steps in trainings:
        schedule, where = require_returned(answer(final, steps)), f"with {final:g} and {steps} steps"
        if not isinstance(schedule, PruningSchedule):
            raise Mistake(f"{where} a pruning schedule of TFMOT is expected, this is {describe(schedule)}.")
        masks = _masks(schedule, steps)
        if not masks:
            raise Mistake(
                f"{where} no mask is chosen at all: `frequency` is {schedule.frequency}, and the model would silently "
                f"stay dense."
            )
        _check_target(where, schedule, masks, final, steps)
        _check_times(where, list(masks), steps)


def _masks(schedule, steps):
    """Return {step: sparsity} of the steps of a training at which a schedule chooses a mask, in their order."""
    import tensorflow as tf

    ask = tf.function(schedule.__call__)  # as a training asks: a graph is much faster
    answers = {step: ask(tf.constant(step, tf.int64)) for step in range(1, steps + 1)}
    return {step: float(sparsity) for step, (update, sparsity) in answers.items() if bool(update)}


def _check_target(where, schedule, masks, final, steps):
    """Raise Mistake unless the sparsity climbs to final, and no further."""
    sparsities = list(masks.values())
    highest = max(sparsities)
    if abs(sparsities[0] - sparsities[-1]) < 1e-9 and abs(sparsities[0] - final) < 1e-6:
        raise Mistake(f"{where} the first mask takes everything at once. Asked is a schedule that climbs.")
    if highest > final + 1e-6:
        raise Mistake(f"{where} it goes to {highest:.3f}. That prunes too much.")
    if highest >= final - 1e-6:
        return
    end = getattr(schedule, "end_step", 0)
    if end > steps:
        raise Mistake(f"{where} it stops at {highest:.3f}: end_step is {end}, after the training.")
    if end in masks:
        raise Mistake(f"{where} it ends at {highest:.3f}: use the argument `final`.")
    raise Mistake(
        f"{where} it stops at {highest:.4f}: the last step is never met. Make end_step - begin_step a multiple of "
        f"frequency."
    )


def _check_times(where, steps_of_masks, steps):
    """Raise Mistake unless there are enough masks, the first early and the last with time for recovery."""
    if len(steps_of_masks) < FEWEST_MASKS:
        raise Mistake(
            f"{where} there are {len(steps_of_masks)} masks. Climb in at least {FEWEST_MASKS}: choose a smaller "
            f"frequency."
        )
    if steps_of_masks[0] > steps / 4:
        raise Mistake(f"{where} the first mask comes at step {steps_of_masks[0]}. Begin in the first quarter.")
    if steps_of_masks[-1] > 3 * steps / 4:
        raise Mistake(f"{where} the last mask comes at step {steps_of_masks[-1]}. Leave the last quarter for recovery.")


EXERCISE = Exercise(
    points=2,
    tests="make_schedule(final, steps): when it chooses masks and where it ends, for short and long trainings",
    why="a schedule that never chooses a mask leaves the model dense, and nothing warns you.",
    judge=judge,
)
