"""Make an environment and install packages into it, with uv where it can be had and pip where it cannot.

    python -m tests.tools.environment make .venv                      an environment for the Python that runs this
    python -m tests.tools.environment check .venv                     ends with 1 if it has to be made again
    python -m tests.tools.environment install .venv requirements.txt  INSTALLER=pip in front leaves uv out
    python -m tests.tools.environment colab .venv-colab tests/system/colab-requirements.txt
                                                                      both, with Python 3.13 where there is one

The Makefile calls it. It needs nothing but Python's library. What goes wrong ends in one sentence with cause and cure.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.tools.install_errors import explain

ROOT = Path(__file__).resolve().parents[2]
LOWEST, HIGHEST = (3, 11), (3, 13)
COLAB = "3.13"  # the Python of Colab's runtime
OWN_NAMES = {
    "bin",
    "Scripts",
    "include",
    "Include",
    "lib",
    "Lib",
    "lib64",
    "share",
    "home",
    "etc",
    ".gitignore",
    ".lock",
}


class Failure(Exception):
    """One sentence that names a cause and a cure."""


def run(*command, **options):
    """Return a finished process, its output as text. A program that cannot be started ends with 127."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "errors": "replace", **options}
    try:
        return subprocess.run([str(part) for part in command], text=True, **options)
    except OSError as error:
        return subprocess.CompletedProcess(command, 127, f"{command[0]}: {error.strerror}")


def python_of(folder):
    return Path(folder) / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def two(version):
    """Return "3.11" of "3.11.2"."""
    return ".".join(version.split(".")[:2])


# the state of an environment


def settings_of(folder):
    """Return what pyvenv.cfg says, as a dict; an empty one where there is none."""
    try:
        lines = (Path(folder) / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return dict([part.strip() for part in line.split("=", 1)] for line in lines if "=" in line)


def fault(folder, wanted=None):
    """Return why an environment cannot be used, or None. wanted: the Python version ("3.12") that it must have."""
    folder = Path(folder)
    settings = settings_of(folder)
    if not settings:
        return "it was only half made"
    done = run(python_of(folder), "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
    if done.returncode:
        return "its Python is gone"
    found = done.stdout.strip()
    made_for = two(settings.get("version") or settings.get("version_info") or found)
    if made_for != found:
        return f"it was made for Python {made_for}, and its Python is now {found}"
    if wanted and two(wanted) != found:
        return f"it has Python {found}, and Python {two(wanted)} was asked for"
    if moved_from(folder):
        return f"it was made as {moved_from(folder)}, and its programs name that folder"
    if run(python_of(folder), "-c", "import pip").returncode:
        return "it has no pip"
    return None


def moved_from(folder):
    """Return the folder an environment was made as, or None when that is where it lies."""
    stamp = Path(folder) / "python.stamp"
    try:
        text = stamp.read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return text if text and Path(text) != Path(folder).resolve() else None


# making one


def check_python():
    """Raise Failure for a Python that the course's packages have no files for."""
    here = sys.version_info[:2]
    if not LOWEST <= here <= HIGHEST:
        raise Failure(
            f"This is Python {here[0]}.{here[1]}, and TensorFlow needs 3.11 to 3.13: install one of them and name it, "
            f"as in `make lab PYTHON=python3.12`."
        )
    if sys.maxsize < 2**32:
        raise Failure("This Python has 32 bits, and TensorFlow needs 64: install a 64-bit Python 3.11 to 3.13.")


def make(folder, wanted=None):
    """Make the environment unless a good one is there; write python.stamp into it. wanted: see fault."""
    folder = Path(folder)
    if folder.exists() or folder.is_symlink():
        reason = fault(folder, wanted)
        if reason == "it has no pip" and not run(python_of(folder), "-m", "ensurepip", "--upgrade").returncode:
            reason = None
        if reason:
            check_python()
            refuse_what_is_not_ours(folder)
            print(f"The environment {folder.name} is made again: {reason}.", flush=True)
            build(folder)
    else:
        check_python()
        build(folder)
    (folder / "python.stamp").write_text(f"{folder.resolve()}\n", encoding="utf-8")


def refuse_what_is_not_ours(folder):
    """Raise Failure for a folder of that name which is not an environment: nothing in it is deleted."""
    if not folder.is_dir():
        raise Failure(f"{folder} is not a folder: move it away, then call make again.")
    if settings_of(folder):
        return
    foreign = sorted(p.name for p in folder.iterdir() if p.name not in OWN_NAMES and p.suffix != ".stamp")
    if foreign:
        raise Failure(
            f"{folder} holds {foreign[0]} and is not a Python environment: move it away, then call make again."
        )


def build(folder):
    """Make an empty environment with pip. Raises Failure."""
    uv = shutil.which("uv")
    if not run(sys.executable, "-c", "import venv, ensurepip").returncode:
        done = run(sys.executable, "-m", "venv", "--clear", folder)
    elif uv:
        done = run(uv, "venv", "--quiet", "--seed", "--clear", "--python", sys.executable, folder)
    else:
        raise Failure(
            "This Python has no venv module: install it (Debian and Ubuntu: `apt-get install python3-venv`), "
            "then call make again."
        )
    if done.returncode:
        raise Failure(f"The environment {folder} could not be made: {explain(done.stdout, done.returncode, folder)}")


# installing into one


def find_uv(python):
    """Return the path of a uv that runs: that of the environment, of PATH, or one that pip brings; else None."""
    if os.environ.get("INSTALLER") == "pip":
        return None
    own = python.with_name("uv.exe" if os.name == "nt" else "uv")
    for path in (own, shutil.which("uv")):
        if path and not run(path, "--version").returncode:
            return path
    pin = re.search(r"^uv==\S+", (ROOT / "requirements-dev.txt").read_text(encoding="utf-8"), re.MULTILINE)
    if pin and not run(python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", pin[0]).returncode:
        return own if not run(own, "--version").returncode else None
    return None


def uv_environment(python):
    """Return the environment variables of uv: where it has no settings of its own, it takes those of pip."""
    environment = dict(os.environ)
    listed = run(python, "-m", "pip", "config", "list").stdout
    pip = {}
    for name, value in re.findall(r"^[^\n=]*?\.([a-z-]+)='(.*)'$", listed, re.MULTILINE):
        pip[name] = [part for part in value.replace("\\n", " ").split() if not is_lost(part)]
    translated = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "cert": "SSL_CERT_FILE"}
    translated |= {"constraint": "UV_CONSTRAINT", "find-links": "UV_FIND_LINKS"}
    for name, variable in translated.items():
        if pip.get(name):
            separator = "," if name == "find-links" else " "
            environment.setdefault(variable, separator.join(pip[name]))
    if pip.get("extra-index-url"):  # as pip does: the best version of all indexes, not the first index that has one
        environment.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    if pip.get("no-index"):
        environment.setdefault("UV_NO_INDEX", "1")
    return environment


def is_lost(place):
    """Return True for a folder or file that is not there: pip only warns of such a place, uv stops."""
    path = place[len("file://") :] if place.startswith("file://") else place
    return path.startswith("/") and not os.path.exists(path)


def install(folder, requirements):
    """Install a requirements file. Raises Failure with the cause that uv or pip names."""
    folder, python = Path(folder), python_of(folder)
    if run(python, "-m", "pip", "--version").returncode:
        raise Failure(f"{folder} is half made: it has no pip that runs. Remove {folder}, then call make again.")
    print(f"Installing {requirements} into {folder.name}; the first time takes some minutes ...", flush=True)
    uv = find_uv(python)
    if uv:
        # pip writes bytecode, uv only when it is asked: without it, where Python may not write any
        # (PYTHONDONTWRITEBYTECODE), each process compiles TensorFlow and TFMOT anew when it imports them
        command = [uv, "pip", "install", "--compile-bytecode", "--python", python, "-r", requirements]
        done = run(*command, env=uv_environment(python))
        known = done.returncode and explain(done.stdout, done.returncode, folder, known_only=True)
        if not done.returncode or known:
            return finish(done, requirements, folder)
        print("uv did not succeed, pip tries ...", flush=True)
    finish(install_with_pip(python, requirements), requirements, folder)


def install_with_pip(python, requirements):
    """Run pip. Only its log says why an index did not answer, or a pip that pip started: those lines come first."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        log = Path(temporary) / "pip.log"
        done = run(python, "-m", "pip", "install", "-r", requirements, env={**os.environ, "PIP_LOG": str(log)})
        if done.returncode and log.exists():
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            lines = [line for line in lines if re.search(r"Could not fetch URL|ERROR:|\[Errno|Retrying", line)]
            done.stdout = "\n".join([*lines, done.stdout])
    return done


def finish(done, requirements, folder):
    if done.returncode:
        reason = explain(done.stdout, done.returncode, folder)
        raise Failure(f"The packages of {requirements} could not be installed: {reason}")


# an environment like Colab's


def find_python(version):
    """Return the path of a Python of this version ("3.13") that can make environments, or None.

    It looks on PATH, among those of pyenv and among those of uv, which may itself stand in the course's environment.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    paths = [shutil.which(f"python{version}"), *sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}"))]
    own = ROOT / ".venv" / ("Scripts/uv.exe" if os.name == "nt" else "bin/uv")
    if uv := shutil.which("uv") or (own.is_file() and own):
        paths.append(
            run(uv, "python", "find", "--no-python-downloads", version, stderr=subprocess.DEVNULL).stdout.strip()
        )
    code = f"import ensurepip, sys, venv; sys.exit('%d.%d' % sys.version_info[:2] != '{version}')"
    return next((path for path in paths if path and not run(path, "-c", code).returncode), None)


def colab_stamp(folder, requirements):
    """Return the file that stands in an environment once all of these requirements are installed."""
    return Path(folder) / f"{hashlib.sha256(Path(requirements).read_bytes()).hexdigest()[:12]}.stamp"


def colab(folder, requirements):
    """Make an environment like Colab's for these requirements unless it is there, with Colab's Python if possible."""
    folder = Path(folder)
    python = find_python(COLAB) or sys.executable
    stamp = colab_stamp(folder, requirements)
    version = run(python, "-c", "import platform; print(platform.python_version())").stdout.strip()
    if stamp.exists() and not fault(folder, version):
        return
    note = "" if two(version) == COLAB else f" (Colab has {COLAB}, which is not installed here)"
    print(f"Making an environment like Colab's, with Python {version}{note} ...", flush=True)
    done = run(python, "-m", "tests.tools.environment", "make", folder.absolute(), version, cwd=ROOT)
    if done.returncode:
        raise Failure(done.stdout.strip().splitlines()[-1])
    install(folder, requirements)
    stamp.touch()


def main(command, *arguments):
    """Run one of the commands above; return the exit status."""
    try:
        if command == "check":
            reason = fault(*arguments)
            print(reason or "good")
            return int(bool(reason))
        {"make": make, "install": install, "colab": colab}[command](*arguments)
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    except OSError as error:
        print(explain(str(error), 1, arguments[0]), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. Call make again: it goes on where it was.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
