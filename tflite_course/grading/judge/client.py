"""The worker's handle on its judge: one process for each worker, started when the first check needs it."""

import atexit
import json
import socket
import subprocess
import sys
import threading

GRACE = 60  # seconds that the judge has beyond those of the answer


class Client:
    """Asks a judge in a process of its own. sandboxed: whether that runs in a sandbox too."""

    def __init__(self, sandboxed):
        self.sandboxed, self.process, self.control, self.lock = sandboxed, None, None, threading.Lock()
        atexit.register(self.stop)

    def start(self):
        from tflite_course.grading import sandbox

        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        number = str(theirs.fileno())
        command = [sys.executable, "-m", "tflite_course.grading.judge.process", number]
        if self.sandboxed:
            command = sandbox.judge_command(number)
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], **options)
        theirs.close()

    def stop(self):
        """End the judge, if there is one."""
        if self.process is not None:
            self.control.close()
            self.process.kill()
            self.process.wait()
            self.process = None

    def decide(self, connection, request):
        """Return the verdict on one check: {"points", "text", "hint"}. Raises RuntimeError when the judge is broken."""
        with self.lock:
            if self.process is None or self.process.poll() is not None:
                self.stop()
                self.start()
            try:
                socket.send_fds(self.control, [json.dumps(request).encode("ascii")], [connection.fileno()])
                connection.close()
                self.control.settimeout(request["seconds"] + GRACE)
                content = self.control.recv(2**20)
                return json.loads(content)
            except (OSError, ValueError) as error:
                self.stop()
                raise RuntimeError(f"the judge of {request['exercise']} ended ({type(error).__name__})") from None


_clients = {}


def client(sandboxed):
    """Return this process's judge."""
    if sandboxed not in _clients:
        _clients[sandboxed] = Client(sandboxed)
    return _clients[sandboxed]
