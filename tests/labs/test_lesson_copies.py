"""A function that a lesson prints does not solve an exercise: what is asked goes further than what was read."""

import ast
import builtins
import contextlib
import functools
import inspect
import json

import numpy as np
import pytest

from tests import ROOT
from tflite_course.labs import load_exercises

LABS = sorted(path.name for path in (ROOT / "solutions").glob("lab_*"))
EXERCISES = [
    (lab, name) for lab in LABS for name, exercise in load_exercises(lab).items() if exercise.right is not None
]
HARMLESS = set(dir(builtins)) - {"open", "input", "exec", "eval", "exit", "quit", "__import__"}


def functions_of(tree):
    return [node for node in tree.body if isinstance(node, ast.FunctionDef)]


def free_names(node):
    """Return the names that a function takes from around it."""
    names = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
    own = {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}
    own |= {part.id for part in names if isinstance(part.ctx, ast.Store)}
    return {part.id for part in names} - own - HARMLESS


def pure_functions(path):
    """Return {name: function} of the functions of a notebook that need nothing but NumPy and each other."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    nodes = []
    for source in ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"):
        with contextlib.suppress(SyntaxError):  # a magic, or an error that the lesson shows
            nodes += functions_of(ast.parse(source))
    while missing := [n for n in nodes if free_names(n) - {"np", *(other.name for other in nodes)}]:
        nodes = [node for node in nodes if node not in missing]
    space = {"np": np}
    exec(compile(ast.Module(nodes, []), path.name, "exec"), space)
    return {node.name: space[node.name] for node in nodes}


@functools.cache
def printed():
    """Return {lesson: its pure functions}."""
    paths = sorted((ROOT / "notebooks").glob("*.ipynb")) + sorted((ROOT / "notebooks" / "deeper").glob("*.ipynb"))
    return {path.stem: pure_functions(path) for path in paths}


def solving(exercise, asked, lessons):
    """Return "lesson: function" of the functions that solve an exercise.

    asked: the name that the lab asks for. Tried are functions of this name and those with the parameters of the right
    one; what else a lesson has would be called with values that it was not written for.
    """
    wanted = list(inspect.signature(exercise.right).parameters)
    return [
        f"{lesson}: {name}"
        for lesson, functions in lessons.items()
        for name, function in functions.items()
        if name == asked or list(inspect.signature(function).parameters) == wanted
        if exercise.grade(function, 0)[0] == exercise.points
    ]


def test_a_copy_is_found(tmp_path):
    """A lesson that printed an answer, with a helper in another cell, would be named."""
    sources = [
        "def ends(bits, signed):\n    low = -(2 ** (bits - 1)) if signed else 0\n    return low, low + 2**bits - 1",
        "%matplotlib inline",
        "def grid(low, high, bits, signed):\n    low, high = min(low, 0.0), max(high, 0.0)\n"
        "    first, last = ends(bits, signed)\n    scale = (high - low) / (last - first)\n"
        "    return scale, int(np.clip(np.round(first - low / scale), first, last))",
        "def on_disk(path):\n    return open(path).read()",
        "def half(x):\n    return unknown(x) / 2",
    ]
    lesson = tmp_path / "99_copied.ipynb"
    cells = [{"cell_type": "code", "source": [source]} for source in sources]
    lesson.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    found = pure_functions(lesson)
    assert set(found) == {"ends", "grid"}
    exercise = load_exercises("lab_3_quantize")["affine_grid"]
    assert solving(exercise, "affine_grid", {"99": found}) == ["99: grid"]
    assert solving(exercise, "grid", {"99": {"grid": lambda *case: exercise.right(*case)}}) == ["99: grid"]
    assert sum(len(functions) for functions in printed().values()) >= 20


@pytest.mark.parametrize(("lab", "name"), EXERCISES, ids=[f"{lab} {name}" for lab, name in EXERCISES])
def test_no_function_of_a_lesson_solves_an_exercise(lab, name):
    assert solving(load_exercises(lab)[name], name, printed()) == []
