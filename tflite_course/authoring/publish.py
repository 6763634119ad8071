"""Write the course's address and version into everything that carries them.

    make publish ADDRESS=https://host/owner/course.git VERSION=2.0.0

The address stands in pyproject.toml, the version in tflite_course/__init__.py. The set-up cell of each notebook, lab
and solution carries both: Colab installs the tag v2.0.0, so that a class in week six gets the checks of week one.
Afterwards commit, and tag the commit with the line that this program prints.
"""

import argparse
import datetime
import re
import sys
import tomllib

from packaging.version import InvalidVersion, Version

from tflite_course import __version__
from tflite_course.authoring import ROOT
from tflite_course.errors import CourseError

PLACES = ("notebooks/**/*.ipynb", "solutions/*/*.ipynb", "labs/*/*.ipynb")
SOURCE = re.compile(r'^(\s*"?)COURSE = (\\?")[^"\\]*(\\?")', re.M)  # in a cell, and in the JSON of a notebook
ADDRESS = re.compile(r"https://[\w.-]+(:\d+)?(/[\w.~-]+)+\.git")


def course_source(root=ROOT, version=__version__):
    """Return what pip installs after `git+`: the address, and the tag of the version unless it is one in the making."""
    address = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]
    return address if Version(version).is_devrelease else f"{address}@v{version}"


def write_source(text, source):
    """Return a cell, or the JSON of a notebook, whose line COURSE = "..." holds this source."""
    return SOURCE.sub(lambda m: f"{m[1]}COURSE = {m[2]}{source}{m[3]}", text)


def notebooks(root=ROOT):
    """Return the paths of all notebooks that carry the address."""
    found = {path for pattern in PLACES for path in root.glob(pattern)}
    return sorted(path for path in found if not {".ipynb_checkpoints", "work"} & set(path.relative_to(root).parts))


def _replace(path, pattern, new):
    text = path.read_text(encoding="utf-8")
    changed, times = re.subn(pattern, lambda match: match[1] + new, text, count=1, flags=re.M)
    if not times:
        raise CourseError(f"{path.name} has no line that matches {pattern}: restore it from the last release.")
    path.write_text(changed, encoding="utf-8")


def publish(address, version, root=ROOT, today=None):
    """Write address and version; return the paths that carry them.

    Raises CourseError for an address that pip cannot clone and a version that is not one, before anything is written.
    """
    if not ADDRESS.fullmatch(address):
        raise CourseError(f"'{address}' is not an address of a Git repository: give it as https://host/owner/name.git.")
    try:
        version = str(Version(version))
    except InvalidVersion:
        raise CourseError(f"'{version}' is not a version: give one such as 2.0.0 or 2.1.0.dev0.") from None
    _replace(root / "pyproject.toml", r'^(Repository = )".*"', f'"{address}"')
    _replace(root / "tflite_course" / "__init__.py", r'^(__version__ = )".*"', f'"{version}"')
    if not Version(version).is_devrelease:
        today = today or datetime.date.today().isoformat()
        _replace(root / "CHANGELOG.md", r"^(## )Unreleased", f"Unreleased\n\n## {version} ({today})")
    return _write_sources(root, version)


def write_address(address, root, version=__version__):
    """Write another address into a copy of the course; return the paths of the notebooks that carry it."""
    _replace(root / "pyproject.toml", r'^(Repository = )".*"', f'"{address}"')
    return _write_sources(root, version)


def _write_sources(root, version):
    source = course_source(root, version)
    paths = notebooks(root)
    for path in paths:
        text = path.read_text(encoding="utf-8")
        path.write_text(write_source(text, source), encoding="utf-8")
    return paths


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--address", required=True, help="https://host/owner/name.git")
    parser.add_argument("--version", required=True, help="for example 2.0.0; 2.1.0.dev0 installs the newest commit")
    options = parser.parse_args()
    try:
        paths = publish(options.address, options.version)
    except CourseError as error:
        sys.exit(str(error))
    print(f"{len(paths)} notebooks and the package carry {options.address} {options.version}.")
    print(f"Commit them, then: git tag v{Version(options.version)} && git push --tags")


if __name__ == "__main__":
    main()
