"""One writer at a time for a file that several notebooks write."""

import contextlib
import os
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

from tflite_course.errors import CourseError

WAIT = 10  # seconds for another notebook that writes


@contextlib.contextmanager
def locked(path):
    """Hold a file against other notebooks: with locked(path): read, change and write it.

    The lock is that of the operating system on a hidden file beside it, which stays. It ends with the process that has
    it, also after a crash, and is never taken from one that is alive.

    Raises CourseError when another notebook has it for longer than WAIT seconds, and for a folder that is not writable.
    """
    path = Path(path)
    lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=WAIT)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise CourseError(
            f"Another notebook has been writing {path.name} for {WAIT} seconds: stop that notebook, then run this cell "
            "again."
        ) from None
    except (OSError, NotImplementedError) as error:  # the second: a disk without locks
        reason = getattr(error, "strerror", None) or error
        raise CourseError(f"{path.name} cannot be written ({reason}): check the folder and its rights.") from None
    try:
        yield
    finally:
        lock.release()


def write_whole(path, text):
    """Write a text file whole or not at all: another name first, then renamed.

    Raises CourseError when the folder or the file cannot be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise CourseError(
            f"{path.name} cannot be written ({error.strerror}): check the folder and its rights."
        ) from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except OSError as error:
        raise CourseError(f"{path.name} cannot be written ({error.strerror}): check the disk and the file.") from None
    finally:
        Path(name).unlink(missing_ok=True)
