"""Make labs/ from solutions/, the same bytes on every run: `python -m tflite_course.authoring labs`.

nbgrader removes what stands between BEGIN SOLUTION and END SOLUTION, hidden tests and mark schemes, and locks the
checks. Nobody edits a lab by hand.
"""

import argparse
import logging
import os
import sys
import tempfile
from pathlib import Path

from tflite_course.authoring import ROOT, makers
from tflite_course.errors import CourseError

STUB = "...  # your answer"
TEXT_STUB = "*Write your answer here.*"


def solutions_folder():
    """Return the folder of the solutions: COURSE_SOLUTIONS, or the course's own.

    Raises CourseError when there is none, as in a copy of the course for students.
    """
    folder = Path(os.environ.get("COURSE_SOLUTIONS") or ROOT / "solutions")
    if not any(folder.glob("*/*.ipynb")):
        raise CourseError(
            f"There are no solutions in {folder.name}: name the folder that has them, as in "
            f"COURSE_SOLUTIONS=/path/to/solutions make grade SUBMISSIONS=folder."
        )
    return folder


def release(target, solutions=ROOT / "solutions"):
    """Write the labs of all solutions into the folder target, one folder each; return their names, sorted.

    Raises RuntimeError, with what nbgrader said, when a solution cannot be turned into a lab.
    """
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.preprocessors import SaveCells
    from traitlets.config import Config

    config = Config()
    config.CourseDirectory.root = str(Path(solutions).parent)
    config.CourseDirectory.source_directory = Path(solutions).name
    config.CourseDirectory.release_directory = str(target)
    config.CourseDirectory.assignment_id = "*"
    config.CourseDirectory.ignore = [".ipynb_checkpoints", "__pycache__", "work"]  # what running them left
    config.ClearSolutions.code_stub = {"python": STUB}
    config.ClearSolutions.text_stub = TEXT_STUB
    config.BaseConverter.force = True
    with tempfile.TemporaryFile("w+") as log:
        logger = logging.Logger("release", logging.WARNING)
        logger.addHandler(logging.StreamHandler(log))
        converter = GenerateAssignment(CourseDirectory(config=config), config=config, no_database=True)
        converter.log = logger
        # without a gradebook there is nowhere to save cells to
        converter.preprocessors = [step for step in converter.preprocessors if step is not SaveCells]
        try:
            converter.start()
        except BaseException as error:  # nbgrader ends a failed conversion with SystemExit
            log.seek(0)
            raise RuntimeError(f"A lab could not be made: {log.read().strip()[-2000:] or error}") from None
    return sorted(path.name for path in Path(target).iterdir() if path.is_dir())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--target", type=Path, default=ROOT / "labs")
    target = parser.parse_args().target
    print("\n".join(release(target)))
    if target == ROOT / "labs":
        makers.remember(["labs"])


if __name__ == "__main__":
    sys.exit(main())
