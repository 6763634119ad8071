"""Write a copy of the course for students: `make public OUT=folder`, then publish that folder as a repository.

It has no solutions, mark schemes, tests or samples of marks. What is taken is listed here, and
whatever else lies in the course's folder is not. The checks come along, because they run in a student's notebook.
"""

import argparse
import re
import shutil
import sys
from pathlib import Path

from tflite_course.authoring import ROOT, publish
from tflite_course.errors import CourseError

TAKEN = (
    *("README.md", "LICENSE", "NOTICE", "Makefile", "pyproject.toml", "constraints.txt", ".gitignore"),
    *("requirements*.txt", "notebooks/*.ipynb", "notebooks/deeper/*.ipynb", "labs/*/*.ipynb"),
    *("data/*", "assets/**/*", "tflite_course/**/*"),
    *("tests/__init__.py", "tests/tools/__init__.py", "tests/tools/environment.py", "tests/tools/install_errors.py"),
    *("tests/tools/programs.py", "tests/system/installer_messages.toml"),  # what the Makefile calls
)
LEFT_OUT = ("assets/journals/", "assets/elsewhere/", "assets/models/cache/", "assets/web/dist/", "assets/made.json")
NOBODYS = {"__pycache__", ".ipynb_checkpoints", "work", "node_modules"}
TARGETS = ("help", "lab", "web", "grade", "outputs", "browser", "sandbox", "emulators", "flower", "keras", "clean")
MARK = ".copy-for-students"
RULE = re.compile(r"^([a-z][a-z-]*):", re.M)


def taken(root=ROOT):
    """Return the sorted paths of what the copy has, relative to the course's folder."""
    names = set()
    for pattern in TAKEN:
        for path in root.glob(pattern):
            inner = path.relative_to(root)
            if path.is_file() and not path.is_symlink() and not NOBODYS & set(inner.parts):
                names.add(inner.as_posix())
    labs = {name for name in names if name.startswith("labs/") and Path(name).stem != Path(name).parent.name}
    return sorted(name for name in names - labs if not name.startswith(LEFT_OUT))


def copy(target, address=None, root=ROOT):
    """Write the copy into a folder; return the paths of its files. What an earlier copy left there is replaced.

    address: of the repository that the copy becomes, for the line by which Colab installs it; None leaves the course's.
    Raises CourseError, before anything is written, for a folder that holds something else.
    """
    target = Path(target).resolve()
    if target == root or root in target.parents:
        raise CourseError(f"{target.name} lies inside the course: give OUT a folder outside of it.")
    if address and not publish.ADDRESS.fullmatch(address):
        raise CourseError(f"'{address}' is not an address of a Git repository: give it as https://host/owner/name.git.")
    clear(target)
    names = taken(root)
    for name in names:
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, path)
    for name, change in (("Makefile", makefile), ("README.md", lambda text: readme(text, names))):
        path = target / name
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    if address:
        publish.write_address(address, target)
    (target / MARK).write_text("Written by `make public`, which replaces everything here.\n", encoding="utf-8")
    return names


def clear(target):
    """Empty a folder that an earlier run wrote, up to its .git. Raises CourseError when it holds anything else."""
    if not target.exists():
        return
    there = [path for path in target.iterdir() if path.name != ".git"] if target.is_dir() else [target]
    if there and not (target / MARK).is_file():
        raise CourseError(f"{target.name} holds something else ({there[0].name}): give OUT a new or an empty folder.")
    for path in there:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def makefile(text):
    """Return the Makefile without the rules that need what the copy does not have."""
    blocks = text.split("\n\n")
    kept = [block for block in blocks if not (found := RULE.search(block)) or found[1] in TARGETS]
    phony = ".PHONY: " + " ".join(TARGETS)
    return re.sub(r"^\.PHONY: help(?:.*\\\n)*.*$", phony, "\n\n".join(kept).rstrip("\n"), count=1, flags=re.M) + "\n"


def readme(text, names):
    """Return README.md without what it says of files and commands that the copy does not have.

    A line of a table or of code goes as a whole, from a paragraph the sentence or the bracket.
    """
    lines = []
    for line in text.split("\n"):
        if not is_lost(line, names):
            lines.append(line)
        elif not line.startswith(("|", "make ")):
            line = re.sub(r" \([^()]*\)", lambda found: "" if is_lost(found[0], names) else found[0], line)
            sentences = re.split(r"(?<=[.:]) (?=[A-Z`\[])", line)
            lines.append(" ".join(sentence for sentence in sentences if not is_lost(sentence, names)))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def is_lost(text, names):
    """Return whether a text names a command or a file of the course that the copy does not have."""
    if set(re.findall(r"(?:`|^)make ([a-z][a-z-]*)", text, re.M)) - {*TARGETS, "again"}:
        return True
    links = re.findall(r"\]\(([\w./-]+)\)", text) + re.findall(r"`((?:assets|labs|solutions|tests)/[^` <>*]*)`", text)
    return any(not any(name == link or name.startswith(link.rstrip("/") + "/") for name in names) for link in links)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path, help="a new folder, or one that this command wrote")
    parser.add_argument("--address", help="of its repository: https://host/owner/name.git")
    options = parser.parse_args()
    try:
        names = copy(options.out, options.address)
    except CourseError as error:
        sys.exit(str(error))
    print(f"{options.out}: {len(names)} files, without solutions, seeds and tests.")
    print("Publish this folder as a repository of its own: the history of yours has the solutions.")


if __name__ == "__main__":
    main()
