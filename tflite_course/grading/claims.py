"""Numbers in a journal's text against the evidence beside it: a list of places to look at, not a verdict."""

import re
from functools import partial
from itertools import islice

from tflite_course import journal
from tflite_course.grading.spreadsheet import one_line

MOST_CLAIMS = 200
TIME_BAND = 0.10  # a time that was measured again moves by so much


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
        about = f"{journal.SECTIONS[section]}: {one_line(said)}"
        if not recorded:
            unsupported.append(f"{about} has no recorded value")
            return
        shown = sorted({f"{show(value)} ({one_line(name)})" for name, value in near})
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
