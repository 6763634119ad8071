"""What the sandbox is told, and how it counts; what it holds back is in test_attacks.py."""

import json
import os
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from tests.grading.submissions import need_sandbox
from tflite_course.grading import sandbox, system_calls


@pytest.fixture
def available():
    need_sandbox()


def run(code, *more):
    with sandbox.Command([*sandbox._mounts(), *sandbox._masks(), *sandbox._environment(), *more], files()) as command:
        words = command.words(sandbox._python(), "-c", code)
        return subprocess.run(words, **command.options(), capture_output=True, text=True, timeout=120)


def files():
    return sandbox.FILES | sandbox._python_files()


# --- the filter of system calls


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_jumps_inside_itself(machine):
    steps = list(struct.iter_unpack("=HBBI", system_calls.program(machine)))
    jumps = [(k, true, false) for k, (code, true, false, _) in enumerate(steps) if code & 7 == 5]
    assert jumps and all(k + 1 + jump < len(steps) for k, *both in jumps for jump in both)
    assert steps[-1][0] == 6 and steps[-1][3] == system_calls.ALLOW


def outcome(machine, number, flags=0, architecture=None):
    """Return what the filter says about a call, by running its steps."""
    steps = list(struct.iter_unpack("=HBBI", system_calls.program(machine)))
    data = {0: number, 4: architecture or system_calls.ARCHITECTURES[machine], 16: flags}
    place = value = 0
    while True:
        code, true, false, k = steps[place]
        place += 1
        if code == 0x06:
            return k
        if code == 0x20:
            value = data[k]
        else:
            met = {0x15: value == k, 0x35: value >= k, 0x45: bool(value & k)}[code]
            place += true if met else false


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_refuses_what_it_names(machine):
    column = list(system_calls.ARCHITECTURES).index(machine)
    for name, numbers in system_calls.REFUSED.items():
        assert outcome(machine, numbers[column]) == system_calls.REFUSE, name
    clone = system_calls.CLONE[machine]
    assert outcome(machine, clone, 0x10000000) == system_calls.REFUSE  # a new user namespace
    assert outcome(machine, clone, 0x003D0F00) == system_calls.ALLOW  # a thread
    assert outcome(machine, system_calls.CLONE3) == system_calls.UNKNOWN
    assert outcome(machine, 3) == system_calls.ALLOW
    assert outcome(machine, 0x40000000 + 1) == system_calls.REFUSE
    assert outcome(machine, 1, architecture=0x40000003) == system_calls.KILL  # 32 bits
    assert system_calls.program("riscv64") is None


# --- what is seen inside


def test_nothing_but_five_places_can_be_written(available):
    code = """
import os
for folder, folders, files in os.walk('/'):
    if folder.startswith('/proc'):
        folders.clear()
        continue
    if folder.startswith(('/usr/', '/python/', '/course/')) and folder.count('/') > 2:
        folders.clear()  # all of one mount
    try:
        open(f'{folder}/new', 'w').close()
        print(folder)
        folders.clear()
    except OSError:
        pass
"""
    done = run(code)
    assert sorted(done.stdout.split()) == sorted(sandbox.WRITABLE), done.stderr


def test_checks_and_grading_are_not_inside(available):
    code = """
import json, pathlib, tflite_course, tflite_course.labs as labs
root = pathlib.Path(tflite_course.__file__).parent
names = [sorted(p.name for p in (root / part).iterdir()) for part in ('labs', 'authoring')]
names.append(sorted(p.name for p in (root / 'grading').rglob('*.py')))
print(json.dumps([*names, labs.check('lab', 'fits', print)]))
"""
    done = run(code)
    said, _, rest = done.stdout.partition("\n")
    assert said == "fits is judged outside of this notebook.", done.stderr
    inside, authoring, grading, points = json.loads(rest)
    assert inside == ["__init__.py"] and authoring == [] and points == 0.0
    assert set(grading) == {"__init__.py", *(f"{name}.py" for name in sandbox.INSIDE)}


def test_names_of_the_host_are_not_inside(available, monkeypatch):
    monkeypatch.setenv("A_NAME_OF_THE_HOST", "x")
    code = "import getpass, os, socket, sys; print(getpass.getuser(), socket.gethostname(), os.getuid(), sys.prefix)\n"
    code += "print(sorted(os.environ)); print(open('/proc/1/cmdline').read())"
    said = run(code).stdout
    assert said.startswith("student sandbox 1000 /python/")
    assert "A_NAME_OF_THE_HOST" not in said and str(Path.home()) not in said and sys.prefix not in said


def test_arguments_of_bubblewrap_cannot_be_read_inside(tmp_path):
    connection = tmp_path / "connection.json"
    connection.write_text(json.dumps({"ip": str(tmp_path / "s" / "k"), "key": "secret"}))
    command, program = sandbox.kernel_command(connection, tmp_path, tmp_path / "answers")
    with command:
        words = command.words(*program)
        assert not any(str(tmp_path) in word or "secret" in word for word in words)
        assert set(command.options()["env"]) == {"PATH"}


# --- what is counted


def test_threads_and_files_in_memory_are_counted(tmp_path):
    process = psutil.Process()
    before, stop = sandbox.usage(process), threading.Event()
    for _ in range(20):
        threading.Thread(target=stop.wait, daemon=True).start()
    after = sandbox.usage(process)
    stop.set()
    assert after["GRADE_THREADS"] - before["GRADE_THREADS"] >= 20
    assert after["GRADE_MEMORY"] > 0 and after["GRADE_PROCESSES"] >= 1 and after["GRADE_CPU"] > 0


def test_files_of_a_tmpfs_are_counted(available):
    code = "import time; open('/tmp/x', 'wb').write(bytes(50 * 2**20)); print('made', flush=True); time.sleep(30)"
    with sandbox.Command([*sandbox._mounts(), *sandbox._environment()], files() | {"/connection.json": "{}"}) as made:
        words = made.words(sandbox._python(), "-c", code)
        child = subprocess.Popen(words, **made.options(), stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "made\n"
        process = psutil.Process(child.pid)
        root = sandbox.find_root(process)
        held = sandbox.usage(process, root)["GRADE_MEMORY"] - sandbox.usage(process)["GRADE_MEMORY"]
        assert 50 * 2**20 <= held < 80 * 2**20
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def test_a_limit_that_is_passed_ends_the_child(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    limits = {**sandbox.LIMITS, "GRADE_SECONDS": 0.2}
    start = time.monotonic()
    assert sandbox.watch(child, limits, tmp_path / "s").startswith("GRADE_SECONDS was passed")
    assert child.returncode and time.monotonic() - start < 50


WATCHES = """
import os, subprocess, sys
from pathlib import Path
from tflite_course.grading import contained, sandbox
parent = os.getppid()
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, os.getpid(), flush=True)
more = [Path("sockets")] if sys.argv[1] == "sandbox" else []
print({"sandbox": sandbox, "contained": contained}[sys.argv[1]].watch(child, sandbox.LIMITS, *more, parent))
child.kill()
"""
GRADES = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", sys.argv[1], sys.argv[2]])
time.sleep(600)
"""


@pytest.mark.parametrize("way", ["sandbox", "contained"])
def test_a_sandbox_ends_when_the_grading_is_killed(tmp_path, way):
    """Once the kernel of a grader that was killed ran on until its submission's time was over."""
    command = [sys.executable, "-c", GRADES, WATCHES, way]
    environment = {**os.environ, "PYTHONPATH": str(sandbox.COURSE)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment) as grades:
        numbers = [int(number) for number in grades.stdout.readline().split()]
        watched = [psutil.Process(number) for number in numbers]
        grades.kill()
        assert grades.stdout.readline() == "the program that grades has ended\n"
    assert psutil.wait_procs(watched, timeout=30)[1] == []


def test_a_control_group_is_used_where_systemd_offers_one(tmp_path, monkeypatch):
    program = tmp_path / "systemd-run"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    sandbox._control_group.cache_clear()
    try:
        words = sandbox.in_control_group(["bwrap"], sandbox.LIMITS)
        assert words[0] == "systemd-run" and words[-1] == "bwrap" and ("--user" in words) == (os.getuid() != 0)
        assert "MemoryMax=7200000000" in words and "TasksMax=1100" in words
        program.write_text("#!/bin/sh\nexit 1\n")
        sandbox._control_group.cache_clear()
        assert sandbox.in_control_group(["bwrap"], sandbox.LIMITS) == ["bwrap"]
    finally:
        sandbox._control_group.cache_clear()


def test_too_many_processes_are_counted_and_not_looked_at(monkeypatch):
    """A program that forks without end makes more of them while each is looked at than the memory holds."""
    process = psutil.Process()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert sandbox.usage(process)["GRADE_MEMORY"] > 0
        monkeypatch.setattr(psutil.Process, "memory_info", lambda self: pytest.fail("it was looked at"))
        used = sandbox.usage(process, most=1)
        assert used["GRADE_PROCESSES"] >= 2 and used["GRADE_MEMORY"] == 0
    finally:
        child.communicate(b"\n")


def test_control_groups_are_made_and_removed(tmp_path):
    limits = {name: float(value) for name, value in sandbox.LIMITS.items()}
    assert sandbox.make_groups(limits, tmp_path / "nowhere") == []
    for name in ("pids", "cpu"):
        (tmp_path / name).mkdir()
    made = sandbox.make_groups(limits, tmp_path)
    assert [folder.parent.name for folder in made] == ["pids", "cpu"]
    assert int((made[0] / "pids.max").read_text()) > limits["GRADE_PROCESSES"]
    for folder in made:  # of the kernel's own folders, files need not be removed
        next(folder.iterdir()).unlink()
    sandbox.remove_groups(made)
    assert not any(folder.exists() for folder in made)
