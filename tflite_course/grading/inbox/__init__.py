"""The inbox: what platforms give becomes submissions, before anything runs. Imports neither nbgrader nor TensorFlow.

    read(folder, labs, roster=..., settings=..., work=...) -> Inbox

archives: folders and archives as a tree; platforms: names that platforms give; owners: whose is what; people: who is
who; contents: which lab a notebook is; choose: which version counts; table: what is shown before the question.
"""

import datetime
from dataclasses import dataclass, field
from pathlib import Path

from tflite_course.errors import CourseError
from tflite_course.grading import dates
from tflite_course.grading.inbox import archives, choose, contents, people, worksheets
from tflite_course.grading.inbox.owners import Reader
from tflite_course.grading.inbox.roster import Roster, read_roster

HANDED_IN = "handed_in.json"

__all__ = ["HANDED_IN", "Inbox", "Roster", "Submission", "read", "read_roster", "store"]


@dataclass
class Submission:
    """What one student handed in: a notebook and the files beside it for each lab, and what was wrong with the rest."""

    student: str  # in the gradebook: the platform's id, safe as a name of a folder
    id: str  # as the platform has it
    name: str = ""
    person: object = None  # of the roster
    handed: dict = field(default_factory=dict)  # lab: choose.Handed
    problems: list = field(default_factory=list)
    places: list = field(default_factory=list)
    owners: list = field(default_factory=list)
    on_time: dict = field(default_factory=dict)  # lab: in words

    @property
    def notebooks(self):
        """{lab: text}"""
        return {lab: handed.text for lab, handed in self.handed.items()}

    @property
    def files(self):
        """{lab: {relative name: bytes}}"""
        return {lab: handed.files for lab, handed in self.handed.items()}

    @property
    def email(self):
        """The e-mail address of the roster or of the platform, or ""."""
        mails = [mark for owner in self.owners for mark in owner.others if "@" in mark]
        return (self.person.email if self.person else "") or next(iter(mails), "")


@dataclass
class Inbox:
    """Submissions, one a student, sorted; and sentences about what is nobody's, unclear or missing."""

    submissions: list
    notes: list
    files: int
    names: dict  # of people.name_students
    absent: list = field(default_factory=list)  # a Submission for each person of the roster who handed in nothing

    def summary(self):
        """Return "files in, students out" as a sentence."""
        labs = sum(len(submission.handed) for submission in self.submissions)
        odd = sum(bool(s.problems or any(h.odd for h in s.handed.values())) for s in self.submissions)
        return (
            f"{_count(self.files, 'file')} in, {_count(labs, 'submission')} of "
            f"{_count(len(self.submissions), 'student')} out{f'; {odd} with something odd (!)' if odd else ''}."
        )


def _count(number, thing):
    return f"{number} {thing}{'' if number == 1 else 's'}"


def read(folder, labs, *, roster=None, settings=None, work=None):
    """Return the Inbox of a folder of downloads, or of one archive.

    labs: names of the labs to take; roster: Roster or None; settings: of grading.toml, with due dates; work: the work
    folder, where the names of students are kept. Raises CourseError when the folder is missing or empty.
    """
    folder = Path(folder)
    if not folder.exists():
        raise CourseError(f"There is no folder {folder.name} with submissions: give its path as SUBMISSIONS=folder.")
    zone = settings.zone if settings else None
    with archives.Opened() as stack:
        reader = Reader(contents.signs(), roster, zone)
        nodes = list(archives.open_all(folder, stack))
        reader.read(nodes)
        units = list(reader.units.values())
        if not units and not reader.problems:
            raise CourseError(f"The folder {folder.name} is empty: put one zip file or folder a student into it.")
        sheets = worksheets.find([folder, Path(work) / worksheets.FOLDER if work else None])
        for unit in units:
            unit.owners = [worksheets.add_marks(owner, sheets, zone) for owner in unit.owners]
            for piece in unit.pieces:
                piece.owner = worksheets.add_marks(piece.owner, sheets, zone)
        identities, notes = people.identify(units, roster, lambda unit: _labs_of(unit, reader, labs))
        absent = _absent(identities, roster)
        names = people.name_students([*identities, *absent], work)
        submissions = [_submission(identity, reader, labs) for identity in identities]
        files = sum(len(unit.pieces) for unit in units)
    submissions.sort(key=lambda submission: submission.student)
    for submission in submissions:
        for lab, handed in submission.handed.items():
            submission.on_time[lab] = on_time(handed, settings, submission.person)
    notes = [*reader.problems, *notes, *_missing(submissions, roster, settings)]
    absent = [Submission(a.student, a.id, a.name, a.person, problems=["nothing was handed in"]) for a in absent]
    notes += _leave_older(submissions, work)
    notes = [" ".join("".join(c if c.isprintable() else " " for c in note).split()) for note in notes]
    return Inbox(submissions, list(dict.fromkeys(notes)), files, names, absent)


def _labs_of(unit, reader, labs):
    found = {reader.lab_of(piece.node) for piece in unit.pieces if piece.node.name.lower().endswith(".ipynb")}
    return found & set(labs)


def _absent(identities, roster):
    """Return an Identity for each person of the roster of whom nothing is there."""
    there = {identity.key for identity in identities}
    everyone = roster.people if roster else ()
    return [people.Identity(f"roster:{p.id}", p.id, p.name, p) for p in everyone if f"roster:{p.id}" not in there]


def _submission(identity, reader, labs):
    handed, problems = choose.choose(identity, reader, set(labs))
    for lab in handed.values():
        lab.odd += identity.notes if lab.lab == min(handed) else []
    places = sorted({unit.place for unit, _ in identity.units})
    owners = [owner for _, owner in identity.units]
    return Submission(identity.student, identity.id, identity.name, identity.person, handed, problems, places, owners)


def _leave_older(submissions, work):
    """Take out what is older, by its platform's own order, than what an earlier run took; return sentences."""
    known, notes = people.read_json(Path(work) / HANDED_IN) if work else {}, []
    for submission in submissions:
        for lab, handed in list(submission.handed.items()):
            before = known.get(submission.student, {}).get("labs", {}).get(lab, {})
            order = handed.owner.order
            if None in (order, before.get("order")) or before["platform"] != handed.platform:
                continue
            if order < before["order"]:
                notes.append(
                    f"{handed.source} is older than {before['source']}, which an earlier run took: it was left out"
                )
                del submission.handed[lab]
    return notes


def _missing(submissions, roster, settings):
    """Return sentences: who of the roster handed in nothing, by lab, and who is not in the roster."""
    if roster is None:
        return []
    notes = []
    there = {s.person.id: s for s in submissions if s.person}
    for lab in sorted({lab for submission in submissions for lab in submission.handed}):
        grouped = settings is not None and settings.of(lab, "group", False)
        having = {s.person.group for s in submissions if grouped and s.person and lab in s.handed} - {""}
        gone = [
            p.name or p.id
            for p in roster.people
            if not (p.id in there and lab in there[p.id].handed) and p.group not in having
        ]
        if gone:
            notes.append(f"missing in {lab}: {len(gone)} of {len(roster.people)}: {', '.join(gone)}")
    if not any(submission.handed for submission in submissions):
        notes.append(f"nobody of {roster.file} handed in a lab")
    strangers = [f"{s.name or s.id} ({s.id})" for s in submissions if not s.person]
    if strangers:
        notes.append(f"not in {roster.file}: {', '.join(strangers)}; graded all the same")
    return notes


def on_time(handed, settings, person):
    """Return in words whether a lab came in time: "in time", "late by 1 d 2 h", "late, says Canvas"; "" if unknown."""
    due = settings.due(handed.lab, person) if settings else None
    if handed.when is None or due is None:
        days = f" (extension: {person.days:g} days)" if handed.late and person and person.days else ""
        return f"late, says {handed.platform}{days}" if handed.late else ""
    over = dates.aware(handed.when, settings.zone) - due
    if over <= datetime.timedelta(minutes=settings.grace_minutes):
        return "in time"
    hours = int(over.total_seconds() // 3600)
    return f"late by {hours // 24} d {hours % 24} h"


def store(inbox, work, zone=None):
    """Keep in the work folder who handed in what and when: students.json and handed_in.json; earlier ones stay."""
    work = Path(work)
    people.store_names(inbox.names, work)
    path = work / HANDED_IN
    known = people.read_json(path)
    for student in known.keys() - set(inbox.names.values()):
        known[student] |= {"joined": True}  # with another, by the roster; its row stays in the gradebook
    for submission in [*inbox.submissions, *inbox.absent]:
        entry = known.setdefault(submission.student, {"labs": {}})
        person = submission.person
        entry |= {"id": submission.id, "name": submission.name, "email": submission.email}
        if person:
            entry |= {"roster": person.id, "login": person.login, "sis": person.sis}
            entry |= {"group": person.group, "section": person.section, "days": person.days}
        entry["problems"] = submission.problems
        for lab, handed in submission.handed.items():
            owner = handed.owner
            entry["labs"][lab] = {
                "platform": handed.platform,
                "id": owner.id,
                "stem": owner.stem,
                "order": owner.order,
                "file": owner.file or Path(handed.source).name,
                "source": handed.source,
                "when": dates.aware(handed.when, zone).isoformat() if handed.when else None,
                "clock": handed.clock,
                "late": handed.late,
                "on time": submission.on_time.get(lab, ""),
                "version": f"{handed.version} of {handed.of}",
                "odd": handed.odd,
            }
    people.write_json(path, known)
    return path
