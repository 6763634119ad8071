"""make fresh: what it stores, and what it says of a log. The run itself takes root and half an hour."""

import json
import re
import subprocess
import sys

import pytest

from tests.system import fresh
from tests.tools.environment import COLAB, two


def test_what_is_stored_passed():
    """Each system of the table, with date, Python and processor."""
    record = json.loads(fresh.RECORD.read_text(encoding="utf-8"))
    assert record["command"] == "make fresh"
    names = [row["system"] for row in record["systems"]]
    assert len(names) == len(fresh.SYSTEMS)
    assert all(
        any(name.startswith(f"Debian GNU/Linux {s.split()[1]} ") for name in names) for s in fresh.SYSTEMS.values()
    )
    for row in record["systems"]:
        assert row["make lab"] == row["make check"] == "passed"
        passed, skipped = re.fullmatch(r"(\d+) passed, (\d+) skipped", row["tests"]).groups()
        assert int(passed) > 1000 and 0 < int(skipped) < 100  # skipped: what needs a compiler, a browser, QEMU
        assert row["python"].startswith("3.") and row["processor"] and row["commit"]
        assert row["date"] >= "2026-11-27"
        in_colab = {"as in Colab": "passed"} if two(row["python"]) == COLAB else {}  # where a system has its Python
        assert {key: row[key] for key in row if key == "as in Colab"} == in_colab


def test_a_row_replaces_that_of_its_system(tmp_path, monkeypatch):
    monkeypatch.setattr(fresh, "RECORD", tmp_path / "fresh.json")
    fresh.store([{"system": "b", "make lab": "failed: x"}, {"system": "a", "make lab": "passed"}])
    fresh.store([{"system": "b", "make lab": "passed"}])
    rows = json.loads(fresh.RECORD.read_text(encoding="utf-8"))["systems"]
    assert rows == [{"system": "a", "make lab": "passed"}, {"system": "b", "make lab": "passed"}]


def test_the_last_line_of_a_log_is_the_cause(tmp_path):
    log = tmp_path / "log"
    log.write_text("Installing ...\nThe disk is full: free 3 GB.\nmake: *** [Makefile:1: lab] Error 1\n\n")
    assert fresh.last_line(log) == "The disk is full: free 3 GB."
    log.write_text("")
    assert fresh.last_line(log) == "nothing was printed"


def test_what_a_run_of_pytest_says(tmp_path):
    log = tmp_path / "log"
    log.write_text(
        "FAILED tests/labs/test_a.py::test_it[a b] - assert 1\nERROR tests/labs/test_b.py::test_it\n"
        "2 failed, 1690 passed, 31 skipped, 2048 deselected in 90.00s (0:01:30)\ntests: FAILED (ended with 1)\n"
    )
    assert fresh.what_failed(log) == "FAILED tests/labs/test_a.py::test_it[a b] - assert 1, and 1 more"
    assert fresh.counted(log) == "2 failed, 1690 passed, 31 skipped"
    log.write_text("===== 1690 passed, 31 skipped, 1 warning in 90.00s (0:01:30) =====\n")
    assert fresh.counted(log) == "1690 passed, 31 skipped"
    log.write_text("The disk is full.\n")
    assert fresh.what_failed(log) == "The disk is full." and fresh.counted(log) is None


def test_the_address_of_a_server(tmp_path):
    log = tmp_path / "log"
    log.write_text("  http://127.0.0.1:9000/lab/tree/notebooks/01_train_mnist.ipynb?token=ab\n")
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    assert fresh.wait_for_address(log, process).endswith(":9000/lab/tree/notebooks/01_train_mnist.ipynb?token=ab")
    log.write_text("")
    fresh.end(process)
    assert process.poll() is not None and fresh.wait_for_address(log, process) is None


def test_a_sandbox_that_was_skipped_has_not_passed(tmp_path, monkeypatch):
    log = tmp_path / "log"
    monkeypatch.setattr(fresh, "try_make", lambda *_: "passed")
    log.write_text("===== 18 passed in 90.00s (0:01:30) =====\n")
    assert fresh.try_sandbox(tmp_path, log) == "passed"
    log.write_text("===== 12 passed, 6 skipped in 9.00s =====\n")
    assert fresh.try_sandbox(tmp_path, log) == "failed: 12 passed, 6 skipped"


def test_an_unknown_system():
    with pytest.raises(SystemExit, match="sid is not one of bookworm, trixie"):
        fresh.main(["sid"])
