"""The roster: who is in the class. Read from class.csv, or from what a platform's own list of participants is.

Columns, in any order and under the names that platforms use: id, name (or first and last name), e-mail, login, group,
section, extra days. A first column "id" is what the platform calls a person.
"""

import csv
import io
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from tflite_course.errors import CourseError
from tflite_course.grading.inbox.contents import decode

# what platforms call the columns, in their downloads and in several languages
COLUMNS = {
    "id": "id|platform id|user id|userid|student id|studentid|canvas id|canvas user id|sid|orgdefinedid|identifier"
    "|id number|idnumber|matriculation number|matrikelnummer|id-nummer|identifiant|numero|numéro|número de id|user",
    "login": "login|username|user name|login id|sis login id|github_username|github username|display id|benutzername"
    "|anmeldename|nom d'utilisateur|nombre de usuario",
    "sis": "sis user id|sis id|integration id|github_id",
    "name": "name|student|student name|full name|fullname|display name|vollständiger name|nom complet|nombre completo",
    "first": "first name|firstname|first|given name|vorname|prénom|nombre",
    "last": "last name|lastname|last|surname|family name|nachname|nom|nom de famille|apellido|apellidos|apellido(s)",
    "email": "email|e-mail|mail|email address|e-mail address|e-mail-adresse|adresse de courriel|dirección de correo",
    "group": "group|groups|team|gruppe|gruppen|groupe|grupo",
    "section": "section|sections|class|course section|sektion|kurs",
    "days": "extra days|extra_days|extension|extension days|days|zusatztage|verlängerung",
}
NAMES = {alias: column for column, aliases in COLUMNS.items() for alias in aliases.split("|")}
NOBODY = ("points possible", "student, test", "test student")


@dataclass
class Person:
    """One row of the roster."""

    id: str
    name: str = ""
    email: str = ""
    login: str = ""
    sis: str = ""
    group: str = ""
    section: str = ""
    days: float = 0.0  # after each due date

    def marks(self):
        """Return what identifies the person besides the name, folded."""
        return {fold(mark) for mark in (self.id, self.login, self.sis, self.email) if mark}


@dataclass
class Roster:
    """The class: people, and how to find them by a mark or by a name."""

    people: list = field(default_factory=list)
    file: str = ""

    def by_mark(self, mark):
        """Return (person, note): whose id, login, number or e-mail this is; zeros in front may be lost."""
        mark = fold(mark)
        if not mark:
            return None, None
        found = [person for person in self.people if mark in person.marks()]
        if len(found) == 1:
            return found[0], None
        if not found and mark.isdigit():
            found = [p for p in self.people if any(m.isdigit() and int(m) == int(mark) for m in p.marks())]
            if len(found) == 1:
                return found[0], f"{mark} is {found[0].id} in {self.file} but for zeros in front"
        if not found and "@" not in mark:
            found = [p for p in self.people if p.email and fold(p.email).split("@")[0] == mark]
            if len(found) == 1:
                return found[0], None
        return None, None

    def by_name(self, name):
        """Return the people of that name: as it is, last name first, or as Canvas writes it into file names."""
        for form in (name, name.partition("-")[2]):  # Moodle puts "Group-" before the names of a group
            wanted = spellings(form)
            found = [person for person in self.people if person.name and wanted & spellings(person.name)]
            if found:
                return found
        return []

    def of_group(self, name):
        """Return the people of the group of that name."""
        return [person for person in self.people if person.group and fold(person.group) == fold(name)]


def fold(text):
    """Return text for comparing: one form of Unicode, small letters, single blanks."""
    return " ".join(unicodedata.normalize("NFKC", str(text)).casefold().split())


def spellings(name):
    """Return the folded ways in which a name may be written, without blanks and signs in the last of each pair."""
    name = fold(name)
    forms = {name}
    if "," in name:
        last, first = (part.strip() for part in name.split(",", 1))
        forms |= {f"{first} {last}"}
    elif " " in name:
        first, last = name.rsplit(" ", 1)
        forms |= {f"{last}, {first}"}
        first, last = name.split(" ", 1)
        forms |= {f"{last}, {first}"}
    return {re.sub(r"[\W_]+", "", form) for form in forms} - {""}


def read_table(path):
    """Return the rows of a CSV file, lists of text, whatever its encoding and its separator.

    Raises CourseError when it is missing, empty, an Excel workbook, or not text.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CourseError(f"{path.name} cannot be read ({error.strerror}): give the path of a CSV file.") from None
    if content[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        raise CourseError(f"{path.name} is an Excel workbook: save it as CSV UTF-8 and give that file.")
    text = decode(content)
    if "\0" in text:
        raise CourseError(f"{path.name} is not text: save it as CSV UTF-8.")
    if not text.strip():
        raise CourseError(f"{path.name} is empty: one row a student, under a row of column names.")
    lines = text.splitlines()
    if re.fullmatch(r"sep=.", lines[0].strip(), re.I):  # Excel's own mark
        separator, text = lines[0].strip()[-1], "\n".join(lines[1:])
    else:
        separator = max(",;\t", key=lambda sign: _cells(lines[0], sign))
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator)]
    return [row for row in rows if any(row)]


def _cells(line, separator):
    return len(next(csv.reader([line], delimiter=separator), ()))


def header_of(row):
    """Return {column: place} of the columns of a header that are known."""
    found = {}
    for place, cell in enumerate(row):
        column = NAMES.get(fold(cell).replace("_", " ")) or NAMES.get(fold(cell))
        if column and column not in found:
            found[column] = place
    return found


def read_roster(path):
    """Return the Roster of a file. Raises CourseError with one sentence: no header, no column, doubles, lost digits."""
    path = Path(path)
    rows = read_table(path)
    header = header_of(rows[0])
    if not header or (len(header) == 1 and any("@" in cell for cell in rows[0])):
        raise CourseError(
            f"{path.name} has no header: its first row must name the columns, such as id,name,email,group,section."
        )
    if not {"id", "login", "sis", "email"} & header.keys():
        raise CourseError(f"{path.name} has no column with the platform's id: add one named id.")
    people = []
    for number, row in enumerate(rows[1:], 2):
        person = _person(dict.fromkeys(COLUMNS, "") | {c: row[k] if k < len(row) else "" for c, k in header.items()})
        if person is None:
            continue
        if isinstance(person, str):
            raise CourseError(f"{path.name}, row {number}: {person}")
        people.append(person)
    _refuse_doubles(people, path.name)
    if not people:
        raise CourseError(f"{path.name} names nobody: one row a student, under the row of column names.")
    return Roster(people, path.name)


def _person(cells):
    """Return a Person, None for a row that is nobody, or what is wrong with the row."""
    name = cells["name"] or " ".join(part for part in (cells["first"], cells["last"]) if part)
    if fold(name).startswith(NOBODY) or fold(name) in NOBODY:
        return None
    number = re.sub(r"^Participant\s+", "", cells["id"]) or cells["login"] or cells["sis"] or cells["email"]
    if not number:
        if not name or re.match(r"\s*(Manual Posting|Muted)", name):
            return None
        return f"{name} has no id: fill it in, or leave the row out."
    for column in ("id", "sis"):
        if re.fullmatch(r"\d(?:[.,]\d+)?[eE]\+?\d+", cells[column]):
            return f"a spreadsheet shortened {cells[column]}: format that column as text and export the list once more."
    number = re.sub(r"^(\d+)\.0$", r"\1", number)  # a column of numbers, as some programs write it
    number = re.sub(r"^#(?=\w)", "", number)  # Brightspace marks numbers so that Excel leaves them alone
    days = cells["days"].replace(",", ".") or "0"
    try:
        days = float(days)
        assert 0 <= days < 1000
    except (ValueError, AssertionError):
        return f"the extra days of {name or number} are {cells['days']!r}: write a number of days, such as 3."
    texts = {key: cells[key] for key in ("email", "login", "sis", "group", "section")}
    texts["login"] = texts["login"].removeprefix("#")
    return Person(number, unicodedata.normalize("NFC", name), days=days, **texts)


def _refuse_doubles(people, file):
    for what in ("id", "login", "sis", "email"):
        seen = {}
        for person in people:
            mark = fold(getattr(person, what))
            if mark and mark in seen:
                raise CourseError(
                    f"{file} has {getattr(person, what)} twice, as {seen[mark]} and {person.name or 'without a name'}: "
                    f"each person has one row and an {'e-mail' if what == 'email' else what} of their own."
                )
            seen[mark] = person.name or "without a name"
