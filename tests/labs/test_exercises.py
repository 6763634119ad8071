"""What holds for the exercises of all labs: their form, and that their code stays short."""

import ast
from pathlib import Path

import pytest

import tflite_course.labs
from tflite_course.checks import is_keras_3
from tflite_course.labs import Exercise, KnownMistake

LABS = Path(tflite_course.labs.__file__).parent
LONGEST = 60  # lines of a function
NAMES = sorted(path.stem for path in LABS.iterdir() if path.stem.startswith(("lab_", "capstone")))
FILES = sorted(LABS.rglob("*.py"))


def long_functions(source):
    """Return (name, lines) of the functions of a text of Python that are longer than LONGEST."""
    functions = [
        node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    lengths = [(node.name, node.end_lineno - node.lineno + 1) for node in functions]
    return [(name, lines) for name, lines in lengths if lines > LONGEST]


def test_long_functions_are_found():
    body = "    x = 1\n" * LONGEST
    assert long_functions(f"def short():\n{body[10:]}") == []
    assert long_functions(f"def outer():\n    def inner():\n{body.replace('    ', '        ')}") == [
        ("outer", LONGEST + 2),
        ("inner", LONGEST + 1),
    ]


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(LABS)) for path in FILES])
def test_functions_are_short(path):
    assert long_functions(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("lab", NAMES)
def test_each_exercise_is_a_module(lab):
    """A lab is a package: EXERCISES names its modules, and each of these ends with its EXERCISE."""
    package = tflite_course.labs.load_exercises(lab)
    for name, exercise in package.items():
        module = __import__(f"tflite_course.labs.{lab}.{name}", fromlist=["EXERCISE"])
        assert module.EXERCISE is exercise
        last = ast.parse((LABS / lab / f"{name}.py").read_text(encoding="utf-8")).body[-1]
        assert isinstance(last, ast.Assign) and last.targets[0].id == "EXERCISE"


@pytest.mark.parametrize("lab", NAMES)
def test_a_text_stands_once(lab):
    """A hint of more than a few words is written in one place of its lab."""
    found = []
    for path in (LABS / lab).glob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        found += [
            n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str) and len(n.value) > 40
        ]
    assert sorted(text for text in set(found) if found.count(text) > 1) == []


def double(x):
    return 2 * x


def some(rng):
    return [(int(rng.integers(1, 9)),), (0,)]


def test_an_exercise_is_judged_in_one_way():
    about = {"points": 1, "tests": "an answer", "why": "it matters."}
    for wrong in (
        {},
        {"cases": some},
        {"right": double},
        {"judge": lambda answer, rng: None, "cases": some, "right": double},
        {"judge": lambda answer, rng: None, "cases": some},
        {"judge": lambda answer, rng: None, "right": double},
    ):
        with pytest.raises(ValueError, match="either a judge, or cases and the right function"):
            Exercise(**about, **wrong)
    assert Exercise(**about, judge=lambda answer, rng: None).grade(1, 0) == (1.0, None)
    assert Exercise(**about, cases=some, right=double).grade(double, 0) == (1.0, None)


def test_a_known_mistake_gets_its_hint_where_it_can_be_told():
    """Also where answer and mistake stop, each with NumPy's words for the same mistake."""
    import numpy as np

    def cases(rng):
        return [(np.ones((2, 3)), np.arange(3.0)), (np.arange(4.0).reshape(2, 2), np.arange(2.0))]

    exercise = Exercise(
        1,
        "product(matrix, vector)",
        "it matters.",
        cases=cases,
        right=lambda matrix, vector: matrix @ vector,
        mistakes=[
            KnownMistake("transposed.", lambda matrix, vector: matrix.T @ vector),
            KnownMistake("the vector is missing.", lambda matrix, vector: matrix.sum(1)),
        ],
    )
    assert exercise.grade(lambda matrix, vector: (matrix * vector[:, np.newaxis]).sum(0), 0) == (0.0, "transposed.")
    assert exercise.grade(lambda matrix, vector: matrix.sum(axis=1), 0) == (0.0, "the vector is missing.")
    points, hint = exercise.grade(lambda matrix, vector: matrix @ vector + 1, 0)
    assert points == 0 and "expected" in hint


def test_keras_3_is_recognized():
    import keras
    import tf_keras

    class Mine(keras.Layer):
        pass

    assert is_keras_3(keras.Sequential()) and is_keras_3(Mine())
    assert not is_keras_3(tf_keras.Sequential()) and not is_keras_3("keras") and not is_keras_3(None)
