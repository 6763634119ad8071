"""The journal: what is recorded and never lost, its notebook, the samples, and the report for the marker."""

import copy
import csv
import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import numpy as np
import pytest

from tests import ROOT
from tests.grading.submissions import need_sandbox
from tests.tools.lessons import ON_TARGETS, number_of
from tflite_course import journal
from tflite_course.errors import CourseError
from tflite_course.grading import __main__ as command
from tflite_course.grading import claims, evidence, grade, journal_report, likeness

NANO = ROOT / "assets" / "models" / "mnist_nano_int8.tflite"
SAMPLES = ("weak", "fair", "strong")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def read(kind):
    return nbformat.read(ROOT / kind / "journal" / "journal.ipynb", as_version=4)


def entry(name="int8", date="2026-11-20T10:00:00+00:00", **values):
    values = values or {"accuracy": 0.983, "bytes": 62712, "p50": 80.125}
    return {"name": name, "date": date, "values": values, "versions": {"python": "3.11.7"}, "machine": "a laptop"}


def sample(name):
    text = (ROOT / "assets" / "journals" / f"{name}.md").read_text(encoding="utf-8")
    record = json.loads((ROOT / "assets" / "journals" / f"{name}.json").read_text(encoding="utf-8"))
    return text, record


# --- record


def test_record_measures_a_model():
    made = journal.record("nano", NANO, sparsity=np.float32(0.5), note="a try")
    stored = json.loads(NANO.with_name("mnist_nano.json").read_text(encoding="utf-8"))["int8"]
    values = made["values"]
    assert (values["bytes"], values["gzip"]) == (stored["bytes"], stored["gzip"])
    assert values["accuracy"] == pytest.approx(stored["test_accuracy"], abs=1e-9) and values["p50"] > 0
    assert (values["sparsity"], values["note"]) == (0.5, "a try")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", made["date"])
    assert made["machine"] and {"python", "ai-edge-litert"} <= set(made["versions"])
    assert journal.entries() == [made] == [journal.check_entry(made)]


def test_record_keeps_older_entries():
    for k in range(3):
        journal.record("again", accuracy=0.9 + k / 100)
    assert [e["values"]["accuracy"] for e in journal.entries()] == [0.9, 0.91, 0.92]
    assert len(journal.evidence_table().entries) == 1 and len(journal.evidence_table(every=True).entries) == 3
    assert {path.name for path in Path("work").iterdir()} == {"journal.json", ".journal.json.lock"}, "no part of a file"


def test_notebooks_that_record_at_once_lose_nothing():
    threads = [threading.Thread(target=journal.record, args=(f"t{k}",), kwargs={"x": k}) for k in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {e["values"]["x"] for e in journal.entries()} == set(range(12))


def test_a_stop_while_writing_keeps_the_old_file(monkeypatch):
    journal.record("first", x=1)
    monkeypatch.setattr(journal.os, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        journal.record("second", x=2)
    assert [e["name"] for e in journal.entries()] == ["first"]
    assert {path.name for path in Path("work").iterdir()} == {"journal.json", ".journal.json.lock"}


def test_a_lock_without_an_owner_stops_nobody():
    Path("work").mkdir()
    Path("work/.journal.json.lock").touch()
    journal.record("n", x=1)
    assert [e["name"] for e in journal.entries()] == ["n"]


def test_a_lock_is_never_taken_from_its_owner(monkeypatch):
    monkeypatch.setattr("tflite_course.locking.WAIT", 0.2)
    journal.record("n", x=1)
    with journal.locked(journal.FILE):
        for change in (lambda: journal.record("m", x=2), journal.delete):
            with pytest.raises(CourseError, match="Another notebook has been writing journal.json"):
                change()
    assert [e["name"] for e in journal.entries()] == ["n"]


@pytest.mark.parametrize(
    ("arguments", "values", "part"),
    [
        (("",), {"x": 1}, "one line of text"),
        (("a\nb",), {"x": 1}, "one line of text"),
        ((7,), {"x": 1}, "one line of text"),
        (("n" * 101,), {"x": 1}, "one line of text"),
        (("n",), {}, "nothing to record"),
        (("n",), {"accuracy": 98.3}, "divide a percentage by 100"),
        (("n",), {"accuracy": float("nan")}, "no measurement"),
        (("n",), {"x": 10**400}, "no measurement"),
        (("n",), {"bytes": -1}, "below zero"),
        (("n",), {"x": [1, 2]}, "single numbers"),
        (("n",), {"x": np.zeros(3)}, "single numbers"),
        (("n",), {"x": "two\nlines"}, "more than one line"),
        (("n", NANO), {"accuracy": 0.99}, "measured when a model is given"),
        (("n", "gone.tflite"), {}, "There is no file"),
        (("n", b"no model"), {}, "not a .tflite file"),
        (("n", object()), {}, "A model is a path"),
    ],
)
def test_record_refuses(arguments, values, part):
    with pytest.raises(CourseError, match=re.escape(part)):
        journal.record(*arguments, **values)
    assert not journal.files()


DAMAGED = ["", "{", "[]", '{"entries": 3}', '{"entries": [{"name": "x"}]}', '{"entries": [3]}', "[" * 100_000, "\x00"]


@pytest.mark.parametrize("text", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_file_is_refused_and_kept(text):
    Path("work").mkdir()
    Path("work/journal.json").write_text(text)
    for call in (lambda: journal.record("n", x=1), journal.entries, lambda: journal.delete("n")):
        with pytest.raises(CourseError, match="cannot be read .* rename it") as caught:
            call()
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 500
    assert Path("work/journal.json").read_text() == text
    assert journal.delete() == 0 and not journal.files()


def test_a_folder_that_cannot_be_written():
    Path("work").write_text("a file")
    with pytest.raises(CourseError, match="cannot be written"):
        journal.record("n", x=1)


def test_delete():
    for name in ("a", "b", "a"):
        journal.record(name, x=1)
    with pytest.raises(CourseError, match="no entry 'c'"):
        journal.delete("c")
    assert journal.delete("a") == 2 and [e["name"] for e in journal.entries()] == ["b"]
    assert journal.delete() == 1 and journal.entries() == [] and not journal.files()


def test_the_journal_finds_what_lessons_and_labs_recorded(tmp_path, monkeypatch):
    for folder in ("notebooks", "labs/journal", "labs/lab_3_quantize"):
        (tmp_path / folder).mkdir(parents=True)
        monkeypatch.chdir(tmp_path / folder)
        journal.record(folder, x=1)
    (tmp_path / "notebooks" / "work" / "kept.tflite").write_bytes(NANO.read_bytes())
    (tmp_path / "notebooks" / "work" / "broken.tflite").write_bytes(b"x")
    monkeypatch.chdir(tmp_path / "labs" / "journal")
    assert journal.record_models() == ["kept"]
    assert journal.record_models() == []
    assert {e["name"] for e in journal.entries()} == {"notebooks", "labs/journal", "labs/lab_3_quantize", "kept"}
    assert journal.delete() == 4 and journal.entries() == []


# --- the table, the empty fields, the export

NASTY = "<img src=x onerror=alert(1)> | `a` *b*"


def test_evidence_table_escapes():
    table = journal.EvidenceTable([entry(NASTY, accuracy=0.9937, bytes=222932, p50=77.26, note="<b>")])
    assert "222,932" in str(table) and "99.37%" in str(table) and "77.3 us" in str(table)
    for text in (table.html(), table.markdown()):
        assert "<img" not in text and "<b>" not in text
    row = table.markdown().splitlines()[2]
    assert len(re.findall(r"(?<!\\)\|", row)) == len(table.COLUMNS) + 1
    bundle = table._repr_mimebundle_()
    assert bundle[journal.MIME] == {"entries": table.entries, "guesses": []} and repr(table) == bundle["text/plain"]
    assert "Nothing is recorded" in str(journal.EvidenceTable([]))


def test_empty_fields():
    empty = journal.empty_fields({}, evidence=[])
    assert [line.split(":")[0] for line in empty] == [*journal.SECTIONS.values(), "Evidence"]
    texts = dict.fromkeys(journal.SECTIONS, "five words are enough here")
    assert journal.empty_fields(texts, evidence=[entry()]) == []
    assert journal.empty_fields(texts | {"learned": "..."}, evidence=[entry()]) == ["What I learned: no text"]
    assert journal.empty_fields(texts, evidence=[entry(accuracy=0.9)])[0] == "Evidence: no size is recorded"
    with pytest.raises(CourseError, match="no section 'x'"):
        journal.empty_fields({"x": ""})


def write(notebook, name="journal.ipynb"):
    nbformat.write(notebook, name)
    return name


def test_texts_are_found_without_metadata():
    _, record = sample("strong")
    for keep_ids in (True, False):
        notebook = read("solutions")
        for number, cell in enumerate(notebook.cells):
            cell.metadata = nbformat.NotebookNode()
            if not keep_ids:
                cell["id"] = f"x{number}"
        texts = journal.read_texts(notebook)
        assert texts == journal.read_texts(read("solutions"))
        assert journal.empty_fields(texts, evidence=record["evidence"]) == []


def test_cells_that_a_student_added_belong_to_the_section_above():
    notebook = read("labs")
    place = next(k for k, c in enumerate(notebook.cells) if c.metadata.get("nbgrader", {}).get("grade_id") == "learned")
    notebook.cells.insert(place + 1, nbformat.v4.new_markdown_cell("one two three four five"))
    assert journal.read_texts(notebook) == dict.fromkeys(journal.SECTIONS, "") | {"learned": "one two three four five"}


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"cells": 3}', '{"cells": [3]}'])
def test_a_notebook_that_cannot_be_read(text):
    if text is not None:
        Path("journal.ipynb").write_text(text)
    for call in (journal.empty_fields, lambda: journal.export("x.md")):
        with pytest.raises(CourseError, match="There is no notebook|is not a notebook"):
            call()
    assert not Path("x.md").exists()


def test_export():
    notebook = read("solutions")
    next(c for c in notebook.cells if c.id.endswith("conclusion")).source = f"{NASTY} [x](javascript:alert(1))"
    write(notebook)
    journal.record("int8", accuracy=0.9937, bytes=62712)
    text = journal.export("work/out.md").read_text(encoding="utf-8")
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == [
        *list(journal.SECTIONS.values())[:4],
        "Evidence",
        *list(journal.SECTIONS.values())[4:],
    ]
    page = journal.export(Path("out.html")).read_text(encoding="utf-8")
    assert "<table>" in page and "62,712" in page and "<img" not in page and "javascript:" not in page
    assert page.startswith('<!doctype html>\n<html lang="en">')
    for name in ("x.pdf", "journal.ipynb", "x"):
        with pytest.raises(CourseError, match="neither Markdown nor HTML"):
            journal.export(name)
    assert nbformat.read("journal.ipynb", as_version=4) == notebook


# --- the notebook and the samples


def test_the_notebook_is_well_formed():
    notebook = read("solutions")
    nbformat.validate(notebook)
    graded = {c.metadata.nbgrader.grade_id: c for c in notebook.cells if "nbgrader" in c.metadata}
    answers = [name for name, c in graded.items() if c.metadata.nbgrader.solution]
    assert answers == list(journal.SECTIONS)
    assert all(graded[name].metadata.nbgrader.grade and graded[name].metadata.nbgrader.points == 0 for name in answers)
    tasks = {name: c for name, c in graded.items() if c.metadata.nbgrader.task}
    assert list(tasks) == [f"rubric-{name}" for name in journal.CRITERIA]
    for cell in tasks.values():
        assert cell.metadata.nbgrader.points == 4 and cell.metadata.nbgrader.locked
        scheme = re.search(r"=== BEGIN MARK SCHEME ===(.*)=== END MARK SCHEME ===", cell.source, re.S)[1]
        assert re.findall(r"^- (\d): ", scheme, re.M) == list("01234")
    assert all(not c.get("outputs") and c.get("execution_count") is None for c in notebook.cells)
    released = {c.metadata.nbgrader.grade_id: c.source for c in read("labs").cells if "nbgrader" in c.metadata}
    assert all(released[name] == journal.STUB for name in answers)
    assert not any("- 0:" in released[name] for name in tasks)
    targets = next(c.source for c in notebook.cells if c.source.startswith("## Real-world deployment"))
    prompts = [int(number) for number in re.findall(r"^\| [^|]+ \| (\d+) \|", targets, re.M)]
    assert prompts == [number_of(lesson) for lesson in ON_TARGETS], "a prompt for each target"


def run(kind, folder):
    from nbclient import NotebookClient

    notebook = read(kind)
    write(notebook, folder / "journal.ipynb")
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
    return notebook


def printed(notebook, part):
    cell = next(c for c in notebook.cells if c.cell_type == "code" and part in c.source)
    return "".join(o.get("text", "") for o in cell.outputs)


def test_an_untouched_journal_runs(in_a_folder_of_its_own):
    notebook = run("labs", in_a_folder_of_its_own)  # raises at the first cell that fails
    assert printed(notebook, "empty_fields").splitlines() == journal.empty_fields({}, evidence=[])
    assert "(nothing is written here)" in Path("work/journal.html").read_text(encoding="utf-8")
    assert evidence.evidence_of(notebook) == []


def test_a_full_journal_runs_and_carries_its_evidence(in_a_folder_of_its_own):
    journal.record("nano", NANO)
    notebook = run("solutions", in_a_folder_of_its_own)
    assert printed(notebook, "empty_fields") == "Nothing is empty.\n"
    assert evidence.evidence_of(notebook) == journal.entries()


def test_the_model_answer_is_the_strong_sample():
    assert journal.read_texts(read("solutions")) == journal.split_markdown(sample("strong")[0])


@pytest.mark.parametrize("name", SAMPLES)
def test_samples(name):
    text, record = sample(name)
    assert list(record["marks"]) == list(journal.CRITERIA)
    for mark in record["marks"].values():
        assert mark["mark"] in range(5) and len(mark["reason"].split()) >= 10
    assert [journal.check_entry(e) for e in record["evidence"]] == record["evidence"]
    texts = journal.split_markdown(text)
    assert text == journal.to_markdown(texts, record["evidence"], title=f"A {name} journal, for calibration")
    contradictions, unsupported = claims.find_contradictions(texts, record["evidence"])
    assert (len(contradictions), unsupported) == ((1, []) if name == "weak" else (0, [])), contradictions


def test_samples_are_told_apart():
    totals = [sum(mark["mark"] for mark in sample(name)[1]["marks"].values()) for name in SAMPLES]
    assert totals == sorted(totals) and totals[0] <= 6 and 9 <= totals[1] <= 14 and totals[2] >= 17


def test_numbers_of_the_samples_are_the_courses():
    stored = [json.loads(p.read_text()) for p in (ROOT / "assets").glob("*/*.json") if p.parent.name != "journals"]
    known = set(re.findall(r"\d+(?:\.\d+)?", json.dumps(stored)))
    # lesson 03 measures the two inputs that are wrong
    lesson = (ROOT / "notebooks" / "03_run_the_interpreter.ipynb").read_text(encoding="utf-8")
    known |= {str(round(float(share) / 100, 4)) for share in re.findall(r"(\d+\.\d\d)%", lesson)}
    for name in SAMPLES:
        for e in sample(name)[1]["evidence"]:
            for key in ("bytes", "gzip", "accuracy"):
                if key in e["values"]:
                    assert str(e["values"][key]) in known, (name, e["name"], key)


# --- the report

SAYS = {  # text: (contradictions, unsupported) against an accuracy of 0.983, 62,712 bytes and 80.125 us
    "My accuracy is 99.9 %.": (1, 0),
    "My accuracy is 99,9 %.": (1, 0),
    "An accuracy of 98.3%, which rounds to 98 %.": (0, 0),
    "An accuracy of 98.30 percent.": (0, 0),
    "The accuracy was 0.983.": (0, 0),
    "The accuracy was 0.997.": (1, 0),
    "The accuracy fell by 8.6 %.": (0, 0),
    "The accuracy fell to 90 %.": (1, 0),
    "An accuracy of over 98 %.": (0, 0),
    "An accuracy of over 99 %.": (1, 0),
    "Accuracy with 80 % zeros stayed.": (0, 0),
    "The band of the accuracy begins at 98.03 %.": (0, 0),
    "I slept 30 % of the time.": (0, 0),
    "The file has 62,712 bytes, or 62.7 kB, or 61.2 KiB.": (0, 0),
    "The file has 16 KiB.": (1, 0),
    "The chip has 20 KiB of flash.": (0, 0),
    "The budget is at most 30 kB.": (0, 0),
    "My board has 256 KiB.": (0, 0),
    "One call takes 80 us, or 0.08 ms.": (0, 0),
    "One call takes 85 µs.": (0, 0),
    "One call takes 12 us.": (1, 0),
    "Version 2.21.0 of 2026, 10,000 images, 4 times.": (0, 0),
}


@pytest.mark.parametrize("text", SAYS)
def test_numbers_against_the_evidence(text):
    texts = dict.fromkeys(journal.SECTIONS, "") | {"learned": text}
    contradictions, unsupported = claims.find_contradictions(texts, [entry()])
    assert (len(contradictions), len(unsupported)) == SAYS[text], contradictions


def test_a_named_entry_is_the_one_that_is_compared():
    evidence = [entry("pruned model", accuracy=0.9907), entry("quantized model", accuracy=0.9937)]
    texts = {"learned": "The pruned model has an accuracy of 99.37 %."}
    ((found,), unsupported) = claims.find_contradictions(texts, evidence)
    assert found == "What I learned: 99.37 %, recorded: 99.07% (pruned model)" and not unsupported


def test_without_evidence_a_number_is_unsupported():
    assert claims.find_contradictions({"learned": "My accuracy is 99.9 %."}, []) == (
        [],
        ["What I learned: 99.9 % has no recorded value"],
    )


def test_same_evidence():
    evidence = {
        "ada": [entry("mine", p50=80.125, accuracy=0.9937, bytes=62712), entry("x", accuracy=0.5)],
        "bob": [entry("my own", p50=80.125, accuracy=0.9937, bytes=62712)],
        "cyd": [entry(p50=80.126, accuracy=0.9937, bytes=62712)],  # the same file, measured by itself
        "dan": [entry(date="2026-11-20T10:00:01+00:00", p50=80.125, accuracy=0.9937, bytes=62712)],
        "eve": [entry("y", accuracy=0.5)],
    }
    assert likeness.find_same_evidence(evidence) == [("ada", "bob", ["mine"]), ("ada", "eve", ["x"])]


def prose(seed, words=150):
    rng = np.random.default_rng(seed)
    return " ".join(f"w{k}" for k in rng.integers(0, 400, words))


def test_near_duplicates():
    texts = {f"s{k}": {"introduction": prose(k), "learned": prose(1000 + k)} for k in range(120)}
    words = texts["s7"]["learned"].split()
    words[::20] = ["changed"] * len(words[::20])  # one word in twenty
    texts["thief"] = {"introduction": prose(5000, 900), "learned": " ".join(words)}
    texts["short"] = {"introduction": "I like it very much.", "learned": ""}
    texts["brief"] = {"introduction": "I like it very much.", "learned": ""}
    ((one, two, where, share),) = likeness.find_near_duplicates(texts)
    assert (one, two, where) == ("s7", "thief", "learned") and 0.6 < share < 0.95


def test_a_copied_sample_is_found():
    texts = journal.split_markdown(sample("fair")[0])
    (row,) = journal_report.make_report({"ada": {"texts": texts, "evidence": [], "problems": []}})
    assert row["near duplicates"] == ["sample: fair: the whole, 100% alike"]


def submit(work, student, texts, entries=None):
    folder = work / "submitted" / student / "journal"
    folder.mkdir(parents=True)
    notebook = read("labs")
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in texts:
            cell.source = texts[name]
    nbformat.write(notebook, folder / "journal.ipynb")
    if entries is not None:
        (folder / "work").mkdir()
        (folder / "work" / "journal.json").write_text(json.dumps({"entries": entries}))
    return folder


def test_the_report_takes_whatever_was_handed_in(tmp_path, capsys):
    work = tmp_path / "grading"
    nasty = "=1+1 My accuracy is 99.9 % <script>alert(1)</script> \x1b[31m red"
    submit(work, "ada", {"introduction": nasty}, [entry("<script>a</script>"), {"name": "no"}, 3])
    submit(work, "bob", journal.split_markdown(sample("strong")[0]), sample("strong")[1]["evidence"])
    submit(work, "cyd", {}, None)
    broken = submit(work, "dan", {})
    (broken / "journal.ipynb").write_text('{"cells": [{"cell_type": "markdown", "source": 3, "metadata": []}]}')
    odd = submit(work, "eve", {})
    (odd / "journal.ipynb").write_text("no notebook")
    (odd / "work").mkdir()
    (odd / "work" / "journal.json").write_text("{")
    journal_report.main([str(work)])
    said = capsys.readouterr().out
    text = (work / "journal_report.txt").read_text(encoding="utf-8")
    assert said.startswith(text) and "<script>" not in text and "\x1b" not in text
    assert "&lt;script&gt;" in text and "2 damaged entries" in text and "the evidence is damaged" in text
    with open(work / "journal_report.csv", encoding="utf-8-sig", newline="") as stream:
        rows = {row["student"]: row for row in csv.DictReader(stream)}
    assert list(rows) == ["ada", "bob", "cyd", "dan", "eve"]
    assert "99.9 %, recorded: 98.30%" in rows["ada"]["contradictions"]
    assert rows["bob"]["missing"] == rows["bob"]["contradictions"] == ""
    assert "sample: strong" in rows["bob"]["near duplicates"]
    assert rows["cyd"]["words"] == "0" and rows["cyd"]["missing"].count("no text") == 6
    assert "cannot be read" in rows["eve"]["problems"]


@pytest.mark.parametrize("text", ["9 % ", "accuracy 9 %", "](", "`" * 3 + "<", "1,111", "9 us. ", "# "])
def test_long_texts_take_no_long_time(text):
    texts = dict.fromkeys(journal.SECTIONS, "") | {"learned": text * (100_000 // len(text))}
    start = time.monotonic()
    journal_report.make_report(
        {"ada": {"texts": texts, "evidence": [entry(f"entry {k}") for k in range(50)], "problems": []}}
    )
    assert time.monotonic() - start < 20


def test_the_report_without_journals(tmp_path):
    with pytest.raises(SystemExit, match="There is no journal in work/submitted"):
        journal_report.main([str(tmp_path / "work")])


@pytest.mark.parametrize(
    "data",
    [None, 3, {journal.MIME: 3}, {journal.MIME: "{"}, {journal.MIME: {"entries": 3}}, {journal.MIME: {"entries": [3]}}],
    ids=repr,
)
def test_evidence_that_is_damaged_is_left_out(data, tmp_path):
    notebook = copy.deepcopy(read("labs"))
    notebook.cells[1] = {"cell_type": "code", "source": "", "outputs": [{"output_type": "display_data", "data": data}]}
    assert evidence.keep_evidence(notebook, tmp_path) == 0 and not (tmp_path / "work").exists()


@pytest.mark.slow
def test_grading_keeps_the_evidence_and_waits_for_the_criteria(tmp_path):
    """The whole way: a notebook is handed in, run anew in the sandbox, and shows the marker what the student saw."""
    need_sandbox()
    text, record = sample("strong")
    notebook, texts = read("labs"), journal.split_markdown(text)
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = texts.get(name, cell.source)
        if name == "evidence":
            data = journal.EvidenceTable(record["evidence"])._repr_mimebundle_()
            cell.outputs = [nbformat.v4.new_output("execute_result", data, execution_count=1)]
    (tmp_path / "in").mkdir()
    nbformat.write(notebook, tmp_path / "in" / "ada_journal.ipynb")
    nbformat.write(read("labs"), tmp_path / "in" / "bob_journal.ipynb")
    arguments = [sys.executable, "-m", command.__name__.removesuffix(".__main__"), tmp_path / "in"]
    arguments += ["--work", tmp_path / "work", "--labs", "journal", "--workers", "1", "--yes"]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "ada journal: 0/20" in done.stdout and "to mark by hand: ada journal: 5" in done.stdout
    page = (tmp_path / "work" / "feedback" / "ada" / "journal" / "journal.html").read_text(encoding="utf-8")
    assert "222,932" in page and "pen digits, centred" in page
    assert "<th" in page, "tables stay"
    rows = {row["student"]: row for row in _rows(tmp_path / "work")}
    assert rows["ada"]["entries"] == str(len(record["evidence"])) and rows["bob"]["entries"] == "0"
    with pytest.raises(SystemExit):
        journal_report.main([str(tmp_path)])
    assert grade.is_graded(tmp_path / "work", "journal", "ada")


def _rows(work):
    table, _ = journal_report.write_report(work)
    with open(table, encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))
