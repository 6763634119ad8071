"""Journals of a class against each other: the same evidence, and texts that are nearly the same."""

from itertools import combinations
from pathlib import Path

from tflite_course import journal

SHINGLE, LIKENESS = 3, 0.5  # words; the Jaccard index that is reported
FEWEST_SHINGLES = 25  # shorter texts are alike by chance


SAMPLES = "sample: "


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
    three words that they have in common (Jaccard, 0 to 1), every pair exactly: a class of 300 takes some seconds.
    Parts of fewer than 25 runs are left out.
    """
    parts = {}
    for student, sections in sorted(texts.items()):
        for where, text in {"the whole": "\n".join(sections.values()), **sections}.items():
            found = shingles(text)
            if where != "references" and len(found) >= FEWEST_SHINGLES:
                parts.setdefault(where, []).append((student, found))
    best = {}
    for where, documents in parts.items():
        for (student, one), (other, two) in combinations(documents, 2):
            if min(len(one), len(two)) < LIKENESS * max(len(one), len(two)):
                continue  # they cannot have so much in common
            common = len(one & two)
            likeness = common / (len(one) + len(two) - common)
            if likeness >= LIKENESS and likeness > best.get((student, other), ("", 0.0))[1]:
                best[student, other] = (where, likeness)
    return [(*pair, where, likeness) for pair, (where, likeness) in sorted(best.items())]


def sample_texts():
    """Return {"sample: strong": {section: text}, ...}: the journals that come with the course."""
    found = {}
    for name in ("weak", "fair", "strong"):
        path = Path(__file__).resolve().parents[2] / "assets" / "journals" / f"{name}.md"
        if path.is_file():
            found[SAMPLES + name] = journal.split_markdown(path.read_text(encoding="utf-8"))
    return found
