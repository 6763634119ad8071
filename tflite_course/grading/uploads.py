"""Feedback as archives that platforms take back: the names are those of the downloads, which is how they find people.

- Moodle ("Upload multiple feedback files in a zip"): is_valid_filename_for_import in
  https://github.com/moodle/moodle/blob/main/mod/assign/feedback/file/importziplib.php looks for a folder
  fullname_number_plugintype_pluginname; a file in it becomes feedback.
- Canvas ("Upload submissions"): https://github.com/instructure/canvas-lms/blob/master/app/models/abstract_assignment.rb
  takes the first two numbers between "_" of a file's name as user and attachment; the attachment must be one of the
  submission, so the name of the download is kept whole.
"""

import zipfile
from pathlib import Path

from tflite_course.grading import marks as all_marks


def write_uploads(work):
    """Write upload/moodle_<lab>.zip and upload/canvas_<lab>.zip with the pages that feedback/ has; return the paths."""
    work = Path(work)
    files = {}
    for student, facts in sorted(all_marks.handed_in(work).items()):
        for lab, entry in facts.get("labs", {}).items():
            page = work / "feedback" / student / lab / f"{lab}.html"
            name = _name(entry, lab)
            if name and page.is_file():
                files.setdefault((entry["platform"].lower(), lab), {})[name] = page
    written = []
    for (platform, lab), pages in sorted(files.items()):
        path = work / "upload" / f"{platform}_{lab}.zip"
        path.parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, page in pages.items():
                archive.write(page, name)
        written.append(path)
    return written


def _name(entry, lab):
    """Return the name that a page has in the archive of its platform, or None for a platform that takes none."""
    stem = entry.get("stem")
    if not stem:
        return None
    if entry["platform"] == "Moodle":
        return f"{stem}/{lab}_feedback.html"
    if entry["platform"] == "Canvas":
        return f"{stem}{Path(entry['file']).stem}.html"
    return None
