"""Grade many submissions: in processes of this machine, or on a Dask cluster."""

import traceback
import warnings

from tflite_course.grading.grade import grade


def worker(task):
    """Grade one task, a dict of the arguments of grade(); never raises. For process pools and Dask."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nbgrader's use of SQLAlchemy, for every row
            return grade(**task)
    except BaseException as error:
        last = traceback.format_exception_only(error)[-1].strip()
        return {
            **{key: task[key] for key in ("student", "lab")},
            **{"score": 0.0, "max_score": 0.0, "notes": [f"the grader failed: {last}"], "crashed": True},
            **{"flags": [], "hints": {}},
        }


def grade_all(tasks, *, workers=2, scheduler=None, report=print):
    """Grade tasks in processes, or on the Dask cluster at the address scheduler; return the results, sorted.

    At most one kernel runs in a worker. A task of a worker that dies is done again by another, once.
    """
    results = []
    for done in (_on_dask if scheduler else _in_processes)(tasks, workers, scheduler):
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
            for future in as_completed(futures):
                try:
                    result = future.result()
                except BrokenProcessPool:
                    continue
                del left[futures[future]]
                yield result
    for task in left.values():
        yield {
            **{key: task[key] for key in ("student", "lab")},
            **{
                "score": 0.0,
                "max_score": 0.0,
                "notes": ["its worker died three times"],
                "crashed": True,
                "flags": [],
                "hints": {},
            },
        }


def _on_dask(tasks, _, scheduler):
    from dask.distributed import Client, as_completed

    with Client(scheduler) as client:
        futures = client.map(worker, tasks, pure=False, retries=1, resources={"kernel": 1})
        for _, result in as_completed(futures, with_results=True):
            yield result
