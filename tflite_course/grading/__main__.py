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
from tflite_course.grading import batch, collect, export, feedback, grade, gradebook, journal_report, sandbox


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tflite_course.grading", description=__doc__.split("\n")[0])
    parser.add_argument("submissions", type=Path, help="folder with one zip, folder or notebook a student")
    parser.add_argument("--work", type=Path, default=Path("grading"), help="where the gradebook is (default: grading)")
    parser.add_argument("--labs", nargs="*", help="only these labs (default: all that have a solution)")
    parser.add_argument(
        "--workers", type=int, default=max(1, (os.cpu_count() or 2) - 1), help="processes on this machine"
    )
    parser.add_argument("--scheduler", default=os.environ.get("SCHEDULER"), help="a Dask cluster, tcp://host:port")
    parser.add_argument("--again", action="store_true", help="grade again what is graded")
    parser.add_argument("--unsafe", action="store_true", help="without a sandbox: submissions run as you")
    options = parser.parse_args(arguments)
    try:
        known = sorted(path.name for path in release.solutions_folder().iterdir() if path.is_dir())
        labs = options.labs or known
        for lab in set(labs) - set(known):
            raise CourseError(f"There is no lab {lab}: choose from {', '.join(known)}.")
        if not options.unsafe:
            sandbox.check_available()
        gradebook.check_database()
        submissions = collect.collect(options.submissions, labs)
    except CourseError as error:
        sys.exit(str(error))
    options.work.mkdir(parents=True, exist_ok=True)
    handed_in = sorted({lab for submission in submissions for lab in submission.notebooks})
    grade.prepare(options.work, [lab for lab in handed_in if options.again or not _prepared(options.work, lab)])
    tasks = [
        {
            **{"work": str(options.work.resolve()), "lab": lab, "student": s.student, "text": text},
            **{"sandboxed": not options.unsafe, "again": options.again},
        }
        for s in submissions
        for lab, text in sorted(s.notebooks.items())
        if options.again or not grade.is_graded(options.work, lab, s.student)
    ]
    print(f"{len(submissions)} students, {len(tasks)} submissions to grade", flush=True)
    results = batch.grade_all(tasks, workers=options.workers, scheduler=options.scheduler)
    for result in results:
        for note in [*result["notes"], *result["flags"]]:
            print(f"{result['student']} {result['lab']}: {note}")
    for submission in submissions:
        for problem in submission.problems:
            print(f"{submission.student}: {problem}")
        gradebook.add_student(options.work, submission.student)
    for submission in submissions:  # of all: a person may have marked since the last run
        for lab in submission.notebooks:
            feedback.feedback(options.work, lab, submission.student)
    for student, lab, waiting in export.open_questions(options.work, handed_in):
        print(f"to mark by hand: {student} {lab}: {waiting}")
    if "journal" in handed_in:
        journal_report.write_report(options.work)
        print(options.work / "journal_report.txt")
    settings = feedback.write_formgrader_settings(options.work)
    print("\n".join(str(path) for path in [*export.export(options.work, handed_in), settings]))


def _prepared(work, lab):
    return (Path(work) / "release" / lab / f"{lab}.ipynb").is_file()


if __name__ == "__main__":
    main()
