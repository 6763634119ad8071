"""What make check, make test and make test-all run: nothing is lost, and each kind is there."""

import json
import os
import subprocess
import sys

import pytest

from tests import ROOT
from tests.tools import run_all, tiers
from tests.tools.tiers import Test as Case  # a name that pytest does not collect

LAB = "tests/labs/test_lab_3.py::test_check"
CASES = [
    Case(f"{LAB}[a right: sorted]"),
    Case(f"{LAB}[a right: a loop]"),
    Case(f"{LAB}[a wrong: reversed]"),
    Case(f"{LAB}[a wrong: nothing]"),
    Case(f"{LAB}[b right: trained]"),
    Case("tests/targets/test_x.py::test_builds[a]"),
    Case("tests/targets/test_x.py::test_builds[b]"),
    Case("tests/targets/test_x.py::test_cluster", slow=True),
    Case("tests/targets/test_x.py::test_firmware", fixtures=("compiled",)),
    Case("tests/targets/test_y.py::test_page", grouped=True),
    Case("tests/system/test_make.py::test_new"),
    Case("tests/package/test_z.py::test_each[a]"),
    Case("tests/package/test_z.py::test_each[b]"),
    Case("tests/package/test_z.py::test_each[c]"),
    Case("tests/package/test_z.py::test_each[d]"),
    Case("tests/package/test_new_file.py::test_it"),
]
NUMBER = {case.nodeid: number for number, case in enumerate(CASES)}
DURATIONS = {
    f"{LAB}[a right: sorted]": 0.5,
    f"{LAB}[b right: trained]": 30.0,
    "tests/targets/test_x.py::test_builds[a]": 9.0,
    "tests/targets/test_x.py::test_builds[b]": 5.0,
    "tests/targets/test_x.py::test_cluster": 60.0,
    "tests/targets/test_x.py::fixture compiled": 8.0,
    **{f"tests/package/test_z.py::test_each[{name}]": 0.9 for name in "abcd"},
    **{tiers.file_key(case.nodeid): 9.0 for case in CASES if "test_new_file" not in case.nodeid},
}


def numbers(tier, changed=()):
    return sorted(NUMBER[nodeid] for nodeid in tiers.chosen(CASES, tier, DURATIONS, changed))


def test_all_runs_everything():
    assert numbers("all") == list(range(len(CASES)))


def test_test_runs_what_is_quick_and_the_quickest_of_each_kind():
    """Of the four that take 0.9 s each, too long for make test, one is the quickest of its kind."""
    assert numbers("test") == [1, 2, 3, 6, 8, 9, 10, 11, 15]


def test_a_lab_that_has_changed_runs_whole():
    assert 4 in numbers("test", ["tflite_course/labs/lab_3/quantize.py"])
    assert 4 not in numbers("test", ["tflite_course/labs/lab_30/quantize.py"])


def test_check_runs_some_of_each_kind_and_nothing_that_needs_a_group_or_what_takes_long_to_make():
    """Of answers one right (the quickest) and one wrong; of others as many as fit into two seconds."""
    assert numbers("check") == [1, 2, 11, 12]


@pytest.mark.parametrize(
    ("changed", "more"),
    [
        ("tests/targets/test_x.py", [5, 6]),
        ("tflite_course/targets/x/emulate.py", [5, 6]),
        ("tflite_course/z.py", [13, 14]),
        ("tflite_course/labs/lab_3/common.py", [0, 3, 4]),
        ("tests/labs/answers/lab_3.py", [0, 3, 4]),
        ("tests/targets/test_y.py", []),
        ("tests/package/test_new_file.py", [15]),
        ("README.md", []),
    ],
)
def test_check_runs_the_tests_of_what_has_changed(changed, more):
    assert numbers("check", [changed]) == sorted([1, 2, 11, 12, *more])


def test_what_has_changed_has_a_budget(monkeypatch):
    """The quickest first; what they share is paid once."""
    monkeypatch.setattr(tiers, "CHANGED", 6.0)
    assert numbers("check", ["tests/targets/test_x.py"]) == [1, 2, 6, 11, 12]
    share = [Case(f"tests/a/test_a.py::test_{name}", fixtures=("made",)) for name in "abc"]
    durations = {"tests/a/test_a.py::fixture made": 2.0, **{case.nodeid: 1.5 for case in share}}
    assert tiers.within_budget(share, durations) == {case.nodeid for case in share[:2]}


def selected(tier):
    """Return the node ids of what a tier runs in a checkout without changes."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "--tier", tier, "tests"]
    unchanged = {**os.environ, "GIT_DIR": os.devnull}  # no changes are seen
    done = subprocess.run(command, cwd=ROOT, env=unchanged, capture_output=True, text=True)
    found = [line for line in done.stdout.splitlines() if line.startswith("tests/") and "::" in line]
    assert len(found) > 1000, done.stdout[-2000:]
    parts = {tiers.part_of(nodeid) for nodeid in found}
    assert parts >= {"package", "notebooks", "labs", "targets", "system"}
    return found


def stored_seconds(nodeids, most=float("inf")):
    """Return the stored seconds of tests and of what they share, as far as that is made in less than most seconds."""
    stored = tiers.stored_durations()
    files = {nodeid.split("::")[0] for nodeid in nodeids}
    shared = [stored[name] for name in stored if "::fixture" in name and name.split("::")[0] in files]
    return sum(stored.get(nodeid, tiers.STORED / 5) for nodeid in nodeids) + sum(s for s in shared if s < most)


@pytest.mark.slow
def test_check_stays_in_its_budget():
    assert stored_seconds(selected("check"), tiers.MADE) < tiers.CHECK


@pytest.mark.slow
def test_test_stays_in_its_budget():
    """The lessons, too: fifteen minutes of two cores, most of them used."""
    stored = tiers.stored_durations()
    lessons = sum(stored.get(path.relative_to(ROOT).as_posix(), 0.0) for path in run_all.lessons("test")[0])
    assert lessons + stored_seconds(selected("test")) < tiers.TEST


def test_each_exercise_has_a_right_and_a_wrong_answer_in_check():
    """As far as one of them takes less than a second."""
    nodeid = "tests/labs/test_lab_9.py::test_check[round_up {}: x]"
    assert len({tiers.check_kind(nodeid.format(word)) for word in ("right", "wrong")}) == 2
    assert tiers.check_kind(nodeid.format("right")) != tiers.check_kind(nodeid.replace("round_up", "add"))
    assert tiers.check_kind("tests/labs/test_lab_9.py::test_known_mistake[add mistake 3]") == tiers.check_kind(
        "tests/labs/test_lab_9.py::test_known_mistake[add mistake 0]"
    )


def test_lessons_that_have_changed_have_a_budget(monkeypatch):
    """One always runs; the others are named."""
    paths = run_all.lesson_files()[:4]
    stored = dict(zip([f"notebooks/{path.name}" for path in paths], [50.0, 80.0, 9.0, 20.0], strict=True))
    monkeypatch.setattr(tiers, "stored_durations", lambda: stored)
    for changed, runs, named in (
        ([], [], []),
        ([1], [1], []),
        ([0, 2], [0, 2], []),
        ([0, 1, 2, 3], [3, 2], [0, 1]),
    ):
        names = tuple(f"notebooks/{paths[number].name}" for number in changed)
        monkeypatch.setattr(tiers, "changed_files", lambda names=names: names)
        assert run_all.lessons("check") == ([paths[number] for number in runs], [paths[number] for number in named])
    assert run_all.lessons("test")[0][-4:] == [paths[number] for number in (1, 0, 3, 2)]


def test_what_goes_deeper_runs_in_test_when_it_is_cheap(monkeypatch):
    names = [f"{number:02}_x" for number in (1, 2, 3)]
    paths = [run_all.ROOT / "notebooks" / "deeper" / f"{name}.ipynb" for name in names]
    stored = {"notebooks/deeper/01_x.ipynb": 9.0, "notebooks/deeper/02_x.ipynb": 11.0}  # 03 has never been timed
    monkeypatch.setattr(run_all, "deeper_files", lambda: paths)
    monkeypatch.setattr(tiers, "stored_durations", lambda: stored)
    assert {path.stem for path in run_all.lessons("all")[0]} >= set(names)
    assert {path.stem for path in run_all.lessons("test")[0]} & set(names) == {"01_x"}
    monkeypatch.setattr(tiers, "changed_files", lambda: ("notebooks/deeper/02_x.ipynb",))
    assert run_all.lessons("check") == ([paths[1]], [])


@pytest.mark.parametrize(
    ("nodeid", "part"),
    [
        ("notebooks/04_draw_digits.ipynb::Cell 3", "lessons"),
        ("tests/notebooks/test_planted_defects.py::test_x[01-a]", "planted defects"),
        ("tests/notebooks/test_hygiene.py::test_x", "notebooks"),
        ("tests/labs/test_capstone.py::test_check[a / b]", "labs"),
    ],
)
def test_parts(nodeid, part):
    assert tiers.part_of(nodeid) == part


def test_stored_seconds():
    """What did not run keeps its seconds; of a file that ran whole, what is gone is forgotten."""
    lesson = {"notebooks/01_a.ipynb::Cell 0": 0.2, "notebooks/01_a.ipynb::Cell 1": 1}
    stored = tiers.merged({"tests/a.py::old": 9.0, "tests/a.py::other": 1.0}, lesson)
    assert stored == {"notebooks/01_a.ipynb": 1.2, "tests/a.py::old": 9.0, "tests/a.py::other": 1.0}
    ran = {"tests/a.py::new": 2.0, "tests/a.py::other": 0.01}
    assert tiers.merged(stored, ran) == {
        "notebooks/01_a.ipynb": 1.2,
        "tests/a.py::all": 2.01,
        "tests/a.py::new": 2.0,
    }
    assert tiers.merged(stored, ran, whole=False) == {
        "notebooks/01_a.ipynb": 1.2,
        "tests/a.py::new": 2.0,
        "tests/a.py::old": 9.0,
    }


UNSTEADY = """
import pathlib, pytest
FIRST = pathlib.Path(__file__).with_name("first")
def test_late():
    first = not FIRST.exists()
    FIRST.touch()
    assert not first
@pytest.mark.parametrize("n", range({broken}))
def test_broken(n): assert False
def test_fine(): pass
"""


@pytest.mark.parametrize(
    ("broken", "code", "once"), [(0, 0, ["test_late"]), (1, 1, []), (run_all.AGAIN, 1, [])], ids=["late", "red", "much"]
)
def test_a_few_failed_tests_run_once_more(broken, code, once, tmp_path, capfd, monkeypatch):
    """What fails twice is red, what passes alone is named; nothing runs again where much fails."""
    monkeypatch.setattr(run_all, "ROOT", tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (tmp_path / "test_unsteady.py").write_text(UNSTEADY.format(broken=broken), encoding="utf-8")
    (tmp_path / "conftest.py").write_text("pytest_plugins = ['tests.tools.tiers']\n", encoding="utf-8")
    found = run_all.call([sys.executable, "-m", "pytest", "-q", "test_unsteady.py"])
    assert (found[0], [name.split("::")[1] for name in found[1]]) == (code, once)
    again = "Once more, alone" in capfd.readouterr().out
    assert again == (broken < run_all.AGAIN)


SHARING = """
import time, pytest
@pytest.fixture(scope="module")
def slow():
    time.sleep(0.4)
@pytest.mark.parametrize("n", range(2))
def test_it(n, slow): pass
"""


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["one process", "a worker"])
def test_what_tests_share_is_stored_by_itself(workers, tmp_path):
    """Whoever comes first pays for it; without that a test would look slow, and the next one would pay instead."""
    (tmp_path / "test_sharing.py").write_text(SHARING, encoding="utf-8")
    (tmp_path / "conftest.py").write_text(
        f"from pathlib import Path\nfrom tests.tools import tiers\ntiers.STORE = Path({str(tmp_path / 'd.json')!r})\n"
        "pytest_plugins = ['tests.tools.tiers']\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", tmp_path, "-p", "no:nbval"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*command, "--store-durations", *workers, tmp_path], env=environment, capture_output=True)
    assert done.returncode == 0, done.stdout.decode()
    stored = json.loads((tmp_path / "d.json").read_text(encoding="utf-8"))
    assert list(stored) == ["test_sharing.py::all", "test_sharing.py::fixture slow"]
    assert stored["test_sharing.py::fixture slow"] > 0.3
    (tmp_path / "d.json").write_text('{"test_other.py::test": 1.0}', encoding="utf-8")
    more = ["--store-durations", "--durations-to", tmp_path / "new.json"]  # what is stored stays as it is meanwhile
    subprocess.run([*command, *more, *workers, tmp_path], env=environment, check=True, capture_output=True)
    assert json.loads((tmp_path / "d.json").read_text(encoding="utf-8")) == {"test_other.py::test": 1.0}
    assert list(json.loads((tmp_path / "new.json").read_text(encoding="utf-8"))) == ["test_other.py::test", *stored]
