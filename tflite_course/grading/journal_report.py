"""Look over the journals of a class: `python -m tflite_course.grading.journal_report grading`.

Writes journal_report.csv and journal_report.txt into the work folder: words of each section, what is missing, numbers
that are not those of the evidence table, evidence that is another student's to the last digit, and texts that are
nearly the same. It points to places for a person to look at, and gives no marks. What students wrote is read as data
and escaped.
"""

import argparse
import json
import sys
from pathlib import Path

from tflite_course import journal
from tflite_course.errors import CourseError
from tflite_course.grading import evidence, read, spreadsheet
from tflite_course.grading.claims import find_contradictions
from tflite_course.grading.likeness import find_near_duplicates, find_same_evidence, sample_texts
from tflite_course.grading.spreadsheet import one_line

NOTEBOOK_ID = "journal"
MOST_BYTES, MOST_LETTERS = 20 * 2**20, 100_000


def read_submission(folder):
    """Return {"texts", "evidence", "problems"} of a folder with journal.ipynb and, if there is one, work/journal.json.

    Never raises for what a student handed in: problems says what could not be read.
    """
    texts, found, problems = dict.fromkeys(journal.SECTIONS, ""), [], []
    notebook, path = Path(folder) / f"{NOTEBOOK_ID}.ipynb", Path(folder) / journal.FILE
    try:
        if notebook.stat().st_size > MOST_BYTES:
            raise CourseError(f"the notebook is larger than {MOST_BYTES:,} bytes")
        content, _ = read.read(notebook.read_bytes())
        texts = {name: text[:MOST_LETTERS] for name, text in journal.read_texts(content).items()}
        if not path.is_file():
            found = evidence.evidence_of(content)
    except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        problems.append(f"the notebook cannot be read ({one_line(str(error))})")
    if path.is_file():
        try:
            found, wrong = evidence.checked(json.loads(path.read_text(encoding="utf-8")[:MOST_BYTES])["entries"])
            problems += [f"{wrong} damaged entries of the evidence were left out"] * bool(wrong)
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            problems.append("the evidence is damaged")
    return {"texts": texts, "evidence": found, "problems": problems}


def _claims(submission):
    """Return (contradictions, unsupported) of one journal; one that cannot be compared says so and stops no other."""
    try:
        return find_contradictions(submission["texts"], submission["evidence"])
    except Exception as error:
        submission["problems"].append(f"its numbers cannot be compared ({type(error).__name__})")
        return [], []


def make_report(submissions):
    """Return the rows of the report, one dict a student, sorted by name.

    submissions: {student: what read_submission() returned}. Lists in a row hold plain sentences.
    """
    rows = {}
    for student, submission in sorted(submissions.items()):
        texts, found = submission["texts"], submission["evidence"]
        contradictions, unsupported = _claims(submission)
        counts = {name: journal.count_words(text) for name, text in texts.items()}
        rows[student] = {
            "student": student,
            "words": sum(counts.values()),
            "sections": counts,
            "entries": len(found),
            "missing": journal.empty_fields(texts, evidence=found),
            "contradictions": contradictions,
            "unsupported": unsupported,
            "same evidence": [],
            "near duplicates": [],
            "problems": submission["problems"],
        }
    for student, other, names in find_same_evidence({s: v["evidence"] for s, v in submissions.items()}):
        for one, two in ((student, other), (other, student)):
            rows[one]["same evidence"].append(f"{two}: {', '.join(one_line(name) for name in names)}")
    texts = {student: submission["texts"] for student, submission in submissions.items()}
    for student, other, where, likeness in find_near_duplicates(texts | sample_texts()):
        where = journal.SECTIONS.get(where, where)
        for one, two in ((student, other), (other, student)):
            if one in rows:
                rows[one]["near duplicates"].append(f"{two}: {where}, {likeness:.0%} alike")
    return list(rows.values())


LISTS = ("missing", "contradictions", "unsupported", "same evidence", "near duplicates", "problems")


def as_text(rows):
    """Return the report for a person: one line a student, and one for each thing to look at."""
    lines = []
    for row in rows:
        counts = ", ".join(f"{name} {count}" for name, count in row["sections"].items())
        lines.append(
            f"{one_line(row['student'])}: {row['words']} words ({counts}), {row['entries']} entries of evidence"
        )
        lines += [f"  {name}: {text}" for name in LISTS for text in row[name]]
    return "\n".join(lines) + "\n"


def write_report(work):
    """Write journal_report.csv and journal_report.txt for the submitted journals; return their paths.

    work: the work folder of the grading command. Raises CourseError when no journal was submitted.
    """
    folders = sorted(Path(work).glob(f"submitted/*/{NOTEBOOK_ID}"))
    if not folders:
        raise CourseError(
            f"There is no journal in {Path(work).name}/submitted: collect them with "
            f"`python -m tflite_course.grading submissions --labs {NOTEBOOK_ID}` first."
        )
    rows = make_report({folder.parent.name: read_submission(folder) for folder in folders})
    table, text = Path(work) / "journal_report.csv", Path(work) / "journal_report.txt"
    header = ["student", "words", *(f"words: {name}" for name in journal.SECTIONS), "entries", *LISTS]
    lines = [
        [row["student"], row["words"], *row["sections"].values(), row["entries"], *("; ".join(row[x]) for x in LISTS)]
        for row in rows
    ]
    spreadsheet.write(table, header, lines)
    text.write_text(as_text(rows), encoding="utf-8")
    return [table, text]


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m tflite_course.grading.journal_report", description=__doc__.split("\n")[0]
    )
    parser.add_argument("work", type=Path, nargs="?", default=Path("grading"), help="the work folder of the grading")
    try:
        paths = write_report(parser.parse_args(arguments).work)
    except CourseError as error:
        sys.exit(str(error))
    print(paths[1].read_text(encoding="utf-8"), end="")
    print("\n".join(str(path) for path in paths))
