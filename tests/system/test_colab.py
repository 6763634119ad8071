"""A lesson that stands alone in an environment like Colab's installs the course with its set-up cell, and runs.

The environment is .venv-colab: `make colab` builds it from colab-requirements.txt. The course is installed from a
local git repository: git is told to look there for the address that stands in the notebooks.
"""

import json
import os
import shutil
import subprocess

import nbformat
import pytest
from nbclient import NotebookClient

from tests import ROOT
from tests.tools.environment import COLAB, colab_stamp, find_python
from tests.tools.lessons import LESSONS, ON_TARGETS
from tflite_course.authoring.publish import course_source

PYTHON = ROOT / ".venv-colab" / "bin" / "python"
REQUIREMENTS = ROOT / "tests" / "system" / "colab-requirements.txt"
ABSENT = ["tflite-course", "ai-edge-litert", "tensorflow-model-optimization"]

pytestmark = pytest.mark.xdist_group("colab")


@pytest.fixture(scope="module")
def colab(tmp_path_factory):
    """Return the environment variables of a session in which only the address of the course can be reached."""
    if not colab_stamp(PYTHON.parent.parent, REQUIREMENTS).exists():
        message = "There is no .venv-colab, or a half made one: `make colab` builds it when the network is there."
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    subprocess.run([PYTHON, "-m", "pip", "uninstall", "-q", "-y", *ABSENT], check=True)
    folder = tmp_path_factory.mktemp("colab")
    repository = make_repository(folder / "repository")
    config = folder / "gitconfig"
    config.write_text(f'[url "{repository.as_uri()}"]\n    insteadOf = {course_source()}\n', encoding="utf-8")
    kernel = folder / "share" / "kernels" / "colab"
    kernel.mkdir(parents=True)
    argv = [str(PYTHON), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel.joinpath("kernel.json").write_text(json.dumps({"argv": argv, "display_name": "colab", "language": "python"}))
    return {"JUPYTER_PATH": str(folder / "share"), "GIT_CONFIG_GLOBAL": str(config), "PYTHONPATH": ""}


def make_repository(folder):
    """Return a git repository with the course as it lies here, committed or not."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    who = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    for command in (["init", "-q"], ["add", "-A"], [*who, "commit", "-q", "-m", "course"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


def run_alone(path, colab, folder, monkeypatch):
    """Run a copy of a notebook in an empty folder, in Colab's kernel; return its code cells."""
    for name, value in colab.items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=600, kernel_name="colab", resources={"metadata": {"path": str(folder)}}, startup_timeout=120
    )
    client.execute()  # raises at the first cell that fails
    assert not (folder / "tflite_course").exists()
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def printed(cell):
    return "".join(output.get("text", "") for output in cell.outputs if output.output_type == "stream")


# of part 1 those that need no training, and part 3, whose tools Colab does not have
ALONE = [*LESSONS[1:4], *ON_TARGETS]


@pytest.mark.parametrize("lesson", ALONE)
def test_lesson_alone(lesson, colab, tmp_path, monkeypatch):
    cells = run_alone(ROOT / "notebooks" / f"{lesson}.ipynb", colab, tmp_path, monkeypatch)
    assert "ai-edge-litert" in printed(cells[0])


KIT = """
from tflite_course.lesson import delete_guesses, explore, guess, reveal, table
import matplotlib.pyplot as plt


def draw(bits):
    figure, axes = plt.subplots()
    return figure, f"{2**bits} levels"


field = guess("How many?", unit="times")
field.keep("four")
print(field.status.value)
field.field.value = "4"
box = explore(draw, bits=[2, 4])
box.sliders["bits"].value = 4
print(box.sentence)
"""


@pytest.mark.slow
def test_the_kit_with_colabs_widgets(colab, tmp_path, monkeypatch):
    """ipywidgets 7: a guess that is typed is kept, a slider moves, and all four are shown with a still form."""
    monkeypatch.delenv("COURSE_GUESSES", raising=False)
    setup = next(c for c in nbformat.read(ROOT / "notebooks" / "02_convert.ipynb", 4).cells if c.cell_type == "code")
    sources = [setup.source, KIT, "field", "box", 'table([{"a": 1}])', 'reveal("How many?", 3)', "delete_guesses()"]
    path = tmp_path / "kit.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources]), path)
    cells = run_alone(path, colab, tmp_path, monkeypatch)
    assert "not a number" in printed(cells[1]) and printed(cells[1]).endswith("16 levels\n")
    view, kinds = "application/vnd.jupyter.widget-view+json", [set(c.outputs[-1]["data"]) for c in cells[2:]]
    assert kinds[0] >= {view, "text/plain", "text/html"} and kinds[1] >= {view, "text/plain", "image/png"}
    assert "text/html" in kinds[2] and printed(cells[5]) == "How many?\nyour guess: 4 times; measured: 3.00 times\n"
    assert cells[6].outputs[0]["data"]["text/plain"] == "1"


def labs_without_training():
    """Return the labs with checks whose solution builds no Keras model."""
    sources = {path.stem: path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("solutions/lab_*/*.ipynb"))}
    return [lab for lab, source in sources.items() if "tf_keras" not in source]


@pytest.mark.parametrize("lab", labs_without_training())
def test_lab_alone(lab, colab, tmp_path, monkeypatch):
    """With the answers of the solution."""
    cells = run_alone(ROOT / "solutions" / lab / f"{lab}.ipynb", colab, tmp_path, monkeypatch)
    checks = [cell for cell in cells if cell.source.startswith("check(")]
    assert len(checks) > 3 and all(printed(cell).count("Right.") == 1 for cell in checks), [printed(c) for c in checks]


def test_the_python_is_colabs_where_there_is_one():
    if not PYTHON.exists():
        pytest.skip("There is no .venv-colab: `make colab` builds it when the network is there.")
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    found = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert found == COLAB or not find_python(COLAB)


def test_the_environment_is_still_colabs(colab):
    """Installing the course must not replace what Colab brought, ipywidgets 7 above all."""
    code = "import importlib.metadata as m; print(m.version('ipywidgets'), m.version('tensorflow'), m.version('numpy'))"
    done = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["7.7.1", "2.20.0", "2.1.3"]
