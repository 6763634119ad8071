"""Dates as people and platforms write them. A date that can be read in two ways is refused."""

import datetime
import re
import zoneinfo

from tflite_course.errors import CourseError

MONTHS = {name: k for k, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
END_OF_DAY = datetime.time(23, 59, 59)
ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?\s?(?:Z|UTC|[+-]\d\d:?\d\d)?)?")
TIME = r"(?:[ ,T]+(?P<h>\d{1,2})[:.]?(?P<min>\d\d)(?::(?P<s>\d\d))?\s*(?P<half>[AaPp]\.?[Mm]\.?)?)?"
POINTS = re.compile(r"(?P<d>\d{1,2})\.\s?(?P<m>\d{1,2})\.\s?(?P<y>\d{4})" + TIME)
SLASHES = re.compile(r"(?P<a>\d{1,2})[/-](?P<b>\d{1,2})[/-](?P<y>\d{4})" + TIME)
YEAR_FIRST = re.compile(r"(?P<y>\d{4})/(?P<m>\d{1,2})/(?P<d>\d{1,2})" + TIME)
WORDS = re.compile(r"(?:[A-Za-z]+, )?(?P<mon>[A-Za-z]{3})[a-z]*\.? (?P<d>\d{1,2}),? (?P<y>\d{4})" + TIME)
DAY_WORDS = re.compile(r"(?:[A-Za-z]+, )?(?P<d>\d{1,2})\.? (?P<mon>[A-Za-z]{3})[a-z]*\.? (?P<y>\d{4})" + TIME)


def zone_of(name=None):
    """Return a time zone by name, or this machine's. Raises CourseError for a name that is not known."""
    if not name:
        return datetime.datetime.now().astimezone().tzinfo
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise CourseError(f"There is no time zone {name!r}: write one such as Europe/Berlin.") from None


def aware(when, zone=None):
    """Return a datetime with a time zone: its own, or the one given, or this machine's."""
    if when.tzinfo:
        return when
    return when.replace(tzinfo=zone) if zone else when.astimezone()


def read_date(value, what, zone=None):
    """Return a date as people write it as a datetime with a time zone; a date alone means the end of that day.

    value: a date, a datetime or text; what: what it is the date of, for the message.
    Raises CourseError when it cannot be read, or can be read in two ways.
    """
    if isinstance(value, datetime.datetime):
        return aware(value, zone)
    if isinstance(value, datetime.date):
        return aware(datetime.datetime.combine(value, END_OF_DAY), zone)
    text = str(value).strip()
    cure = "write it as 2026-12-01, 2026-12-01T18:00+01:00 or 01.12.2026"
    try:
        if ISO.fullmatch(text):
            tidy = text.replace(" UTC", "Z").replace(",", ".")
            when = datetime.datetime.fromisoformat(re.sub(r"(?<=\d) (?=[+-]|Z)", "", tidy))
            return aware(datetime.datetime.combine(when, END_OF_DAY) if len(text) == 10 else when, zone)
        if match := SLASHES.fullmatch(text):
            first, second = int(match["a"]), int(match["b"])
            if first != second and first <= 12 and second <= 12:
                raise CourseError(f"The date {text} of {what} can be read in two ways: {cure}.")
            day, month = (second, first) if second > 12 else (first, second)
            return aware(_at(match, month, day), zone)
        for pattern in (POINTS, YEAR_FIRST):
            if match := pattern.fullmatch(text):
                return aware(_at(match, int(match["m"]), int(match["d"])), zone)
        for pattern in (WORDS, DAY_WORDS):
            if (match := pattern.fullmatch(text)) and match["mon"].lower() in MONTHS:
                return aware(_at(match, MONTHS[match["mon"].lower()], int(match["d"])), zone)
    except CourseError:
        raise
    except ValueError:
        raise CourseError(f"There is no date {text} ({what}): {cure}.") from None
    raise CourseError(f"The date {text!r} of {what} cannot be read: {cure}.")


def _at(match, month, day):
    date = datetime.date(int(match["y"]), month, day)
    if match["h"] is None:
        return datetime.datetime.combine(date, END_OF_DAY)
    hour = int(match["h"])
    if half := match["half"]:
        if not 1 <= hour <= 12:
            raise ValueError("no such hour")
        hour = hour % 12 + (12 if half[0] in "pP" else 0)
    return datetime.datetime.combine(date, datetime.time(hour, int(match["min"]), int(match["s"] or 0)))


def maybe_date(value, zone=None):
    """Return a date that a platform wrote, or None when it cannot be read in one way."""
    try:
        return read_date(value, "a file", zone)
    except CourseError:
        return None
