"""Which tests run: `make check` (what one runs after each edit), `make test` (before a commit), `make test-all`.

A pytest plugin. `--tier test` and `--tier check` leave tests out by the seconds that the last `make test-all` stored in
durations.json; a test that is not in there runs. By kind, that is by test function:

- test: all that take less than QUICK seconds, and of the others of a kind the quickest that is not marked slow. What is
  marked slow waits for test-all. Lab tests of a lab whose files have changed since the last commit all run.
- check: only what takes less than QUICK seconds and needs no kernel, browser, compiler or database.
"""

import functools
import json
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from tests import ROOT

STORE = Path(__file__).with_name("durations.json")
QUICK = 1.0  # seconds
TIERS = ("check", "test", "all")
NOT_IN_CHECK = ("tests/system/", "tests/notebooks/test_planted_defects.py", "tests/labs/test_release.py")


def pytest_addoption(parser):
    parser.addoption("--tier", choices=TIERS, default="all", help="which tests run; see tests/tools/tiers.py")
    parser.addoption("--store-durations", action="store_true", help="write tests/tools/durations.json")


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
    command = ["git", "status", "--porcelain", "--untracked-files=all"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return tuple(line[3:] for line in done.stdout.splitlines()) if done.returncode == 0 else ()


def chosen(tests, tier, durations, changed=()):
    """Return the node ids that a tier runs, in their order.

    tests: [(node id, whether it is marked slow)]; durations: {node id: seconds}; changed: paths of changed files.
    """
    if tier == "all":
        return [nodeid for nodeid, _ in tests]
    quick = {nodeid for nodeid, slow in tests if not slow and durations.get(nodeid, 0.0) < QUICK}
    if tier == "check":
        return [nodeid for nodeid, _ in tests if nodeid in quick and not nodeid.startswith(NOT_IN_CHECK)]
    quickest = {}
    for nodeid, slow in tests:
        kind = kind_of(nodeid)
        if not slow and (kind not in quickest or durations.get(nodeid, 0.0) < durations.get(quickest[kind], 0.0)):
            quickest[kind] = nodeid
    kept = quick | set(quickest.values())
    kept |= {nodeid for nodeid, slow in tests if not slow and any(_is_of(nodeid, path) for path in changed)}
    return [nodeid for nodeid, _ in tests if nodeid in kept]


def _is_of(nodeid, path):
    """Return whether a changed file belongs to the lab that a test is about."""
    name = Path(nodeid.split("::")[0]).stem.removeprefix("test_")
    return "tests/labs/test_" in nodeid and name in path


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    tier = config.getoption("--tier")
    if tier == "all" or getattr(config.option, "nbval", False):
        return
    durations = stored_durations()
    slow = [(item.nodeid.split("@")[0], item.get_closest_marker("slow") is not None) for item in items]
    kept = set(chosen(slow, tier, durations, changed_files()))
    out = [item for item in items if item.nodeid.split("@")[0] not in kept]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item.nodeid.split("@")[0] in kept]


def stored_durations():
    """Return {node id of a test, or path of a lesson: seconds} of the last `make test-all`; {} before the first."""
    return json.loads(STORE.read_text(encoding="utf-8")) if STORE.is_file() else {}


def merged(stored, seconds, lessons):
    """Return what is stored after a run: a run of lessons replaces their sums, a run of tests what is not a lesson."""
    new = defaultdict(float)
    for nodeid, value in seconds.items():
        new[nodeid.split("::")[0] if lessons else nodeid] += value
    new = {name: round(value, 1) for name, value in new.items() if lessons or value >= QUICK / 2}
    kept = {name: value for name, value in stored.items() if name.endswith(".ipynb") != lessons}
    return dict(sorted((kept | new).items()))


def seconds_by_test(terminalreporter):
    """Return {node id: seconds} of what ran, set-up and end counted."""
    seconds = defaultdict(float)
    for outcome in ("passed", "failed", "error", "xfailed", "xpassed", ""):
        for report in terminalreporter.getreports(outcome):
            seconds[report.nodeid.split("@")[0]] += getattr(report, "duration", 0.0)  # a collection has none
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
    if config.getoption("--store-durations"):
        stored = merged(stored_durations(), seconds, getattr(config.option, "nbval", False))
        STORE.write_text(json.dumps(stored, indent=0) + "\n", encoding="utf-8")
