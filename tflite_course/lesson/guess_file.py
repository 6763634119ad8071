"""The file of guesses, work/guesses.json beside the notebook: one entry a question, written whole or not at all."""

import contextlib
import datetime
import json
import math
import os
import re
from pathlib import Path

from tflite_course.errors import CourseError
from tflite_course.locking import locked, write_whole

FILE = Path("work", "guesses.json")
MOST = 1000  # guesses in a file
LARGEST = 1e18  # number that is kept
TEXT = re.compile(r"[^\x00-\x1f\x7f]{1,300}")


def path_of_guesses():
    """Return where guesses are kept; COURSE_GUESSES names another file, as the tests do."""
    return Path(os.environ.get("COURSE_GUESSES") or FILE)


def parse_number(text, unit=""):
    """Return the number that a person typed: "4", "3.5", "3,5", "0,125", "1,000", "50 %", "4 times".

    unit: may stand behind it. Raises CourseError for what is not one finite number, and for one beyond 1e18.
    """
    kept = str(text).strip()
    if unit:
        kept = re.sub(rf"\s*{re.escape(unit)}\s*$", "", kept, flags=re.I)
    kept = re.sub(r"\s*[%x×]$", "", kept).strip()
    if re.fullmatch(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?", kept):
        kept = kept.replace(",", "")
    elif re.fullmatch(r"[+-]?\d*,\d+", kept):
        kept = kept.replace(",", ".")
    try:
        number = float(kept)
    except ValueError:
        number = math.nan
    if abs(number) > LARGEST and re.fullmatch(r"[\d.,eE+-]+", kept):
        raise CourseError(f"'{str(text)[:40]}' is too large to be kept: type a number below 1e18.")
    if not abs(number) <= LARGEST or "_" in kept:
        raise CourseError(f"'{str(text)[:40]}' is not a number: type digits, for example 4 or 0.5.")
    return number


def check_guess(entry):
    """Return {"question", "guess", "value", "unit"} of an entry that came from a file; else raise ValueError.

    value: what was measured, None before the reveal. What students hand in goes through here: no value is trusted.
    """
    if not isinstance(entry, dict):
        raise ValueError("a guess is not an object")
    clean = {}
    for key, pattern in (("question", TEXT), ("unit", re.compile(r"[^\x00-\x1f\x7f]{0,40}"))):
        if not isinstance(entry.get(key), str) or not pattern.fullmatch(entry[key]):
            raise ValueError(f"a guess has no {key}")
        clean[key] = entry[key]
    for key in ("guess", "value"):
        number = entry.get(key)
        if key == "value" and number is None:
            clean[key] = None
            continue
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not abs(number) <= LARGEST:
            raise ValueError(f"a guess has no {key}")
        clean[key] = number
    return {key: clean[key] for key in ("question", "guess", "value", "unit")}


def read_guesses(path=None):
    """Return the guesses of a file, [] when there is none; each is what check_guess returns.

    Raises CourseError for a damaged file; keep_guess() and reveal() set such a file aside instead.
    """
    path = Path(path or path_of_guesses())
    try:
        return _read(path)
    except ValueError as error:
        raise CourseError(f"{path.name} cannot be read ({error}): rename it to keep it, then go on.") from None


def _read(path):
    """Return the guesses of a file; raise ValueError for a damaged one."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, RecursionError) as error:
        raise ValueError(str(error)[:100]) from None
    if not isinstance(content, dict) or not isinstance(content.get("guesses"), list):
        raise ValueError("it holds no guesses")
    return [check_guess(entry) for entry in content["guesses"][:MOST]]


def keep_guess(question, number, unit="", path=None, say=print):
    """Write the guess of a question and return its entry; one whose answer was shown already stays as it is.

    say: gets one sentence when the file was damaged and had to be set aside.
    Raises CourseError when the file cannot be written.
    """

    def change(entries):
        old = next((entry for entry in entries if entry["question"] == question), None)
        if old is not None and old["value"] is not None:
            return old
        entry = {"question": question, "guess": number, "value": None, "unit": unit}
        entries[:] = [other for other in entries if other["question"] != question] + [entry]
        return entry

    return _change(change, path, say)


def keep_value(question, value, path=None):
    """Write what was measured beside the guess of a question; return the entry, None when there is no guess."""

    def change(entries):
        entry = next((entry for entry in entries if entry["question"] == question), None)
        if entry is not None:
            entry["value"] = value
        return entry

    path = Path(path or path_of_guesses())
    return _change(change, path, print) if path.is_file() else None


def _change(change, path, say):
    """Let `change` alter the list of guesses while no other notebook writes; return what it returns."""
    path = Path(path or path_of_guesses())
    with locked(path):
        try:
            entries = _read(path)
        except ValueError as error:
            aside = _set_aside(path)
            say(f"{path.name} was damaged ({error}): it is kept as {aside.name}, and a new file begins.")
            entries = []
        before = [dict(entry) for entry in entries]
        result = change(entries)
        if entries != before:
            content = {"format": 1, "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")}
            write_whole(path, json.dumps({**content, "guesses": entries}, indent=1, ensure_ascii=False) + "\n")
    return result


def _set_aside(path):
    """Rename a file to the first free name of its kind, guesses_damaged_1.json; return that path."""
    number = 1
    while (aside := path.with_name(f"{path.stem}_damaged_{number}{path.suffix}")).exists():
        number += 1
    try:
        path.rename(aside)
    except OSError as error:
        raise CourseError(f"{path.name} is damaged and cannot be renamed ({error.strerror}): delete it.") from None
    return aside


def delete_guesses(path=None):
    """Delete the file of guesses; return how many guesses went. A damaged file goes too, one set aside stays."""
    path = Path(path or path_of_guesses())
    if not path.is_file():
        return 0
    count = 0
    with locked(path):
        with contextlib.suppress(ValueError):
            count = len(_read(path))
        path.unlink(missing_ok=True)
    return count


def distance(entry):
    """Return how far off a guess was: the factor between guess and value (4 for 4 times too high or too low).

    Where one of them is zero or below, there is no factor: 1 plus the difference in parts of the value.
    Without a value it is 0.
    """
    guess, value = entry["guess"], entry["value"]
    if value is None:
        return 0.0
    if guess > 0 and value > 0:
        return max(guess / value, value / guess)
    return 1 + abs(guess - value) / (abs(value) or 1)


def worst_guess(entries):
    """Return the guess that was furthest off among those whose answer was shown, None without one."""
    shown = [entry for entry in entries if entry["value"] is not None]
    return max(shown, key=distance) if shown else None
