"""How fast a class is graded: `python tests/benchmark_grading.py`, submissions a minute and ratios of one run.

    python tests/benchmark_grading.py --students 8

The same submissions of lab 3 are graded by one worker, by two, on a local Dask cluster of two, and by plain
`nbgrader autograde` without a sandbox. Nothing is asserted: times depend on the machine.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tflite_course import evaluation  # noqa: E402
from tflite_course.grading import grade, release  # noqa: E402

LAB = "lab_3_quantize"


def make_tasks(work, students):
    """Return the tasks of a class whose odd students hand in the solution, the even ones the untouched lab."""
    texts = [(ROOT / kind / LAB / f"{LAB}.ipynb").read_text(encoding="utf-8") for kind in ("labs", "solutions")]
    work.mkdir()
    grade.prepare(work, [LAB], release.ROOT / "solutions")
    return [{"work": str(work), "lab": LAB, "student": f"s{k:03d}", "text": texts[k % 2]} for k in range(students)]


def ours(folder, students, **options):
    """Return the submissions a minute; every student must have the right points."""
    tasks = make_tasks(folder, students)
    start = time.monotonic()
    results = grade.grade_all(tasks, report=lambda line: None, **options)
    seconds = time.monotonic() - start
    wrong = [r for r in results if r["score"] != (13.0 if int(r["student"][1:]) % 2 else 0.0)]
    if wrong or len(results) != students:
        raise SystemExit(f"{len(results)} of {students} results, wrong: {wrong[:2]}")
    return 60 * students / seconds


def plain(folder, students):
    """Return the submissions a minute of nbgrader's own command, without sandbox and repair."""
    for task in make_tasks(folder, students):
        target = folder / "submitted" / task["student"] / LAB
        target.mkdir(parents=True)
        (target / f"{LAB}.ipynb").write_text(task["text"], encoding="utf-8")
    settings = f"c = get_config()\nc.CourseDirectory.course_id = {grade.COURSE_ID!r}\n"
    (folder / "nbgrader_config.py").write_text(settings + "c.Execute.timeout = 120\n", encoding="utf-8")
    start = time.monotonic()
    command = [sys.executable, "-m", "nbgrader", "autograde", LAB]
    subprocess.run(command, cwd=folder, capture_output=True, check=False)
    return 60 * students / (time.monotonic() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--students", type=int, default=8)
    students = parser.parse_args().students
    print(evaluation.machine(), f"{students} submissions", flush=True)
    with tempfile.TemporaryDirectory() as base:
        base = Path(base)
        rates = {"plain nbgrader": plain(base / "plain", students)}
        rates["one worker"] = ours(base / "one", students, workers=1)
        rates["two workers"] = ours(base / "two", students, workers=2)
        from dask.distributed import LocalCluster

        with LocalCluster(
            n_workers=2, threads_per_worker=1, resources={"kernel": 1}, dashboard_address=None, processes=True
        ) as cluster:
            rates["Dask, two workers"] = ours(base / "dask", students, scheduler=cluster.scheduler_address)
    for name, rate in rates.items():
        print(f"{name:18} {rate:5.1f} submissions a minute, {rate / rates['plain nbgrader']:.2f} of plain nbgrader")


if __name__ == "__main__":
    main()
