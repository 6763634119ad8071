"""A function that a lesson prints does not solve an exercise: what is asked goes further than what was read."""

import ast
import builtins
import functools
import json

import numpy as np
import pytest

from tests import ROOT
from tflite_course.labs import load_exercises

LABS = sorted(path.name for path in (ROOT / "solutions").glob("lab_*"))
EXERCISES = [
    (lab, name) for lab in LABS for name, exercise in load_exercises(lab).items() if exercise.right is not None
]


def functions_of(tree):
    return [node for node in tree.body if isinstance(node, ast.FunctionDef)]


def free_names(node):
    """Return the names that a function takes from around it."""
    names = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
    own = {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}
    own |= {part.id for part in names if isinstance(part.ctx, ast.Store)}
    return {part.id for part in names} - own - set(dir(builtins))


@functools.cache
def printed():
    """Return {lesson: {name: function}} of the functions of the lessons that need nothing but NumPy and each other."""
    found = {}
    for path in sorted((ROOT / "notebooks").rglob("*.ipynb")):
        if {".ipynb_checkpoints", "work"} & set(path.relative_to(ROOT).parts):
            continue
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        nodes = []
        for source in ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"):
            try:
                nodes += functions_of(ast.parse(source))
            except SyntaxError:  # a magic, or an error that the lesson shows
                continue
        while missing := [n for n in nodes if free_names(n) - {"np", *(other.name for other in nodes)}]:
            nodes = [node for node in nodes if node not in missing]
        space = {"np": np}
        exec(compile(ast.Module(nodes, []), path.name, "exec"), space)
        found[path.stem] = {node.name: space[node.name] for node in nodes}
    return found


def test_functions_of_the_lessons_are_found():
    lessons = printed()
    assert {"affine_grid", "quantize", "dequantize"} <= set(lessons["05_post_training_quantization"])
    assert {"prune_smallest"} <= set(lessons["07_pruning"])
    assert lessons["07_pruning"]["prune_smallest"](np.array([1.0, -2.0]), 0.5).tolist() == [0, -2]


@pytest.mark.parametrize(("lab", "name"), EXERCISES, ids=[f"{lab} {name}" for lab, name in EXERCISES])
def test_no_copy_of_a_lesson_solves_an_exercise(lab, name):
    exercise = load_exercises(lab)[name]
    solved = [
        f"{lesson}: {function}"
        for lesson, functions in printed().items()
        for function, answer in functions.items()
        if exercise.grade(answer, 0)[0] == exercise.points
    ]
    assert solved == []
