"""How many keys and clicks it takes to mark journals: `python -m tests.benchmarks.marking`, the desk and formgrader.

    python -m tests.benchmarks.marking --journals 60

The same marks and remarks are given in both, in a real browser that counts each key and each click, and the gradebook
is read afterwards: it must have each of them. Each of the five criteria of each journal gets points; a mark of 0 or 1
gets one of eight remarks, which is typed out in formgrader, and in the desk once, then put by its letter. The desk also
has the three samples of each criterion.

In formgrader a person clicks into the score box and types the points, clicks into the comment box and types, and clicks
on the arrow for the next submission: that is its page's own way, journal by journal. The first three journals are
marked so, and the counts are multiplied up; what leads to the first submission is left out. Two more ratios are shown:
one in which a remark that is typed is a single action in both, as if it were pasted, and one without remarks and
samples, where formgrader's way with the fewest actions, points and Ctrl+. for one criterion after the other, is counted
as two for each mark.
"""

import argparse
import random
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.grading import test_desk
from tests.tools.jupyter_browser import chromium, jupyter
from tflite_course.grading import exercise_marks, feedback, gradebook
from tflite_course.grading.desk.model import SAMPLE, Desk

REMARKS = [
    "Which number of your table shows this?",
    "Say how large the noise is before you compare.",
    "Name the cause, not only the cure.",
    "Put both numbers of the comparison side by side.",
    "Which limit of the device decides here?",
    "Say what would make you choose otherwise.",
    "Tell the reader where this can be found.",
    "Write one example of your own.",
]
LETTERS = "adfghlqw"  # of the desk, for the remarks in its bank
DRIVEN = 3  # journals that are marked in formgrader


def plan(work, seed=5):
    """Return {(exercise, student): (points, number of the remark or None)}, drawn from a seed."""
    rng, wanted = random.Random(seed), {}
    for task in Desk(work, labs=["journal"]).tasks:
        for student in task["students"]:
            points = rng.randrange(5)
            remark = rng.randrange(len(REMARKS)) if points < 2 and not student.startswith(SAMPLE) else None
            wanted[task["exercise"], student] = (points, remark)
    return wanted


def with_the_desk(browser, work, wanted):
    """Mark everything in the desk; return Counter of "keys" and "clicks"."""
    with test_desk.serving(work, "--labs", "journal") as address:
        page = test_desk.Page(browser, address)
        known = []
        for number, task in enumerate(Desk(work, labs=["journal"]).tasks):
            for place, student in enumerate(task["students"]):
                page.at(number, place)
                points, remark = wanted[task["exercise"], student]
                if remark in known:
                    page.press(LETTERS[known.index(remark)])
                elif remark is not None:
                    page.press("c")
                    page.page.keyboard.type(REMARKS[remark])
                    page.press("Escape", "b")
                    known.append(remark)
                page.press(str(points))
                if student.startswith(SAMPLE):
                    page.says("Compare")
                    page.press("j")
        page.says("Everything is marked.")
        assert page.errors == [], page.errors
        counted = page.page.evaluate("({ keys: window.pressed, clicks: window.clicked })")
        page.context.close()
    return Counter(counted)


def with_formgrader(browser, work, wanted):
    """Mark the first three journals in formgrader; return Counter of "keys" and "clicks", and the students."""
    feedback.write_formgrader_settings(work)
    counted, students = Counter(), sorted({s for _, s in wanted if not s.startswith(SAMPLE)})[:DRIVEN]
    with gradebook.opened(work) as book:
        ids = {s: book.find_submission_notebook("journal", "journal", s).id for s in students}
    with jupyter(folder=work) as server:
        page = browser.new_page(viewport={"width": 1300, "height": 850})
        page.set_default_timeout(90_000)
        page.goto(f"{server.url}/lab?token={server.token}")
        page.add_init_script(test_desk.COUNTER)
        for student in students:
            page.goto(f"{server.url}/formgrader/submissions/{ids[student]}/?index=0", wait_until="domcontentloaded")
            page.locator("input.score").first.wait_for()
            for (exercise, other), (points, remark) in wanted.items():
                if other != student:
                    continue
                box = page.locator(f"input.score#{exercise}")
                box.click()
                page.keyboard.type(str(points))
                if remark is not None:
                    page.locator(f"#{exercise}-comment").click()
                    page.keyboard.type(REMARKS[remark])
            counted.update(page.evaluate("({ keys: window.pressed, clicks: window.clicked })"))
            counted["clicks"] += 1  # the arrow for the next submission, which leaves the page and its count
            page.locator("body").click(position={"x": 2, "y": 2})  # the last box saves when it is left
            wait_until_stored(work, wanted, [student])
        page.close()
    return counted, students


def wait_until_stored(work, wanted, students, seconds=60):
    """Wait until the gradebook has the points and remarks that were wanted; raise SystemExit when it gets others."""
    wanted = {key: value for key, value in wanted.items() if key[1] in students}
    expected = {key: (float(points), None if n is None else REMARKS[n]) for key, (points, n) in wanted.items()}
    stop = time.monotonic() + seconds
    while True:
        rows = [m for s in students for m in exercise_marks.read(work, "journal", s) if m.kind == "criterion"]
        stored = {(m.exercise, m.student): (m.manual, m.remark or None) for m in rows}
        if stored == expected:
            return
        if time.monotonic() > stop:
            wrong = [(key, stored.get(key), value) for key, value in expected.items() if stored.get(key) != value]
            raise SystemExit(f"{len(wrong)} marks of {len(expected)} were not stored as they were given: {wrong[:3]}")
        time.sleep(0.5)


def compare(browser, work):
    """Return what it took for a class: {"desk": Counter, "formgrader": Counter, ...}.

    "all": the actions of formgrader for all journals; "pasted": both when a remark that is typed is one action.
    """
    wanted = plan(work)
    journals = sorted({s for _, s in wanted if not s.startswith(SAMPLE)})
    own = {key: value for key, value in wanted.items() if key[1] in journals}
    theirs, driven = with_formgrader(browser, work, wanted)
    _unmark(work, driven)
    ours = with_the_desk(browser, work, wanted)
    wait_until_stored(work, wanted, journals, seconds=0)
    remarks = {key: len(REMARKS[remark]) for key, (_, remark) in own.items() if remark is not None}
    # each remark costs a click and its letters; what else a journal costs does not depend on them
    bare = sum(theirs.values()) - sum(length + 1 for (_, s), length in remarks.items() if s in driven)
    bare = bare / len(driven) * len(journals)
    banked = sum(len(REMARKS[n]) - 1 for n in {n for _, n in own.values() if n is not None})
    return {
        "desk": ours,
        "formgrader": theirs,
        "all": round(bare + sum(remarks.values()) + len(remarks)),
        "pasted": (sum(ours.values()) - banked, round(bare + 2 * len(remarks))),
        "marks": len(own),
        "remarks": len(remarks),
    }


def _unmark(work, students):
    rows = [m for s in students for m in exercise_marks.read(work, "journal", s) if m.kind == "criterion"]
    for row in rows:
        row.manual, row.remark, row.waiting = None, None, True
    exercise_marks.write(work, rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--journals", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as base, chromium() as browser:
        found = compare(browser, test_desk.make_class(Path(base) / "work", options.journals))
    desk, theirs = sum(found["desk"].values()), found["all"]
    print(
        f"{options.journals} journals, {found['marks']} marks, {found['remarks']} remarks, the same in both gradebooks"
    )
    print(f"desk: {found['desk']['keys']} keys, {found['desk']['clicks']} clicks, with 15 marks of samples")
    print(f"formgrader, {DRIVEN} journals: {found['formgrader']['keys']} keys, {found['formgrader']['clicks']} clicks")
    print(f"formgrader, all: {theirs} keys and clicks; the desk needs {desk / theirs:.2f} of them")
    ours, theirs = found["pasted"]
    print(f"a typed remark counted as one action: {ours} against {theirs}, {ours / theirs:.2f}")
    mouse = 2 * found["marks"] + options.journals
    print(
        f"without remarks and samples: {found['marks']} keys against {mouse} ({2 * found['marks']} with its shortcut)"
    )


if __name__ == "__main__":
    main()
