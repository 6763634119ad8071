"""What the documents name is there: files, commands, modules; and the words that they and the sources use."""

import ast
import importlib.util
import re

import pytest

from tests import ROOT
from tests.tools.checklists import Course
from tests.tools.lessons import LESSONS
from tflite_course.authoring import makers

DOCUMENTS = ("README.md", "CONTRIBUTING.md", "INSTRUCTORS.md", "data/README.md")
TOP = ("assets", "data", "labs", "notebooks", "solutions", "tests", "tflite_course")
MADE_LATER = {"tests/tools/durations.json"}  # by make test-all
PLACEHOLDER = re.compile(r"NAME|NN|_N_|[<*]")

each_document = pytest.mark.parametrize("document", DOCUMENTS)


def text_of(document):
    return (ROOT / document).read_text(encoding="utf-8")


@each_document
def test_files_are_there(document):
    text = text_of(document)
    named = set(re.findall(rf"`((?:{'|'.join(TOP)})/[^` ]*)`", text)) | set(re.findall(r"\]\(([\w./-]+)\)", text))
    named = {name for name in named if not PLACEHOLDER.search(name)} - MADE_LATER
    folder = (ROOT / document).parent
    assert [name for name in sorted(named) if not ((ROOT / name).exists() or (folder / name).exists())] == []


@each_document
def test_commands_are_there(document):
    text = text_of(document)
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.M))
    called = set(re.findall(r"(?:`|^)make ([a-z][a-z-]*)", text, re.M))
    assert called <= targets, called - targets
    for module in set(re.findall(r"python -m (tflite_course[\w.]*|tests[\w.]*)", text)):
        assert importlib.util.find_spec(module), module
    named = set(re.findall(r"tflite_course\.authoring ([a-z]\w+)", text)) - {"stale", "refresh", "remember"}
    assert named <= {*makers.MAKERS, *makers.BY_HAND}


def test_contributing_names_every_folder():
    text = text_of("CONTRIBUTING.md")
    for folder in ("models", "pad", "targets", "labs", "grading", "authoring"):
        assert f"`tflite_course/{folder}/`" in text, folder
    for folder in sorted(path.parent.name for path in (ROOT / "tests").glob("*/__init__.py")):
        assert f"`{folder}`" in text, folder
    for folder in sorted(path.name for path in (ROOT / "assets").iterdir() if path.is_dir()):
        assert f"{folder}/`" in text, folder
    for target in ("check", "test", "test-all", "outputs", "labs", "stale", "refresh", "shake", "fresh", "lock"):
        assert f"`make {target}`" in text, target


UNNATURAL = re.compile(
    r"without a word|belongs? into|\bmend(s|ed|ing)?\b|hard way|bent digits|as Colab's"
    r"|(?<!there )\b(is|are|was|were) no (notebook|lab|address|number|symptom|model|sample|picture)s?\b",
    re.I,
)
PROSE = ("README.md", "CONTRIBUTING.md", "INSTRUCTORS.md", "CHANGELOG.md", "Makefile", "NOTICE")
FOLDERS = ("tflite_course/**/*.py", "assets/**/*.py", "assets/**/*.js", "tests/**/*.py")


def test_words():
    """Translated turns that readers stumbled over: 'fix', not 'mend'; 'silently', not 'without a word'."""
    paths = [ROOT / name for name in PROSE] + [path for pattern in FOLDERS for path in ROOT.glob(pattern)]
    found = {}
    for path in paths:
        made = {"dist", "build", "work"} & set(path.relative_to(ROOT).parts)
        if not made and path.name != "test_documents.py" and (hit := UNNATURAL.search(path.read_text("utf-8"))):
            found[path.relative_to(ROOT).as_posix()] = hit[0]
    assert found == {}


def imports(source, module):
    """Return whether a source imports a module."""
    nodes = list(ast.walk(ast.parse(source)))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return any(name.split(".")[0] == module for name in names)


def test_what_depends_on_tfmot_and_keras_2():
    """The table of CONTRIBUTING is what the sources import."""
    course = Course()
    rows = {
        row[0]: row[1:]
        for row in re.findall(r"^\| (lessons|labs|makers) \| (.*) \| (.*) \|$", text_of("CONTRIBUTING.md"), re.M)
    }
    modules = ("tensorflow_model_optimization", "tf_keras")
    for column, module in enumerate(modules):
        lessons = [n[:2] for n in LESSONS if imports(course.sources(f"notebooks/{n}.ipynb"), module)]
        assert rows["lessons"][column].split(", ") == lessons
        labs = [lab for lab in course.labs() if imports(course.sources(f"solutions/{lab}/{lab}.ipynb"), module)]
        short = sorted((re.sub(r"lab_(\d+)_.*", r"\1", lab) for lab in labs), key=lambda lab: (len(lab), lab))
        assert rows["labs"][column].split(", ") == short
    scripts = {
        name: (ROOT / makers.source_of(maker)).read_text(encoding="utf-8") for name, maker in makers.MAKERS.items()
    }
    assert rows["makers"][0].split(", ") == sorted(
        name for name, source in scripts.items() if imports(source, modules[0])
    )


def lost_imports(path):
    """Return the imports of the course's own modules in a file, also inside functions, that name nothing there."""
    lost = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("tests", "tflite_course"):
            place = ROOT / node.module.replace(".", "/")
            package = place / "__init__.py"
            file = package if package.is_file() else place.with_suffix(".py")
            source = file.read_text(encoding="utf-8") if file.is_file() else ""
            for name in (alias.name for alias in node.names if not alias.name.startswith("__")):
                inside = (place / name).is_dir() or (place / f"{name}.py").is_file()
                if not file.is_file() or not (inside or re.search(rf"\b{name}\b", source)):
                    lost.append(f"{node.module}.{name}")
    return lost


def test_imports_are_there(tmp_path):
    """An import inside a function fails only when the function is called: a module that moves must not leave one."""
    files = [path for folder in ("tests", "tflite_course") for path in (ROOT / folder).rglob("*.py")]
    assert {path.relative_to(ROOT).as_posix(): lost for path in files if (lost := lost_imports(path))} == {}
    (tmp_path / "a.py").write_text("def f():\n    from tests import gone, ROOT\n    from tests.gone import x\n")
    assert lost_imports(tmp_path / "a.py") == ["tests.gone", "tests.gone.x"]


RECORDS = ("assets/**/*.json", "tests/**/*.json", "data/*.json")


def test_no_record_names_a_folder_of_the_machine_that_made_it():
    found = {
        path
        for pattern in RECORDS
        for path in ROOT.glob(pattern)
        if not {"artefacts", "dist", "node_modules"} & {*path.parts}
    }
    found.discard(ROOT / "tests" / "tools" / "durations.json")  # ids of tests, whose inputs may be such paths
    assert len(found) > 40
    folders = re.compile(r"(?<![\w.~<:/])/(?:root|home|work|Users|tmp)/\w")
    assert [path.name for path in sorted(found) if folders.search(path.read_text("utf-8"))] == []
