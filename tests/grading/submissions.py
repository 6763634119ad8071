"""What the tests of grading share: a sandbox or a reason to skip, and a class of two as it was handed in."""

import shutil

import pytest

from tests import ROOT
from tflite_course.errors import CourseError
from tflite_course.grading import sandbox


def need_sandbox():
    """Skip the test where submissions cannot be run, and say why."""
    try:
        sandbox.check_available()
    except CourseError as error:
        pytest.skip(f"submissions need the sandbox: {error}")


def hand_in_two(folder, lab):
    """Put the solution of a lab, by ada, and the lab as it was handed out, by bob, into a folder."""
    for student, kind in (("ada", "solutions"), ("bob", "labs")):
        (folder / student).mkdir(parents=True)
        shutil.copy(ROOT / kind / lab / f"{lab}.ipynb", folder / student)
