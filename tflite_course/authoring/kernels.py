"""The environment of every notebook kernel that stores or compares outputs: importing this module sets it."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

# Notebook kernels inherit it: the same everywhere, so that stored outputs are the same everywhere.
ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "OMP_NUM_THREADS": "2",
    "PYTHONHASHSEED": "0",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "JUPYTER_PLATFORM_DIRS": "1",
    "COLUMNS": "80",
    "COURSE_OWN_MODELS": "shipped",  # not the model that somebody kept in lesson 01
}
os.environ.update(ENVIRONMENT)
FOLDERS = []  # removed when this process ends


def own_folder(prefix):
    """Return the path of a new folder for temporary files."""
    FOLDERS.append(tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True))
    return FOLDERS[-1].name


# A kernel that imported TensorFlow searches its modules for cycles when it ends, for a second of a core.
QUICK_END = "import atexit, gc\natexit.register(gc.freeze)\ndel atexit, gc  # the names in a kernel are the lesson's\n"

# No profile of the user's, and no history file that two kernels fight over.
IPYTHON = "course-ipython-"
if not Path(os.environ.get("IPYTHONDIR", "")).name.startswith(IPYTHON):
    os.environ["IPYTHONDIR"] = own_folder(IPYTHON)
    startup = Path(os.environ["IPYTHONDIR"], "profile_default", "startup")
    startup.mkdir(parents=True)
    (startup / "00-quick-end.py").write_text(QUICK_END, encoding="utf-8")

# No stored output may show what an author has guessed in a lesson, and no test may write to the file of guesses.
if "COURSE_GUESSES" not in os.environ:
    os.environ["COURSE_GUESSES"] = str(Path(own_folder("course-guesses-"), "guesses.json"))

# The user's folder for matplotlib may hold a style, or a list of fonts that another environment left behind without
# those that matplotlib brings: then each log scale warns. A list that is made in a kernel warns too if it takes 5 s.
MATPLOTLIB = "course-matplotlib-"
if not Path(os.environ.get("MPLCONFIGDIR", "")).name.startswith(MATPLOTLIB):
    os.environ["MPLCONFIGDIR"] = own_folder(MATPLOTLIB)
    subprocess.run([sys.executable, "-c", "import matplotlib.font_manager"], stderr=subprocess.DEVNULL, check=True)
