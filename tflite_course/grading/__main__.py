"""Grade a class: `python -m tflite_course.grading submissions`, or `make grade SUBMISSIONS=submissions`.

Shows the inbox first: what learning platforms gave, as a table of file, student, lab, version and time. After a yes it
repairs lost marks, runs the checks of each submission in a sandbox, and writes the gradebook, CSV files in the forms
that platforms take back, and a feedback page for each student.
"""

import argparse
import errno
import os
import sys
from pathlib import Path

from tflite_course.authoring import ROOT
from tflite_course.errors import CourseError
from tflite_course.grading import inbox, settings
from tflite_course.grading.inbox import table, worksheets


def main(arguments=None):
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that lacks somebody's letters
    options = _parser().parse_args(arguments)
    known = sorted(path.name for path in (ROOT / "solutions").iterdir() if path.is_dir())
    options.labs = options.labs or known
    try:
        for lab in set(options.labs) - set(known):
            raise CourseError(f"There is no lab {lab}: choose from {', '.join(known)}.")
        if not options.inbox_only:
            _check_machine(options)
        options.settings, received = _read_inbox(options, known)
        print("\n".join(table.show(received)))
        print(table.write(received, options.work), flush=True)
        if options.inbox_only:
            return
        tasks = _tasks(options, received)
        if tasks and not options.yes:
            _ask(len(tasks))
        inbox.store(received, options.work, options.settings.zone)
        _grade(options, received, tasks)
    except CourseError as error:
        sys.exit(str(error))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        sys.exit(
            f"The disk is full ({error.filename or options.work}): make room and run the command again; it goes on."
        )


def _parser():
    parser = argparse.ArgumentParser(prog="python -m tflite_course.grading", description=__doc__.split("\n")[0])
    parser.add_argument("submissions", type=_given, help="what the platform gave: a folder, or an archive of the class")
    parser.add_argument("--work", type=Path, default=Path("grading"), help="where the gradebook is (default: grading)")
    parser.add_argument("--labs", nargs="*", help="only these labs (default: all that have a solution)")
    parser.add_argument("--roster", type=Path, help="who is in the class (default: class.csv in submissions or work)")
    parser.add_argument("--settings", type=Path, help="dates and weights (default: grading.toml, likewise)")
    parser.add_argument("--inbox-only", action="store_true", help="show what was handed in, and grade nothing")
    parser.add_argument("--yes", action="store_true", help="grade without asking")
    parser.add_argument(
        "--workers", type=int, default=max(1, (os.cpu_count() or 2) - 1), help="processes on this machine"
    )
    parser.add_argument("--scheduler", default=os.environ.get("SCHEDULER"), help="a Dask cluster, tcp://host:port")
    parser.add_argument("--again", action="store_true", help="grade again what is graded")
    parser.add_argument("--unsafe", action="store_true", help="without a sandbox: submissions run as you")
    return parser


def _given(text):
    """Return the path of the submissions; "" is what make passes on when it was given none."""
    if not text.strip():
        raise argparse.ArgumentTypeError("give what your platform gave: make grade SUBMISSIONS=folder")
    return Path(text)


def _check_machine(options):
    from tflite_course.grading import gradebook, sandbox

    if not options.unsafe:
        sandbox.check_available()
    gradebook.check_database()


def _file(given, name, options):
    """Return the path that was given, else that of a file of this name beside the submissions or in the work folder."""
    if given:
        return given
    places = [options.submissions, options.submissions.parent, options.work]
    found = next((place / name for place in places if (place / name).is_file()), None)
    workbook = next((place / "class.xlsx" for place in places if (place / "class.xlsx").is_file()), None)
    if name == "class.csv" and found is None and workbook:
        raise CourseError(f"{workbook.name} is an Excel workbook: save it as CSV UTF-8 under the name class.csv.")
    return found


def _read_inbox(options, known):
    """Return (Settings, Inbox)."""
    path = _file(options.settings, "grading.toml", options)
    chosen = settings.read_settings(path, known) if path else settings.Settings()
    path = _file(options.roster, "class.csv", options)
    roster = inbox.read_roster(path) if path else None
    received = inbox.read(options.submissions, options.labs, roster=roster, settings=chosen, work=options.work)
    return chosen, received


def _tasks(options, received):
    """Return the tasks for batch.grade_all: what is not graded yet, or everything with --again."""
    from tflite_course.grading import grade

    return [
        {
            **{"work": str(options.work.resolve()), "lab": lab, "student": s.student, "text": handed.text},
            **{"files": handed.files, "sandboxed": not options.unsafe, "again": options.again},
        }
        for s in received.submissions
        for lab, handed in sorted(s.handed.items())
        if options.again or not grade.is_graded(options.work, lab, s.student)
    ]


def _ask(number):
    """Ask whether to grade. Raises CourseError when the answer is not yes, or when there is nobody to ask."""
    if not sys.stdin.isatty():
        raise CourseError(
            f"{number} submissions wait, and nobody can be asked here: look at the table, then add --yes."
        )
    try:
        answer = input(f"Grade {number} submissions? [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes", "j", "ja", "o", "oui", "s", "si", "sí"):
        raise CourseError("Nothing was graded: change what is odd and run the command once more.")


def _grade(options, received, tasks):
    from tflite_course.grading import batch, grade, gradebook

    options.work.mkdir(parents=True, exist_ok=True)
    handed_in = sorted({lab for submission in received.submissions for lab in submission.handed})
    grade.prepare(options.work, [lab for lab in handed_in if options.again or not _prepared(options.work, lab)])
    everyone = [*received.submissions, *received.absent]
    gradebook.add_students(options.work, {s.student: _details(s) for s in everyone})
    print(f"{len(received.submissions)} students, {len(tasks)} submissions to grade", flush=True)
    results = batch.grade_all(tasks, workers=options.workers, scheduler=options.scheduler)
    for result in results:
        for note in result["notes"]:
            print(f"{result['student']} {result['lab']}: {note}")
    for submission in received.submissions:
        for problem in submission.problems:
            print(f"{submission.student}: {problem}")
    _write(options, received, handed_in)


def _details(submission):
    """Return what nbgrader keeps of a student."""
    last, comma, first = submission.name.partition(", ")
    if not comma:
        first, _, last = submission.name.rpartition(" ")
    return {"first_name": first, "last_name": last, "email": submission.email, "lms_user_id": submission.id}


def _write(options, received, handed_in):
    """Write feedback, exports, the final marks and the archives for platforms; print their paths."""
    from tflite_course.grading import export, feedback, final, journal_report, marks, uploads

    found = marks.read_marks(options.work)
    tables = worksheets.find([options.submissions])
    files = export.export(
        options.work, settings=options.settings, tables=tables, marks=found
    )  # first: no page may cost a mark
    files.append(final.write_final(options.work, options.settings, marks=found))
    for submission in received.submissions:  # of all: a person may have marked since the last run
        for lab in submission.handed:
            try:
                feedback.feedback(options.work, lab, submission.student)
            except Exception as error:
                reason = " ".join(str(error).split())[-300:] or type(error).__name__
                print(f"{submission.student} {lab}: its feedback page could not be made ({reason}); its marks are kept")
    for mark in found.waiting(handed_in):
        print(f"to mark by hand: {mark.student} {mark.lab}: {mark.waiting}")
    if open_ := sum(mark.waiting > 0 for mark in found.marks.values()):
        print(f"{open_} {'mark waits' if open_ == 1 else 'marks wait'} for a person: blank in the files for platforms")
    if "journal" in handed_in:
        journal_report.write_report(options.work)
        print(options.work / "journal_report.txt")
    files += uploads.write_uploads(options.work, found)
    files.append(feedback.write_formgrader_settings(options.work))
    print("\n".join(str(path) for path in files))


def _prepared(work, lab):
    return (Path(work) / "release" / lab / f"{lab}.ipynb").is_file()


if __name__ == "__main__":
    main()
