"""Look over the journals of a class: `python -m tflite_course.grading.journal_report grading`.

Writes journal_report.csv and journal_report.txt into the work folder: words of each section, what is missing, numbers
that are not those of the evidence table, evidence that is another student's to the last digit, and texts that are
nearly the same. It points to places for a person to look at, and gives no marks. What students wrote is read as data
and escaped.
"""

import argparse
import html
import json
import re
import sys
from functools import partial
from itertools import combinations, islice
from pathlib import Path

from tflite_course import journal
from tflite_course.errors import CourseError

NOTEBOOK_ID = "journal"
SHINGLE, LIKENESS, CANDIDATE = 3, 0.5, 0.3  # words; exact Jaccard that is reported; that of the search before it
FEWEST_SHINGLES = 25  # shorter texts are alike by chance
MOST_BYTES, MOST_ENTRIES, MOST_LETTERS, MOST_CLAIMS = 20 * 2**20, 500, 100_000, 200
TIME_BAND = 0.10  # a time that was measured again moves by so much
SAMPLES = "sample: "


# --- what was handed in


def evidence_of(notebook):
    """Return the entries that the outputs of a stored notebook carry, checked; what is damaged is left out.

    notebook: as nbformat reads it. The last evidence table of the notebook counts.
    """
    found = []
    for cell in notebook.get("cells", []):
        for output in cell.get("outputs", []) or []:
            data = output.get("data", {}) if isinstance(output, dict) else {}
            bundle = data.get(journal.MIME) if isinstance(data, dict) else None
            if isinstance(bundle, str):
                try:
                    bundle = json.loads(bundle)
                except ValueError:
                    continue
            if isinstance(bundle, dict) and isinstance(bundle.get("entries"), list):
                found = _checked(bundle["entries"])[0]
    return found


def keep_evidence(notebook, folder):
    """Write the evidence that a handed-in notebook carries to work/journal.json in the folder of the submission.

    Grading runs a notebook anew, without the student's machine: so its evidence table shows what the student measured.
    Without evidence an older file is removed. Returns the number of entries.
    """
    path, found = Path(folder) / journal.FILE, evidence_of(notebook)
    path.unlink(missing_ok=True)
    if found:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"journal": 1, "entries": found}), encoding="utf-8")
    return len(found)


def _checked(entries):
    """Return (entries that are right, number of those that are not)."""
    right, wrong = [], max(0, len(entries) - MOST_ENTRIES)
    for entry in entries[:MOST_ENTRIES]:
        try:
            right.append(journal.check_entry(entry))
        except (ValueError, TypeError, OverflowError):
            wrong += 1
    return right, wrong


def read_submission(folder):
    """Return {"texts", "evidence", "problems"} of a folder with journal.ipynb and, if there is one, work/journal.json.

    Never raises for what a student handed in: problems says what could not be read.
    """
    texts, evidence, problems = dict.fromkeys(journal.SECTIONS, ""), [], []
    notebook, path = Path(folder) / f"{NOTEBOOK_ID}.ipynb", Path(folder) / journal.FILE
    try:
        if notebook.stat().st_size > MOST_BYTES:
            raise CourseError(f"the notebook is larger than {MOST_BYTES:,} bytes")
        texts = {name: text[:MOST_LETTERS] for name, text in journal.read_texts(notebook).items()}
        if not path.is_file():
            evidence = evidence_of(json.loads(notebook.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        problems.append(f"the notebook cannot be read ({_plain(str(error))})")
    if path.is_file():
        try:
            evidence, wrong = _checked(json.loads(path.read_text(encoding="utf-8")[:MOST_BYTES])["entries"])
            problems += [f"{wrong} damaged entries of the evidence were left out"] * bool(wrong)
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            problems.append("the evidence is damaged")
    return {"texts": texts, "evidence": evidence, "problems": problems}


# --- numbers against the evidence

NUMBER = r"(?<![\w.,^-])(\d{1,3}(?:,\d{3})+(?:\.\d{1,6})?|\d{1,9}(?:[.,]\d{1,6})?)"
PERCENT = re.compile(NUMBER + r"\s?(?:%|per ?cent\b)", re.I)
SHARE = re.compile(r"(?<![\w.,-])(0\.\d{2,6}|1\.0{1,6})(?![\d.,]*\d|\s?(?:%|per ?cent|points?\b|[uµμm]s\b|[kM]i?B\b))")
BYTES = re.compile(NUMBER + r"\s?(bytes?|B|kB|KB|KiB|kilobytes?|MB|MiB)\b")
TIME = re.compile(NUMBER + r"\s?(us|µs|μs|microseconds?|ms|milliseconds?)\b")
UNITS = {"kB": (1000, 1024), "KB": (1000, 1024), "kilobyte": (1000, 1024), "KiB": (1024,), "MB": (10**6, 2**20)}
UNITS |= {"MiB": (2**20,), "kilobytes": (1000, 1024)}
ABOUT_ACCURACY = re.compile(r"accura|correct|\bright\b|\bread\b|recogni|digits", re.I)
# words beside a number that make it a bound, a difference, a budget or another quantity
AT_LEAST = re.compile(r"\b(?:over|above|more than|at least|better than)\W{0,3}$", re.I)
NOT_BEFORE = re.compile(
    r"(?:\b(?:by|lost|loses?|gain\w*|sparsity|only about|below|under|less than|smaller than|at most|up to"
    r"|budget|limit|threshold|goal|target"
    r"|(?:device|board|chip|phone|controller)s? (?:has|have|with))\b(?: of| to| is| about)*|[±+])\W{0,3}$",
    re.I,
)
NOT_BEHIND = re.compile(
    r"^\W{0,2}(?:band\b|confidence|zeros?\b|spars|pruned|smaller|larger|bigger|fewer|less\b|more\b|faster|slower|points?\b"
    r"|of (?:the |its |my |all |our )?(?:\w+ )?(?:weights|values|bytes|size|file|time|codes)\b"
    r"|of (?:\w+ )?(?:flash|RAM|SRAM|memory|storage|disk)\b"
    r"|flash|RAM|SRAM|memory|arena|budget|limit|loss\b|drop\b|difference)"
)


def _claims(pattern, text):
    """Yield (match, the number, half a unit of its last digit, whether it is a lower bound, its sentence)."""
    for sentence in _sentences(text):
        for match in pattern.finditer(sentence):
            before = sentence[max(0, match.start() - 40) : match.start()]
            if NOT_BEFORE.search(before) or NOT_BEHIND.search(sentence[match.end() : match.end() + 60]):
                continue
            written = match[1]
            if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", written):
                written = written.replace(",", "")  # 62,712
            written = written.replace(",", ".")  # 99,37
            digits = len(written.split(".")[1]) if "." in written else 0
            yield match, float(written), 0.5 * 10.0**-digits, bool(AT_LEAST.search(before)), sentence


def _sentences(text):
    """Yield the sentences of a text, longer ones in pieces of 1,000 letters; a point between digits ends none."""
    for part in re.split(r"(?<=[.!?;])\s+|\n+", text):
        for start in range(0, len(part), 1000):
            yield part[start : start + 1000]


def _values(entries, kind):
    """Return [(name of the entry, value)] of one kind: "accuracy" (share), "bytes" or "time" (microseconds)."""
    found = []
    for entry in entries:
        for key, value in entry["values"].items():
            if isinstance(value, (str, bool)):
                continue
            low = key.lower()
            if kind == "accuracy" and "accuracy" in low and 0 <= value <= 1:
                found.append((entry["name"], value))
            elif kind == "bytes" and (low in ("bytes", "gzip", "weights", "overhead") or "bytes" in low):
                found.append((entry["name"], value))
            elif kind == "time" and (low in ("p50", "p95") or re.search(r"latency|_us$|, us$", low)):
                found.append((entry["name"], value))
    return found


def _compared(recorded, sentence):
    """Return the recorded values to compare with: those of the entries that the sentence names, else all."""
    words = " ".join(journal.words(sentence.replace("`", "")))
    # "int8" is named in many sentences: only a name of two words or with a digit inside a longer word is one
    named = {name for name, _ in recorded if len(name) >= 8 and " ".join(journal.words(name)) in words}
    return [(name, value) for name, value in recorded if not named or name in named] or recorded


def _agrees_with_size(number, half, factors, value):
    return any(abs(number * factor - value) <= half * factor * 1.0001 for factor in factors)


def _agrees_with_time(number, half, value):
    return abs(number - value) <= max(half * 1.0001, TIME_BAND * value)


def find_contradictions(texts, entries):
    """Return (contradictions, unsupported), lists of sentences about numbers in the texts.

    texts: {section: text}; entries: the student's own evidence. A contradiction is an accuracy, a size or a time that
    no recorded value of that kind rounds to (of the entries that the sentence names, or of all); accuracies agree with
    the 95 % band of a recorded one too, and times within 10 %. Unsupported: nothing of that kind is recorded.
    Differences ("by 0.2 %"), budgets and shares of zeros are left out. It reads words, not meaning: a number that was
    quoted from elsewhere is found too.
    """
    from tflite_course.evaluation import accuracy_band

    contradictions, unsupported = [], []

    def judge(section, said, recorded, sentence, agrees, show):
        near = _compared(recorded, sentence)
        if any(agrees(value) for _, value in near):
            return
        about = f"{journal.SECTIONS[section]}: {_plain(said)}"
        if not recorded:
            unsupported.append(f"{about} has no recorded value")
            return
        shown = sorted({f"{show(value)} ({_plain(name)})" for name, value in near})
        more = f" and {len(shown) - 4} more" if len(shown) > 4 else ""
        contradictions.append(f"{about}, recorded: {', '.join(shown[:4])}{more}")

    def agrees_with_share(number, half, at_least):
        def agrees(value):
            if at_least:
                return value >= number - 1e-9
            wanted = [value, *(accuracy_band(round(value * 10_000), 10_000))]
            return any(abs(number - share) <= half * 1.0001 for share in wanted)

        return agrees

    for section, text in texts.items():
        if section == "references":
            continue
        accuracies, sizes, times = (_values(entries, kind) for kind in ("accuracy", "bytes", "time"))
        for pattern, unit in ((PERCENT, 100), (SHARE, 1)):
            for match, number, half, at_least, sentence in islice(_claims(pattern, text), MOST_CLAIMS):
                if ABOUT_ACCURACY.search(sentence) and number <= unit:
                    agrees = agrees_with_share(number / unit, half / unit, at_least)
                    judge(section, match[0], accuracies, sentence, agrees, lambda value: f"{value:.2%}")
        for match, number, half, at_least, sentence in islice(_claims(BYTES, text), MOST_CLAIMS):
            if not at_least:
                factors = UNITS.get(match[2], (1,))
                agrees = partial(_agrees_with_size, number, half, factors)
                judge(section, match[0], sizes, sentence, agrees, lambda value: f"{value:,} bytes")
        for match, number, half, at_least, sentence in islice(_claims(TIME, text), MOST_CLAIMS):
            if not at_least:
                factor = 1000 if re.match(r"ms|milli", match[2]) else 1
                agrees = partial(_agrees_with_time, number * factor, half * factor)
                judge(section, match[0], times, sentence, agrees, lambda value: f"{value:.1f} us")
    return list(dict.fromkeys(contradictions)), list(dict.fromkeys(unsupported))


# --- students against each other


def find_same_evidence(evidence):
    """Return [(student, other, names of entries)]: entries that agree in date, accuracy, size and latency.

    evidence: {student: entries}. The date has seconds and the latency three digits behind the point, so two students
    who ran the same file on the same day do not agree. An entry without a model agrees when date and all values do.
    """
    holders = {}
    for student, entries in evidence.items():
        for entry in entries:
            values = entry["values"]
            if "p50" in values:
                key = ("model", entry["date"], *(values.get(name) for name in ("accuracy", "bytes", "p50")))
            else:
                key = ("values", entry["date"], *sorted((name, str(value)) for name, value in values.items()))
            holders.setdefault(key, {}).setdefault(student, entry["name"])
    pairs = {}
    for names in holders.values():
        for student, other in combinations(sorted(names), 2):
            pairs.setdefault((student, other), []).append(names[student])
    return [(student, other, sorted(names)) for (student, other), names in sorted(pairs.items())]


def shingles(text):
    """Return the set of all runs of three words in a text."""
    words = journal.words(text)
    return {" ".join(words[k : k + SHINGLE]) for k in range(len(words) - SHINGLE + 1)}


def find_near_duplicates(texts):
    """Return [(student, other, where, likeness)], sorted, each pair once with its most alike part.

    texts: {student: {section: text}}. Whole journals and single sections are compared by the share of their runs of
    three words that they have in common (Jaccard, 0 to 1); candidates come from MinHash with locality-sensitive
    hashing, so a class of hundreds takes seconds. Parts of fewer than 25 runs are left out.
    """
    from datasketch import MinHash, MinHashLSH

    index, sets, hashes = MinHashLSH(threshold=CANDIDATE, num_perm=128), {}, {}
    for student, parts in sorted(texts.items()):
        documents = {"the whole": "\n".join(parts.values())} | {
            name: text for name, text in parts.items() if name != "references"
        }
        for where, text in documents.items():
            found = shingles(text)
            if len(found) < FEWEST_SHINGLES:
                continue
            key = (student, where)
            sets[key], hashes[key] = found, MinHash(num_perm=128, seed=1)
            hashes[key].update_batch([part.encode() for part in found])
            index.insert(key, hashes[key])
    best = {}
    for key, value in hashes.items():
        for other in index.query(value):
            if other[0] == key[0] or other[1] != key[1]:
                continue
            likeness = len(sets[key] & sets[other]) / len(sets[key] | sets[other])
            pair = tuple(sorted((key[0], other[0])))
            if likeness >= LIKENESS and likeness > best.get(pair, ("", 0.0))[1]:
                best[pair] = (key[1], likeness)
    return [(*pair, where, likeness) for pair, (where, likeness) in sorted(best.items())]


def sample_texts():
    """Return {"sample: strong": {section: text}, ...}: the journals that come with the course."""
    found = {}
    for name in ("weak", "fair", "strong"):
        path = Path(__file__).resolve().parents[2] / "assets" / "journals" / f"{name}.md"
        if path.is_file():
            found[SAMPLES + name] = journal.split_markdown(path.read_text(encoding="utf-8"))
    return found


# --- the report


def make_report(submissions):
    """Return the rows of the report, one dict a student, sorted by name.

    submissions: {student: what read_submission() returned}. Lists in a row hold plain sentences.
    """
    rows = {}
    for student, submission in sorted(submissions.items()):
        texts, evidence = submission["texts"], submission["evidence"]
        contradictions, unsupported = find_contradictions(texts, evidence)
        counts = {name: journal.count_words(text) for name, text in texts.items()}
        rows[student] = {
            "student": student,
            "words": sum(counts.values()),
            "sections": counts,
            "entries": len(evidence),
            "missing": journal.empty_fields(texts, evidence=evidence),
            "contradictions": contradictions,
            "unsupported": unsupported,
            "same evidence": [],
            "near duplicates": [],
            "problems": submission["problems"],
        }
    for student, other, names in find_same_evidence({s: v["evidence"] for s, v in submissions.items()}):
        for one, two in ((student, other), (other, student)):
            rows[one]["same evidence"].append(f"{two}: {', '.join(_plain(name) for name in names)}")
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
        lines.append(f"{_plain(row['student'])}: {row['words']} words ({counts}), {row['entries']} entries of evidence")
        lines += [f"  {name}: {text}" for name in LISTS for text in row[name]]
    return "\n".join(lines) + "\n"


def write_report(work):
    """Write journal_report.csv and journal_report.txt for the submitted journals; return their paths.

    work: the work folder of the grading command. Raises CourseError when no journal was submitted.
    """
    from tflite_course.grading import export

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
    export._write(table, header, lines)
    text.write_text(as_text(rows), encoding="utf-8")
    return [table, text]


def _plain(text):
    """Return what a student wrote as one short line without control characters, HTML escaped."""
    return html.escape("".join(c if c.isprintable() else " " for c in str(text))[:120])


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


if __name__ == "__main__":
    main()
