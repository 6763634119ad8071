"""Grade one submission on Gradescope: run_autograder calls `python -m tflite_course.grading.elsewhere.gradescope`.

The folders and the form of results.json are Gradescope's:
https://gradescope-autograders.readthedocs.io/en/latest/specs/
"""

import argparse
import contextlib
import json
import os
import sys
import traceback
from pathlib import Path

from tflite_course import __version__
from tflite_course.errors import CourseError

FOLDER = Path("/autograder")
UNFINISHED = "The grader did not finish. This says nothing about your work: tell your instructor."
PRIVATE = ("source", "results", "submission", "submission_metadata.json")


def choose(folder, lab=None):
    """Return the notebook of a submission: the one that is named like a lab, else the only one.

    Raises CourseError when there is none, or several that cannot be told apart.
    """
    found = [path for path in sorted(Path(folder).rglob("*.ipynb")) if path.is_file() and not path.is_symlink()]
    inner = [(path, path.relative_to(folder).parts) for path in found]
    found = [path for path, parts in inner if not any(part.startswith((".", "__MACOSX")) for part in parts)]
    wanted = f"{lab or 'the lab'}.ipynb"
    if not found:
        raise CourseError(f"There is no notebook in what you handed in: hand in {wanted}.")
    named = [path for path in found if lab and lab in path.stem]
    exact = [path for path in named if path.stem == lab]
    for chosen in (exact, named, found):
        if len(chosen) == 1:
            return chosen[0]
    names = ", ".join(path.relative_to(folder).as_posix() for path in found)
    raise CourseError(f"There are {len(found)} notebooks in what you handed in ({names}): hand in {wanted} alone.")


def as_results(result):
    """Return what results.json says of a result: one test for each check, all of them visible to the student.

    All texts are shown as plain text: what a submission can put into one is not read as HTML or Markdown.
    """
    tests = []
    for number, check in enumerate(result["checks"], start=1):
        about = {"name": check["title"], "number": str(number), "score": check["points"], "max_score": check["most"]}
        status = "passed" if check["hint"] is None else "failed"
        said = check["said"] or f"Not yet: {check['hint']}"
        formats = {"name_format": "text", "output_format": "text", "visibility": "visible"}
        tests.append(about | {"status": status, "output": said} | formats)
    lines = [f"{result['lab']}: {result['score']:g} of {result['max_score']:g} points by checks."]
    for part in result["written"]:
        empty = "" if part["answered"] else " It is empty."
        lines.append(f"{part['title']}: your instructor reads it ({part['most']:g} points).{empty}")
    return _whole("\n".join([*lines, *result["notes"]]), result["score"], tests) | {
        "execution_time": round(result["seconds"]),
        "extra_data": {"lab": result["lab"], "course": __version__, "flags": result["flags"]},
    }


def _whole(output, score, tests=()):
    return {"score": score, "output": output, "output_format": "text", "visibility": "visible", "tests": list(tests)}


def write(path, results):
    """Write results.json at one go: a reader finds the old file or the new one."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(new, path)


def shut(folder):
    """Take from other users the right to look into what is not theirs: the results, the zip's content, other names."""
    for name in PRIVATE:
        with contextlib.suppress(OSError):
            path = folder / name
            path.chmod(path.stat().st_mode & 0o770)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("lab", nargs="?", help="the lab of this assignment (default: the notebook says it)")
    parser.add_argument("--autograder", type=Path, default=FOLDER, help="Gradescope's folder (default: /autograder)")
    options = parser.parse_args(arguments)
    target = options.autograder / "results" / "results.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    shut(options.autograder)
    write(target, _whole(UNFINISHED, 0))  # before anything else is loaded
    try:
        from tflite_course.grading import one

        path = choose(options.autograder / "submission", options.lab)
        results = as_results(one.grade_one(path, options.lab, kind="contained"))
    except CourseError as error:
        results = _whole(str(error), 0)
    except Exception:
        traceback.print_exc()  # Gradescope shows it to the instructor
        sys.exit(UNFINISHED)
    write(target, results)
    print("\n".join([results["output"], *results.get("extra_data", {}).get("flags", [])]))  # for the instructor


if __name__ == "__main__":
    main()
