"""Run the notebooks and store what they print: the only way in which stored outputs are made.

    make outputs                          all notebooks
    make outputs NOTEBOOKS=notebooks/02*  some of them

A second run changes no byte: where only a time differs, the stored output stays. It also writes the course's address,
from pyproject.toml, into every set-up cell, and tags each cell with the number of its assertions: an assertion that
holds prints nothing, so nbval would not miss it.
"""

import ast
import copy
import json
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

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


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
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
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


def compared_text(outputs):
    """Return what nbval compares of a cell's outputs, after the rules of nbval_sanitize.cfg."""
    rules = get_sanitize_patterns((ROOT / "tests" / "notebooks" / "nbval_sanitize.cfg").read_text(encoding="utf-8"))
    kept = [{k: v for k, v in o.items() if k not in ("execution_count", "metadata")} for o in outputs]
    for output in kept:
        if "data" in output:
            output["data"] = {m: d for m, d in output["data"].items() if not m.startswith("image/")}
    text = json.dumps(kept, sort_keys=True)
    for pattern, replacement in rules:
        text = re.sub(pattern, replacement, text)
    return text


def agrees(cell, old):
    """Return whether the outputs of a cell agree with stored ones, masked values apart."""
    return compared_text(cell.outputs) == compared_text(old.outputs)


def keep_what_is_the_same(notebook, stored):
    """Put stored outputs back where only a time or the like differs, and the picture of a plot of times."""
    before = {cell.id: cell for cell in stored.cells if cell.cell_type == "code"}
    for cell in notebook.cells:
        old = before.get(cell.id)
        if cell.cell_type != "code" or old is None or old.source != cell.source:
            continue
        new_text = compared_text(cell.outputs)
        if new_text == compared_text(old.outputs) and "TIME" in new_text:
            cell.outputs = old.outputs


def store(path):
    """Execute one notebook in its own folder and write it back."""
    stored = nbformat.read(path, as_version=4)
    notebook = copy.deepcopy(stored)
    write_address(notebook)
    execute(notebook, path.parent)
    tidy(notebook)
    keep_what_is_the_same(notebook, stored)
    nbformat.validate(notebook)
    nbformat.write(notebook, path)


def main():
    paths = [Path(p).resolve() for p in sys.argv[1:]] or sorted((ROOT / "notebooks").glob("*.ipynb"))
    for path in paths:
        start = time.monotonic()
        store(path)
        print(f"{path.name}: {time.monotonic() - start:.0f} s")
    if len(sys.argv) > 1:
        makers.remember_outputs("outputs", [path.relative_to(ROOT).as_posix() for path in paths])
    else:
        makers.remember(["outputs"])


if __name__ == "__main__":
    main()
