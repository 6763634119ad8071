"""The same grader on GitHub and Gradescope: one notebook, results in their forms, attacks in a container."""

import base64
import copy
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

from tests import ROOT
from tests.grading import container
from tflite_course.authoring import classroom as template
from tflite_course.authoring import gradescope as zip_file
from tflite_course.errors import CourseError
from tflite_course.grading import one
from tflite_course.grading.elsewhere import classroom, gradescope

LAB, MOST = "lab_9_microcontroller", 16
pytestmark = pytest.mark.xdist_group("elsewhere")
needs_sandbox = pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is not there: no container")


def read(kind, lab=LAB):
    return nbformat.read(ROOT / kind / lab / f"{lab}.ipynb", as_version=4)


def grade_id(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def with_answers(*names, extra=""):
    """Return the lab with the right answers of some exercises, and a cell of its own in front of them."""
    answers = {grade_id(cell): cell.source for cell in read("solutions").cells}
    notebook = copy.deepcopy(read("labs"))
    for cell in notebook.cells:
        if grade_id(cell) in names:
            cell.source = answers[grade_id(cell)]
    place = next(number for number, cell in enumerate(notebook.cells) if grade_id(cell))
    if extra:
        notebook.cells.insert(place, nbformat.v4.new_code_cell(extra))
    return notebook


def result_of(*rights):
    """Return a result as grade_one gives it: these checks are right, the others are not."""
    verdicts = {}
    for cell, _ in one.titles(read("labs")):
        if one.execute.is_check(cell):
            right = grade_id(cell).removeprefix("check_") in rights
            hint = None if right else "with `<b>x</b>` | your function returns *nothing*\nat all"
            points = cell.metadata.nbgrader.points if right else 0.0
            verdicts[grade_id(cell)] = {"points": points, "text": f"Tested: it\n{hint}", "hint": hint}
    result = one.collected(read("labs"), with_answers(*rights), verdicts)
    return result | {"lab": LAB, "file": f"{LAB}.ipynb", "notes": ["a note"], "flags": ["a flag"], "seconds": 1.5}


# --- one notebook


def test_a_result_has_every_check_and_every_written_answer():
    result = result_of("fits", "rescale")
    assert (result["score"], result["max_score"]) == (5, MOST)
    assert [check["points"] for check in result["checks"]] == [0, 0, 2, 0, 3, 0, 0]
    assert result["checks"][0]["title"] == "Exercise 1. A model as a C array"
    assert [(part["name"], part["most"], part["answered"]) for part in result["written"]] == [("explain", 3, False)]
    text = one.as_text(result)
    assert "2/2  " in text and "-/3  " in text and f"{LAB}: 5 of {MOST} points by checks" in text


def test_points_never_pass_what_a_check_is_worth():
    verdicts = {"check_fits": {"points": 1e9, "text": "", "hint": None}, "nobody": {"points": 5}}
    assert one.collected(read("labs"), read("labs"), verdicts)["score"] == 2


@pytest.mark.parametrize("name", [f"{LAB}.ipynb", f"{LAB} (1).ipynb", f"ada_12_{LAB}-2.ipynb", "homework.ipynb"])
def test_the_lab_is_found(name):
    assert one.find_lab(Path(name), read("labs")) == LAB


@pytest.mark.parametrize(
    "content",
    [
        b"no notebook",
        b"\xff\xfe\x00",
        b'{"cells": 3}',
        b"",
        b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
        None,
    ],
)
def test_what_cannot_be_graded_is_one_sentence(content, tmp_path):
    path = tmp_path / "a.ipynb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CourseError) as caught:
        one.grade_one(path)
    said = str(caught.value)
    assert "notebook" in said and "\n" not in said and len(said) < 400


@pytest.mark.slow
def test_the_command_ends_with_1_when_nothing_can_be_graded(tmp_path):
    (tmp_path / "a.ipynb").write_bytes(b"no notebook")
    command = [sys.executable, "-m", "tflite_course.grading.one", str(tmp_path / "a.ipynb")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and "notebook" in done.stderr and len(done.stderr.strip().splitlines()) == 1


def test_files_beside_the_notebook_travel_along(tmp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    (source / "helpers").mkdir(parents=True)
    for name in ("helpers/mine.py", ".secret", "other.ipynb", "data.csv"):
        (source / name).write_text("x")
    (source / "link").symlink_to("/etc/passwd")
    target.mkdir()
    assert one.copy_helpers(source, target) == []
    assert sorted(p.relative_to(target).as_posix() for p in target.rglob("*") if p.is_file()) == [
        "data.csv",
        "helpers/mine.py",
    ]
    for number in range(one.MOST_FILES):
        (source / f"z{number}").write_text("")
    (said,) = one.copy_helpers(source, target)
    assert "was left out" in said


HIJACK = "import pathlib\npathlib.Path({trace!r}).write_text('it ran outside')\nraise ImportError\n"


@needs_sandbox
def test_a_helper_named_like_a_module_of_the_grader_stays_inside(tmp_path, monkeypatch):
    """The program that starts the sandbox runs in the submission's folder, and must not import from there."""
    monkeypatch.chdir(tmp_path)
    folder, trace = tmp_path / "work", tmp_path / "trace"
    folder.mkdir()
    nbformat.write(with_answers("fits"), folder / f"{LAB}.ipynb")
    for name in ("psutil", "resource", "tflite_course", "jupyter_core"):
        (folder / f"{name}.py").write_text(HIJACK.format(trace=str(trace)), encoding="utf-8")
    for kernel in ("sandbox", "contained"):
        words = json.loads((ROOT / f"tflite_course/grading/kernels/{kernel}-python3/kernel.json").read_text())["argv"]
        command = [sys.executable, *words[1:-1], str(folder / "no connection")]
        subprocess.run(command, cwd=folder, capture_output=True, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"})
    assert not trace.exists()
    control = [sys.executable, *words[2:-1], ""]  # without -P they are imported
    subprocess.run(control, cwd=folder, capture_output=True, env={"PATH": "/usr/bin:/bin"})
    assert trace.exists()


# --- what Gradescope and GitHub Classroom take


FORMATS = {"text", "html", "simple_format", "md", "ansi"}
VISIBILITY = {"hidden", "after_due_date", "after_published", "visible"}
TOP = {"score": (int, float), "execution_time": int, "output": str, "output_format": str, "visibility": str}
TOP |= {"test_output_format": str, "test_name_format": str, "stdout_visibility": str, "extra_data": dict, "tests": list}
TEST = {"score": (int, float), "max_score": (int, float), "status": str, "name": str, "name_format": str}
TEST |= {"number": str, "output": str, "output_format": str, "tags": list, "visibility": str, "extra_data": dict}


def check_form(results):
    """Check what gradescope-autograders.readthedocs.io/en/latest/specs says of results.json."""
    assert "score" in results or all("score" in test for test in results["tests"])
    for entry, known in [(results, TOP), *((test, TEST) for test in results.get("tests", []))]:
        assert {key for key, value in entry.items() if key not in known or not isinstance(value, known[key])} == set()
        assert {entry[key] for key in entry if key.endswith("format")} <= FORMATS
        assert {entry[key] for key in entry if key.endswith("visibility")} <= VISIBILITY
        assert entry.get("status", "passed") in {"passed", "failed"} and "\r" not in entry.get("output", "")
    assert 0 <= results["score"] == sum(test["score"] for test in results.get("tests", []))


def test_gradescope_gets_its_form():
    results = gradescope.as_results(result_of("fits"))
    check_form(results)
    assert results["score"] == 2 and len(results["tests"]) == 7
    assert results["tests"][2]["status"] == "passed" and results["tests"][0]["status"] == "failed"
    formats = {test[key] for test in results["tests"] for key in ("name_format", "output_format")}
    assert formats | {results["output_format"]} == {"text"}  # nothing that a submission says is rendered
    assert "your instructor reads it (3 points). It is empty." in results["output"]


def test_the_form_of_gradescope_is_checked():
    results = gradescope.as_results(result_of())
    for wrong in ({"score": "2"}, {"visibility": "always"}, {"output_format": "markdown"}, {"extra": 1}):
        with pytest.raises(AssertionError):
            check_form(results | wrong)


@pytest.mark.parametrize(
    ("names", "lab", "chosen"),
    [
        (["a.ipynb"], LAB, "a.ipynb"),
        ([f"{LAB}.ipynb", "draft.ipynb"], LAB, f"{LAB}.ipynb"),
        ([f"deep/{LAB} (2).ipynb", "x.py"], LAB, f"deep/{LAB} (2).ipynb"),
        ([f".ipynb_checkpoints/{LAB}-checkpoint.ipynb", f"{LAB}.ipynb"], LAB, f"{LAB}.ipynb"),
        (["a.ipynb", "b.ipynb"], LAB, "There are 2 notebooks"),
        (["a.py"], LAB, f"There is no notebook in what you handed in: hand in {LAB}.ipynb"),
        ([], None, "There is no notebook"),
    ],
)
def test_the_notebook_of_a_submission_is_chosen(names, lab, chosen, tmp_path):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    if chosen.endswith("ipynb") and "hand in" not in chosen:
        assert gradescope.choose(tmp_path, lab).relative_to(tmp_path).as_posix() == chosen
    else:
        with pytest.raises(CourseError, match=re.escape(chosen)):
            gradescope.choose(tmp_path, lab)


def test_classroom_gets_the_form_of_its_graders():
    given = classroom.as_grader([result_of("fits", "rescale"), result_of("fits")])
    assert given["version"] == 1 and given["status"] == "fail" and given["max_score"] == 2 * MOST
    assert sum(test["score"] for test in given["tests"]) == 7  # the reporter adds these
    keys = {"name", "status", "score", "message", "test_code", "filename", "line_no", "duration"}
    assert all(set(test) == keys and test["status"] in {"pass", "fail"} for test in given["tests"])
    rights = [
        grade_id(cell) for cell in read("solutions").cells if (cell.metadata.get("nbgrader") or {}).get("solution")
    ]
    assert classroom.as_grader([result_of(*rights)])["status"] == "pass"


def test_the_summary_keeps_what_a_submission_says_inside_its_cell():
    text = classroom.as_markdown([result_of("fits")])
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 7 + 1 and all(len(re.findall(r"(?<!\\)\|", row)) == 4 for row in rows)
    assert "<b>" not in text and r"\<b\>" in text


# --- a container as Gradescope's


@pytest.fixture(scope="module")
def autograder(tmp_path_factory):
    """What an instructor uploads, unpacked: (the folder of the course, a function that grades files in a container)."""
    base = tmp_path_factory.mktemp("gradescope")
    archive = zip_file.build(LAB, base / "autograder.zip")
    first = container.unpack(archive, base / "first")
    course = base / "course"  # what setup.sh does, without the network: the environment is that of the tests
    shutil.copytree(first / "source" / "course", course)
    (course / ".venv").mkdir()
    base.chmod(0o755)

    def grade(name, files, script="/autograder/run_autograder"):
        folder, shared = container.unpack(archive, base / name / "autograder"), base / name / "tmp"
        shared.mkdir()
        shared.chmod(0o1777)
        for file, content in files.items():
            (folder / "submission" / file).write_text(content, encoding="utf-8")
        done = container.run(folder, course, shared, script)
        return done, json.loads((folder / "results" / "results.json").read_text(encoding="utf-8")), shared

    return grade


def test_the_zip_file_has_what_gradescope_asks_for(tmp_path):
    folder = container.unpack(zip_file.build(LAB, tmp_path / "a.zip"), tmp_path / "autograder")
    for name in ("setup.sh", "run_autograder"):
        text = (folder / "source" / name).read_text(encoding="utf-8")
        assert text.startswith("#!/usr/bin/env bash\n") and "@" not in text.split("\n", 3)[3].replace('"$@"', "")
        assert subprocess.run(["bash", "-n", folder / "source" / name]).returncode == 0
    assert f"gradescope {LAB}\n" in (folder / "run_autograder").read_text(encoding="utf-8")
    assert (folder / "source" / "course" / "labs" / LAB / f"{LAB}.ipynb").is_file()
    assert not [path for path in (folder / "source").rglob("*") if "solutions" in path.parts]
    with pytest.raises(CourseError, match="There is no lab lab_99"):
        zip_file.build("lab_99", tmp_path / "b.zip")


@needs_sandbox
@pytest.mark.slow
def test_gradescope_right_and_with_a_helper(autograder):
    notebook = read("solutions")
    place = next(number for number, cell in enumerate(notebook.cells) if grade_id(cell) == "to_c_array")
    answer = notebook.cells[place].source
    notebook.cells[place].source = "from my_helpers import to_c_array"
    setup = next(cell.source for cell in notebook.cells if cell.cell_type == "code")
    helper = "\n".join(line for line in setup.splitlines() if line.startswith("import "))
    files = {"my work.ipynb": nbformat.writes(notebook), "my_helpers.py": f"{helper}\n{answer}\n"}
    done, results, _ = autograder("right", files)
    check_form(results)
    assert results["score"] == MOST, done.stdout + done.stderr
    assert all(test["status"] == "passed" for test in results["tests"])


@needs_sandbox
def test_gradescope_partly_right(autograder):
    done, results, _ = autograder("part", {f"{LAB}.ipynb": nbformat.writes(with_answers("to_c_array", "fits"))})
    check_form(results)
    assert results["score"] == 4, done.stdout + done.stderr
    wrong = [test for test in results["tests"] if test["status"] == "failed"]
    assert len(wrong) == 5 and all("\nNot yet: " in test["output"] for test in wrong)


@needs_sandbox
def test_gradescope_broken(autograder):
    _, results, _ = autograder("broken", {f"{LAB}.ipynb": '{"cells": [{"cell_type"'})
    check_form(results)
    assert results["score"] == 0 and "notebook" in results["output"]


ATTACK = """
import json, os, pathlib, signal, sys, time
loot = []
def attempt(what, do):
    try:
        loot.append([what, "done", repr(do())[:200]])
    except BaseException as error:
        loot.append([what, type(error).__name__, ""])
full = json.dumps({"score": 1000, "tests": []})
for path in ("/autograder/results/results.json", "/autograder/results/results.new", "/autograder/results/other"):
    attempt("write " + path, lambda: pathlib.Path(path).write_text(full))
attempt("write run_autograder", lambda: pathlib.Path("/autograder/run_autograder").write_text("exit 0"))
attempt("list results", lambda: os.listdir("/autograder/results"))
attempt("list source", lambda: os.listdir("/autograder/source"))
attempt("read names", lambda: pathlib.Path("/autograder/submission_metadata.json").read_text())
attempt("write the course", lambda: pathlib.Path("/opt/course/tflite_course/labs/x.py").write_text(""))
for number in filter(str.isdigit, os.listdir("/proc")):
    if os.stat("/proc/" + number).st_uid != os.getuid():
        for file in ("environ", "mem", "maps"):
            attempt("read " + file, lambda: pathlib.Path("/proc", number, file).open("rb").read(10) or 1 / 0)
        attempt("end", lambda: os.kill(int(number), signal.SIGKILL))
attempt("list checks", lambda: os.listdir("/opt/course/tflite_course/labs"))
attempt("read a check", lambda: open("/opt/course/tflite_course/labs/lab_9_microcontroller/rescale.py").read())
def borrowed(*arguments):
    from tflite_course.labs import load_exercises
    return load_exercises("lab_9_microcontroller")["rescale"].right(*arguments)
attempt("borrow a check", borrowed)
attempt("become root", lambda: os.setuid(0))
attempt("environment", lambda: sorted(name for name in os.environ if name.startswith(("GRADE", "GITHUB"))) or 1 / 0)
pathlib.Path("/tmp/loot.json").write_text(json.dumps([os.getuid(), loot]))
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            for round in range(6000):
                try:
                    pathlib.Path("/autograder/results/results.json").write_text(full)
                except OSError:
                    pass
                time.sleep(0.1)
        os._exit(0)
import tflite_course.labs
tflite_course.labs.check = check = lambda *a, **k: 1000.0
import numpy as np
np.random.default_rng = lambda seed=None: None
"""
LEFT = 'import glob, os; print("left:", sum(os.stat(p).st_uid > 60000 for p in glob.glob("/proc/[0-9]*")))'


@needs_sandbox
@pytest.mark.slow
def test_gradescope_attacked(autograder):
    notebook = with_answers("fits", extra=ATTACK)
    next(cell for cell in notebook.cells if grade_id(cell) == "rescale").source = "rescale = borrowed"
    script = f"/autograder/run_autograder; /opt/course/.venv/bin/python -c '{LEFT}'"
    done, results, shared = autograder("attack", {f"{LAB}.ipynb": nbformat.writes(notebook)}, script)
    check_form(results)
    user, loot = json.loads((shared / "loot.json").read_text(encoding="utf-8"))
    assert results["score"] == (2 if container.IS_ROOT else 5), done.stdout + done.stderr
    assert ["environment", "ZeroDivisionError", ""] in loot
    if container.IS_ROOT:  # else root of this container is the only user
        assert user > 60000 and "left: 0" in done.stdout
        assert [entry for entry in loot if entry[1] == "done"] == []
        assert (
            len([entry for entry in loot if entry[0] == "end"]) >= 3
        )  # the grader, its starter and the judge are seen
    else:
        assert "It ran as the user of the grader" in done.stdout


# --- a workflow of GitHub Actions


EXPRESSION = re.compile(r"\$\{\{ *(.*?) *\}\}")
KNOWN = {"github.run_id", "github.run_attempt"}


def steps_of(text):
    (job,) = yaml.safe_load(text)["jobs"].values()
    return job["steps"]


def test_the_workflow_is_one(tmp_path):
    template.write(LAB, tmp_path, course="https://git.school.example/team/course.git")
    text = (tmp_path / template.WORKFLOW).read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert set(workflow) == {"name", True, "permissions", "env", "jobs"}  # YAML 1.1 reads "on" as True
    assert workflow[True] == ["push", "workflow_dispatch", "repository_dispatch"]
    assert workflow["env"]["COURSE"] == "https://git.school.example/team/course.git" and "write" not in str(workflow)
    steps = steps_of(text)
    assert all(("uses" in step) != ("run" in step) for step in steps)
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"]) for step in steps if "uses" in step)
    outputs = {f"steps.{step['id']}.outputs.result" for step in steps if "id" in step}
    assert set(EXPRESSION.findall(text)) == KNOWN | outputs
    assert not any("${{" in step.get("run", "") for step in steps)  # a name or message must not become a command
    reporter = steps[-1]
    runners = reporter["with"]["runners"].split(",")
    assert set(reporter["env"]) == {f"{runner.upper()}_RESULTS" for runner in runners}
    assert {step["id"] for step in steps if "id" in step} == set(runners)
    for step in steps:
        assert subprocess.run(["bash", "-n", "-c", step.get("run", "")]).returncode == 0


def test_the_workflow_fetches_the_tag_of_a_release():
    assert 'TAG: "v2.3.0"' in template.workflow(version="2.3.0")
    assert 'TAG: ""' in template.workflow(version="2.4.0.dev0")


@pytest.mark.parametrize(
    ("lab", "course", "said"), [("lab_99", None, "no lab lab_99"), (LAB, "git@x:y", "not an address")]
)
def test_no_template_for_what_is_not_there(lab, course, said, tmp_path):
    with pytest.raises(CourseError, match=said):
        template.write(lab, tmp_path / "out", course=course)
    assert not (tmp_path / "out").exists()


def git(*arguments, cwd):
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *identity, *arguments], cwd=cwd, check=True, capture_output=True)


@pytest.fixture
def runner(tmp_path):
    """A machine as a runner of GitHub, without the network: (its repository, a function that runs a step by name)."""
    course = tmp_path / "course"
    zip_file.public.copy(course)
    git("init", "-q", cwd=course)
    git("add", "-A", cwd=course)
    git("commit", "-qm", "x", cwd=course)
    git("tag", "v9.9.9", cwd=course)
    repository, programs = tmp_path / "repository", tmp_path / "bin"
    programs.mkdir()
    (programs / "sudo").write_text('#!/bin/sh\nexec "$@"\n')
    (programs / "sudo").chmod(0o755)
    template.write(LAB, repository)
    files = {name: tmp_path / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(tmp_path), "GRADE_CELL": "300"}
    environment |= {"COURSE": course.as_uri(), "TAG": "v9.9.9", "FOLDER": str(tmp_path / "opt" / "course")}
    environment |= {name: str(path) for name, path in files.items()}
    steps = {step["name"]: step for step in steps_of((repository / template.WORKFLOW).read_text(encoding="utf-8"))}

    def run(name):
        for path in files.values():
            path.write_text("")
        done = subprocess.run(
            ["bash", "-e", "-c", steps[name]["run"]], cwd=repository, env=environment, capture_output=True, text=True
        )
        return done, {name: path.read_text(encoding="utf-8") for name, path in files.items()}

    return repository, Path(environment["FOLDER"]), run


@pytest.mark.slow
def test_the_steps_of_the_workflow(runner):
    repository, folder, run = runner
    done, _ = run("Fetch the course")
    assert done.returncode == 0, done.stderr
    assert (folder / "labs" / LAB).is_dir() and not (folder / "solutions").exists()
    (folder / ".venv").symlink_to(sys.prefix)  # the step "Install the course" needs the network
    nbformat.write(with_answers("to_c_array", "fits"), repository / f"{LAB}.ipynb")
    done, files = run("Grade")
    assert done.returncode == 0, done.stderr
    encoded = re.fullmatch(r"result=(\S+)\n", files["GITHUB_OUTPUT"])[1]
    given = json.loads(base64.b64decode(encoded))
    assert (sum(test["score"] for test in given["tests"]), given["max_score"]) == (4, MOST) and len(encoded) < 100_000
    assert f"## {LAB}: 4 of {MOST} points by checks\n" in files["GITHUB_STEP_SUMMARY"]
    done, files = run("Grade")  # nothing has changed
    assert f"## {LAB}: 4 of {MOST} points by checks, unchanged\n" in files["GITHUB_STEP_SUMMARY"]
    (repository / "notes.csv").write_text("1")
    (repository / f"{LAB}.ipynb").write_text("broken")
    done, files = run("Grade")
    assert done.returncode == 0 and "notebook" in files["GITHUB_STEP_SUMMARY"]
    (repository / f"{LAB}.ipynb").unlink()
    done, _ = run("Grade")
    assert done.returncode == 1 and done.stderr.strip().endswith("as in lab_3_quantize.ipynb.")
