"""What the desk shows of a submission: texts and outputs as clean HTML, the mark scheme, and lines of the report."""

import html
import json
import re
from pathlib import Path

from tflite_course import journal
from tflite_course.grading import clean_html, evidence, journal_report, regrade, versions

SCHEME = re.compile(r"={3} *BEGIN MARK SCHEME *={3}(.*?)={3} *END MARK SCHEME *={3}", re.S)
ANCHOR = re.compile(r'<a [^>]*href="#[^"]*"[^>]*>¶</a>')  # nbconvert's, behind each heading
PICTURES = ("image/png", "image/jpeg", "image/gif")
FOREIGN = re.compile(r'<img\b(?![^>]*\bsrc="data:image/)[^>]*>')
MOST_LETTERS, MOST_PICTURE = 100_000, 3 * 2**20
ASSETS = Path(__file__).resolve().parents[3] / "assets" / "journals"


def as_html(source, attachments=None):
    """Return Markdown of a student as HTML without scripts, frames, handlers, styles and addresses of pictures."""

    def embedded(match):
        data = (attachments or {}).get(match[1], {})
        kind = next((kind for kind in PICTURES if isinstance(data.get(kind), str)), None)
        fits = kind and len(data[kind]) <= MOST_PICTURE and re.fullmatch(r"[A-Za-z0-9+/=\s]*", data[kind])
        return f"data:{kind};base64,{''.join(data[kind].split())}" if fits else "data:,"

    source = re.sub(r"attachment:([^)\s\"]+)", embedded, source[:MOST_LETTERS])
    return FOREIGN.sub("(a picture that is not in the notebook)", ANCHOR.sub("", clean_html.markdown(source)))


def source_of(cell):
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(map(str, source))


def _cells(path):
    try:
        cells = json.loads(Path(path).read_text(encoding="utf-8", errors="replace"))["cells"]
        return [cell for cell in cells if isinstance(cell, dict)]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []


def name_of(cell):
    return (cell.get("metadata", {}).get("nbgrader") or {}).get("grade_id", "")


def scheme(work, lab, exercise):
    """Return (what is asked, the mark scheme), two texts in Markdown, of a lab's source."""
    for name, marked, cell in versions.read_cells(regrade.paths(work, lab)[0]):
        if name == exercise and marked.get("task"):
            found = SCHEME.search(cell["source"])
            return SCHEME.sub("", cell["source"]).strip(), found[1].strip() if found else ""
        if name == exercise and marked.get("grade"):
            return _question(work, lab, exercise), cell["source"].strip()  # the author's answer, and the points
    return "", ""


def _question(work, lab, exercise):
    """Return the text that stands before an answer in the released lab."""
    before = ""
    for cell in _cells(regrade.paths(work, lab)[1]):
        if name_of(cell) == exercise:
            return before
        if cell["cell_type"] == "markdown" and not name_of(cell):
            before = source_of(cell)
    return before


def levels(text):
    """Return {points: what they are for} of a mark scheme of lines such as "- 3: ...", empty for another form."""
    return {int(points): said.strip() for points, said in re.findall(r"^- (\d+): (.+)$", text, re.M)}


def submission(work, lab, student, exercise):
    """Return what a marker reads of a submission: [(heading, HTML)], and lines about it, a list of text."""
    path = Path(work) / "autograded" / student / lab / f"{lab}.ipynb"
    cells = _cells(path) or _cells(regrade.paths(work, lab, student)[2])
    if lab == journal_report.NOTEBOOK_ID:
        parts = [
            (journal.SECTIONS[name_of(cell)], as_html(source_of(cell), cell.get("attachments")))
            for cell in cells
            if name_of(cell) in journal.SECTIONS
        ]
        return parts, _journal_lines(work, student)
    parts, shown = [], []
    for cell in cells:
        if name_of(cell) == exercise:
            parts.append(("Answer", as_html(source_of(cell), cell.get("attachments"))))
            break
        if cell.get("cell_type") == "code" and not name_of(cell).startswith(versions.CHECK):
            shown = [*shown, _printed(cell)][-2:]
    printed = [("What the cells before it print", text) for text in shown if text]
    return [*parts, *printed], []


def _printed(cell):
    """Return the text that a cell printed as HTML."""
    found = []
    for output in cell.get("outputs") or ():
        text = output.get("text") or (output.get("data") or {}).get("text/plain") or output.get("evalue") or ""
        found.append(text if isinstance(text, str) else "".join(map(str, text)))
    text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(found))[:5000]
    return f"<pre>{html.escape(text)}</pre>" if text.strip() else ""


def _journal_lines(work, student):
    return [f"{name}: {line}" for name, line in report(work).get(student, ())]


_reports = {}


def report(work):
    """Return {student: [(kind, line)]} of the journal report of a class, made once for its submissions of now."""
    folders = sorted(Path(work).glob(f"submitted/*/{journal_report.NOTEBOOK_ID}"))
    state = tuple((f.parent.name, p.stat().st_mtime_ns) for f in folders for p in sorted(f.glob("*.ipynb")))
    if _reports.get("state") != (str(work), state):
        rows = journal_report.make_report({f.parent.name: journal_report.read_submission(f) for f in folders})
        lines = {
            row["student"]: [(name, html.unescape(text)) for name in journal_report.LISTS for text in row[name]]
            for row in rows
        }
        _reports.update(state=(str(work), state), lines=lines)
    return _reports["lines"]


def evidence_of(work, student):
    """Return the entries of a journal's evidence."""
    folder = regrade.paths(work, journal_report.NOTEBOOK_ID, student)[2].parent
    return journal_report.read_submission(folder)["evidence"] if folder.is_dir() else []


def evidence_table(entries):
    """Return entries of evidence as an HTML table."""
    rows = "".join(
        f"<tr><th scope='row'>{html.escape(str(e['name']))}</th><td>{html.escape(str(e['date'])[:16])}</td><td>"
        + html.escape(", ".join(f"{key} {value}" for key, value in e["values"].items() if key != "sha256"))
        + "</td></tr>"
        for e in entries[: evidence.MOST_ENTRIES]
    )
    head = "<thead><tr><th scope='col'>entry</th><th scope='col'>date</th><th scope='col'>values</th></tr></thead>"
    return f"<table>{head}<tbody>{rows}</tbody></table>" if rows else ""


def samples():
    """Return {name: (Markdown, {criterion: {"mark", "reason"}}, entries)} of the journals that come with the course."""
    found = {}
    for name in ("weak", "fair", "strong"):
        text, marked = ASSETS / f"{name}.md", ASSETS / f"{name}.json"
        if text.is_file() and marked.is_file():
            record = json.loads(marked.read_text(encoding="utf-8"))
            found[name] = (text.read_text(encoding="utf-8"), record["marks"], record.get("evidence", []))
    return found


def sample_parts(text):
    return [
        (journal.SECTIONS[name], as_html(section))
        for name, section in journal.split_markdown(text).items()
        if section.strip() and name in journal.SECTIONS
    ]
