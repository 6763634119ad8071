"""The places that a new lesson, lab, target or data set needs: CONTRIBUTING lists them, here they are looked for.

Each of the four functions returns a sentence for each place that is missing, [] when all are there.
"""

import ast
import fnmatch
import json
import re
import sys
import tomllib
from importlib import metadata

from packaging.requirements import Requirement

from tests import ROOT
from tests.tools.lessons import number_of
from tflite_course.authoring import makers
from tflite_course.targets import golden

LEAST_DEFECTS = 3
PART_3 = 10  # the first lesson about a target
MARKED_BY_HAND = {"journal"}  # no checks: tests/grading/test_journal.py
REQUIREMENTS = ("requirements.txt", "requirements-targets.txt")


class Course:
    """The course's files, and some that are as they would be after a change.

    changes: {path: new text, or None for a file that is not there}.
    """

    def __init__(self, changes=None):
        self.changes = changes or {}

    def text(self, path):
        """Return a file as text, "" when it is not there."""
        if path in self.changes:
            return self.changes[path] or ""
        return (ROOT / path).read_text(encoding="utf-8") if (ROOT / path).is_file() else ""

    def has(self, path):
        return self.changes[path] is not None if path in self.changes else (ROOT / path).exists()

    def names(self, pattern):
        """Return the sorted paths that match a pattern."""
        found = {path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern) if path.is_file()}
        found |= {path for path in self.changes if fnmatch.fnmatch(path, pattern)}
        return sorted(path for path in found if self.has(path))

    def lessons(self):
        stems = [path.split("/")[-1].removesuffix(".ipynb") for path in self.names("notebooks/[0-9]*_*.ipynb")]
        return sorted(stems, key=number_of)

    def labs(self):
        return sorted({path.split("/")[1] for path in self.names("solutions/*/*.ipynb")})

    def sources(self, path):
        """Return the code cells of a notebook, joined, or the text of a Python file."""
        if not path.endswith(".ipynb"):
            return self.text(path)
        cells = json.loads(self.text(path))["cells"]
        return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")

    def prose(self, path):
        cells = json.loads(self.text(path))["cells"]
        return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def _missing(places):
    """Return the keys of the places whose value is false."""
    return [place for place, there in places.items() if not there]


def missing_of_lesson(lesson, course):
    """Return the places of a lesson that are missing. lesson: the name of its notebook, "03_run_the_interpreter"."""
    number, name = lesson.split("_", 1)
    path, lessons = f"notebooks/{lesson}.ipynb", course.lessons()
    place = lessons.index(lesson)
    defects = tomllib.loads(course.text("tests/notebooks/planted_defects.toml"))["defect"]
    before = course.prose(f"notebooks/{lessons[place - 1]}.ipynb") if place else f"**Next:** [{number}. "
    rows = [row for row in course.text("INSTRUCTORS.md").splitlines() if re.match(r"\| \d\d", row)]
    return _missing(
        {
            f"{path}: numbers run from 01 without a gap": number_of(lesson) == place + 1,
            f"README.md: a row [{number} {name}]({path})": f"| [{number} {name}]({path}) |" in course.text("README.md"),
            f"the Next line of the lesson before {number}": f"**Next:** [{number}. " in before,
            f"INSTRUCTORS.md: a row of common mistakes for {number}": any(
                number in re.findall(r"\d\d", row.split("|")[1]) for row in rows
            ),
            f"assets/quizzes/{lesson}.json": course.has(f"assets/quizzes/{lesson}.json"),
            f'{path}: show_quiz("{lesson}")': f'show_quiz("{lesson}")' in course.sources(path),
            f"planted_defects.toml: {LEAST_DEFECTS} defects of {lesson}": sum(d["notebook"] == lesson for d in defects)
            >= LEAST_DEFECTS,
            f"solutions/journal: a prompt for the target of lesson {number}": number_of(lesson) < PART_3
            or number in _prompts(course, "solutions"),
            f"labs/journal: the prompt of lesson {number} (make labs)": number_of(lesson) < PART_3
            or number in _prompts(course, "labs"),
        }
    ) + _missing_files(path, course)


def _prompts(course, folder):
    """Return the numbers of the lessons for whose targets the journal has a prompt."""
    prose = course.prose(f"{folder}/journal/journal.ipynb")
    part = prose[prose.index("## Real-world deployment") :]
    return re.findall(r"^\| [^|]+ \| (\d+) \|", part, re.M)


def missing_of_lab(lab, course):
    """Return the places of a lab that are missing. lab: the name of its folder in solutions/."""
    path = f"labs/{lab}/{lab}.ipynb"
    number = re.match(r"lab_(\d+)_", lab)
    said = f"lab {number[1]}" if number else lab
    row = re.search(rf"^\| \[{lab}\]\({path}\) \| ([^|]*) \|", course.text("README.md"), re.M)
    lessons = [lesson.split("_")[0] for lesson in course.lessons()]
    after = re.findall(r"\d\d", row[1]) if row else []
    places = {
        f"solutions/{lab}/{lab}.ipynb": course.has(f"solutions/{lab}/{lab}.ipynb"),
        f"{path} (make labs)": course.has(path),
        f"README.md: a row [{lab}]({path}), and the lessons it follows": bool(row)
        and (row[1] == "all" or (after and set(after) <= set(lessons))),
        f"INSTRUCTORS.md: {said}": re.search(rf"\b{said}\b", course.text("INSTRUCTORS.md")),
    }
    if lab not in MARKED_BY_HAND:
        places |= {
            f"tflite_course/labs/{lab}/__init__.py": course.has(f"tflite_course/labs/{lab}/__init__.py"),
            f"tests/labs/answers/{lab}.py": course.has(f"tests/labs/answers/{lab}.py"),
            f"tests/labs/test_{lab}.py": course.has(f"tests/labs/test_{lab}.py"),
        }
    return _missing(places) + _missing_files(f"solutions/{lab}/{lab}.ipynb", course)


def missing_of_target(target, course):
    """Return the places of a target that are missing. target: the name of its record in assets/targets/."""
    record = f"assets/targets/{target}.json"
    named = re.compile(rf"\b{target}\.json|targets import [^\n]*\b{target}\b")
    lessons = [*course.names("notebooks/[0-9]*_*.ipynb"), *course.names("notebooks/deeper/[0-9]*_*.ipynb")]
    maker = makers.MAKERS.get(target)
    rows = json.loads(course.text(record) or '{"rows": []}')["rows"]
    in_matrix = [row for row in rows if row["against"] == "LiteRT reference" and row["model"] in golden.MODELS]
    matrix = course.text("notebooks/10_linux_and_raspberry_pi.ipynb")
    wanted = f'resource("{record}")'
    return _missing(
        {
            f"makers.py: a maker {target} that writes {record}": maker is not None and record in maker.outputs,
            f"{record}: rows from golden.agreement()": rows,
            f"lesson 10: the rows of {target} (make outputs)": all(row["runtime"] in matrix for row in in_matrix),
            f"a lesson that reads {record}": any(wanted in course.sources(path) for path in lessons),
            f"tests/targets/: a test of {target}": any(
                named.search(course.text(path)) for path in course.names("tests/targets/test_*.py")
            ),
            "pyproject.toml: assets/targets in the wheel": _in_wheel(record, course),
        }
    ) + (_missing_packages(makers.source_of(maker), course) if maker else [])


def missing_of_data(name, course):
    """Return the places of a data set that are missing. name: that of its file in data/, without .npz."""
    path = f"data/{name}.npz"
    maker = makers.MAKERS.get(f"make_{name}")
    chapter = re.search(rf"^## {name}\.npz$(.*?)(?=^## |\Z)", course.text("data/README.md"), re.M | re.S)
    used = re.compile(rf"\bload_{name}\b|\b{name}\.npz")
    places = {
        f"makers.py: make_{name} writes {path}": maker is not None and path in maker.outputs,
        f"data/README.md: a section {name}.npz with what it is and how it came here": bool(chapter)
        and all(f"| {word} |" in chapter[1] for word in ("What", "How it came here")),
        f"NOTICE: {path}": path in course.text("NOTICE"),
        f"tests/: a test that reads {path}": any(
            used.search(course.text(file)) for file in course.names("tests/*/*.py")
        ),
    }
    if _loader(name, course):  # what only tests read is not in the wheel
        places[f"pyproject.toml: {path} in the wheel"] = _in_wheel(path, course)
    return _missing(places)


def missing_of_package(course):
    """Return what the package reads and the wheel lacks; what only makers read is not in the wheel."""
    paths = [p for p in course.names("tflite_course/**/*.py") if not p.startswith("tflite_course/authoring/")]
    read = {name for path in paths for name in resources_of(course.text(path), course)}
    return [f"pyproject.toml: {name} in the wheel" for name in sorted(read) if not _in_wheel(name, course)]


def _loader(name, course):
    """Return whether the package has a function load_NAME."""
    files = ("tflite_course/datasets.py", "tflite_course/targets/golden.py")
    return any(f"def load_{name}(" in course.text(file) for file in files)


def _missing_files(path, course):
    """Return what a notebook reads and the wheel lacks, and what it imports and no requirements file names."""
    lost = [
        f"pyproject.toml: {name}, which {path} reads, is not in the wheel"
        for name in resources_of(course.sources(path), course)
        if not _in_wheel(name, course)
    ]
    return lost + _missing_packages(path, course)


def resources_of(source, course):
    """Return the files that the calls of resource("...") in a source name.

    Of an f-string these are the files that fit, and whose varying part stands as a text in the source; all that fit
    where none does.
    """
    nodes, found = list(ast.walk(ast.parse(source))), set()
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    for call in nodes:
        if isinstance(call, ast.Call) and getattr(call.func, "id", None) == "resource" and call.args:
            parts = getattr(call.args[0], "values", [call.args[0]])
            pattern = "".join(part.value if isinstance(part, ast.Constant) else "*" for part in parts)
            varying = re.compile(re.escape(pattern).replace(r"\*", "(.*)"))
            fit = course.names(pattern) if "*" in pattern else [pattern]
            found |= {name for name in fit if texts & set(varying.match(name).groups())} or set(fit)
    return sorted(found)


def _in_wheel(name, course):
    """Return whether the installed package has a file of the course: its own, or one that pyproject.toml adds."""
    wheel = tomllib.loads(course.text("pyproject.toml"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    added = wheel["force-include"]
    parts = [name, *[name.rsplit("/", depth)[0] for depth in range(1, name.count("/") + 1)]]
    return parts[-1] in wheel["packages"] or any(added.get(part) == f"tflite_course/_shared/{part}" for part in parts)


def _missing_packages(path, course):
    """Return the packages that a source imports and the requirements of a laptop or of part 3 do not bring."""
    modules = _imported(course.sources(path)) - sys.stdlib_module_names - {"tflite_course", "tests"}
    listed = "".join(course.text(file) for file in REQUIREMENTS)
    brought = _with_what_they_need(re.findall(r"^([A-Za-z][\w.-]*)", listed, re.M))
    distributions = metadata.packages_distributions()
    return [
        f"requirements: {module}, which {path} imports"
        for module in sorted(modules)
        if not {_plain(name) for name in [module, *distributions.get(module, [])]} & brought
    ]


def _with_what_they_need(names):
    """Return the plain names of packages and of all that they bring, as far as these are installed here."""
    found, waiting = set(), list(names)
    while waiting:
        name = _plain(waiting.pop())
        if name in found:
            continue
        found.add(name)
        try:
            needed = map(Requirement, metadata.requires(name) or ())
        except metadata.PackageNotFoundError:  # has no files for this system
            continue
        waiting += [r.name for r in needed if r.marker is None or r.marker.evaluate({"extra": ""})]
    return found


def _imported(source):
    """Return the first names of all modules that a source imports."""
    nodes = list(ast.walk(ast.parse(source)))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    return {name.split(".")[0] for name in names}


def _plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()
