"""The plan of a term: every lesson and lab once, in an order that works, and INSTRUCTORS.md shows what it prints."""

import datetime
import re
import tomllib

import pytest

from tests import ROOT
from tests.tools.lessons import LESSONS
from tflite_course.authoring import term
from tflite_course.errors import CourseError

START = "2027-02-01"
LABS = sorted(path.parent.name for path in ROOT.glob("labs/*/*.ipynb") if path.stem == path.parent.name)


def test_every_lesson_and_every_lab_once():
    assert [lesson for lessons, _ in term.WEEKS for lesson in lessons] == [name[:2] for name in LESSONS]
    assert sorted(lab for _, labs in term.WEEKS for lab in labs) == LABS
    assert sum(term.weight(lab) for lab in LABS) == 100


def test_no_lab_is_due_before_the_week_after_its_lessons():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| \[(\w+)\]\(labs/[^)]*\) \| ([\d, ]+|all) \|", text, re.M))
    assert sorted(rows) == LABS
    taught = {lesson: week for week, (lessons, _) in enumerate(term.WEEKS) for lesson in lessons}
    for due, (_, labs) in enumerate(term.WEEKS):
        for lab in labs:
            needed = ["09"] if rows[lab] == "all" else rows[lab].split(", ")  # the capstone says: lessons 01 to 09
            assert max(taught[lesson] for lesson in needed) < due, lab


def test_dates_and_settings():
    given = tomllib.loads(term.settings(START))
    assert sorted(given["labs"]) == LABS and given["final"]["drop_lowest"] == 1
    assert given["labs"]["lab_1_train_and_convert"] == {"due": datetime.date(2027, 2, 14), "weight": 6}
    assert given["labs"]["journal"] == {"due": datetime.date(2027, 5, 9), "weight": 18, "may_be_dropped": False}
    assert all(lab["due"].weekday() == 6 for lab in given["labs"].values())


@pytest.mark.parametrize(
    ("start", "said"), [("1.2.2027", "is not a date"), ("2027-02-03", "is a Wednesday: .*2027-02-01")]
)
def test_a_wrong_start_is_one_sentence(start, said):
    with pytest.raises(CourseError, match=said):
        term.table(start)


def test_instructors_shows_the_plan():
    assert term.table(START) in (ROOT / "INSTRUCTORS.md").read_text(encoding="utf-8")
