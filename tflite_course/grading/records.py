"""What is known of each graded submission: one JSON file each, records/<lab>/<student>.json in the work folder.

A record holds the points, what was said about the submission, the hashes by which the next run knows what changed, the
marks of each exercise and the history of each mark. It is written last and at once, so a submission without one is not
through. marks_log.csv is made out of the records.
"""

import datetime
import hashlib
import json
import os
import secrets
from pathlib import Path

from tflite_course.errors import CourseError
from tflite_course.grading import spreadsheet

FOLDER = "records"
# of an empty record; None: graded by an edition that kept no records, so nothing is known
EMPTY = {
    "student": "",
    "lab": "",
    "score": 0.0,
    "max_score": 0.0,
    "notes": [],
    "hints": {},
    "crashed": False,
    "flags": [],
    "handed_in": None,
    "lab_version": None,
    "checks_version": None,
    "graded_at": None,
    "gradings": 0,
    "reason": "",
    "answers": {},
    "cells": {},
    "checks": {},
    "marks": {},
    "history": [],
}


def now():
    """Return the time as text, in UTC and to the second, as ISO 8601 writes it."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def fingerprint(content):
    """Return the SHA-256 of bytes or text, 64 hexadecimal digits."""
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogatepass")
    return hashlib.sha256(content).hexdigest()


def handed_in(text, files=None):
    """Return the hash of what was handed in: the text of the notebook, and files beside it, {name: content}."""
    if not files:
        return fingerprint(text)
    parts = [("", text), *(sorted(files.items()) if isinstance(files, dict) else enumerate(files))]
    return fingerprint("".join(f"{name} {fingerprint(_plain(content))}\n" for name, content in parts))


def _plain(content):
    return content if isinstance(content, (str, bytes)) else repr(content)


def write_text(path, text):
    """Write a file at once: it has the old content or the new one, also when the disk is full or the process ends."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(6)}")  # readable for whom the folder is made
    try:
        with open(part, "x", encoding="utf-8", errors="replace", newline="") as stream:
            stream.write(text)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def path_of(work, lab, student):
    return Path(work) / FOLDER / lab / f"{student}.json"


def read(work, lab, student):
    """Return the record of a submission, a dict, or None when there is none."""
    return _load(path_of(work, lab, student))


def read_all(work, labs=None):
    """Return {(lab, student): record}, sorted; labs: only these."""
    found = {}
    for path in sorted((Path(work) / FOLDER).glob("*/*.json")):
        if not path.name.startswith(".") and (labs is None or path.parent.name in labs):
            record = _load(path)
            if record is not None:
                found[path.parent.name, path.stem] = record
    return found


def _load(path):
    """Return a record; a damaged one is set aside as <name>.damaged, and its submission is graded again."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(record, dict) or not all(isinstance(record.get(k), dict) for k in ("marks", "answers")):
            raise ValueError("not a record")
        return EMPTY | record
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError):
        path.replace(path.with_suffix(".damaged"))
        return None


def write(work, record):
    """Write a record at once. Raises OSError when the disk is full."""
    text = json.dumps(EMPTY | record, indent=1, ensure_ascii=False)
    write_text(path_of(work, record["lab"], record["student"]), text + "\n")


def result(record):
    """Return what grade() returns of a submission, out of its record."""
    keys = ("student", "lab", "score", "max_score", "notes", "hints", "crashed", "flags")
    return {key: record[key] for key in keys}


LOG = ["date", "student", "lab", "exercise", "by", "old", "new", "reason", "remark"]


def write_log(work, known):
    """Write marks_log.csv, one line for each change of a mark, out of what read_all() returned; return its path.

    Raises CourseError when another program holds the file open.
    """
    entries = [
        [entry.get("date"), student, lab, *(entry.get(key) for key in LOG[3:])]
        for (lab, student), record in known.items()
        for entry in record["history"]
    ]
    path = Path(work) / "marks_log.csv"
    try:
        spreadsheet.write(path, LOG, sorted(entries, key=str))
    except PermissionError:
        raise CourseError(f"{path.name} cannot be written: close it in the other program, and run again.") from None
    return path
