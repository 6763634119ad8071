"""final.csv: weights, the lowest dropped, dates, the late rule, extensions and groups."""

import csv
import datetime
import itertools

import pytest

from tflite_course.grading import final, settings
from tflite_course.grading import marks as all_marks

LABS = ["lab_1_train_and_convert", "lab_2_interpreter_and_drawing", "lab_3_quantize"]
L1, L2, L3 = LABS
NOW = datetime.datetime(2026, 12, 20, tzinfo=datetime.UTC)
TOML = f"""timezone = "Europe/Berlin"
[late]
percent_per_day = 10
most_percent = 30
grace_minutes = 15
[labs.{L1}]
due = "01.12.2026 12:00"
[labs.{L2}]
due = 2026-12-01T12:00:00+01:00
weight = 2
[labs.{L3}]
due = 2026-12-24
group = true
may_be_dropped = false
"""


def read_settings(tmp_path, text=TOML):
    (tmp_path / "grading.toml").write_text(text, encoding="utf-8")
    return settings.read_settings(tmp_path / "grading.toml", LABS)


def mark(student, lab, score, when=None, waiting=0, **entry):
    return all_marks.Mark(student, lab, score, 10.0, waiting, [], {"when": when, "platform": "Canvas"} | entry)


def write(tmp_path, marks, students, chosen):
    """Write final.csv of these marks; return {student: row}."""
    found = all_marks.Marks({(m.student, m.lab): m for m in marks}, dict.fromkeys(LABS, 10.0), students)
    with open(final.write_final(tmp_path, chosen, now=NOW, marks=found), encoding="utf-8-sig", newline="") as stream:
        return {row["student"]: row for row in csv.DictReader(stream)}


@pytest.mark.parametrize(
    ("when", "days", "percent", "note"),
    [
        ("2026-12-01T11:00:00+01:00", 0, 0, ""),
        ("2026-12-01T12:15:00+01:00", 0, 0, ""),  # the last minute of the grace
        ("2026-12-01T12:16:00+01:00", 0, 10, "late by 1 day: 10 % off"),
        ("2026-12-02T12:00:00+01:00", 0, 10, "late by 1 day"),
        ("2026-12-02T12:01:00+01:00", 0, 20, "late by 2 days"),
        ("2026-12-20T12:00:00+01:00", 0, 30, "30 % off"),  # not more than the cap
        ("2026-12-02T11:00:00+01:00", 1, 0, ""),  # an extension of a day
        ("2026-12-02T12:16:00+01:00", 1, 10, "late by 1 day"),
        ("2026-12-01T11:16:00+00:00", 0, 10, "late by 1 day"),  # another zone, the same moment
        (None, 0, 0, ""),
    ],
)
def test_the_late_rule(tmp_path, when, days, percent, note):
    chosen = read_settings(tmp_path)
    share, said = final.late_share(chosen, L1, {"when": when}, final.Extension(days))
    assert share == pytest.approx(1 - percent / 100) and note in said and bool(said) == bool(note)


def test_late_without_a_time_is_said_and_takes_nothing(tmp_path):
    chosen = read_settings(tmp_path)
    share, said = final.late_share(chosen, L1, {"when": None, "late": True, "platform": "Canvas"}, final.Extension(0))
    assert share == 1 and "Canvas calls lab_1_train_and_convert late, but not by how much" in said


def test_weights(tmp_path):
    chosen = read_settings(tmp_path)
    rows = write(tmp_path, [mark("a", L1, 10), mark("a", L2, 4), mark("a", L3, 7)], {"a": {}}, chosen)
    assert rows["a"]["final (of 100)"] == f"{100 * (1 * 1.0 + 2 * 0.4 + 1 * 0.7) / 4:.2f}"
    assert [rows["a"][lab] for lab in LABS] == ["100.0 %", "40.0 %", "70.0 %"]


def test_what_is_missing_counts_zero_once_it_is_due(tmp_path):
    chosen = read_settings(tmp_path)
    rows = write(tmp_path, [mark("a", L1, 10)], {"a": {}}, chosen)
    assert rows["a"]["final (of 100)"] == f"{100 * 1 / 3:.2f}"  # lab 2 with its weight of two, lab 3 is not due yet
    assert f"{L2} was not handed in" in rows["a"]["why"] and f"{L3} is not due yet" in rows["a"]["why"]


def test_what_waits_leaves_the_mark_open(tmp_path):
    chosen = read_settings(tmp_path)
    rows = write(tmp_path, [mark("a", L1, 10, waiting=2), mark("a", L2, 9)], {"a": {}}, chosen)
    assert rows["a"]["final (of 100)"] == "" and f"{L1} waits for a person" in rows["a"]["why"]


@pytest.mark.parametrize("scores", list(itertools.permutations([2, 6, 9])))
def test_the_lowest_is_dropped(tmp_path, scores):
    """Of those that may be: lab 3 may not. Weights are those of what is left."""
    chosen = read_settings(tmp_path, TOML + "[final]\ndrop_lowest = 1\nout_of = 20\n")
    marks = [mark("a", lab, score) for lab, score in zip(LABS, scores, strict=True)]
    row = write(tmp_path, marks, {"a": {}}, chosen)["a"]
    first, second, third = (score / 10 for score in scores)
    best = (2 * second + third) / 3 if first < second else (first + third) / 2
    assert float(row["final (of 20)"]) == pytest.approx(20 * best, abs=0.006)
    assert f"{L1 if first < second else L2} is dropped" in row["why"]


def test_one_part_always_stays(tmp_path):
    chosen = read_settings(tmp_path, "[final]\ndrop_lowest = 9\n")
    row = write(tmp_path, [mark("a", L1, 10)], {"a": {}}, chosen)["a"]
    assert row["final (of 100)"] == "100.00"


def test_extensions_and_groups(tmp_path):
    chosen = read_settings(tmp_path)
    late = "2026-12-25T12:00:00+01:00"
    students = {
        "a": {"group": "g1", "name": "Ada"},
        "b": {"group": "g1", "days": 2},
        "c": {"group": "g2"},
        "d": {"group": ""},
        "e": {"group": ""},
    }
    marks = [mark("a", L3, 10, late), mark("d", L3, 5)]
    rows = write(tmp_path, marks, students, chosen)
    assert rows["a"][L3] == "90.0 %" and f"{L3} is late by 1 day" in rows["a"]["why"]
    assert rows["b"][L3] == "100.0 %", "an extension of two days"
    assert f"{L3} was handed in by Ada for the group" in rows["b"]["why"]
    assert rows["c"][L3] == "" and rows["e"][L3] == "", "no group, or another"


def test_a_weight_of_zero_counts_nothing(tmp_path):
    chosen = read_settings(tmp_path, f"[labs.{L1}]\nweight = 0\n[labs.{L2}]\nweight = 0\n[labs.{L3}]\nweight = 0\n")
    assert write(tmp_path, [mark("a", L1, 10)], {"a": {}}, chosen)["a"]["final (of 100)"] == ""
