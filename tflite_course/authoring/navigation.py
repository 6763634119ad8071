"""Write the links between lessons into them: `python -m tflite_course.authoring.navigation`.

Under the title of each lesson stand the lesson before, the next one and its lab; the last line links to the next. The
titles are read from the lessons, so a new lesson or title needs only this command. A second run changes nothing. A
notebook of notebooks/deeper/ has links to its lesson in both places.
"""

import re
from pathlib import Path

import nbformat

from tflite_course.authoring import ROOT

LABS = {1: (1, 2), 2: (3, 4), 3: (5,), 4: (6,), 5: (7, 8), 6: (9,), 7: (10,), 8: (11,), 9: (12,), 10: (17,)}  # lessons
CAPSTONE = "../labs/capstone/capstone.ipynb"
AIM = "choose a target, write down its budget, and defend your own model with numbers."
LAST = f"**Next:** the [capstone]({CAPSTONE}): {AIM}"


def lesson_titles(folder=ROOT / "notebooks"):
    """Return {path: title} of all lessons, in their order; a title is "04. Draw digits"."""
    paths = sorted(Path(folder).glob("[0-9][0-9]_*.ipynb"))
    return {path: _title(nbformat.read(path, as_version=4)) for path in paths}


def _title(notebook):
    return notebook.cells[0].source.splitlines()[0].removeprefix("# ").strip()


def deeper_notebooks(folder=ROOT / "notebooks"):
    """Return the paths of the notebooks that go deeper than a lesson."""
    return sorted(Path(folder, "deeper").glob("[0-9][0-9]_*.ipynb"))


def lesson_of(path, titles):
    """Return the path of the lesson that a notebook goes deeper than: that of the same number."""
    return next(other for other in titles if other.stem[:2] == path.stem[:2])


def line_under_title(path, titles):
    """Return the line of links of a lesson, or of a notebook that goes deeper."""
    if path.parent.name == "deeper":
        return f"Deeper than {_link(lesson_of(path, titles), titles, '../')} · [all lessons](../../README.md)"
    paths = list(titles)
    place = paths.index(path)
    parts = [f"Lesson {place + 1} of {len(paths)}"]
    if place:
        parts.append(f"before: {_link(paths[place - 1], titles)}")
    parts.append(f"next: {_link(paths[place + 1], titles) if place + 1 < len(paths) else f'[capstone]({CAPSTONE})'}")
    for lab, lessons in LABS.items():
        if place + 1 in lessons:
            [folder] = (ROOT / "labs").glob(f"lab_{lab}_*")
            parts.append(f"[lab {lab}](../labs/{folder.name}/{folder.name}.ipynb)")
    return " · ".join([*parts, "[all lessons](../README.md)"])


def last_line(path, titles):
    """Return the line "**Next:** ..." of a lesson, "**Back:** ..." of a notebook that goes deeper."""
    if path.parent.name == "deeper":
        return f"**Back:** {_link(lesson_of(path, titles), titles, '../')}"
    paths = list(titles)
    place = paths.index(path)
    return f"**Next:** {_link(paths[place + 1], titles)}" if place + 1 < len(paths) else LAST


def _link(path, titles, folder=""):
    return f"[{titles[path]}]({folder}{path.name})"


def write_links(notebook, path, titles):
    """Put both lines into a lesson's first and last cell."""
    title, *rest = notebook.cells[0].source.split("\n\n")
    rest = [part for part in rest if not re.match(r"(Lesson \d+ of \d+|Deeper than .*) · ", part)]
    notebook.cells[0].source = "\n\n".join([title, line_under_title(path, titles), *rest])
    last = notebook.cells[-1]
    last.source = re.sub(r"^\*\*(Next|Back):\*\*.*$", lambda _: last_line(path, titles), last.source, flags=re.M)


def main():
    titles = lesson_titles()
    for path in [*titles, *deeper_notebooks()]:
        notebook = nbformat.read(path, as_version=4)
        write_links(notebook, path, titles)
        text = nbformat.writes(notebook) + "\n"
        if text != path.read_text(encoding="utf-8"):
            path.write_text(text, encoding="utf-8")
            print(path.name)


if __name__ == "__main__":
    main()
