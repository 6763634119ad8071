"""The step that runs and judges a submission without bubblewrap: see tflite_course.grading.contained."""

import atexit
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_core.utils import run_sync

from tflite_course.grading import contained, sandbox
from tflite_course.grading.judge import client, execute


class Judge(client.Client):
    """Asks a judge in a process of its own, as a user of its own; user: its number, or None."""

    def __init__(self, user):
        self.process, self.control, self.lock, self.user = None, None, threading.Lock(), user
        atexit.register(self.stop)

    def start(self):
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        clean = contained.environment({"HOME": "/nonexistent", "TF_USE_LEGACY_KERAS": "1"})
        options = {"env": clean, "cwd": "/", "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        options |= {"pass_fds": [theirs.fileno()], **contained.as_user(self.user)}
        program = ["-P", "-m", "tflite_course.grading.judge.process", str(theirs.fileno())]
        with theirs:
            self.process = subprocess.Popen([sys.executable, *program], **options)


class Contained(execute.Execute):
    """Runs a submission and has it judged as Execute does; users: (of the submission, of the judge), or None.

    When preprocess returns, no process of the submission is left.
    """

    def __init__(self, users=None, **options):
        super().__init__(**options)
        self.sandboxed = False
        self.submission, user = users or (None, None)
        self.judge = Judge(user)

    def preprocess(self, nb, resources=None, km=None):
        spared = contained.adopt()
        with tempfile.TemporaryDirectory(prefix="submission-", ignore_cleanup_errors=True) as home:
            self.home = Path(home)
            try:
                return super().preprocess(nb, resources, km)
            finally:
                self.judge.stop()
                contained.end_all(self.submission, spared)

    def create_kernel_manager(self):
        specs = KernelSpecManager(kernel_dirs=[str(execute.KERNELS)], ensure_native_kernel=False)
        self.km = self.kernel_manager_class(kernel_name="contained-python3", kernel_spec_manager=specs)
        sockets = self.folder / "s"
        sockets.mkdir(mode=0o700)
        if self.submission is not None:
            self.folder.chmod(0o711)
            for path in (sockets, self.folder / "answers"):
                os.chown(path, self.submission, self.submission)
        self.km.transport, self.km.ip = "ipc", f"{sockets}/k"
        return self.km

    async def async_start_new_kernel(self, **options):
        # for the program that starts the kernel, which gives it an environment of its own
        os.environ["GRADE_USER"] = "" if self.submission is None else str(self.submission)
        os.environ["GRADE_HOME"], os.environ["PYTHONPATH"] = str(self.home), str(sandbox.COURSE)
        await super().async_start_new_kernel(**options)

    start_new_kernel = run_sync(async_start_new_kernel)

    def decide(self, connection, request):
        return self.judge.decide(connection, request)
