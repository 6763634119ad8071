"""tests/tools/environment.py and install_errors.py: what uv, pip and venv say, and environments that cannot be used."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.tools import environment
from tests.tools.environment import Failure, fault, find_python, make, python_of, uv_environment
from tests.tools.install_errors import explain

MESSAGES = tomllib.loads(Path(__file__).with_name("installer_messages.toml").read_text(encoding="utf-8"))["message"]
OUTPUT = {message["name"]: message["output"] for message in MESSAGES}
HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message["name"])
def test_the_cause_of_a_failure(message):
    sentence = explain(message["output"])
    assert re.search(message["expected"].replace("{python}", sys.version.split()[0]), sentence), sentence
    assert "secret" not in sentence and "\n" not in sentence and sentence.endswith(".")


def test_an_unknown_cause_is_not_guessed():
    assert explain("error: the moon is in the way\n", known_only=True) is None


@pytest.mark.parametrize(("free", "cause"), [(4e6, "the disk is full"), (9e9, "the environment is half made")])
def test_venv_does_not_say_that_the_disk_is_full(monkeypatch, free, cause):
    output = "Error: Command '[.venv/bin/python3, -m, ensurepip, --upgrade]' returned non-zero exit status 1.\n"
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    assert explain(output).startswith(cause)


def test_a_killed_installer():
    assert "memory was full" in explain("", -9) and "memory was full" in explain("Collecting numpy\n", 137)


# environments


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """An environment, made once; tests take copies of it."""
    folder = tmp_path_factory.mktemp("good") / ".venv"
    make(folder)
    return folder


@pytest.fixture
def copy(good, tmp_path):
    shutil.copytree(good, tmp_path / ".venv", symlinks=True)
    (tmp_path / ".venv" / "python.stamp").write_text(f"{tmp_path / '.venv'}\n")
    return tmp_path / ".venv"


def test_a_good_environment_is_left_alone(copy, capsys):
    (copy / "mine.txt").write_text("kept")
    make(copy)
    assert (copy / "mine.txt").exists() and fault(copy) is None and not capsys.readouterr().out


def spoil_python(folder):
    python_of(folder).unlink()
    python_of(folder).symlink_to("/nowhere/python3")


def spoil_version(folder):
    text = (folder / "pyvenv.cfg").read_text()
    (folder / "pyvenv.cfg").write_text(text.replace(f"version = {sys.version_info[0]}.", "version = 2."))


def spoil_settings(folder):
    (folder / "pyvenv.cfg").unlink()


def spoil_place(folder):
    (folder / "python.stamp").write_text("/home/ann/course/.venv\n")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (spoil_python, "its Python is gone"),
        (spoil_version, "it was made for Python 2.*, and its Python is now 3"),
        (spoil_settings, "it was only half made"),
        (spoil_place, "it was made as /home/ann/course/.venv, and its programs name that folder"),
    ],
)
def test_an_environment_that_cannot_be_used_is_made_again(copy, capsys, spoil, reason):
    spoil(copy)
    assert re.search(reason, fault(copy))
    make(copy)
    assert re.fullmatch(rf"The environment \.venv is made again: {reason}.*\.\n", capsys.readouterr().out)
    assert fault(copy) is None


def test_an_environment_of_another_python(copy):
    assert fault(copy, HERE) is None
    assert fault(copy, "3.99.1") == f"it has Python {HERE}, and Python 3.99 was asked for"


def test_pip_comes_back_into_an_environment_without_it(copy, capsys):
    for path in copy.glob("lib/python*/site-packages/pip*"):
        shutil.rmtree(path)
    (copy / "mine.txt").write_text("kept")
    assert fault(copy) == "it has no pip"
    make(copy)
    assert fault(copy) is None and (copy / "mine.txt").exists()


def test_another_folder_of_that_name_is_not_touched(tmp_path):
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "thesis.txt").write_text("ten years")
    with pytest.raises(Failure, match="holds thesis.txt and is not a Python environment: move it away"):
        make(tmp_path / ".venv")
    assert (tmp_path / ".venv" / "thesis.txt").exists()
    (tmp_path / "file").touch()
    with pytest.raises(Failure, match="is not a folder: move it away"):
        make(tmp_path / "file")


def test_a_python_without_venv(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "run", lambda *command, **options: subprocess.CompletedProcess(command, 1, ""))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(Failure, match="no venv module: .*apt-get install python3-venv"):
        make(tmp_path / ".venv")


@pytest.mark.parametrize("version", [(3, 10, 1), (3, 14, 0)])
def test_a_wrong_python(tmp_path, monkeypatch, version):
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(
        Failure, match=rf"This is Python 3\.{version[1]}, .*name it, as in `make lab PYTHON=python3\.12`"
    ):
        make(tmp_path / ".venv")


# installing


def fake_program(folder, name, code):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{code}\n")
    path.chmod(0o755)
    return path


def install(folder, requirements, monkeypatch, capsys, **variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    status = environment.main("install", str(folder), str(requirements))
    return status, capsys.readouterr()


@pytest.fixture
def wanted(tmp_path):
    path = tmp_path / "requirements.txt"
    path.write_text("six==99.1\n")
    return path


def test_uv_of_the_path_installs(copy, wanted, tmp_path, monkeypatch, capsys):
    fake_program(tmp_path, "uv", f'echo "$@" >> "{tmp_path}/calls"')
    path = f"{tmp_path}:{os.environ['PATH']}"
    status, _ = install(copy, wanted, monkeypatch, capsys, PATH=path)
    calls = (tmp_path / "calls").read_text().splitlines()
    command = f"pip install --compile-bytecode --python {python_of(copy)} -r {wanted}"
    assert status == 0 and calls == ["--version", command]


def test_the_cause_that_uv_names_is_told_and_pip_does_not_run(copy, wanted, tmp_path, monkeypatch, capsys):
    says = OUTPUT["uv, no such version"]
    fake_program(tmp_path, "uv", f'[ "$1" = --version ] && exit 0\ncat <<END\n{says}END\nexit 1')
    status, printed = install(copy, wanted, monkeypatch, capsys, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert status == 1 and "pip tries" not in printed.out
    assert printed.err.startswith(
        f"The packages of {wanted} could not be installed: the package index has no six==99.1 "
    )


def test_pip_tries_where_uv_fails_for_a_reason_of_its_own(copy, tmp_path, monkeypatch, capsys):
    fake_program(tmp_path, "uv", '[ "$1" = --version ] && exit 0\necho "thread main panicked"; exit 101')
    nothing = tmp_path / "nothing.txt"
    nothing.write_text("")
    status, printed = install(copy, nothing, monkeypatch, capsys, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert status == 0 and "uv did not succeed, pip tries" in printed.out


def test_pip_installs_without_uv(copy, wanted, monkeypatch, capsys):
    """And an index that does not answer is named by pip's log alone."""
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}
    nowhere |= {"PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": "", "INSTALLER": "pip"}
    status, printed = install(copy, wanted, monkeypatch, capsys, **nowhere)
    assert status == 1 and "127.0.0.1" in printed.err and "refuses the connection" in printed.err


def test_installing_into_an_environment_without_pip(copy, wanted, monkeypatch, capsys):
    spoil_python(copy)
    status, printed = install(copy, wanted, monkeypatch, capsys)
    assert status == 1 and "half made" in printed.err


def test_uv_takes_the_settings_of_pip(copy, tmp_path, monkeypatch):
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://index.example/simple\nextra-index-url =\n    https://a.example/simple\n"
        f"    https://b.example/simple\nfind-links = {tmp_path} /nowhere/wheels\ncert = {tmp_path}/pip.conf\n"
    )
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_", "SSL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path))
    found = uv_environment(python_of(copy))
    assert found["UV_DEFAULT_INDEX"] == "https://index.example/simple"
    assert found["UV_INDEX"] == "https://a.example/simple https://b.example/simple"
    assert found["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert found["UV_FIND_LINKS"] == str(tmp_path)
    assert found["SSL_CERT_FILE"] == f"{tmp_path}/pip.conf"
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://own.example/simple")
    assert uv_environment(python_of(copy))["UV_DEFAULT_INDEX"] == "https://own.example/simple"


def test_a_python_is_found_by_its_version(tmp_path, monkeypatch):
    folder = tmp_path / "versions" / f"{HERE}.0" / "bin"
    folder.mkdir(parents=True)
    (folder / f"python{HERE}").symlink_to(Path(sys.executable).resolve())
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert Path(find_python(HERE)) == folder / f"python{HERE}"
    assert find_python("3.99") is None


@pytest.mark.skipif(os.name == "nt", reason="The uv of this test is a shell script.")
@pytest.mark.parametrize("place", ["on PATH", "in the environment"])
def test_a_python_that_uv_manages_is_found(place, tmp_path, monkeypatch):
    managed = tmp_path / "managed" / "python3"
    managed.parent.mkdir()
    managed.symlink_to(sys.executable)
    uv = tmp_path / (".venv/bin/uv" if place == "in the environment" else "uv")
    uv.parent.mkdir(parents=True, exist_ok=True)
    uv.write_text(f'#!/bin/sh\n[ "$1 $2 $4" = "python find {HERE}" ] && echo {managed}\n', encoding="utf-8")
    uv.chmod(0o755)
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "nothing"))
    monkeypatch.setattr(shutil, "which", lambda name: str(uv) if (name, place) == ("uv", "on PATH") else None)
    assert find_python(HERE) == str(managed)
    assert find_python("3.99") is None
