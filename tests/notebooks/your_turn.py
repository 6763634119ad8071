"""Cells that invite a change: with each value that a cell names, the rest of the lesson runs without an error.

A cell with the tag `your-turn` begins with `name = value`; its metadata `try` lists other values, the extremes
among them. What the cells print is not compared: only an error that is not stored counts.
"""

import ast

TAG = "your-turn"


def turns(notebook):
    """Return [(number of the code cell, its values)] of a notebook."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [(k, cell.metadata.get("try", [])) for k, cell in enumerate(code) if TAG in cell.metadata.get("tags", [])]


def name_of(source):
    """Return the name that a your-turn cell offers for a change: that of its first statement, `name = value`."""
    first = ast.parse(source).body[0]
    assert isinstance(first, ast.Assign) and isinstance(first.targets[0], ast.Name), (
        f"a cell with the tag {TAG} begins with `name = value`, not with {ast.unparse(first)[:60]!r}"
    )
    return first.targets[0].id


def with_value(source, value):
    """Return the source of a your-turn cell with another value in its first statement."""
    first = ast.parse(source).body[0]
    lines = source.splitlines()
    lines[first.lineno - 1 : first.end_lineno] = [f"{name_of(source)} = {value!r}"]
    return "\n".join(lines)


def stored_errors(cell):
    return [output.ename for output in cell.outputs if output.output_type == "error"]


def rounds(notebook):
    """Return [{number of the code cell: value}], as many as a turn has values at most: each value is in one of them.

    One round changes every turn, so a lesson runs two to four times and not once for each value.
    """
    found = [(number, values) for number, values in turns(notebook) if values]
    most = max((len(values) for _, values in found), default=0)
    return [{number: values[k % len(values)] for number, values in found} for k in range(most)]


def first_failure(lesson, changes):
    """Run a lesson's cells from the first turn to the end with other values; return what fails first, a text, or None.

    lesson: a tests.notebooks.lesson_kernel.Lesson, in whose kernel the cells before have run. changes: {number of the
    code cell: value}.
    """
    said = []
    for k in range(min(changes), len(lesson.cells)):
        source = lesson.stored[k].source
        if k in changes:
            said.append(f"{name_of(source)} = {changes[k]!r}")
            source = with_value(source, changes[k])
        lesson.run(k, source)
        errors = stored_errors(lesson.cells[k])
        if errors != stored_errors(lesson.stored[k]):
            why = next((o.evalue for o in lesson.cells[k].outputs if o.output_type == "error"), "no error")
            return f"with {', '.join(said)}, cell {k} ends with {errors}: {why}"
    return None
