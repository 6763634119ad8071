"""Feedback as archives that platforms take back: the names are those of the downloads, which is how they find people.

- Moodle ("Upload multiple feedback files in a zip"): is_valid_filename_for_import in
  https://github.com/moodle/moodle/blob/main/mod/assign/feedback/file/importziplib.php looks for a folder
  fullname_number_plugintype_pluginname; a file in it becomes feedback.
- Canvas ("Upload submissions"): infer_comment_context_from_filename in
  https://github.com/instructure/canvas-lms/blob/master/app/models/abstract_assignment.rb takes the first two numbers
  between "_" of a file's name as user and attachment (behind anon_, the anonymous id). The student sees the file under
  the name of the attachment, so the kind of file must stay: a notebook comes back as a notebook that holds the
  feedback, an archive as an archive with the page.
"""

import html
import io
import zipfile
from pathlib import Path

import nbformat

from tflite_course.grading import marks as all_marks


def write_uploads(work, marks=None):
    """Write upload/moodle_<lab>.zip and upload/canvas_<lab>.zip of all labs with feedback; return the paths.

    marks: of marks.read_marks, when they are at hand.
    """
    work, criteria = Path(work), {}
    marks = marks or all_marks.read_marks(work)
    for row in marks.criteria:
        criteria.setdefault((row[0], row[1]), []).append(row)
    archives = {}
    for (student, lab), mark in sorted(marks.marks.items()):
        page = work / "feedback" / student / lab / f"{lab}.html"
        if not page.is_file():
            continue
        made = _file(mark, page, criteria.get((student, lab), []))
        if made:
            archives.setdefault((mark.entry["platform"].lower(), lab), {}).update([made])
    return [_write(work / "upload" / f"{platform}_{lab}.zip", files) for (platform, lab), files in archives.items()]


def _write(path, files):
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(name, content)
    return path


def _file(mark, page, rows):
    """Return (name, bytes) of a student's feedback as the platform takes it, or None."""
    stem, platform = mark.entry.get("stem"), mark.entry.get("platform")
    if not stem or platform not in ("Moodle", "Canvas"):
        return None
    content = page.read_bytes()
    if platform == "Moodle":
        return f"{stem}/{mark.lab}_feedback.html", content
    name = mark.entry.get("file") or f"{mark.lab}.ipynb"
    kind = Path(name).suffix.lower()
    if kind == ".zip":
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{mark.lab}_feedback.html", content)
        content = stream.getvalue()
    elif kind == ".ipynb":
        content = nbformat.writes(as_notebook(mark, rows)).encode()
    return stem + name, content


def as_notebook(mark, rows):
    """Return a notebook of text cells with a mark: the points of each criterion, remarks, and why.

    rows: of Marks.criteria, for this student and lab.
    """
    waits = (
        f" {mark.waiting} {'answer waits' if mark.waiting == 1 else 'answers wait'} to be read." if mark.waiting else ""
    )
    lines = [f"# Feedback on {mark.lab}", "", f"**{mark.score:g} of {mark.most:g} points.**{waits}", ""]
    lines += ["| | points | of | remark |", "|---|---:|---:|---|"]
    for row in rows:
        name, score, most, waiting, comment = row[2], row[5], row[6], row[7], row[8]
        if most:
            points = "waits" if waiting else f"{score:g}"
            lines.append(f"| {name} | {points} | {most:g} | {_cell(comment)} |")
    cells = [nbformat.v4.new_markdown_cell("\n".join(lines), id="feedback")]
    if mark.notes:
        notes = "\n".join(f"- {_cell(note)}" for note in mark.notes)
        cells.append(nbformat.v4.new_markdown_cell(f"## What the grader noted\n\n{notes}", id="notes"))
    return nbformat.v4.new_notebook(cells=cells)


def _cell(text):
    """Return text for a cell of a table: one line, without signs of Markdown or HTML that would do something."""
    return html.escape(" ".join(str(text or "").split())).replace("|", "&#124;").replace("[", "&#91;")
