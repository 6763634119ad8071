"""A lesson in one kernel: its cells run once, then single stretches again with a planted defect.

A stretch of cells is run changed, compared with what is stored, and run once more as it is. If that does not bring back
what is stored (a training draws on the state of a generator), the kernel is replaced by a fresh one. So each verdict
comes from a kernel in which all cells before the defect printed what is stored.
"""

import copy

import nbformat
from nbclient import NotebookClient

from tests import ROOT
from tests.notebooks.conditions import read_conditions, to_run
from tests.tools.lessons import notebook_path
from tflite_course.authoring import outputs


class Lesson:
    """The code cells of a lesson and a kernel that has run some of them; close() ends the kernel.

    folder: where the kernel starts, by default that of the notebook; environment: variables for the kernel on top of
    those of the tests, for example a PYTHONPATH with a changed package.
    """

    def __init__(self, name, folder=None, environment=None):
        path = notebook_path(name, ROOT)
        self.folder, self.environment = folder or path.parent, environment or {}
        self.notebook = nbformat.read(path, as_version=4)
        self.index, self.cells = zip(
            *((i, cell) for i, cell in enumerate(self.notebook.cells) if cell.cell_type == "code"), strict=True
        )
        self.stored = [copy.deepcopy(cell) for cell in self.cells]
        self.conditions = read_conditions(name)
        self.done, self.client, self.context, self.starts, self.runs = 0, None, None, 0, 0

    def start(self):
        """Start a fresh kernel; nothing has run in it."""
        self.close()
        self.client = NotebookClient(
            self.notebook,
            timeout=600,
            kernel_name="python3",
            allow_errors=True,
            store_widget_state=False,
            coalesce_streams=True,
            extra_arguments=["--IPKernelApp.capture_fd_output=False"],
            resources={"metadata": {"path": str(self.folder)}},
        )
        self.context = self.client.setup_kernel(env={**_inherited(), **self.environment})
        self.context.__enter__()
        self.done, self.starts = 0, self.starts + 1

    def close(self):
        if self.context is not None:
            self.context.__exit__(None, None, None)
        self.client = self.context = None

    def run(self, k, source=None):
        """Run code cell k, with another source if one is given; return whether it prints what is stored.

        The cell's conditions count too.
        """
        cell = self.cells[k]
        if source is not None:
            cell.source = source
        self.client.execute_cell(cell, self.index[k])
        self.runs += 1
        outputs.tidy_cell(cell)
        cell.source = self.stored[k].source
        return outputs.agrees(cell, self.stored[k]) and self.failure_after(k) is None

    def failure_after(self, k):
        """Return what does not hold of the conditions of cell k, a text; None when all do."""
        if self.cells[k].id not in self.conditions:
            return None
        return self.failure_of(to_run(self.conditions[self.cells[k].id]))

    def failure_of(self, source):
        """Run source in the kernel, as no cell of the lesson; return how it failed, a text, or None."""
        check = nbformat.v4.new_code_cell(source)
        self.client.execute_cell(check, self.index[-1], store_history=False)
        failed = [output for output in check.outputs if output.output_type == "error"]
        return f"{failed[0].ename}: {failed[0].evalue}" if failed else None

    def reach(self, k):
        """Run the cells before k that have not run; return the first that does not print what is stored, or None."""
        if self.client is None:
            self.start()
        fresh = self.done == 0
        while self.done < k:
            if not self.run(self.done):
                if fresh:
                    return self.done
                self.start()  # a trace of an earlier defect: all again, in a fresh kernel
                fresh = True
                continue
            self.done += 1
        return None

    def verdict(self, changed, named, source):
        """Return (first cell that notices, how a clean cell was red or None) when cell `changed` has another source."""
        red = self.reach(changed)
        if red is not None:
            return None, f"cell {red} is red without any defect"
        caught = None
        for k in range(changed, named + 1):
            if not self.run(k, source if k == changed else None):
                caught = k
                break
        last = max(self.done - 1, named if caught is None else caught)
        if all(self.run(k) for k in range(changed, last + 1)):
            self.done = max(self.done, last + 1)
        else:
            self.close()
        return caught, None

    def place_of(self, old):
        """Return the number of the one code cell that holds a text once."""
        found = [k for k, cell in enumerate(self.stored) if old in cell.source]
        assert len(found) == 1, f"{old!r} stands in {len(found)} cells, not in one"
        assert self.stored[found[0]].source.count(old) == 1, f"{old!r} stands more than once in cell {found[0]}"
        return found[0]


def _inherited():
    import os

    return {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
