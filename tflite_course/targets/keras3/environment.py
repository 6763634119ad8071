"""Make the environment in which Keras 3 and PyTorch run, and run programs in it.

    python -m tflite_course.targets.keras3.environment

makes .venv-keras3 in the course's folder, which git ignores, out of requirements.txt. A second run installs nothing.
"""

from pathlib import Path

from tflite_course.targets.environments import OwnEnvironment

HERE = Path(__file__).resolve().parent
KERAS_3 = OwnEnvironment("Keras 3", ".venv-keras3", HERE / "requirements.txt", "5 GB", {"TF_CPP_MIN_LOG_LEVEL": "3"})
make, is_ready = KERAS_3.make, KERAS_3.is_ready


def run(program, *arguments):
    """Run a program of this folder, for fifteen minutes at most; return what it prints."""
    return KERAS_3.run(HERE / program, *arguments, seconds=900)


if __name__ == "__main__":
    make()
    print(f"{KERAS_3.folder.name} is ready")
