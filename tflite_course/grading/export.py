"""What leaves the gradebook: CSV files by criterion, with the reasons, and in the forms that platforms take back.

A mark for which a person still has to read something is blank there; files called "provisional" have it as it stands.
Forms, as the importers read them:
- Canvas: https://github.com/instructure/canvas-lms/blob/master/lib/gradebook_importer.rb: Student, ID, SIS User ID,
  SIS Login ID, Section, then "Name (assignment id)"; a row whose first cell has "Points Possible"; ID is looked up
  first, then the SIS columns, then the name. A blank cell clears a mark that is there, so what is there is kept.
- Moodle: https://github.com/moodle/moodle/blob/main/mod/assign/feedback/offline/importgradeslib.php: Identifier with
  the number behind "Participant", Grade, Last modified (grade). A blank grade is skipped.
- Brightspace: https://community.d2l.com/brightspace/kb/articles/3538-importing-grades: OrgDefinedId or Username,
  "<item> Points Grade", End-of-Line Indicator.
- Blackboard: https://help.blackboard.com (Work offline with grade data): Username, and columns with the ID that the
  Grade Center gave them; a column without one becomes a new text column.
CSV is written by the csv module. A text that a spreadsheet would take for a formula gets an apostrophe.
"""

import hashlib
import re
import shutil
from pathlib import Path

from tflite_course.grading import marks as all_marks
from tflite_course.grading import spreadsheet
from tflite_course.grading.inbox import HANDED_IN, contents, worksheets
from tflite_course.grading.settings import Settings

CRITERIA = ["student", "lab", "criterion", "automatic", "manual", "score", "most", "needs marking", "comment"]
NOTES = ["student", "id", "name", "lab", "score", "most", "waiting", "handed in", "on time", "version", "why"]


def export(work, labs=None, *, settings=None, tables=(), marks=None):
    """Write the files of all labs of a work folder; return their paths.

    labs: ignored, all labs of the gradebook are written; settings: of grading.toml; tables: worksheets.Table as they
    were downloaded, kept in the folder "platform" for later runs; marks: of marks.read_marks, when they are at hand.
    """
    work, settings = Path(work), settings or Settings()
    tables = keep_tables(work, tables)
    marks = marks or all_marks.read_marks(work)
    files = [work / "criteria.csv", work / "notes.csv"]
    spreadsheet.write(files[0], CRITERIA, marks.criteria)
    spreadsheet.write(files[1], NOTES, notes(marks))
    files += write_canvas(work, marks, settings, tables)
    files += write_moodle(work, marks, settings, tables)
    files += write_others(work, marks, settings)
    return files


def fingerprint(work, tables=()):
    """Return a hash of what the files depend on beside the gradebook: who handed in what, and the platforms' tables."""
    digest = hashlib.sha256()
    for path in [Path(work) / HANDED_IN, *sorted(table.path for table in tables)]:
        if path.is_file():
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def keep_tables(work, tables):
    """Copy downloaded tables into the work folder; return all that lie there."""
    folder = Path(work) / worksheets.FOLDER
    for table in tables:
        if table.path.parent.resolve() != folder.resolve():
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(table.path, folder / table.path.name)
    return worksheets.find([folder])


def notes(marks):
    """Return the rows of notes.csv: one a student and lab, and one for a student without any."""
    rows = []
    for student, facts in marks.students.items():
        who = [student, facts.get("id"), facts.get("name")]
        mine = [mark for (name, _), mark in marks.marks.items() if name == student]
        for mark in mine:
            rows.append([*who, mark.lab, f"{mark.score:g}", f"{mark.most:g}", mark.waiting or ""])
            rows[-1] += [mark.entry.get(key) for key in ("when", "on time", "version")] + [mark.why]
        if not mine:
            problems = "; ".join(facts.get("problems", ())) or "nothing was handed in"
            rows.append([*who, "", "", "", "", "", "", "", problems])
    return rows


def points(mark, most=None, provisional=False):
    """Return a mark for a platform whose assignment has most points, or "" while something waits."""
    if mark is None or (mark.waiting and not provisional):
        return ""
    scale = most / mark.most if most and mark.most and most != mark.most else 1
    return f"{round(mark.score * scale, 2):g}"


def number(text):
    """Return text as a number, or None."""
    try:
        return float(str(text).replace(",", "."))
    except ValueError:
        return None


def lab_of_column(name, labs, settings):
    """Return the lab that a column of a platform is for: as grading.toml says, else by its number or title."""
    for lab in labs:
        if settings.of(lab, "canvas") == name:
            return lab
    plain = re.sub(r"\s*\(\d+\)\s*$", "", name)
    if lab := contents.lab_in(plain, labs):
        return lab
    titles = contents.titles()
    return next((lab for lab in labs if titles.get(lab, "").casefold() == plain.casefold()), None)


def write_canvas(work, marks, settings, tables):
    """Write canvas.csv, and canvas_provisional.csv where something waits; return the paths."""
    table = next((table for table in reversed(tables) if table.kind == "Canvas"), None)
    files = []
    waits = any(mark.waiting for mark in marks.marks.values())
    for name, provisional in (("canvas.csv", False), ("canvas_provisional.csv", True)):
        if provisional and not waits:
            (work / name).unlink(missing_ok=True)
            continue
        fill = _fill_canvas if table else _new_canvas
        spreadsheet.write(work / name, *fill(marks, settings, table, provisional))
        files.append(work / name)
    return files


def _new_canvas(marks, settings, _, provisional):
    titles = contents.titles()
    columns = [settings.of(lab, "canvas") or titles.get(lab, lab) for lab in marks.most]
    header = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *columns]
    rows = [["    Points Possible", "", "", "", "", *(f"{most:g}" for most in marks.most.values())]]
    ids = {student: id_on("Canvas", facts) for student, facts in marks.students.items()}
    shared = any(number and number == marks.students[student].get("id") for student, number in ids.items())
    for student, facts in marks.students.items():
        number = ids[student] or (facts.get("id") if shared and facts.get("roster") else "")
        login = facts.get("login") or ("" if number else facts.get("id") or student)
        rows.append([marks.name(student), number, facts.get("sis"), login, facts.get("section")])
        rows[-1] += [points(marks.get(student, lab, settings), None, provisional) for lab in marks.most]
    return header, rows


def id_on(platform, facts):
    """Return what a platform calls a student, as its downloads say, or "" for somebody who is not known there."""
    for entry in facts.get("labs", {}).values():
        if entry.get("platform") == platform and not entry.get("stem", "").removeprefix("LATE_").startswith("anon_"):
            return entry.get("id") or ""
    return ""


def _fill_canvas(marks, settings, table, provisional):
    """Return header and rows of a downloaded gradebook: its columns about students, and those of our labs."""
    last = table.places["section"]
    found = {k: lab_of_column(name, marks.most, settings) for k, name in enumerate(table.header) if k > last}
    columns = {k: lab for k, lab in found.items() if lab}
    row_of = {}
    for student, facts in marks.students.items():
        known = (facts.get("id"), facts.get("login"), facts.get("sis"), facts.get("roster"), student)
        for mark in (id_on("Canvas", facts), *known):
            if mark:
                row_of.setdefault(str(mark).casefold(), student)
    possible = next((row for row in table.rows if row and "Points Possible" in row[0]), [])
    rows = []
    for row in table.rows:
        row = row + [""] * (len(table.header) - len(row))
        about = [table.cell(row, column) for column in ("id", "sis user id", "sis login id")]
        student = next((row_of[mark.casefold()] for mark in about if mark and mark.casefold() in row_of), None)
        new = row[: last + 1]
        for k, lab in columns.items():
            most = number(possible[k]) if k < len(possible) else None
            new.append(points(marks.get(student, lab, settings), most, provisional) or row[k])
        rows.append(new)
    return [*table.header[: last + 1], *(table.header[k] for k in columns)], rows


def write_moodle(work, marks, settings, tables):
    """Write moodle_<lab>.csv of each lab with submissions from Moodle or a worksheet; return the paths."""
    files = []
    for lab in marks.most:
        entries = {
            worksheets.number_in(mark.entry.get("stem", "")): mark
            for (_, name), mark in marks.marks.items()
            if name == lab and mark.entry.get("platform") == "Moodle"
        }
        table = _worksheet_of(lab, entries, tables)
        if not entries and table is None:
            continue
        header, rows = (
            _fill_worksheet(table, entries, marks, lab, settings) if table else _new_worksheet(entries, marks)
        )
        path = work / f"moodle_{lab}.csv"
        spreadsheet.write(path, header, rows, as_they_are=True)  # a comment may begin with "-"; names are made safe
        files.append(path)
    return files


def _worksheet_of(lab, entries, tables):
    """Return the worksheet that has most of a lab's participants, else the one whose file name speaks of the lab."""
    sheets = [table for table in tables if table.kind == "Moodle"]
    shared = {k: len(set(entries) & set(table.numbers())) for k, table in enumerate(sheets)}
    best = max(shared, key=shared.get, default=None)
    if best is not None and shared[best]:
        return sheets[best]
    labs = contents.signs()
    return next((t for t in sheets if contents.lab_in(t.path.stem, labs) == lab), None)


def _fill_worksheet(table, entries, marks, lab, settings):
    rows = []
    people = {}
    for student, facts in marks.students.items():
        for mark in (facts.get("email"), facts.get("id"), facts.get("sis")):
            if mark:
                people.setdefault(str(mark).casefold(), marks.get(student, lab, settings))
    for row in table.rows:
        row = row + [""] * (len(table.header) - len(row))
        mark = entries.get(worksheets.participant(table.cell(row, "id")))
        for column in ("number", "email"):
            mark = mark or people.get(table.cell(row, column).casefold() or None)
        row[table.places["grade"]] = points(mark, number(table.cell(row, "most"))) or table.cell(row, "grade")
        if table.places["name"] is not None:
            row[table.places["name"]] = spreadsheet.as_cell(table.cell(row, "name"))
        rows.append(row)
    return table.header, rows


def _new_worksheet(entries, marks):
    header = ["Identifier", "Full name", "Email address", "Grade", "Maximum Grade", "Last modified (grade)"]
    rows = []
    for participant, mark in sorted(entries.items()):
        facts = marks.students.get(mark.student, {})
        rows.append([f"Participant {participant}", spreadsheet.as_cell(facts.get("name")), facts.get("email") or ""])
        rows[-1] += [points(mark), f"{mark.most:g}", "-"]
    return header, rows


def write_others(work, marks, settings):
    """Write brightspace.csv and blackboard.csv where a submission came from there or grading.toml names a column."""
    files = []
    used = {mark.entry.get("platform") for mark in marks.marks.values()}
    for platform, first, item, end in (
        ("Brightspace", "OrgDefinedId", "{} Points Grade", ["End-of-Line Indicator"]),
        ("Blackboard", "Username", "{}", []),
    ):
        key = platform.lower()
        named = {lab: settings.of(lab, key) for lab in marks.most}
        if platform not in used and not any(named.values()):
            continue
        titles = contents.titles()
        columns = [item.format(named[lab] or titles.get(lab, lab)) for lab in marks.most]
        rows = []
        for student, facts in marks.students.items():
            who = (id_on("Blackboard", facts) or facts.get("login")) if platform == "Blackboard" else ""
            rows.append([who or facts.get("id") or student])
            rows[-1] += [points(marks.get(student, lab, settings)) for lab in marks.most] + ["#"] * len(end)
        spreadsheet.write(work / f"{key}.csv", [first, *columns, *end], rows)
        files.append(work / f"{key}.csv")
    return files
