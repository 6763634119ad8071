"""Run a submission's kernel in bubblewrap: no network, no files but its own, bounded memory, processes and time.

The kernel spec in kernels/sandbox-python3 starts this module as a program with the connection file. It runs bubblewrap,
watches the memory and the number of processes of the whole tree, and ends it when a limit is passed. A submission sees
its own folder (a copy), Python, and the course without solutions and gradebook. Linux only.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tflite_course.errors import CourseError

KERNELS = Path(__file__).parent
COURSE = Path(__file__).resolve().parents[2]
# bytes, processes and seconds of one submission; the environment can change them, for example GRADE_MEMORY=2e9
LIMITS = {"GRADE_MEMORY": 6e9, "GRADE_PROCESSES": 100, "GRADE_SECONDS": 900}
DISK = 512 * 2**20


def check_available():
    """Raise CourseError when no sandbox can be made on this machine, with the cure."""
    cure = "install bubblewrap on Linux, or grade with --unsafe, which runs submissions as you, with your files"
    if not shutil.which("bwrap"):
        raise CourseError(f"There is no sandbox on this machine (no bwrap): {cure}.")
    done = subprocess.run(["bwrap", *_mounts(), "--", "/usr/bin/true"], capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise CourseError(f"The sandbox does not start ({last}): {cure}.")


def _mounts():
    arguments = ["--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"]
    arguments += ["--ro-bind", "/usr", "/usr"]
    for name in ("lib", "lib64", "bin", "sbin"):
        if Path("/", name).is_symlink():
            arguments += ["--symlink", f"usr/{name}", f"/{name}"]
        elif Path("/", name).is_dir():
            arguments += ["--ro-bind", f"/{name}", f"/{name}"]
    arguments += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache", "--proc", "/proc", "--dev", "/dev"]
    for size, folder in ((DISK, "/tmp"), (2**26, "/home"), (DISK, "/sandbox"), (2**26, "/dev/shm")):
        arguments += ["--size", str(size), "--tmpfs", folder]
    seen = []
    for folder in dict.fromkeys([sys.base_prefix, sys.prefix]):  # Python, and the environment that runs this
        if not folder.startswith("/usr"):
            seen.append(folder)
    # the helper package may be installed from this folder: its code and data, never solutions or a gradebook
    seen += [str(COURSE / name) for name in ("tflite_course", "data", "assets") if (COURSE / name).is_dir()]
    for folder in seen:
        arguments += ["--ro-bind", folder, folder]
    return arguments


def command(connection_file, folder):
    """Return the bubblewrap command that runs one kernel; folder: the submission, copied into the sandbox."""
    connection = json.loads(Path(connection_file).read_text(encoding="utf-8"))
    sockets = str(Path(connection["ip"]).parent)
    environment = {
        "HOME": "/home",
        "PATH": f"{sys.prefix}/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(COURSE),
        "NBGRADER_EXECUTION": "autograde",
        "GRADE_SANDBOX": "1",
        "OMP_NUM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
        "MPLCONFIGDIR": "/tmp",
    }
    arguments = ["bwrap", *_mounts(), "--ro-bind", str(folder), "/in"]
    arguments += ["--ro-bind", str(connection_file), "/connection.json", "--bind", sockets, sockets]
    arguments += ["--ro-bind", os.environ["GRADE_ANSWERS"], "/answers"]
    for name, value in environment.items():
        arguments += ["--setenv", name, value]
    arguments += ["--chdir", "/sandbox", "--", "/bin/sh", "-c", 'cp -r /in/. /sandbox/; exec "$0" "$@"']
    arguments += [f"{sys.prefix}/bin/python", "-m", "ipykernel_launcher", "-f", "/connection.json"]
    # Minimal: the source of hidden tests stays out of tracebacks
    return [*arguments, "--HistoryManager.enabled=False", "--InteractiveShell.xmode=Minimal"]


def judge_command(control):
    """Return the bubblewrap command that runs the judge; control: the number of its open socket."""
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/home", "PYTHONPATH": str(COURSE)}
    environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment |= {"CUDA_VISIBLE_DEVICES": "-1", "TF_USE_LEGACY_KERAS": "1"}
    arguments = ["bwrap", *_mounts()]
    for name, value in environment.items():
        arguments += ["--setenv", name, value]
    return [*arguments, "--", f"{sys.prefix}/bin/python", "-m", "tflite_course.grading.judge.process", control]


def tree(process):
    """Return (bytes of memory, number of processes) of a process and all that descend from it."""
    import psutil

    memory, count = 0, 0
    for member in [process, *process.children(recursive=True)]:
        try:
            memory += member.memory_info().rss
            count += 1
        except psutil.NoSuchProcess:
            pass
    return memory, count


def watch(child, limits):
    """Wait for the child; kill it, and with it the whole sandbox, when it passes a limit. Return why, or None."""
    import psutil

    process, start = psutil.Process(child.pid), time.monotonic()
    while child.poll() is None:
        try:
            memory, count = tree(process)
        except psutil.NoSuchProcess:
            break
        used = {"GRADE_MEMORY": memory, "GRADE_PROCESSES": count, "GRADE_SECONDS": time.monotonic() - start}
        for name, value in used.items():
            if value > limits[name]:
                child.kill()
                child.wait()
                return f"{name} was passed: {value:,.0f} of {limits[name]:,.0f}"
        time.sleep(0.05)
    return None


def main():
    limits = {name: float(os.environ.get(name, value)) for name, value in LIMITS.items()}
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    child = subprocess.Popen(command(sys.argv[1], os.getcwd()), **quiet)
    reason = watch(child, limits)
    if reason:
        note = os.environ.get("GRADE_NOTE")
        if note:
            Path(note).write_text(reason, encoding="utf-8")
        sys.exit(f"The submission was stopped: {reason}.")
    sys.exit(child.returncode)


if __name__ == "__main__":
    main()
