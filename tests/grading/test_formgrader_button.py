"""nbgrader's own button "Autograde", pressed in its page: it runs a submission in the sandbox, or says why not."""

import contextlib
import os
import re
from unittest import mock

import nbformat
import pytest

from tests.grading.submissions import need_sandbox
from tests.grading.test_regrade import LAB, marked, read
from tests.tools.jupyter_browser import chromium, jupyter
from tflite_course.grading import feedback, lab_changes
from tflite_course.grading.pieces import grade_id
from tflite_course.targets.browser import NoBrowser

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("grading")]
ATTACK = """
import os, pathlib
print("the victim:", os.path.exists({victim!r}))
pathlib.Path({victim!r}).unlink(missing_ok=True)
check = lambda *arguments, **options: 99.0
print("secret:", os.environ.get("SECRET_OF_THE_MARKER"))
"""


@pytest.fixture
def work(tmp_path):
    """Return a work folder in which mallory's lab was collected and never graded: one right answer, and an attack."""
    work, notebook, solved = tmp_path / "work", read("labs"), read("solutions")
    work.mkdir()
    lab_changes.renew(work, [LAB])
    feedback.write_formgrader_settings(work)
    answers = {grade_id(cell): cell.source for cell in solved.cells if grade_id(cell)}
    for place, cell in reversed(list(enumerate(notebook.cells))):
        if grade_id(cell) == "fits":
            cell.source = answers["fits"]
            attack = ATTACK.format(victim=str(tmp_path / "victim"))
            notebook.cells.insert(place, nbformat.v4.new_code_cell(attack, id="attack"))
    (tmp_path / "victim").write_text("mine")
    target = work / "submitted" / "mallory" / LAB / f"{LAB}.ipynb"
    target.parent.mkdir(parents=True)
    nbformat.write(notebook, target)
    return work


def press(work, **environment):
    """Open the page of the submissions, press the button of mallory's row; return what the server answered.

    environment: of the marker's Jupyter, beside what this process has.
    """
    with contextlib.ExitStack() as stack:
        try:
            browser = stack.enter_context(chromium())
        except NoBrowser as error:
            pytest.skip(str(error))
        stack.enter_context(mock.patch.dict(os.environ, environment))
        server = stack.enter_context(jupyter(folder=work))
        page = browser.new_page()
        page.set_default_timeout(300_000)
        page.goto(f"{server.url}/lab?token={server.token}")
        page.goto(f"{server.url}/formgrader/manage_submissions/{LAB}", wait_until="domcontentloaded")
        button = page.locator("td.autograde a").first
        button.wait_for()
        with page.expect_response(lambda response: response.url.endswith("/mallory/autograde")) as waiting:
            button.click()
        return waiting.value.json()


def test_the_button_runs_a_submission_in_the_sandbox(work):
    need_sandbox()
    answer = press(work, SECRET_OF_THE_MARKER="4711")
    assert answer["success"], answer["log"][-3000:]
    assert (work.parent / "victim").read_text() == "mine"
    graded = nbformat.read(work / "autograded" / "mallory" / LAB / f"{LAB}.ipynb", as_version=4)
    said = next(cell.outputs[0].text for cell in graded.cells if "the victim:" in cell.source)
    assert said == "the victim: False\nsecret: None\n"
    points = {name: marked(work, f"check_{name}", "mallory")[3] for name in ("fits", "dense", "to_c_array")}
    assert points == {"fits": 2.0, "dense": 0.0, "to_c_array": 0.0}
    assert not re.search(r"seed=\d", nbformat.writes(graded))


def test_without_a_sandbox_the_button_runs_nothing_and_says_why(work, tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()
    answer = press(work, PATH=os.fspath(programs))
    assert not answer["success"] and "There is no sandbox on this machine (no bwrap)" in answer["log"], answer
    assert (work.parent / "victim").read_text() == "mine"
    assert not (work / "autograded" / "mallory" / LAB / f"{LAB}.ipynb").exists()
