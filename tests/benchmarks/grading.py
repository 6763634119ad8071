"""How fast a class is graded: `python -m tests.benchmarks.grading`, submissions a minute and ratios of one run.

    python -m tests.benchmarks.grading --students 8
    python -m tests.benchmarks.grading --students 200 --lab lab_9_microcontroller --only "Dask, a worker killed"
    python -m tests.benchmarks.grading --only "a graded class"

The same submissions of a lab are graded by plain `nbgrader autograde` without a sandbox, by one worker, by two, and on
a local Dask cluster of two, one of which can be killed half-way. Then the command itself, for a class of 200 that is
graded already: the inbox alone, the run that writes all files and pages, and a run with nothing new. Times are printed,
never asserted: they depend on the machine. That each student has the right points, once, is asserted.
"""

import argparse
import contextlib
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests import ROOT
from tests.grading import test_regrade
from tflite_course import evaluation
from tflite_course.authoring import labs as release
from tflite_course.grading import batch, grade, gradebook, inbox, lab_changes
from tflite_course.labs import load_exercises

LAB = "lab_3_quantize"  # it imports TensorFlow and converts, and trains nothing


def make_tasks(work, students, lab=LAB):
    """Return the tasks of a class whose odd students hand in the solution, the even ones the untouched lab."""
    texts = [(ROOT / kind / lab / f"{lab}.ipynb").read_text(encoding="utf-8") for kind in ("labs", "solutions")]
    work.mkdir()
    grade.prepare(work, [lab], release.ROOT / "solutions")
    return [{"work": str(work), "lab": lab, "student": f"s{k:03d}", "text": texts[k % 2]} for k in range(students)]


def ours(folder, students, lab, report=lambda line: None, **options):
    """Return the submissions a minute; every student must have the right points, and be graded once."""
    tasks = make_tasks(folder, students, lab)
    start = time.monotonic()
    results = batch.grade_all(tasks, report=report, **options)
    seconds = time.monotonic() - start
    check_results(tasks, results)
    return 60 * students / seconds


def check_results(tasks, results):
    """Raise SystemExit unless each student has one result with the right points."""
    full = sum(exercise.points for exercise in load_exercises(tasks[0]["lab"]).values())
    wrong = [r for r in results if r["score"] != (full if int(r["student"][1:]) % 2 else 0.0)]
    if wrong or [r["student"] for r in results] != sorted(task["student"] for task in tasks):
        raise SystemExit(f"{len(results)} results of {len(tasks)} submissions, wrong: {wrong[:2]}")


@contextlib.contextmanager
def cluster():
    """A local Dask cluster of two workers, each for one kernel at a time."""
    from dask.distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, resources={"kernel": 1}, dashboard_address=None, processes=True
    ) as started:
        yield started


class KillsAWorker:
    """A report for grade_all() that kills one worker of a cluster after so many results, and sees what is done twice.

    `seen` holds {student: when the autograded notebook was written, at the time of the result}.
    """

    def __init__(self, started, work, after, lab=LAB):
        self.started, self.work, self.after, self.lab, self.seen = started, work, after, lab, {}

    def __call__(self, line):
        from dask.distributed import Client

        student = line.split("] ")[1].split()[0]
        self.seen[student] = self.written(student)
        if len(self.seen) == self.after:
            with Client(self.started.scheduler_address) as client:
                os.kill(min(client.run(os.getpid).values()), signal.SIGKILL)

    def written(self, student):
        return (self.work / "autograded" / student / self.lab / f"{self.lab}.ipynb").stat().st_mtime_ns

    def graded_twice(self):
        """Return the students whose notebook was written again after their result was known."""
        return [student for student, when in self.seen.items() if self.written(student) != when]


def on_dask(folder, students, lab, *, kill=False):
    """Return the submissions a minute on a local Dask cluster; kill: with a worker killed half-way."""
    with cluster() as started:
        report = KillsAWorker(started, folder, students // 2, lab) if kill else lambda line: None
        rate = ours(folder, students, lab, report, scheduler=started.scheduler_address)
    if kill and report.graded_twice():
        raise SystemExit(f"graded twice: {report.graded_twice()}")
    return rate


def plain(folder, students, lab):
    """Return the submissions a minute of nbgrader's own command, without sandbox and repair."""
    for task in make_tasks(folder, students, lab):
        target = folder / "submitted" / task["student"] / lab
        target.mkdir(parents=True)
        (target / f"{lab}.ipynb").write_text(task["text"], encoding="utf-8")
    settings = f"c = get_config()\nc.CourseDirectory.course_id = {gradebook.COURSE_ID!r}\n"
    (folder / "nbgrader_config.py").write_text(settings + "c.Execute.timeout = 120\n", encoding="utf-8")
    start = time.monotonic()
    command = [sys.executable, "-m", "nbgrader", "autograde", lab]
    subprocess.run(command, cwd=folder, capture_output=True, check=False)
    return 60 * students / (time.monotonic() - start)


def hand_in_a_class(folder, students, lab):
    """Write the submissions of a class under Canvas's names: odd students the solution, even ones the untouched lab."""
    texts = [(ROOT / kind / lab / f"{lab}.ipynb").read_text(encoding="utf-8") for kind in ("labs", "solutions")]
    folder.mkdir(parents=True)
    for k in range(students):
        (folder / f"student{k:03d}_{1000 + k}_{90_000 + k}_{lab}.ipynb").write_text(texts[k % 2], encoding="utf-8")


def pretend_to_grade(submissions, work, lab):
    """Fill gradebook and records as a graded class leaves them, without running anything."""
    work.mkdir()
    lab_changes.renew(work, [lab])
    received = inbox.read(submissions, [lab], work=work)
    inbox.store(received, work)
    for submission in received.submissions:
        task = {"work": str(work), "lab": lab, "student": submission.student, "text": submission.handed[lab].text}
        test_regrade.pretend(work, task)
    return len(received.submissions)


def run_command(*arguments):
    """Run the grading command; return (seconds, seconds of the processor, what it printed)."""
    before, start = cpu_seconds(), time.monotonic()
    command = [sys.executable, "-m", "tflite_course.grading", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout[-1000:] + done.stderr[-1000:])
    return time.monotonic() - start, cpu_seconds() - before, done.stdout


def time_the_command(base, students, lab):
    """Print how long the command takes for a class that is graded: inbox, all files and pages, nothing new."""
    submissions, work = base / "submissions", base / "work"
    hand_in_a_class(submissions, students, lab)
    if pretend_to_grade(submissions, work, lab) != students:
        raise SystemExit("The inbox does not have one submission for each student.")
    common = [submissions, "--work", work, "--labs", lab]
    steps = {"the inbox": ["--inbox-only"], "all files and pages": ["--yes"], "nothing new": ["--yes"]}
    for name, more in steps.items():
        seconds, cpu, said = run_command(*common, *more)
        found = re.search(r"(\d+) submissions to grade|(\d+) submissions of", said)
        if found is None or (more == ["--yes"] and "0 submissions to grade" not in said):
            raise SystemExit(f"{name}: the command said {said[-500:]}")
        print(f"{name}, {students} submissions: {seconds:.1f} s, CPU {cpu:.1f} s", flush=True)


WAYS = {
    "plain nbgrader": plain,
    "one worker": lambda folder, students, lab: ours(folder, students, lab, workers=1),
    "two workers": lambda folder, students, lab: ours(folder, students, lab, workers=2),
    "Dask, two workers": on_dask,
    "Dask, a worker killed": lambda folder, students, lab: on_dask(folder, students, lab, kill=True),
}


GRADED = "a graded class"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--students", type=int, default=8)
    parser.add_argument("--lab", default=LAB)
    parser.add_argument("--class-of", type=int, default=200, help="students of the graded class (default: 200)")
    parser.add_argument("--only", choices=[*WAYS, GRADED], action="append", help="this alone (may be given repeatedly)")
    options = parser.parse_args()
    chosen = options.only or [*WAYS, GRADED]
    ways = [name for name in chosen if name != GRADED]
    print(evaluation.machine(), f"{options.students} submissions of {options.lab}" if ways else "", flush=True)
    rates = {}
    with tempfile.TemporaryDirectory() as base:
        for name in ways:
            before = cpu_seconds()
            rates[name] = WAYS[name](Path(base) / name, options.students, options.lab)
            ratio = rates[name] / next(iter(rates.values()))
            cpu = (cpu_seconds() - before) / options.students
            print(f"{name:22} {rates[name]:5.1f} a minute, {ratio:.2f} of the first, CPU {cpu:.1f} s each", flush=True)
        if GRADED in chosen:
            time_the_command(Path(base) / "class", options.class_of, options.lab)


def cpu_seconds():
    """Return the CPU time of this process and of all its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(part.ru_utime + part.ru_stime for part in used)


if __name__ == "__main__":
    main()
