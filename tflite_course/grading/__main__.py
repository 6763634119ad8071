"""Grade a class: `python -m tflite_course.grading submissions`, or `make grade SUBMISSIONS=submissions`.

Shows the inbox first: what learning platforms gave, as a table of file, student, lab, version and time. After a yes it
repairs lost marks, runs the checks of each submission in a sandbox, and writes the gradebook, CSV files in the forms
that platforms take back, and a feedback page for each student.
"""

import argparse
import os
import sys
from pathlib import Path

from tflite_course.authoring import labs as release
from tflite_course.errors import CourseError
from tflite_course.grading import gradebook, inbox, regrade, rounds, settings
from tflite_course.grading.inbox import table, worksheets


def main(arguments=None):
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that lacks somebody's letters
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
    known = sorted(path.name for path in release.solutions_folder().iterdir() if path.is_dir())
    options.labs = options.labs or known
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
    new = [task for task in tasks if options.again or not _is_graded(task)]
    if new and not options.yes:
        _ask(len(new))
    inbox.store(received, options.work, options.settings.zone)
    _grade(options, received, tasks)


def _is_graded(task):
    return regrade.is_graded(*(task[key] for key in ("work", "lab", "student", "text", "files")))


def _parser():
    parser = argparse.ArgumentParser(prog="python -m tflite_course.grading", description=__doc__.split("\n")[0])
    parser.add_argument("submissions", type=_given, help="what the platform gave: a folder, or an archive of the class")
    parser.add_argument("--work", type=Path, default=Path("grading"), help="where the gradebook is (default: grading)")
    parser.add_argument("--labs", nargs="*", help="only these labs (default: all that have a solution)")
    parser.add_argument("--roster", type=Path, help="who is in the class (default: class.csv in submissions or work)")
    parser.add_argument("--settings", type=Path, help="dates and weights (default: grading.toml, likewise)")
    parser.add_argument("--inbox-only", action="store_true", help="show what was handed in, and grade nothing")
    parser.add_argument("--yes", action="store_true", help="grade without asking")
    parser.add_argument("--workers", type=int, default=default_workers(os.cpu_count()), help="processes at once")
    parser.add_argument("--scheduler", default=os.environ.get("SCHEDULER"), help="a Dask cluster, tcp://host:port")
    regrade.add_arguments(parser)
    parser.add_argument("--unsafe", action="store_true", help="without a sandbox: submissions run as you")
    return parser


def default_workers(cores):
    """Return how many submissions are graded at once: a core stays free on a machine that has more than two."""
    return max(min(2, cores or 2), (cores or 2) - 1)


def _given(text):
    """Return the path of the submissions; "" is what make passes on when it was given none."""
    if not text.strip():
        raise argparse.ArgumentTypeError("give what your platform gave: make grade SUBMISSIONS=folder")
    return Path(text)


def _check_machine(options):
    from tflite_course.grading import sandbox

    if not options.unsafe:
        sandbox.check_available()


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


def _grade(options, received, tasks):
    """Grade what is new or has changed, then write what is made out of the marks."""
    options.work.mkdir(parents=True, exist_ok=True)
    this = rounds.begin(options.work, tasks, **regrade.chosen_by(options))
    count = f"{len(received.submissions)} students, {len(this.tasks)} submissions to grade"
    print("\n".join([*this.said, count]), flush=True)
    if this.tasks:
        from tflite_course.grading import batch

        batch.grade_all(this.tasks, workers=options.workers, scheduler=options.scheduler)
    known = rounds.end(options.work, this)
    for (lab, student), record in known.items():
        for note in [*record["notes"], *record["flags"]]:
            print(f"{student} {lab}: {note}")
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
    """Write the marks for platforms and people, and the pages that do not show the marks of now; print the paths."""
    from tflite_course.grading import export

    details = {s.student: _details(s) for s in [*received.submissions, *received.absent]}
    tables = worksheets.find([options.submissions])
    also = [str(sorted(details.items())), str(options.settings), export.fingerprint(options.work, tables)]
    files = regrade.exported(options.work, known, also=also)
    if files is None:
        files = _export(options, details, tables, known)
        regrade.remember_export(options.work, known, files, also=also)
    else:
        rounds.write_pages(options.work, known)
    for (lab, student), record in known.items():
        if count := sum(bool(mark["waiting"]) for mark in record["marks"].values()):
            print(f"to mark by hand: {student} {lab}: {count}")
    print("\n".join(str(path) for path in files))


def _export(options, details, tables, known):
    from tflite_course.grading import class_report, export, feedback, final, journal_report, marks, uploads

    gradebook.add_students(options.work, details)
    found = marks.read_marks(options.work)  # before the pages: no page may cost a mark
    files = export.export(options.work, settings=options.settings, tables=tables, marks=found)
    files.append(final.write_final(options.work, options.settings, marks=found))
    rounds.write_pages(options.work, known)
    if any(lab == "journal" for lab, _ in known):
        files += journal_report.write_report(options.work)[1:]
    files += [class_report.write(options.work), *uploads.write_uploads(options.work, found)]
    return [*files, feedback.write_formgrader_settings(options.work)]


if __name__ == "__main__":
    main()
