"""final.csv: one row a student, with weights, the lowest dropped, the late rule, extensions and groups.

A lab counts as points / most points, less the late rule's share, times its weight. Labs that were not handed in count
zero once they are due. The mark of a student for whom something waits is blank, and what waits is said.
"""

import datetime
import math
from dataclasses import dataclass
from pathlib import Path

from tflite_course.grading import dates, spreadsheet
from tflite_course.grading import marks as all_marks


@dataclass
class Part:
    """What one lab gives one student."""

    lab: str
    weight: float
    share: float | None  # of full points, after the late rule; None while it is open
    note: str = ""
    dropped: bool = False


def late_share(settings, lab, entry, person):
    """Return (share of the points that stays, note) for what was handed in as entry of handed_in.json says.

    Each begun day after the due date with its extension and the grace takes percent_per_day, at most most_percent.
    """
    due = settings.due(lab, person)
    if not settings.percent_per_day:
        return 1.0, ""
    if not entry.get("when") or due is None:
        if entry.get("late"):
            return 1.0, f"{entry.get('platform')} calls {lab} late, but not by how much: nothing was taken off"
        return 1.0, ""
    over = datetime.datetime.fromisoformat(entry["when"]) - due
    if over <= datetime.timedelta(minutes=settings.grace_minutes):
        return 1.0, ""
    days = math.ceil(over / datetime.timedelta(days=1))
    percent = min(days * settings.percent_per_day, settings.most_percent)
    clock = " by the time in its archive" if entry.get("clock") == "archive" else ""
    return 1 - percent / 100, f"{lab} is late by {days} {'day' if days == 1 else 'days'}{clock}: {percent:g} % off"


def part_of(marks, settings, lab, student, person, now):
    """Return the Part that a lab gives a student."""
    weight = float(settings.of(lab, "weight", 1))
    mark = marks.get(student, lab, settings)
    if mark is None:
        due = settings.due(lab, person)
        if due and due > now:
            return Part(lab, weight, None, f"{lab} is not due yet")
        return Part(lab, weight, 0.0, f"{lab} was not handed in")
    if mark.waiting:
        return Part(lab, weight, None, f"{lab} waits for a person")
    stays, late = late_share(settings, lab, mark.entry, person)
    share = mark.score / mark.most * stays if mark.most else 0.0
    group = f"{lab} was handed in by {marks.name(mark.student)} for the group" if mark.student != student else ""
    return Part(lab, weight, share, "; ".join(part for part in (group, late) if part))


def drop(parts, settings):
    """Mark the lowest parts as dropped, as many as drop_lowest says; at least one part stays."""
    may = [part for part in parts if part.share is not None and settings.of(part.lab, "may_be_dropped", True)]
    lowest = sorted(may, key=lambda part: part.share)[: min(settings.drop_lowest, max(0, len(parts) - 1))]
    for part in lowest:
        part.dropped = True


def total(parts, settings):
    """Return the mark out of settings.out_of, or None while a part waits or nothing counts."""
    counted = [part for part in parts if not part.dropped and part.weight]
    if not counted or any(part.share is None and part.note.endswith("person") for part in counted):
        return None
    counted = [part for part in counted if part.share is not None]
    weights = sum(part.weight for part in counted)
    return settings.out_of * sum(part.share * part.weight for part in counted) / weights if weights else None


def write_final(work, settings, *, now=None, marks=None):
    """Write final.csv into the work folder; return its path.

    now: a datetime with a zone, for tests; marks: of marks.read_marks, when they are at hand.
    """
    marks = marks or all_marks.read_marks(work)
    now = now or dates.aware(datetime.datetime.now(), settings.zone)
    rows = []
    for student, facts in marks.students.items():
        person = Extension(float(facts.get("days") or 0))
        parts = [part_of(marks, settings, lab, student, person, now) for lab in marks.most]
        drop(parts, settings)
        rows.append(_row(student, facts, parts, settings))
    header = ["student", "id", "name", "email", "group", "section", *marks.most]
    path = Path(work) / "final.csv"
    spreadsheet.write(path, [*header, f"final (of {settings.out_of:g})", "why"], rows)
    return path


@dataclass
class Extension:
    """The extra days of a student, as Settings.due takes them."""

    days: float


def _row(student, facts, parts, settings):
    mark = total(parts, settings)
    cells = ["" if part.share is None else f"{100 * part.share:.1f} %" for part in parts]
    notes = [part.note for part in parts if part.note] + [f"{p.lab} is dropped" for p in parts if p.dropped]
    who = [student, *(facts.get(key, "") for key in ("id", "name", "email", "group", "section"))]
    return [*who, *cells, "" if mark is None else f"{mark:.2f}", "; ".join(notes)]
