"""The model that a reader trained in lesson 01, for the later lessons; the course's own stands in where there is none.

`keep_model` writes work/my_mnist.keras, lesson 02 makes work/my_mnist.tflite of it. They are looked for beside the
notebook, and in a clone in the work folders of all lessons and labs. COURSE_OWN_MODELS=shipped looks for none, as the
tests do.
"""

import contextlib
import os
from pathlib import Path

from tflite_course.errors import CourseError
from tflite_course.models.digits import load_model, model_path
from tflite_course.resources import work_folders

KERAS, TFLITE = "my_mnist.keras", "my_mnist.tflite"


def keep_model(model):
    """Save a Keras model as work/my_mnist.keras beside the notebook, whole or not at all; return the path.

    Raises CourseError when the file cannot be written.
    """
    path = Path("work", KERAS)
    new = path.with_name(f"new_{os.getpid()}_{KERAS}")  # Keras chooses the format by the ending
    try:
        path.parent.mkdir(exist_ok=True)
        model.save(new)
        new.replace(path)
    except OSError as error:
        raise CourseError(f"{path.as_posix()} cannot be written ({error.strerror}): free the disk or folder.") from None
    finally:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
    return path


def my_model(*, say=print):
    """Return the Keras model that you kept in lesson 01, or mnist_cnn when there is none.

    say: gets one sentence when the file that is there does not fit; mnist_cnn stands in, and the file stays.
    """
    path = _find(KERAS)
    if path is not None:
        try:
            model = load_model(path)
            _check_shapes(model.input_shape, model.output_shape)
            return model
        except Exception as error:  # whatever Keras says of a file that it cannot read
            _say_why(say, path, error)
    return load_model("mnist_cnn")


def my_tflite(*, say=print):
    """Return the path of the .tflite that you made of your model in lesson 02, or of mnist_cnn's when there is none.

    say: gets one sentence when the file that is there does not fit; the shipped file stands in, and yours stays.
    """
    from tflite_course.contract import contract  # it imports this package

    path = _find(TFLITE)
    if path is not None:
        try:
            contract(path)
            return path
        except CourseError as error:
            _say_why(say, path, error)
    return model_path("mnist_cnn")


def _find(name):
    """Return the newest file of this name in the work folders, None without one."""
    if os.environ.get("COURSE_OWN_MODELS") == "shipped":
        return None
    found = [folder / name for folder in work_folders() if (folder / name).is_file()]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def _check_shapes(given, gives):
    """Raise CourseError unless a model takes images (batch, 28, 28) and gives ten numbers for each."""
    if given != (None, 28, 28) or gives != (None, 10):
        raise CourseError(f"it turns {given} into {gives}, not (None, 28, 28) into (None, 10)")


def _say_why(say, path, error):
    reason = " ".join(str(error).split())[:160].rstrip(".")
    say(f"work/{path.name} cannot be used ({reason}): the course's model stands in, and your file stays as it is.")
