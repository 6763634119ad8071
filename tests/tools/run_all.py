"""What `make check`, `make test` and `make test-all` run: the lessons under nbval, then the tests; two workers each.

python -m tests.tools.run_all check|test|all
"""

import math
import subprocess
import sys
import time

from tests import ROOT
from tests.tools import tiers
from tests.tools.lessons import lesson_files

# Tests that share a browser, a class or a kernel go to one worker, the rest wherever there is room.
PYTEST = [sys.executable, "-m", "pytest", "-n", "2"]


def lessons(tier):
    """Return the lessons that a tier runs: check takes those that differ from the last commit.

    Those that take longest start first, so that no worker ends long after the other; a lesson without stored seconds
    is one of them.
    """
    found, seconds = lesson_files(), tiers.stored_durations()
    if tier == "check":
        changed = {ROOT / path for path in tiers.changed_files()}
        found = [path for path in found if path in changed]
    return sorted(found, key=lambda path: -seconds.get(f"notebooks/{path.name}", math.inf))


def steps(tier):
    """Return {name: command} of what a tier runs, in order."""
    commands = {}
    if tier == "check":
        commands["ruff"] = [sys.executable, "-m", "ruff", "check", "."]
    notebooks = [str(path) for path in lessons(tier)]
    if notebooks:  # a notebook is one kernel: all its cells go to one worker
        commands["lessons"] = [*PYTEST, "--nbval", "--dist", "loadfile", "--no-loadscope-reorder", *notebooks]
        if tier == "all":
            commands["lessons"] += ["--store-durations"]
    tests = [*PYTEST, "--dist", "loadgroup", "--tier", tier, "tests"]
    if tier == "all":
        tests += ["--durations", "20", "--store-durations"]
    return commands | {"tests": tests}


def main():
    tier = sys.argv[1] if len(sys.argv) > 1 else "test"
    if tier not in tiers.TIERS:
        sys.exit(f"There is no tier '{tier}': choose from {', '.join(tiers.TIERS)}.")
    codes, times = {}, {}
    for name, command in steps(tier).items():
        start = time.monotonic()
        codes[name] = subprocess.call(command, cwd=ROOT)
        times[name] = time.monotonic() - start
    for name, code in codes.items():
        print(f"{name}: {'green' if code == 0 else f'FAILED (ended with {code})'} after {times[name]:.0f} s")
    return max(codes.values())


if __name__ == "__main__":
    sys.exit(main())
