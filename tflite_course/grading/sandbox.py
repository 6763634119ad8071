"""Run a submission's kernel in bubblewrap: no network, no files but its own, bounded memory, processes and time.

The kernel spec in kernels/sandbox-python3 starts this module as a program with the connection file. It runs bubblewrap,
watches what the whole tree uses, and ends it when a limit is passed. A submission sees a copy of its own folder, Python
and the course without checks, solutions and gradebook, under neutral paths. Nothing of the host can be written, not
even the folder of the sockets: they lie inside, and the host reaches them through /proc. Linux only.
"""

import contextlib
import functools
import json
import math
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import tflite_course
from tflite_course.errors import CourseError
from tflite_course.grading import system_calls

PACKAGE = Path(tflite_course.__file__).resolve().parent
COURSE = PACKAGE.parent
# bytes, processes, threads, seconds and seconds of the processor of one submission; the environment can change them,
# for example GRADE_MEMORY=2e9
LIMITS = {
    "GRADE_MEMORY": 6e9,
    "GRADE_PROCESSES": 100,
    "GRADE_THREADS": 1000,
    "GRADE_SECONDS": 900,
    "GRADE_CPU": 1800,
}
DISK = 512 * 2**20
WRITABLE = {"/tmp": DISK, "/sandbox": DISK, "/home": 2**26, "/dev/shm": 2**26, "/sockets": 2**20}
MOST_FILE, MOST_OPEN = DISK, 4096
INODE = 1024  # bytes of the kernel's memory for a file of a tmpfs, about
INSIDE = (
    "__init__",
    "answers",
    "models",
    "peer",
    "places",
    "wire",
)  # modules of the judge that answer for a submission
FILES = {
    "/etc/passwd": "student:x:1000:1000:student:/home:/bin/sh\n",
    "/etc/group": "student:x:1000:\n",
    "/etc/hosts": "127.0.0.1 localhost sandbox\n",
}


def check_available():
    """Raise CourseError when no sandbox can be made on this machine, with the cure."""
    cure = "install bubblewrap on Linux, or grade with --unsafe, which runs submissions as you, with your files"
    if not shutil.which("bwrap"):
        raise CourseError(f"There is no sandbox on this machine (no bwrap): {cure}.")
    with Command(_mounts()) as command:
        done = subprocess.run(command.words("/usr/bin/true"), **command.options(), capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise CourseError(f"The sandbox does not start ({last}): {cure}.")


class Command:
    """A bubblewrap command whose arguments are handed over in a file, so that nobody inside can read them.

    arguments: of bubblewrap; files: {path inside: text}, read-only.
    """

    def __init__(self, arguments, files=FILES):
        self.descriptors = []
        arguments = [*arguments]
        for path, text in files.items():
            arguments += ["--ro-bind-data", str(self.open(text.encode())), path]
        filter_ = system_calls.program()
        if filter_:
            arguments += ["--seccomp", str(self.open(filter_))]
        self.arguments = [*arguments, "--remount-ro", "/dev", "--remount-ro", "/"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for descriptor in self.descriptors:
            os.close(descriptor)

    def open(self, content):
        """Return the number of an open file in memory with this content."""
        descriptor = os.memfd_create("bwrap")
        os.write(descriptor, content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        self.descriptors.append(descriptor)
        return descriptor

    def keep(self, descriptor):
        """Hand an open file on to bubblewrap; it is closed here with the command."""
        self.descriptors.append(descriptor)
        return str(descriptor)

    def words(self, *program):
        """Return the command that runs a program."""
        arguments = "\0".join(self.arguments) + "\0"
        return [shutil.which("bwrap"), "--args", str(self.open(arguments.encode())), "--", *program]

    def options(self):
        """Return how subprocess must start it: with these files open, and nothing of this process's environment."""
        return {"pass_fds": self.descriptors, "env": {"PATH": "/usr/bin:/bin"}}


def system_folders():
    """Return bubblewrap's arguments for the system's own programs and libraries, where /lib may be a link or not."""
    arguments = ["--ro-bind", "/usr", "/usr"]
    for name in ("lib", "lib64", "bin", "sbin"):
        if Path("/", name).is_symlink():
            arguments += ["--symlink", f"usr/{name}", f"/{name}"]
        elif Path("/", name).is_dir():
            arguments += ["--ro-bind", f"/{name}", f"/{name}"]
    return arguments


def _mounts():
    arguments = ["--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"]
    arguments += ["--uid", "1000", "--gid", "1000", "--hostname", "sandbox"]
    arguments += system_folders()
    arguments += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache", "--proc", "/proc", "--dev", "/dev"]
    for folder, size in WRITABLE.items():
        arguments += ["--size", str(size), "--tmpfs", folder]
    for name in ("tflite_course", "data", "assets"):  # of the course: never solutions, tests or a gradebook
        if (COURSE / name).is_dir():
            arguments += ["--ro-bind", str(COURSE / name), f"/course/{name}"]
    return arguments + _python_mounts()


def _python_mounts():
    """Return the arguments that show Python and its environment under /python."""
    arguments = []
    if not sys.base_prefix.startswith("/usr"):
        arguments += ["--ro-bind", sys.base_prefix, "/python/base"]
    if sys.prefix != sys.base_prefix:
        arguments += ["--ro-bind", f"{sys.prefix}/lib", "/python/env/lib", "--symlink", _base_program()]
        arguments += ["/python/env/bin/python"]
    for site in _site_folders():
        for path in (*site.glob("*tflite_course*.pth"), *site.glob("tflite_course-*.dist-info/direct_url.json")):
            arguments += ["--ro-bind", "/dev/null", f"/python/env/{path.relative_to(sys.prefix)}"]
    return arguments


def _site_folders():
    return sorted(Path(sys.prefix, "lib").glob("python3*/site-packages")) if sys.prefix != sys.base_prefix else []


def _base_program():
    """Return where the program of Python itself is inside."""
    program = os.path.realpath(sys.executable)
    if sys.base_prefix.startswith("/usr"):
        return program
    return f"/python/base/{os.path.relpath(program, os.path.realpath(sys.base_prefix))}"


def _python():
    return "/python/env/bin/python" if sys.prefix != sys.base_prefix else _base_program()


def _python_files():
    if sys.prefix == sys.base_prefix:
        return {}
    home = os.path.dirname(_base_program())
    return {"/python/env/pyvenv.cfg": f"home = {home}\ninclude-system-site-packages = false\n"}


def _masks():
    """Return the arguments that hide the checks with their right answers, and the grading, from a submission."""
    arguments, places = [], [(PACKAGE, "/course/tflite_course")]
    for site in _site_folders():
        if (site / "tflite_course" / "labs").is_dir() and site / "tflite_course" != PACKAGE:
            places.append((site / "tflite_course", f"/python/env/{site.relative_to(sys.prefix)}/tflite_course"))
    for source, target in places:
        for name in ("labs", "grading", "authoring"):
            if (source / name).is_dir():
                arguments += ["--size", str(2**20), "--tmpfs", f"{target}/{name}"]
        inside = PACKAGE / "grading" / "judge"
        arguments += ["--ro-bind", str(inside / "checks_inside.py"), f"{target}/labs/__init__.py"]
        arguments += ["--ro-bind", str(PACKAGE / "grading" / "__init__.py"), f"{target}/grading/__init__.py"]
        for name in INSIDE:
            arguments += ["--ro-bind", str(inside / f"{name}.py"), f"{target}/grading/judge/{name}.py"]
        for name in ("labs", "grading", "authoring"):
            if (source / name).is_dir():
                arguments += ["--remount-ro", f"{target}/{name}"]
    return arguments


def _environment(**more):
    environment = {
        "HOME": "/home",
        "USER": "student",
        "LOGNAME": "student",
        "PATH": "/python/env/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONPATH": "/course",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
        "MPLCONFIGDIR": "/tmp",
        **more,
    }
    if list(Path(sys.base_prefix, "lib").glob("libpython3*.so*")) and not sys.base_prefix.startswith("/usr"):
        environment["LD_LIBRARY_PATH"] = "/python/base/lib"
    return [word for name, value in environment.items() for word in ("--setenv", name, value)]


def kernel_command(connection_file, folder, answers):
    """Return the Command that runs one kernel, and its program.

    folder: the submission, copied into the sandbox; answers: the socket at which the judge listens.
    """
    connection = json.loads(Path(connection_file).read_text(encoding="utf-8"))
    connection["ip"] = f"/sockets/{Path(connection['ip']).name}"
    files = FILES | _python_files() | {"/connection.json": json.dumps(connection)}
    arguments = [*_mounts(), *_masks(), "--ro-bind", str(folder), "/in", "--ro-bind", str(answers), "/answers"]
    arguments += _environment(NBGRADER_EXECUTION="autograde", GRADE_SANDBOX="1")
    arguments += ["--chdir", "/sandbox"]
    # what answers for the submission is loaded first, and a cell that says exit() ends nothing
    start = "import tflite_course.grading.judge.answers as answers; answers.start_kernel()"
    program = ["/bin/sh", "-c", 'cp -r /in/. /sandbox/; exec "$0" "$@"', _python(), "-c", start]
    program += ["-f", "/connection.json", "--HistoryManager.enabled=False", "--InteractiveShell.xmode=Minimal"]
    return Command(arguments, files), program


def judge_command(control):
    """Return the Command that runs the judge, and its program; control: the number of its open socket."""
    command = Command([*_mounts(), *_environment(), "--chdir", "/tmp"], FILES | _python_files())
    return command, [_python(), "-m", "tflite_course.grading.judge.process", command.keep(os.dup(control))]


@functools.cache
def _control_group():
    """Return the beginning of a command that runs the rest in a control group of its own, [] where there is none.

    systemd bounds memory of every kind, and tasks, before anything can pass the bound.
    """
    if not shutil.which("systemd-run"):
        return []
    words = ["systemd-run", *(["--user"] * (os.getuid() != 0)), "--scope", "--quiet", "--collect"]
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        if subprocess.run([*words, "/bin/true"], capture_output=True, timeout=20).returncode == 0:
            return words
    return []


def in_control_group(words, limits):
    """Return a command in a control group with these limits where systemd offers one, else the command itself."""
    start = _control_group()
    if not start:
        return words
    tasks = int(limits["GRADE_THREADS"] + limits["GRADE_PROCESSES"])
    bounds = [f"MemoryMax={int(limits['GRADE_MEMORY'] * 1.2)}", "MemorySwapMax=0", f"TasksMax={tasks}"]
    return [
        *start,
        *(word for bound in bounds for word in ("-p", bound)),
        "--",
        "env",
        "-i",
        "PATH=/usr/bin:/bin",
        *words,
    ]


def usage(process, root=None, *, shared_once=False, most=math.inf):
    """Return {limit: what a process and all that descend from it use}; root: the sandbox's root as the host sees it.

    shared_once: whether memory that several processes share is counted once, which takes longer to find out. most: of
    more processes only their number is returned, at once: while each is looked at, a program that forks without end
    makes more of them than there is memory for.
    """
    import psutil

    used = dict.fromkeys(("GRADE_MEMORY", "GRADE_PROCESSES", "GRADE_THREADS", "GRADE_CPU"), 0.0)
    members = [process, *process.children(recursive=True)]
    if len(members) > most:
        return used | {"GRADE_PROCESSES": float(len(members))}
    for member in members:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied), member.oneshot():
            times = member.cpu_times()
            used["GRADE_MEMORY"] += member.memory_full_info().pss if shared_once else member.memory_info().rss
            used["GRADE_PROCESSES"] += 1
            used["GRADE_THREADS"] += member.num_threads()
            used["GRADE_CPU"] += times.user + times.system + times.children_user + times.children_system
    if root:
        used["GRADE_MEMORY"] += sum(_held(root + folder) for folder in WRITABLE)
    return used


def _held(folder):
    """Return the bytes that the files of a tmpfs take, with what the kernel needs for each."""
    try:
        status = os.statvfs(folder)
    except OSError:
        return 0
    return (status.f_blocks - status.f_bfree) * status.f_frsize + (status.f_files - status.f_ffree) * INODE


def find_root(process):
    """Return the path by which the host reaches the files of a sandbox, or None while it is being made.

    The first process of the sandbox is bubblewrap's own, which keeps its files from others; its children do not.
    """
    for member in process.children(recursive=True):
        root = f"/proc/{member.pid}/root"
        if os.path.isdir(f"{root}/sockets") and os.path.isfile(f"{root}/connection.json"):
            return root
    return None


def watch(child, limits, sockets, parent=None):
    """Wait for the child; kill it, and with it the whole sandbox, when it passes a limit. Return why, or None.

    sockets: where the host looks for the kernel's sockets; it becomes a link into the sandbox. parent: the number of
    the process that grades, by default this one's parent; when it is gone, killed for example, nobody waits any more.
    """
    import psutil

    parent = parent or os.getppid()
    process, start, root = psutil.Process(child.pid), time.monotonic(), None
    while child.poll() is None:
        try:
            if root is None or not os.path.isdir(f"{root}/sockets"):
                root = find_root(process)
                if root:
                    sockets.unlink(missing_ok=True)
                    sockets.symlink_to(f"{root}/sockets")
            most = limits["GRADE_PROCESSES"]
            used = usage(process, root, most=most)
            if used["GRADE_MEMORY"] > limits["GRADE_MEMORY"]:
                used = usage(process, root, shared_once=True, most=most)
        except psutil.NoSuchProcess:
            break
        used["GRADE_SECONDS"] = time.monotonic() - start
        reasons = [
            f"{name} was passed: {value:,.0f} of {limits[name]:,.0f}"
            for name, value in used.items()
            if value > limits[name]
        ]
        if os.getppid() != parent:
            reasons.append("the program that grades has ended")
        if reasons:
            child.kill()
            child.wait()
            return reasons[0]
        time.sleep(0.05 if root else 0.01)
    return None


GROUPS = Path("/sys/fs/cgroup")


def make_groups(limits, base=GROUPS):
    """Return the folders of control groups (version 1) made for one sandbox; none where they cannot be made.

    They bound tasks and memory in the kernel, and count a submission as one program when the processor is shared, so
    that whoever watches gets its turn also when the submission forks without end.
    """
    tasks = int(limits["GRADE_PROCESSES"] + limits["GRADE_THREADS"])
    bounds = {"pids": ("pids.max", tasks), "memory": ("memory.limit_in_bytes", int(limits["GRADE_MEMORY"] * 1.2))}
    made = []
    for controller, (name, value) in {**bounds, "cpu": ("cpu.shares", 1024)}.items():
        for left in Path(base, controller).glob("grade-*"):  # of a grader that was killed
            if not Path("/proc", left.name.removeprefix("grade-")).exists():
                with contextlib.suppress(OSError):
                    left.rmdir()
        folder = Path(base, controller, f"grade-{os.getpid()}")
        with contextlib.suppress(OSError):
            folder.mkdir()
            made.append(folder)
            (folder / name).write_text(str(value), encoding="ascii")
    return made


def enter_groups(folders):
    for folder in folders:
        with contextlib.suppress(OSError):
            (folder / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")


def remove_groups(folders):
    """Remove control groups, which is possible a moment after their last process has ended."""
    for _ in range(40):
        for folder in folders:
            with contextlib.suppress(OSError):
                folder.rmdir()
        if not any(folder.exists() for folder in folders):
            return
        time.sleep(0.05)


NICENESS = 5  # whoever watches gets its turn also when the submission starts hundreds of processes


def bound_each_process(limits, groups=()):
    """Set what the kernel bounds for each process: the sizes of files, of memory of its own, and of open files."""
    enter_groups(groups)
    os.nice(NICENESS)
    memory = int(limits["GRADE_MEMORY"] * 1.5)
    bounds = {"CORE": 0, "FSIZE": MOST_FILE, "DATA": memory, "NOFILE": MOST_OPEN}
    for name, value in bounds.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def main():
    parent = os.getppid()
    limits = {name: float(os.environ.get(name, value)) for name, value in LIMITS.items()}
    connection = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    command, program = kernel_command(sys.argv[1], os.getcwd(), os.environ["GRADE_ANSWERS"])
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    groups = make_groups(limits)
    with command:
        words = in_control_group(command.words(*program), limits)
        options = quiet | command.options() | {"preexec_fn": lambda: bound_each_process(limits, groups)}
        child = subprocess.Popen(words, **options)
    reason = watch(child, limits, Path(connection["ip"]).parent, parent)
    remove_groups(groups)
    if reason:
        note = os.environ.get("GRADE_NOTE")
        if note:
            Path(note).write_text(reason, encoding="utf-8")
        sys.exit(f"The submission was stopped: {reason}.")
    sys.exit(child.returncode)


if __name__ == "__main__":
    main()
