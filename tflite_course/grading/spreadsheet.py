"""Text of students in files for a person: CSV that a spreadsheet opens safely, and lines of a report."""

import csv
import html
from pathlib import Path

from tflite_course.errors import CourseError


def as_cell(value):
    """Return a value for a cell of a spreadsheet that does not begin as a formula does."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return value if value == "-" else "'" + value
    return "" if value is None else value


def write(path, header, rows, as_they_are=False):
    """Write rows, lists of plain values, under a header as CSV that Excel reads as UTF-8; as_cell makes them safe.

    Raises CourseError when another program holds the file, as Excel does on Windows.
    """
    try:
        with open(path, "w", newline="", encoding="utf-8-sig") as stream:  # the mark makes Excel read UTF-8
            writer = csv.writer(stream)
            writer.writerow(header)
            writer.writerows(row if as_they_are else [as_cell(value) for value in row] for row in rows)
    except PermissionError:
        name = Path(path).name
        raise CourseError(f"{name} cannot be written: close it in the other program, and run again.") from None


def one_line(text):
    """Return what a student wrote as one short line without control characters, HTML escaped."""
    return html.escape("".join(c if c.isprintable() else " " for c in str(text))[:120])
