"""The marking desk: marks reach the gradebook, two markers, a page that only its marker reaches, and the keyboard."""

import contextlib
import json
import random
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from axe_playwright_python.sync_playwright import Axe
from sklearn.metrics import cohen_kappa_score

from tests import ROOT
from tests.grading.test_regrade import LAB, choose, mark, marked, pretend, read, task, with_answer
from tests.tools.jupyter_browser import chromium
from tflite_course import journal
from tflite_course.errors import CourseError
from tflite_course.grading import exercise_marks as marks
from tflite_course.grading import lab_changes, records, regrade
from tflite_course.grading.desk import agreement, server, texts
from tflite_course.grading.desk.model import SAMPLE, Desk
from tflite_course.targets.browser import NoBrowser

pytestmark = pytest.mark.xdist_group("grading")
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
PICTURES = ROOT / "tests" / "artefacts" / "desk"


def journal_of(name, more=""):
    sections = journal.split_markdown((ROOT / "assets" / "journals" / f"{name}.md").read_text(encoding="utf-8"))
    sections = {key: text for key, text in sections.items() if key in journal.SECTIONS}
    return with_answer(read("solutions", "journal"), **(sections | {"conclusion": sections["conclusion"] + more}))


def make_class(work, students):
    work.mkdir()
    lab_changes.renew(work, [LAB, "journal"])
    for k in range(students):
        text = journal_of(("weak", "fair", "strong")[k % 3], f"\n\nOf student {k}. {HOSTILE * (k == 1)}")
        pretend(work, task(work, text, f"s{k:02d}", "journal"))
    pretend(work, task(work, with_answer(read(), explain="Nobody is wrong."), "s00"))
    return work


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    return make_class(tmp_path_factory.mktemp("desk") / "work", 6)


@pytest.fixture
def work(graded, tmp_path):
    return shutil.copytree(graded, tmp_path / "work")


def place(desk, number, student):
    return desk.tasks[number]["students"].index(student)


# --- agreement


def test_weighted_kappa_is_that_of_scikit_learn():
    rng = random.Random(3)
    for _ in range(20):
        one = [rng.randrange(5) for _ in range(40)]
        two = [min(4, max(0, mark + rng.choice((-1, 0, 0, 0, 1)))) for mark in one]
        expected = cohen_kappa_score(one, two, weights="quadratic", labels=range(5))
        assert agreement.weighted_kappa(list(zip(one, two, strict=True))) == pytest.approx(expected)


def test_agreement_that_says_nothing():
    assert agreement.compare([]) == {"pairs": 0, "exact": None, "kappa": None}
    assert agreement.compare([(3, 3)] * 20) == {"pairs": 20, "exact": 1.0, "kappa": None}
    assert agreement.compare([(1, 2)] * 9)["kappa"] is None
    assert agreement.weighted_kappa([(k % 5, k % 5) for k in range(20)]) == 1.0
    assert agreement.weighted_kappa([(k % 2, 1 - k % 2) for k in range(20)]) == -1.0


# --- marks


def test_samples_come_first_and_show_our_mark_afterwards(work):
    desk = Desk(work)
    assert desk.tasks[0]["students"][:3] == [SAMPLE + name for name in ("weak", "fair", "strong")]
    before = desk.item(0, 1)
    assert before["sample"] and before["others"] == [] and "fair" not in before["label"]
    after = desk.mark(0, 1, 2)
    assert after["others"] == [{"marker": "the course", "points": 3, "remark": after["others"][0]["remark"]}]
    assert [(r["marker"], r["pairs"], r["exact"]) for r in desk.agreement() if r["task"] is None] == [
        ("the course, samples", 1, 0.0)
    ]
    assert all(m.manual is None for m in marks.read(work) if m.lab == "journal")  # samples are not of the class
    assert desk.tasks[-1]["lab"] == LAB and not desk.tasks[-1]["students"][0].startswith(SAMPLE)


def test_a_mark_reaches_the_gradebook_and_the_log(work):
    desk = Desk(work, "anna")
    desk.mark(0, place(desk, 0, "s02"), 3, "Which noise?")
    assert marked(work, "rubric-evidence", "s02", "journal") == (3.0, False, "Which noise?", None)
    record = records.read(work, "journal", "s02")
    entries = [
        (e["by"], e["exercise"], e["old"], e["new"], e["remark"]) for e in record["history"] if e["by"] == "anna"
    ]
    assert entries == [("anna", "rubric-evidence", None, 3.0, "Which noise?")]
    regrade.synchronize(work)
    assert len(records.read(work, "journal", "s02")["history"]) == len(record["history"])  # it is not logged twice
    desk.unmark(0, place(desk, 0, "s02"))
    assert marked(work, "rubric-evidence", "s02", "journal") == (None, True, None, None)
    desk.mark(0, place(desk, 0, "s02"), 2.5)
    assert Desk(work, "anna").overview()[0]["marks"][place(desk, 0, "s02")] == 2.5


def test_written_answers_of_labs(work):
    desk = Desk(work, labs=[LAB])
    (one,) = desk.tasks
    assert (one["exercise"], one["most"], one["title"]) == ("explain", 3.0, "Question 8. In your own words")
    item = desk.item(0, 0)
    assert item["parts"][0] == ("Answer", "<p>Nobody is wrong.</p>\n")
    assert "One point for three measured counts" in desk.task(0)["scheme"]
    desk.mark(0, 0, 1)
    assert marked(work, "explain", "s00")[:2] == (1.0, False)


@pytest.mark.parametrize("points", [5, -1, float("nan"), float("inf"), "3", None, True])
def test_points_outside_the_scale_are_refused(work, points):
    desk = Desk(work)
    with pytest.raises(CourseError, match="outside the scale|are a number"):
        desk.mark(0, 4, points)
    assert all(m.manual is None for m in marks.read(work))


def test_two_markers(work):
    anna, ben = Desk(work, "anna"), Desk(work, "ben")
    where = place(anna, 0, "s02")
    anna.mark(0, where, 3, "Good.")
    assert ben.item(0, where)["points"] is None and ben.item(0, where)["others"] == []  # he marks without seeing hers
    assert ben.overview()[0]["marks"][where] is None
    seen = ben.mark(0, where, 1, "No band.")
    assert seen["others"] == [{"marker": "anna", "points": 3.0, "remark": "Good.", "counts": True}]
    assert marked(work, "rubric-evidence", "s02", "journal")[0] == 3.0  # hers was the first
    for k, name in enumerate(("s00", "s01", "s03", "s04")):
        anna.mark(0, place(anna, 0, name), k)
        ben.mark(0, place(ben, 0, name), k)
    row = next(r for r in ben.agreement() if r["task"] == 0)
    assert (row["marker"], row["pairs"], row["exact"], row["kappa"]) == ("anna", 5, 0.8, None)
    ben.mark(0, where, 1, "No band.", settle=True)
    assert marked(work, "rubric-evidence", "s02", "journal")[:3] == (1.0, False, "No band.")
    assert records.read(work, "journal", "s02")["history"][-1]["reason"] == "counts instead of anna's"
    anna.mark(0, where, 2)
    assert marked(work, "rubric-evidence", "s02", "journal")[0] == 1.0


def test_a_mark_of_an_earlier_answer_does_not_count(work):
    desk = Desk(work, "anna")
    where = place(desk, 0, "s02")
    desk.mark(0, where, 3, "Good.")
    chosen, _ = choose(work, task(work, journal_of("strong", "\n\nOnce more."), "s02", "journal"))
    pretend(work, chosen[0])
    assert marked(work, "rubric-evidence", "s02", "journal")[:2] == (None, True)
    item = Desk(work, "anna").item(0, where)
    assert item["points"] is None and "marked before the answer changed: 3 (Good.)" in item["lines"]


def test_marks_of_formgrader_are_shown_and_can_be_changed(work):
    mark(work, "rubric-clarity", 2.0, "Short.", "s02", "journal")
    desk = Desk(work)
    number = [t["exercise"] for t in desk.tasks].index("rubric-clarity")
    item = desk.item(number, place(desk, number, "s02"))
    assert (item["points"], item["remark"]) == (2.0, "Short.")
    desk.mark(number, place(desk, number, "s02"), 4, "Longer.")
    assert marked(work, "rubric-clarity", "s02", "journal")[:3] == (4.0, False, "Longer.")


def test_names_are_off_until_they_are_asked_for(work):
    desk = Desk(work)
    for k in range(3, 9):
        item = desk.item(0, k)
        assert item["label"] == f"Answer {k - 2}"
        assert not re.search(r"\bs0\d\b", json.dumps(item["lines"])), item["lines"]
    assert desk.item(0, 4, names=True)["label"] == desk.tasks[0]["students"][4]
    assert any("near duplicates: Answer" in line for k in range(3, 9) for line in desk.item(0, k)["lines"])


def test_the_bank(work):
    desk = Desk(work)
    assert desk.bank() == []
    desk.keep_remark(" Which noise? ")
    assert Desk(work, "ben").keep_remark("Which noise?") == ["Which noise?"]
    (work / "desk" / "remarks.json").write_text("{")
    with pytest.raises(CourseError, match="remarks.json is damaged"):
        desk.bank()


@pytest.mark.parametrize("marker", ["", "../x", "a/b", "x" * 41, ".hidden"])
def test_a_bad_name_of_a_marker(work, marker):
    with pytest.raises(CourseError, match="is not a name"):
        Desk(work, marker)


def test_nothing_to_mark_is_one_sentence(tmp_path):
    with pytest.raises(CourseError, match="nothing to mark by hand in work"):
        Desk(tmp_path / "work")
    with pytest.raises(SystemExit, match="nothing to mark by hand"):
        server.main(["--work", str(tmp_path)])


# --- texts


@pytest.mark.parametrize(
    "source",
    [
        HOSTILE,
        "[x](javascript:alert(1))",
        "<iframe src='https://example.org'></iframe>",
        "<style>*{display:none}</style>",
        "<p style='position:fixed' id='levels' class='x'>a</p>",
        "<svg onload=alert(1)>",
        "<form action=x><input></form>",
        "<meta http-equiv=refresh content='0;url=//x'>",
    ],
)
def test_texts_are_cleaned(source):
    shown = texts.as_html(source)
    assert not re.search(r"<(script|iframe|style|svg|form|input|meta|img)|javascript:|\son\w+=|style=| id=", shown)


def test_attached_pictures_are_shown_and_nothing_else_is():
    picture = {"a.png": {"image/png": "iVBORw0KGgo="}, "b.svg": {"image/svg+xml": "<svg/>"}, "c": {"image/png": '"x'}}
    assert "data:image/png;base64,iVBORw0KGgo=" in texts.as_html("![a](attachment:a.png)", picture)
    for name in ("b.svg", "c", "gone"):
        assert "base64" not in texts.as_html(f"![a](attachment:{name})", picture)


def test_damaged_submissions_are_shown_empty(work):
    for kind in ("submitted", "autograded"):
        (work / kind / "s02" / "journal" / "journal.ipynb").write_text("{")
    desk = Desk(work)
    assert desk.item(0, place(desk, 0, "s02"))["parts"] == []


# --- the server


@contextlib.contextmanager
def serving(work, *options):
    """Start the desk as a person does; yield its address."""
    command = [sys.executable, "-u", "-m", "tflite_course.grading", "desk", "--work", work, "--no-browser", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)
    try:
        line = process.stdout.readline()
        assert "http://127.0.0.1:" in line, line + process.stdout.read()
        yield line.split()[-1]
    finally:
        process.terminate()
        process.communicate(timeout=30)


def ask(address, content=None, **headers):
    """Return (status, headers, text) of a request."""
    headers = {"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
    request = urllib.request.Request(address, content, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, reply.headers, reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


def test_only_the_marker_reaches_the_desk(work):
    with serving(work) as address:
        base, token = address.rstrip("/").rsplit("/", 1)
        status, headers, text = ask(address)
        assert status == 200 and len(token) >= 32
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert "<script src=" in text and "onclick" not in text and "style=" not in text
        assert ask(f"{address}call/overview", b"{}")[0] == 200
        for wrong in (f"{base}/", f"{base}/{'x' * len(token)}/", f"{base}/x/call/overview"):
            assert ask(wrong, b"{}" if "call" in wrong else None)[0] == 403
        assert ask(f"{address}call/overview", b"{}", Origin="https://example.org")[0] == 403
        assert ask(f"{address}call/overview", b"{}", Host="example.org")[0] == 403
        assert ask(f"{address}call/mark", b"{}", Content_Type="text/plain")[0] == 415  # what a foreign form can send
        for content in (b"[", b'{"task": 99, "place": 0, "points": 1}', b'{"x": 1}', b"[1]", b"3"):
            assert ask(f"{address}call/mark", content)[0] == 400
        status, _, text = ask(f"{address}call/mark", b'{"task": 0, "place": 3, "points": 9}')
        assert status == 200 and "outside the scale" in json.loads(text)["error"]
        assert ask(f"{address}server.py")[0] in (403, 404) and ask(f"{address}../desk.py")[0] in (403, 404)
    assert all(m.manual is None for m in marks.read(work))


# --- in a browser, with the keyboard alone

COUNTER = """
  window.pressed = 0; window.clicked = 0;
  for (const [kind, name] of [["keydown", "pressed"], ["pointerdown", "clicked"]])
    document.addEventListener(kind, () => window[name] += 1, true);
"""


@pytest.fixture(scope="module")
def browser():
    with contextlib.ExitStack() as stack:
        try:
            yield stack.enter_context(chromium())
        except NoBrowser as error:
            pytest.skip(str(error))


class Page:
    """The desk in a browser, for the keyboard: `errors` holds what it wrote to its console."""

    def __init__(self, browser, address, **options):
        self.context = browser.new_context(viewport={"width": 1300, "height": 850}, **options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.errors = []
        self.page.on("console", lambda message: self.errors.append(message.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.add_init_script(COUNTER)
        self.page.goto(address)
        self.at(0, 0)

    def at(self, number, place):
        self.page.wait_for_function("at => document.body.dataset.ready === at", arg=f"{number} {place}")

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def says(self, text):
        self.page.wait_for_function("text => document.getElementById('message').textContent.includes(text)", arg=text)

    def text(self, name):
        return self.page.locator(f"#{name}").inner_text()


def test_marking_with_the_keyboard(work, browser):
    with serving(work, "--marker", "anna") as address:
        desk = Page(browser, address)
        assert "Evidence" in desk.text("title") and "criterion 1 of 6: 0 of 9 marked" in desk.text("progress")
        desk.press("2")
        desk.says("Compare with the mark of the course")
        assert "the course: 1" in desk.text("others") and "2 of 4" in desk.text("points")
        desk.press("j", "3", "j", "4", "j")
        desk.at(0, 3)
        desk.press("c")
        desk.page.keyboard.type("Which number shows it? j4")  # keys in the remark are letters
        desk.press("Escape", "b")
        desk.says("in the bank")
        desk.press("3")
        desk.at(0, 4)
        desk.press("/", "1", "2")  # the first remark of the bank, then two points
        desk.at(0, 5)
        desk.press("/")
        desk.page.keyboard.type("number")
        desk.press("Enter", ".")
        desk.page.keyboard.type("1,5")
        desk.press("Enter")
        desk.at(0, 6)
        desk.press("u")
        desk.says("taken back")
        desk.at(0, 5)
        assert desk.text("remarks").split(maxsplit=1) == ["a", "Which number shows it? j4"]
        desk.press("a", "a", "d", "0", "4", "4", "4")  # faster than the server answers
        desk.at(1, 0)
        desk.says("Next: Diagnosis")
        assert desk.page.evaluate("window.clicked") == 0
        assert desk.page.title() == "Marking desk" and desk.errors == []
        desk.context.close()
    order = Desk(work, "anna").tasks[0]["students"]
    given = {m.student: (m.manual, m.remark) for m in marks.read(work, "journal") if m.exercise == "rubric-evidence"}
    remark = "Which number shows it? j4"
    assert [given[s] for s in order[3:]] == [(3.0, remark), (2.0, remark), (0.0, remark)] + [(4.0, None)] * 3


@pytest.mark.slow
def test_a_remark_by_one_key(work, browser):
    """A letter puts a remark of the bank, and takes it out again; on a marked answer that is saved at once."""
    for text in ("Which number shows it?", "Name the cause."):
        Desk(work).keep_remark(text)
    with serving(work, "--labs", "journal", "--no-samples") as address:
        desk = Page(browser, address)
        desk.press("d", "a", "d", "d", "1")
        desk.at(0, 1)
        desk.press("f")
        desk.says("There is no such remark.")
        desk.press("3", "k", "k", "d")
        desk.at(0, 0)
        desk.says("The remark is saved.")
        assert desk.page.evaluate("window.clicked") == 0 and desk.errors == []
        desk.context.close()
    order = Desk(work, labs=["journal"], samples=False).tasks[0]["students"]
    assert marked(work, "rubric-evidence", order[0], "journal")[:3] == (1.0, False, "Which number shows it?")
    assert marked(work, "rubric-evidence", order[1], "journal")[:3] == (3.0, False, None)


def test_a_script_of_a_student_does_not_run(work, browser):
    with serving(work) as address:
        desk = Page(browser, address)
        where = place(Desk(work), 0, "s01")
        for k in range(where):
            desk.press("j")
            desk.at(0, k + 1)
        assert "Of student 1." in desk.text("parts")
        assert desk.page.title() == "Marking desk" and not desk.page.locator("#parts script, #parts [onerror]").count()
        script = (
            "const s = document.createElement('script'); s.textContent = 'document.title = 1'; document.body.append(s)"
        )
        desk.page.evaluate(f"() => {{ {script} }}")
        assert len(desk.errors) == 1 and "Content Security Policy" in desk.errors[0]
        assert desk.page.title() == "Marking desk"
        desk.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(work, browser, scheme):
    Desk(work, "ben").mark(0, 3, 2, "Good.")
    Desk(work).keep_remark("Which number shows it?")
    with serving(work, "--marker", "anna") as address:
        desk = Page(browser, address, bypass_csp=True, color_scheme=scheme)
        desk.press("j", "j", "j")
        desk.at(0, 3)
        desk.press("3", "k")
        desk.page.wait_for_function("document.getElementById('points').textContent === '3 of 4'")
        assert "ben: 2. Good. (counts)" in desk.text("others") and "ben, this criterion: 0 %" in desk.text("agreement")
        PICTURES.mkdir(parents=True, exist_ok=True)
        for name, keys in (("marked", ()), ("bank", ("/",)), ("points", ("Escape", ".")), ("open", ("Escape", "]"))):
            desk.press(*keys)
            if name == "open":
                desk.at(1, 0)
            found = Axe().run(desk.page).response
            assert [(v["id"], [node["html"] for node in v["nodes"]]) for v in found["violations"]] == []
            assert len(found["passes"]) > 15
            desk.page.screenshot(path=PICTURES / f"{scheme}-{name}.png")
        desk.context.close()


@pytest.mark.slow
def test_a_desk_that_was_closed_says_so(work, browser):
    with serving(work) as address:
        desk = Page(browser, address)
    desk.press("3")
    desk.says("does not answer: is it still running? Nothing was saved.")
    desk.context.close()


@pytest.mark.slow
def test_the_desk_needs_a_third_of_the_actions(tmp_path, browser):
    """Six journals; `python -m tests.benchmarks.marking` counts sixty."""
    from tests.benchmarks import marking

    found = marking.compare(browser, make_class(tmp_path / "work", 6))
    assert found["desk"]["clicks"] == 0 and found["marks"] == 30 and found["formgrader"]["clicks"] >= 3 * 6
    assert found["desk"]["keys"] <= found["all"] / 3 + 8 * 55  # the bank of six journals is typed, too
