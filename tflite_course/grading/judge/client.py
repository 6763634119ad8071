"""The worker's handle on its judge: one process for each worker, started when the first check needs it."""

import atexit
import functools
import json
import socket
import subprocess
import threading

GRACE = 60  # seconds that the judge has beyond those of the answer


class Client:
    """Asks a judge in a process and a sandbox of its own."""

    def __init__(self):
        self.process, self.control, self.lock = None, None, threading.Lock()
        atexit.register(self.stop)

    def ready(self):
        """Start the judge unless it runs. In the main thread: it ends with the thread that started it."""
        if self.process is None or self.process.poll() is not None:
            self.stop()
            self.start()

    def start(self):
        from tflite_course.grading import sandbox

        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command, program = sandbox.judge_command(theirs.fileno())
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        with command, theirs:
            self.process = subprocess.Popen(command.words(*program), **options, **command.options())

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
            self.ready()
            try:
                socket.send_fds(self.control, [json.dumps(request).encode("ascii")], [connection.fileno()])
                connection.close()
                self.control.settimeout(request["seconds"] + GRACE)
                content = self.control.recv(2**20)
                return json.loads(content)
            except (OSError, ValueError) as error:
                self.stop()
                raise RuntimeError(f"the judge of {request['exercise']} ended ({type(error).__name__})") from None


@functools.cache
def client():
    """Return this process's judge."""
    return Client()
