"""Environments beside the course's, for packages that do not go together with it: made once, and programs run there."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class OwnEnvironment:
    """An environment in the course's folder, which git ignores, made out of a requirements file.

    name: what is in it, for sentences; folder: its name; requirements: the path of the file; space: what it needs of
    the disk; variables: of the programs that run in it. A second make() installs nothing.
    """

    def __init__(self, name, folder, requirements, space, variables=None):
        self.name, self.folder, self.requirements = name, ROOT / folder, Path(requirements)
        self.space, self.variables = space, dict(variables or {})

    def stamp(self):
        """Return the file that says that the environment was made of these requirements."""
        return self.folder / f"{hashlib.sha256(self.requirements.read_bytes()).hexdigest()[:12]}.stamp"

    def python(self):
        return self.folder / ("Scripts" if os.name == "nt" else "bin") / "python"

    def is_ready(self):
        return self.stamp().exists() and self.python().exists()

    def make(self):
        """Make the environment when it is not there. Ends the program with a sentence when pip cannot."""
        if self.is_ready():
            return
        subprocess.run([sys.executable, "-m", "venv", "--clear", self.folder], check=True)
        install = [self.python(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if subprocess.call([*install, "-r", self.requirements]):
            sys.exit(
                f"{self.name} could not be installed: check the network and the free disk space ({self.space}), then "
                f"try again."
            )
        self.stamp().touch()

    def run(self, program, *arguments, seconds=300):
        """Run a program in it, with the course in reach; return what it prints. Raises RuntimeError when it fails."""
        environment = {**os.environ, **self.variables, "PYTHONPATH": str(ROOT)}
        command = [self.python(), program, *map(str, arguments)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds)
        if done.returncode:
            raise RuntimeError(f"{Path(program).name} failed:\n{done.stderr[-3000:]}")
        return done.stdout
