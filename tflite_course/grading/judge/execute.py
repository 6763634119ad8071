"""nbgrader's step that runs a submission: its own cells in its kernel, its check cells by the outside judge.

A check cell is never run in the kernel. The kernel is asked for the value of the answer, outside of any cell, and the
judge tries it with inputs of a fresh secret seed. What the judge says becomes the output of the check cell when the
kernel has ended, so nbgrader scores and shows it as before.
"""

import ast
import asyncio
import contextlib
import functools
import json
import os
import secrets
import socket
import tempfile
import time
from pathlib import Path

import nbformat
import zmq
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_core.utils import ensure_async, run_sync
from nbclient.exceptions import DeadKernelError
from nbgrader.preprocessors import Execute as NbgraderExecute
from nbgrader.utils import compute_checksum
from traitlets import Bool, Unicode

from tflite_course.grading import sandbox
from tflite_course.grading.judge import client, process
from tflite_course.grading.judge.answers import ASKED

KERNELS = Path(__file__).resolve().parents[1] / "kernels"
MOST_OUTPUT = 5 * 2**20  # bytes of the outputs of one cell that are kept
MOST_MESSAGE = 64 * 2**20  # bytes that a kernel may send at once
TO_STOP = 10  # seconds that a kernel has to stop what it does
SERVE = "__import__('tflite_course.grading.judge.answers', fromlist=['serve']).serve({address!r})"


available = functools.cache(sandbox.check_available)


class Execute(NbgraderExecute):
    """Runs the cells of a submission and has its answers judged outside; replaces nbgrader's step of this name."""

    sandboxed = Bool(True, help="whether the kernel and the judge run in sandboxes").tag(config=True)
    record = Unicode("", help="a file for what the judge said, with the seeds").tag(config=True)
    iopub_timeout = 60
    raise_on_iopub_timeout = False

    def preprocess(self, nb, resources=None, km=None):
        if self.sandboxed:
            available()
            client.client().ready()  # it starts while the kernel does
        self.verdicts, self.notes, self.ended, self.printed, self.defined = {}, [], "", 0, set()
        with tempfile.TemporaryDirectory(prefix="kernel-", ignore_cleanup_errors=True) as folder:
            self.folder = Path(folder)
            self.listener, self.address = _listen(self.folder, self.sandboxed)
            with contextlib.closing(self.listener):
                nb, resources = super().preprocess(nb, resources, km)
        self._write_verdicts(nb)
        return nb, resources

    # --- the kernel

    def create_kernel_manager(self):
        if not self.sandboxed:
            self.kernel_name = "python3"
            return super().create_kernel_manager()
        specs = KernelSpecManager(kernel_dirs=[str(KERNELS)], ensure_native_kernel=False)
        self.km = self.kernel_manager_class(kernel_name="sandbox-python3", kernel_spec_manager=specs)
        self.km.context.setsockopt(zmq.MAXMSGSIZE, MOST_MESSAGE)
        self.km.transport = "ipc"
        self.km.ip = f"{self.folder}/s/k"  # absolute: a relative one never connects
        return self.km

    async def async_start_new_kernel(self, **options):
        environment = os.environ | {"GRADE_NOTE": str(self.folder / "note")}
        if self.sandboxed:
            environment["GRADE_ANSWERS"] = str(self.folder / "answers")
        await super().async_start_new_kernel(env=environment, **options)

    start_new_kernel = run_sync(async_start_new_kernel)

    def preprocess_cell(self, cell, resources, index):
        self._check_assign_resources(resources)
        if cell.cell_type != "code":
            return cell, self.resources
        if is_check(cell):
            self.judge_cell(cell, index)
        elif not self.ended and not self.is_idle_stub(cell):
            self.run_cell(cell, index)
        return cell, self.resources

    def is_idle_stub(self, cell):
        """Return whether an answer cell is as it was released, and its names are defined above, by the student."""
        data, defined = cell.metadata.get("nbgrader", {}), names_of(cell.source)
        untouched = data.get("solution") and data.get("checksum") == compute_checksum(cell)
        if untouched and defined and defined <= self.defined:
            return True
        if not untouched:
            self.defined |= defined
        return False

    def run_cell(self, cell, index):
        """Run a cell of the student's; what ends Python is noted, and the cells after it are not run."""
        self.printed = 0
        try:
            self.execute_cell(cell, index, store_history=True)
            if any(output.get("ename") == "CellTimeoutError" for output in cell.outputs) and not self.stops():
                self.end(index, "did not stop after its time")
            if any(ASKED in output.get("text", "") for output in cell.outputs):
                self.notes.append(f"cell {index + 1} ended Python; the cells below it were run all the same.")
        except DeadKernelError:
            self.end(index, "ended Python")
        except (KeyError, TypeError, ValueError, AttributeError, AssertionError) as error:  # of a message
            self.end(index, f"made Python send what is not a message ({type(error).__name__})")

    def end(self, index, how):
        """Note that there is no kernel any more: from here on nothing is run, and what was answered counts."""
        note = self.folder / "note"
        why = f" ({note.read_text(encoding='utf-8').strip()})" if note.is_file() else ""
        self.ended = f"cell {index + 1} {how}{why}"
        self.notes.append(f"{self.ended}; what was answered before it counts.")
        with contextlib.suppress(RuntimeError, OSError):
            run_sync(self.km.shutdown_kernel)(now=True)

    async def _async_stops(self):
        number = self.kc.execute("", silent=True)
        return await self._async_reply(number, TO_STOP)

    stops = run_sync(_async_stops)

    async def _async_reply(self, number, seconds):
        """Return whether the kernel replies to a request in time; what it prints meanwhile is dropped."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if await self._async_replied(number):
                return True
            if not await ensure_async(self.kc.is_alive()):
                return False
        return False

    async def _async_replied(self, number, seconds=0.05):
        """Return whether a reply to a request is there; read and drop what else the kernel says."""
        with contextlib.suppress(Exception):  # queue.Empty, and what a submission may send in place of a message
            while True:
                await ensure_async(self.kc.iopub_channel.get_msg(timeout=0))
        with contextlib.suppress(Exception):
            message = await ensure_async(self.kc.shell_channel.get_msg(timeout=seconds))
            return message["parent_header"].get("msg_id") == number
        return False

    def output(self, outs, msg, display_id, cell_index):
        self.printed += len(json.dumps(msg.get("content"), default=str))
        return super().output(outs, msg, display_id, cell_index) if self.printed <= MOST_OUTPUT else None

    # --- the judge

    def judge_cell(self, cell, index):
        """Have the answers of a check cell judged; the verdicts are written when the kernel has ended."""
        cell.outputs, cell.execution_count = [], None
        name = cell.metadata.nbgrader.grade_id
        asked = find_check(cell.source)
        if asked is None:
            self.notes.append(f"{name}: there is no check(lab, exercise, answer) in it, so no points are given.")
            return
        lab, exercise, expression = asked
        request = {"lab": lab, "exercise": exercise, "expression": expression, "seconds": self.timeout}
        request["seed"] = secrets.randbits(63)
        if self.ended:
            said = f"it was not tried: {self.ended}."
            verdict = {"points": 0.0, "text": f"Not yet: {said}", "hint": said}
        else:
            verdict = self.ask(request, index)
        self.verdicts[name] = {"exercise": exercise, "seed": request["seed"], **verdict}

    async def _async_ask(self, request, index):
        """Return the judge's verdict on one answer; the kernel is asked for it while the judge works."""
        call = {"answer": SERVE.format(address=self.address)}
        number = self.kc.execute("", store_history=False, user_expressions=call)
        self.replied = False
        judging = asyncio.get_running_loop().run_in_executor(None, self._judge, request)
        while not judging.done():
            self.replied = self.replied or await self._async_replied(number)
            await asyncio.wait([judging], timeout=0.01)
            if not await ensure_async(self.kc.is_alive()):
                self.replied = True
        verdict = judging.result()
        if not self.replied and not await self._async_reply(number, TO_STOP):
            await ensure_async(self.km.interrupt_kernel())
            if not await self._async_reply(number, TO_STOP) and await ensure_async(self.kc.is_alive()):
                self.end(index, "did not stop")
        if not self.ended and not await ensure_async(self.kc.is_alive()):
            self.end(index, "ended Python")
        return verdict

    ask = run_sync(_async_ask)

    def _judge(self, request):
        deadline = time.monotonic() + request["seconds"]
        self.listener.settimeout(0.1)
        while True:
            try:
                connection, _ = self.listener.accept()
                break
            except TimeoutError:
                if self.replied or time.monotonic() > deadline:
                    said = "your notebook's Python did not answer when it was asked for this."
                    return {"points": 0.0, "text": f"Not yet: {said}", "hint": said}
        connection.settimeout(None)
        return self.decide(connection, request)

    def decide(self, connection, request):
        """Return the verdict on an answer that is asked for over a connection."""
        if self.sandboxed:
            try:
                return client.client().decide(connection, request)
            except RuntimeError as error:
                self.notes.append(f"{error}: grade this submission again.")
                said = "the judge did not come to an end; this is not your fault, and it is tried again."
                return {"points": 0.0, "text": f"Not yet: {said}", "hint": said}
        with connection:
            return process.decide(connection, request)

    def _write_verdicts(self, nb):
        """Write what the judge said as the outputs of the check cells, and the record of this run."""
        for cell in nb.cells:
            verdict = self.verdicts.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
            if not is_check(cell):
                continue
            cell.outputs = []
            most = float(cell.metadata.nbgrader.points)
            points = min(max(verdict["points"], 0.0), most) if verdict else 0.0
            text = verdict["text"] if verdict else "Not yet: this cell was not judged."
            cell.outputs.append(nbformat.v4.new_output("stream", name="stdout", text=text + "\n"))
            data = {"text/plain": repr(points)}
            cell.outputs.append(nbformat.v4.new_output("execute_result", data=data, execution_count=None))
        if self.record:
            content = {"verdicts": self.verdicts, "notes": self.notes, "ended": self.ended}
            Path(self.record).write_text(json.dumps(content, indent=1), encoding="utf-8")


def _listen(folder, sandboxed):
    """Return (a listening socket, the address by which the kernel connects)."""
    if not hasattr(socket, "AF_UNIX"):
        listener = socket.create_server(("127.0.0.1", 0))
        return listener, list(listener.getsockname())
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(folder / "answers"))
    listener.listen(8)
    return listener, "/answers" if sandboxed else str(folder / "answers")


def is_check(cell):
    """Return whether a cell is a check: graded by a program, and not an answer."""
    data = cell.metadata.get("nbgrader", {})
    return cell.cell_type == "code" and bool(data.get("grade")) and not data.get("solution") and not data.get("task")


def names_of(source):
    """Return the names that the outermost level of a cell defines: functions, classes, variables."""
    try:
        nodes = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    names = {node.name for node in nodes if isinstance(node, kinds)}
    targets = [target for node in nodes if isinstance(node, ast.Assign) for target in node.targets]
    return names | {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}


def find_check(source):
    """Return (lab, exercise, expression of the answer) of the first check(lab, exercise, answer) of a cell, or None."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "check" and len(node.args) == 3:
            lab, exercise, answer = node.args
            return lab.value, exercise.value, ast.unparse(answer)
    return None


def configure(config, *, sandboxed=True, record=""):
    """Put this step into nbgrader's settings in place of its own; return them."""
    from nbconvert.preprocessors import ClearMetadataPreprocessor
    from nbgrader.preprocessors import (
        AssignLatePenalties,
        CheckCellMetadata,
        IgnorePattern,
        LimitOutput,
        SaveAutoGrades,
    )

    steps = [Execute, IgnorePattern, ClearMetadataPreprocessor, LimitOutput, SaveAutoGrades, AssignLatePenalties]
    config.Autograde.autograde_preprocessors = [*steps, CheckCellMetadata]
    config.Execute.sandboxed = sandboxed
    config.Execute.record = record
    return config
