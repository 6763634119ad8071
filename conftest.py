"""What every test run shares: the kernels' environment, nbval's settings, the times of the notebooks."""

import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import pytest

# Notebook kernels inherit it: the same everywhere, so that stored outputs are the same everywhere.
ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "OMP_NUM_THREADS": "2",
    "PYTHONHASHSEED": "0",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "JUPYTER_PLATFORM_DIRS": "1",
    "COLUMNS": "80",
}
os.environ.update(ENVIRONMENT)

# COURSE_SHAKE=1, 2 or 3: all kernels and processes of the tests compute as on another processor (tests/shake).
if os.environ.get("COURSE_SHAKE"):
    sys.path.insert(0, str(Path(__file__).parent))
    from tests.shake import shake

    os.environ.update(shake.environment())
    shake.install()
FOLDERS = []  # removed when this process ends


def own_folder(prefix):
    """Return the path of a new folder for temporary files."""
    FOLDERS.append(tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True))
    return FOLDERS[-1].name


# No profile of the user's, and no history file that two kernels fight over.
if "IPYTHONDIR" not in os.environ:
    os.environ["IPYTHONDIR"] = own_folder("ipython-")
if os.environ.get("COURSE_SHAKE"):  # also for kernels that get another PYTHONPATH
    shake.write_startup(os.environ["IPYTHONDIR"])

# The user's folder for matplotlib may hold a style, or a list of fonts that another environment left behind without
# those that matplotlib brings: then each log scale warns. A list that is made in a kernel warns too if it takes 5 s.
MATPLOTLIB = "course-matplotlib-"
if not Path(os.environ.get("MPLCONFIGDIR", "")).name.startswith(MATPLOTLIB):
    os.environ["MPLCONFIGDIR"] = own_folder(MATPLOTLIB)
    subprocess.run([sys.executable, "-c", "import matplotlib.font_manager"], stderr=subprocess.DEVNULL, check=True)


def pytest_configure(config):
    if not getattr(config.option, "nbval", False):
        return
    if config.option.nbval_sanitize_with is None:  # as an option in pyproject.toml it would hang on the current folder
        config.option.nbval_sanitize_with = str(config.rootpath / "tests" / "nbval_sanitize.cfg")
    _wait_longer_for_outputs()
    _accept_stated_tolerances()


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
    """A cell with a tag such as within-20 may print numbers that differ by so much: see tests/tolerance.py."""
    from nbval import plugin

    from tests.tolerance import accept

    compare = plugin.IPyNbCell.compare_outputs
    if getattr(compare, "tolerant", False):
        return

    def compare_tolerantly(self, test, ref, skip_compare=None):
        test = accept(test, ref, self.cell.metadata.get("tags", []), self.sanitize)
        return compare(self, test, ref, skip_compare)

    compare_tolerantly.tolerant = True
    plugin.IPyNbCell.compare_outputs = compare_tolerantly


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
