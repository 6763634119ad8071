"""Make the environment in which Flower runs, and run programs in it.

    python -m tflite_course.targets.federated.environment

makes .venv-flower in the course's folder, which git ignores, out of requirements.txt. A second run installs nothing.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
FOLDER = ROOT / ".venv-flower"
REQUIREMENTS = HERE / "requirements.txt"


def stamp():
    """Return the file that says that the environment was made of these requirements."""
    return FOLDER / f"{hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]}.stamp"


def python():
    return FOLDER / ("Scripts" if os.name == "nt" else "bin") / "python"


def is_ready():
    return stamp().exists() and python().exists()


def make():
    """Make the environment when it is not there. Ends the program with a sentence when pip cannot."""
    if is_ready():
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", FOLDER], check=True)
    install = [python(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS]
    if subprocess.call(install):
        sys.exit("Flower could not be installed: check the network and the free disk space (1 GB), then try again.")
    stamp().touch()


def run(program, *arguments):
    """Run a program of this folder, for five minutes at most, with the course in reach; return what it prints."""
    quiet = {"FLWR_TELEMETRY_ENABLED": "0", "RAY_DISABLE_DOCKER_CPU_WARNING": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    environment = {**os.environ, **quiet, "PYTHONPATH": str(ROOT)}
    command = [python(), HERE / program, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise RuntimeError(f"{program} failed:\n{done.stderr[-3000:]}")
    return done.stdout


if __name__ == "__main__":
    make()
    print(f"{FOLDER.name} is ready")
