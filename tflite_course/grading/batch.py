"""Grade many submissions: in processes of this machine, or on a Dask cluster."""

import contextlib
import traceback
import warnings

from tflite_course.errors import CourseError
from tflite_course.grading import gradebook, regrade
from tflite_course.grading.grade import grade


def worker(task):
    """Grade one task, a dict of the arguments of grade(); never raises. For process pools and Dask."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nbgrader's use of SQLAlchemy, for every row
            return grade(**task)
    except BaseException as error:
        if gradebook.is_disk_full(error):
            return {"disk full": True, "student": task["student"], "lab": task["lab"]}
        return _failed(task, f"the grader failed: {traceback.format_exception_only(error)[-1].strip()}")


def _failed(task, note):
    """Return the result of a task that could not be done, and keep the note: its next run tries again."""
    with contextlib.suppress(OSError, KeyError):
        regrade.note_failure(task["work"], task, note)
    result = {"student": task["student"], "lab": task["lab"], "score": 0.0, "max_score": 0.0, "notes": [note]}
    return result | {"crashed": True, "flags": [], "hints": {}, "failed": True}


def grade_all(tasks, *, workers=2, scheduler=None, report=print):
    """Grade tasks in processes, or on the Dask cluster at the address scheduler; return the results, sorted.

    At most one kernel runs in a worker. A task of a worker that dies is done again by another, once.
    Raises CourseError when the disk is full: what was graded until then is kept.
    """
    results = []
    for done in (_on_dask if scheduler else _in_processes)(tasks, workers, scheduler):
        if "disk full" in done:
            raise CourseError(gradebook.DISK_FULL)
        results.append(done)
        state = (
            "crashed"
            if done["crashed"]
            else f"{done['score']:g}/{done['max_score']:g}{' flagged' * bool(done['flags'])}"
        )
        report(f"[{len(results)}/{len(tasks)}] {done['student']} {done['lab']}: {state}")
    return sorted(results, key=lambda done: (done["lab"], done["student"]))


def _in_processes(tasks, workers, scheduler):
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    left = {k: task for k, task in enumerate(tasks)}
    for _ in range(3):
        if not left:
            return
        with ProcessPoolExecutor(max(1, min(workers, len(left))), mp_context=get_context("spawn")) as pool:
            futures = {pool.submit(worker, task): k for k, task in left.items()}
            try:
                for future in as_completed(futures):
                    try:
                        result = future.result()
                    except BrokenProcessPool:
                        continue
                    del left[futures[future]]
                    yield result
            except GeneratorExit:  # the disk is full
                pool.shutdown(cancel_futures=True)
                raise
    for task in left.values():
        yield _failed(task, "its worker died three times")


def _on_dask(tasks, _, scheduler):
    from dask.distributed import Client, as_completed

    with Client(scheduler) as client:
        futures = client.map(worker, tasks, pure=False, retries=1, resources={"kernel": 1})
        for _, result in as_completed(futures, with_results=True):
            yield result
