"""Prove on fresh systems that the course installs and runs: `make fresh`, as root, before a release.

    python -m tests.system.fresh                  Debian 12 and Debian 13
    python -m tests.system.fresh trixie --check ""

makes a root folder of each system in build/fresh/ (kept for the next time) that holds Python, venv, make, git, and
bubblewrap for the grading, and nothing else. There an ordinary user clones the course as it is committed and calls
`make lab`, whose server must answer with lesson 01, then `make check`, and runs the tests of the sandbox and attacks on
it: without root and without control groups. Debian 13 has the Python of Colab: there a lesson and a lab also run in an
environment like Colab's. What came out stands in tests/system/fresh.json. It takes mmdebstrap, a network and 10 GB of
disk. Settings of pip and uv, certificates and proxies are those of this machine.
"""

import argparse
import contextlib
import datetime
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.tools.environment import COLAB, two

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "fresh"
RECORD = Path(__file__).with_name("fresh.json")
SYSTEMS = {"bookworm": "Debian 12", "trixie": "Debian 13"}
PACKAGES = ("python3", "python3-venv", "make", "git", "ca-certificates", "bubblewrap")
USER, HOME = "student", "home/student"
LAB_FLAGS = "--no-browser --ServerApp.port=8999 --ServerApp.port_retries=200"
NEEDED = ("mmdebstrap", "unshare", "chroot", "git")
MINUTES = 60
COLAB_TESTS = "tests/system/test_colab.py -k '03_run or lab_3 or python or still'"

SETTINGS = ("PIP_", "UV_", "SSL_CERT_", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
FILES = ("/etc/pip.conf", "/etc/xdg/pip", "/etc/uv/uv.toml", "/etc/ssl/certs/ca-certificates.crt", "/etc/resolv.conf")
USER_FILES = (".config/pip", ".pip", ".config/uv")

SANDBOX_TESTS = "tests/grading/test_sandbox.py tests/grading/test_attacks.py --tier test"

# In a mount namespace of its own: nothing stays mounted, and no process stays, whatever happens. The folder becomes its
# root: the kernel lets nobody who was put into a folder by chroot make the namespaces of a sandbox.
ENTER = """
mount --bind "$ROOT" "$ROOT" && cd "$ROOT" && mount -t proc proc proc && mount --rbind /dev dev &&
mount -t tmpfs tmpfs tmp && mkdir tmp/old && pivot_root . tmp/old && umount -l /tmp/old && rmdir /tmp/old || exit 99
exec setpriv --reuid student --regid student --init-groups env -i "$@"
"""


def make_root(suite):
    """Return the root folder of a system, made by mmdebstrap the first time."""
    root, packages = FOLDER / suite, " ".join(PACKAGES)
    if not (root / "made").exists() or (root / "made").read_text() != packages:
        shutil.rmtree(root, ignore_errors=True)
        FOLDER.mkdir(parents=True, exist_ok=True)
        print(f"Making {SYSTEMS[suite]} in {root.relative_to(ROOT)} ...", flush=True)
        subprocess.run(
            ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}", suite, root], check=True
        )
        subprocess.run(["chroot", root, "useradd", "--create-home", "--shell", "/bin/sh", USER], check=True)
        (root / "made").write_text(packages)
    return root


def variables():
    """Return the settings of pip, uv, certificates and proxies in this machine's environment variables."""
    return {k: v for k, v in os.environ.items() if k.startswith(SETTINGS) or k.lower() in PROXIES}


def copy_settings(root):
    """Copy this machine's settings of pip and uv, its certificates and its name servers."""
    named = [v for v in variables().values() if v.startswith("/") and Path(v).is_file()]
    for path in map(Path, (*FILES, *named)):
        _copy(path, root / str(path).lstrip("/"))
    for name in USER_FILES:
        _copy(Path.home() / name, root / HOME / name)


def _copy(source, target):
    if source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink():
            target.unlink()
        shutil.copytree(source, target, dirs_exist_ok=True) if source.is_dir() else shutil.copy(source, target)


def clone_course(root):
    """Give the user an empty home folder and a clone of the last commit in it."""
    home = root / HOME
    shutil.rmtree(home)
    home.mkdir()
    copy_settings(root)
    course = ["git", "-c", "safe.directory=*", "clone", "--quiet", "--depth", "1", ROOT.as_uri(), home / "course"]
    subprocess.run(course, check=True)
    numbers = (root / "etc" / "passwd").read_text().split(f"{USER}:x:")[1].split(":")[:2]
    subprocess.run(["chown", "-R", ":".join(numbers), home], check=True)


def command_in(root, *command):
    """Return the command line that runs a command as the user, in the course's folder."""
    environment = {
        **variables(),
        "HOME": f"/{HOME}",
        "USER": USER,
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
    }
    pairs = [f"{name}={value}" for name, value in environment.items()]
    start = ["unshare", "--mount", "--pid", "--fork", "env", f"ROOT={root}", "sh", "-c", ENTER, "sh"]
    return [*start, *pairs, "sh", "-c", f'cd /{HOME}/course && exec "$@"', "sh", *command]


def try_lab(root, log):
    """Call `make lab` and return "passed" when its server answers with lesson 01, else what was seen last."""
    with open(log, "w", encoding="utf-8") as output:
        command = command_in(root, "make", "lab", f"LAB_FLAGS={LAB_FLAGS}")
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    try:
        address = wait_for_address(log, process)
        if not address:
            return "failed: " + last_line(log)
        page = read(address)
        lesson = read(address.replace("/lab/tree/", "/api/contents/"))
        good = b"jupyter-config-data" in page and b"MNIST" in lesson
        return "passed" if good else "failed: the server does not answer with lesson 01"
    except urllib.error.URLError as error:
        return f"failed: the server answers {error}"
    finally:
        end(process)


def end(process):
    """End a process and all of its group: with make, the first of its namespace, all others in there end."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def read(address):
    with urllib.request.urlopen(address, timeout=60) as answer:
        return answer.read()


def wait_for_address(log, process):
    """Return the address that JupyterLab prints, or None when make ended or took too long."""
    end = time.monotonic() + MINUTES * 60
    while time.monotonic() < end and process.poll() is None:
        found = re.search(r"http://127\.0\.0\.1:\d+/lab/tree/\S+", log.read_text(encoding="utf-8", errors="replace"))
        if found:
            return found[0]
        time.sleep(1)
    return None


def try_make(root, log, *arguments):
    """Call make with a target and variables and return "passed" or "failed: " and what failed."""
    with open(log, "w", encoding="utf-8") as output:
        process = subprocess.Popen(
            command_in(root, "make", *arguments),
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        return "passed" if process.wait(timeout=MINUTES * 60) == 0 else "failed: " + what_failed(log)
    except subprocess.TimeoutExpired:
        return f"failed: not done after {MINUTES} minutes"
    finally:
        end(process)


def try_colab(root, log):
    """Make the environment like Colab's with the system's own Python, and run one lesson and one lab in it.

    With CI set, a missing environment is a failure and not a skipped test.
    """
    made = try_make(root, log, "colab")
    return made if made != "passed" else try_make(root, log, "test-one", f"ONE={COLAB_TESTS}", "CI=1")


def try_sandbox(root, log):
    """Run the tests of the grading's sandbox and attacks; "passed" only when none was skipped."""
    made = try_make(root, log, "test-one", f"ONE={SANDBOX_TESTS}")
    return f"failed: {counted(log)}" if made == "passed" and "skipped" in counted(log) else made


def what_failed(log):
    """Return the first test that pytest calls failed and how many there are, or else the last line."""
    failed = [line for line in lines_of(log) if line.startswith(("FAILED tests/", "ERROR tests/"))]
    more = f", and {len(failed) - 1} more" if len(failed) > 1 else ""
    return failed[0][:300] + more if failed else last_line(log)


def counted(log):
    """Return what pytest counted, such as "1690 passed, 30 skipped", or None where it did not run."""
    text = log.read_text(encoding="utf-8", errors="replace")
    found = re.findall(r"^=* ?((?:\d+ (?:passed|failed|skipped|errors?)(?:, )?)+)", text, re.MULTILINE)
    return found[-1].rstrip(", ") if found else None


def lines_of(log):
    return [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]


def last_line(log):
    lines = lines_of(log)
    told = [line for line in lines if not line.startswith("make: ***")]
    return (told or lines or ["nothing was printed"])[-1][:300]


def processor():
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return f"{found[1] if found else os.uname().machine}, {os.cpu_count()} cores"


def try_system(suite, check):
    """Return the row of a system: what it is, and what came out of each command."""
    root = make_root(suite)
    clone_course(root)
    python = subprocess.run(
        ["chroot", root, "python3", "-V"], capture_output=True, text=True, check=True
    ).stdout.split()[1]
    release = (root / "etc" / "os-release").read_text(encoding="utf-8")
    row = {"system": re.search('PRETTY_NAME="(.*)"', release)[1], "python": python, "processor": processor()}
    row |= {"date": f"{datetime.date.today()}", "commit": commit()}
    print(f"{row['system']}, Python {python}: make lab ...", flush=True)
    row["make lab"] = try_lab(root, FOLDER / f"{suite}-lab.log")
    print(f"  {row['make lab']}", flush=True)
    if check and row["make lab"] == "passed":
        print(f"{row['system']}, Python {python}: make {check} ...", flush=True)
        log = FOLDER / f"{suite}-{check}.log"
        row[f"make {check}"] = try_make(root, log, check)
        row["tests"] = counted(log)
        print(f"  {row[f'make {check}']}: {row['tests']}", flush=True)
        row["sandbox"] = try_sandbox(root, FOLDER / f"{suite}-sandbox.log")
        print(f"  the grading's sandbox: {row['sandbox']}", flush=True)
    if check and two(python) == COLAB and row[f"make {check}"] == "passed":
        print(f"{row['system']}, Python {python}: lessons and labs as in Colab ...", flush=True)
        row["as in Colab"] = try_colab(root, FOLDER / f"{suite}-colab.log")
        print(f"  {row['as in Colab']}", flush=True)
    return row


def store(rows):
    """Write the record; a row replaces the one of the same system."""
    stored = json.loads(RECORD.read_text(encoding="utf-8"))["systems"] if RECORD.exists() else []
    new = [row["system"] for row in rows]
    kept = [row for row in stored if row["system"] not in new]
    record = {"command": "make fresh", "systems": sorted(kept + rows, key=lambda row: row["system"])}
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def commit():
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip()


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("systems", nargs="*", help=f"of {', '.join(SYSTEMS)}; without any: all")
    parser.add_argument("--check", default="check", help="the target that is called after lab; empty: none")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.systems if name not in SYSTEMS]
    missing = [name for name in NEEDED if not shutil.which(name)]
    if unknown:
        sys.exit(f"{unknown[0]} is not one of {', '.join(SYSTEMS)}.")
    if missing or os.geteuid() != 0:
        sys.exit(
            f"Fresh systems need root and {', '.join(NEEDED)}: "
            + (f"{missing[0]} is missing." if missing else "call it as root.")
        )
    rows = []
    for suite in options.systems or SYSTEMS:
        rows.append(try_system(suite, options.check))
        store(rows)
    bad = [row["system"] for row in rows if "failed" in str(row)]
    sys.exit(f"Failed on {' and '.join(bad)}: see build/fresh/*.log." if bad else 0)


if __name__ == "__main__":
    main()
