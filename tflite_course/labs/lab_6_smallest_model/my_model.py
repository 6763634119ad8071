"""Lab 6, my_model: the file of a network of one's own, paid by its bytes and its accuracy."""

from tflite_course.labs import tflite_file
from tflite_course.labs.exercise import Exercise, Mistake, mnist

# points, largest file, lowest accuracy on the whole test set
LEVELS = ((1, 16_384, 0.85), (2, 8_192, 0.85), (3, 8_192, 0.92), (4, 8_192, 0.95), (5, 6_144, 0.95))


def judge(answer, rng):
    from tflite_course import evaluation
    from tflite_course.models.flatbuffer import strip

    interpreter = tflite_file.open_file(answer)
    tflite_file.require_shapes(interpreter)
    tflite_file.require_int8(interpreter)
    shipped = tflite_file.source_checkpoint(interpreter)
    if shipped:
        raise Mistake(f"these are the weights of {shipped}, which comes with the course. Train a network of your own.")
    size, largest = len(answer), LEVELS[0][1]
    if size > largest:
        cure = "`flatbuffer.strip` makes it fit" if len(strip(answer)) <= largest else "take fewer filters"
        raise Mistake(f"the file has {size:,} bytes, the largest budget is {largest:,}: {cure}.")
    accuracy = evaluation.accuracy(answer, *mnist()[1], input_range=(0, 1))
    return tflite_file.judge_levels(
        LEVELS,
        size,
        accuracy,
        stripped=len(strip(answer)),
        nothing=f"{size:,} bytes and {accuracy:.1%}: the first level asks for {LEVELS[0][2]:.0%}. Is it trained, and "
        f"are the calibration images prepared as in training?",
    )


EXERCISE = Exercise(
    points=5,
    tests="your int8 file: its form, its bytes, and its accuracy on the whole test set",
    why="a device has so many bytes and not one more, and what counts is what fits.",
    judge=judge,
)
