"""One page of feedback: which exercises are right, what is still to be marked, and the notebook as it was graded."""

import html
import json
import re
from dataclasses import dataclass
from pathlib import Path

from tflite_course.grading import clean_html, gradebook

PAGES = Path(__file__).parent / "pages"
WORDS = {"full": "all points", "part": "a part of the points", "none": "no points yet", "waits": "waits for a person"}
MOST_CODE = 50_000  # letters of a cell that is coloured
ICONS = {  # a tick, a half circle, an open circle and a clock: the word beside it says the same
    "full": '<path d="M2 8.5 6.2 13 14 3.5" fill="none" stroke="currentColor" stroke-width="2.4"/>',
    "part": '<circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.6"/>'
    '<path d="M8 1.8a6.2 6.2 0 0 0 0 12.4z" fill="currentColor"/>',
    "none": '<circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.6"/>',
    "waits": '<circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.6"/>'
    '<path d="M8 4v4.4l3 1.8" fill="none" stroke="currentColor" stroke-width="1.6"/>',
}


@dataclass
class Row:
    """An exercise or a criterion: its title, points and, in one line, why."""

    name: str
    title: str
    score: float
    most: float
    state: str  # a key of WORDS
    by_checks: bool
    reason: str = ""
    anchor: str = ""
    remark: str = ""  # HTML

    @property
    def word(self):
        return WORDS[self.state]

    @property
    def shown(self):
        return f"– of {self.most:g}" if self.state == "waits" else f"{self.score:g} of {self.most:g}"


def make_page(work, lab, student, notebook, released, notes):
    """Return the page as HTML. notebook: as it was graded; released: the lab; notes: sentences about the submission."""
    marks, remarks = _read_marks(work, lab, student)
    rows = _rows(marks, remarks, notebook, released)
    cells = _cells(notebook, released, {row.name: row for row in rows}, remarks)
    return _render(
        title=title_of(released), student=student, summary=summary(rows), notes=notes, rows=rows, cells=cells
    )


def make_plain_page(work, lab, student, released, notes):
    """Return a page with the points and the sentences alone, for a submission of which no better one can be made."""
    try:
        marks, remarks = _read_marks(work, lab, student)
        rows = _rows(marks, remarks, None, released)
    except Exception:  # not even in the gradebook
        rows = []
    said = summary(rows) if rows else "Nothing could be graded."
    return _render(title=title_of(released), student=student, summary=said, notes=notes, rows=rows, cells=[])


def _render(**content):
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup
    from pygments.formatters import HtmlFormatter

    environment = Environment(loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined)
    style = (PAGES / "feedback.css").read_text(encoding="utf-8") + HtmlFormatter(style="default").get_style_defs("pre")

    def icon(state):
        return Markup(f'<svg class="icon" viewBox="0 0 16 16" aria-hidden="true">{ICONS[state]}</svg>')

    page = environment.get_template("feedback.html.j2")
    return page.render(policy=clean_html.POLICY, style=Markup(style), icon=icon, **content)


# --- marks


def _read_marks(work, lab, student):
    """Return ({grade_id: its grade as a dict}, {grade_id: what a person remarked})."""
    from nbgrader.api import Gradebook

    with Gradebook(gradebook.database(work), gradebook.COURSE_ID) as book:
        part = book.find_submission_notebook(lab, lab, student)
        marks = {
            grade.name: {
                "score": float(grade.score or 0),
                "most": float(grade.max_score),
                "waits": bool(grade.needs_manual_grade),
                "by_checks": grade.cell.cell_type == "code" and grade.manual_score is None,
            }
            for grade in part.grades
        }
        remarks = {comment.name: comment.manual_comment for comment in part.comments if comment.manual_comment}
    return marks, remarks


def _rows(marks, remarks, notebook, released):
    """Return the rows of the table in the order of the lab."""
    graded = {_name(cell): cell for cell in notebook.cells} if notebook is not None else {}
    rows = []
    for name, title in titles(released).items():
        mark = marks.get(name)
        if mark is None or mark["most"] == 0:
            continue
        score, most = mark["score"], mark["most"]
        state = "waits" if mark["waits"] else "full" if score >= most else "part" if score > 0 else "none"
        row = Row(name, title, score, most, state, mark["by_checks"])
        row.anchor = f"exercise-{name}" if name in graded else ""
        row.remark = _safe(clean_html.without_headings(clean_html.markdown(remarks[name]))) if name in remarks else ""
        row.reason = _reason(row, graded.get(name), remarks.get(name))
        rows.append(row)
    return rows


def _reason(row, cell, remark):
    if remark:
        return _one_line(remark)
    if row.state == "waits":
        return "A person reads it."
    if cell is None or cell.cell_type != "code":
        return "" if row.score else "Nothing was written here." if not row.by_checks else ""
    said = [line for line in last_run(cell) if re.match(r"(Right|Not yet|So far)\b", line)]
    if said:
        return "Right." if said[-1].startswith("Right") else _one_line(said[-1])
    return "" if row.state == "full" else "The check did not run to its end: look at the cells above it."


def summary(rows):
    """Return the points in a sentence: by checks, by a person, and what is still to be marked."""
    checked, marked = ([r for r in rows if r.state != "waits" and r.by_checks == by] for by in (True, False))
    parts = [
        f"{sum(r.score for r in group):g} of {sum(r.most for r in group):g} {by}"
        for group, by in ((checked, "by checks"), (marked, "by a person"))
        if group
    ]
    if waiting := sum(row.most for row in rows if row.state == "waits"):
        return ", ".join([*parts, f"{waiting:g} still to be marked by a person"]) + "."
    total = f"{sum(row.score for row in rows):g} of {sum(row.most for row in rows):g} points"
    return f"{total}: {', '.join(parts)}." if len(parts) > 1 else f"{total}."


# --- names


def _name(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def title_of(released):
    """Return the title of a lab, the first heading in it."""
    found = (re.search(r"^# +(.+)", cell.source, re.M) for cell in released.cells if cell.cell_type == "markdown")
    return next((match[1].strip() for match in found if match), "Feedback")


def titles(released):
    """Return {grade_id of a cell that gives points: the name of its exercise}, in the order of the lab."""
    found, heading = {}, "Exercise"
    for cell in released.cells:
        data = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "markdown" and not data:
            headings = re.findall(r"^#{1,4} +(.+)", cell.source, re.M)
            heading = _without_points(headings[-1]) if headings else heading
        elif data.get("task"):
            bold = re.search(r"\*\*(.+?)\*\*", cell.source)
            found[data.grade_id] = _without_points(bold[1]) if bold else heading
        elif data.get("grade"):
            found[data.grade_id] = heading
    return found


def _without_points(text):
    return re.sub(r"\s*\(\d+ points?\)\s*$", "", text.strip())


# --- cells


def _cells(notebook, released, rows, remarks):
    """Return what the page shows of each cell, dicts with a kind and HTML that is safe."""
    course = {cell.source.strip() for cell in released.cells if not _name(cell)}
    shown = []
    for cell in notebook.cells:
        data, name = cell.metadata.get("nbgrader", {}), _name(cell)
        if "mark_scheme" in cell.metadata or not (cell.source.strip() or name):
            continue
        remark = _safe(clean_html.markdown(remarks[name])) if name in remarks else ""
        if data.get("grade") and not data.get("solution") and name in rows:
            shown.append({"kind": "check", "row": rows[name], "text": "\n".join(last_run(cell)), "html": ""})
        elif data.get("task") and name in rows:
            levels = clean_html.without_headings(clean_html.markdown(cell.source))
            shown.append({"kind": "criterion", "row": rows[name], "text": "", "html": _safe(levels)})
        elif cell.cell_type == "code":
            outputs = [_safe(found) for output in cell.outputs if (found := _output(output))]
            shown.append({"kind": "code", "html": _safe(_coloured(cell.source)), "outputs": outputs, "remark": remark})
        else:
            text = cell.source.removeprefix(f"# {title_of(released)}")
            found = clean_html.markdown(text, cell.get("attachments"))
            own = cell.source.strip() not in course
            found = clean_html.without_headings(found) if own else clean_html.lower_headings(found)
            kind = "answer" if data.get("solution") else "text"
            shown.append({"kind": kind, "html": _safe(found), "row": rows.get(name), "remark": remark})
    return shown


def _safe(text):
    from markupsafe import Markup

    return Markup(text)


def last_run(cell):
    """Return the lines of the last run of a check; it runs once as in the lab and once with other inputs."""
    outputs = cell.get("outputs", [])
    said = "".join(o.text for o in outputs if o.output_type == "stream" and o.name == "stdout")
    runs = re.split(r"^(?=Tested: )", said, flags=re.M)
    lines = runs[-1].strip("\n").split("\n") if said else []
    return lines or [f"{o.ename}: {o.evalue}" for o in outputs if o.output_type == "error"]


def _coloured(source):
    if len(source) > MOST_CODE:
        return html.escape(source)
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return highlight(source, PythonLexer(), HtmlFormatter(nowrap=True))


def _output(output):
    """Return an output of a cell as clean HTML, "" for what shows nothing."""
    kind = output.output_type
    if kind == "stream":
        return _plain(output.text) if output.name == "stdout" else ""
    if kind == "error":
        return _plain(f"{output.ename}: {output.evalue}")
    data = output.get("data", {})
    for picture in ("image/png", "image/jpeg", "image/gif", "image/webp"):
        if picture in data:
            alt = "A picture that the cell showed"
            return clean_html.clean(f'<img alt="{alt}" src="data:{picture};base64,{data[picture]}">')
    if "image/svg+xml" in data:
        import base64

        drawn = base64.b64encode(data["image/svg+xml"].encode("utf-8")).decode("ascii")
        return f'<img alt="A drawing that the cell showed" src="data:image/svg+xml;base64,{drawn}">'
    if "text/html" in data:
        return clean_html.without_headings(clean_html.clean(data["text/html"]))
    if "text/markdown" in data:
        return clean_html.without_headings(clean_html.markdown(data["text/markdown"]))
    return _plain(data.get("text/latex") or data.get("text/plain") or "")


def _plain(text):
    """Return printed text without colours; of a line that was written over, what was left."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b.?|\x08", "", text)
    lines = [line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.rstrip("\n").split("\n")]
    return f"<pre>{html.escape(chr(10).join(lines))}</pre>" if any(lines) else ""


def _one_line(text):
    text = " ".join(text.split())
    return text if len(text) <= 200 else f"{text[:199]}…"


def notes_of(work, lab, student):
    """Return the sentences that the last run said about a submission: in its record, else in the gradebook."""
    try:
        found = json.loads((Path(work) / "records" / lab / f"{student}.json").read_text(encoding="utf-8"))["notes"]
        return [note for note in found if isinstance(note, str)]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    from nbgrader.api import Gradebook, MissingEntry

    try:
        with Gradebook(gradebook.database(work), gradebook.COURSE_ID) as book:
            comments = [c.auto_comment for c in book.find_submission_notebook(lab, lab, student).comments]
    except MissingEntry:
        return ["nothing is in the gradebook: the submission was not graded."]
    said = [line for text in comments if text and text != "No response." for line in text.split("\n\n")]
    return list(dict.fromkeys(said))
