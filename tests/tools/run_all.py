"""Everything that `make test` checks: first the notebooks under nbval, then the tests. Two workers each."""

import subprocess
import sys
import time

from tests import ROOT

# These take longest, 85 to 45 s beside a second worker. They start first, so that no worker ends long after the other.
LONG = ("16", "05", "09", "07", "08", "06", "10", "01")
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LESSONS.sort(key=lambda path: LONG.index(path.name[:2]) if path.name[:2] in LONG else len(LONG))

STEPS = {
    # A notebook is one kernel: all its cells go to one worker.
    "notebooks": ["--nbval", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder", *map(str, LESSONS)],
    # Tests that share a browser go to one worker, the rest wherever there is room.
    "tests": ["-n", "2", "--dist", "loadgroup", "--durations", "10", "tests"],
}


def main():
    codes, times = {}, {}
    for name, arguments in STEPS.items():
        start = time.monotonic()
        codes[name] = subprocess.call([sys.executable, "-m", "pytest", *arguments], cwd=ROOT)
        times[name] = time.monotonic() - start
    for name, code in codes.items():
        print(f"{name}: {'green' if code == 0 else f'FAILED (pytest ended with {code})'} after {times[name]:.0f} s")
    return max(codes.values())


if __name__ == "__main__":
    sys.exit(main())
