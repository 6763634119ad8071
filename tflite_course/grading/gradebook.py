"""The gradebook of a class: its database, the settings of nbgrader, and how nbgrader is called without noise."""

import contextlib
import datetime
import errno
import importlib.util
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

from tflite_course.authoring import labs as release
from tflite_course.errors import CourseError

COURSE_ID = "from-mnist-to-the-edge"
FILE = "gradebook.db"
CELL_SECONDS = 120  # of one cell; the environment's GRADE_CELL changes it


def database(work):
    """Return the address of the gradebook: GRADEBOOK_URL (PostgreSQL, for example), or SQLite in the work folder."""
    return os.environ.get("GRADEBOOK_URL") or f"sqlite:///{Path(work).resolve()}/{FILE}"


def exists(work):
    """Return whether a work folder has a gradebook; one that GRADEBOOK_URL names is taken to be there."""
    return bool(os.environ.get("GRADEBOOK_URL")) or (Path(work) / FILE).is_file()


@contextlib.contextmanager
def connection(work):
    """Open the gradebook without nbgrader: `with connection(work) as link`, a connection of SQLAlchemy."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(database(work), poolclass=sqlalchemy.NullPool, connect_args=_patience(work))
    with engine.connect() as link:
        yield link


def _patience(work):
    """Another worker may be writing: SQLite waits for it, for a minute."""
    return {"timeout": 60} if database(work).startswith("sqlite") else {}


def check_database(work=None):
    """Raise CourseError when the gradebook cannot be used, with the cure: its server, its file, its version.

    work: the work folder, whose gradebook is upgraded when an older nbgrader made it. Returns a sentence that says so,
    or None.
    """
    url = os.environ.get("GRADEBOOK_URL")
    if url:
        _check_server(url)
    if work is None or not exists(work):
        return None
    import sqlalchemy

    try:
        with connection(work) as link:
            tables = set(sqlalchemy.inspect(link).get_table_names())
            if not tables:
                return None
            found = None
            if "alembic_version" in tables:
                found = link.execute(sqlalchemy.text("select version_num from alembic_version")).scalar()
            whole = "course" in tables and _has_all_columns(link)
    except sqlalchemy.exc.DatabaseError as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise CourseError(
            f"{FILE} cannot be read ({reason}): put a copy of it in its place, or rename it; then all is graded again, "
            "and marks by hand come back from the records."
        ) from None
    return _upgrade(work, found, whole)


def _check_server(url):
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


# Columns that came with a revision of nbgrader's database, and the one that brought the last table.
NEW_COLUMNS = {"student": "lms_user_id", "assignment": "course_id", "grade": "extra_credit", "notebook": "kernelspec"}


def _has_all_columns(link):
    import sqlalchemy

    look = sqlalchemy.inspect(link)
    return all(name in {column["name"] for column in look.get_columns(table)} for table, name in NEW_COLUMNS.items())


def revisions():
    """Return the revisions of the installed nbgrader's database, the oldest first, read from its files."""
    folder = Path(importlib.util.find_spec("nbgrader").origin).parent / "alembic" / "versions"
    after = {}
    for path in folder.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        this, before = (re.search(rf"^{key} = ['\"]?(\w+)", text, re.M)[1] for key in ("revision", "down_revision"))
        after[before] = this
    found = []
    while (last := found[-1] if found else "None") in after:
        found.append(after[last])
    return found


def _upgrade(work, found, whole):
    """Bring an older gradebook up to the installed nbgrader, after a copy; return a sentence, or None."""
    known = revisions()
    if found == known[-1]:
        return None
    if found is not None and found not in known:
        raise CourseError(
            f"{FILE} was made by a newer nbgrader (its version {found} is unknown here): install the nbgrader that "
            "made it, or give another folder with --work."
        )
    from nbgrader import dbutil

    copy = back_up(work)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader calls alembic
    try:
        with tempfile.TemporaryFile() as noise, _output_into(noise):
            if whole:  # a first run that was stopped left all tables, and no version
                with dbutil._temp_alembic_ini(database(work)) as settings:
                    subprocess.check_call(["alembic", "-c", settings, "stamp", "head"])
            else:
                dbutil.upgrade(database(work))
    except (subprocess.CalledProcessError, OSError) as error:
        if copy:
            shutil.copy(Path(work) / copy, Path(work) / FILE)
        raise CourseError(
            f"{FILE} was made by an older nbgrader and cannot be upgraded ({error}): it is as it was. Install the "
            "nbgrader that made it, or give another folder with --work."
        ) from None
    return f"The gradebook was made by an older nbgrader and is upgraded{f'; as it was: {copy}' if copy else ''}."


@contextlib.contextmanager
def _output_into(stream):
    """Send what programs that are called here print on their error output into a file."""
    kept = os.dup(2)
    os.dup2(stream.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def labs(work):
    """Return the names of the labs that a gradebook knows, a set."""
    import sqlalchemy

    if not exists(work):
        return set()
    with connection(work) as link:
        if not sqlalchemy.inspect(link).has_table("assignment"):
            return set()
        return {row[0] for row in link.execute(sqlalchemy.text("select name from assignment"))}


def students(work):
    """Return {student: name} of all that a gradebook knows, also those who handed in nothing."""
    import sqlalchemy

    if not exists(work):
        return {}
    with connection(work) as link:
        if not sqlalchemy.inspect(link).has_table("student"):
            return {}
        rows = link.execute(sqlalchemy.text("select id, first_name, last_name from student order by id"))
        return {row[0]: " ".join(part for part in row[1:] if part) or row[0] for row in rows}


def back_up(work):
    """Copy the gradebook's file to gradebook-<date>.db; return the copy's name, or None without a file."""
    path = Path(work) / FILE
    if os.environ.get("GRADEBOOK_URL") or not path.is_file():
        return None
    copy = path.with_name(f"{path.stem}-{datetime.datetime.now():%Y-%m-%d-%H%M%S}.db")
    shutil.copy2(path, copy)
    return copy.name


FULL = (errno.ENOSPC, errno.EDQUOT)


def is_disk_full(error):
    """Return whether an error, or one that it came from, says that the disk is full."""
    while error is not None:
        if getattr(error, "errno", None) in FULL or "database or disk is full" in str(error):
            return True
        if "No space left on device" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


DISK_FULL = (
    "The disk is full: make room, then run the command again. What was graded stays, and it goes on where it stopped."
)


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


@contextlib.contextmanager
def opened(work):
    """Open the gradebook with nbgrader's own classes: `with opened(work) as book`."""
    from nbgrader.api import Gradebook

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nbgrader's use of SQLAlchemy, for every row
        with Gradebook(database(work), COURSE_ID) as book:
            yield book


def add_student(work, student, **details):
    """Give a student a row in the gradebook, also when nothing that was handed in could be used."""
    add_students(work, {student: details})


def add_students(work, students):
    """Give students rows in the gradebook: {student: {first_name, last_name, email, lms_user_id}}."""
    with opened(work) as book:
        for student, details in students.items():
            book.update_or_create_student(student, **{key: value for key, value in details.items() if value})
        book.db.commit()
