"""Grade submissions with nbgrader: one process a worker, each submission's kernel in its sandbox, every student a row.

A class has a folder of its own, the work folder: source/, release/, submitted/, autograded/, feedback/, gradebook.db.
A submission that is graded is not graded again; a batch that was stopped goes on where it stopped.
"""

import json
import os
import shutil
import sys
from pathlib import Path

import nbformat

from tflite_course.authoring import labs as release
from tflite_course.grading import gradebook, intake, lint, outputs, records, regrade, repair
from tflite_course.grading.judge import execute

is_graded = regrade.is_graded
PATIENCE = 4  # times as long, when the set-up cell of the course did not get through: then the machine was busy


def prepare(work, labs, solutions=None):
    """Make the work folder: a copy of the solutions, the released labs, and the gradebook with their cells."""
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory

    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader calls alembic
    for lab in labs:
        target = Path(work) / "source" / lab
        if target.exists():
            shutil.rmtree(target)
        shutil.copytree(
            Path(solutions or release.solutions_folder()) / lab,
            target,
            ignore=shutil.ignore_patterns("work", ".ipynb_checkpoints"),
        )
        config = gradebook.make_config(work, lab)
        gradebook.quietly(GenerateAssignment(coursedir=CourseDirectory(config=config), config=config))


def grade(work, lab, student, text, *, files=None, sandboxed=True, again=False, plan=None):
    """Grade one submission; return {"student", "lab", "score", "max_score", "notes", "flags", "hints", ...}.

    text: the notebook as it was handed in; files: what lay beside it, {relative name: bytes}. plan: why, and for which
    exercises, see regrade.choose(). Whatever it holds or does, the student gets a row in the gradebook: what cannot be
    run scores 0, with a note that says why. hints: {exercise: what the judge said of a wrong answer}; flags: sentences
    for the marker. Called in a worker process; nbgrader changes its folder.
    """
    if regrade.is_done(work, lab, student, text, again, plan, files):  # its first worker died after the work was done
        return records.result(records.read(work, lab, student))
    before = regrade.begin(work, lab, student, plan)
    released = nbformat.read(Path(work) / "release" / lab / f"{lab}.ipynb", as_version=4)
    folder = Path(work) / "submitted" / student / lab
    notes, flags, judged, crashed = [], [], None, False
    shutil.rmtree(folder, ignore_errors=True)  # files of an earlier version would run beside this one
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (files or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    try:
        notebook, notes = intake.take(text, released, folder)
        flags = lint.inspect(notebook, released)
    except Exception as error:
        notes, crashed = [intake.why_not(error)], True
        notebook = released
    nbformat.write(notebook, folder / f"{lab}.ipynb")
    if not crashed:
        try:
            judged = _run(work, lab, student, sandboxed, released)
            notes += judged["notes"]
        except Exception as error:
            reason = str(error).strip().splitlines()
            notes.append(
                f"it could not be run to its end and scores 0: {reason[-1] if reason else type(error).__name__}"
            )
    outcome = _settle(work, lab, student, notebook, released, notes, flags, judged)
    target, source = (Path(work) / folder / lab / f"{lab}.ipynb" for folder in (f"autograded/{student}", "source"))
    outputs.clean_graded(target, source)
    return regrade.settle(work, outcome, text, before, plan, files)


def _run(work, lab, student, sandboxed, released):
    """Run a submission, once more with more time when the machine was too busy for its set-up cell.

    Returns what the judge said, see _autograde.
    """
    for patience in (1, PATIENCE):
        judged = _autograde(work, lab, student, sandboxed, patience)
        if not _setup_was_cut(Path(work) / "autograded" / student / lab / f"{lab}.ipynb", released):
            return judged
    twice = "its set-up cell was stopped by the time limit twice: grade it with --again when the machine is less busy."
    return judged | {"notes": [*judged["notes"], twice]}


def _setup_was_cut(path, released):
    """Return whether the time limit stopped a cell of the course that stands before the first answer."""
    setup = []
    for cell in released.cells:
        if "nbgrader" in cell.metadata:
            break
        setup.append(cell.source)
    return any(
        cell.source in setup and any(output.get("ename") == "CellTimeoutError" for output in cell.get("outputs", []))
        for cell in nbformat.read(path, as_version=4).cells
    )


def _autograde(work, lab, student, sandboxed, patience=1):
    """Run nbgrader's step; return what the judge said: {"verdicts", "notes", "ended"}."""
    from nbgrader.converters import Autograde
    from nbgrader.coursedir import CourseDirectory

    record = Path(work) / "judged" / lab / f"{student}.json"
    record.parent.mkdir(parents=True, exist_ok=True)
    record.unlink(missing_ok=True)
    config = gradebook.make_config(work, lab, student)
    config.Execute.timeout *= patience
    execute.configure(config, sandboxed=sandboxed, record=str(record))
    here = os.getcwd()
    try:
        gradebook.quietly(Autograde(coursedir=CourseDirectory(config=config), config=config))
    finally:
        os.chdir(here)
    return json.loads(record.read_text(encoding="utf-8"))


def _settle(work, lab, student, notebook, released, notes, flags, judged):
    """Write the last word into the gradebook: zeros for what could not be run, notes and flags as comments.

    judged: what _autograde returned, or None when the submission could not be run.
    """
    from nbgrader.api import Gradebook

    target = Path(work) / "autograded" / student / lab / f"{lab}.ipynb"
    if judged is None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        nbformat.write(notebook, target)
    to_read = repair.answered(notebook, released)
    remarks = [*notes, *(f"{flag}." for flag in flags)]
    with Gradebook(gradebook.database(work), gradebook.COURSE_ID) as book:
        book.update_or_create_student(student)
        submission = book.update_or_create_submission(lab, student)
        for part in submission.notebooks:
            for grade_ in part.grades:
                if grade_.max_score == 0:  # a section of the journal: its criteria are marked, not it
                    grade_.auto_score, grade_.needs_manual_grade = 0.0, False
                elif judged is None and grade_.name in to_read:  # a person reads it all the same
                    grade_.auto_score, grade_.needs_manual_grade = None, True
                elif judged is None:
                    grade_.auto_score, grade_.needs_manual_grade = 0.0, False
                if grade_.auto_score is not None and not 0 <= grade_.auto_score <= grade_.max_score:
                    grade_.auto_score, grade_.needs_manual_grade = 0.0, True
            if remarks and part.comments:
                part.comments[0].auto_comment = "\n\n".join(remarks)
        book.db.commit()
    verdicts = (judged or {"verdicts": {}})["verdicts"].values()
    hints = {verdict["exercise"]: verdict["hint"] for verdict in verdicts if verdict["hint"] is not None}
    said = {"notes": notes, "flags": flags, "hints": hints, "crashed": judged is None}
    return {"lab": lab, "student": student, **said}
