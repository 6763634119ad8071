"""A container as Gradescope's, as far as bubblewrap can make one here: its folders, and root inside.

Where the tests run as root, root inside may become another user, as on Gradescope. Elsewhere it may not.
"""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from tflite_course.grading import sandbox

IS_ROOT = os.geteuid() == 0 if hasattr(os, "geteuid") else False


def unpack(archive, folder):
    """Make Gradescope's folder out of the zip file that an instructor uploads, as its documentation describes it."""
    source = folder / "source"
    for part in ("source", "submission", "results"):
        (folder / part).mkdir(parents=True)
    with zipfile.ZipFile(archive) as file:
        file.extractall(source)
    (folder / "run_autograder").write_bytes((source / "run_autograder").read_bytes())
    (folder / "run_autograder").chmod(0o755)
    (folder / "submission_metadata.json").write_text('{"users": [{"name": "Ada Lovelace"}]}', encoding="utf-8")
    return folder


def command(autograder, course, shared):
    """Return the bubblewrap command of the container; shared: a folder for /tmp that the test can look into."""
    arguments = ["bwrap", "--unshare-pid", "--unshare-net", "--die-with-parent", "--new-session", "--clearenv"]
    arguments += ["--cap-add", "ALL"] if IS_ROOT else ["--unshare-user", "--uid", "0", "--gid", "0"]
    arguments += sandbox.system_folders()
    arguments += ["--perms", "0755", "--dir", "/etc", "--ro-bind-try", "/etc/passwd", "/etc/passwd"]
    arguments += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache", "--proc", "/proc", "--dev", "/dev"]
    arguments += ["--perms", "1777", "--tmpfs", "/dev/shm", "--bind", str(shared), "/tmp"]
    binds = {"/opt/course": course, "/opt/course/.venv": sys.prefix, "/autograder": autograder}
    if not sys.base_prefix.startswith("/usr"):
        binds[sys.base_prefix] = sys.base_prefix
    made = set()
    for inside, outside in binds.items():
        for parent in reversed(Path(inside).parents):
            if str(parent) not in made | {"/", "/opt/course"}:
                arguments += ["--perms", "0755", "--dir", str(parent)]
                made.add(str(parent))
        arguments += ["--bind" if inside in ("/autograder", "/opt/course") else "--ro-bind", str(outside), inside]
    arguments += ["--setenv", "PATH", "/usr/sbin:/usr/bin:/sbin:/bin", "--setenv", "GRADE_CELL", "300"]
    return [*arguments, "--chdir", "/autograder", "--", "/bin/sh", "-c"]


def run(autograder, course, shared, script="/autograder/run_autograder"):
    """Run a script in the container; return the finished process."""
    return subprocess.run([*command(autograder, course, shared), script], capture_output=True, text=True)
