"""Which tests run: `make check` (what one runs after each edit), `make test` (before a commit), `make test-all`.

A pytest plugin. `--tier test` and `--tier check` leave tests out by the seconds that the last `make test-all` stored in
durations.json. A test that is not in there is quick; a file that has never been timed is not in check, unless it is
what has changed. By kind, that is by test function:

- test: all that take less than QUICK seconds, and of the others of a kind the quickest that is not marked slow. What is
  marked slow waits for test-all. Lab tests of a lab whose files have changed since the last commit all run.
- check: of what is quick and shares no kernel, browser, compiler, database or class: of each kind as much as fits into
  KIND seconds, one at least; of a lab's answers to an exercise one right, one wrong and one known mistake. Then the
  tests of what has changed, the quickest first, as long as CHANGED seconds are not used up.
"""

import functools
import json
import re
import subprocess
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import ROOT

STORE = Path(__file__).with_name("durations.json")
QUICK = {"check": 1.0, "test": 0.5}  # seconds
KIND = 2.0  # seconds: what make check spends on one kind of tests
CHANGED = 60.0  # seconds: what it spends on the tests, and again on the lessons, of what has changed
CHECK = 145.0  # seconds of all tests of make check: one worker's third of it and the imports leave time for a lesson
TEST = 1700.0  # seconds of all lessons and tests of make test: two cores have 1,800 in fifteen minutes
MADE = 3.0  # seconds: what takes longer to make is not made for make check
STORED = 0.05  # seconds: what takes less is not stored
SHARED = "seconds of what tests share"
TIERS = ("check", "test", "all")
NOT_IN_CHECK = (
    "tests/labs/test_release.py",
    "tests/notebooks/test_learners.py",
    "tests/notebooks/test_planted_defects.py",
    "tests/package/test_architecture_search.py",
    *(
        f"tests/system/test_{name}.py"
        for name in ("checklists", "colab", "environment", "fresh", "lock", "make", "programs", "publish")
    ),
)
# What of each kind make check takes once: a lab's answers, and the tests that need a converted model.
ONE_ANSWER = re.compile(r"tests/labs/\S+\[\S+ (right:|wrong:|mistake)|tests/package/test_model_forms.py::\w+")


def pytest_addoption(parser):
    parser.addoption("--tier", choices=TIERS, default="all", help="which tests run; see tests/tools/tiers.py")
    parser.addoption("--store-durations", action="store_true", help="write tests/tools/durations.json")
    parser.addoption("--durations-to", metavar="FILE", type=Path, default=STORE, help="write another file instead")
    parser.addoption("--failed-to", metavar="FILE", help="write there what failed, as JSON: tests, lessons' files")


def kind_of(nodeid):
    """Return the test function of a node id, without its parameters."""
    return nodeid.split("[", 1)[0]


def part_of(nodeid):
    """Return the part of the tests that a node id belongs to: the folder, and planted defects by themselves."""
    nodeid = kind_of(nodeid)
    if ".ipynb::" in nodeid:
        return "lessons"
    if "test_planted_defects" in nodeid:
        return "planted defects"
    return nodeid.split("/")[1] if nodeid.startswith("tests/") and nodeid.count("/") > 1 else "others"


@functools.cache
def changed_files():
    """Return the files that differ from the last commit, as paths in the course; nothing outside a Git checkout."""
    command = ["git", "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    except OSError:  # there is no git
        return ()
    return tuple(line[3:] for line in done.stdout.split("\0") if line) if done.returncode == 0 else ()


class Test(NamedTuple):
    """A test: its node id, whether it is marked slow, whether it is one of an xdist_group, its fixtures' names."""

    nodeid: str
    slow: bool = False
    grouped: bool = False
    fixtures: tuple = ()

    @classmethod
    def of(cls, item):
        marks = [item.get_closest_marker(name) is not None for name in ("slow", "xdist_group")]
        return cls(item.nodeid.split("@")[0], *marks, tuple(getattr(item, "fixturenames", ())))

    def shared(self):
        """Return the names under which the seconds of its fixtures are stored."""
        return [fixture_key(self.nodeid.split("::")[0], name) for name in self.fixtures]


def chosen(tests, tier, durations, changed=()):
    """Return the node ids that a tier runs, as a set.

    tests: list of Test; durations: {node id or fixture: seconds}; changed: paths of changed files.
    """
    if tier == "all":
        return {test.nodeid for test in tests}
    unmarked = [test for test in tests if not test.slow]
    quick = [test for test in unmarked if durations.get(test.nodeid, 0.0) < QUICK[tier]]
    touched = [test for test in unmarked if any(is_of(test.nodeid, path) for path in changed)]
    if tier == "check":
        timed = [test for test in quick if file_key(test.nodeid) in durations]
        kept = _some_of_each([test for test in timed if _stands_alone(test, durations)], check_kind, durations, KIND)
        more = [test for test in touched if _stands_alone(test, durations) and test.nodeid not in kept]
        return kept | within_budget(more, durations)
    labs = [test for test in touched if test.nodeid.startswith("tests/labs/")]
    return {test.nodeid for test in quick + labs} | _some_of_each(unmarked, kind_of, durations)


def _stands_alone(test, durations):
    """Return whether a test is one for make check: what it shares with others is quickly made, and needs no group."""
    if test.grouped or test.nodeid.startswith(NOT_IN_CHECK):
        return False
    return all(durations.get(key, 0.0) < MADE for key in test.shared())


def _some_of_each(tests, kind, durations, seconds=0.0):
    """Return the node ids of the quickest tests of each kind that take so many seconds together, one at least."""
    kept, spent = set(), defaultdict(float)
    for test in sorted(tests, key=lambda test: durations.get(test.nodeid, 0.0)):
        of_kind, most = kind(test.nodeid), 0.0 if ONE_ANSWER.match(test.nodeid) else seconds
        if of_kind not in spent or spent[of_kind] + durations.get(test.nodeid, 0.0) < most:
            spent[of_kind] += durations.get(test.nodeid, 0.0)
            kept.add(test.nodeid)
    return kept


def check_kind(nodeid):
    """Return the kind of a test in make check: of answers to a lab also the exercise, and right, wrong or mistake."""
    found = ONE_ANSWER.match(nodeid)
    return found[0] if found else kind_of(nodeid)


def within_budget(tests, durations):
    """Return the node ids of the quickest tests that together, with what they share, take CHANGED seconds."""
    kept, paid, left = set(), set(), CHANGED

    def cost(test):
        return durations.get(test.nodeid, 0.0) + sum(durations.get(key, 0.0) for key in {*test.shared()} - paid)

    for test in sorted(tests, key=cost):
        if cost(test) <= left:
            left -= cost(test)
            paid |= {*test.shared()}
            kept.add(test.nodeid)
    return kept


def is_of(nodeid, path):
    """Return whether a test is about a changed file: its own file, or one with its name in a part of the path."""
    file = nodeid.split("::")[0]
    name = Path(file).stem.removeprefix("test_")
    return file == path or any(re.fullmatch(rf"(test_)?{re.escape(name)}(\.\w+)?", part) for part in path.split("/"))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    tier = config.getoption("--tier")
    if tier == "all" or getattr(config.option, "nbval", False):
        return
    kept = chosen([Test.of(item) for item in items], tier, stored_durations(), changed_files())
    out = [item for item in items if item.nodeid.split("@")[0] not in kept]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item.nodeid.split("@")[0] in kept]


def stored_durations(file=None):
    """Return {node id of a test, or path of a lesson: seconds} of the last `make test-all`; {} before the first."""
    file = file or STORE
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def merged(stored, seconds, whole=True):
    """Return what is stored after a run: what did not run keeps its seconds.

    stored, seconds: {node id: seconds}; of a lesson the sum of its cells is stored. whole: files ran as a whole, so
    what they do not hold any more is forgotten.
    """
    new = defaultdict(float)
    for nodeid, value in seconds.items():
        lesson = nodeid.split("::")[0]
        new[lesson if lesson.endswith(".ipynb") else nodeid] += value
    new = {name: value for name, value in new.items() if name.endswith(".ipynb") or value >= STORED}
    files = {nodeid.split("::")[0] for nodeid in seconds}
    if whole:
        for nodeid, value in seconds.items():
            if not nodeid.split("::")[0].endswith(".ipynb"):
                new[file_key(nodeid)] = new.get(file_key(nodeid), 0.0) + value
    new = {name: round(value, 2) for name, value in new.items()}
    kept = {name: value for name, value in stored.items() if name.split("::")[0] not in files or not whole}
    kept = {name: value for name, value in kept.items() if name not in seconds}
    return dict(sorted((kept | new).items()))


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef, request):
    """What several tests share is timed by itself: whichever of them runs first pays for it."""
    start = time.monotonic()
    try:
        return (yield)
    finally:
        if fixturedef.scope != "function":
            key = fixture_key(request.node.nodeid, fixturedef.argname)
            request._pyfuncitem.user_properties.append((SHARED, [key, time.monotonic() - start]))


def file_key(nodeid):
    """Return the name under which the sum of a file's seconds is stored."""
    return f"{nodeid.split('::')[0]}::all"


def fixture_key(file, name):
    """Return the name under which the seconds of a fixture of a file are stored."""
    return f"{file}::fixture {name}"


def seconds_by_test(terminalreporter):
    """Return {node id: seconds} of what ran, set-up and end counted, and of what tests share."""
    seconds = defaultdict(float)
    for outcome in ("passed", "failed", "error", "xfailed", "xpassed", "skipped", ""):
        for report in terminalreporter.getreports(outcome):
            nodeid = report.nodeid.split("@")[0]
            seconds[nodeid] += getattr(report, "duration", 0.0)  # a collection has none
            if getattr(report, "when", "") == "setup":
                for key, value in (value for name, value in report.user_properties if name == SHARED):
                    seconds[key] += value
                    seconds[nodeid] -= value
    return seconds


def pytest_terminal_summary(terminalreporter, config):
    seconds = seconds_by_test(terminalreporter)
    parts, count = defaultdict(float), defaultdict(int)
    for nodeid, value in seconds.items():
        parts[part_of(nodeid)] += value
        count[part_of(nodeid)] += 1
    if sum(count.values()) > 20:
        terminalreporter.section("seconds by part, over all workers")
        for part in sorted(parts, key=parts.get, reverse=True):
            terminalreporter.write_line(f"{part:16} {count[part]:5} tests {parts[part]:7.0f} s")
    if config.getoption("--failed-to"):
        failed = [report.nodeid for word in ("failed", "error") for report in terminalreporter.getreports(word)]
        failed = [nodeid.split("::" if ".ipynb" in nodeid else "@")[0] for nodeid in failed]
        Path(config.getoption("--failed-to")).write_text(json.dumps(list(dict.fromkeys(failed))), encoding="utf-8")
    if config.getoption("--store-durations"):
        whole = config.getoption("--tier") == "all" and not (config.option.keyword or config.option.markexpr)
        file = config.getoption("--durations-to")
        stored = merged(stored_durations(file if file.is_file() else STORE), seconds, whole)
        file.write_text(json.dumps(stored, indent=0) + "\n", encoding="utf-8")
