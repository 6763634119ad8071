"""A gradebook in PostgreSQL: the command grades into it, and says in one sentence when it cannot be reached."""

import csv
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.grading.submissions import hand_in_two, need_sandbox
from tflite_course.errors import CourseError
from tflite_course.grading import gradebook

LAB = "lab_3_quantize"
pytestmark = pytest.mark.xdist_group("grading")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def database():
    """Start a PostgreSQL server of our own on a free loopback port; return the address of an empty database."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        pytest.skip("There is no PostgreSQL: install the package postgresql.")
    # not one of pytest's folders: they let nobody else in, and another run closes them again
    with tempfile.TemporaryDirectory(prefix="postgresql-", ignore_cleanup_errors=True) as folder:
        yield from serve(programs[-1], Path(folder))


def serve(programs, folder):
    """Start the server in a folder, yield its address, and stop it."""
    owner = pwd.getpwnam("postgres").pw_name if os.geteuid() == 0 else None  # the server refuses to run as root
    if owner:
        shutil.chown(folder, owner)
    port, data = free_port(), folder / "data"

    def call(program, *arguments):
        done = subprocess.run(
            [programs / program, *arguments], user=owner, cwd=folder, stdout=subprocess.DEVNULL, timeout=120
        )
        assert done.returncode == 0, f"{program} ended with {done.returncode}"

    call("initdb", "-D", data, "-A", "trust", "-U", "grader")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
    call("pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start")
    try:
        call("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "grader", "grades")
        yield f"postgresql+psycopg://grader@127.0.0.1:{port}/grades"
    finally:
        call("pg_ctl", "-D", data, "-m", "immediate", "stop")


@pytest.mark.slow
def test_a_class_is_graded_into_postgresql(database, tmp_path):
    need_sandbox()
    import sqlalchemy

    hand_in_two(tmp_path / "submissions", LAB)
    arguments = [tmp_path / "submissions", "--work", tmp_path / "work", "--labs", LAB, "--yes"]
    done = subprocess.run(
        [sys.executable, "-m", "tflite_course.grading", *arguments],
        env=os.environ | {"GRADEBOOK_URL": database},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    with open(tmp_path / "work" / "notes.csv", encoding="utf-8-sig", newline="") as stream:
        points = {row["student"]: row["score"] for row in csv.DictReader(stream)}
    assert float(points["ada"]) == 13.0 and float(points["bob"]) == 0.0
    assert not (tmp_path / "work" / "gradebook.db").exists()
    engine = sqlalchemy.create_engine(database, poolclass=sqlalchemy.NullPool)  # a pool would outlive the test
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("select count(*) from student")).scalar() == 2


def test_a_database_that_cannot_be_reached_is_one_sentence(monkeypatch):
    monkeypatch.setenv("GRADEBOOK_URL", f"postgresql+psycopg://grader@127.0.0.1:{free_port()}/grades")
    with pytest.raises(CourseError, match="does not answer .*: is its server up"):
        gradebook.check_database()
    monkeypatch.setenv("GRADEBOOK_URL", "no address")
    with pytest.raises(CourseError, match=r"not a URL: write postgresql\+psycopg"):
        gradebook.check_database()
    monkeypatch.delenv("GRADEBOOK_URL")
    gradebook.check_database()
