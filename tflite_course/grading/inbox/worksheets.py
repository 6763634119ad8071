"""Tables that platforms give and take back: Moodle's grading worksheet of an assignment, Canvas's gradebook.

Moodle numbers participants anew for each assignment; its worksheet tells whose number is whose.
- Worksheet: init in https://github.com/moodle/moodle/blob/main/mod/assign/feedback/offline/importgradeslib.php looks
  for the columns Identifier, Grade and Last modified (grade), and takes the number behind "Participant".
- Gradebook: https://github.com/instructure/canvas-lms/blob/master/lib/gradebook_importer.rb wants Student, ID, then
  Section as the last column about the student, then assignments as "Name (id)".
"""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from tflite_course.errors import CourseError
from tflite_course.grading import dates
from tflite_course.grading.inbox.roster import fold, read_table

FOLDER = "platform"  # in the work folder: tables are kept here for later runs


@dataclass
class Table:
    """A table as it was downloaded: its header, its rows as they stand, and the places of its columns."""

    kind: str  # "Moodle" or "Canvas"
    path: Path
    header: list
    rows: list
    places: dict = field(default_factory=dict)

    def cell(self, row, column):
        """Return the cell of a row in a column, or ""."""
        place = self.places.get(column)
        return row[place] if place is not None and place < len(row) else ""

    def numbers(self):
        """Return the participants' numbers of a worksheet."""
        return [participant(self.cell(row, "id")) for row in self.rows]


# Moodle translates its columns; those that are looked for, in some languages
MOODLE = {
    "id": ("identifier", "id", "bezeichner", "identifiant", "identificador"),
    "name": ("full name", "vollständiger name", "nom complet", "nombre completo"),
    "number": ("id number", "id-nummer", "numéro d'identification", "número de id"),
    "email": ("email address", "e-mail-adresse", "adresse de courriel", "dirección de correo"),
    "grade": ("grade", "bewertung", "note", "calificación"),
    "most": ("maximum grade", "bestwertung", "note maximale", "calificación máxima"),
    "submitted": ("last modified (submission)", "zuletzt geändert (abgabe)"),
    "modified": ("last modified (grade)", "zuletzt geändert (bewertung)"),
    "comment": ("feedback comments", "feedback als kommentar"),
}


def read(path):
    """Return the Table of a CSV file, or None when it is neither of the two."""
    try:
        rows = read_table(path)
    except CourseError:
        return None
    header = [fold(cell) for cell in rows[0]]
    if header[:1] == ["student"] and "id" in header[:3] and "section" in header:
        places = {"name": 0, "id": header.index("id"), "section": header.index("section")}
        for column in ("sis user id", "sis login id"):
            if column in header:
                places[column] = header.index(column)
        return Table("Canvas", Path(path), rows[0], rows[1:], places)
    places = {c: next((header.index(n) for n in names if n in header), None) for c, names in MOODLE.items()}
    identified = any(re.search(r"\d+$", row[places["id"]]) for row in rows[1:]) if places["id"] is not None else False
    if identified and places["grade"] is not None and places["id"] == 0 and places["modified"] is not None:
        return Table("Moodle", Path(path), rows[0], rows[1:], places)
    return None


def find(folders):
    """Return the Tables in folders, those in the first folders first; a table of the same name counts once."""
    found = {}
    for folder in folders:
        if folder is None or not Path(folder).is_dir():
            continue
        for path in sorted(Path(folder).glob("*.csv")):
            if path.name not in found and not path.is_symlink() and (table := read(path)):
                found[path.name] = table
    return list(found.values())


def participant(identifier):
    """Return the number behind "Participant" of a worksheet's Identifier, or ""."""
    match = re.search(r"(\d+)\s*$", identifier)
    return match[1] if match else ""


def add_marks(owner, tables, zone=None):
    """Return the Owner with what the worksheets know of a Moodle participant: name, number, e-mail, time."""
    if owner.platform != "Moodle":
        return owner
    for table in tables:
        if table.kind != "Moodle":
            continue
        for row in table.rows:
            if participant(table.cell(row, "id")) != owner.id:
                continue
            marks = tuple(m for c in ("number", "email") if (m := table.cell(row, c)))
            when = dates.maybe_date(table.cell(row, "submitted"), zone)
            order = when.timestamp() if when else owner.order
            name = table.cell(row, "name") or owner.name
            mark = marks[0] if marks else owner.id  # of the person, where the number is of the assignment
            return replace(owner, id=mark, name=name, others=marks, when=when or owner.when, order=order)
    return owner


def number_in(stem):
    """Return the participant's number in the name of a Moodle folder, or ""."""
    match = re.search(r"_(\d+)_assignsubmission_", stem)
    return match[1] if match else ""
