"""The process that judges: started once for each worker, outside the submission's sandbox, in one of its own.

It reads requests from a socket, each with the connection to a submission, and forks a child for every check: a file
that breaks the child breaks nothing else. What is the same for all (NumPy, the exercises, the test images) is loaded
before the fork.
"""

import contextlib
import functools
import importlib
import io
import json
import os
import re
import signal
import socket
import sys
import time
from pathlib import Path

import numpy as np

from tflite_course.grading.judge import wire
from tflite_course.grading.judge.peer import Silent
from tflite_course.grading.judge.proxy import Judge

BROKEN = "the answer broke the program that judges it: a file or an array of an odd form, perhaps."
MOST_MEMORY = 8 * 2**30  # bytes that one check may take
MOST_TEXT = 4000  # characters of what is said about one check
SILENT = "your code did not answer within {seconds:.0f} seconds, or Python ended."


def decide(connection, request):
    """Judge one check over a connection to the submission; return {"points", "text", "hint"}.

    request: {"lab", "exercise", "expression", "seed", "seconds"}. hint is None for a right answer.
    """
    from tflite_course import labs
    from tflite_course.labs import exercise as exercises

    judge = Judge(connection, time.monotonic() + request["seconds"])
    exercise = labs.load_exercises(request["lab"])[request["exercise"]]
    exercises.as_it_is_now = judge.again
    try:
        points, hint = _grade(judge, exercise, request)
    except Silent:
        points, hint = 0.0, SILENT.format(**request)
    except wire.Unreadable as error:
        points, hint = 0.0, str(error)
    except RecursionError:
        points, hint = 0.0, "the answer is nested too deeply."
    except MemoryError:
        points, hint = 0.0, "the answer is too large to judge."
    finally:
        exercises.as_it_is_now = exercises.itself
    return _verdict(exercise, points, hint)


def _verdict(exercise, points, hint):
    from tflite_course import labs

    text = f"Tested: {exercise.tests}\n{labs.verdict(exercise, points, hint)}"
    return {"points": points, "text": text[:MOST_TEXT], "hint": hint}


def _grade(judge, exercise, request):
    try:
        answer = judge.answer(request["expression"])
    except Exception as error:
        first = (str(error).strip().splitlines() or ["no message"])[0]
        return 0.0, f"there is no answer to judge: {type(error).__name__}: {first[:300]}"
    with contextlib.redirect_stdout(io.StringIO()):
        return exercise.grade(answer, request["seed"])


def main():
    control = socket.socket(fileno=int(sys.argv[1]))
    while True:
        content, descriptors, _, _ = socket.recv_fds(control, 65536, 1)
        if not content:
            return
        request = json.loads(content)
        warm(request["lab"])
        reply = _in_child(control, socket.socket(fileno=descriptors[0]), request)
        control.sendall(json.dumps(reply).encode("ascii"))


@functools.cache
def warm(lab):
    """Load what the checks of a lab share, once, before a child is made; TensorFlow only for a lab that needs it."""
    from tflite_course import labs
    from tflite_course.labs import exercise

    labs.load_exercises(lab)
    sources = [path.read_text(encoding="utf-8") for path in (Path(labs.__file__).parent / lab).glob("*.py")]
    if any("mnist()" in source for source in sources):
        exercise.mnist()
    for package in ("tf_keras", "tensorflow_model_optimization"):
        if any(re.search(rf"(import|from) {package}\b", source) for source in sources):
            importlib.import_module(package)


def _in_child(control, connection, request):
    """Return the verdict of a child process, 0 points with a sentence when it breaks or takes too long."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        control.close()
        os.close(reader)
        _child(connection, request, writer)
    os.close(writer)
    connection.close()
    with os.fdopen(reader, "rb") as stream:
        content = _read(stream, request["seconds"] + 30)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    try:
        verdict = json.loads(content)
        points, text, hint = float(verdict["points"]), str(verdict["text"])[:MOST_TEXT], verdict["hint"]
        if not np.isfinite(points):
            raise ValueError
        return {"points": points, "text": text, "hint": None if hint is None else str(hint)[:MOST_TEXT]}
    except (ValueError, KeyError, TypeError, RecursionError):
        from tflite_course import labs

        return _verdict(labs.load_exercises(request["lab"])[request["exercise"]], 0.0, BROKEN)


def _child(connection, request, writer):
    import resource

    try:
        resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
        verdict = decide(connection, request)
        with os.fdopen(writer, "wb") as stream:
            stream.write(json.dumps(verdict).encode("ascii"))
    except BaseException as error:
        print(f"{request['lab']} {request['exercise']}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(0)


def _read(stream, seconds):
    """Return what a pipe holds when it is closed, at most 100,000 bytes, or what came within a number of seconds."""
    import select

    content, deadline = b"", time.monotonic() + seconds
    while len(content) < 100_000:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([stream], [], [], left)[0]:
            break
        part = os.read(stream.fileno(), 65536)
        if not part:
            break
        content += part
    return content


if __name__ == "__main__":
    main()
