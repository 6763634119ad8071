"""`make public`: a copy of the course without answers, seeds and marks, in which the course still works."""

import re
import shutil
import subprocess
import sys
import zipfile

import nbformat
import pytest

from tests import ROOT
from tflite_course import resources
from tflite_course.authoring import public, publish
from tflite_course.errors import CourseError
from tflite_course.grading import gradebook

LAB = "lab_9_microcontroller"
ADDRESS = "https://git.school.example/team/for-students.git"
LONG = 30  # characters of a line that says something
BETWEEN = re.compile(r"BEGIN (SOLUTION|MARK SCHEME)[^\n]*\n(.*?)\n[^\n]*END \1", re.S)
pytestmark = pytest.mark.xdist_group("public")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The copy."""
    folder = tmp_path_factory.mktemp("public") / "course"
    public.copy(folder, ADDRESS)
    return folder


def texts(folder):
    """Return {path in the folder: text} of all files that are text."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix not in {".npz", ".h5", ".tflite", ".keras", ".png", ".jar"}:
            found[path.relative_to(folder).as_posix()] = path.read_text(encoding="utf-8", errors="replace")
    return found


def sources(text, name):
    """Return the text of a file; of a notebook that of its cells, so that quotes are not escaped."""
    if not name.endswith(".ipynb"):
        return text
    return "\n".join(cell.source for cell in nbformat.reads(text, as_version=4).cells)


def private():
    """Return {kind: texts} of what stands in solutions between the marks, and of written answers.

    Of mark schemes and written answers the long lines, of solutions the whole: a hint in a lab may give one line away.
    """
    found = {"SOLUTION": set(), "MARK SCHEME": set(), "written": set()}
    for path in (ROOT / "solutions").glob("*/*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            for kind, inside in BETWEEN.findall(cell.source):
                found[kind] |= {inside.strip()} if kind == "SOLUTION" else set(inside.splitlines())
            if cell.cell_type == "markdown" and cell.metadata.get("nbgrader", {}).get("solution"):
                found["written"] |= set(cell.source.splitlines())
    return {kind: {text.strip() for text in texts if len(text.strip()) >= LONG} for kind, texts in found.items()}


def test_no_answer_is_in_the_copy(made):
    found = private()
    assert min(len(found["SOLUTION"]), len(found["written"]), len(found["MARK SCHEME"])) >= 12
    for name, text in texts(made).items():
        text = sources(text, name)
        assert not [line for line in found["MARK SCHEME"] | found["written"] if line in text], name
        assert not re.search(r"^\s*### (BEGIN|END)|^=== BEGIN", text, re.M), name
        # the package has the functions that checks compare with, and a lesson may show what a lab asks for
        if not name.startswith(("notebooks/", "tflite_course/")):
            assert not [answer for answer in found["SOLUTION"] if answer in text], name


def test_answers_would_be_found(made):
    """The search finds what it looks for in the course itself."""
    found = private()
    mine = sources((ROOT / "solutions" / LAB / f"{LAB}.ipynb").read_text(encoding="utf-8"), "x.ipynb")
    assert any(answer in mine for answer in found["SOLUTION"])
    kept = {"solutions", "tests/labs", "tests/grading", "assets/journals", "INSTRUCTORS.md", ".git"}
    assert not [name for name in kept if (made / name).exists()] and all((ROOT / name).exists() for name in kept)


def test_only_what_is_listed_is_taken(tmp_path):
    for name in ("labs/lab_1/lab_1.ipynb", "labs/lab_1/my solution.ipynb", "labs/lab_1/work/x.npz", "secret.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "link.npz").symlink_to("/etc/passwd")
    assert public.taken(tmp_path) == ["labs/lab_1/lab_1.ipynb"]


def test_documents_name_only_what_is_there(made):
    names = public.taken()
    text = (made / "README.md").read_text(encoding="utf-8")
    assert [line for line in text.split("\n") if public.is_lost(line, names)] == []
    for said in ("make lab ", "## The labs", "requirements-targets.txt", "## Licence and citation", "git checkout"):
        assert said in text, said
    assert "make test" not in text and "CONTRIBUTING" not in text


def test_make_has_only_rules_that_run(made):
    text = (made / "Makefile").read_text(encoding="utf-8")
    rules = re.findall(r"^([a-z][a-z-]*):", text, re.M)
    assert sorted(rules) == sorted(public.TARGETS)
    for rule in rules:
        done = subprocess.run(["make", "-n", rule, "SUBMISSIONS=x"], cwd=made, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    for module in set(re.findall(r"-m tests\.([\w.]+)|\$\(TOOLS\)\.(\w+)", text)):
        name = module[0] or f"tools.{module[1]}"
        done = subprocess.run([sys.executable, "-c", f"import tests.{name}"], cwd=made, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_the_copy_carries_its_own_address(made):
    carried = {path: path.read_text(encoding="utf-8") for path in publish.notebooks(made)}
    assert len(carried) >= 29 and all(f'COURSE = \\"{ADDRESS}' in text for text in carried.values())
    assert f'Repository = "{ADDRESS}"' in (made / "pyproject.toml").read_text(encoding="utf-8")


def test_lessons_find_their_files(made):
    asked = set()
    for path in [*(made / "notebooks").glob("*.ipynb"), *(made / "labs").glob("*/*.ipynb")]:
        asked |= set(re.findall(r'resource\("([\w./-]+)"\)', sources(path.read_text(encoding="utf-8"), path.name)))
    assert len(asked) > 20 and [name for name in sorted(asked) if not (made / name).exists()] == []
    assert resources.resource("data/mnist.npz").is_file()


def test_what_is_not_ours_is_not_replaced(tmp_path):
    (tmp_path / "thesis.txt").write_text("x")
    with pytest.raises(CourseError, match="holds something else"):
        public.copy(tmp_path)
    with pytest.raises(CourseError, match="lies inside the course"):
        public.copy(ROOT / "build" / "public")
    with pytest.raises(CourseError, match="not an address"):
        public.copy(tmp_path / "new", "git@host:x")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_second_copy_keeps_the_repository(tmp_path):
    out = tmp_path / "out"
    public.copy(out)
    (out / ".git").mkdir()
    (out / ".git" / "config").write_text("x")
    (out / "labs" / "old.ipynb").write_text("x")
    public.copy(out)
    assert (out / ".git" / "config").is_file() and not (out / "labs" / "old.ipynb").exists()


def test_without_solutions_the_grader_says_what_to_do(made, tmp_path):
    command = [sys.executable, "-m", "tflite_course.grading", str(tmp_path), "--work", str(tmp_path / "work")]
    done = subprocess.run(command, cwd=made, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True)
    assert done.returncode == 1 and "COURSE_SOLUTIONS=" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is not there")
def test_a_lab_is_graded_in_the_copy(made, tmp_path):
    """The package, labs and checks are those of the copy; the solutions come from elsewhere."""
    folder, work = tmp_path / "submissions", tmp_path / "work"
    folder.mkdir()
    shutil.copy(ROOT / "solutions" / LAB / f"{LAB}.ipynb", folder / f"ada_12_34_{LAB}.ipynb")
    shutil.copy(ROOT / "labs" / LAB / f"{LAB}.ipynb", folder / f"bob_13_35_{LAB}.ipynb")
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(made), "COURSE_SOLUTIONS": str(ROOT / "solutions")}
    environment |= {"GRADE_CELL": "300", "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "tflite_course.grading", str(folder), "--work", str(work), "--workers", "1"]
    if (
        "--yes"
        in subprocess.run([*command, "--help"], cwd=made, env=environment, capture_output=True, text=True).stdout
    ):
        command.append("--yes")
    where = [sys.executable, "-c", "import tflite_course; print(tflite_course.__file__)"]
    assert str(made) in subprocess.run(where, env=environment, cwd=made, capture_output=True, text=True).stdout
    done = subprocess.run(command, cwd=made, env=environment, input="y\n", capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    from nbgrader.api import Gradebook

    with Gradebook(gradebook.database(work), gradebook.COURSE_ID) as book:
        points = sorted(submission.score for submission in book.assignment_submissions(LAB))
    assert points == [0, 16], done.stdout


@pytest.mark.slow
def test_the_copy_becomes_a_package(made, tmp_path):
    """What Colab's pip line does with the repository."""
    command = [sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "--out-dir", str(tmp_path), str(made)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode and "hatchling" in done.stderr:
        pytest.skip("The package that builds the course could not be fetched: is the network there?")
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"tflite_course/_shared/data/mnist.npz", f"tflite_course/labs/{LAB}/__init__.py"} <= set(names)
    assert not [name for name in names if "solutions" in name]
