"""Look for the programs that tests and lessons use, and install what is missing, one by one, with apt-get.

    python -m tests.tools.programs browser sandbox emulators

Only root installs, and only with apt-get. Whatever cannot be had is one line: the program, what is skipped without it,
and the cure. It ends with 0 then, too: the rest of the tests runs. It needs nothing but Python's library.
"""

import glob
import os
import re
import shutil
import subprocess
import sys

APT = ("-qq", "-o", "DPkg::Lock::Timeout=60", "-o", "Acquire::Retries=2")


class Program:
    """name: for the reader. package: Debian's. lost: what does not run without it. found: a function, True if there."""

    def __init__(self, name, package, lost, found):
        self.name, self.package, self.lost, self.found = name, package, lost, found


def command(*names, answers=()):
    """Return a test: one of these commands is on PATH and, with the arguments `answers`, ends with 0."""

    def found():
        return any(shutil.which(name) and (not answers or _output(name, *answers) is not None) for name in names)

    return found


def file(*patterns):
    """Return a test: a file of one of these patterns is there."""
    return lambda: any(glob.glob(os.path.expanduser(pattern), recursive=True) for pattern in patterns)


def newlib():
    """The C library of the Arm compiler: without it the compiler answers with the bare name."""
    return os.path.isabs(_output("arm-none-eabi-gcc", "-print-file-name=libc.a") or "")


def _output(*arguments):
    """Return what a program prints, or None when it is not there, fails, or does not end in 30 s."""
    try:
        done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else None


CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
FIREFOX = ("firefox-esr", "firefox")
FONTS = ("/usr/share/fonts/**/DejaVuSans.ttf", "/usr/local/share/fonts/**/DejaVuSans.ttf", "~/.fonts/**/DejaVuSans.ttf")
MAC = ("/System/Library/Fonts", "C:/Windows/Fonts")  # these systems have fonts of their own

PROGRAMS = {
    "browser": [
        Program("Chromium", "chromium", "the tests of pad and web page in a browser", command(*CHROMIUM)),
        Program("DejaVu font", "fonts-dejavu-core", "letters in the browser's pictures", file(*FONTS, *MAC)),
        Program("npm", "npm", "the web page of lesson 11 and its tests", command("npm", answers=["--version"])),
    ],
    "sandbox": [
        Program("bubblewrap", "bubblewrap", "the tests of grading in a sandbox", command("bwrap")),
        Program(
            "PostgreSQL",
            "postgresql",
            "the tests of a gradebook in PostgreSQL",
            file("/usr/lib/postgresql/*/bin/initdb"),
        ),
    ],
    "emulators": [
        Program("qemu-aarch64-static", "qemu-user-static", "the emulated Arm computer", command("qemu-aarch64-static")),
        Program("mmdebstrap", "mmdebstrap", "the emulated Arm computer", command("mmdebstrap")),
        Program("qemu-system-arm", "qemu-system-arm", "the emulated boards of lesson 12", command("qemu-system-arm")),
        Program(
            "arm-none-eabi-gcc",
            "gcc-arm-none-eabi",
            "the firmware of lesson 12",
            command("arm-none-eabi-gcc", answers=["--version"]),
        ),
        Program("newlib for Arm", "libnewlib-arm-none-eabi", "the measurement of CMSIS-NN", newlib),
        Program(
            "JDK",
            "default-jdk-headless",
            "the tests that compile the Android app of lesson 13",
            command("javac", answers=["-version"]),
        ),
        Program(
            "Kotlin",
            "kotlin",
            "the tests that compile the Kotlin of lesson 13",
            lambda: bool(shutil.which("kotlinc")) and file("/usr/share/java/kotlin-stdlib.jar")(),
        ),
    ],
    "other-browsers": [
        Program("Firefox", "firefox-esr", "the tests of the web page in Firefox", command(*FIREFOX)),
        Program(
            "WebKitWebDriver",
            "webkit2gtk-driver",
            "the tests of the web page in WebKitGTK",
            command("WebKitWebDriver"),
        ),
        Program("Xvfb", "xvfb", "the tests of the web page in WebKitGTK", command("Xvfb")),
    ],
    "fresh": [
        Program("mmdebstrap", "mmdebstrap", "the proof on fresh systems", command("mmdebstrap")),
    ],
}


def missing(*names):
    """Return why the tests that need these programs are skipped, in one line, or None when all are there."""
    known = {program.name: program for group in PROGRAMS.values() for program in group}
    for program in (known[name] for name in names):
        if not program.found():
            return f"{program.name} is missing, and {program.lost} need it: install Debian's package {program.package}."
    return None


# What apt-get says, and what helps.
REFUSALS = {
    r"Could not get lock|another process using it|Unable to acquire the dpkg": "wait for the other package manager",
    r"held broken packages|unmet dep|Held packages": "`apt-get install {package}` says which package stands in the way",
    r"need to be removed but remove is disabled": "`apt-get install {package}` says what it would remove",
    r"dpkg was interrupted": "run `dpkg --configure -a`",
    r"Unable to locate package|no installation candidate|Couldn't find": "get {name} from its makers",
    r"[Nn]o space left|don't have enough free space": "free space on the disk",
    r"resolv|Failed to fetch|Unable to fetch|[Cc]ould not connect|timed out|Unable to connect": "check the network",
    r"Read-only file system|Permission denied": "install {package} where this system is made",
}


class Apt:
    """apt-get, asked at most once to update its lists. `refusal` is why it cannot be used at all, or None."""

    def __init__(self):
        self.update = None  # exit status and output of `apt-get update`, once it was called
        self.refusal = None
        if not shutil.which("apt-get"):
            self.refusal = "there is no apt-get here"
        elif not hasattr(os, "geteuid") or os.geteuid() != 0:
            self.refusal = "only root can install it"

    def run(self, *arguments):
        """Return (exit status, output)."""
        environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive", LC_ALL="C")
        try:
            done = subprocess.run(
                ["apt-get", *APT, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment,
                timeout=1800,
            )
        except subprocess.TimeoutExpired:
            return 1, "E: apt-get timed out"
        except OSError as error:
            return 1, f"E: {error}"
        return done.returncode, done.stdout.decode("utf-8", "replace")

    def install(self, package):
        """Install one package, and remove none for it. Returns None, or what apt-get says."""
        self.update = self.update or self.run("update")  # when it fails, the lists that are there may do
        status, output = self.run("install", "-y", "--no-install-recommends", "--no-remove", package)
        if status == 0:
            return None
        unknown = "Unable to locate" in output or "no installation candidate" in output or "E:" not in output
        return self.update[1] if self.update[0] and unknown else output


def cure(program, said):
    """Return "reason; cure" of what apt-get said."""
    lines = re.findall(r"^E: *(.*?)\.?\s*$", said, re.MULTILINE) or [
        said.strip().splitlines()[-1] if said.strip() else ""
    ]
    for pattern, advice in REFUSALS.items():
        if re.search(pattern, said):
            return lines[0] or "apt-get failed", advice.format(package=program.package, name=program.name)
    return lines[0] or "apt-get failed", f"`apt-get install {program.package}` says more"


def provide(program, apt):
    """Make sure that a program is there. Returns the line to print, or None when it was there."""
    if program.found():
        return None
    skipped = f"skipped without it: {program.lost}"
    if apt.refusal:
        where = f"install Debian's package {program.package}" if shutil.which("apt-get") else f"install {program.name}"
        return f"{program.name} is missing, and {apt.refusal}; {skipped}. Cure: {where}."
    print(f"Installing {program.package} ...", flush=True)
    said = apt.install(program.package)
    if said is not None:
        reason, advice = cure(program, said)
        return f"{program.name} could not be installed ({reason}); {skipped}. Cure: {advice}, then call make again."
    if not program.found():
        return f"{program.name} does not run, though {program.package} is installed; {skipped}. Cure: start it by hand."
    return f"{program.package} is installed."


def main(groups):
    unknown = [name for name in groups if name not in PROGRAMS]
    if unknown or not groups:
        print(f"Name one or more of {', '.join(PROGRAMS)}.", file=sys.stderr)
        return 2
    apt, seen = Apt(), set()
    for program in (program for group in groups for program in PROGRAMS[group]):
        if program.package not in seen:
            seen.add(program.package)
            line = provide(program, apt)
            if line:
                print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
