"""What `make check`, `make test` and `make test-all` run: the lessons under nbval, then the tests.

Two workers run the lessons, three the tests, which wait a third of their time: for browsers, servers and kernels.

python -m tests.tools.run_all check|test|all

A few tests that fail may have met a busy machine (a browser, a server or a kernel that starts late): up to AGAIN of
them run once more, alone. What fails twice is red; what passes alone is named at the end, to be cured.
"""

import itertools
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests import ROOT
from tests.tools import tiers
from tests.tools.lessons import deeper_files, lesson_files

# Tests that share a browser, a class or a kernel go to one worker, the rest wherever there is room.
PYTEST = [sys.executable, "-m", "pytest"]
AGAIN = 3  # tests, or lessons
CHEAP = 10.0  # seconds: a notebook that goes deeper and takes longer, or was never timed, waits for test-all


def lessons(tier):
    """Return (lessons that a tier runs, changed lessons that it has no time for).

    check takes those that differ from the last commit, the quickest first, as long as tiers.CHANGED seconds are not
    used up; one it always runs. Those that take longest start first, so that no worker ends long after the other; a
    lesson without stored seconds is one of them. What goes deeper runs in test only if it is cheap.
    """
    found, stored = [*lesson_files(), *deeper_files()], tiers.stored_durations()
    seconds = {path: stored.get(path.relative_to(ROOT).as_posix(), math.inf) for path in found}
    if tier == "test":
        found = [path for path in found if path.parent.name != "deeper" or seconds[path] < CHEAP]
    left_out = []
    if tier == "check":
        changed = {ROOT / path for path in tiers.changed_files()}
        quickest = sorted(changed.intersection(found), key=seconds.get)
        sums = list(itertools.accumulate(map(seconds.get, quickest)))
        count = max(1, sum(total <= tiers.CHANGED for total in sums))
        found, left_out = quickest[:count], quickest[count:]
    return sorted(found, key=seconds.get, reverse=True), left_out


def steps(tier, durations):
    """Return {name: command} of what a tier runs, in order. durations: the file to which all writes what it took."""
    commands, store = {}, ["--store-durations", "--durations-to", str(durations)]
    if tier == "check":
        commands["ruff"] = [sys.executable, "-m", "ruff", "check", "."]
    notebooks = [str(path) for path in lessons(tier)[0]]
    if notebooks:  # a notebook is one kernel: all its cells go to one worker
        commands["lessons"] = [*PYTEST, *"-n 2 --nbval --dist loadfile --no-loadscope-reorder".split(), *notebooks]
        if tier == "all":
            commands["lessons"] += store
    tests = [*PYTEST, *f"-n 3 --dist loadgroup -rs --tier {tier} tests".split()]  # -rs: what is skipped, and why
    if tier == "all":
        tests += ["--durations", "20", *store]
    return commands | {"tests": tests}


def call(command):
    """Run pytest, and once more what failed if that is little; return (exit code, [what failed once and passed])."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "failed.json"
        code = subprocess.call([*command, "--failed-to", str(file)], cwd=ROOT)
        failed = json.loads(file.read_text(encoding="utf-8")) if code == 1 else []  # other codes: pytest did not run
    if not 0 < len(failed) <= AGAIN:
        return code, []
    print(f"Once more, alone: {', '.join(failed)}", flush=True)
    code = subprocess.call([*PYTEST, *["--nbval"] * failed[0].endswith(".ipynb"), *failed], cwd=ROOT)
    return code, failed if code == 0 else []


def main():
    tier = sys.argv[1] if len(sys.argv) > 1 else "test"
    if tier not in tiers.TIERS:
        sys.exit(f"There is no tier '{tier}': choose from {', '.join(tiers.TIERS)}.")
    codes, times, processor, unsteady = {}, {}, {}, []
    with tempfile.TemporaryDirectory() as folder:
        new = Path(folder) / "durations.json"  # the tests are chosen and judged by what was stored before
        for name, command in steps(tier, new).items():
            start, used = time.monotonic(), processor_seconds()
            if "pytest" in command:
                codes[name], once = call(command)
                unsteady += once
            else:
                codes[name] = subprocess.call(command, cwd=ROOT)
            times[name], processor[name] = time.monotonic() - start, processor_seconds() - used
        if new.is_file():
            shutil.copy(new, tiers.STORE)
            print("tests/tools/durations.json is new: keep it if the machine was quiet, else `git checkout` it")
    for name, code in codes.items():
        state = "green" if code == 0 else f"FAILED (ended with {code})"
        print(f"{name}: {state} after {times[name]:.0f} s ({processor[name]:.0f} s of processor time)")
    for test in unsteady:
        print(f"unsteady: {test} failed once and passed alone: find what it waits for or shares")
    for path in lessons(tier)[1]:
        where = path.relative_to(ROOT).as_posix()
        print(f"{path.name} has changed, too, and takes longer than this may: make test-one ONE={where}")
    return max(codes.values())


def processor_seconds():
    """Return the processor time of all processes that have ended, in seconds; 0 where the system does not tell."""
    used = os.times()
    return used.children_user + used.children_system


if __name__ == "__main__":
    sys.exit(main())
