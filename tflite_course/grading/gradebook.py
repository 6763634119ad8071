"""The gradebook of a class: its database, the settings of nbgrader, and how nbgrader is called without noise."""

import logging
import os
import tempfile
from pathlib import Path

from tflite_course.authoring import labs as release
from tflite_course.errors import CourseError

COURSE_ID = "from-mnist-to-the-edge"
CELL_SECONDS = 120  # of one cell; the environment's GRADE_CELL changes it


def database(work):
    """Return the address of the gradebook: GRADEBOOK_URL (PostgreSQL, for example), or SQLite in the work folder."""
    return os.environ.get("GRADEBOOK_URL") or f"sqlite:///{Path(work).resolve()}/gradebook.db"


def check_database():
    """Raise CourseError when the database that GRADEBOOK_URL names cannot be reached, with the cure."""
    url = os.environ.get("GRADEBOOK_URL")
    if not url:
        return
    import sqlalchemy

    try:
        sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool).connect().close()
    except ModuleNotFoundError as error:
        raise CourseError(f"GRADEBOOK_URL needs the package {error.name}: pip install 'psycopg[binary]'.") from None
    except sqlalchemy.exc.ArgumentError:
        raise CourseError("GRADEBOOK_URL is not a URL: write postgresql+psycopg://user@host:port/database.") from None
    except sqlalchemy.exc.SQLAlchemyError as error:
        reason = str(error).strip().splitlines()[0]
        raise CourseError(f"The gradebook of GRADEBOOK_URL does not answer ({reason}): is its server up?") from None


def make_config(work, lab="*", student="*"):
    """Return nbgrader's settings for a work folder."""
    from nbgrader.preprocessors import CheckCellMetadata, ClearOutput, DeduplicateIds, OverwriteCells
    from traitlets.config import Config

    config = Config()
    config.CourseDirectory.root = str(Path(work).resolve())
    config.CourseDirectory.course_id = COURSE_ID
    config.CourseDirectory.db_url = database(work)
    config.CourseDirectory.assignment_id = lab
    config.CourseDirectory.student_id = student
    config.ClearSolutions.code_stub = {"python": release.STUB}
    config.ClearSolutions.text_stub = release.TEXT_STUB
    config.BaseConverter.force = True
    config.Execute.timeout = int(os.environ.get("GRADE_CELL", CELL_SECONDS))
    config.Execute.shutdown_kernel = "immediate"
    config.IgnorePattern.enabled = True  # a line on stderr alone must not cost points
    config.IgnorePattern.pattern = r"(?s).*"
    config.Autograde.sanitize_preprocessors = [ClearOutput, DeduplicateIds, OverwriteCells, CheckCellMetadata]
    return config


def quietly(converter):
    """Run an nbgrader converter in this process; return what it logged as a warning or worse. Raises when it fails."""
    with tempfile.TemporaryFile("w+") as stream:
        logger = logging.Logger("nbgrader", logging.WARNING)
        handler = logging.StreamHandler(stream)
        logger.addHandler(handler)
        converter.log = logger
        try:
            converter.start()
        except (Exception, SystemExit) as error:  # nbgrader ends a failed conversion with SystemExit
            stream.seek(0)
            raise RuntimeError(stream.read().strip()[-3000:] or repr(error)) from None
        stream.seek(0)
        return stream.read()


def add_student(work, student, **details):
    """Give a student a row in the gradebook, also when nothing that was handed in could be used."""
    add_students(work, {student: details})


def add_students(work, students):
    """Give students rows in the gradebook: {student: {first_name, last_name, email, lms_user_id}}."""
    from nbgrader.api import Gradebook

    with Gradebook(database(work), COURSE_ID) as book:
        for student, details in students.items():
            book.update_or_create_student(student, **{key: value for key, value in details.items() if value})
        book.db.commit()
