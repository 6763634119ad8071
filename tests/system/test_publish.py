"""`make publish`: one address and one version, in every notebook, lab and solution."""

import json
import re
import shutil
import tomllib

import pytest

from tests import ROOT
from tflite_course import __version__
from tflite_course.authoring import publish
from tflite_course.errors import CourseError

ADDRESS = "https://git.school.example/team/edge-course.git"


def sources(root):
    """Return {notebook: its COURSE} of all notebooks of a copy of the course."""
    found = {}
    for path in publish.notebooks(root):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
        found[path.relative_to(root).as_posix()] = re.findall(r'^COURSE = "(.*)"', text, re.M)
    return found


@pytest.fixture
def course(tmp_path):
    """A copy of what publish() reads and writes."""
    for name in ("pyproject.toml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "tflite_course").mkdir()
    shutil.copy(ROOT / "tflite_course" / "__init__.py", tmp_path / "tflite_course")
    for path in publish.notebooks():
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return tmp_path


def test_every_notebook_carries_the_same_source():
    found = sources(ROOT)
    lessons, labs, solutions = (
        sum(name.startswith(f"{k}/") for name in found) for k in ("notebooks", "labs", "solutions")
    )
    assert lessons >= 17 and labs == solutions >= 12
    assert {name: source for name, source in found.items() if source != [publish.course_source()]} == {}


def test_publish_writes_every_place(course):
    paths = publish.publish(ADDRESS, "2.3.0", course, today="2027-01-31")
    found = sources(course)
    assert len(paths) == len(found) and set(map(tuple, found.values())) == {(f"{ADDRESS}@v2.3.0",)}
    project = tomllib.loads((course / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["urls"]["Repository"] == ADDRESS and project["dynamic"] == ["version"]
    assert '__version__ = "2.3.0"' in (course / "tflite_course" / "__init__.py").read_text(encoding="utf-8")
    assert "## Unreleased\n\n## 2.3.0 (2027-01-31)\n" in (course / "CHANGELOG.md").read_text(encoding="utf-8")
    publish.publish(ADDRESS, "2.4.0.dev0", course)  # back to the newest commit
    assert set(map(tuple, sources(course).values())) == {(ADDRESS,)}


@pytest.mark.parametrize(
    ("address", "version", "said"),
    [
        ("git@host:owner/name.git", "2.0.0", "is not an address of a Git repository"),
        ("https://host", "2.0.0", "is not an address"),
        ("https://host/owner/na me.git", "2.0.0", "is not an address"),
        ("http://host/owner/name.git", "2.0.0", "is not an address"),
        (ADDRESS, "two", "'two' is not a version"),
        (ADDRESS, "", "'' is not a version"),
    ],
)
def test_nothing_is_written_for_a_wrong_address_or_version(course, address, version, said):
    before = {path: path.read_bytes() for path in course.rglob("*") if path.is_file()}
    with pytest.raises(CourseError, match=re.escape(said)):
        publish.publish(address, version, course)
    assert before == {path: path.read_bytes() for path in course.rglob("*") if path.is_file()}


def test_one_version_in_one_place():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert __version__ not in text and "## Unreleased" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
