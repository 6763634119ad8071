"""Run a submission where there is no bubblewrap: the surrounding container, which is thrown away, is the sandbox.

For the runners of GitHub and Gradescope. Where this program is root (both let it be), the submission and the judge run
as two users of their own: the submission cannot read the judge's memory, its files or the results, and cannot end it.
Where it is not root, they are one user, and only the container stands between the submission and the rest.

The kernel spec in kernels/contained-python3 starts this module as a program with the connection file. It copies the
submission into a folder of its own, starts the kernel there with a clean environment, and watches the limits. Linux.
"""

import contextlib
import ctypes
import os
import pwd
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tflite_course.grading import sandbox

USERS = range(60706, 61184)  # above those of people, below those that systemd hands out to services
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 36, 38
MOST_THREADS = 4000
SHARE = 0.7  # of the container's memory: the grader and the judge need the rest
CLOSED = ("tflite_course/labs", "solutions", "tests")
INSIDE = ("answers", "models", "peer", "places", "wire")  # what answers for a submission
CHECK = '''"""Stands in for the checks of the labs, which the judge has."""


def check(lab, exercise, answer, *, seed=0):
    print("This is checked outside of the notebook.")
    return 0.0
'''
SHARED = "It ran as the user of the grader ({}): the container alone stands between this submission and its points."
PROBE = "import jupyter_client, tflite_course"


def find_users():
    """Return ((number of the submission's user, of the judge's), None), or (None, a sentence that says why not).

    They are numbers that nobody has. It needs root, and a Python and a course that others can read.
    """
    import psutil

    if os.geteuid() != 0:
        return None, SHARED.format("it is not root")
    taken = {user.pw_uid for user in pwd.getpwall()}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            taken |= set(process.uids())
    users = random.SystemRandom().sample(sorted(set(USERS) - taken), 2)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment({"HOME": "/nonexistent"})}
    for user in users:
        try:
            done = subprocess.run([sys.executable, "-c", PROBE], cwd="/", **as_user(user), **quiet)
        except OSError as error:
            return None, SHARED.format(f"another user cannot start {sys.executable} ({error.strerror})")
        if done.returncode:
            return None, SHARED.format(f"another user cannot read the course in {sandbox.COURSE}")
    return tuple(users), None


def as_user(user):
    """Return the options of Popen for a user's number; none for None."""
    return {} if user is None else {"user": user, "group": user, "extra_groups": [], "umask": 0o077}


def environment(more):
    """Return the whole environment of a submission or its judge: nothing of this process's own."""
    clean = {"LANG": "C.UTF-8", "PYTHONPATH": str(sandbox.COURSE), "USER": "submission", "PATH": "/usr/bin:/bin"}
    clean |= {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    return clean | more


# --- the checks stay on the judge's side


def close_course(judge):
    """Let only root and the judge read the checks, the solutions and the tests; return a sentence when that fails.

    The checks hold the functions that answers are compared with.
    """
    for name in CLOSED:
        folder = sandbox.COURSE / name
        try:
            if folder.is_dir():
                os.chown(folder, -1, judge)
                folder.chmod(0o750)
        except OSError as error:
            return f"The submission could read {name} ({error.strerror}): look at full marks."
    return None


def open_course(home):
    """Make the course as a submission sees it, without checks and grading, in a folder; return its path."""
    package, target = sandbox.COURSE / "tflite_course", Path(home) / "course"
    left_out = shutil.ignore_patterns("labs", "grading", "authoring", "__pycache__")
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(package, target / "tflite_course", ignore=left_out)
    files = {"labs/__init__.py": CHECK, "grading/__init__.py": "", "grading/judge/__init__.py": ""}
    files |= {f"grading/judge/{name}.py": (package / f"grading/judge/{name}.py").read_text("utf-8") for name in INSIDE}
    for name, text in files.items():
        (target / "tflite_course" / name).parent.mkdir(parents=True, exist_ok=True)
        (target / "tflite_course" / name).write_text(text, encoding="utf-8")
    for name in ("data", "assets"):
        if (sandbox.COURSE / name).is_dir():
            (target / name).symlink_to(sandbox.COURSE / name)
    return target


# --- every process of a submission ends


def adopt():
    """Make what loses its parent a child of this process, so that nothing of a submission gets out of sight.

    Returns the numbers of the processes that descend from this one already: end_all leaves them alone.
    """
    import psutil

    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    return {process.pid for process in psutil.Process().children(recursive=True)}


def end_all(user=None, spared=(), seconds=10):
    """End all processes that descend from this one, and all of a user; wait until they are gone.

    Raises RuntimeError when some are left.
    """
    import psutil

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if user is not None:
            _end_user(user)
        members = [process for process in psutil.Process().children(recursive=True) if process.pid not in spared]
        for sign in (signal.SIGSTOP, signal.SIGKILL):  # what stands still starts nothing new
            for member in members:
                with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    member.send_signal(sign)
        for member in members:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(member.pid, os.WNOHANG)
        if not members and (user is None or not _has_processes(user)):
            return
        time.sleep(0.02)
    raise RuntimeError("processes of the submission could not be ended")


def _end_user(user):
    """As this user, end all that it may end: the system does that at one go, so nothing can be started meanwhile."""
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            os.kill(-1, signal.SIGKILL)
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def _has_processes(user):
    import psutil

    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.uids().real == user and process.status() != psutil.STATUS_ZOMBIE:
                return True
    return False


# --- the program that the kernel spec starts


def bound(user):
    """Set the limits of the kernel's process that the system keeps for everything it starts. Runs before exec."""

    def set_limits():
        ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (sandbox.DISK, sandbox.DISK))
        if user is not None:  # counted for each user: as a user of one's own only
            resource.setrlimit(resource.RLIMIT_NPROC, (MOST_THREADS, MOST_THREADS))

    return set_limits


def start(connection_file, home, user):
    """Start the kernel in its own folder, as the user; return its process."""
    inside = Path(home) / "submission"
    shutil.rmtree(inside, ignore_errors=True)
    shutil.copytree(os.getcwd(), inside)
    connection = Path(home) / "connection.json"
    shutil.copy(connection_file, connection)
    clean = environment({"HOME": home, "MPLCONFIGDIR": home, "NBGRADER_EXECUTION": "autograde"})
    if user is not None:
        clean["PYTHONPATH"] = str(open_course(home))
        for path in [Path(home), *Path(home).rglob("*")]:
            os.chown(path, user, user, follow_symlinks=False)
    clean["PATH"] = f"{sys.prefix}/bin:/usr/bin:/bin"
    program = "import tflite_course.grading.judge.answers as answers; answers.start_kernel()"
    command = [sys.executable, "-c", program, "-f", str(connection)]
    command += ["--HistoryManager.enabled=False", "--InteractiveShell.xmode=Minimal"]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    options = {"env": clean, "cwd": inside, "start_new_session": True, **as_user(user), **quiet}
    return subprocess.Popen(command, preexec_fn=bound(user), **options)


def usage(process, most):
    """Return {limit: what the processes that descend from a process use}; of more than most only their number."""
    import psutil

    used = dict.fromkeys(("GRADE_MEMORY", "GRADE_PROCESSES", "GRADE_THREADS", "GRADE_CPU"), 0.0)
    members = process.children(recursive=True)
    if len(members) > most:
        return used | {"GRADE_PROCESSES": float(len(members))}
    for member in members:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied), member.oneshot():
            times = member.cpu_times()
            used["GRADE_MEMORY"] += member.memory_info().rss
            used["GRADE_PROCESSES"] += 1
            used["GRADE_THREADS"] += member.num_threads()
            used["GRADE_CPU"] += times.user + times.system + times.children_user + times.children_system
    return used


def watch(child, limits, parent=None):
    """Wait for the kernel; return why it has to end, or None. parent: as in sandbox.watch."""
    import psutil

    parent = parent or os.getppid()
    me, begin = psutil.Process(), time.monotonic()
    while child.poll() is None:
        used = usage(me, limits["GRADE_PROCESSES"]) | {"GRADE_SECONDS": time.monotonic() - begin}
        for name, limit in limits.items():
            if used.get(name, 0.0) > limit:
                return f"{name} was passed: {used[name]:,.0f} of {limit:,.0f}"
        if os.getppid() != parent:
            return "the program that grades has ended"
        time.sleep(0.05)
    return None


def memory_of_container():
    """Return the bytes that the container may use, infinity where it has no limit of its own."""
    for name in ("memory.max", "memory/memory.limit_in_bytes"):  # control groups, version 2 and 1
        with contextlib.suppress(OSError, ValueError):
            return float(Path("/sys/fs/cgroup", name).read_text(encoding="ascii"))
    return float("inf")


def main():
    parent = os.getppid()
    user = int(os.environ["GRADE_USER"]) if os.environ.get("GRADE_USER") else None
    limits = {name: float(os.environ.get(name, value)) for name, value in sandbox.LIMITS.items()}
    limits["GRADE_MEMORY"] = min(limits["GRADE_MEMORY"], SHARE * memory_of_container())
    adopt()
    child = start(sys.argv[1], os.environ["GRADE_HOME"], user)
    reason = watch(child, limits, parent)
    if reason and os.environ.get("GRADE_NOTE"):
        Path(os.environ["GRADE_NOTE"]).write_text(reason, encoding="utf-8")
    end_all(user)


if __name__ == "__main__":
    main()
