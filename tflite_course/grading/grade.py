"""Grade submissions with nbgrader: one process a worker, each submission's kernel in its sandbox, every student a row.

A class has a folder of its own, the work folder: source/, release/, submitted/, autograded/, feedback/, gradebook.db.
A submission that is graded is not graded again; a batch that was stopped goes on where it stopped.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat

from tflite_course.authoring import labs as release
from tflite_course.grading import gradebook, intake, lint, outputs, repair

PATIENCE = 4  # times as long, when the set-up cell of the course did not get through: then the machine was busy


def prepare(work, labs, solutions=release.ROOT / "solutions"):
    """Make the work folder: a copy of the solutions, the released labs, and the gradebook with their hidden tests."""
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory

    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader calls alembic
    for lab in labs:
        target = Path(work) / "source" / lab
        if target.exists():
            shutil.rmtree(target)
        shutil.copytree(Path(solutions) / lab, target, ignore=shutil.ignore_patterns("work", ".ipynb_checkpoints"))
        config = gradebook.make_config(work, lab)
        gradebook.quietly(GenerateAssignment(coursedir=CourseDirectory(config=config), config=config))


def is_graded(work, lab, student):
    """Return whether the batch was through with a submission: it has an autograded notebook and no mark of a start."""
    folder = Path(work) / "autograded" / student / lab
    return (folder / f"{lab}.ipynb").is_file() and not _started(work, lab, student).exists()


def _started(work, lab, student):
    return Path(work) / "started" / f"{student} {lab}"


def grade(work, lab, student, text, *, sandboxed=True, again=False):
    """Grade one submission; return {"student", "lab", "score", "max_score", "notes", "crashed", "held"}.

    text: the notebook as it was handed in. Whatever it holds or does, the student gets a row in the gradebook: what
    cannot be run scores 0, with a note that says why. Called in a worker process; nbgrader changes its folder.
    """
    if not again and is_graded(work, lab, student):  # its first worker died after the work was done
        return _result(work, lab, student, [], False, False)
    started = _started(work, lab, student)
    started.parent.mkdir(exist_ok=True)
    started.touch()
    released = nbformat.read(Path(work) / "release" / lab / f"{lab}.ipynb", as_version=4)
    folder = Path(work) / "submitted" / student / lab
    notes, crashed, held = [], False, {}
    folder.mkdir(parents=True, exist_ok=True)
    try:
        notebook, notes = intake.take(text, released, folder)
        held = lint.inspect(notebook, released)
    except Exception as error:
        notes, crashed = [intake.why_not(error)], True
        notebook = released
    nbformat.write(notebook, folder / f"{lab}.ipynb")
    if not crashed:
        try:
            notes += _run(work, lab, student, sandboxed, released)
        except Exception as error:
            crashed = True
            reason = str(error).strip().splitlines()
            notes.append(
                f"it could not be run to its end and scores 0: {reason[-1] if reason else type(error).__name__}"
            )
    result = _settle(work, lab, student, notebook, released, notes, crashed, held)
    target, source = (Path(work) / folder / lab / f"{lab}.ipynb" for folder in (f"autograded/{student}", "source"))
    outputs.clean_graded(target, source)
    started.unlink()
    return result


def _run(work, lab, student, sandboxed, released):
    """Run a submission, once more with more time when the machine was too busy for its set-up cell; return notes."""
    for patience in (1, PATIENCE):
        _autograde(work, lab, student, sandboxed, patience)
        if not _setup_was_cut(Path(work) / "autograded" / student / lab / f"{lab}.ipynb", released):
            return []
    return ["its set-up cell was stopped by the time limit twice: grade it with --again when the machine is less busy."]


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
    from nbgrader.converters import Autograde
    from nbgrader.coursedir import CourseDirectory

    config = gradebook.make_config(work, lab, student)
    config.Execute.kernel_name = "python3"
    config.Execute.timeout *= patience
    with tempfile.TemporaryDirectory(prefix="kernel-") as sockets:
        note = Path(sockets) / "note"
        os.environ["GRADE_NOTE"] = str(note)
        if sandboxed:
            os.environ["JUPYTER_PATH"] = str(Path(__file__).parent)
            config.Execute.kernel_name = "sandbox-python3"
            config.KernelManager.transport = "ipc"
            (Path(sockets) / "s").mkdir()
            config.KernelManager.ip = f"{sockets}/s/k"  # absolute: a relative one never connects
        here = os.getcwd()
        try:
            gradebook.quietly(Autograde(coursedir=CourseDirectory(config=config), config=config))
        except RuntimeError as error:
            why = note.read_text(encoding="utf-8") if note.exists() else ""
            raise RuntimeError(f"{error}\n{why}" if why else str(error)) from None
        finally:
            os.chdir(here)


def _ran(cell):
    """Return whether a check ran to its end: it printed what it tested and gave its points."""
    outputs = cell.get("outputs", [])
    said = "".join(o.get("text", "") for o in outputs if o.output_type == "stream" and o.name == "stdout")
    gave = [o for o in outputs if o.output_type == "execute_result"]
    return "Tested: " in said and len(gave) == 1


def _settle(work, lab, student, notebook, released, notes, crashed, held):
    """Write the last word into the gradebook: zeros for what crashed or did not run, notes as comments."""
    from nbgrader.api import Gradebook

    target = Path(work) / "autograded" / student / lab / f"{lab}.ipynb"
    failed = set()
    if crashed:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            target.unlink()
        nbformat.write(notebook, target)
    else:
        for cell in nbformat.read(target, as_version=4).cells:
            data = cell.metadata.get("nbgrader", {})
            if data.get("grade") and cell.cell_type == "code" and not _ran(cell):
                failed.add(data.grade_id)
    to_read = repair.answered(notebook, released)
    if held:
        reasons = sorted({reason for found in held.values() for reason in found})
        notes = [*notes, f"flagged for a person to look at, no points for checks until then ({'; '.join(reasons)})."]
    with Gradebook(gradebook.database(work), gradebook.COURSE_ID) as book:
        book.update_or_create_student(student)
        submission = book.update_or_create_submission(lab, student)
        for part in submission.notebooks:
            for grade_ in part.grades:
                automatic = grade_.cell.cell_type == "code"
                if grade_.max_score == 0:  # a section of the journal: its criteria are marked, not it
                    grade_.auto_score, grade_.needs_manual_grade = 0.0, False
                elif crashed and grade_.name in to_read:  # a person reads it all the same
                    grade_.auto_score, grade_.needs_manual_grade = None, True
                elif crashed or (automatic and (held or grade_.name in failed)):
                    grade_.auto_score = 0.0
                    grade_.needs_manual_grade = bool(held)
                if grade_.auto_score is not None and not 0 <= grade_.auto_score <= grade_.max_score:
                    grade_.auto_score, grade_.needs_manual_grade = 0.0, True
            if notes and part.comments:
                part.comments[0].auto_comment = "\n\n".join(notes)
        book.db.commit()
    return _result(work, lab, student, notes, crashed, bool(held))


def _result(work, lab, student, notes, crashed, held):
    from nbgrader.api import Gradebook

    with Gradebook(gradebook.database(work), gradebook.COURSE_ID) as book:
        submission = book.find_submission(lab, student)
        score, most = float(submission.score), float(submission.max_score)
    keys = ("student", "lab", "score", "max_score", "notes", "crashed", "held")
    return dict(zip(keys, (student, lab, score, most, notes, crashed, held), strict=True))
