"""Run notebooks and tests under the shakes, and keep what came out in tests/shake/result.json.

make shake                              all notebooks, labs and tests, under each of the three shakes
make shake SHAKE_FLAGS="--shake 2"      one shake
python -m tests.shake.run --only 05     one part: a lesson, or the word in a test file's path
python -m tests.shake.run --revision e629f5f --shake 1 --only 05 07 08 17
                                        notebooks and package of another commit: does the shake bite?
"""

import argparse
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
RESULT = Path(__file__).with_name("result.json")

# The tests that load, convert or train models; the others compute nothing that a processor could change.
TESTS = """
    test_architecture_search test_checks test_coreml test_edge_program test_evaluation test_federated test_firmware
    test_flatbuffer test_golden test_leaderboard test_machine test_models test_planted_defects test_shake
    test_outputs test_pack test_records_of_size test_tolerance test_transfer test_watch test_web labs
""".split()
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+?)(?:::(.+?))?(?: - .*)?$", re.M)


def parts(root, only, *, tests):
    """Return the paths, relative to root, of notebooks and (tests=True) tests whose path has one of the words."""
    paths = [path for folder in ("notebooks", "notebooks/deeper") for path in sorted((root / folder).glob("*.ipynb"))]
    if tests:
        found = {path.stem: path for path in (root / "tests").rglob("*") if path.suffix == ".py" or path.is_dir()}
        if gone := [name for name in TESTS if name not in found]:
            raise SystemExit(f"tests/shake/run.py names tests that are not there: {', '.join(gone)}.")
        paths += [found[name] for name in TESTS]
    paths = [path.relative_to(root).as_posix() for path in paths]
    chosen = [path for path in paths if not only or any(word in path for word in only)]
    if not chosen:
        raise SystemExit(f"No notebook and no test has {' or '.join(only)} in its path.")
    return chosen


def run(root, path, shake):
    """Run one notebook (nbval, strictly) or test file under a shake; return {"passed", "failed", "seconds"}."""
    start = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "-rfE", "--color=no", path]
    command += ["--nbval"] * path.endswith(".ipynb")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "IPYTHONDIR", "MPLCONFIGDIR"))}
    environment = inherited | {"COURSE_SHAKE": str(shake), "PYTHONPATH": str(root), "COLUMNS": "300"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode not in (0, 1):
        raise SystemExit(f"pytest could not run {path}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    passed = re.search(r"(\d+) passed", done.stdout)
    failed = [where or file for file, where in FAILED.findall(done.stdout)]
    if failed:
        print(done.stdout[-6000:])
    seconds = round(time.monotonic() - start)
    return {"passed": int(passed[1]) if passed else 0, "failed": failed, "seconds": seconds}


def other_revision(revision, folder):
    """Put notebooks and package of a commit into a folder, with today's shake and today's way to compare."""
    archive = subprocess.run(["git", "archive", revision], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "x", "-C", str(folder)], input=archive, check=True)
    for name in ("conftest.py", "tflite_course/authoring/tolerance.py", "tests/shake"):
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, folder / name)
    return folder


def write(key, entry):
    """Put one entry into result.json and keep the others."""
    result = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    RESULT.write_text(json.dumps({**result, key: entry}, indent=2) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shake", type=int, nargs="*", choices=(1, 2, 3), default=(1, 2, 3))
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--revision", help="a commit: run its notebooks with its package")
    options = parser.parse_args()
    from tflite_course.machine import processor

    with tempfile.TemporaryDirectory() as folder:
        root = other_revision(options.revision, Path(folder)) if options.revision else ROOT
        red = 0
        for shake in options.shake:
            rows = {}
            for path in parts(root, options.only, tests=not options.revision):
                rows[path] = row = run(root, path, shake)
                red += len(row["failed"])
                line = f"shake {shake}: {path}: {row['passed']} passed, {len(row['failed'])} failed, {row['seconds']} s"
                print(line, flush=True)
                key = f"shake {shake}, {options.revision or 'this revision'}, {Path(path).stem}"
                about = {"date": datetime.date.today().isoformat(), "processor": processor()}
                write(key, {**about, "command": " ".join(["python -m tests.shake.run", *sys.argv[1:]]), **row})
    if not options.revision:
        raise SystemExit(red > 0)


if __name__ == "__main__":
    main()
