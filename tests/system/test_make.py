"""The two commands: what `make` does on a wrong machine and the second time, and that `make lab` serves lesson 01."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests import ROOT
from tests.tools import environment

HAS_ENVIRONMENT = (ROOT / ".venv" / "test.stamp").exists()
needs_environment = pytest.mark.skipif(
    not HAS_ENVIRONMENT and not os.environ.get("CI"), reason="there is no .venv: `make test` makes it"
)


def make(*arguments, cwd=ROOT, **environment):
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *arguments], cwd=cwd, capture_output=True, text=True, env=inherited | environment, timeout=300
    )


def fake_python(folder, version):
    """A python that says it is another version."""
    path = folder / "python-fake"
    code = f"import sys; sys.version_info = {version}; exec(sys.argv[1])"
    path.write_text(f'#!/bin/sh\nshift\nexec python3 -c "{code}" "$1"\n', encoding="utf-8")
    path.chmod(0o755)
    return path


def course_folder(folder):
    """A clone without environment, links instead of files."""
    for name in (
        "Makefile",
        "requirements.txt",
        "constraints.txt",
        "requirements-targets.txt",
        "requirements-grading.txt",
        "requirements-dev.txt",
        "pyproject.toml",
        "tests",
    ):
        (folder / name).symlink_to(ROOT / name)
    return folder


def test_wrong_python_is_one_sentence(tmp_path):
    done = make("lab", f"PYTHON={fake_python(tmp_path, (3, 9))}", cwd=course_folder(tmp_path))
    assert done.returncode != 0
    assert "This is Python 3.9, and TensorFlow needs 3.11 to 3.13: install one of them and name it" in done.stderr
    assert not (tmp_path / ".venv").exists() and "Traceback" not in done.stderr


def test_a_python_that_is_not_there_is_one_sentence(tmp_path):
    done = make("lab", "PYTHON=python3.99", cwd=course_folder(tmp_path))
    assert done.returncode != 0
    assert "There is no program python3.99: install Python 3.11 to 3.13, or name one" in done.stderr


def offline(**more):
    """Environment variables of a machine that reaches no package index, and has no uv."""
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_NO_INPUT": "1"}
    nowhere |= {"PIP_CONFIG_FILE": os.devnull, "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": "", "PIP_NO_CACHE_DIR": "1"}
    return nowhere | {"INSTALLER": "pip"} | more


def test_no_network_is_one_sentence(tmp_path):
    done = make("lab", cwd=course_folder(tmp_path), **offline())
    assert done.returncode != 0
    assert re.search(
        r"^The packages of requirements\.txt could not be installed: 127\.0\.0\.1\S* refuses the connection: check the",
        done.stderr,
        re.MULTILINE,
    )


def small_course(folder):
    """A course that needs no packages: of the real one the Makefile and the tools."""
    folder.mkdir()
    (folder / "tests").mkdir()
    (folder / "Makefile").symlink_to(ROOT / "Makefile")
    (folder / "tests" / "__init__.py").touch()
    (folder / "tests" / "tools").symlink_to(Path(environment.__file__).parent)
    for name in ("requirements.txt", "constraints.txt", "pyproject.toml"):
        (folder / name).touch()
    return folder


def test_a_path_with_blanks_and_accents(tmp_path):
    """The environment is made, a second make makes nothing, and the server's program is the environment's own."""
    folder = small_course(tmp_path / "mön dossier été")
    done = make(".venv/lab.stamp", cwd=folder, **offline())
    assert done.returncode == 0, done.stderr
    assert make("--question", ".venv/lab.stamp", cwd=folder).returncode == 0
    done = make("lab", cwd=folder)  # JupyterLab is not installed there
    assert re.search(r"mön dossier été/\.venv/bin/python: No module named jupyterlab", done.stderr)


@pytest.mark.slow
def test_an_environment_that_cannot_be_used_is_made_again(tmp_path):
    """Its Python is gone, or the folder was moved: one sentence, and everything is installed again."""
    folder = small_course(tmp_path / "course")
    assert make(".venv/lab.stamp", cwd=folder, **offline()).returncode == 0
    (folder / ".venv" / "bin" / "python").unlink()
    done = make(".venv/lab.stamp", cwd=folder, **offline())
    assert done.returncode == 0 and "The environment .venv is made again: its Python is gone." in done.stdout
    assert "Installing requirements.txt" in done.stdout
    moved = folder.rename(tmp_path / "moved")
    done = make(".venv/lab.stamp", cwd=moved, **offline())
    assert done.returncode == 0 and f"it was made as {folder / '.venv'}, and its programs name" in done.stdout
    (moved / ".venv" / "python.stamp").unlink()  # stopped half way
    (moved / ".venv" / "pyvenv.cfg").unlink()
    done = make(".venv/lab.stamp", cwd=moved, **offline())
    assert done.returncode == 0 and "made again: it was only half made." in done.stdout


@pytest.mark.parametrize("writable", [True, False])
def test_a_home_folder_that_cannot_be_written(tmp_path, writable):
    """Jupyter, IPython and the others get folders in the environment then, and only then."""
    home = tmp_path / "home"
    home.mkdir()
    if not writable:  # root may write everywhere, so the folder is not there at all
        home.rmdir()
    (tmp_path / "print.mk").write_text(f"include {ROOT / 'Makefile'}\nprint:\n\t@env\n")
    unset = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR", "MPLCONFIGDIR", "XDG_CACHE_HOME")
    flags = [part for name in unset for part in ("-u", name)]
    done = subprocess.run(
        ["env", *flags, f"HOME={home}", "make", "-f", "print.mk", "print"], cwd=tmp_path, capture_output=True, text=True
    )
    found = [name for name in unset if f"{name}={tmp_path}/.venv/home/" in done.stdout]
    assert found == ([] if writable else list(unset))


@needs_environment
@pytest.mark.parametrize("stamp", ["lab", "test"])
def test_second_make_installs_nothing(stamp):
    done = make("--question", f".venv/{stamp}.stamp")
    assert done.returncode == 0, "make would install again"


def test_missing_programs_are_a_line_each_and_make_goes_on(tmp_path):
    """Without Chromium and apt the rest of the tests still runs."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "make", "id"):
        (tools / name).symlink_to(shutil.which(name))
    done = make("browser", f"PYTHON={sys.executable}", PATH=str(tools))
    assert done.returncode == 0
    lines = [line for line in done.stdout.splitlines() if not line.startswith("DejaVu")]
    assert lines == [
        f"{name} is missing, and there is no apt-get here; skipped without it: {lost}. Cure: install {name}."
        for name, lost in (
            ("Chromium", "the tests of pad and web page in a browser"),
            ("npm", "the web page of lesson 11 and its tests"),
        )
    ]


@needs_environment
def test_make_lab_serves_lesson_01(tmp_path):
    """`make lab` without a browser prints an address, although another program has its port; the lesson is there."""
    log = tmp_path / "log"
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    flags = f"--no-browser --port {port}"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "JUPYTER"))}
    environment |= {"JUPYTER_RUNTIME_DIR": str(tmp_path), "BROWSER": "", "DISPLAY": ""}
    with open(log, "w", encoding="utf-8") as output:
        process = subprocess.Popen(
            ["make", "lab", f"LAB_FLAGS={flags}"], cwd=ROOT, env=environment, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    try:
        address = wait_for_address(log, process)
        assert "01_train_mnist.ipynb" in address and f":{port}/" not in address
        contents = address.replace("/lab/tree/", "/api/contents/")
        with urllib.request.urlopen(contents, timeout=30) as answer:
            assert b"MNIST" in answer.read()
        picture = contents.replace("notebooks/01_train_mnist.ipynb", "assets/figures/five_stages.svg")
        with urllib.request.urlopen(picture, timeout=30) as answer:  # lessons show it
            assert b"<svg" in answer.read()
    finally:
        os.killpg(process.pid, 9)
        process.wait()
        taken.close()


def wait_for_address(log, process, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        found = re.search(r"http://127\.0\.0\.1:\d+/lab/tree/\S+", log.read_text(encoding="utf-8"))
        if found:
            return found[0]
        time.sleep(0.3)
    raise AssertionError(f"no address:\n{log.read_text(encoding='utf-8')}")
