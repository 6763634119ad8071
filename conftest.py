"""What every test run shares: nbval's settings, the times of the notebooks. The kernels' environment is imported."""

import os
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tflite_course.authoring import kernels  # noqa: F401  sets the environment that kernels inherit

# COURSE_SHAKE=1, 2 or 3: all kernels and processes of the tests compute as on another processor (tests/shake).
if os.environ.get("COURSE_SHAKE"):
    from tests.shake import shake

    os.environ.update(shake.environment())
    shake.write_startup(os.environ["IPYTHONDIR"])  # also for kernels that get another PYTHONPATH
    shake.install()

pytest_plugins = ["tests.tools.tiers"]


def pytest_make_parametrize_id(val):
    """A long text names its test with its beginning: a node id of 100,000 characters fills every report."""
    if isinstance(val, (str, bytes)) and len(val) > 100:
        text = val if isinstance(val, str) else val.decode("latin-1")
        return f"{text[:40].encode('unicode_escape').decode()} and {len(val) - 40} more"
    return None


@pytest.fixture(autouse=True)
def no_figures_left():
    """Close what a test has drawn: the next test of the worker counts the open figures, or draws into the last one."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


def pytest_configure(config):
    if not getattr(config.option, "nbval", False):
        return
    if config.option.nbval_sanitize_with is None:  # as an option in pyproject.toml it would hang on the current folder
        config.option.nbval_sanitize_with = str(config.rootpath / "tests" / "notebooks" / "nbval_sanitize.cfg")
    _wait_longer_for_outputs()
    _accept_stated_tolerances()
    _run_conditions()


def _wait_longer_for_outputs():
    """nbval 0.11 waits 5 s for each message after a cell's end (its issues 136, 231): too short on a busy machine."""
    from nbval import plugin

    if getattr(plugin.IPyNbCell, "waits_longer", False):
        return
    init = plugin.IPyNbCell.__init__

    def init_and_wait_longer(self, *args, **kwargs):
        init(self, *args, **kwargs)
        self.output_timeout = 60

    plugin.IPyNbCell.__init__ = init_and_wait_longer
    plugin.IPyNbCell.waits_longer = True


def _accept_stated_tolerances():
    """A cell with a tag such as within-20 may print numbers that differ by so much: see authoring/tolerance.py."""
    from nbval import plugin

    from tflite_course.authoring.tolerance import accept

    compare = plugin.IPyNbCell.compare_outputs
    if getattr(compare, "tolerant", False):
        return

    def compare_tolerantly(self, test, ref, skip_compare=None):
        test = accept(test, ref, self.cell.metadata.get("tags", []), self.sanitize)
        return compare(self, test, ref, skip_compare)

    compare_tolerantly.tolerant = True
    plugin.IPyNbCell.compare_outputs = compare_tolerantly


def _run_conditions():
    """After a cell its conditions run in the same kernel: see tests/notebooks/conditions.py."""
    from nbval import plugin

    from tests.notebooks.conditions import failure_after

    run = plugin.IPyNbCell.runtest
    if getattr(run, "with_conditions", False):
        return

    def run_with_conditions(self):
        run(self)
        failed = failure_after(Path(self.path), self.cell.get("id"), self.parent.kernel.kc)
        if failed:
            self.raise_cell_error(f"A condition of the regression does not hold: {failed}")

    run_with_conditions.with_conditions = True
    plugin.IPyNbCell.runtest = run_with_conditions


def pytest_terminal_summary(terminalreporter):
    """Print how long each notebook took (kernel start not counted)."""
    times, cells = defaultdict(float), defaultdict(int)
    for outcome in ("passed", "failed", "xfailed", "xpassed"):
        for report in terminalreporter.getreports(outcome):
            if ".ipynb::" in report.nodeid:
                name = Path(report.nodeid.split("::")[0]).stem
                times[name] += report.duration
                cells[name] += report.when == "call"
    if times:
        terminalreporter.section("notebooks")
        for name in sorted(times):
            terminalreporter.write_line(f"{name:28} {cells[name]:3} cells {times[name]:6.1f} s")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Importing TFMOT sets this for the whole process, and the kernels that a later test starts would inherit it."""
    os.environ.pop("TF_USE_LEGACY_KERAS", None)


@pytest.fixture(scope="session")
def root():
    """The folder of the course."""
    return Path(__file__).parent
