"""Grading again: only what changed, marks by hand that stay, the history of each mark, and what can go wrong."""

import argparse
import copy
import csv
import json
import os
import shutil
import sqlite3
import subprocess
import sys

import nbformat
import pytest

from tests import ROOT
from tests.grading.submissions import hand_in_two, need_sandbox
from tflite_course.errors import CourseError
from tflite_course.grading import (
    batch,
    grade,
    gradebook,
    lab_changes,
    records,
    regrade,
    rounds,
    versions,
)
from tflite_course.grading import exercise_marks as marks

LAB = "lab_9_microcontroller"
pytestmark = pytest.mark.xdist_group("grading")


def read(kind="solutions", lab=LAB):
    return nbformat.read(ROOT / kind / lab / f"{lab}.ipynb", as_version=4)


def with_answer(notebook, **sources):
    """Return a copy of a notebook with other sources in the cells of these grade_ids."""
    changed = copy.deepcopy(notebook)
    for cell in changed.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in sources:
            cell.source = sources[name]
    return changed


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Return a work folder with lab 9 and the journal released."""
    work = tmp_path_factory.mktemp("prepared") / "work"
    work.mkdir()
    assert lab_changes.renew(work, [LAB, "journal"]) == []
    return work


@pytest.fixture
def work(prepared, tmp_path):
    return shutil.copytree(prepared, tmp_path / "work")


def pretend(work, task, points=None, hint="try again"):
    """Grade a task without running it: the checks in `points`, {exercise: points}, give these, the others all."""
    lab, student, text, plan = task["lab"], task["student"], task["text"], task.get("plan")
    before = regrade.begin(work, lab, student, plan)
    notebook = nbformat.reads(text, as_version=4)
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if name.startswith("check_") and (points or {}).get(name.removeprefix("check_")) is not None:
            cell.outputs = [nbformat.v4.new_output("stream", text=f"Tested: x\nNot yet: {hint}\n0 of 2 points.\n")]
    for kind in ("submitted", "autograded"):
        path = work / kind / student / lab / f"{lab}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)
    with gradebook.opened(work) as book:
        book.update_or_create_student(student)
        for part in book.update_or_create_submission(lab, student).notebooks:
            for row in part.grades:  # as nbgrader's SaveAutoGrades does
                if row.cell_type == "code":
                    row.auto_score = (points or {}).get(row.name.removeprefix("check_"), row.max_score)
                row.needs_manual_grade = row.manual_score is not None or row.auto_score is None
        book.db.commit()
    outcome = {"lab": lab, "student": student, "notes": [], "crashed": False}
    return regrade.settle(work, outcome, text, before, plan)


def task(work, notebook, student="ada", lab=LAB):
    text = notebook if isinstance(notebook, str) else nbformat.writes(notebook)
    return {"work": str(work), "lab": lab, "student": student, "text": text}


def choose(work, *tasks, **options):
    return regrade.choose(list(tasks), known=regrade.synchronize(work), **options)


def run(work, *tasks, points=None, **options):
    """Grade what has to be graded of these tasks; return {student: reason}, and the sentences."""
    chosen, said = choose(work, *tasks, **options)
    for one in chosen:
        pretend(work, one, points)
    return {one["student"]: one["plan"]["reason"] for one in chosen}, said


def mark(work, exercise, points, remark=None, student="ada", lab=LAB):
    """Mark by hand, as formgrader does."""
    with gradebook.opened(work) as book:
        row = book.find_grade(exercise, lab, lab, student)
        row.manual_score, row.needs_manual_grade = points, False
        if remark:
            book.find_comment(exercise, lab, lab, student).manual_comment = remark
        book.db.commit()


def marked(work, exercise, student="ada", lab=LAB):
    """Return (points by hand, whether it waits, the remark, points of the checks)."""
    found = {m.exercise: m for m in marks.read(work, lab, student)}[exercise]
    return found.manual, found.waiting, found.remark, found.automatic


def history(work, exercise, student="ada", lab=LAB):
    return [
        (e["by"], e["old"], e["new"]) for e in records.read(work, lab, student)["history"] if e["exercise"] == exercise
    ]


# --- what is graded again


def test_nothing_new_is_not_graded_again(work):
    tasks = [task(work, read(), "ada"), task(work, read("labs"), "bob")]
    assert run(work, *tasks)[0] == {"ada": regrade.FIRST, "bob": regrade.FIRST}
    assert run(work, *tasks) == ({}, [])
    record = records.read(work, LAB, "ada")
    assert record["handed_in"] == records.fingerprint(tasks[0]["text"]) and record["max_score"] == 19.0
    assert (record["score"], record["crashed"], record["flags"]) == (16.0, False, [])


def test_a_better_file_of_the_same_name_is_graded_and_no_other(work):
    bob = task(work, read(), "bob")
    run(work, task(work, read("labs")), bob, points={"dense": 0.0})
    reasons, said = run(work, task(work, read()), bob)
    assert reasons == {"ada": "a new file was handed in"}
    assert said == [f"{LAB}: a new file was handed in; 1 submission to grade again"]
    assert records.read(work, LAB, "ada")["score"] == 16.0
    assert history(work, "check_dense") == [("checks", None, 0.0), ("checks", 0.0, 3.0)]


def test_a_mark_by_hand_survives_a_change_elsewhere(work):
    run(work, task(work, read()), task(work, read(), "bob"))
    mark(work, "explain", 2.0, "Which median?")
    mark(work, "explain", 3.0, student="bob")
    mark(work, "check_dense", 1.5)
    better = with_answer(read(), fits="def fits(*arguments):\n    return True")
    better.cells.insert(4, nbformat.v4.new_code_cell("helper = 1"))
    better = with_answer(better, explain=read().cells[-1].source and _source("explain") + "  \n")
    run(work, task(work, better), task(work, read(), "bob"), points={"fits": 0.0})
    assert marked(work, "explain") == (2.0, False, "Which median?", None)
    assert marked(work, "check_dense") == (1.5, False, None, 3.0)
    assert marked(work, "explain", "bob")[:2] == (3.0, False)
    assert [row[:2] for row in marks.waiting(work, [LAB])] == []


def _source(name):
    return next(c.source for c in read().cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)


def test_a_changed_answer_waits_again_and_its_old_mark_is_kept(work):
    run(work, task(work, read()))
    mark(work, "explain", 2.0, "Which median?")
    mark(work, "check_dense", 1.5)
    changed = with_answer(read(), explain="Another text.", dense=_source("dense") + "\nmore = 1")
    run(work, task(work, changed))
    assert marked(work, "explain") == (None, True, None, None)
    assert marked(work, "check_dense") == (None, True, None, 3.0)
    entries = [e for e in records.read(work, LAB, "ada")["history"] if e["exercise"] == "explain"]
    assert [(e["by"], e["old"], e["new"], e["remark"]) for e in entries] == [
        ("by hand", None, 2.0, "Which median?"),
        ("regrading", 2.0, None, "Which median?"),
    ]
    assert entries[1]["reason"] == "a new file was handed in" and entries[1]["date"].startswith("20")


def test_a_criterion_waits_again_when_text_or_evidence_changed(work):
    lab = "journal"
    one = read("solutions", lab)
    run(work, task(work, one, lab=lab))
    mark(work, "rubric-evidence", 3.0, lab=lab)
    run(work, task(work, one, lab=lab), again=True)
    assert marked(work, "rubric-evidence", lab=lab)[:2] == (3.0, False)
    setup = copy.deepcopy(one)
    setup.cells[2].source += "\n# a remark of my own"
    run(work, task(work, setup, lab=lab))
    assert marked(work, "rubric-evidence", lab=lab)[:2] == (3.0, False)
    run(work, task(work, with_answer(one, conclusion="Otherwise."), lab=lab))
    assert marked(work, "rubric-evidence", lab=lab)[:2] == (None, True)


def test_marks_of_a_run_that_was_stopped_are_not_lost(work):
    run(work, task(work, read()))
    mark(work, "explain", 2.0)
    better = task(work, with_answer(read(), fits="fits = None"))
    chosen, _ = choose(work, better)
    regrade.begin(work, LAB, "ada", chosen[0]["plan"])
    with gradebook.opened(work) as book:  # nbgrader came as far as this
        book.find_grade("explain", LAB, LAB, "ada").needs_manual_grade = True
        book.db.commit()
    assert not regrade.is_graded(work, LAB, "ada")
    assert run(work, better)[0] == {"ada": "the last run was stopped"}
    assert marked(work, "explain")[:2] == (2.0, False)


def test_a_task_whose_worker_died_after_the_work_is_not_done_twice(work):
    (chosen,), _ = choose(work, task(work, read()))
    pretend(work, chosen)
    assert batch.worker(chosen)["score"] == 16.0  # from the record: lab 9 was not run
    assert records.read(work, LAB, "ada")["gradings"] == 1


# --- what the marks depend on


@pytest.fixture
def code(tmp_path, monkeypatch):
    """Return a copy of the code of the checks, which may be changed."""
    copied = shutil.copytree(ROOT / "tflite_course" / "labs", tmp_path / "labs")
    monkeypatch.setattr(versions, "CODE", copied)
    return copied


def concerned(work, *tasks, **options):
    chosen, _ = choose(work, *tasks, **options)
    return {one["student"]: one["plan"]["only"] for one in chosen}


def test_a_check_that_changed_concerns_its_exercise_alone(work, code):
    ada = task(work, read())
    run(work, ada)
    mark(work, "explain", 2.0)
    path = code / LAB / "dense.py"
    path.write_text(path.read_text() + "\nMORE = 1\n")
    chosen, said = choose(work, ada)
    assert [one["plan"]["only"] for one in chosen] == [["dense"]]
    assert said == [f"{LAB}: the checks changed (dense); 1 submission to grade again"]
    pretend(work, chosen[0], points={"dense": 1.0, "fits": 0.0})  # what else came out otherwise does not count
    assert (marked(work, "check_dense")[3], marked(work, "check_fits")[3]) == (1.0, 2.0)
    assert marked(work, "explain")[:2] == (2.0, False)
    assert run(work, ada) == ({}, [])


def test_code_that_checks_share_concerns_who_imports_it(work, code):
    ada = task(work, read())
    run(work, ada)
    everything = {name.removeprefix("check_") for name in versions.needs(regrade.paths(work, LAB)[0])} - {"explain"}
    path = code / "exercise.py"
    path.write_text(path.read_text() + "\nMORE = 1\n")
    assert set(concerned(work, ada)["ada"]) == everything
    importing = versions.checks("lab_3_quantize")
    shared = code / "lab_3_quantize" / "quantize.py"
    shared.write_text(shared.read_text() + "\nMORE = 1\n")
    path.write_text(path.read_text().removesuffix("\nMORE = 1\n"))
    now = versions.checks("lab_3_quantize")
    assert {name for name in now if now[name] != importing[name]} >= {"quantize"}
    assert set(now) >= {"affine_grid", "quantize", "convolve", "predict"}


def changed_lab(tmp_path, change):
    """Return a folder of solutions in which lab 9 is changed: change(notebook)."""
    notebook = read()
    change(notebook)
    folder = tmp_path / "solutions" / LAB
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, folder / f"{LAB}.ipynb")
    return folder.parent


def cell_of(notebook, name):
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)


def test_a_lab_whose_text_changed_costs_nothing(work, tmp_path):
    ada = task(work, read())
    run(work, ada)

    def change(notebook):
        notebook.cells[0].source += "\n\nBetter words."
        cell_of(notebook, "dense").source = cell_of(notebook, "dense").source.replace("### BEGIN", "\n    ### BEGIN")

    (said,) = lab_changes.renew(work, [LAB], changed_lab(tmp_path, change))
    assert "has changed since it was released: no mark depends on what changed. The gradebook as it was: gradeb" in said
    assert run(work, ada) == ({}, [])
    assert lab_changes.renew(work, [LAB], tmp_path / "solutions") == []


def test_points_that_changed_are_given_again(work, tmp_path):
    ada = task(work, read())
    run(work, ada)
    mark(work, "explain", 3.0, "All of it.")
    mark(work, "check_dense", 1.0)

    def change(notebook):
        cell_of(notebook, "explain").metadata.nbgrader.points = 4
        cell_of(notebook, "check_fits").source += "\n# one more case"

    (said,) = lab_changes.renew(work, [LAB], changed_lab(tmp_path, change))
    assert "marks depend on explain, fits" in said
    chosen, sentences = choose(work, ada)
    assert chosen[0]["plan"]["only"] == ["explain", "fits"] and "the lab changed (explain, fits)" in sentences[0]
    pretend(work, chosen[0], points={"fits": 0.0})
    assert marked(work, "explain")[:2] == (None, True) and history(work, "explain")[-1] == ("regrading", 3.0, None)
    assert marked(work, "check_dense")[:2] == (1.0, False) and marked(work, "check_fits")[3] == 0.0
    assert records.read(work, LAB, "ada")["max_score"] == 20.0
    assert run(work, ada) == ({}, [])


def test_exercises_that_come_and_go_leave_the_others_alone(work, tmp_path):
    """nbgrader refuses this for a lab that has submissions."""
    ada = task(work, read())
    run(work, ada)
    mark(work, "explain", 2.0)

    def change(notebook):
        notebook.cells = [
            c for c in notebook.cells if c not in (cell_of(notebook, "dense"), cell_of(notebook, "check_dense"))
        ]
        why = copy.deepcopy(cell_of(notebook, "explain"))
        why.id, why.metadata.nbgrader.grade_id = "why", "why"
        notebook.cells.append(why)

    (said,) = lab_changes.renew(work, [LAB], changed_lab(tmp_path, change))
    assert "marks depend on dense, why" in said
    found = {m.exercise: m for m in marks.read(work, LAB, "ada")}
    assert "check_dense" not in found and found["why"].waiting and found["explain"].manual == 2.0
    new = read()
    change(new)
    chosen, _ = choose(work, task(work, new))
    pretend(work, chosen[0])
    assert marked(work, "explain")[:2] == (2.0, False) and marked(work, "why")[:2] == (None, True)
    assert records.read(work, LAB, "ada")["max_score"] == 19.0


# --- choosing


def test_choosing_students_labs_and_exercises(work):
    tasks = [
        task(work, read(), "ada"),
        task(work, read(), "bob"),
        task(work, read("labs", "journal"), "ada", "journal"),
    ]
    run(work, *tasks)
    names = lambda **options: [(t["student"], t["lab"]) for t in choose(work, *tasks, again=True, **options)[0]]  # noqa: E731
    assert names(students=["bob"]) == [("bob", LAB)]
    assert names(labs=["journal"]) == [("ada", "journal")]
    assert names(exercises=["dense"]) == [("ada", LAB), ("bob", LAB)]
    assert names(exercises=["check_dense"], students=["ada"]) == [("ada", LAB)]
    for options, sentence in (
        ({"students": ["Ada"]}, "There is no student Ada in what was handed in: choose from ada, bob."),
        ({"labs": ["lab_99"]}, "There is no lab lab_99 in what was handed in: choose from journal, lab_9_micro"),
        ({"exercises": ["nothing"]}, "There is no exercise nothing in what was handed in: choose from "),
        ({"keep": "first"}, "keep is 'first': choose from last, best."),
    ):
        with pytest.raises(CourseError) as caught:
            choose(work, *tasks, **options)
        assert str(caught.value).startswith(sentence)


def test_one_exercise_of_a_new_file(work):
    run(work, task(work, read("labs")), points={"dense": 0.0, "fits": 0.0})
    better = task(work, read())
    run(work, better, exercises=["dense"])
    assert (marked(work, "check_dense")[3], marked(work, "check_fits")[3]) == (3.0, 0.0)
    assert run(work, better)[0] == {"ada": "a new file was handed in"}  # the rest of it is still to be graded
    assert marked(work, "check_fits")[3] == 2.0


def test_the_command_has_the_choices():
    parser = argparse.ArgumentParser()
    regrade.add_arguments(parser)
    chosen = regrade.chosen_by(
        parser.parse_args(["--student", "ada", "--student", "bob", "--exercise", "x", "--again"])
    )
    assert chosen == {"again": True, "keep": "last", "students": ["ada", "bob"], "labs": None, "exercises": ["x"]}


@pytest.mark.parametrize(("keep", "points", "answer"), [("last", 1.0, "second"), ("best", 3.0, "first")])
def test_last_or_best(work, keep, points, answer):
    run(work, task(work, with_answer(read(), dense="first = 1")), keep=keep)
    mark(work, "explain", 2.0)
    second = task(work, with_answer(read(), dense="second = 1", explain="Nothing."))
    run(work, second, points={"dense": 1.0}, keep=keep)
    assert marked(work, "check_dense")[3] == points
    assert marked(work, "explain")[:2] == ((2.0, False) if keep == "best" else (None, True))
    for kind in ("submitted", "autograded"):
        text = (work / kind / "ada" / LAB / f"{LAB}.ipynb").read_text()
        assert f"{answer} = 1" in text
    assert run(work, second, keep=keep) == ({}, [])
    assert bool(records.read(work, LAB, "ada")["notes"]) == (keep == "best")
    third = task(work, with_answer(read(), dense="third = 1"))
    run(work, third, keep=keep)
    assert "third = 1" in (work / "submitted" / "ada" / LAB / f"{LAB}.ipynb").read_text()


# --- what is written


def table(path):
    with open(path, encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_log_of_marks(work):
    run(work, task(work, read()), points={"dense": 1.0})
    mark(work, "explain", 2.0, "=2+2 is wrong")
    known = regrade.synchronize(work)
    rows = table(records.write_log(work, known))
    hand = [row for row in rows if row["by"] == "by hand"]
    assert [(r["student"], r["lab"], r["exercise"], r["old"], r["new"], r["remark"]) for r in hand] == [
        ("ada", LAB, "explain", "", "2.0", "'=2+2 is wrong")
    ]
    assert len([row for row in rows if row["by"] == "checks"]) == 7
    assert records.read(work, LAB, "ada")["hints"] == {"dense": "try again"}


def test_a_failure_is_noted_and_tried_again(work):
    run(work, task(work, read()))
    bad = {"work": str(work), "lab": LAB, "text": 7}  # what was handed in is not even text
    result = batch.worker({**bad, "student": "ada"})
    assert result["failed"] and "the grader failed: " in result["notes"][0]
    assert "the grader failed" in records.read(work, LAB, "ada")["notes"][0]
    assert records.read(work, LAB, "ada")["score"] == 16.0
    batch.worker({**bad, "student": "eve"})
    assert records.read(work, LAB, "eve")["notes"] == records.read(work, LAB, "ada")["notes"]
    assert run(work, task(work, read(), "eve"))[0] == {"eve": regrade.FIRST}


def test_pages_and_files_are_made_again_only_when_marks_changed(work):
    ada = task(work, read())
    run(work, ada)
    known = regrade.synchronize(work)
    assert regrade.without_page(work, known) == [(LAB, "ada")]
    page = work / "feedback" / "ada" / LAB / f"{LAB}.html"
    page.parent.mkdir(parents=True)
    page.touch()
    regrade.remember_page(work, known, LAB, "ada")
    regrade.remember_export(work, known, [page])
    known = regrade.synchronize(work)
    assert regrade.without_page(work, known) == [] and regrade.exported(work, known) == [page]
    assert regrade.exported(work, known, also=["another roster"]) is None
    mark(work, "explain", 1.0)
    known = regrade.synchronize(work)
    assert regrade.without_page(work, known) == [(LAB, "ada")] and regrade.exported(work, known) is None
    regrade.remember_export(work, known, [page])
    assert regrade.exported(work, known) == [page]
    page.unlink()
    assert regrade.exported(work, known) is None
    for text in ("", "{", "3", '{"files": 3}', '{"files": []}'):
        (work / regrade.EXPORTED).write_text(text)
        assert regrade.exported(work, known) is None


def test_a_page_that_cannot_be_made_stops_no_other(work, monkeypatch):
    run(work, task(work, read()), task(work, read(), "bob"))
    made, said = [], []

    def feedback_of(work, lab, student):
        if student == "ada":
            raise RuntimeError("a picture\nof a kind that nobody knows")
        made.append(student)

    monkeypatch.setattr("tflite_course.grading.feedback.feedback", feedback_of)
    known = regrade.synchronize(work)
    rounds.write_pages(work, known, said.append)
    reason = "a picture of a kind that nobody knows"
    assert said == [f"ada {LAB}: its feedback page could not be made ({reason}); its marks are kept."]
    assert (
        made == ["bob"]
        and records.read(work, LAB, "bob").get("page")
        and not records.read(work, LAB, "ada").get("page")
    )
    full = OSError(28, "No space left on device")
    monkeypatch.setattr("tflite_course.grading.feedback.feedback", lambda *_: (_ for _ in ()).throw(full))
    with pytest.raises(CourseError, match="The disk is full"):
        rounds.write_pages(work, known)


# --- what goes wrong


def test_a_work_folder_of_the_first_edition_is_taken_over(work):
    run(work, task(work, read()), task(work, read(), "bob"))
    mark(work, "explain", 2.0, "Good.")
    shutil.rmtree(work / records.FOLDER)
    (work / lab_changes.PREPARED).unlink()
    assert lab_changes.renew(work, [LAB]) == []  # the source is the same
    changed = task(work, with_answer(read(), explain="New."), "bob")
    mark(work, "explain", 1.0, student="bob")
    reasons, said = run(work, task(work, read()), changed)
    assert set(reasons.values()) == {"graded before there were records"} and "2 submissions to grade again" in said[0]
    assert marked(work, "explain") == (2.0, False, "Good.", None)
    assert marked(work, "explain", "bob")[:2] == (None, True)
    assert history(work, "explain", "bob") == [("by hand", None, 1.0), ("regrading", 1.0, None)]
    assert run(work, task(work, read()), changed) == ({}, [])


@pytest.mark.parametrize("above", ["work", "course"])
def test_a_changed_lab_is_noticed_wherever_the_course_lies(tmp_path, above):
    folder = tmp_path / above / LAB
    (folder / "work").mkdir(parents=True)
    (folder / f"{LAB}.ipynb").write_text("{}")
    before = lab_changes._version(folder)
    (folder / "work" / "my.tflite").write_text("left by a run")
    assert lab_changes._version(folder) == before
    (folder / f"{LAB}.ipynb").write_text("{ }")
    assert lab_changes._version(folder) != before


def test_a_gradebook_that_was_taken_away_comes_back_from_the_records(work):
    run(work, task(work, read()))
    mark(work, "explain", 2.0, "Good.")
    regrade.synchronize(work)
    (work / gradebook.FILE).write_bytes(b"no gradebook at all, but long enough to be one of another kind" * 30)
    with pytest.raises(CourseError, match=r"gradebook\.db cannot be read .* rename it; .* come back from the records"):
        gradebook.check_database(work)
    (work / gradebook.FILE).unlink()
    assert gradebook.check_database(work) is None
    this = rounds.begin(work, [task(work, read(), "bob")])
    assert this.said == [
        f"1 graded submissions are not in the gradebook (ada {LAB}): hand them in with the others once more, and their "
        "marks by hand come back."
    ]
    assert regrade.without_page(work, rounds.end(work, this)) == []
    assert run(work, task(work, read()))[0] == {"ada": "the gradebook does not have it"}
    assert marked(work, "explain") == (2.0, False, "Good.", None)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"marks": 3}', "\x00", "[" * 100_000])
def test_a_damaged_record_is_set_aside(work, text):
    run(work, task(work, read()), task(work, read(), "bob"))
    mark(work, "explain", 2.0)
    records.path_of(work, LAB, "ada").write_text(text)
    assert set(run(work, task(work, read()), task(work, read(), "bob"))[0]) == {"ada"}
    assert records.path_of(work, LAB, "ada").with_suffix(".damaged").read_text() == text
    assert marked(work, "explain")[:2] == (2.0, False)


def make_old(path):
    """Turn a gradebook into one of nbgrader 0.6: no courses, no number of the platform."""
    link = sqlite3.connect(path)
    link.executescript(
        "create table old (id VARCHAR(32) NOT NULL, name VARCHAR(128) NOT NULL, duedate DATETIME, PRIMARY KEY (id));"
        "insert into old select id, name, duedate from assignment; drop table assignment;"
        "alter table old rename to assignment; drop table course; alter table student drop column lms_user_id;"
        "update alembic_version set version_num = '167914646830';"
    )
    link.close()


@pytest.mark.slow
def test_a_gradebook_of_an_older_nbgrader_is_upgraded(work):
    run(work, task(work, read()))
    mark(work, "explain", 2.0, "Good.")
    make_old(work / gradebook.FILE)
    said = gradebook.check_database(work)
    assert "made by an older nbgrader and is upgraded; as it was: gradebook-2" in said
    assert len(list(work.glob("gradebook-*.db"))) == 1 and gradebook.check_database(work) is None
    assert marked(work, "explain") == (2.0, False, "Good.", None)
    with gradebook.opened(work) as book:
        assert book.find_submission(LAB, "ada").score == 18.0
    assert run(work, task(work, read())) == ({}, [])


@pytest.mark.slow
def test_a_gradebook_without_a_version(work):
    """Where nbgrader could not call alembic, it left all tables and no version."""
    run(work, task(work, read()))
    sqlite3.connect(work / gradebook.FILE).executescript("drop table alembic_version")
    assert "is upgraded" in gradebook.check_database(work)
    assert gradebook.check_database(work) is None and marked(work, "check_dense")[3] == 3.0


def test_a_gradebook_of_a_newer_nbgrader_is_left_alone(work):
    link = sqlite3.connect(work / gradebook.FILE)
    link.executescript("update alembic_version set version_num = 'ffffffffffff'")
    link.close()
    before = (work / gradebook.FILE).read_bytes()
    with pytest.raises(CourseError, match="made by a newer nbgrader .*ffffffffffff.* another folder with --work"):
        gradebook.check_database(work)
    assert (work / gradebook.FILE).read_bytes() == before


def test_an_upgrade_that_fails_leaves_the_gradebook_as_it_was(work, monkeypatch):
    make_old(work / gradebook.FILE)
    before = (work / gradebook.FILE).read_bytes()
    monkeypatch.setattr("nbgrader.dbutil.upgrade", lambda url: (_ for _ in ()).throw(OSError("no alembic")))
    with pytest.raises(CourseError, match="cannot be upgraded .no alembic.: it is as it was"):
        gradebook.check_database(work)
    assert (work / gradebook.FILE).read_bytes() == before


def test_revisions_are_those_of_nbgrader():
    from nbgrader.api import get_alembic_version

    os.environ["PATH"] = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"
    assert gradebook.revisions()[-1] == get_alembic_version()


FULL_DISK = """
import pathlib, sys, nbformat
from tests.grading.test_regrade import LAB, pretend, read, task, marked, run, mark
from tflite_course.grading import batch, gradebook, records, regrade
work = pathlib.Path(sys.argv[1])
run(work, task(work, read()))
mark(work, "explain", 2.0)
chosen, _ = regrade.choose([task(work, read("labs"), f"s{k:03d}") for k in range(200)], known=regrade.synchronize(work))
batch.grade = lambda **task: pretend(work, task)
said, done = "nothing was full", 0
def in_this_process(tasks, workers, scheduler):
    for task in tasks:
        yield batch.worker(task)
batch._in_processes = in_this_process
try:
    done = len(batch.grade_all(chosen, report=lambda line: None))
except Exception as error:
    said = f"{type(error).__name__}: {error}"
print(said)
filler = work / "filler"
filler.unlink()
known = regrade.synchronize(work)
print(sum(record["graded_at"] is not None for record in known.values()), marked(work, "explain")[:2])
left, _ = regrade.choose([{k: t[k] for k in ("work", "lab", "student", "text")} for t in chosen], known=known)
print(len(left), len(batch.grade_all(left[:3], report=lambda line: None)))
"""


def test_a_full_disk_is_one_sentence_and_the_next_run_goes_on(prepared, tmp_path):
    """On a small disk that is really full: a temporary file system of 8 MB, made by bubblewrap."""
    need_sandbox()
    (tmp_path / "small").mkdir()
    small = tmp_path / "small"
    script = (
        f"cp -r {prepared}/. {small}/ && head -c 4000000 /dev/zero > {small}/filler && exec {sys.executable} - {small}"
    )
    command = ["bwrap", "--dev-bind", "/", "/", "--size", "8000000", "--tmpfs", small, "sh", "-c", script]
    done = subprocess.run(command, input=FULL_DISK, capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    said, graded, again = done.stdout.splitlines()
    assert said == f"CourseError: {gradebook.DISK_FULL}"
    count, hand = graded.split(" ", 1)
    assert 1 < int(count) < 200 and hand == "(2.0, False)"
    assert int(again.split()[0]) == 201 - int(count) and again.split()[1] == "3"


def test_a_record_is_whole_or_old(work, monkeypatch):
    run(work, task(work, read()))
    before = records.path_of(work, LAB, "ada").read_text()
    monkeypatch.setattr(records.os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        records.write(work, records.read(work, LAB, "ada") | {"score": 0.0})
    assert records.path_of(work, LAB, "ada").read_text() == before
    assert [p.name for p in records.path_of(work, LAB, "ada").parent.iterdir()] == ["ada.json"]


# --- the command


QUICK = """
import runpy, sys
sys.argv = ["grading", *sys.argv[1:]]
runpy.run_module("tflite_course.grading", run_name="__main__")
heavy = {"tensorflow", "nbgrader", "nbformat", "ai_edge_litert"} & set(sys.modules)
print("imported:", sorted(heavy))
"""


@pytest.mark.slow
def test_the_command_grades_again_what_changed(tmp_path):
    """Two students in the sandbox; then nothing new, which imports nothing heavy; then one new file."""
    need_sandbox()
    hand_in_two(tmp_path / "in", LAB)
    work = tmp_path / "work"

    def command(*more):
        arguments = [sys.executable, "-c", QUICK, tmp_path / "in", "--work", work, "--labs", LAB, "--yes", *more]
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=400, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "2 submissions to grade" in command()
    again = command()
    assert "0 submissions to grade" in again and "imported: []" in again
    mark(work, "explain", 2.0, "Good.")
    shutil.copy(ROOT / "solutions" / LAB / f"{LAB}.ipynb", tmp_path / "in" / "bob")
    said = command()
    assert "a new file was handed in; 1 submission to grade again" in said and "bob" in said.split("[1/1]")[1]
    assert records.read(work, LAB, "bob")["score"] == 16.0 and marked(work, "explain")[0] == 2.0
    assert "Good." in (work / "feedback" / "ada" / LAB / f"{LAB}.html").read_text(encoding="utf-8")
    assert "0 submissions to grade" in command() and "imported: []" in command()
    json.loads((work / lab_changes.PREPARED).read_text())
    assert grade.is_graded(work, LAB, "ada")
