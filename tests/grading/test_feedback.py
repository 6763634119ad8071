"""Feedback: what a student reads, and that nothing in it runs, loads or is cut."""

import copy
import errno
import html
import json
import os
import re

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from nbgrader.api import Gradebook

from tests import ROOT
from tests.tools.jupyter_browser import chromium, jupyter
from tflite_course import journal
from tflite_course.errors import CourseError
from tflite_course.grading import (
    clean_html,
    feedback,
    grade,
    gradebook,
    marking_pages,
    outputs,
    page,
    pieces,
    read,
    repair,
)
from tflite_course.grading.pieces import grade_id
from tflite_course.targets.browser import NoBrowser

# nbgrader's use of SQLAlchemy, for every row
pytestmark = [pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning"), pytest.mark.xdist_group("feedback")]
LAB, JOURNAL = "lab_9_microcontroller", "journal"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
FOREIGN = "http://127.0.0.1:9/foreign.png"
PANDAS = (
    '<div><style scoped>.dataframe{color:red}</style><table border="1" class="dataframe"><thead><tr style="x"><th></th>'
    "<th>bytes</th></tr></thead><tbody><tr><th>0</th><td>62712</td></tr></tbody></table></div>"
)
PRINTED = "\n\x1b[31mred\x1b[0m\nstep 1\rstep 2\nseed=4832\n"
RUNS = r"<(script|iframe|object|embed|link|style|svg|video|audio|meta|base|form|input|source)"
HOSTILE = [
    "<script>document.title='owned'</script>",
    f"<img src=\"{FOREIGN}\" onerror=\"document.title='owned'\">",
    f"![x]({FOREIGN})",
    "<img src=x onerror=\"document.title='owned'\">",
    "<svg onload=\"document.title='owned'\"><script>document.title='owned'</script></svg>",
    f'<iframe src="{FOREIGN}"></iframe><object data="{FOREIGN}"></object><embed src="{FOREIGN}">',
    f'<link rel="stylesheet" href="{FOREIGN}"><style>body{{background:url({FOREIGN})}}</style>',
    f'<p style="background:url({FOREIGN})">x</p><table background="{FOREIGN}"><tr><td>x</td></tr></table>',
    f'<video src="{FOREIGN}" poster="{FOREIGN}"></video><audio src="{FOREIGN}"></audio>',
    f'<meta http-equiv="refresh" content="0;url={FOREIGN}"><base href="{FOREIGN}">',
    f'<form action="{FOREIGN}"><input autofocus onfocus="document.title=1"></form>',
    "<a href=\"javascript:document.title='owned'\">x</a> [y](javascript:document.title='owned')",
    "<a href=\"data:text/html,<script>alert(1)</script>\">z</a>",
    f"<img srcset=\"{FOREIGN} 2x\"><picture><source srcset=\"{FOREIGN}\"></picture>",
    "</main></body><script>document.title='owned'</script>",
]  # fmt: skip


def load(kind, lab):
    return nbformat.read(ROOT / kind / lab / f"{lab}.ipynb", as_version=4)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A work folder with the gradebook of two labs, in which nobody has handed in anything yet."""
    folder = tmp_path_factory.mktemp("feedback") / "work"
    folder.mkdir()
    grade.prepare(folder, [LAB, JOURNAL])
    feedback.write_formgrader_settings(folder)
    return folder


def graded(lab, source="solutions"):
    """Return a notebook as the grading leaves it: each check ran twice, and prints what checks print."""
    released, submitted = load("labs", lab), copy.deepcopy(load("labs", lab))
    solution = load(source, lab).cells
    answers = {grade_id(cell): cell.source for cell in solution if pieces.is_answer(cell)}
    tasks = {grade_id(cell): cell.source for cell in solution if cell.metadata.get("nbgrader", {}).get("task")}
    for cell in submitted.cells:
        cell.source = answers.get(grade_id(cell), cell.source)
    notebook, _ = repair.repair(read.read(json.dumps(submitted))[0], released)
    for cell in notebook.cells:
        data = cell.metadata.get("nbgrader", {})
        cell.source = tasks.get(grade_id(cell), cell.source)  # nbgrader puts the levels back
        if data.get("grade") and cell.cell_type == "code":
            right = f"Tested: {grade_id(cell)} as in the lab\nRight. {data.points} of {data.points} points.\n"
            text = right + right.replace("as in the lab", "with other inputs")
            cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)]
    return notebook


def store(work, lab, student, notebook, scores):
    """Write what the grading writes: the notebook that was run, and the points; None waits for a person."""
    path = work / "autograded" / student / lab / f"{lab}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    outputs.clean_graded(path, work / "source" / lab / f"{lab}.ipynb")
    with Gradebook(gradebook.database(work), gradebook.COURSE_ID) as book:
        book.update_or_create_student(student)
        for part in book.update_or_create_submission(lab, student).notebooks:
            for row in part.grades:
                row.auto_score = scores.get(row.name, row.max_score)
                row.needs_manual_grade = row.auto_score is None
        book.db.commit()


def mark(work, lab, student, name, points, remark):
    with Gradebook(gradebook.database(work), gradebook.COURSE_ID) as book:
        row = book.find_grade(name, lab, lab, student)
        row.manual_score, row.needs_manual_grade = points, False
        book.find_comment(name, lab, lab, student).manual_comment = remark
        book.db.commit()


def text_of(made):
    """Return the words of a page."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", made, flags=re.S)))


def wrong(notebook, name, lines):
    """Let a check say something else in its last run."""
    cell = next(c for c in notebook.cells if grade_id(c) == name)
    first = cell.outputs[0].text.split("Tested: ")[1]
    cell.outputs[0].text = f"Tested: {first}Tested: other inputs\n{lines}\n"
    return cell


@pytest.fixture(scope="module")
def ada(work):
    """The page of a student with one wrong and one half-right answer, a picture, and a question that waits."""
    notebook = graded(LAB)
    wrong(
        notebook,
        "check_fits",
        "Why it matters: x\nNot yet: with 20,000 bytes your function returns None.\n0 of 2 points.",
    )
    wrong(notebook, "check_dense", "Why it matters: x\nSo far: the shape is right.\n1 of 3 points.")
    explain = next(c for c in notebook.cells if grade_id(c) == "explain")
    explain.source = "## My heading\n\n![a plot](attachment:my%20plot.png)\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    explain["attachments"] = {"my plot.png": {"image/png": PIXEL}}
    own = nbformat.v4.new_code_cell("table  # " + "long " * 60, id="own")
    own.outputs = [
        nbformat.v4.new_output("display_data", {"text/html": PANDAS, "text/plain": "x"}),
        nbformat.v4.new_output(
            "stream", name="stdout", text="x" * 3000 + "\n\x1b[31mred\x1b[0m\nstep 1\rstep 2\nseed=4832\n"
        ),
        nbformat.v4.new_output("display_data", {"image/png": PIXEL}),
        nbformat.v4.new_output("display_data", {"image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg'/>"}),
        nbformat.v4.new_output("error", ename="NameError", evalue="<b>x</b>", traceback=["seed=4832"]),
    ]
    notebook.cells.insert(5, own)
    store(work, LAB, "ada", notebook, {"check_fits": 0.0, "check_dense": 1.0, "explain": None})
    return feedback.feedback(work, LAB, "ada")


@pytest.fixture(scope="module")
def browser():
    try:
        with chromium() as found:
            yield found
    except NoBrowser as error:
        pytest.skip(str(error))


# --- what it says


def test_the_head_says_what_is_marked_and_what_waits(ada):
    said = text_of(ada.read_text(encoding="utf-8"))
    assert "Lab 9. A microcontroller Feedback for ada 12 of 16 by checks, 3 still to be marked by a person." in said
    assert (
        "Exercise 3. Does it fit? 0 of 2 no points yet Not yet: with 20,000 bytes your function returns None." in said
    )
    assert "Exercise 7. A dense layer 1 of 3 a part of the points So far: the shape is right." in said
    assert "Exercise 1. A model as a C array 2 of 2 all points Right." in said
    assert "Question 8. In your own words – of 3 waits for a person A person reads it." in said


def test_each_row_leads_to_its_exercise(ada):
    made = ada.read_text(encoding="utf-8")
    targets = re.findall(r'<th scope="row"><a href="#([\w-]+)"', made)
    assert len(targets) == 8 and all(f'id="{target}"' in made for target in targets)


def test_each_check_is_shown_once(ada):
    said = text_of(ada.read_text(encoding="utf-8"))
    assert said.count("Tested: ") == 7 and "as in the lab" not in said and "check(" not in said


def test_no_secret_is_shown(ada, work):
    made = ada.read_text(encoding="utf-8")
    assert "seed=4832" not in made and "HIDDEN" not in made and "seed=..." in made
    assert "For the marker" not in made and "One point for" not in made


def test_tables_are_tables(ada):
    made = ada.read_text(encoding="utf-8")
    assert "<th>bytes</th>" in made and "<td>62712</td>" in made and "dataframe{" not in made
    assert re.search(r"<th>a</th>\s*<th>b</th>", made) and "&lt;th" not in made


def test_what_was_printed_over_and_coloured(ada):
    made = ada.read_text(encoding="utf-8")
    assert "red\nstep 2\n" in made and "step 1" not in made and "\x1b" not in made
    assert "NameError: &lt;b&gt;x&lt;/b&gt;" in made


def test_marks_by_hand_are_said(work):
    store(work, LAB, "bea", graded(LAB), {"explain": None})
    mark(work, LAB, "bea", "explain", 2.0, "Which number is the *median*?")
    said = text_of(feedback.feedback(work, LAB, "bea").read_text(encoding="utf-8"))
    assert "18 of 19 points: 16 of 16 by checks, 2 of 3 by a person." in said
    assert "2 of 3 a part of the points Which number is the *median*?" in said
    assert "From the person who marked it: Which number is the median ?" in said


def test_a_journal_that_waits_does_not_read_as_a_failure(work):
    notebook = graded(JOURNAL)
    table = journal.EvidenceTable([ENTRY])._repr_mimebundle_()
    cell = next(c for c in notebook.cells if grade_id(c) == "evidence")
    cell.outputs = [nbformat.v4.new_output("execute_result", table, execution_count=1)]
    rubric = {grade_id(c) for c in notebook.cells if c.metadata.get("nbgrader", {}).get("task")}
    store(work, JOURNAL, "ada", notebook, dict.fromkeys(rubric))
    made = feedback.feedback(work, JOURNAL, "ada").read_text(encoding="utf-8")
    said = text_of(made)
    assert "Feedback for ada 20 still to be marked by a person. Exercises" in said
    assert "Evidence – of 4 waits for a person" in said and "0.0" not in said.split("Your notebook")[0]
    assert "<caption>Evidence: what was measured</caption>" in made and '<th scope="col">bytes</th>' in made
    assert "MARK SCHEME" not in made and "Levels" in said


ENTRY = {
    **{"name": "int8", "date": "2026-11-20T10:00:00+00:00", "versions": {"python": "3.11.7"}, "machine": "a laptop"},
    "values": {"accuracy": 0.983, "bytes": 62712},
}


def test_the_marker_sees_what_the_points_are_for(ada, work):
    notebook = nbformat.read(work / "autograded" / "ada" / LAB / f"{LAB}.ipynb", as_version=4)
    place = next(k for k, c in enumerate(notebook.cells) if grade_id(c) == "explain")
    scheme = notebook.cells[place + 1]
    assert scheme.source.startswith("**For the marker") and "One point for three measured counts" in scheme.source
    assert not any("MARK SCHEME" in cell.source for cell in notebook.cells)


# --- one that cannot be made stops no other


@pytest.mark.parametrize("how", ["no notebook", "no JSON", "no cells", "the page fails", "not in the gradebook"])
def test_a_page_that_cannot_be_made_is_a_plain_one(work, how, monkeypatch):
    student = how.replace(" ", "-")
    path = work / "autograded" / student / LAB / f"{LAB}.ipynb"
    if how != "not in the gradebook":
        store(work, LAB, student, graded(LAB), {"explain": None})
    if how == "no notebook":
        path.unlink()
    elif how == "no JSON":
        path.write_text("{")
    elif how == "no cells":
        path.write_text('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}')
    elif how == "the page fails":
        monkeypatch.setattr(page, "_cells", lambda *_: 1 / 0)
    made = feedback.feedback(work, LAB, student).read_text(encoding="utf-8")
    said = text_of(made)
    assert f"Feedback for {student}" in said and clean_html.POLICY in html.unescape(made)
    if how == "not in the gradebook":
        assert "Nothing could be graded." in said and "the submission was not graded" in said
    else:
        assert "16 of 16 by checks, 3 still to be marked by a person." in said and "cannot be shown here" in said


def test_a_full_disk_leaves_the_page_that_was_there(work, ada, monkeypatch):
    before = ada.read_text(encoding="utf-8")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(feedback.os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        feedback.feedback(work, LAB, "ada")
    assert ada.read_text(encoding="utf-8") == before
    assert [path.name for path in ada.parent.iterdir()] == [ada.name], "no part of a file"


def test_a_page_that_the_disk_does_not_take_stops_no_other(work, ada):
    blocked = work / "feedback" / "bob"
    blocked.write_text("a file where a folder should be")
    pairs = [(LAB, "bob"), (LAB, "ada")]
    ada.unlink()
    (said,) = feedback.write_pages(work, pairs)
    assert said.startswith(f"bob {LAB}: the feedback page cannot be written (") and ada.is_file()
    blocked.unlink()


def test_a_full_disk_is_said_once(work, ada, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(feedback.os, "replace", full)
    with pytest.raises(CourseError, match="The disk is full, at the feedback for ada: make room"):
        list(feedback.write_pages(work, [(LAB, "ada"), (LAB, "bea")]))


@pytest.mark.parametrize("text", ["[" * 20_000, "x" * 10**6], ids=["brackets", "long"])
def test_a_text_that_would_take_minutes_is_shown_as_it_was_typed(text):
    assert clean_html.markdown(text).startswith(f"<pre>{text[:1000]}")


# --- nothing runs, nothing loads


@pytest.mark.parametrize("attack", range(len(HOSTILE)))
def test_cleaning_takes_out_what_runs_or_loads(attack):
    for found in (clean_html.clean(HOSTILE[attack]), clean_html.markdown(HOSTILE[attack])):
        assert not re.search(r'<(?!a )[^>]*="[^"]*foreign', found)
        assert not re.search(
            r"<(script|iframe|object|embed|link|style|svg|video|audio|meta|base|form|input|source)", found
        )
        assert not re.search(r"<[^>]*\s(on\w+|style|srcset|background|poster)\s*=", found)
        assert not re.search(r'href="(?:javascript|data):', found)


def test_cleaning_keeps_what_is_a_picture_of_ones_own():
    found = clean_html.markdown("![p](attachment:a.png) ![q](<attachment:b c.png>) ![r](attachment:gone.png)", {
        "a.png": {"image/png": PIXEL}, "b c.png": {"image/jpeg": PIXEL},
    })  # fmt: skip
    assert found.count("data:image/png;base64,") == 1 and found.count("data:image/jpeg;base64,") == 1
    assert clean_html.ELSEWHERE in found


@pytest.fixture(scope="module")
def hostile(work):
    notebook = graded(LAB)
    own = nbformat.v4.new_code_cell("x", id="own")
    own.outputs = [nbformat.v4.new_output("display_data", {"text/html": found}) for found in HOSTILE]
    own.outputs += [nbformat.v4.new_output("display_data", {"text/markdown": found}) for found in HOSTILE]
    own.outputs.append(nbformat.v4.new_output("display_data", {"application/javascript": "document.title='owned'"}))
    bad = {"image/png": {"width": "1 onerror=document.title='owned'"}}
    own.outputs.append(nbformat.v4.new_output("display_data", {"image/png": "AAAA"}, metadata=bad))
    notebook.cells.insert(5, own)
    next(c for c in notebook.cells if grade_id(c) == "explain").source = "\n\n".join(HOSTILE)
    store(work, LAB, "mallory", notebook, {"explain": None})
    return feedback.feedback(work, LAB, "mallory")


def open_page(browser, url):
    """Return (page, addresses that it asked for other than its own)."""
    opened, asked = browser.new_page(viewport={"width": 900, "height": 900}), []
    opened.on("request", lambda request: asked.append(request))
    opened.goto(url)
    return opened, sent(asked, url.split("#")[0])


def sent(requests, own):
    """Return the addresses outside to which a browser turned; what a policy stopped was never sent."""
    asked = [request for request in requests if not request.url.startswith(("data:", own))]
    return [request.url for request in asked if "csp" not in (request.failure or "").lower()]


def test_a_hostile_page_runs_and_loads_nothing(hostile, browser):
    opened, asked = open_page(browser, hostile.as_uri())
    assert opened.title() == "Lab 9. A microcontroller: feedback for mallory" and asked == []
    assert opened.locator("script, iframe, object, embed, video, form, [onerror], [onload]").count() == 0
    opened.close()


def test_the_policy_holds_where_cleaning_fails(ada, browser, tmp_path):
    """The same page with a script and a picture put in afterwards: the policy alone keeps them from anything."""
    path = tmp_path / "page.html"
    evil = f"<script>document.title='owned'</script><img src='{FOREIGN}' onerror=\"document.title='owned'\">"
    path.write_text(ada.read_text(encoding="utf-8").replace("</main>", evil + "</main>"), encoding="utf-8")
    opened, asked = open_page(browser, path.as_uri())
    assert opened.title() == "Lab 9. A microcontroller: feedback for ada" and asked == []
    opened.close()


# --- for everybody, on the screen and on paper


@pytest.mark.parametrize("which", ["ada", "hostile"])
def test_axe_finds_nothing(which, browser, request):
    context = browser.new_context(bypass_csp=True)  # axe is a script
    opened = context.new_page()
    opened.goto(request.getfixturevalue(which).as_uri())
    found = Axe().run(opened).response
    assert found["passes"] and [(v["id"], [n["html"] for n in v["nodes"]]) for v in found["violations"]] == []
    assert opened.locator("html").get_attribute("lang") == "en"
    context.close()


@pytest.mark.parametrize(("width", "media"), [(375, "screen"), (900, "screen"), (718, "print")])
def test_nothing_is_cut(ada, browser, width, media):
    """718 pixels are the width of A4 between its margins."""
    opened, _ = open_page(browser, ada.as_uri())
    opened.set_viewport_size({"width": width, "height": 900})
    opened.emulate_media(media=media)
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")
    cut = "all => all.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.outerHTML.slice(0, 200))"
    assert opened.locator("pre, table, td, th, div").evaluate_all(cut) == []
    opened.close()


def test_hints_look_as_if_they_open_and_do(ada, browser):
    opened, _ = open_page(browser, ada.as_uri())
    hint = opened.locator("details").first
    assert hint.locator("summary").evaluate("e => getComputedStyle(e).display") == "list-item"
    assert not hint.locator("code").first.is_visible()
    hint.locator("summary").click()
    assert hint.locator("code").first.is_visible()
    opened.close()


def test_states_are_told_apart_without_colour(ada, browser):
    opened, _ = open_page(browser, ada.as_uri())
    states = opened.locator("td.state").evaluate_all(
        "all => all.map(e => [e.innerText.trim(), e.querySelector('svg').innerHTML])"
    )
    words = {word for word, _ in states}
    assert words == {"all points", "no points yet", "a part of the points", "waits for a person"}
    assert len({drawn for _, drawn in states}) == len(words)
    opened.close()


def test_pictures_are_shown(ada, browser):
    opened, _ = open_page(browser, ada.as_uri())
    sizes = opened.locator("img").evaluate_all("all => all.filter(e => e.src.includes('png')).map(e => e.naturalWidth)")
    assert sizes == [1, 1] and opened.locator("img[alt='a plot']").count() == 1
    opened.close()


# --- nbgrader's own pages


def test_a_policy_allows_the_scripts_of_the_templates_only():
    own = '<script type="text/javascript">\nvar submission_id = "a1";\nvar notebook_id = "b";\n'
    own += 'var assignment_id = "b";\nvar base_url = "/x/formgrader";\n</script>'
    assert marking_pages.policy(own).count("sha256-") == 1
    for other in ("<script>alert(1)</script>", own.replace('"a1"', "alert(1)"), '<p onclick="alert(1)">'):
        assert (
            "sha256-" not in marking_pages.policy(other)
            and "unsafe" not in marking_pages.policy(other).split("style-src")[0]
        )
    assert "'unsafe-hashes'" in marking_pages.policy('<span onclick="toggle_name(true);">')


@pytest.fixture(scope="module", params=["cleaned", "not cleaned"])
def formgrader(work, hostile, browser, request):
    """nbgrader's pages with our settings, and once more with the cleaning taken out of them: the policy has to do.

    One thing it cannot do, and cleaning has to: keep a page from leading away.
    """
    feedback.write_formgrader_settings(work)
    path = work / "autograded" / "mallory" / LAB / f"{LAB}.ipynb"
    if request.param == "not cleaned":
        settings = work / "nbgrader_config.py"
        text = settings.read_text(encoding="utf-8")
        bare = text.replace("feedback.harden(gradebook.make_config(", "(gradebook.make_config(")
        settings.write_text(bare, encoding="utf-8")
        notebook = path.read_text(encoding="utf-8")
        assert bare != text and "refresh" in notebook
        path.write_text(notebook.replace("refresh", "x"), encoding="utf-8")
    with jupyter(folder=work) as server:
        opened = browser.new_page()
        opened.set_default_timeout(90_000)
        asked = []
        opened.on("request", lambda request: asked.append(request))
        opened.goto(f"{server.url}/lab?token={server.token}")
        yield server, opened, asked
        opened.close()


def test_nothing_of_a_submission_runs_in_the_marking_pages(work, formgrader):
    server, opened, asked = formgrader
    with Gradebook(gradebook.database(work), gradebook.COURSE_ID) as book:
        number = book.find_submission_notebook(LAB, LAB, "mallory").id
    asked.clear()
    answer = opened.goto(f"{server.url}/formgrader/submissions/{number}/?index=0", wait_until="domcontentloaded")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy and "'unsafe-inline'" not in policy.split("style-src")[0]
    opened.wait_for_function("document.querySelectorAll('input.score').length == 8")  # its own scripts run
    assert opened.title() == LAB
    assert sent(asked, server.url) == []
    assert "One point for three measured counts" in opened.locator("body").inner_text()
    again = opened.goto(f"{server.url}/formgrader/submissions/{number}/?index=0", wait_until="domcontentloaded")
    assert again.status == 200 and again.headers["content-security-policy"] == policy, "not one without its scripts"
