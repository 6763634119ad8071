"""A plan of a term with dates: `make term START=2027-02-01` prints the table, and grading.toml with the due dates.

Fourteen weeks, one or two lessons a week, and a lab that is due at the end of the week after its lessons.
"""

import argparse
import datetime
import sys

from tflite_course.errors import CourseError

# week: lessons, labs that are due at its end
WEEKS = (
    (("01", "02"), ()),
    (("03", "04"), ("lab_1_train_and_convert",)),
    (("05",), ("lab_2_interpreter_and_drawing",)),
    (("06",), ("lab_3_quantize",)),
    (("07", "08"), ("lab_4_train_for_quantization",)),
    (("09",), ("lab_5_prune_and_cluster",)),
    (("10",), ("lab_6_smallest_model",)),
    (("11",), ("lab_7_linux_program",)),
    (("12",), ("lab_8_browser",)),
    (("13", "14"), ("lab_9_microcontroller",)),
    (("15",), ()),
    (("16",), ("capstone",)),
    (("17",), ()),
    ((), ("lab_10_gestures", "journal")),
)
WEIGHTS = {"lab_6_smallest_model": 8, "capstone": 20, "journal": 18}  # of 100
WEIGHT = 6  # of every other lab
KEPT = ("capstone", "journal")  # are never the one that is dropped


def weight(lab):
    """Return what a lab counts, of 100."""
    return WEIGHTS.get(lab, WEIGHT)


def days(start):
    """Return [(Monday, Sunday)] of the weeks. Raises CourseError when start is not a Monday's date."""
    try:
        first = datetime.date.fromisoformat(start)
    except ValueError:
        raise CourseError(f"'{start}' is not a date: write the first Monday as in START=2027-02-01.") from None
    if first.weekday():
        monday = first - datetime.timedelta(days=first.weekday())
        raise CourseError(f"{start} is a {first:%A}: the plan starts on a Monday, {monday} for example.")
    weeks = [first + datetime.timedelta(weeks=number) for number in range(len(WEEKS))]
    return [(monday, monday + datetime.timedelta(days=6)) for monday in weeks]


def table(start):
    """Return the plan as a table of Markdown."""
    lines = ["| week | from | lessons | due on Sunday | weight |", "|---|---|---|---|---|"]
    for number, ((lessons, labs), (monday, sunday)) in enumerate(zip(WEEKS, days(start), strict=True), start=1):
        due = f"{', '.join(labs)} ({sunday})" if labs else ""
        weights = ", ".join(str(weight(lab)) for lab in labs)
        lines.append(f"| {number} | {monday} | {', '.join(lessons) or 'questions'} | {due} | {weights} |")
    return "\n".join(lines)


def settings(start, timezone="Europe/Berlin"):
    """Return the text of grading.toml: due dates, weights, and the rules that you may want to change."""
    lines = [f'timezone = "{timezone}"', "", "[late]", "percent_per_day = 10", "most_percent = 50"]
    lines += ["", "[final]", "out_of = 100", "drop_lowest = 1"]
    for (_, labs), (_, sunday) in zip(WEEKS, days(start), strict=True):
        for lab in labs:
            lines += ["", f"[labs.{lab}]", f"due = {sunday}", f"weight = {weight(lab)}"]
            lines += ["may_be_dropped = false"] if lab in KEPT else []
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("start", help="the first Monday, as 2027-02-01")
    parser.add_argument("--timezone", default="Europe/Berlin")
    parser.add_argument("--settings", action="store_true", help="print grading.toml alone")
    options = parser.parse_args()
    try:
        text = settings(options.start, options.timezone)
        print(text if options.settings else f"{table(options.start)}\n\n{text}", end="")
    except CourseError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
