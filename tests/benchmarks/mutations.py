"""Three hundred submissions that changed on their way, graded to the end: `python -m tests.benchmarks.mutations`.

    python -m tests.benchmarks.mutations --cases 60

The mutations are those of tests/grading/test_mutations.py, drawn from seeds: cells that are split, merged, copied,
moved or pasted, lost metadata, other encodings, damaged bytes. Four neighbours hand in unchanged labs beside them. The
grading command grades all in one run; printed is how many stopped it, changed a neighbour or lost an honest student's
points. It takes half an hour on two cores.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.grading import test_mutations


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, default=test_mutations.CASES)
    options = parser.parse_args()
    drawn, start = test_mutations.draw_class(options.cases), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        said, wrong = test_mutations.grade_class(Path(folder), drawn)
    neighbours = [line for line in wrong if line.startswith("neighbour")]
    honest = sum(points is not None for _, _, points in drawn.values()) - 4
    stops = wrong.count("the command stopped")
    print(f"{options.cases} mutations, {honest} of them honest, and 4 neighbours: {time.monotonic() - start:.0f} s")
    print(f"{stops} stops, {len(neighbours)} neighbours changed, {len(wrong) - len(neighbours) - stops} others wrong")
    print("\n".join([*wrong, said] if wrong else []))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
