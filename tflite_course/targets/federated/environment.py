"""Make the environment in which Flower runs, and run programs in it.

    python -m tflite_course.targets.federated.environment

makes .venv-flower in the course's folder, which git ignores, out of requirements.txt. A second run installs nothing.
"""

from pathlib import Path

from tflite_course.targets.environments import OwnEnvironment

HERE = Path(__file__).resolve().parent
QUIET = {"FLWR_TELEMETRY_ENABLED": "0", "RAY_DISABLE_DOCKER_CPU_WARNING": "1", "RAY_USAGE_STATS_ENABLED": "0"}
FLOWER = OwnEnvironment("Flower", ".venv-flower", HERE / "requirements.txt", "1 GB", QUIET)
make, is_ready = FLOWER.make, FLOWER.is_ready


def run(program, *arguments):
    """Run a program of this folder, for five minutes at most, with the course in reach; return what it prints."""
    return FLOWER.run(HERE / program, *arguments)


if __name__ == "__main__":
    make()
    print(f"{FLOWER.folder.name} is ready")
