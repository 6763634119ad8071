"""The two commands: what `make` does on a wrong machine and the second time, and that `make lab` serves lesson 01."""

import os
import re
import subprocess
import time
import urllib.request

import pytest

from tests import ROOT

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
        "requirements-dev.txt",
        "pyproject.toml",
        "tests",
    ):
        (folder / name).symlink_to(ROOT / name)
    return folder


def test_wrong_python_is_one_sentence(tmp_path):
    done = make("lab", f"PYTHON={fake_python(tmp_path, (3, 9))}", cwd=course_folder(tmp_path))
    assert done.returncode != 0
    assert "This is Python 3.9, and TensorFlow needs 3.11 to 3.13: install Python 3.11" in done.stderr
    assert not (tmp_path / ".venv").exists() and "Traceback" not in done.stderr


def test_no_network_is_one_sentence(tmp_path):
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_NO_INPUT": "1"}
    nowhere |= {"PIP_CONFIG_FILE": os.devnull, "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": "", "PIP_NO_CACHE_DIR": "1"}
    done = make("lab", cwd=course_folder(tmp_path), **nowhere)
    assert done.returncode != 0
    assert "The packages could not be installed: check the network" in done.stdout


@needs_environment
@pytest.mark.parametrize("stamp", ["lab", "test"])
def test_second_make_installs_nothing(stamp):
    done = make("--question", f".venv/{stamp}.stamp")
    assert done.returncode == 0, "make would install again"


def test_no_browser_is_one_line(tmp_path):
    """Without Chromium and apt the rest of the tests still run."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "make", "id", "python3", "cksum", "cut"):
        found = subprocess.run(["sh", "-c", f"command -v {name}"], capture_output=True, text=True).stdout.strip()
        (tools / name).symlink_to(found)
    done = make("browser", PATH=str(tools))
    assert done.returncode == 0
    assert done.stdout.strip() == (
        "There is no Chromium or no npm: the tests in a browser will be skipped. "
        "Cure: install the packages chromium and npm."
    )


@needs_environment
def test_make_lab_serves_lesson_01(tmp_path):
    """`make lab` on a machine without a browser prints an address, and the lesson is there."""
    log = tmp_path / "log"
    flags = "--no-browser --port 0 --ServerApp.port_retries=50"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "JUPYTER"))}
    environment |= {"JUPYTER_RUNTIME_DIR": str(tmp_path), "BROWSER": "", "DISPLAY": ""}
    with open(log, "w", encoding="utf-8") as output:
        process = subprocess.Popen(
            ["make", "lab", f"LAB_FLAGS={flags}"], cwd=ROOT, env=environment, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    try:
        address = wait_for_address(log, process)
        assert "01_train_mnist.ipynb" in address
        contents = address.replace("/lab/tree/", "/api/contents/")
        with urllib.request.urlopen(contents, timeout=30) as answer:
            assert b"MNIST" in answer.read()
        picture = contents.replace("notebooks/01_train_mnist.ipynb", "assets/figures/five_stages.svg")
        with urllib.request.urlopen(picture, timeout=30) as answer:  # lessons show it
            assert b"<svg" in answer.read()
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def wait_for_address(log, process, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        found = re.search(r"http://127\.0\.0\.1:\d+/lab/tree/\S+", log.read_text(encoding="utf-8"))
        if found:
            return found[0]
        time.sleep(0.3)
    raise AssertionError(f"no address:\n{log.read_text(encoding='utf-8')}")
