"""The inbox as a table: file, student, lab, version, on time, and what is odd. For the terminal and as inbox.csv."""

import unicodedata
from pathlib import Path

from tflite_course.grading import spreadsheet

HEADER = ["file", "student", "name", "group", "lab", "version", "handed in", "on time", "files", "odd"]
WIDEST = {"file": 48, "student": 18, "name": 24, "odd": 60}


def rows_of(inbox):
    """Return the rows of an Inbox under HEADER: one a student and lab, and one a student without any."""
    rows = []
    for submission in inbox.submissions:
        who = [submission.student, submission.name, submission.person.group if submission.person else ""]
        for lab, handed in sorted(submission.handed.items()):
            when = handed.when.strftime("%Y-%m-%d %H:%M") if handed.when else ""
            when += " (in the archive)" if handed.clock == "archive" else ""
            odd = "; ".join([*handed.odd, *(submission.problems if lab == min(submission.handed) else [])])
            version = f"{handed.version} of {handed.of}" if handed.of > 1 else "1"
            rows.append([handed.source, *who, lab, version, when, submission.on_time.get(lab, "")])
            rows[-1] += [len(handed.files) or "", odd]
        if not submission.handed:
            source = ", ".join(submission.places)
            rows.append([source, *who, "", "", "", "", "", "; ".join(submission.problems)])
    return rows


def write(inbox, work):
    """Write inbox.csv into the work folder, with what concerns nobody in the last rows; return its path."""
    path = Path(work) / "inbox.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    rest = [[""] * (len(HEADER) - 1) + [note] for note in inbox.notes]
    spreadsheet.write(path, HEADER, [*rows_of(inbox), *rest])
    return path


def width(text):
    """Return the columns that text takes in a terminal: wide letters take two, marks on letters none."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _cut(text, most):
    text = "".join(c if c.isprintable() else " " for c in str(text))
    if width(text) <= most:
        return text
    while width(text) > most - 1:
        text = text[:-1]
    return f"{text}…"


def show(inbox):
    """Return the table as lines for a terminal; an odd row begins with "!" and its sentences stand below it."""
    rows = rows_of(inbox)
    columns = [name for name in HEADER if name != "odd" and any(row[HEADER.index(name)] != "" for row in rows)]
    places = [HEADER.index(name) for name in columns]
    shown = [[_cut(row[k], WIDEST.get(HEADER[k], 26)) for k in places] for row in rows]
    widths = [max(width(cell) for cell in column) for column in zip(columns, *shown, strict=True)] if shown else []
    lines = ["  " + _line(columns, widths)] if rows else []
    for row, cells in zip(rows, shown, strict=True):
        lines.append(("! " if row[-1] else "  ") + _line(cells, widths))
        lines += [f"      {_cut(part, 200)}" for part in row[-1].split("; ") if part]
    return [*lines, "", inbox.summary(), *inbox.notes]


def _line(cells, widths):
    return "  ".join(cell + " " * (most - width(cell)) for cell, most in zip(cells, widths, strict=True)).rstrip()
