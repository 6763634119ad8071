"""Grade a class: `python -m tflite_course.grading submissions`, or `make grade SUBMISSIONS=submissions`.

Shows the inbox first: what learning platforms gave, as a table of file, student, lab, version and time. After a yes it
repairs lost marks, runs the checks of each submission in a sandbox, and writes the gradebook, CSV files in the forms
that platforms take back, and a feedback page for each student.
"""

import argparse
import os
import sys
from pathlib import Path

from tflite_course.authoring import ROOT
from tflite_course.errors import CourseError
from tflite_course.grading import gradebook, inbox, records, regrade, settings
from tflite_course.grading.inbox import table, worksheets


def main(arguments=None):
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["desk"]:
        from tflite_course.grading import desk

        return desk.main(arguments[1:])
    options = _parser().parse_args(arguments)
    try:
        _run(options)
    except CourseError as error:
        sys.exit(str(error))
    except OSError as error:
        if not gradebook.is_disk_full(error):
            raise
        sys.exit(gradebook.DISK_FULL)


def _run(options):
    known = sorted(path.name for path in (ROOT / "solutions").iterdir() if path.is_dir())
    options.labs = options.labs or known
    for lab in set(options.labs) - set(known):
        raise CourseError(f"There is no lab {lab}: choose from {', '.join(known)}.")
    said = [] if options.inbox_only else _check_machine(options)
    options.settings, received = _read_inbox(options, known)
    print("\n".join(table.show(received)))
    print(table.write(received, options.work), flush=True)
    if options.inbox_only:
        return
    tasks = _tasks(options, received)
    new = [task for task in tasks if options.again or not _is_graded(task)]
    if new and not options.yes:
        _ask(len(new))
    inbox.store(received, options.work, options.settings.zone)
    _grade(options, received, tasks, said)


def _is_graded(task):
    return regrade.is_graded(*(task[key] for key in ("work", "lab", "student", "text", "files")))


def _parser():
    parser = argparse.ArgumentParser(prog="python -m tflite_course.grading", description=__doc__.split("\n")[0])
    parser.add_argument("submissions", type=Path, help="what the platform gave: a folder, or an archive of the class")
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
    regrade.add_arguments(parser)
    parser.add_argument("--unsafe", action="store_true", help="without a sandbox: submissions run as you")
    return parser


def _check_machine(options):
    """Return what to say about the gradebook. Raises CourseError when nothing could be graded here."""
    from tflite_course.grading import sandbox

    if not options.unsafe:
        sandbox.check_available()
    upgraded = gradebook.check_database(options.work)
    return [upgraded] if upgraded else []


def _file(given, name, options):
    """Return the path that was given, else that of a file of this name beside the submissions or in the work folder."""
    if given:
        return given
    places = [options.submissions, options.submissions.parent, options.work]
    return next((place / name for place in places if (place / name).is_file()), None)


def _read_inbox(options, known):
    """Return (Settings, Inbox)."""
    path = _file(options.settings, "grading.toml", options)
    chosen = settings.read_settings(path, known) if path else settings.Settings()
    path = _file(options.roster, "class.csv", options)
    roster = inbox.read_roster(path) if path else None
    received = inbox.read(options.submissions, options.labs, roster=roster, settings=chosen, work=options.work)
    return chosen, received


def _tasks(options, received):
    """Return a task for batch.grade_all for each lab that was handed in."""
    return [
        {"work": str(options.work.resolve()), "lab": lab, "student": s.student, "text": handed.text}
        | {"files": handed.files, "sandboxed": not options.unsafe}
        for s in received.submissions
        for lab, handed in sorted(s.handed.items())
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


def _grade(options, received, tasks, said):
    """Grade what is new or has changed, then write what is made out of the marks."""
    from tflite_course.grading import lab_changes

    options.work.mkdir(parents=True, exist_ok=True)
    handed_in = sorted({task["lab"] for task in tasks})
    known = regrade.synchronize(options.work)
    said = [*said, *lab_changes.renew(options.work, handed_in)]
    tasks, changed = regrade.choose(tasks, known=known, **regrade.chosen_by(options))
    for sentence in [*said, *changed]:
        print(sentence)
    print(f"{len(received.submissions)} students, {len(tasks)} submissions to grade", flush=True)
    if tasks:
        from tflite_course.grading import batch

        batch.grade_all(tasks, workers=options.workers, scheduler=options.scheduler)
        known = regrade.synchronize(options.work)
    for (lab, student), record in known.items():
        for note in [*record["notes"], *record["flags"]]:
            print(f"{student} {lab}: {note}")
    records.write_tables(options.work, known)
    for submission in received.submissions:
        for problem in submission.problems:
            print(f"{submission.student}: {problem}")
    _write(options, received, known)


def _details(submission):
    """Return what nbgrader keeps of a student."""
    last, comma, first = submission.name.partition(", ")
    if not comma:
        first, _, last = submission.name.rpartition(" ")
    return {"first_name": first, "last_name": last, "email": submission.email, "lms_user_id": submission.id}


def _write(options, received, known):
    """Write the marks, the class report, and the pages that do not show the marks of now; print the paths."""
    from tflite_course.grading import exercise_marks, feedback

    details = {s.student: _details(s) for s in received.submissions}
    also = [str(sorted(details.items())), str(options.settings)]
    files = [options.work / name for name in ("criteria.csv", "class_report.html", "nbgrader_config.py")]
    for lab, student in regrade.without_page(options.work, known):  # a person may have marked since the last run
        problems = list(feedback.write_pages(options.work, [(lab, student)]))
        for problem in problems:
            print(problem)
        if not problems:
            regrade.remember_page(options.work, known, lab, student)
    labs = sorted({lab for lab, _ in known})
    for student, lab, waiting in exercise_marks.waiting(options.work, labs):
        print(f"to mark by hand: {student} {lab}: {waiting}")
    if not regrade.is_exported(options.work, known, files, also=also):
        files = _export(options, received, details, labs)
        regrade.remember_export(options.work, known, also=also)
    print("\n".join(str(path) for path in files))


def _export(options, received, details, labs):
    from tflite_course.grading import class_report, export, feedback, final, journal_report, uploads

    gradebook.add_students(options.work, details)
    tables = worksheets.find([options.submissions])
    files = export.export(options.work, settings=options.settings, tables=tables)
    if "journal" in labs:
        journal_report.write_report(options.work)
        files.append(options.work / "journal_report.txt")
    files += [final.write_final(options.work, options.settings, received.roster), *uploads.write_uploads(options.work)]
    class_report.write(options.work)
    return [*files, options.work / "class_report.html", feedback.write_formgrader_settings(options.work)]


if __name__ == "__main__":
    main()
