"""Grade a class: `python -m tflite_course.grading submissions`, or `make grade SUBMISSIONS=submissions`.

Collects what a learning platform gave (zip files, folders or notebooks, one a student), repairs lost marks, runs the
checks of each submission in a sandbox, and writes the gradebook, CSV files and a feedback page for each student.
"""

import argparse
import os
import sys
from pathlib import Path

from tflite_course.authoring import labs as release
from tflite_course.errors import CourseError
from tflite_course.grading import (
    class_report,
    collect,
    exercise_marks,
    export,
    feedback,
    gradebook,
    journal_report,
    regrade,
    rounds,
    sandbox,
)


def main(arguments=None):
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["desk"]:
        from tflite_course.grading import desk

        return desk.main(arguments[1:])
    parser = argparse.ArgumentParser(prog="python -m tflite_course.grading", description=__doc__.split("\n")[0])
    parser.add_argument("submissions", type=Path, help="folder with one zip, folder or notebook a student")
    parser.add_argument("--work", type=Path, default=Path("grading"), help="where the gradebook is (default: grading)")
    parser.add_argument("--labs", nargs="*", help="only these labs (default: all that have a solution)")
    parser.add_argument(
        "--workers", type=int, default=max(1, (os.cpu_count() or 2) - 1), help="processes on this machine"
    )
    parser.add_argument("--scheduler", default=os.environ.get("SCHEDULER"), help="a Dask cluster, tcp://host:port")
    regrade.add_arguments(parser)
    parser.add_argument("--unsafe", action="store_true", help="without a sandbox: submissions run as you")
    options = parser.parse_args(arguments)
    known = sorted(path.name for path in (release.ROOT / "solutions").iterdir() if path.is_dir())
    labs = options.labs or known
    try:
        for lab in set(labs) - set(known):
            raise CourseError(f"There is no lab {lab}: choose from {', '.join(known)}.")
        if not options.unsafe:
            sandbox.check_available()
        gradebook.check_database()
        submissions = collect.collect(options.submissions, labs)
    except CourseError as error:
        sys.exit(str(error))
    try:
        _grade(options, submissions)
    except CourseError as error:
        sys.exit(str(error))
    except OSError as error:
        if not gradebook.is_disk_full(error):
            raise
        sys.exit(gradebook.DISK_FULL)


def _grade(options, submissions):
    options.work.mkdir(parents=True, exist_ok=True)
    handed_in = sorted({lab for submission in submissions for lab in submission.notebooks})
    tasks = [
        {"work": str(options.work.resolve()), "lab": lab, "student": s.student, "text": text}
        | {"sandboxed": not options.unsafe}
        for s in submissions
        for lab, text in sorted(s.notebooks.items())
    ]
    this = rounds.begin(options.work, tasks, **regrade.chosen_by(options))
    print("\n".join([*this.said, f"{len(submissions)} students, {len(this.tasks)} submissions to grade"]), flush=True)
    if this.tasks:
        from tflite_course.grading import batch

        batch.grade_all(this.tasks, workers=options.workers, scheduler=options.scheduler)
    known = rounds.end(options.work, this)
    for (lab, student), record in known.items():
        for note in record["notes"]:
            print(f"{student} {lab}: {note}")
    for submission in submissions:
        for problem in submission.problems:
            print(f"{submission.student}: {problem}")
    rounds.write_pages(options.work, known)
    for student, lab, waiting in exercise_marks.waiting(options.work, handed_in):
        print(f"to mark by hand: {student} {lab}: {waiting}")
    names = [submission.student for submission in submissions]
    files = regrade.exported(options.work, known, also=[*handed_in, *names])
    if files is None:
        gradebook.add_students(options.work, {name: {} for name in names})
        files = journal_report.write_report(options.work)[1:] if "journal" in handed_in else []
        files += [*export.export(options.work, handed_in), class_report.write(options.work)]
        files.append(feedback.write_formgrader_settings(options.work))
        regrade.remember_export(options.work, known, files, also=[*handed_in, *names])
    print("\n".join(str(path) for path in files))


if __name__ == "__main__":
    main()
