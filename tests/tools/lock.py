"""Compile constraints.txt: `make lock`, or `make lock LOCK_FLAGS="--upgrade-package jupyterlab"`.

uv resolves the requirements files for every Python from 3.11.0 on and every system at once; where one version cannot
serve all, it writes several, with markers. Versions that stand in constraints.txt stay unless a flag asks for newer.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOWEST = "3.11"  # uv takes it as 3.11.0
FILES = ("requirements.txt", "requirements-targets.txt", "requirements-grading.txt", "requirements-dev.txt")
PLAIN = ("--quiet", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "--no-config")
HEADER = (
    "# Every package of the environment, fixed. `make lock` writes this file (uv pip compile --universal, from Python\n"
    "# 3.11.0 on, for every system); do not edit it by hand.\n"
)


def find_uv():
    """Return the path of uv: that of this environment, or one on PATH; None without one."""
    return shutil.which("uv", path=os.path.dirname(sys.executable)) or shutil.which("uv")


def prepare(folder):
    """Copy what is resolved into a folder, without the lines that name constraints.txt and the course itself."""
    for name in FILES:
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith(("-c", "-e"))]
        (Path(folder) / name).write_text("".join(kept), encoding="utf-8")
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, Path(folder) / name)
    return Path(folder)


def resolve(folder, requirements, *options):
    """Return the finished process of `uv pip compile` on a requirements file in a folder made by prepare()."""
    command = [find_uv(), "pip", "compile", *PLAIN, *options, "pyproject.toml", requirements]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("UV_CONSTRAINT")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def main(flags):
    if not find_uv():
        sys.exit("uv is not installed: run `pip install uv`, then call make again.")
    with tempfile.TemporaryDirectory() as temporary:
        folder = prepare(temporary)
        done = resolve(
            folder, FILES[-1], "--universal", "--python-version", LOWEST, "--output-file", "constraints.txt", *flags
        )
        if done.returncode:
            sys.exit(f"constraints.txt could not be compiled:\n{done.stderr}")
        compiled = (folder / "constraints.txt").read_text(encoding="utf-8")
    (ROOT / "constraints.txt").write_text(HEADER + compiled, encoding="utf-8")
    print(f"constraints.txt: {len(compiled.splitlines())} lines")


if __name__ == "__main__":
    main(sys.argv[1:])
