"""constraints.txt: what it fixes can be installed with every Python and on every system that the course names."""

import re
import subprocess
import sys

import pytest
from packaging.requirements import Requirement

from tests.tools import lock
from tests.tools.environment import COLAB

SYSTEMS = {
    "Linux x86-64": "x86_64-unknown-linux-gnu",
    "Linux aarch64": "aarch64-unknown-linux-gnu",
    "Windows x64": "x86_64-pc-windows-msvc",
    "macOS arm64": "aarch64-apple-darwin",
}
PYTHONS = ("3.11.0", "3.11.2", "3.12.0", "3.13.0")
NO_INDEX = r"Failed to fetch|error sending request|dns error|timed out"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    if not lock.find_uv():
        pytest.fail("uv is not there: make the environment again with `make .venv/test.stamp`.")
    return lock.prepare(tmp_path_factory.mktemp("lock"))


def resolve(folder, requirements, python, platform):
    """Return {package: version}. Only ready files count: nobody compiles."""
    options = ("--python-version", python, "--python-platform", platform, "--constraints", "constraints.txt")
    return versions(folder, requirements, *options)


def versions(folder, requirements, *options):
    """Return {package: version} of what uv resolves out of ready files."""
    options += ("--only-binary", ":all:")
    done = lock.resolve(folder, requirements, "--offline", *options)  # what the index said a while ago does mostly
    if done.returncode:
        done = lock.resolve(folder, requirements, *options)
    if done.returncode and re.search(NO_INDEX, done.stderr):
        pytest.skip("The package index cannot be reached: nothing was resolved.")
    assert done.returncode == 0, done.stderr
    return dict(line.split(" ;")[0].split("==") for line in done.stdout.splitlines() if "==" in line)


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_it_resolves(folder, system, python):
    """The file that holds all others does, and each package found stands in constraints.txt with its version."""
    fixed = {}
    for line in (folder / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            fixed.setdefault(Requirement(line).name, set()).add(str(Requirement(line).specifier)[2:])
    found = resolve(folder, lock.FILES[-1], python, SYSTEMS[system])
    assert len(found) > 150
    assert not {name: version for name, version in found.items() if version not in fixed.get(name, ())}


@pytest.mark.slow
def test_the_environment_like_colabs_compiles_nothing(folder):
    """A package without a wheel of Colab's Python would be compiled there for minutes, and fail without a compiler."""
    colab = (lock.ROOT / "tests" / "system" / "colab-requirements.txt").read_text(encoding="utf-8")
    (folder / "colab.txt").write_text(colab, encoding="utf-8")
    found = versions(folder, "colab.txt", "--python-version", f"{COLAB}.0")
    assert re.search(r"^pandas==(\S+)", colab, re.MULTILINE)[1] == found["pandas"]


@pytest.mark.slow
def test_a_version_that_one_python_lacks_is_found_out(folder, tmp_path):
    """What was wrong once: a version that Python 3.11.2 does not take."""
    wrong = lock.prepare(tmp_path)
    text = (wrong / "constraints.txt").read_text(encoding="utf-8")
    (wrong / "constraints.txt").write_text(re.sub(r"^soupsieve==.*$", "soupsieve==4.1.1", text, flags=re.MULTILINE))
    platform = SYSTEMS["Linux x86-64"]
    assert resolve(wrong, "requirements.txt", "3.11.5", platform)
    with pytest.raises(AssertionError, match="soupsieve==4.1.1 depends on Python>=3.11.5"):
        resolve(wrong, "requirements.txt", "3.11.2", platform)


def test_it_is_compiled(folder, monkeypatch, tmp_path, capsys):
    """`make lock` changes nothing today: every requirement and all below it stand in the file."""
    before = (lock.ROOT / "constraints.txt").read_text(encoding="utf-8")
    for name in (*lock.FILES, "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((lock.ROOT / name).read_bytes())
    monkeypatch.setattr(lock, "ROOT", tmp_path)
    try:
        lock.main([])
    except SystemExit as error:
        if re.search(NO_INDEX, str(error)):
            pytest.skip("The package index cannot be reached: nothing was compiled.")
        raise
    assert (tmp_path / "constraints.txt").read_text(encoding="utf-8") == before
    assert "constraints.txt: " in capsys.readouterr().out


def test_no_index_stands_in_it():
    text = (lock.ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert text.startswith(lock.HEADER) and not re.search(r"//|--|@|\bfile:", text.removeprefix(lock.HEADER))


def test_pins_and_constraints_agree():
    fixed = (lock.ROOT / "constraints.txt").read_text(encoding="utf-8").lower().replace("_", "-")
    for name in lock.FILES:
        for line in (lock.ROOT / name).read_text(encoding="utf-8").splitlines():
            pin = re.match(r"([\w.-]+)(?:\[\w+\])?==([^\s;]+)", line)
            if pin:
                assert re.search(
                    rf"^{re.escape(f'{pin[1]}=={pin[2]}'.lower().replace('_', '-'))}( ;|$)", fixed, re.M
                ), line


def test_reading_a_notebook_builds_no_parsers():
    """jsonschema from 4.25 on imports rfc3987_syntax, which builds 38 parsers with lark, in each process of Jupyter."""
    code = "import nbformat, sys; print([m for m in ('lark', 'rfc3987_syntax') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]", "jsonschema must stay below 4.25 until it imports rfc3987_syntax only when used"
