"""The class report: what is counted, code that is alike, guesses, and a page that nothing of a student runs in."""

import json
import random
import re

import nbformat
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from scipy import stats

from tests import ROOT
from tests.grading.test_regrade import LAB, pretend, read, task, with_answer
from tests.tools.jupyter_browser import chromium
from tflite_course import journal
from tflite_course.errors import CourseError
from tflite_course.grading import class_report, code_likeness, gradebook, guesses, lab_changes, versions
from tflite_course.targets.browser import NoBrowser

pytestmark = pytest.mark.xdist_group("grading")
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


# --- discrimination


def test_discrimination_is_the_point_biserial_with_the_rest():
    rng = np.random.default_rng(1)
    skill = rng.normal(size=60)
    right = {name: (skill + rng.normal(size=60) > 0).astype(float) for name in "abcd"}
    right["noise"] = (rng.normal(size=60) > 0).astype(float)
    scores = {k: {name: values[k] for name, values in right.items()} for k in range(60)}
    found = class_report.discrimination(scores)
    for name, values in right.items():
        rest = sum(right.values()) - values
        expected = stats.pearsonr(values, rest)
        low, high = expected.confidence_interval(0.95)
        assert found[name] == pytest.approx((stats.pointbiserialr(values, rest).statistic, low, high), abs=1e-6)
    assert found["noise"][0] < min(found[name][0] for name in "abcd")


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ([1.0] * 12, list(range(12)), None),
        (list(range(9)), list(range(9)), None),
        (list(range(12)), list(range(12)), (1.0, 1.0, 1.0)),
        ([], [], None),
    ],
)
def test_correlations_that_say_nothing(one, two, expected):
    assert class_report.correlation(one, two) == (expected and pytest.approx(expected))


def test_hints_are_counted_by_what_they_name():
    kinds = {
        "round before you add the zero point.": "round before you add the zero point.",
        "with 3, 4 your function returns 5, expected 6.": "another value than expected, of no known cause",
        "with (1, 2) your function stops with TypeError: x": "the function stops with TypeError",
        "your code stops with NameError: name 'y'": "the code stops with NameError",
        "there is no answer yet. Replace the line": "there is no answer yet",
    }
    for hint, kind in kinds.items():
        assert class_report.kind_of_hint(hint) == kind


# --- code that is alike

OWN = '''
def dense(q, weights, bias):
    """Return sums."""
    total = np.zeros((q.shape[0], weights.shape[0]), np.int64)
    for row in range(q.shape[0]):
        for column in range(weights.shape[0]):
            part = 0
            for k in range(q.shape[1]):
                part = part + int(q[row, k]) * int(weights[column, k])
            total[row, column] = part + int(bias[column])
    return np.clip(total, -(2**31), 2**31 - 1).astype(np.int32)
'''
RENAMED = """
# my own work
def dense(inputs, w, b):
    sums = np.zeros((inputs.shape[0], w.shape[0]), np.int64)   # room
    for i in range(inputs.shape[0]):
        for j in range(w.shape[0]):
            acc = 0
            for n in range(inputs.shape[1]):
                acc = acc + int(inputs[i, n]) * int(w[j, n])
            sums[i, j] = acc + int(b[j])
    return np.clip(sums, -(2**31), 2**31 - 1).astype(np.int32)
"""
OTHER = """
def dense(q, weights, bias):
    return np.einsum("ij,kj->ik", q.astype(np.int32), weights.astype(np.int32), optimize=True) + bias[None, :]
extra = [print(value) for value in sorted({1, 2, 3}) if value % 2 == 0 or value > 2]
"""


def test_a_renamed_copy_is_found_and_nothing_else():
    solution = {c.id: c.source for c in read().cells if "### BEGIN SOLUTION" in c.source}
    usual = {f"s{k}": {"dense": "\n".join(solution.values())} for k in range(20)}
    answers = usual | {"ada": {"dense": OWN}, "bob": {"dense": RENAMED}, "eve": {"dense": OTHER}}
    assert [(a, b, names) for a, b, _, names in code_likeness.find_alike(answers)] == [("ada", "bob", ["dense"])]
    assert code_likeness.find_alike(answers)[0][2] == 1.0
    assert code_likeness.find_alike(answers, given=[OWN]) == []  # the lab gave it


def test_the_lab_own_text_and_short_answers_make_nobody_alike():
    stubs = [c.source for c in read("labs").cells if c.cell_type == "code"]
    answers = {s: {str(k): text for k, text in enumerate(stubs)} for s in ("ada", "bob", "eve")}
    assert code_likeness.find_alike(answers, given=stubs) == []
    assert code_likeness.find_alike({s: {"x": "a = b + 1"} for s in ("ada", "bob")}) == []


@pytest.mark.parametrize("source", ["", "def f(:", "x = '", "\x00", "(" * 2000, "\ud83d = 1", "\tif x:\n  y"])
def test_any_text_has_tokens(source):
    assert isinstance(code_likeness.runs(source), list)


def test_fingerprints_are_the_same_in_every_process():
    assert min(code_likeness.winnow(code_likeness.runs(OWN))) == min(code_likeness.winnow(code_likeness.runs(RENAMED)))


# --- guesses


def test_guesses_are_read_from_the_file_and_the_evidence(tmp_path):
    one = {"question": "How many bytes?", "guess": 100_000, "value": 62_712, "unit": "bytes"}
    (tmp_path / "work").mkdir()
    (tmp_path / guesses.FILE).write_text(json.dumps([one, {"question": "x"}, 3, None]))
    bundle = {journal.MIME: {"entries": [], "guesses": [{"question": "How\nfast?", "guess": 1.5, "value": 3}]}}
    cell = nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("display_data", data=bundle)])
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "journal.ipynb")
    assert guesses.read(tmp_path) == [one, {"question": "How fast?", "guess": 1.5, "value": 3.0, "unit": ""}]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[" * 100_000, "3", '{"guesses": 3}', '[{"question": "", "guess": 1, "value": 2}]']
    + ['[{"question": "q", "guess": 1e999, "value": 2}]', '[{"question": "q", "guess": "1", "value": 2}]']
    + ['[{"question": "q", "guess": true, "value": 2}]', '[{"question": ["q"], "guess": 1, "value": 2}]'],
)
def test_damaged_guesses_are_left_out(tmp_path, text):
    (tmp_path / "work").mkdir()
    (tmp_path / guesses.FILE).write_text(text)
    (tmp_path / "journal.ipynb").write_text(text)
    assert guesses.read(tmp_path) == []


def test_guesses_by_question():
    asked = [[{"question": "q", "guess": g, "value": 100.0, "unit": "kB"}] for g in (95.0, 50.0, 40.0, 300.0)]
    (row,) = guesses.by_question(asked)
    assert (row["students"], row["median"], row["measured"], row["unit"]) == (4, 72.5, 100.0, "kB")
    assert (row["near"], row["below"], row["above"]) == (0.25, 0.5, 0.25)


# --- the page


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Return a work folder: 24 students of different skill, two with the same code, two who handed in nothing."""
    work = tmp_path_factory.mktemp("report") / "work"
    work.mkdir()
    lab_changes.renew(work, [LAB])
    rng = random.Random(4)
    checks = [name.removeprefix("check_") for name in versions.needs(work / "source" / LAB / f"{LAB}.ipynb")]
    for k in range(24):
        skill = rng.random()
        wrong = {name: 0.0 for name in checks if rng.random() > skill and name != "explain"}
        code = {"dense": [OWN, RENAMED][k] if k < 2 else f"{OTHER}\nn{k} = [{k}]"}
        hint = HOSTILE if k == 3 else ["round first.", "with 1 your function returns 2, expected 3."][k % 2]
        pretend(work, task(work, with_answer(read(), **code), f"s{k:02d}"), wrong, hint)
    gradebook.add_students(work, {"zoe": {"first_name": "Zoë", "last_name": HOSTILE}, "yan": {"first_name": "王伟"}})
    bundle = [{"question": f"How small? {HOSTILE}", "guess": 4, "value": 3.5, "unit": "times"}]
    (work / "submitted" / "s00" / LAB / "work").mkdir(parents=True)
    (work / "submitted" / "s00" / LAB / guesses.FILE).write_text(json.dumps(bundle))
    return work


def test_what_the_report_counts(graded):
    report = class_report.make_report(graded)
    (lab,) = report["labs"]
    rows = {row["title"]: row for row in lab["rows"]}
    assert lab["students"] == 24 and report["students"] == 26 and report["waiting"] == 24
    assert len(rows) == 8 and all(re.match(r"(Exercise|Question) \d\. ", title) for title in rows)
    dense = next(row for title, row in rows.items() if "Exercise 7" in title)
    assert 0 < dense["mean"] < 1 and dense["full"] == pytest.approx(dense["mean"]) and dense["most"] == 3.0
    assert dense["none"] == pytest.approx(1 - dense["full"]) and dense["apart"][1] < dense["apart"][0]
    assert dense["hint"] in ("round first.", "another value than expected, of no known cause") and dense["times"] > 1
    explain = next(row for title, row in rows.items() if title.startswith("Question"))
    assert (explain["students"], explain["waiting"], explain["mean"]) == (0, 24, None)
    assert report["missing"] == [{"name": LAB, "students": ["yan", "zoe"]}]
    assert [pair[:2] for pair in lab["alike"]] == [("s00", "s01")] and lab["alike"][0][3] == ["dense"]
    assert report["guesses"][0]["near"] == 0.0 and report["guesses"][0]["above"] == 1.0


def test_the_page_escapes_everything_and_loads_nothing(graded):
    page = class_report.write(graded).read_text(encoding="utf-8")
    assert "<script" not in page and "<img" not in page and "&lt;script&gt;" in page and "王伟" in page
    assert "default-src 'none'" in page and "http-equiv" in page
    assert not re.search(r"\b(src|srcset|style|onload|onerror)=", re.sub(r"&[^;]+;[^<]*", "", page))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_in_a_browser(graded, scheme):
    try:
        with chromium() as browser:
            page = browser.new_page(color_scheme=scheme, viewport={"width": 1280, "height": 900})
            said = []
            page.on("console", lambda message: said.append(message.text))
            page.goto(class_report.write(graded).as_uri())
            assert said == [] and page.title().startswith("Class report")  # the policy takes the page's own style
            assert page.locator("rect.bar").first.evaluate("e => getComputedStyle(e).fill") != "rgb(0, 0, 0)"
            pictures = ROOT / "tests" / "artefacts" / "class_report"
            pictures.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=pictures / f"{scheme}.png", full_page=True)
            context = browser.new_context(bypass_csp=True, color_scheme=scheme)  # axe is a script, which the page bars
            page = context.new_page()
            page.goto(class_report.write(graded).as_uri())
            found = Axe().run(page).response
            assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in found["violations"]] == []
            printed = page.pdf(prefer_css_page_size=True)
            assert printed.count(b"/Type /Page\n") == 1
            context.close()
    except NoBrowser as error:
        pytest.skip(str(error))


def test_an_empty_work_folder_is_one_sentence(tmp_path, capsys):
    with pytest.raises(CourseError, match="Nothing is graded in work yet"):
        class_report.make_report(tmp_path / "work")
    with pytest.raises(SystemExit, match="Nothing is graded"):
        class_report.main([str(tmp_path)])
