"""grading.toml: due dates, weights, the late rule, and what platforms call the labs.

timezone = "Europe/Berlin"          # of dates without one; else this machine's

[late]
percent_per_day = 10                # of a lab's points, for each begun day
most_percent = 50                   # not more than this
grace_minutes = 15                  # so late is in time

[final]
out_of = 100
drop_lowest = 1                     # of the labs that may be dropped

[labs.lab_3_quantize]
due = 2026-12-01                    # the end of that day; or "01.12.2026 18:00", or 2026-12-01T18:00:00+01:00
weight = 1                          # all labs count the same unless they say otherwise
may_be_dropped = true
group = false                       # true: one submission counts for a group of class.csv
canvas = "Quantize (12345)"         # the column of Canvas's gradebook
blackboard = "Quantize |12345"      # the column of Blackboard's, with its id
brightspace = "Quantize"            # the grade item
"""

import datetime
import difflib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from tflite_course.errors import CourseError
from tflite_course.grading import dates

# of each table: key, what it may be, and what a wrong value is answered with
NUMBER, WHOLE, YES_NO, TEXT, DATE = "a number", "a whole number", "true or false", "text in quotes", "a date"
TOP = {"timezone": TEXT, "late": dict, "final": dict, "labs": dict}
LATE = {"percent_per_day": NUMBER, "most_percent": NUMBER, "grace_minutes": NUMBER}
FINAL = {"out_of": NUMBER, "drop_lowest": WHOLE}
LAB = {
    "due": DATE,
    "weight": NUMBER,
    "may_be_dropped": YES_NO,
    "group": YES_NO,
    "canvas": TEXT,
    "blackboard": TEXT,
    "brightspace": TEXT,
}


PLACES = dict.fromkeys(LAB, "[labs.NAME]") | dict.fromkeys(FINAL, "[final]") | dict.fromkeys(LATE, "[late]")


@dataclass
class Settings:
    """What grading.toml says; without it, its defaults."""

    zone: datetime.tzinfo | None = None
    percent_per_day: float = 0.0
    most_percent: float = 100.0
    grace_minutes: float = 0.0
    out_of: float = 100.0
    drop_lowest: int = 0
    labs: dict = field(default_factory=dict)  # lab: {key: value}, due a datetime
    file: str = ""

    def of(self, lab, key, default=None):
        """Return what is set for a lab."""
        return self.labs.get(lab, {}).get(key, default)

    def due(self, lab, person=None):
        """Return when a lab is due for a person of the roster, with the extra days, or None."""
        due = self.of(lab, "due")
        return due + datetime.timedelta(days=person.days if person else 0) if due else None


def read_settings(path, labs):
    """Return the Settings of a grading.toml. labs: the names that exist.

    Raises CourseError with one sentence for text that is not TOML, an unknown key with the nearest known one, a value
    of another kind or out of its range, and a date that cannot be read in one way.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise CourseError(
            f"{path.name} is not TOML ({error}): put text, and dates such as 01.12.2026, in quotes."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"{path.name} cannot be read ({error}): save it as UTF-8 text.") from None
    _check(content, TOP, path.name, "")
    for name, known in (("late", LATE), ("final", FINAL)):
        _check(content.get(name, {}), known, path.name, f" of [{name}]")
    _known(content.get("labs", {}), labs, path.name, "lab")
    zone = dates.zone_of(content.get("timezone"))
    late, final = content.get("late", {}), content.get("final", {})
    settings = Settings(zone=zone, file=path.name)
    for key, value in (late | final).items():
        setattr(settings, key, value)
    for lab, table in content.get("labs", {}).items():
        if not isinstance(table, dict):
            raise CourseError(f"{path.name}: {lab} must be a table: write [labs.{lab}] and its keys below it.")
        _check(table, LAB, path.name, f" of [labs.{lab}]")
        settings.labs[lab] = dict(table)
        if "due" in table:
            settings.labs[lab]["due"] = dates.read_date(table["due"], f"{lab} in {path.name}", zone)
    _check_ranges(settings)
    return settings


def _known(keys, known, file, what):
    for key in keys:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1, 0.6)
            other = difflib.get_close_matches(key, PLACES, 1, 0.6) if not near and what.startswith("key") else ()
            cure = f"choose from {', '.join(known)}."
            if near or other:
                cure = f"did you mean {near[0]}?" if near else f"did you mean {other[0]} under {PLACES[other[0]]}?"
            raise CourseError(f"{file}: there is no {what} {key}: {cure}")


def _check(table, known, file, where):
    """Raise CourseError for a key that is not known or a value of another kind."""
    if not isinstance(table, dict):
        raise CourseError(f"{file}: what stands{where} must be a table: write it in brackets, its keys below it.")
    _known(table, known, file, f"key{where}")
    for key, value in table.items():
        kind = known[key]
        right = {
            NUMBER: isinstance(value, int | float) and not isinstance(value, bool),
            WHOLE: isinstance(value, int) and not isinstance(value, bool),
            YES_NO: isinstance(value, bool),
            TEXT: isinstance(value, str),
            DATE: isinstance(value, str | datetime.date),
            dict: isinstance(value, dict),
        }[kind]
        if not right:
            kind = "a table" if kind is dict else kind
            raise CourseError(f"{file}: {key}{where} is {value!r}: write {kind}.")


def _check_ranges(settings):
    limits = {"percent_per_day": 100, "most_percent": 100, "grace_minutes": 10_000, "drop_lowest": 1000}
    for key, most in limits.items():
        if not 0 <= getattr(settings, key) <= most:
            raise CourseError(f"{settings.file}: {key} is {getattr(settings, key)}: write 0 to {most}.")
    if not 0 < settings.out_of < float("inf"):
        raise CourseError(f"{settings.file}: out_of is {settings.out_of}: write a full mark, such as 100.")
    for lab, table in settings.labs.items():
        if not 0 <= table.get("weight", 1) < float("inf"):
            raise CourseError(f"{settings.file}: weight of {lab} is {table['weight']}: write 0 or more.")
