"""tests/tools/programs.py with an apt-get that answers as Debian's does: what is asked of it, and what is printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools import programs
from tests.tools.programs import PROGRAMS, Apt, Program, command, cure, main, provide

ROOT = Path(__file__).parents[2]

# What apt-get prints, and the cure that must be named.
STANDS = "`apt-get install npm` says which package stands in the way"
REFUSALS = {
    "E: Unable to correct problems, you have held broken packages.": STANDS,
    "E: Held packages were changed and -y was used without --allow-change-held-packages.": STANDS,
    "E: Packages need to be removed but remove is disabled.": "`apt-get install npm` says what it would remove",
    "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7": "wait for the other package manager",
    "E: dpkg was interrupted, you must manually run 'dpkg --configure -a'": "run `dpkg --configure -a`",
    "E: Unable to locate package npm": "get npm from its makers",
    "E: Package 'npm' has no installation candidate": "get npm from its makers",
    "E: You don't have enough free space in /var/cache/apt/archives/.": "free space on the disk",
    "E: Failed to fetch http://mirror.example/npm.deb  Temporary failure resolving": "check the network",
    "E: Unable to fetch some archives, maybe run apt-get update?": "check the network",
    "E: List directory /var/lib/apt/lists/partial is missing. - Acquire (30: Read-only file system)": "system is made",
    "E: Sub-process /usr/bin/dpkg returned an error code (1)": "`apt-get install npm` says more",
    "": "`apt-get install npm` says more",
}

FAKE_APT = """#!/bin/sh
echo "$@" >> "{folder}/calls"
while [ "$1" != update ] && [ "$1" != install ]; do shift; done
[ "$1" = update ] && {{ [ -e "{folder}/offline" ] && {{ echo "E: Failed to fetch lists"; exit 100; }}; exit 0; }}
for package; do :; done
[ -e "{folder}/refuses-$package" ] && {{ cat "{folder}/refuses-$package"; exit 100; }}
[ -e "{folder}/gives-$package" ] || exit 0
while read name; do printf '#!/bin/sh\\necho 1.0\\n' > "{folder}/bin/$name"; chmod +x "{folder}/bin/$name"; done \\
    < "{folder}/gives-$package"
"""


class Machine:
    """A PATH with chosen programs and an apt-get that installs more."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "bin").mkdir()
        self.put("apt-get", FAKE_APT.format(folder=folder))
        for name in ("sh", "cat", "chmod"):
            (folder / "bin" / name).symlink_to(f"/bin/{name}")

    def put(self, name, text="#!/bin/sh\necho 1.0\n"):
        path = self.folder / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def gives(self, package, *names):
        (self.folder / f"gives-{package}").write_text("".join(f"{name}\n" for name in names))

    def refuses(self, package, text):
        (self.folder / f"refuses-{package}").write_text(text + "\n")

    def calls(self):
        """Return what apt-get was asked for, without its options."""
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [re.sub(r"^.*?(update|install .*)$", r"\1", line).split()[-1] for line in lines]


@pytest.fixture
def machine(tmp_path, monkeypatch):
    machine = Machine(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    # this machine's fonts, PostgreSQL and Kotlin are not those of the machine in the test
    monkeypatch.setattr(programs.glob, "glob", lambda *arguments, **options: [])
    return machine


def said_by(groups, capsys):
    assert main(groups) == 0
    return capsys.readouterr().out.splitlines()


def test_only_what_is_missing_is_asked_for(machine, capsys):
    """Node and npm came from elsewhere, and only Chromium is missing: apt is not asked for npm."""
    machine.put("npm")
    machine.put("node")
    machine.gives("chromium", "chromium")
    machine.refuses("npm", "E: Unable to correct problems, you have held broken packages.")
    lines = said_by(["browser"], capsys)
    assert machine.calls() == ["update", "chromium", "fonts-dejavu-core"]
    assert lines[:2] == ["Installing chromium ...", "chromium is installed."]


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_one_line_and_the_rest_goes_on(machine, capsys, text):
    machine.refuses("npm", text)
    machine.gives("chromium", "chromium")
    lines = said_by(["browser", "sandbox"], capsys)
    assert machine.calls() == ["update", "chromium", "fonts-dejavu-core", "npm", "bubblewrap", "postgresql"]
    about = [line for line in lines if line.startswith("npm ")]
    assert len(about) == 1
    reason = re.escape(text.removeprefix("E: ").rstrip(".") or "apt-get failed")
    assert re.fullmatch(
        rf"npm could not be installed \({reason}\); skipped without it: the web page of lesson 11 and its tests\. "
        rf"Cure: .*{re.escape(REFUSALS[text])}.*, then call make again\.",
        about[0],
    )


def test_one_call_for_each_package_and_none_is_removed(machine, capsys):
    said_by(["emulators"], capsys)
    calls = (machine.folder / "calls").read_text().splitlines()
    assert len(calls) == 1 + len({program.package for program in PROGRAMS["emulators"]})
    assert all("--no-remove" in call and "--no-install-recommends" in call for call in calls[1:])
    assert all("DPkg::Lock::Timeout" in call for call in calls)


def test_lists_that_cannot_be_updated_may_do(machine, capsys):
    (machine.folder / "offline").touch()
    machine.gives("chromium", "chromium")
    lines = said_by(["browser"], capsys)
    assert "chromium is installed." in lines


@pytest.mark.parametrize("text", ["", "E: Unable to locate package npm"])
def test_when_the_lists_are_missing_the_update_says_why(machine, capsys, text):
    (machine.folder / "offline").touch()
    machine.refuses("npm", text)
    line = next(line for line in said_by(["browser"], capsys) if line.startswith("npm "))
    assert "(Failed to fetch lists)" in line and "Cure: check the network" in line


def test_installed_and_still_not_there(machine, capsys):
    line = next(line for line in said_by(["browser"], capsys) if line.startswith("Chromium "))
    assert line.startswith("Chromium does not run, though chromium is installed; skipped without it: the tests of pad")


def test_not_root(machine, capsys, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    lines = said_by(["browser", "sandbox", "emulators"], capsys)
    assert machine.calls() == [] and len(lines) == 12
    assert (
        "npm is missing, and only root can install it; skipped without it: the web page of lesson 11 and its tests. "
        "Cure: install Debian's package npm." in lines
    )


def test_a_test_is_skipped_with_one_line(machine):
    machine.put("WebKitWebDriver")
    assert programs.missing("WebKitWebDriver", "Xvfb") == (
        "Xvfb is missing, and the tests of the web page in WebKitGTK need it: install Debian's package xvfb."
    )
    machine.put("Xvfb")
    assert programs.missing("WebKitWebDriver", "Xvfb") is None
    with pytest.raises(KeyError):
        programs.missing("Xvbf")


@pytest.mark.parametrize("name", programs.FIREFOX)
def test_firefox_is_found_by_either_name(machine, capsys, name):
    machine.put(name)
    said_by(["other-browsers"], capsys)
    assert machine.calls() == ["update", "webkit2gtk-driver", "xvfb"]


def test_another_system(machine, capsys):
    (machine.folder / "bin" / "apt-get").unlink()
    lines = said_by(["sandbox"], capsys)
    assert lines[0] == (
        "bubblewrap is missing, and there is no apt-get here; skipped without it: the tests of grading in a sandbox. "
        "Cure: install bubblewrap."
    )


@pytest.mark.parametrize("name", programs.CHROMIUM)
def test_other_names_of_chromium(machine, capsys, name):
    machine.put(name)
    said_by(["browser"], capsys)
    assert "chromium" not in machine.calls()


def test_npm_without_node_is_not_there(machine, capsys):
    machine.put("npm", "#!/bin/sh\necho 'env: node: No such file or directory' >&2\nexit 127\n")
    said_by(["browser"], capsys)
    assert "npm" in machine.calls()


def test_the_dynamic_qemu_is_another_program(machine, capsys):
    """Lesson 10 calls qemu-aarch64-static by name."""
    machine.put("qemu-aarch64")
    machine.gives("qemu-user-static", "qemu-aarch64-static")
    assert "qemu-user-static is installed." in said_by(["emulators"], capsys)


@pytest.mark.parametrize(("answer", "there"), [("libc.a", False), ("/usr/lib/arm-none-eabi/lib/libc.a", True)])
def test_an_arm_compiler_without_its_library(machine, capsys, answer, there):
    machine.put("arm-none-eabi-gcc", f"#!/bin/sh\necho {answer}\n")
    said_by(["emulators"], capsys)
    assert ("libnewlib-arm-none-eabi" not in machine.calls()) == there
    assert "gcc-arm-none-eabi" not in machine.calls()


def test_kotlin_without_a_jdk(machine, capsys, monkeypatch):
    monkeypatch.setattr(programs.glob, "glob", lambda *arguments, **options: ["there"])
    machine.put("kotlinc")
    machine.put("javac", "#!/bin/sh\necho 'No Java runtime present' >&2\nexit 1\n")  # as on macOS
    said_by(["emulators"], capsys)
    assert "default-jdk-headless" in machine.calls() and "kotlin" not in machine.calls()


def test_a_program_that_does_not_answer_is_not_waited_for(monkeypatch):
    def slow(*arguments, timeout, **options):
        raise subprocess.TimeoutExpired(arguments, timeout)

    monkeypatch.setattr(subprocess, "run", slow)
    assert not command("sh", answers=["--version"])()
    assert Apt().run("update") == (1, "E: apt-get timed out")


def test_what_is_there_prints_nothing(machine):
    assert provide(Program("sh", "dash", "everything", command("sh")), Apt()) is None


def test_a_home_that_cannot_be_written(machine, capsys, monkeypatch):
    monkeypatch.setenv("HOME", "/proc/nowhere")
    machine.gives("chromium", "chromium")
    assert "chromium is installed." in said_by(["browser"], capsys)


def test_unknown_group(capsys):
    assert main(["browsers"]) == 2 and "browser, sandbox, emulators" in capsys.readouterr().err
    assert main([]) == 2


def test_the_names_of_chromium_are_those_of_lesson_11():
    source = next(ROOT.glob("*/targets/browser.py")).read_text(encoding="utf-8")
    names = re.search(r"^NAMES = \((.*)\)$", source, re.MULTILINE)[1]
    assert tuple(re.findall(r'"([^"]+)"', names)) == programs.CHROMIUM


def test_a_cure_is_one_line():
    reason, advice = cure(PROGRAMS["browser"][2], "Reading lists\nE: first\nE: second\n")
    assert reason == "first" and "\n" not in advice


def test_it_runs_as_a_program_with_an_old_python():
    done = subprocess.run([sys.executable, "-m", "tests.tools.programs"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("Name one or more of browser")
