"""The form of the notebooks: order of sections, short cells, alt text, links, and what nbval would never compare."""

import ast
import json
import re
import statistics
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import nbformat
import pytest
from nbval.plugin import get_sanitize_patterns

from tests import ROOT
from tests.tools.lessons import deeper_files, lesson_files, number_of
from tflite_course.authoring import makers
from tflite_course.authoring.navigation import last_line, lesson_of, lesson_titles, line_under_title
from tflite_course.authoring.outputs import METADATA, tag_assertions
from tflite_course.authoring.publish import course_source
from tflite_course.pad.widget import PLAIN_TEXT

NOTEBOOKS = [*lesson_files(), *deeper_files()]
MOST_BYTES, MOST_OUTPUT_BYTES, MOST_IGNORED = 600_000, 90_000, 2
SECTIONS = ["Setup", "Check yourself", "Recap", "Write in your journal", "Further reading"]
DEEPER_SECTIONS = ["Setup", "Recap", "Further reading"]
HEADER_ROWS = ["You will be able to", "Before you start", "Time", "You will produce"]
TOO_EASY = re.compile(r"\b(simply|just|easily|obviously|of course|trivial(ly)?)\b", re.I)
MACHINE_PATHS = re.compile(r"/(root|home|work|tmp|Users|content|opt|usr)/|[A-Z]:\\\\")
UNCOMPARED = ["clear_output(", "display_id=", "update_display(", "widgets.Output(", "interact(", "google.colab"]
NAVIGATION = "write the links with `python -m tflite_course.authoring.navigation`"
IGNORING = re.compile(r"NBVAL_IGNORE_OUTPUT|NBVAL_SKIP|PYTEST_VALIDATE_IGNORE_OUTPUT")

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [c for c in notebook.cells if c.cell_type == "code"]


def text_cells(notebook):
    return [c for c in notebook.cells if c.cell_type == "markdown"]


def cells_with_other_assertions(notebook):
    """Return the numbers of the code cells whose assertions are not as many as when the notebook was stored."""
    return [k for k, c in enumerate(code_cells(notebook)) if tag_assertions(c) != c.metadata.get("tags", [])]


def without_code(markdown):
    """Return the prose of a text cell: no fenced code, no inline code."""
    return re.sub(r"```.*?```|`[^`]*`", "", markdown, flags=re.S)


@pytest.mark.parametrize("path", sorted((ROOT / "assets" / "experiments").glob("*.json")), ids=lambda p: p.stem)
def test_stored_experiments_say_how_they_were_made(path):
    record = json.loads(path.read_text(encoding="utf-8"))
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", record["date"]) and record["rows"] and record["settings"]
    assert record["command"].startswith("python -m tflite_course.authoring ")
    assert record["command"].split()[3] in makers.MAKERS
    assert set(record["versions"]) >= {"tensorflow", "tensorflow-model-optimization", "ai-edge-litert"}
    assert not MACHINE_PATHS.search(json.dumps(record))


@each_notebook
def test_stored_by_the_tool(path):
    notebook = read(path)
    nbformat.validate(notebook)
    assert json.loads(json.dumps(notebook.metadata)) == METADATA, "store it with `make outputs`"
    ids = [c.id for c in notebook.cells]
    assert len(set(ids)) == len(ids)
    # nbval passes a cell whose execution_count is null without comparing it
    assert [c.execution_count for c in code_cells(notebook)] == list(range(1, len(code_cells(notebook)) + 1))
    assert path.stat().st_size <= MOST_BYTES
    assert cells_with_other_assertions(notebook) == [], "an assertion was lost or added: `make outputs`"
    addresses = [re.search(r'^COURSE = "(.*)"', c.source, re.M) for c in code_cells(notebook)]
    assert [a[1] for a in addresses if a] == [course_source()], "store it with `make outputs`"


@each_notebook
def test_order_of_sections(path):
    headings = [line for c in text_cells(read(path)) for line in c.source.splitlines() if line.startswith("#")]
    number, deeper = path.stem.split("_", 1)[0], path.parent.name == "deeper"
    assert headings[0].startswith(f"# {number}{', deeper: ' if deeper else '. '}"), "the title comes first"
    second = [h[3:] for h in headings if h.startswith("## ")]
    end = (DEEPER_SECTIONS if deeper else SECTIONS)[1:]
    assert second[0] == "Setup"
    assert second[-len(end) :] == end
    numbers = [int(m[1]) for h in second if (m := re.match(r"(\d+)\. ", h))]
    assert numbers == list(range(1, len(second) - len(end))), f"numbered sections between Setup and {end[0]}: {second}"
    for heading in second:  # sentence case: no capital in the middle except names
        words = re.sub(r"^\d+\. ", "", heading).split()[1:]
        assert sum(w[0].isupper() and w[1:].islower() for w in words) <= 2, heading


@each_notebook
def test_header_table_and_end(path):
    cells = text_cells(read(path))
    head = "\n".join(c.source for c in cells[:2])
    positions = [head.find(f"**{row}**") for row in HEADER_ROWS]
    assert -1 not in positions and positions == sorted(positions)
    assert re.search(r"^\*\*(Next|Back):\*\* ", cells[-1].source, re.M)


@each_notebook
def test_links_to_the_lessons_around_it(path):
    titles, cells = lesson_titles(), read(path).cells
    own = path if path.parent.name == "deeper" else next(other for other in titles if other.name == path.name)
    assert cells[0].source.splitlines()[2] == line_under_title(own, titles), NAVIGATION
    assert last_line(own, titles) in cells[-1].source.splitlines(), NAVIGATION


@pytest.mark.parametrize("path", deeper_files(), ids=lambda path: path.stem)
def test_a_lesson_leads_to_what_goes_deeper(path):
    lesson = lesson_of(path, lesson_titles())
    assert number_of(lesson.stem) == number_of(path.stem)
    assert any(f"](deeper/{path.name})" in cell.source for cell in text_cells(read(lesson)))


@each_notebook
def test_setup_is_one_short_cell(path):
    cells = read(path).cells
    first_code = next(i for i, c in enumerate(cells) if c.cell_type == "code")
    assert "## Setup" in cells[first_code - 1].source
    assert len(cells[first_code].source.splitlines()) <= 15
    assert "prepare(" in cells[first_code].source


@each_notebook
def test_cells_are_small_and_explained(path):
    notebook = read(path)
    lines = sorted(len(c.source.splitlines()) for c in code_cells(notebook))
    assert statistics.median(lines) <= 7
    assert lines[int(len(lines) * 0.9)] <= 16
    assert lines[-1] <= 25
    assert 0.7 <= len(text_cells(notebook)) / len(lines) <= 1.6


@each_notebook
def test_code_compiles_and_keeps_to_the_rules(path):
    for k, cell in enumerate(code_cells(read(path))):
        tree = ast.parse(cell.source)  # a magic or a shell line does not parse
        assert not cell.source.rstrip().endswith(";"), f"cell {k}: nbval does not mute a value as Jupyter does"
        assert not MACHINE_PATHS.search(cell.source), f"cell {k}: an absolute path"
        for node in ast.walk(tree):
            assert not isinstance(node, ast.Global), f"cell {k}: global"
            assert not (isinstance(node, ast.ExceptHandler) and node.type is None), f"cell {k}: bare except"
        for word in UNCOMPARED:
            assert word not in cell.source, f"cell {k}: {word} is not compared"
        assert "tf.lite.Interpreter(" not in cell.source or "warnings" in cell.source, f"cell {k}: use ai_edge_litert"


@each_notebook
def test_outputs_can_be_compared(path):
    notebook, ignored, checked = read(path), 0, 0
    for k, cell in enumerate(code_cells(notebook)):
        tags = cell.metadata.get("tags", [])
        off = bool(IGNORING.search(cell.source)) or any(t.startswith("nbval-") for t in tags)
        ignored += off
        texts = [o for o in cell.outputs if o.output_type == "stream" or "text/plain" in o.get("data", {})]
        checked += not off and (bool(texts) or "assert" in cell.source or "def " in cell.source)
        raises = "raises-exception" in tags
        assert raises == any(o.output_type == "error" for o in cell.outputs), f"cell {k}"
        for output in cell.outputs:
            text = json.dumps(output)
            assert len(text) <= MOST_OUTPUT_BYTES, f"cell {k}: {len(text)} bytes"
            assert not (output.output_type == "stream" and output.name == "stderr"), f"cell {k}: stderr is stored"
            readable = json.dumps({m: d for m, d in output.get("data", {}).items() if not m.startswith("image/")})
            assert not MACHINE_PATHS.search(output.get("text", "") + readable), f"cell {k}: a path of this machine"
            assert " at 0x" not in text, f"cell {k}: an address"
            if output.get("data", {}).get("text/plain") == PLAIN_TEXT:  # the pad, and a picture in its place
                assert len(output.metadata["image/png"]["alt"].split()) >= 10
            elif "image/png" in output.get("data", {}):  # nbval does not compare pictures
                said = "".join(o.get("text", "") + o.get("data", {}).get("text/plain", "") for o in cell.outputs)
                assert "Figure: " in said, f"cell {k}: a plot needs a printed line that says what it shows"
    assert ignored <= MOST_IGNORED
    assert checked >= 0.7 * len(code_cells(notebook)), (
        f"only {checked} of {len(code_cells(notebook))} cells are compared"
    )


def anchors(path):
    """Return the anchors of a notebook's sections, as JupyterLab and GitHub make them of headings."""
    lines = [line for cell in text_cells(read(path)) for line in cell.source.splitlines()]
    return {line.lstrip("#").strip().replace(" ", "-") for line in lines if line.startswith("#")}


@each_notebook
def test_pictures_and_links(path):
    for cell in text_cells(read(path)):
        for alt, target in re.findall(r"!\[([^\]]*)\]\(([^)]*)\)", cell.source):
            assert len(alt.split()) >= 10, f"thin alt text: {alt!r}"
            assert (path.parent / target).is_file(), target
        for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^)]*)\)", cell.source):
            if not target.startswith(("http://", "https://", "#")):
                file, _, place = target.partition("#")
                assert (path.parent / file).exists(), target
                assert not place or place in anchors(path.parent / file), f"no such section: {target}"
        assert "http://" not in cell.source, "links use https"


@each_notebook
def test_prose(path):
    for cell in text_cells(read(path)):
        prose = without_code(cell.source)
        assert not TOO_EASY.search(prose), TOO_EASY.search(prose)[0]
        # accuracies and sizes belong in outputs, where the test recomputes them
        assert not re.search(r"\d\s?%", prose), f"a percentage in prose: {prose[:200]!r}"
        assert not re.search(r"\d[\d,.]* (bytes|KB|kB|MB|ms|µs|us)\b", prose), (
            f"a measurement in prose: {prose[:200]!r}"
        )


@pytest.mark.parametrize("path", sorted((ROOT / "assets" / "figures").glob("*.svg")), ids=lambda p: p.stem)
def test_svg_has_title_and_description(path):
    tags = {element.tag.split("}")[1]: element.text for element in ElementTree.parse(path).getroot()}
    assert tags.get("title") and tags.get("desc")


@pytest.mark.parametrize("path", sorted((ROOT / "assets" / "quizzes").glob("*.json")), ids=lambda p: p.stem)
def test_quizzes(path):
    from tflite_course.quiz import load_quiz, show_quiz

    questions = load_quiz(path.stem)
    assert 3 <= len(questions) <= 5
    for question in questions:
        assert 3 <= len(question["answers"]) <= 5
        assert all(answer["feedback"].strip() for answer in question["answers"])
    assert show_quiz(path.stem).data.count("<details ") == sum(len(q["answers"]) for q in questions)


def test_every_sanitize_rule_is_read():
    text = (ROOT / "tests" / "notebooks" / "nbval_sanitize.cfg").read_text(encoding="utf-8")
    # nbval drops a rule silently when 'replace:' is not followed by a blank
    assert len(get_sanitize_patterns(text)) == len(re.findall(r"^regex:", text, re.M))


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=["ruff check", "ruff format"])
def test_ruff(command):
    done = subprocess.run([sys.executable, "-m", "ruff", *command, "."], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
