"""The rooms of the house: what may import what, and what stands nowhere else."""

import ast
import re

import pytest

from tests import ROOT

PACKAGE = sorted((ROOT / "tflite_course").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
PRIVATE_LIST = "_get_ops_" + "details"
# programs that are copied to a device or run as a server: they import nothing of the course
PROGRAMS = {"read_digits", "gestures", "first_prediction", "check_device", "serve"}


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree, known):
    """Return the modules of the course that a tree imports at its top or in a function."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & known
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (names & known) or ({node.module} & known)
    return found


@pytest.fixture(scope="module")
def arrows():
    """Return {module: modules that it imports} of the package."""
    known = {module_of(path) for path in PACKAGE}
    return {module_of(path): imported(ast.parse(path.read_text(encoding="utf-8")), known) for path in PACKAGE}


def circle(arrows):
    """Return the modules of an import circle in their order, or None."""
    state, way = {}, []

    def visit(module):
        state[module] = "open"
        way.append(module)
        for other in sorted(arrows.get(module, ())):
            if state.get(other) == "open":
                return way[way.index(other) :]
            if other not in state and (found := visit(other)):
                return found
        state[module] = "done"
        way.pop()
        return None

    return next((found for module in sorted(arrows) if module not in state and (found := visit(module))), None)


def test_a_circle_is_found():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) is None


def test_no_import_runs_in_a_circle(arrows):
    packages = {name for name in arrows if any(other.startswith(f"{name}.") for other in arrows)}
    inner = {
        name: {other for other in others if not (name in packages and other.startswith(f"{name}."))}
        for name, others in arrows.items()
    }
    # a package that names its modules' contents is no arrow of theirs
    inner = {name: {o for o in others if not name.startswith(f"{o}.")} for name, others in inner.items()}
    assert circle(inner) is None


def test_what_lessons_use_does_not_import_what_makes_things(arrows):
    makers = {name for name in arrows if name.startswith(("tflite_course.authoring", "tflite_course.grading"))}
    wrong = {name: others & makers for name, others in arrows.items() if name not in makers and others & makers}
    assert wrong == {}


@pytest.mark.parametrize("path", [*PACKAGE, *TESTS], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nobody_changes_where_python_looks(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        assert not (isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.path"), f"line {node.lineno}"


def test_nothing_runs_in_data_and_only_programs_of_devices_in_assets():
    assert list((ROOT / "data").rglob("*.py")) == []
    assert {path.stem for path in (ROOT / "assets").rglob("*.py") if "dist" not in path.parts} <= PROGRAMS
    for path in (ROOT / "assets").rglob("*.py"):
        assert "tflite_course" not in re.sub(r'"""(?s:.*?)"""|#.*', "", path.read_text(encoding="utf-8")), path.name


def test_the_private_list_of_operators_is_asked_for_in_one_place():
    files = [*PACKAGE, *TESTS, *ROOT.glob("notebooks/**/*.ipynb"), *ROOT.glob("solutions/*/*.ipynb")]
    found = [path.relative_to(ROOT).as_posix() for path in files if PRIVATE_LIST in path.read_text(encoding="utf-8")]
    assert found == ["tflite_course/runtime.py"]


@pytest.mark.parametrize("path", PACKAGE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_functions_are_short(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno - node.lineno < 60, f"{node.name} has {node.end_lineno - node.lineno + 1} lines"


# what a call has only since a later Python than 3.11.0: Debian 12 has 3.11.2
NEWER = re.compile(r"extractall\([^)]*\bfilter=|unpack_archive\([^)]*\bfilter=")


def test_nothing_needs_a_later_python():
    files = [path for folder in ("tflite_course", "tests", "assets") for path in (ROOT / folder).rglob("*.py")]
    found = {path.relative_to(ROOT).as_posix() for path in files if NEWER.search(path.read_text(encoding="utf-8"))}
    assert found == set()
    assert NEWER.search("archive.extract" + 'all(place, filter="data")')
