"""Run the notebooks and store what they print: the only way in which stored outputs are made.

    make outputs                          all notebooks
    make outputs NOTEBOOKS=notebooks/02*  some of them

A second run changes no byte: where all that varies from run to run agrees with what is stored, it stays, in all cells
of a notebook or in none, so that text and pictures are of one run. Times of a busy machine are not stored. It also
writes the course's address, from pyproject.toml, into every set-up cell, and tags each cell with the number of its
assertions: an assertion that holds prints nothing, so nbval would not miss it.
"""

import ast
import copy
import functools
import json
import os
import re
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbval.plugin import get_sanitize_patterns

from tflite_course.authoring import (
    ROOT,
    kernels,  # noqa: F401  the same environment as in the tests
    makers,
    publish,
)
from tflite_course.authoring.tolerance import accept, images_of

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
KEPT = ("jupyter", "try")  # of a cell's metadata: outputs hidden until it is run, values that a test tries
LATENCY = re.compile(r"(?:p50 )?([\d,.]+) (?:us|ms)(?: / |,?\s+p95 )([\d,.]+) (?:us|ms)")


def write_address(notebook):
    """Put the course's address into the set-up cell."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = publish.write_source(cell.source, publish.course_source())


def execute(notebook, folder):
    """Run all cells in a fresh kernel; raises CellExecutionError at the first cell that fails."""
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        # Without it the kernel would store what C++ prints, which nbval's kernel never shows.
        extra_arguments=["--IPKernelApp.capture_fd_output=False"],
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()


def count_assertions(source):
    """Return how many assert statements stand in a code cell."""
    return sum(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(source)))


def tag_assertions(cell):
    """Return the tags of a cell with "asserts-N" for its N assertions; none when there are none."""
    tags = [tag for tag in cell.metadata.get("tags", []) if not tag.startswith("asserts-")]
    number = count_assertions(cell.source) if cell.cell_type == "code" else 0
    return tags + [f"asserts-{number}"] * (number > 0)


def tidy(notebook):
    """Drop what differs from run to run and what nbval does not compare."""
    notebook.metadata = nbformat.from_dict(METADATA)  # widget state too: GitHub refuses to show it
    notebook.nbformat_minor = 5
    for cell in notebook.cells:
        tags = tag_assertions(cell)
        kept = {name: cell.metadata[name] for name in KEPT if name in cell.metadata}
        cell.metadata = nbformat.from_dict({**kept, "tags": tags} if tags else kept)
        if cell.cell_type == "code":
            tidy_cell(cell)


def tidy_cell(cell):
    """Drop from a code cell's outputs what nbval does not compare, and join the pieces of a stream."""
    joined = []
    for output in cell.outputs:
        if "data" in output:
            output.data.pop("application/vnd.jupyter.widget-view+json", None)
        if output.output_type == "error":
            output.traceback = [f"{output.ename}: {output.evalue}"]  # paths of this machine stand in the rest
        last = joined[-1] if joined else None
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            joined.append(output)
    cell.outputs = joined


@functools.cache
def _rules():
    return get_sanitize_patterns((ROOT / "tests" / "notebooks" / "nbval_sanitize.cfg").read_text(encoding="utf-8"))


def sanitize(text):
    """Return a text after the rules of nbval_sanitize.cfg."""
    for pattern, replacement in _rules():
        text = re.sub(pattern, replacement, text)
    return text


def compared_text(outputs):
    """Return what nbval compares of a cell's outputs, after the rules of nbval_sanitize.cfg.

    The rules are applied to each text by itself: one that masks the rest of a line must not reach the next output.
    """
    kept = [{k: v for k, v in o.items() if k not in ("execution_count", "metadata")} for o in outputs]
    for output in kept:
        if "data" in output:
            output["data"] = {m: d for m, d in output["data"].items() if not m.startswith("image/")}
    return json.dumps(_sanitized(kept), sort_keys=True, ensure_ascii=False)


def _sanitized(value):
    """Return a value of JSON with every text in it sanitized."""
    if isinstance(value, str):
        return sanitize(value)
    if isinstance(value, dict):
        return {key: _sanitized(item) for key, item in value.items()}
    return [_sanitized(item) for item in value] if isinstance(value, list) else value


def agrees(cell, old):
    """Return whether the outputs of a cell agree with stored ones, masked values apart, within the cell's tolerance."""
    accepted = accept(cell.outputs, old.outputs, old.metadata.get("tags", []), sanitize)
    return compared_text(accepted) == compared_text(old.outputs)


def has_picture(cell):
    return any("image/png" in output.get("data", {}) for output in cell.outputs)


def is_timed(cell):
    """Does a cell print a time or the ratio of two, or draw times?"""
    words = "microsecond|millisecond|p50|perf_counter"
    drawn = re.search(words, cell.source) if has_picture(cell) else None
    return drawn is not None or re.search("TIME|RATIO", compared_text(cell.outputs)) is not None


def varies(cell):
    """Do a cell's outputs differ from run to run, or from processor to processor?"""
    masked = re.search("VALUE|MEMORY|SOURCE|PROCESSOR", compared_text(cell.outputs))
    return bool(masked or is_timed(cell) or has_picture(cell)) or images_of(cell.metadata.get("tags", [])) is not None


def may_stay(cell, old):
    """Return whether stored outputs still fit a cell: they agree, and a picture is drawn by the same source."""
    return old is not None and agrees(cell, old) and (cell.source == old.source or not has_picture(cell))


def keep_what_is_the_same(notebook, stored, *, busy):
    """Put all stored outputs that vary back if each agrees; else keep none, or on a busy machine the times alone.

    Those that do not vary must agree, too: a picture may show what only they say in words.

    Raises BusyMachine for a time that cannot be taken from the stored outputs.
    """
    before = {cell.id: cell for cell in stored.cells if cell.cell_type == "code"}
    every = [cell for cell in notebook.cells if cell.cell_type == "code"]
    cells = [cell for cell in every if varies(cell)]
    if all(may_stay(cell, before.get(cell.id)) for cell in every):
        for cell in cells:
            cell.outputs = before[cell.id].outputs
    elif busy:
        for cell in filter(is_timed, cells):
            keep_times(cell, before.get(cell.id))


def keep_times(cell, old):
    """Put the stored lines with times, and the stored picture of times, in place of those of a busy machine."""
    if may_stay(cell, old):
        cell.outputs = old.outputs
        return
    if has_picture(cell):
        raise BusyMachine(f"the picture of cell {cell.id}")
    known = {}
    for output in old.outputs if old else []:
        for line in output.get("text", "").splitlines():
            known.setdefault(sanitize(line), []).append(line)
    for output in cell.outputs:
        lines = output.get("text", "").splitlines(keepends=True)
        for i, line in enumerate(lines):
            masked = sanitize(line.rstrip("\n"))
            if re.search("TIME|RATIO|PROCESSOR", masked):
                if not known.get(masked):
                    raise BusyMachine(line.strip())
                lines[i] = known[masked].pop(0) + "\n" * line.endswith("\n")
        if lines:
            output.text = "".join(lines)


class BusyMachine(Exception):
    """A time was measured while other programs used the processor."""


def is_unsteady(notebook):
    """Does a printed latency have a p95 of more than three times its p50?"""
    printed = "\n".join(o.get("text", "") for c in notebook.cells if c.cell_type == "code" for o in c.outputs)
    pairs = LATENCY.findall(printed)
    return any(float(p95.replace(",", "")) > 3 * float(p50.replace(",", "")) for p50, p95 in pairs)


def store(path):
    """Execute one notebook in its own folder and write it back; return False if a busy machine forbids it."""
    stored = nbformat.read(path, as_version=4)
    notebook = copy.deepcopy(stored)
    write_address(notebook)
    busy = is_busy()
    execute(notebook, path.parent)
    tidy(notebook)
    try:
        keep_what_is_the_same(notebook, stored, busy=busy or is_unsteady(notebook))
    except BusyMachine as error:
        print(f"{path.name} keeps its stored outputs: the machine is busy, and this would be stored: {error}")
        return False
    nbformat.validate(notebook)
    nbformat.write(notebook, path)
    return True


def is_busy():
    """Do other programs want more processor cores than there are? Windows does not tell."""
    return hasattr(os, "getloadavg") and os.getloadavg()[0] > os.cpu_count()


def main():
    folders = (ROOT / "notebooks", ROOT / "notebooks" / "deeper")
    paths = [Path(p).resolve() for p in sys.argv[1:]] or [p for f in folders for p in sorted(f.glob("*.ipynb"))]
    if os.environ.get("COURSE_SHAKE"):
        raise SystemExit("COURSE_SHAKE is set: outputs of a shaken run are never stored.")
    refused = []
    for path in paths:
        start = time.monotonic()
        refused += [] if store(path) else [path]
        print(f"{path.name}: {time.monotonic() - start:.0f} s", flush=True)
    paths = [path for path in paths if path not in refused]
    if refused or len(sys.argv) > 1:
        makers.remember_outputs("outputs", [path.relative_to(ROOT).as_posix() for path in paths])
    else:
        makers.remember(["outputs"])
    raise SystemExit(len(refused) > 0)


if __name__ == "__main__":
    main()
