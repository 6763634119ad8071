"""An evening of marking as INSTRUCTORS.md tells it, from the platform's downloads to its uploads."""

import re

import pytest

from tests import ROOT
from tests.benchmarks import dry_run
from tests.grading.submissions import need_sandbox

pytestmark = pytest.mark.xdist_group("grading")


def test_the_commands_are_those_of_the_instructions():
    """The dry run names what stands in "From download to upload", in its order; the last grades who was late."""
    text = (ROOT / "INSTRUCTORS.md").read_text(encoding="utf-8")
    told = re.findall(r"^ *(make grade .*|\.venv.* desk)$", text.split("## From download to upload")[1], re.M)[:4]
    assert told[:3] == [dry_run.GRADE, dry_run.DESK, dry_run.GRADE] and told[3].startswith(dry_run.GRADE)


def test_the_downloads_are_read_and_nothing_is_odd(tmp_path):
    from tflite_course.grading import inbox, settings

    dry_run.write_downloads(tmp_path, dry_run.handed_in())
    labs = list(dry_run.ASSIGNMENTS)
    chosen = settings.read_settings(tmp_path / "grading.toml", labs)
    roster = inbox.read_roster(tmp_path / "class.csv")
    received = inbox.read(tmp_path, labs, roster=roster, settings=chosen)
    assert [len(s.handed) for s in received.submissions] == [3, 3, 3, 3, 2]
    assert [s.on_time[dry_run.L3] for s in received.submissions].count("late by 1 d 20 h") == 1
    assert received.submissions[2].on_time[dry_run.L3] == "in time"  # with extra days
    assert [a.name for a in received.absent] == ["Gus Novak"]
    assert not any(handed.odd for s in received.submissions for handed in s.handed.values())


@pytest.mark.slow
def test_an_evening_of_marking(tmp_path):
    need_sandbox()
    evening = dry_run.run(tmp_path)
    assert len(evening.seconds) <= 4
