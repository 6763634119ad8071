"""Grading: what is collected, repaired, flagged and exported, and what a hostile submission cannot do.

The attacks run in the sandbox that the command uses. Without bubblewrap they are skipped, with one line that says so.
"""

import contextlib
import copy
import csv
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time

import nbformat
import pytest
from nbgrader.api import Gradebook

from tests import ROOT
from tests.grading.submissions import need_sandbox
from tests.tools.jupyter_browser import chromium, jupyter
from tflite_course.grading import __main__ as command
from tflite_course.grading import batch, grade, gradebook, lint, repair, spreadsheet
from tflite_course.targets.browser import NoBrowser

LAB = "lab_3_quantize"
pytestmark = pytest.mark.xdist_group("grading")  # the class is graded once


def read(kind):
    return nbformat.read(ROOT / kind / LAB / f"{LAB}.ipynb", as_version=4)


def grade_id(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def answer(notebook, name, source):
    """Return a copy of the notebook with another source in the cell of this grade_id."""
    changed = copy.deepcopy(notebook)
    next(cell for cell in changed.cells if grade_id(cell) == name).source = source
    return changed


def test_the_class_is_graded_in_one_worker(request):
    """pytest-xdist 3.8 beside pytest 9.2 silently forgets the groups: then each worker grades the class."""
    assert request.node.nodeid.endswith("@grading") or "PYTEST_XDIST_WORKER" not in os.environ


# --- repair


def strip_metadata(notebook, *, ids):
    for number, cell in enumerate(notebook.cells):
        cell.metadata = nbformat.NotebookNode()
        if not ids:
            cell["id"] = f"x{number}"
    return notebook


@pytest.mark.parametrize("ids", [True, False], ids=["ids kept", "ids lost"])
def test_repair_finds_cells_again(ids):
    released, submitted = read("labs"), strip_metadata(read("solutions"), ids=ids)
    fixed, notes = repair.repair(submitted, released)
    assert [grade_id(c) for c in fixed.cells if grade_id(c)] == [grade_id(c) for c in released.cells if grade_id(c)]
    sources = {grade_id(c): c.source for c in fixed.cells}
    for cell in read("solutions").cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            assert sources[grade_id(cell)] == cell.source, grade_id(cell)
    assert notes


def test_repair_restores_checks():
    released, submitted = read("labs"), read("labs")
    submitted.cells = [c for c in submitted.cells if grade_id(c) != "check_quantize"]
    next(c for c in submitted.cells if grade_id(c) == "check_predict").source = "3.0"
    fixed, notes = repair.repair(submitted, released)
    sources = {grade_id(c): c.source for c in fixed.cells}
    for name in ("check_quantize", "check_predict"):
        assert sources[name] == next(c.source for c in released.cells if grade_id(c) == name)
    assert any("check_quantize: the cell was missing" in note for note in notes)
    assert any("check_predict: the locked cell was edited" in note for note in notes)


def test_repair_keeps_cells_of_the_student():
    submitted = read("labs")
    submitted.cells.insert(5, nbformat.v4.new_code_cell("helper = 1"))
    fixed, _ = repair.repair(submitted, read("labs"))
    sources = [c.source for c in fixed.cells]
    assert sources.index("helper = 1") == 5 and len(fixed.cells) == len(submitted.cells)
    nbformat.validate(fixed)


# --- lint

LOOK_AT = [
    "get_ipython().input_transformers_cleanup.append(lambda lines: ['pass'])",
    "import tflite_course.labs.exercise as e\ne.Exercise.find_mistake = None",
    "from tflite_course import labs\nlabs.check = lambda *a, **k: 2.0",
    "from tflite_course.labs import load_exercises",
    "import sys\nsys.modules['x'] = 1",
    "class Right:\n    def __eq__(self, other):\n        return True",
    "import builtins",
    "getattr(x, '__eq__')",
    "import ctypes",
    "open('/proc/1/environ')",
    "check.__globals__['load_exercises'] = None",
    "check = lambda *arguments, **options: 2.0",
    "def check(*arguments, **options):\n    return 2.0",
]


@pytest.mark.parametrize("source", LOOK_AT)
def test_a_place_to_look_at_is_flagged(source):
    assert lint.find_flags(source)


def test_honest_answers_are_not_flagged():
    for path in sorted((ROOT / "solutions").glob("*/*.ipynb")):
        assert lint.inspect(nbformat.read(path, as_version=4), _released(path)) == [], path
    assert lint.find_flags("model.compile('adam', loss)\nmodel.eval\nimport gc, importlib\nexec('x = 1')") == []
    assert lint.find_flags("x = (") == []


def _released(path):
    return nbformat.read(ROOT / "labs" / path.parent.name / path.name, as_version=4)


# --- a busy machine


@pytest.mark.parametrize(
    ("place", "times", "patiences"),
    [("setup", 0, [1]), ("setup", 1, [1, grade.PATIENCE]), ("setup", 2, [1, grade.PATIENCE]), ("quantize", 1, [1])],
)
def test_a_busy_machine_costs_no_points(place, times, patiences, tmp_path, monkeypatch):
    """The set-up cell, which is the course's, is tried again with more time; an answer that never ends is not."""
    asked = []

    def autograde(work, lab, student, sandboxed, patience):
        notebook = read("labs")
        cell = next(c for c in notebook.cells if c.cell_type == "code" and (grade_id(c) or "setup") == place)
        if len(asked) < times:
            cell.outputs = [nbformat.v4.new_output("error", ename="CellTimeoutError")]
        asked.append(patience)
        judged = {"verdicts": {}, "notes": [], "ended": ""}
        path = tmp_path / "autograded" / student / lab / f"{lab}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)
        return judged

    monkeypatch.setattr(grade, "_autograde", autograde)
    notes = grade._run(tmp_path, LAB, "ada", True, read("labs"))["notes"]
    assert asked == patiences
    assert bool(notes) == (times == 2) and all("stopped by the time limit twice" in note for note in notes)


# --- the whole way, in the sandbox

OUTSIDE = "outside.txt"


def hostile(victim, port):
    """Return {student: notebook}: attacks, each in the answer to exercise 2, the other answers right."""
    full = read("solutions")
    right = next(c.source for c in full.cells if grade_id(c) == "quantize")

    def attack(code):
        return answer(full, "quantize", f"{right}\n\n{code}")

    folder = str(victim)
    attacks = {
        "files": f"import pathlib, shutil\nseen = [p.name for p in pathlib.Path({folder!r}).glob('*')]\n"
        f"shutil.rmtree({folder!r}, ignore_errors=True)\n"
        f"try:\n    pathlib.Path({folder!r}, 'new').write_text('x')\nexcept OSError:\n    pass\nassert not seen",
        "solutions": f"import pathlib\nassert not list(pathlib.Path({str(ROOT)!r}).glob('solutions/**/*.ipynb'))\n"
        f"assert not list(pathlib.Path({str(ROOT)!r}).glob('tests/*'))",
        "network": "import socket\nfor host in ('127.0.0.1', '10.0.0.1'):\n    try:\n"
        f"        socket.create_connection((host, {port}), timeout=2)\n"
        "    except OSError:\n        continue\n    raise SystemError('the network is open')",
        "daemon": "import os, time\nif os.fork() == 0:\n    os.setsid()\n    while True:\n        time.sleep(0.1)",
        "exit": "import os\nos._exit(0)",
        "memory": "blocks = []\nwhile True:\n    blocks.append(bytearray(50_000_000))",
        "forks": "import os, time\nfor _ in range(300):\n    if os.fork() == 0:\n        time.sleep(999)\n"
        "time.sleep(999)",
        "loop": "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True:\n    try:\n"
        "        while True:\n            pass\n    except BaseException:\n        pass",
        "transformer": "get_ipython().input_transformers_cleanup.append(lambda lines: ['2.0'])",
        "stderr": "import os\nos.write(2, b'INFO: a line on stderr')",
    }
    notebooks = {name: attack(code) for name, code in attacks.items()}
    notebooks["full"] = full
    notebooks["untouched"] = read("labs")
    notebooks["partial"] = partial(full)
    script = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    script += "\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    notebooks["script"] = answer(full, "explain", script)
    return notebooks


def partial(full):
    """Return the work of a student who got three of six exercises right: one wrong, two left open."""
    stubs = {grade_id(cell): cell.source for cell in read("labs").cells}
    wrong = answer(full, "quantize", "def quantize(real, scale, zero_point):\n    return real / scale + zero_point")
    for name in ("int8_model", "predict"):
        wrong = answer(wrong, name, stubs[name])
    return wrong


# The attacks that wait for make test-all, in a class of their own: some burn their whole time.
ATTACKS = ("files", "solutions", "daemon", "stderr", "memory", "forks", "loop", "transformer")


def in_both_classes(*cases):
    """Return cases of pytest.mark.parametrize for (student, ...), of which those of ATTACKS are marked slow."""
    return [pytest.param(*case, marks=[pytest.mark.slow] * (case[0] in ATTACKS)) for case in cases]


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Run the command over a class of honest and hostile students; return the work folder and what was printed."""
    return grade_class(tmp_path_factory.mktemp("class"), attacks=False)


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """The same for those of ATTACKS."""
    return grade_class(tmp_path_factory.mktemp("attacks"), attacks=True)


@pytest.fixture
def class_of(request):
    """Return a function that gives the class of a student."""
    return lambda student: request.getfixturevalue("attacked" if student in ATTACKS else "graded")


def grade_class(base, attacks):
    """Hand in and grade the notebooks of those of ATTACKS, or of all others; return (folder, what was printed)."""
    need_sandbox()
    victim, submissions = base / "victim", base / "submissions"
    victim.mkdir()
    (victim / OUTSIDE).write_text("mine")
    submissions.mkdir()
    server = socket.create_server(("127.0.0.1", 0))
    for student, notebook in hostile(victim, server.getsockname()[1]).items():
        if (student in ATTACKS) == attacks:
            (submissions / student).mkdir()
            nbformat.write(notebook, submissions / student / f"{LAB}.ipynb")
    if not attacks:
        (submissions / "nonsense").mkdir()
        (submissions / "nonsense" / f"{LAB}.ipynb").write_text("{no notebook")
        (submissions / "nothing.zip").write_bytes(b"")
    threading.Thread(target=lambda: _count(server), daemon=True).start()
    limits = {"GRADE_MEMORY": "3e9", "GRADE_SECONDS": "240", "GRADE_PROCESSES": "60"}
    limits["GRADE_CELL"] = "40"  # an endless cell costs this
    command = [sys.executable, "-m", "tflite_course.grading", submissions, "--work", base / "work"]
    command += ["--labs", LAB, "--yes"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | limits, timeout=1200)
    server.close()
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return base, done.stdout


CONNECTIONS = []


def _count(server):
    while True:
        try:
            CONNECTIONS.append(server.accept())
        except OSError:
            return


def scores(base):
    with open(base / "work" / "notes.csv", encoding="utf-8-sig", newline="") as stream:
        return {row["student"]: row["score"] for row in csv.DictReader(stream)}


def test_every_student_has_a_row(graded):
    base, said = graded
    students = {path.name.removesuffix(".zip") for path in (base / "submissions").iterdir()}
    assert set(scores(base)) == students
    assert "nothing: nothing.zip is damaged" in said


@pytest.mark.parametrize(
    ("student", "points"),
    # These attacks are harmless in the sandbox: what they try fails inside, and the right answer beside it counts.
    in_both_classes(*((s, 13.0) for s in ("full", "files", "solutions", "network", "daemon", "stderr", "script"))),
)
def test_answers_that_are_right_score(class_of, student, points):
    assert float(scores(class_of(student)[0])[student]) == points


@pytest.mark.parametrize(
    ("student", "points"),
    in_both_classes(
        *(("exit", 2.0), ("memory", 2.0), ("forks", 2.0), ("loop", 2.0), ("transformer", 4.0), ("untouched", 0.0)),
        ("nonsense", 0.0),
    ),
)
def test_what_breaks_the_run_keeps_what_was_answered_before(class_of, student, points):
    """The first exercise is right in all; the second one's cell also changes the source of those below it."""
    assert float(scores(class_of(student)[0])[student]) == points


def test_a_part_of_the_answers_scores_a_part(graded):
    assert float(scores(graded[0])["partial"]) == 5.0


STOPPED = r"cell \d+ (ended Python|did not stop after its time)"  # forks: which of the two depends on the machine


@pytest.mark.parametrize(
    ("student", "reason"),
    in_both_classes(
        *((student, STOPPED) for student in ("exit", "memory", "forks", "loop")),
        ("memory", r".*GRADE_MEMORY was passed"),
        ("transformer", r"cell \d+ .*get_ipython.*: look at it"),
    ),
)
def test_reasons_are_said(class_of, student, reason):
    assert re.search(f"{student} lab_3_quantize: {reason}", class_of(student)[1])


@pytest.mark.parametrize("some", ["graded", pytest.param("attacked", marks=pytest.mark.slow)])
def test_nothing_outside_was_touched(some, request):
    base, _ = request.getfixturevalue(some)
    assert [path.name for path in (base / "victim").iterdir()] == [OUTSIDE]
    assert CONNECTIONS == []
    deadline = time.monotonic() + 30  # the kernel takes a namespace down a moment after its first process is killed
    while (left := kernels_of_submissions()) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert left == [], "a process of a submission is still there"


def kernels_of_submissions():
    listing = subprocess.run(["ps", "-eo", "pid,stat,args"], capture_output=True, text=True).stdout
    return [line for line in listing.splitlines() if "/connection.json" in line]


def test_feedback_pages(graded):
    base, _ = graded
    for student in ("full", "exit", "script", "nonsense"):
        page = (base / "work" / "feedback" / student / LAB / f"{LAB}.html").read_text(encoding="utf-8")
        assert "seed=" not in page and "HIDDEN TESTS" not in page
        assert "<script>document.title" not in page and "onerror=" not in page
        assert "<table>" in page  # tables stay


def test_marking_by_hand_is_listed(graded):
    assert "to mark by hand: full lab_3_quantize: 1" in graded[1]


def run_again(base):
    arguments = [sys.executable, "-m", "tflite_course.grading", base / "submissions", "--work", base / "work"]
    done = subprocess.run([*arguments, "--labs", LAB], capture_output=True, text=True, timeout=300)
    assert "0 submissions to grade" in done.stdout, done.stdout + done.stderr


def test_a_second_run_grades_nothing_again(graded):
    before = scores(graded[0])
    run_again(graded[0])
    assert scores(graded[0]) == before


@pytest.fixture(scope="module")
def formgrader(graded):
    """Open nbgrader's pages as INSTRUCTORS.md says; return a function that opens one, and the page."""
    work = graded[0] / "work"
    with contextlib.ExitStack() as stack:
        try:
            browser = stack.enter_context(chromium())
        except NoBrowser as error:
            pytest.skip(str(error))
        server = stack.enter_context(jupyter(folder=work))
        page = browser.new_page(viewport={"width": 1200, "height": 1000})
        page.set_default_timeout(90_000)
        page.goto(f"{server.url}/lab?token={server.token}")

        def open_page(path, name):
            page.goto(f"{server.url}/formgrader/{path}", wait_until="domcontentloaded")
            page.locator("#main-table tr:nth-child(2), input.score").first.wait_for()
            PICTURES.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=PICTURES / f"{name}.png", full_page=True)

        yield open_page, page


PICTURES = ROOT / "tests" / "artefacts" / "formgrader"


def submission_path(work, student):
    with Gradebook(gradebook.database(work), gradebook.COURSE_ID) as book:
        return f"submissions/{book.find_submission_notebook(LAB, LAB, student).id}/?index=0"


def test_formgrader_lists_the_class(graded, formgrader):
    open_page, page = formgrader
    open_page(f"manage_submissions/{LAB}", "class")
    shown = page.locator("#main-table").inner_text()
    assert all(re.search(rf"\b{student}\b", shown) for student in scores(graded[0]) if student != "nothing")
    assert re.search(r"partial\s.*\b5 / 16", shown) and re.search(r"full\s.*\b13 / 16", shown)


@pytest.mark.parametrize("student", ["full", "partial", "script"])
def test_formgrader_shows_a_submission(graded, formgrader, student):
    open_page, page = formgrader
    open_page(submission_path(graded[0] / "work", student), student)
    page.wait_for_function("document.querySelectorAll('input.score').length == 7")
    points = page.locator("input.score").evaluate_all("all => all.map(e => Number(e.placeholder || 0))")
    assert sum(points) == float(scores(graded[0])[student])
    assert page.title() == LAB  # a script in the submission would have changed it
    assert not page.locator("[onerror]").count()


def test_a_mark_given_by_hand_reaches_the_files(graded, formgrader):
    base, _ = graded
    open_page, page = formgrader
    for _ in range(2):  # a page that was seen before has its scripts, too
        open_page(submission_path(base / "work", "full"), "full")
    page.wait_for_load_state("networkidle")  # the page hears what is typed only when it has loaded the marks
    cell = page.locator("input.score#explain")
    with page.expect_response(lambda response: "/api/grade/" in response.url and response.request.method == "PUT"):
        cell.fill("2")
        cell.press("Tab")
    remark = page.locator("textarea.comment").last
    with page.expect_response(lambda response: "/api/comment/" in response.url and response.request.method == "PUT"):
        remark.fill("Which of the two numbers is the median?")
        remark.press("Tab")
    run_again(base)
    assert float(scores(base)["full"]) == 15.0
    feedback = base / "work" / "feedback" / "full" / LAB / f"{LAB}.html"
    assert "Which of the two numbers is the median?" in feedback.read_text(encoding="utf-8")


# --- exports and the command


@pytest.mark.parametrize(("cores", "workers"), [(1, 1), (2, 2), (3, 2), (8, 7), (None, 2)])
def test_a_core_stays_free_where_there_are_more_than_two(cores, workers):
    assert command.default_workers(cores) == workers


def test_csv_quoting(tmp_path):
    spreadsheet.write(tmp_path / "x.csv", ["name", "n"], [['O"Neil, Ada', 1.5], ["=1+1", None], ["two\nlines", "ü"]])
    with open(tmp_path / "x.csv", encoding="utf-8-sig", newline="") as stream:
        assert list(csv.reader(stream)) == [["name", "n"], ['O"Neil, Ada', "1.5"], ["'=1+1", ""], ["two\nlines", "ü"]]


def test_refuses_without_a_sandbox(tmp_path, monkeypatch):
    (tmp_path / "ada.ipynb").write_text("{}")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="no sandbox on this machine .* --unsafe"):
        command.main([str(tmp_path), "--work", str(tmp_path / "work")])


def test_unknown_lab(tmp_path):
    with pytest.raises(SystemExit, match="There is no lab lab_99: choose from"):
        command.main([str(tmp_path), "--labs", "lab_99"])


def test_a_worker_that_fails_is_recorded():
    result = batch.worker({"work": "/nowhere", "lab": LAB, "student": "ada", "text": "{}"})
    assert result["crashed"] and "the grader failed" in result["notes"][0]
    json.dumps(result)


@pytest.mark.slow
def test_dask_loses_nothing_when_a_worker_is_killed(tmp_path):
    """Half-way a worker dies: every submission is graded, and what was done is not done again."""
    from tests.benchmarks import grading as benchmark_grading

    need_sandbox()
    work = tmp_path / "work"
    tasks = benchmark_grading.make_tasks(work, 4)
    with benchmark_grading.cluster() as started:
        report = benchmark_grading.KillsAWorker(started, work, after=1)
        results = batch.grade_all(tasks, scheduler=started.scheduler_address, report=report)
    assert [(r["student"], r["score"]) for r in results] == [
        ("s000", 0.0),
        ("s001", 13.0),
        ("s002", 0.0),
        ("s003", 13.0),
    ]
    assert len(report.seen) == 4 and report.graded_twice() == []
    assert all(grade.is_graded(work, LAB, student) for student in report.seen)
    assert batch.worker(tasks[1])["score"] == 13.0  # asked for again, it answers from the gradebook at once
