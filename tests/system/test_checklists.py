"""A new lesson, lab, target or data set that misses a place of CONTRIBUTING's checklists turns one of these red."""

import json
import re

import pytest

from tests import ROOT
from tests.tools import checklists
from tests.tools.checklists import Course
from tests.tools.lessons import LESSONS, deeper_files, lesson_files, number_of

LABS = Course().labs()
TARGETS = [path.stem for path in sorted(ROOT.glob("assets/targets/*.json"))]
DATA = [path.stem for path in sorted(ROOT.glob("data/*.npz"))]
DEFECTS = "tests/notebooks/planted_defects.toml"


@pytest.mark.parametrize("lesson", LESSONS)
def test_lesson(lesson):
    assert checklists.missing_of_lesson(lesson, Course()) == []


@pytest.mark.parametrize("lab", LABS)
def test_lab(lab):
    assert checklists.missing_of_lab(lab, Course()) == []


@pytest.mark.parametrize("target", TARGETS)
def test_target(target):
    assert checklists.missing_of_target(target, Course()) == []


@pytest.mark.parametrize("name", DATA)
def test_data_set(name):
    assert checklists.missing_of_data(name, Course()) == []


def test_the_wheel_has_what_the_package_reads():
    assert checklists.missing_of_package(Course()) == []


def test_nothing_in_the_documents_is_without_its_files():
    """The other way round: a row of the README, a quiz and the defects belong to a lesson or lab that is there."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    picture = r'<img src="assets/figures/lessons/(\w+)\.png" width="\d+" alt="[^"]{20,}">'
    row = rf"^\| {picture} \| \[\d\d \w+\]\(notebooks/(\w+)\.ipynb\)"
    assert re.findall(row, readme, re.M) == [(lesson, lesson) for lesson in LESSONS]
    assert sorted(re.findall(r"^\| \[\w+\]\(labs/(\w+)/", readme, re.M)) == LABS
    assert sorted(path.stem for path in ROOT.glob("assets/quizzes/*.json")) == LESSONS
    defects = re.findall(r'^notebook = "(\w+)"', (ROOT / DEFECTS).read_text(encoding="utf-8"), re.M)
    assert set(defects) - {path.stem for path in deeper_files()} == set(LESSONS)
    for folder in ("labs", "tflite_course/labs"):
        found = {path.name for path in (ROOT / folder).iterdir() if path.is_dir() and path.name != "__pycache__"}
        assert found - set(LABS) == set(), folder


def test_lessons_are_ordered_by_their_numbers(tmp_path):
    (tmp_path / "notebooks" / ".ipynb_checkpoints").mkdir(parents=True)
    for name in ("100_last", "09_b", "20_c", "01_a", ".ipynb_checkpoints/02_x", "no_lesson"):
        (tmp_path / "notebooks" / f"{name}.ipynb").touch()
    assert [path.stem for path in lesson_files(tmp_path)] == ["01_a", "09_b", "20_c", "100_last"]
    assert number_of("100_last") == 100


def changed(path, old, new=""):
    """Return a course in which one text of a file is another."""
    text = (ROOT / path).read_text(encoding="utf-8")
    assert old in text, f"{path} has no {old!r}"
    return Course({path: text.replace(old, new)})


WITHOUT_A_PLACE_OF_LESSON_12 = {
    "README.md": ("README.md", "| [12 microcontroller]", "| [12 chips]"),
    "Next line": ("notebooks/11_browser.ipynb", "**Next:** [12. ", "**Next:** [13. "),
    "INSTRUCTORS.md": ("INSTRUCTORS.md", "\n| 12 |", "\n| - |"),
    "show_quiz": ("notebooks/12_microcontroller.ipynb", 'show_quiz(\\"12', 'show_quiz(\\"11'),
    "planted_defects.toml": (DEFECTS, 'notebook = "12_microcontroller"', 'notebook = "11_browser"'),
    "solutions/journal": ("solutions/journal/journal.ipynb", "| 12 |", "| 11 |"),
    "labs/journal": ("labs/journal/journal.ipynb", "| 12 |", "| 11 |"),
    "pyproject.toml": ("pyproject.toml", '"assets/firmware" =', '"assets/other" ='),
    "requirements: tflite_micro": ("requirements-targets.txt", "tflite-micro==", "another=="),
}


@pytest.mark.parametrize("place", WITHOUT_A_PLACE_OF_LESSON_12)
def test_a_place_of_a_lesson_is_missed(place):
    missing = checklists.missing_of_lesson("12_microcontroller", changed(*WITHOUT_A_PLACE_OF_LESSON_12[place]))
    assert missing and all(place in sentence for sentence in missing), missing


def test_a_quiz_is_missed():
    course = Course({"assets/quizzes/12_microcontroller.json": None})
    assert checklists.missing_of_lesson("12_microcontroller", course) == ["assets/quizzes/12_microcontroller.json"]


@pytest.mark.parametrize("number", [18, 20, 100])
def test_a_new_lesson_needs_all_its_places(number):
    """Copied from lesson 17 and nothing else done; it reads a file that no wheel has and imports a new package."""
    notebook = json.loads((ROOT / "notebooks" / "17_sensors_and_gestures.ipynb").read_text(encoding="utf-8"))
    cell = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    cell["source"] = ["import new_package\n", 'resource("assets/new/file.bin")\n', 'resource(f"assets/web/{name}")\n']
    name = f"{number}_new"
    missing = checklists.missing_of_lesson(name, Course({f"notebooks/{name}.ipynb": json.dumps(notebook)}))
    for place in (
        "README.md",
        "Next line",
        "INSTRUCTORS.md",
        "assets/quizzes",
        "show_quiz",
        "planted_defects.toml",
        "solutions/journal",
        "labs/journal",
        "assets/new/file.bin",
        "assets/web/app.js",
        "new_package",
    ):
        assert any(place in sentence for sentence in missing), place
    assert any("without a gap" in sentence for sentence in missing) == (number != len(LESSONS) + 1)


WITHOUT_A_PLACE_OF_LAB_8 = {
    "solutions/": Course({"solutions/lab_8_browser/lab_8_browser.ipynb": '{"cells": []}'}),
    "labs/lab_8_browser": Course({"labs/lab_8_browser/lab_8_browser.ipynb": None}),
    "README.md": changed("README.md", "| [lab_8_browser]", "| [lab_8]"),
    "INSTRUCTORS.md": changed("INSTRUCTORS.md", "lab 8", "lab 7"),
    "tflite_course/labs": Course({"tflite_course/labs/lab_8_browser/__init__.py": None}),
    "tests/labs/answers": Course({"tests/labs/answers/lab_8_browser.py": None}),
    "tests/labs/test_": Course({"tests/labs/test_lab_8_browser.py": None}),
    "pyproject.toml": changed("pyproject.toml", '"assets/targets" =', '"assets/other" ='),
}


@pytest.mark.parametrize("place", list(WITHOUT_A_PLACE_OF_LAB_8)[1:])
def test_a_place_of_a_lab_is_missed(place):
    missing = checklists.missing_of_lab("lab_8_browser", WITHOUT_A_PLACE_OF_LAB_8[place])
    assert len(missing) == 1 and place in missing[0], missing


def test_a_lab_after_a_lesson_that_is_not_there():
    course = changed("README.md", "lab_8_browser.ipynb) | 11 |", "lab_8_browser.ipynb) | 42 |")
    assert "README.md" in checklists.missing_of_lab("lab_8_browser", course)[0]


def test_a_new_lab_needs_all_its_places():
    course = Course({"solutions/lab_11_new/lab_11_new.ipynb": '{"cells": []}'})
    assert "lab_11_new" in course.labs()
    missing = checklists.missing_of_lab("lab_11_new", course)
    assert [sentence.split(":")[0].split(" ")[0] for sentence in missing] == [
        "labs/lab_11_new/lab_11_new.ipynb",
        "README.md",
        "INSTRUCTORS.md",
        "tflite_course/labs/lab_11_new/__init__.py",
        "tests/labs/answers/lab_11_new.py",
        "tests/labs/test_lab_11_new.py",
    ]


def test_a_new_target_needs_all_its_places():
    row = {"runtime": "New runtime", "model": "mnist_cnn", "against": "LiteRT reference"}
    course = Course({"assets/targets/new.json": json.dumps({"rows": [row]})})
    missing = checklists.missing_of_target("new", course)
    assert [sentence.split(":")[0] for sentence in missing] == [
        "makers.py",
        "lesson 10",
        "a lesson that reads assets/targets/new.json",
        "tests/targets/",
    ]
    empty = Course({"assets/targets/firmware.json": '{"rows": []}'})
    assert checklists.missing_of_target("firmware", empty) == [
        "assets/targets/firmware.json: rows from golden.agreement()"
    ]
    assert checklists.missing_of_target("coreml", changed("requirements-targets.txt", "coremltools==", "another=="))


def test_a_new_data_set_needs_all_its_places():
    name = "never_seen"
    loader = (ROOT / "tflite_course" / "datasets.py").read_text(
        encoding="utf-8"
    ) + f"\n\ndef load_{name}():\n    pass\n"
    missing = checklists.missing_of_data(name, Course({"tflite_course/datasets.py": loader}))
    assert [sentence.split(":")[0] for sentence in missing] == [
        "makers.py",
        "data/README.md",
        "NOTICE",
        "tests/",
        "pyproject.toml",
    ]
    assert len(checklists.missing_of_data("watch", changed("data/README.md", "## watch.npz", "## clock.npz"))) == 1
    assert len(checklists.missing_of_data("watch", changed("pyproject.toml", '"data/watch.npz" =', '"x" ='))) == 1


CHECKLISTS = {
    "A new lesson": (
        "`README.md`",
        "**Next:**",
        "`INSTRUCTORS.md`",
        "`assets/quizzes/",
        "show_quiz",
        "`tests/notebooks/planted_defects.toml`",
        "`solutions/journal/",
        "`make labs`",
        "`pyproject.toml`",
        "`requirements",
    ),
    "A new lab": (
        "`solutions/",
        "`make labs`",
        "`README.md`",
        "`INSTRUCTORS.md`",
        "`tflite_course/labs/",
        "`tests/labs/answers/",
        "`tests/labs/test_",
        "`pyproject.toml`",
    ),
    "A new target": (
        "`tflite_course/authoring/makers.py`",
        "`assets/targets/",
        "golden.agreement",
        "lesson 10",
        "`tests/targets/",
        "`requirements-targets.txt`",
    ),
    "A new data set": (
        "`tflite_course/authoring/makers.py`",
        "`data/README.md`",
        "`NOTICE`",
        "`pyproject.toml`",
        "`tests/",
    ),
}


@pytest.mark.parametrize("heading", CHECKLISTS)
def test_the_checklist_names_each_place(heading):
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = re.search(rf"^### {heading}$(.*?)^#", text, re.M | re.S)
    assert section, f"CONTRIBUTING.md has no section {heading}"
    assert [place for place in CHECKLISTS[heading] if place not in section[1]] == []
