"""What leaves the gradebook: files that Canvas, Moodle, Blackboard and Brightspace take, and feedback for two of them.

The readers below do what the platforms' importers do, after their public source (see export.py and uploads.py).
"""

import csv
import json
import re
import shutil
import warnings
import zipfile

import nbformat
import pytest
from nbgrader.api import Gradebook

from tests import ROOT
from tflite_course.errors import CourseError
from tflite_course.grading import export, grade, gradebook, inbox, marks, settings, spreadsheet, uploads
from tflite_course.grading.inbox import worksheets

L1, L3 = "lab_1_train_and_convert", "lab_3_quantize"
LABS = [L1, L3]
pytestmark = pytest.mark.xdist_group("grading")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Return a work folder with two labs in its gradebook and nobody graded."""
    work = tmp_path_factory.mktemp("prepared") / "work"
    work.mkdir()
    grade.prepare(work, LABS)
    return work


@pytest.fixture
def work(prepared, tmp_path):
    return shutil.copytree(prepared, tmp_path / "work")


def text_of(lab):
    return (ROOT / "labs" / lab / f"{lab}.ipynb").read_text(encoding="utf-8")


def hand_in(work, files, class_csv=None, toml=None):
    """Read downloads {name: lab} into the work folder as the command does, up to the question; return the Inbox."""
    folder = work.parent / "in"
    for name, lab in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text_of(lab) if lab in LABS else lab, encoding="utf-8")
    roster = None
    if class_csv:
        (folder / "class.csv").write_text(class_csv, encoding="utf-8")
        roster = inbox.read_roster(folder / "class.csv")
    chosen = settings.Settings()
    if toml:
        (folder / "grading.toml").write_text(toml, encoding="utf-8")
        chosen = settings.read_settings(folder / "grading.toml", LABS)
    received = inbox.read(folder, LABS, roster=roster, settings=chosen, work=work)
    inbox.store(received, work, chosen.zone)
    gradebook.add_students(work, {s.student: {"lms_user_id": s.id} for s in [*received.submissions, *received.absent]})
    return received, chosen, worksheets.find([folder])


def give(work, student, lab, share, waiting=False):
    """Give a student a share of all automatic points of a lab; waiting: the written answer waits for a person."""
    with warnings.catch_warnings(), Gradebook(gradebook.database(work), gradebook.COURSE_ID) as book:
        warnings.simplefilter("ignore")  # nbgrader's use of SQLAlchemy, for every row
        submission = book.update_or_create_submission(lab, student)
        for part in submission.notebooks:
            for row in part.grades:
                row.auto_score = row.max_score * share
                row.needs_manual_grade = waiting and row.cell.cell_type == "markdown"
                if row.needs_manual_grade:
                    row.auto_score = None
        book.db.commit()


def read(path):
    with open(path, encoding="utf-8-sig", newline="") as stream:
        return list(csv.reader(stream))


def as_canvas(path, known):
    """Return {user: {assignment: grade}} as gradebook_importer.rb reads it; known: {assignment id: title}."""
    rows = read(path)
    header = rows[0]
    assert "Student" in header[0] and "ID" in header[1] and len(header) > 3
    last = 4 if "SIS User ID" in header[2] else 2
    assert "Section" in header[last]
    found = {}
    for row in rows[1:]:
        if "Points Possible" in row[0]:
            continue
        mine = found.setdefault(row[1] or row[3], {})
        for title, cell in zip(header[last + 1 :], row[last + 1 :], strict=True):
            match = re.fullmatch(r"(.*) \((\d+)\)", title)
            assignment = int(match[2]) if match else title
            assert not match or known.get(assignment) == match[1]
            mine[assignment] = cell.strip()
    return found


def as_moodle(path, participants):
    """Return {user: (grade, comment)} as importgradeslib.php reads a worksheet; participants: {number: user}."""
    rows = read(path)
    places = {name: rows[0].index(name) for name in ("Identifier", "Grade", "Last modified (grade)")}
    comments = rows[0].index("Feedback comments") if "Feedback comments" in rows[0] else None
    found = {}
    for row in rows[1:]:
        user = participants.get(row[places["Identifier"]][len("Participant ") :])
        if user and row[places["Grade"]] != "":
            found[user] = (float(row[places["Grade"]]), row[comments] if comments is not None else "")
    return found


CANVAS = {f"lovelaceada_12_9001_{L3}.ipynb": L3, f"novakjan_13_9002_{L3}.ipynb": L3, f"byronbob_14_9003_{L1}.ipynb": L1}


def most(work, lab):
    return marks.read_marks(work).most[lab]


def test_canvas_without_its_gradebook(work):
    _, chosen, tables = hand_in(work, CANVAS, toml=f'[labs.{L3}]\ncanvas = "Quantize (777)"\n')
    give(work, "12", L3, 1)
    give(work, "13", L3, 0.5, waiting=True)
    give(work, "14", L1, 0.5)
    files = export.export(work, settings=chosen, tables=tables)
    marks_ = as_canvas(work / "canvas.csv", {777: "Quantize"})
    full = most(work, L3)
    assert marks_["12"] == {"Lab 1. Train and convert": "", 777: f"{full:g}"}
    assert marks_["13"][777] == "", "what waits for a person is blank"
    assert float(marks_["14"]["Lab 1. Train and convert"]) == most(work, L1) / 2, "labs of earlier runs stay"
    provisional = as_canvas(work / "canvas_provisional.csv", {777: "Quantize"})
    assert 0 < float(provisional["13"][777]) < full and work / "canvas_provisional.csv" in files
    possible = next(row for row in read(work / "canvas.csv") if "Points Possible" in row[0])
    assert possible[5:] == [f"{most(work, L1):g}", f"{full:g}"]
    give(work, "13", L3, 0.5)
    assert work / "canvas_provisional.csv" not in export.export(work, settings=chosen)
    assert not (work / "canvas_provisional.csv").exists(), "nothing waits any more"


def test_canvas_ids_of_the_roster(work):
    """The file's number is Canvas's id, whatever the roster's ids are; who handed in nothing has the roster's."""
    hand_in(work, {f"adalovelace_12_9001_{L3}.ipynb": L3}, "id,name,login\n12,Ada Lovelace,ada\n14,Eve,eve\n")
    give(work, "12", L3, 1)
    export.export(work)
    assert [row[:4] for row in read(work / "canvas.csv")[2:]] == [
        ["Ada Lovelace", "12", "", "ada"],
        ["Eve", "14", "", "eve"],
    ]


def test_canvas_ids_beside_a_roster_of_other_numbers(work):
    hand_in(work, {f"adalovelace_12_9001_{L3}.ipynb": L3}, "id,name\nm77,Ada Lovelace\nm78,Eve\n")
    give(work, "m77", L3, 1)
    export.export(work)
    assert [row[:4] for row in read(work / "canvas.csv")[2:]] == [
        ["Ada Lovelace", "12", "", ""],
        ["Eve", "", "", "m78"],
    ]


def test_anonymous_students_have_no_id_on_canvas(work):
    hand_in(work, {f"anon_aB3xY_9001_{L3}.ipynb": L3})
    give(work, "aB3xY", L3, 1)
    export.export(work)
    assert read(work / "canvas.csv")[2][:4] == ["anonymous aB3xY", "", "", "aB3xY"]


GRADEBOOK = """Student,ID,SIS User ID,SIS Login ID,Section,"Lab 3. Quantize (777)",Lab 1 (778),Essay (5),Final Score
    Manual Posting,,,,,,,,
    Points Possible,,,,,100,8,10,(read only)
"Lovelace, Ada",12,s12,ada,A,,3,9,50
"Novak, Jan",13,s13,jan,A,41,,,
"Student, Test",99,,x,A,,,,
"""


def test_canvas_with_its_gradebook(work):
    """The file's own people, ids and columns; points on its scale; a mark that is there is never cleared."""
    _, chosen, tables = hand_in(work, CANVAS | {"gradebook.csv": GRADEBOOK})
    give(work, "12", L3, 0.5)
    give(work, "13", L3, 1, waiting=True)
    export.export(work, settings=chosen, tables=tables)
    found = as_canvas(work / "canvas.csv", {777: "Lab 3. Quantize", 778: "Lab 1"})
    assert found["12"] == {777: "50", 778: "3"}
    assert found["13"] == {777: "41", 778: ""}
    assert found["99"] == {777: "", 778: ""}
    assert [row[2:5] for row in read(work / "canvas.csv")[3:5]] == [["s12", "ada", "A"], ["s13", "jan", "A"]]
    export.export(work, settings=chosen)  # a later run, without the download
    assert as_canvas(work / "canvas.csv", {777: "Lab 3. Quantize", 778: "Lab 1"}) == found


MOODLE = {
    f"Ada Lovelace_2031_assignsubmission_file_/{L3}.ipynb": L3,
    f"Jan Novak_2032_assignsubmission_file_/{L3}.ipynb": L3,
}
SHEET = """Identifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,\
Last modified (submission),Last modified (grade),Feedback comments
Participant 2031,Ada Lovelace,ada@x.org,Submitted,,100.00,Yes,"Friday, 20 November 2026, 10:00 AM",-,"-1 is wrong"
Participant 2032,=Jan Novak,jan@x.org,Submitted,7.00,100.00,Yes,"Friday, 20 November 2026, 10:00 AM",-,
Participant 2033,Eve,eve@x.org,No submission,,100.00,Yes,-,-,
"""


def test_moodle_with_its_worksheet(work):
    received, chosen, tables = hand_in(work, MOODLE | {"Grades-Course-Lab 3-99.csv": SHEET})
    assert {s.student for s in received.submissions} == {"ada@x.org", "jan@x.org"}
    give(work, "ada@x.org", L3, 0.5)
    give(work, "jan@x.org", L3, 1, waiting=True)
    export.export(work, settings=chosen, tables=tables)
    people = {"2031": "ada", "2032": "jan", "2033": "eve"}
    assert as_moodle(work / f"moodle_{L3}.csv", people) == {"ada": (50.0, "-1 is wrong"), "jan": (7.0, "")}
    rows = read(work / f"moodle_{L3}.csv")
    assert rows[0] == SHEET.split("\n")[0].split(",") and rows[3][0] == "Participant 2033" and rows[1][8] == "-"
    assert rows[2][1] == "'=Jan Novak", "no formula"
    assert not (work / f"moodle_{L1}.csv").exists()


def test_moodle_without_its_worksheet(work):
    _, chosen, tables = hand_in(work, MOODLE)
    give(work, "2031", L3, 1)
    give(work, "2032", L3, 1, waiting=True)
    export.export(work, settings=chosen, tables=tables)
    assert as_moodle(work / f"moodle_{L3}.csv", {"2031": "ada", "2032": "jan"}) == {"ada": (most(work, L3), "")}


def test_moodle_people_of_the_roster(work):
    """The worksheet's number is of the assignment, the roster's id of the person; both are kept."""
    _, chosen, tables = hand_in(work, MOODLE, "id,name\nm1,Ada Lovelace\nm2,Jan Novak\n")
    give(work, "m1", L3, 1)
    export.export(work, settings=chosen, tables=tables)
    assert list(as_moodle(work / f"moodle_{L3}.csv", {"2031": "ada"})) == ["ada"]


def test_brightspace_and_blackboard(work):
    files = {
        f"12-456 - Ada Lovelace - Nov 24, 2026 1155 AM/{L3}.ipynb": L3,
        f"Lab 3_jan_attempt_2026-11-20-10-00-00_{L3}.ipynb": L3,
        f"Lab 3_eve_attempt_2026-11-20-10-00-00_{L3}.ipynb": L3,
    }
    toml = f'[labs.{L3}]\nbrightspace = "Quantize"\nblackboard = "Quantize [Total Pts: 16] |123"\n'
    _, chosen, tables = hand_in(work, files, toml=toml)
    give(work, "12", L3, 1)
    give(work, "jan", L3, 1, waiting=True)
    export.export(work, settings=chosen, tables=tables)
    header, *rows = read(work / "brightspace.csv")
    assert header == [
        "OrgDefinedId",
        "Lab 1. Train and convert Points Grade",
        "Quantize Points Grade",
        "End-of-Line Indicator",
    ]
    assert ["12", "", f"{most(work, L3):g}", "#"] in rows
    header, *rows = read(work / "blackboard.csv")
    assert header == ["Username", "Lab 1. Train and convert", "Quantize [Total Pts: 16] |123"]
    assert ["jan", "", ""] in rows


def test_why_is_one_line_a_student_and_lab(work):
    """From the records where they are, else from the remarks in the gradebook; repeated on each run."""
    _, chosen, _ = hand_in(work, CANVAS | {"eve/essay.docx": "essay"})
    give(work, "12", L3, 0)
    give(work, "13", L3, 0)
    (work / "records" / L3).mkdir(parents=True)
    record = {
        "student": "12",
        "lab": L3,
        "notes": ["a line\nand another", "cell 20 ended Python"],
        "hints": {"dense": "the bias is left out"},
        "flags": ["reads sys"],
        "marks": {},
        "answers": {},
    }
    (work / "records" / L3 / "12.json").write_text(json.dumps(record), encoding="utf-8")
    (work / "records" / L3 / "13.json").write_text("{damaged", encoding="utf-8")
    with Gradebook(gradebook.database(work), gradebook.COURSE_ID) as book:
        notebook = book.find_submission(L3, "13").notebooks[0]
        notebook.comments[0].auto_comment = "it could not be run"
        book.db.commit()
    for _ in range(2):
        export.export(work, settings=chosen)
        rows = {(row[0], row[3]): row for row in read(work / "notes.csv")[1:]}
        assert (
            rows["12", L3][-1] == "a line and another | cell 20 ended Python | dense: the bias is left out | reads sys"
        )
        assert rows["13", L3][-1] == "it could not be run"
        assert rows["eve", ""][-1] == "no notebook of a lab was found in essay.docx"
        assert "nothing" in rows["14", ""][-1]


def test_a_group_gets_the_mark_of_its_submission(work):
    names = "id,name,group\n12,Ada,g1\n13,Jan,g1\n15,Eve,g2\n"
    files = {f"ada_12_9001_{L3}.ipynb": L3}
    _, chosen, _ = hand_in(work, files, names, f'[labs.{L3}]\ngroup = true\ncanvas = "Q (7)"\n')
    give(work, "12", L3, 1)
    export.export(work, settings=chosen)
    found = as_canvas(work / "canvas.csv", {7: "Q"})
    assert found["12"][7] == f"{most(work, L3):g}"
    rows = {row[0]: row[-1] for row in read(work / "canvas.csv")}
    assert rows["Jan"] == f"{most(work, L3):g}" and rows["Eve"] == ""


def test_a_file_that_another_program_holds_is_one_sentence(tmp_path, monkeypatch):
    def held(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(spreadsheet, "open", held, raising=False)
    with pytest.raises(CourseError, match="canvas.csv cannot be written: close it in the other program"):
        spreadsheet.write(tmp_path / "canvas.csv", ["a"], [])


def test_two_whom_the_roster_joins_later_are_one_in_the_files(work):
    files = {
        f"Ada Lovelace_5_assignsubmission_file_/{L3}.ipynb": L3,
        f"Ada Lovelace_6_assignsubmission_file_/{L1}.ipynb": L1,
    }
    hand_in(work, files)
    give(work, "5", L3, 1)
    give(work, "6", L1, 1)
    gradebook.add_student(work, "of an older run")
    hand_in(work, files, "id,name\nm1,Ada Lovelace\n")
    export.export(work)
    assert {row[0] for row in read(work / "notes.csv")[1:]} == {"5", "of an older run"}


# --- feedback


def page(work, student, lab):
    path = work / "feedback" / student / lab / f"{lab}.html"
    path.parent.mkdir(parents=True)
    path.write_text(f"<html>{student}</html>", encoding="utf-8")


def test_feedback_for_moodle(work):
    hand_in(work, MOODLE | {f"Eve_2044_assignsubmission_file/{L3}.ipynb": L3})
    for student in ("2031", "2032", "2044"):
        give(work, student, L3, 1)
        page(work, student, L3)
    (path,) = uploads.write_uploads(work)
    with zipfile.ZipFile(path) as archive:
        found = {}
        for name in archive.namelist():  # as importziplib.php takes the name apart
            info = name.split("/")[0].split("_", 4)
            assert len(info) >= 4 and info[2:4] == ["assignsubmission", "file"]
            found[int(info[1])] = archive.read(name).decode()
    assert found == {number: f"<html>{number}</html>" for number in (2031, 2032, 2044)}


def test_feedback_for_canvas(work):
    """The name of the download, whole; and a notebook stays a notebook, for Canvas shows it under its first name."""
    stream = work.parent / "x.zip"
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(f"{L3}.ipynb", text_of(L3))
    files = {f"ada_12_9001_{L3}.ipynb": L3, f"LATE_anon_aB3xY_9002_{L3}-1.ipynb": L3}
    (work.parent / "in").mkdir()
    (work.parent / "in" / "bob_LATE_14_9003_work.zip").write_bytes(stream.read_bytes())
    hand_in(work, files)
    for student in ("12", "aB3xY", "14"):
        give(work, student, L3, 0.5, waiting=True)
        page(work, student, L3)
    (path,) = uploads.write_uploads(work)
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == sorted([*files, "bob_LATE_14_9003_work.zip"])
        for name in files:
            numbers = [part for part in name.split("_") if part.isdigit()]
            assert numbers[:2] == ["12", "9001"] or numbers[0] == "9002"
            notebook = nbformat.reads(archive.read(name), as_version=4)
            nbformat.validate(notebook)
            said = "\n".join(cell.source for cell in notebook.cells)
            assert "1 answer waits to be read" in said and "| explain | waits | 3 |" in said
            assert all(cell.cell_type == "markdown" for cell in notebook.cells)
        with archive.open("bob_LATE_14_9003_work.zip") as inner, zipfile.ZipFile(inner) as again:
            assert again.read(f"{L3}_feedback.html") == b"<html>14</html>"


def test_other_platforms_have_no_archive(work):
    hand_in(work, {f"ada/{L3}.ipynb": L3})
    give(work, "ada", L3, 1)
    page(work, "ada", L3)
    assert uploads.write_uploads(work) == []


def test_the_fingerprint_follows_what_was_handed_in_and_the_tables(work):
    _, _, tables = hand_in(work, MOODLE)
    first = export.fingerprint(work, tables)
    assert export.fingerprint(work, tables) == first
    _, _, tables = hand_in(work, {"Grades-Course-Lab 3-99.csv": SHEET})
    assert export.fingerprint(work, tables) != first
