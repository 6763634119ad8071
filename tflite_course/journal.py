"""The journal: what you measured, in a file of your own beside the notebook, and the texts that you write about it.

The file work/journal.json stays on your machine, and delete() empties it. The journal's evidence table collects the
files of all lessons and labs. A journal that is handed in carries its evidence table with it.
"""

import contextlib
import datetime
import hashlib
import html
import json
import math
import numbers
import os
import re
import sys
from importlib import metadata
from pathlib import Path

from tflite_course.errors import CourseError
from tflite_course.lesson.guess_file import FILE as GUESSES
from tflite_course.lesson.guess_file import path_of_guesses, read_guesses, worst_guess
from tflite_course.locking import locked
from tflite_course.locking import write_whole as _write_text
from tflite_course.resources import work_folders

FILE = Path("work", "journal.json")
NOTEBOOK = "journal.ipynb"
MIME = "application/vnd.tflite-course.evidence+json"  # in it a stored notebook carries what was recorded
# grade_id of the answer: heading of the section
SECTIONS = {
    "introduction": "Introduction",
    "challenges": "Challenges faced",
    "learned": "What I learned",
    "deployment": "Real-world deployment",
    "conclusion": "Conclusion",
    "references": "References",
}
# the other headings of the notebook end a section
OTHER = ("setup", "evidence", "what is still empty", "one file of it", "rubric", "before you hand in")
CRITERIA = ("evidence", "diagnosis", "understanding", "transfer", "clarity")
STUB = "*Write your answer here.*"
FEWEST_WORDS = 5
PACKAGES = ("tflite-course", "ai-edge-litert", "tensorflow", "tensorflow-model-optimization")
MEASURED = ("bytes", "gzip", "accuracy", "p50")
NAME = re.compile(r"[^\x00-\x1f\x7f]{1,100}")


# --- what was measured


def record(name, model=None, *, path=None, **measurements):
    """Append one entry to work/journal.json beside the notebook and return it, a dict.

    name: one line of text, at most 100 characters. model: a .tflite, its bytes or a path; then these are measured:
    "bytes", "gzip", "accuracy" (share of the 10,000 test images, 0 to 1), "p50" (microseconds, one image, one thread).
    measurements: further numbers or short texts, for example sparsity=0.8. path: another file than work/journal.json.
    The entry also has "date" (UTC), "versions" and "machine". Older entries are never changed.

    Raises CourseError for a bad name or value, a model that cannot be measured, and a file that is damaged or cannot
    be written.
    """
    entry = {"name": _check_name(name), "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")}
    values = {key: _check_value(key, value) for key, value in measurements.items()}
    if model is not None:
        for key in (*MEASURED, "sha256"):
            if key in values:
                raise CourseError(f"{key} is measured when a model is given: leave out `{key}=`, or give no model.")
        values = _measure(model) | values
    elif not values:
        raise CourseError(f"There is nothing to record for '{name}': give a model, or numbers such as accuracy=0.99.")
    from tflite_course.evaluation import machine

    entry |= {"values": values, "versions": _versions(), "machine": machine()}
    path = Path(path or FILE)
    with locked(path):
        _write(path, [*_read(path), entry])
    return entry


def _check_name(name):
    if not isinstance(name, str) or not NAME.fullmatch(name) or not name.strip():
        raise CourseError(
            "The name of an entry is one line of text of at most 100 characters: write, for example, "
            'record("int8, lesson 05", model).'
        )
    return name.strip()


def _check_value(key, value):
    """Return a measurement as a plain bool, int, float or str."""
    if hasattr(value, "item") and getattr(value, "size", 1) == 1:  # a NumPy scalar
        value = value.item()
    if isinstance(value, str):
        if not NAME.fullmatch(value):
            raise CourseError(f"{key} is text of more than one line or 100 characters: keep it short.")
        return value
    if isinstance(value, bool):
        return value
    if not isinstance(value, numbers.Real):
        raise CourseError(f"{key} is a {type(value).__name__}: record single numbers and short texts.")
    if abs(value) > 1e18 or not math.isfinite(value):
        raise CourseError(f"{key} is {value}: no measurement is that large, look for the mistake.")
    if key == "accuracy" and not 0 <= value <= 1:
        raise CourseError(f"accuracy is {value:g}: give it as a share from 0 to 1, so divide a percentage by 100.")
    if key in ("bytes", "gzip", "p50") and value < 0:
        raise CourseError(f"{key} is {value:g}: it cannot be below zero.")
    return int(value) if isinstance(value, numbers.Integral) else float(value)


def _measure(model):
    """Return {"bytes", "gzip", "accuracy", "p50", "sha256"} of a .tflite that reads digits."""
    from tflite_course import datasets, evaluation
    from tflite_course.models import read_model

    content = read_model(model)
    _, (images, labels) = datasets.load_mnist()
    try:
        logits = evaluation.predict(content, images)
        interpreter = evaluation.make_interpreter(content)
        source = interpreter.get_input_details()[0]
        interpreter.set_tensor(source["index"], evaluation.quantize_input(images[:1], source).reshape(source["shape"]))
    except CourseError:
        raise
    except (ValueError, RuntimeError) as error:
        first = (str(error).strip().splitlines() or ["no message"])[0]
        raise CourseError(
            f"The model does not take images of 28 x 28 ({first}): record its numbers yourself."
        ) from None
    if logits.shape != (len(images), 10):
        raise CourseError(
            f"The model gives {logits.shape[1:]} numbers for an image, not ten: record its numbers yourself."
        )
    ledger = evaluation.size_ledger(content)
    return {
        "bytes": ledger["bytes"],
        "gzip": ledger["gzip"],
        "accuracy": float((logits.argmax(1) == labels).mean()),
        "p50": round(evaluation.latency(interpreter.invoke)["p50"], 3),
        "sha256": hashlib.sha256(content).hexdigest()[:12],
    }


def _versions():
    found = {"python": ".".join(str(part) for part in sys.version_info[:3])}
    for package in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


def files():
    """Return the journal files there are: beside this notebook, and in a clone those of all lessons and labs."""
    return [folder / FILE.name for folder in work_folders() if (folder / FILE.name).is_file()]


def entries(paths=None):
    """Return what was recorded, a list of dicts, oldest first; each has name, date, values, versions and machine.

    paths: journal files; None takes files(). Raises CourseError for a damaged file.
    """
    found = [entry for path in (files() if paths is None else paths) for entry in _read(Path(path))]
    return sorted(found, key=lambda entry: entry["date"])


def guesses(paths=None):
    """Return what was guessed in the lessons, a list of {"question", "guess", "value", "unit"}.

    value: what was measured, None before its answer was shown. paths: files of guesses; None takes that of this
    notebook, and in a clone those of all lessons. A damaged file is left out and named in a printed line.
    """
    if paths is None:
        folders = [] if os.environ.get("COURSE_GUESSES") else work_folders()
        paths = dict.fromkeys([path_of_guesses(), *(folder / GUESSES.name for folder in folders)])
    found = {}
    for path in paths:
        try:
            found |= {entry["question"]: entry for entry in read_guesses(path)}
        except CourseError as error:
            print(f"Guesses are left out: {error}")
    return list(found.values())


def delete(name=None, paths=None):
    """Delete the entries of a name, or with None the whole files, also damaged ones; return how many entries went.

    paths: journal files; None takes files(). Raises CourseError when no entry has the name.
    """
    paths, count = [Path(path) for path in (files() if paths is None else paths)], 0
    for path in paths:
        with locked(path):
            if name is None:
                with contextlib.suppress(CourseError):
                    count += len(_read(path))
                path.unlink(missing_ok=True)
                continue
            old = _read(path)
            new = [entry for entry in old if entry["name"] != name]
            if len(new) < len(old):
                _write(path, new)
                count += len(old) - len(new)
    if name is not None and not count:
        raise CourseError(f"There is no entry '{name}': journal.entries() shows the names.")
    return count


def record_models():
    """Record each .tflite that lessons and labs left in their work folders and that is not recorded yet.

    Returns the names of the new entries: that of the file, without its ending. A file that cannot be measured is
    left out and named in a printed line.
    """
    known = {entry["values"].get("sha256") for entry in entries()}
    new = []
    for path in [path for folder in work_folders() for path in sorted(folder.glob("*.tflite"))]:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        if digest in known:
            continue
        known.add(digest)
        try:
            new.append(record(path.stem[:100], path)["name"])
        except CourseError as error:
            print(f"{path.name} is left out: {error}")
    return new


def check_entry(entry):
    """Return an entry that came from a file, with nothing but known fields of the right types; else raise ValueError.

    What students hand in goes through here too: no value is trusted.
    """
    if not isinstance(entry, dict):
        raise ValueError("an entry is not an object")
    if not isinstance(entry.get("name"), str) or not NAME.fullmatch(entry["name"]):
        raise ValueError("an entry has no name")
    datetime.datetime.fromisoformat(entry["date"] if isinstance(entry.get("date"), str) else "")
    clean = {"name": entry["name"], "date": entry["date"]}
    for part in ("values", "versions"):
        if not isinstance(entry.get(part), dict) or len(entry[part]) > 100:
            raise ValueError(f"an entry has no {part}")
        clean[part] = {_check_name(key): _check_value(key, value) for key, value in entry[part].items()}
    clean["machine"] = _check_value("machine", str(entry.get("machine", ""))[:100] or "unknown")
    return clean


def _read(path):
    """Return the entries of a journal file, [] when there is none; refuse a damaged one."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or not isinstance(content.get("entries"), list):
            raise ValueError("it holds no entries")
        return [check_entry(entry) for entry in content["entries"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, RecursionError) as error:
        first = (str(error).splitlines() or ["no message"])[0][:200]
        raise CourseError(
            f"{path.parent.name}/{path.name} cannot be read ({first.rstrip('.')}): rename it to keep it, and run this "
            f"cell again to begin a new one; nothing was overwritten."
        ) from None


def _write(path, content):
    _write_text(path, json.dumps({"journal": 1, "entries": content}, indent=1, ensure_ascii=False) + "\n")


# --- the evidence table


class EvidenceTable:
    """Entries as a table: str() gives text, markdown() and html() the rest. A notebook shows it as HTML.

    guesses: what was guessed, as guesses() returns it; the one furthest off is quoted below the table.
    """

    COLUMNS = ("name", "date", "bytes", "gzip", "accuracy", "p50", "other", "set-up")
    EMPTY = "Nothing is recorded yet: call journal.record(name, model) in a lesson, a lab or here."

    def __init__(self, entries, guesses=()):
        self.entries, self.guesses = list(entries), list(guesses)
        found = [self._setup(entry) for entry in self.entries]
        self.setups = {setup: _letter(number) for number, setup in enumerate(dict.fromkeys(found))}

    @staticmethod
    def _setup(entry):
        return ", ".join([entry["machine"], *(f"{name} {version}" for name, version in entry["versions"].items())])

    def rows(self):
        """Return the cells, lists of str in the order of COLUMNS; units stand in the cells."""
        found = []
        for entry in self.entries:
            shown = {key: _show(key, value) for key, value in entry["values"].items()}
            other = [f"{key} {text}" for key, text in shown.items() if key not in (*MEASURED, "sha256")]
            cells = [entry["name"], entry["date"][:16].replace("T", " "), *(shown.get(key, "") for key in MEASURED)]
            found.append([*cells, ", ".join(other), self.setups[self._setup(entry)]])
        return found

    def notes(self):
        """Return what the letters in the last column stand for, one line for each, and the guess furthest off."""
        notes = [f"{letter}: {setup}" for setup, letter in self.setups.items()]
        return [*notes, *self.quoted_guess()]

    def quoted_guess(self):
        """Return one sentence about the guess that was furthest off, in a list; [] when no answer was shown yet."""
        worst = worst_guess(self.guesses)
        if worst is None:
            return []
        guess, value = (f"{worst[key]:,.4g} {worst['unit']}".strip() for key in ("guess", "value"))
        return [f"Furthest off of {len(self.guesses)} guesses: {worst['question']} You said {guess}, it was {value}."]

    def __str__(self):
        if not self.entries:
            return "\n".join([self.EMPTY, *self.quoted_guess()])
        lines = [list(self.COLUMNS), *self.rows()]
        widths = [max(len(line[k]) for line in lines) for k in range(len(self.COLUMNS))]
        table = ["  ".join(f"{cell:{widths[k]}}" for k, cell in enumerate(line)).rstrip() for line in lines]
        return "\n".join([*table, *self.notes()])

    __repr__ = __str__

    def markdown(self):
        """Return the table as Markdown, one line a row; marks in the texts are escaped."""
        if not self.entries:
            return "\n\n".join([self.EMPTY, *map(_plain_markdown, self.quoted_guess())])
        rows = [[_plain_markdown(cell) for cell in row] for row in self.rows()]
        lines = [self.COLUMNS, ["---"] * len(self.COLUMNS), *rows]
        table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        return table + "\n\n" + "\n\n".join(_plain_markdown(note) for note in self.notes())

    def html(self):
        """Return the table as HTML; all text in it is escaped."""
        if not self.entries:
            return "".join(f"<p>{html.escape(text)}</p>" for text in [self.EMPTY, *self.quoted_guess()])
        head = "".join(f'<th scope="col">{column}</th>' for column in self.COLUMNS)
        rows = ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in self.rows()]
        body = "".join(f"<tr>{row}</tr>\n" for row in rows)
        notes = "".join(f"<p>{html.escape(note)}</p>\n" for note in self.notes())
        caption = "<caption>Evidence: what was measured</caption>"
        return f"<table>{caption}\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table>\n{notes}"

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {
            "text/plain": str(self),
            "text/html": self.html(),
            MIME: {"entries": self.entries, "guesses": self.guesses},
        }


def _show(key, value):
    if isinstance(value, bool) or isinstance(value, str):
        return str(value)
    if key == "accuracy":
        return f"{value:.2%}"
    if key == "p50":
        return f"{value:.1f} us"
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"


def _letter(number):
    return chr(ord("A") + number) if number < 26 else f"A{number}"


def _plain_markdown(text):
    """Return text that Markdown shows as it is."""
    return re.sub(r"([\\`*_\[\]|~])", r"\\\1", html.escape(text, quote=False))


def evidence_table(*, every=False):
    """Return the EvidenceTable of entries(): the newest of each name, or all with every=True."""
    found = entries()
    return EvidenceTable(found if every else {entry["name"]: entry for entry in found}.values(), guesses())


# --- the texts


def read_texts(notebook=NOTEBOOK):
    """Return {section: text} of a journal, in the order of SECTIONS; text that is not there is "".

    notebook: a path, or a notebook as nbformat reads it. A section is its answer cell and the text cells that the
    student put behind it; it is found by its grade_id, its cell id or the heading above it.
    Raises CourseError for a file that is missing or not a notebook.
    """
    cells = _cells(notebook)
    found, current = {name: [] for name in SECTIONS}, None
    for cell in cells:
        if cell.get("cell_type") != "markdown":
            continue
        source = cell.get("source", "")
        source = "".join(source) if isinstance(source, list) else str(source)
        named = _section_of(cell)
        heading = re.match(r"#{1,3} +(?:\d+\. *)?(.+)", source.lstrip())
        title = heading[1].strip().lower() if heading else None
        by_title = next((name for name, text in SECTIONS.items() if text.lower() == title), None)
        if named:
            current = named
            found[current].append(source)
        elif by_title:
            current = by_title
        elif cell.get("metadata", {}).get("nbgrader") or title in OTHER:
            current = None
        elif current:
            found[current].append(source)
    return {
        name: "\n\n".join(part.replace(STUB, "").strip() for part in parts).strip() for name, parts in found.items()
    }


def _section_of(cell):
    data = cell.get("metadata", {}).get("nbgrader", {})
    if data:
        return data.get("grade_id") if data.get("grade_id") in SECTIONS else None
    tail = re.sub(r"^\d+-", "", str(cell.get("id", "")))
    return tail if tail in SECTIONS else None


def _cells(notebook):
    if not isinstance(notebook, (str, os.PathLike)):
        return notebook["cells"]
    path = Path(notebook)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        cells = content["cells"]
        if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
            raise ValueError
        return cells
    except FileNotFoundError:
        if "google.colab" in sys.modules:  # there the notebook is not a file
            return _cells_from_colab()
        raise CourseError(
            f"There is no notebook {path.name} in this folder: save it, or give its name as the argument."
        ) from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise CourseError(f"{path.name} is not a notebook: save it once more, then run this cell again.") from None


def _cells_from_colab():
    from google.colab import _message

    answer = _message.blocking_request("get_ipynb", timeout_sec=30)
    if not answer or "ipynb" not in answer:
        raise CourseError("Colab did not give the text of this notebook: download it and open it in JupyterLab.")
    return answer["ipynb"]["cells"]


def count_words(text):
    """Return the number of words in Markdown; addresses, code fences and marks do not count."""
    return len(words(text))


def words(text):
    """Return the words of a Markdown text in lower case, without code, addresses of links and HTML tags."""
    text = re.sub(r"```.*?```", " ", text, flags=re.S)
    text = re.sub(r"\]\([^)\s]{0,500}\)|https?://\S+|<[^<>]{0,200}>", " ", text)
    return re.findall(r"[^\W_]+(?:['’.,-][^\W_]+)*", text.lower())


def empty_fields(source=NOTEBOOK, *, evidence=None):
    """Return what is still empty in a journal, one sentence each; [] when nothing is.

    source: the path of the notebook as it was saved, or {section: text} with names from SECTIONS.
    evidence: a list of entries; None takes entries(). Raises CourseError for a missing notebook and unknown sections.
    """
    if isinstance(source, dict):
        unknown = sorted(set(source) - set(SECTIONS), key=str)
        if unknown:
            raise CourseError(f"There is no section '{unknown[0]}': the names are {', '.join(SECTIONS)}.")
        texts = {name: str(source.get(name) or "").replace(STUB, "") for name in SECTIONS}
    else:
        texts = read_texts(source)
    missing = []
    for name, title in SECTIONS.items():
        count = count_words(texts[name])
        if count < FEWEST_WORDS:
            missing.append(f"{title}: " + (f"only {count} words" if count else "no text"))
    found = entries() if evidence is None else evidence
    if not found:
        missing.append("Evidence: nothing is recorded")
    for key, what in (("bytes", "size"), ("accuracy", "accuracy"), ("p50", "latency")):
        if found and not any(key in entry["values"] for entry in found):
            missing.append(f"Evidence: no {what} is recorded")
    return missing


STYLE = (
    "body{max-width:50rem;margin:2rem auto;padding:0 1rem;font:1rem/1.5 sans-serif}"
    "table{border-collapse:collapse;font-size:.85rem;display:block;overflow-x:auto}"
    "caption{text-align:left}td,th{border:1px solid #777;padding:.2rem .4rem;text-align:left}"
)


def export(path, notebook=NOTEBOOK, *, title="Journal: from MNIST to the edge"):
    """Write texts and evidence to one file, .md or .html, and return its path.

    notebook: the saved notebook. Empty sections say so. In HTML all tags that stand in a text are shown, not obeyed.
    Raises CourseError for another ending, a missing notebook and a folder that cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in (".md", ".html"):
        raise CourseError(f"'{path.name}' is neither Markdown nor HTML: give a name that ends in .md or .html.")
    text = to_markdown(read_texts(notebook), evidence_table().entries, title=title, guessed=guesses())
    _write_text(path, text if path.suffix.lower() == ".md" else _to_html(text, title))
    return path


def to_markdown(texts, evidence, *, title, guessed=()):
    """Return a journal as Markdown: title, sections, and the evidence before the conclusion."""
    parts = [f"# {title}"]
    for name, heading in SECTIONS.items():
        if name == "conclusion":
            parts.append(f"## Evidence\n\n{EvidenceTable(evidence, guessed).markdown()}")
            parts += [_guesses_as_markdown(guessed)] if guessed else []
        parts.append(f"## {heading}\n\n{texts[name] or '(nothing is written here)'}")
    return "\n\n".join(parts) + "\n"


def _guesses_as_markdown(guessed):
    """Return all guesses as a Markdown table under a heading of its own."""
    lines = ["| question | guess | measured | unit |", "| --- | --- | --- | --- |"]
    for entry in guessed:
        value = "" if entry["value"] is None else f"{entry['value']:,.4g}"
        cells = [entry["question"], f"{entry['guess']:,.4g}", value, entry["unit"]]
        lines.append("| " + " | ".join(map(_plain_markdown, cells)) + " |")
    return "### Guesses\n\n" + "\n".join(lines)


def split_markdown(text):
    """Return {section: text} of a journal that to_markdown() made."""
    found = dict.fromkeys(SECTIONS, "")
    names = {title: name for name, title in SECTIONS.items()}
    for part in re.split(r"^## ", text, flags=re.M)[1:]:
        title, _, body = part.partition("\n")
        if title.strip() in names:
            found[names[title.strip()]] = body.strip()
    return found


def _to_html(text, title):
    try:
        import mistune
    except ImportError:
        raise CourseError("HTML needs the package mistune: run `pip install mistune`, or export to .md.") from None
    body = mistune.create_markdown(escape=True, plugins=["table"])(text)
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style></head>\n<body>\n{body}</body>\n</html>\n"
    )
