"""Ten scripted first-time readers: each types what the page invites, in a way of its own, and reaches the product.

What a lesson's header promises is checked in its kernel: learners.toml. A reader fails when a cell raises or warns, a
guess or a kept drawing is lost, a message is not one clear sentence, or the product is missing. What cells print is not
compared: values of their own print other numbers.

    python -m tests.benchmarks.learners --plan --learner 3 03     what the third one does in lesson 03
"""

import functools
import html
import random
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import nbformat
import numpy as np

from tests.notebooks.page import Page, photo
from tests.notebooks.your_turn import name_of, stored_errors, with_value
from tests.tools.lessons import notebook_path
from tests.tools.minutes import calls
from tflite_course.errors import CourseError
from tflite_course.lesson.guess_file import read_guesses
from tflite_course.pad.kept import FILE, DamagedFile, load_kept

PRODUCTS = Path(__file__).with_name("learners.toml")

# How a reader answers "Your guess": the texts that they type one after the other, {n} is a number of theirs.
WAYS_TO_GUESS = {
    "a number": ["{n}"],
    "with its unit": ["{n} {unit}"],
    "in words, then a number": ["about {n}", "{n}"],
    "with a decimal comma": ["{n},5"],
    "an empty Enter, nothing else": [""],
    "a word, nothing else": ["no idea"],
    "a huge number, then a small one": ["1" + 24 * "0", "{n}"],
    "and then a second guess": ["{n}", "{m}"],
    "a thousand with a comma": ["{n},000"],
    "a fraction below one, with a comma": ["0,125"],
}
# What is kept of each text; None: it is refused with one sentence, or there is nothing to keep.
KEPT = {"{n},5": 0.5, "{n},000": 1000, "0,125": 0.125, "": None, "no idea": None, "about {n}": None}
KEPT |= {WAYS_TO_GUESS["a huge number, then a small one"][0]: None}


@dataclass(frozen=True)
class Learner:
    """A reader. guess: a key of WAYS_TO_GUESS; turns: what happens to a cell of Your turn, see at_turn().

    again: share of the cells that are run a second time; breaks: "", "restart" (in the middle, then all above again) or
    "second day" (the same, two thirds down); own: was the own model of lessons 01 and 02 kept? slides: are sliders and
    menus moved? digits: how many are drawn and kept; late: is another guess typed after the answer?
    """

    name: str
    guess: str
    turns: str
    again: float = 0.0
    breaks: str = ""
    own: bool = True
    slides: bool = True
    digits: int = 3
    late: bool = False


LEARNERS = (
    Learner("Ada", "a number", "as it is", slides=False, digits=1),
    Learner("Ben", "with its unit", "the first value"),
    Learner("Chi", "in words, then a number", "as it is, then the last value", digits=10),
    Learner("Dana", "with a decimal comma", "any value", late=True),
    Learner("Emil", "an empty Enter, nothing else", "as it is, then any value", breaks="restart"),
    Learner("Fay", "a word, nothing else", "as it is", own=False),
    Learner("Gus", "a huge number, then a small one", "the last value"),
    Learner("Hana", "and then a second guess", "any value", again=0.3, late=True),
    Learner("Ivo", "a thousand with a comma", "any value, then back", breaks="second day"),
    Learner("Jo", "a fraction below one, with a comma", "the first value", again=0.1, own=False, digits=2),
)


class Step(NamedTuple):
    """What a reader does: an action, the number of the code cell, and what is typed, drawn or chosen."""

    action: str
    cell: int
    value: object = None


def plan(learner, name):
    """Return the list of Step that a reader does in a lesson; the same each time."""
    rng = random.Random(f"{learner.name} {name}")
    cells = code_cells(name)
    steps = []
    asked = []  # numbers of the cells whose question has no answer yet
    for k, cell in enumerate(cells):
        steps += at_turn(learner, k, cell, rng) if cell.metadata.get("try") else [Step("run", k)]
        if rng.random() < learner.again:
            steps.append(Step("run", k))
        if calls(cell.source, "guess"):
            numbers = {"n": rng.randint(2, 98), "m": rng.randint(2, 98)}
            steps += [Step("type", k, (text, numbers)) for text in WAYS_TO_GUESS[learner.guess]]
            asked.append(k)
        if "reveal" in cell.metadata.get("tags", []) and asked:
            k_asked = asked.pop(0)
            if learner.late:
                steps.append(Step("type", k_asked, ("{n}", {"n": 77})))
        steps += at_widgets(learner, k, cell, rng)
    return with_break(learner, steps, len(cells), rng)


def at_turn(learner, k, cell, rng):
    """Return the steps at a cell that invites a change."""
    values = cell.metadata["try"]
    first, last, some = Step("run", k, values[0]), Step("run", k, values[-1]), Step("run", k, rng.choice(values))
    stored = Step("run", k)
    return {
        "as it is": [stored],
        "the first value": [first],
        "the last value": [last],
        "any value": [some],
        "as it is, then the last value": [stored, last],
        "as it is, then any value": [stored, some],
        "any value, then back": [some, stored],
    }[learner.turns]


def at_widgets(learner, k, cell, rng):
    """Return what a reader does with the sliders, pads and photo buttons that a cell shows."""
    steps = []
    if calls(cell.source, "explore") and learner.slides:
        steps.append(Step("slide", k))
    if calls(cell.source, "DigitPad"):
        steps += [Step("draw", k, digit) for digit in rng.sample(range(10), learner.digits)]
        if learner.slides:
            steps.append(Step("choose", k))
    if shows_photo_box(cell.source) and learner.slides:
        steps += [Step("upload", k, kind) for kind in ("a text", "a photo")]
    return steps


def shows_photo_box(source):
    """Does a cell make a PhotoBox and end with it?"""
    return bool(re.search(r"^(\w+) = PhotoBox\(.*\)\n\1$", source, re.M))


def with_break(learner, steps, cells, rng):
    """Return the steps with a restart in the middle, or two thirds down, after which all cells above run again."""
    if not learner.breaks:
        return steps
    last = int(cells * (rng.uniform(0.4, 0.5) if learner.breaks == "restart" else 2 / 3))
    place = max(i for i, step in enumerate(steps) if step.cell <= last) + 1
    runs = {step.cell: step for step in steps[:place] if step.action == "run"}  # what stands in a cell, it runs with
    return [*steps[:place], Step(learner.breaks, last), *(runs[k] for k in sorted(runs)), *steps[place:]]


def code_cells(name):
    """Return the code cells of a lesson as they are stored; they are shared, so change none."""
    path = notebook_path(name)
    return _code_cells(path, path.stat().st_mtime_ns)


@functools.cache
def _code_cells(path, changed):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def typed(value):
    """Return (text, number that is kept, or None) of what a step types, without the unit."""
    text, numbers = value
    if text in KEPT:
        kept = KEPT[text]
        if kept is not None and "{n}" in text:
            kept = numbers["n"] + kept if kept < 1 else numbers["n"] * kept
    else:
        kept = numbers["m" if "{m}" in text else "n"]
    return text, kept


SAID = {
    "run": "runs {id}",
    "type": "types {text!r} into the field of {id}",
    "slide": "moves each slider of {id} to both ends",
    "draw": "draws a {value} on the pad of {id}, and presses {value} where there are buttons",
    "choose": "chooses each entry of the menus of {id}",
    "upload": "chooses {value} as a file in {id}",
    "restart": "restarts the kernel, and runs all cells down to {id} again",
    "second day": "closes the lesson, comes back the next day, and runs all cells down to {id} again",
}


def described(learner, name):
    """Return the lines of text that say what a reader does in a lesson."""
    cells, lines = code_cells(name), []
    for action, k, value in plan(learner, name):
        text = value[0].format(unit="UNIT", **value[1]) if action == "type" else ""
        line = SAID[action].format(id=cells[k].id, text=text, value=value)
        changed = action == "run" and value is not None
        lines.append(line + (f" with {name_of(cells[k].source)} = {value!r}" if changed else ""))
    return lines


class Failed(Exception):
    """What a reader of a lesson must not meet; its text says where and what."""


class Reading:
    """One reader in one lesson. folder: of the reader, in which work/ grows over the lessons."""

    def __init__(self, learner, name, folder):
        self.learner, self.name, self.folder = learner, name, Path(folder)
        self.guesses = {}  # question: number, as the page has confirmed it
        self.kept = [digit.label for digit in load_kept(self.folder / FILE)]
        self.pictures = set()  # ids of cells that have drawn one
        self.answered = set()  # questions whose answer was shown
        self.hand = np.random.default_rng(LEARNERS.index(learner) if learner in LEARNERS else 99)

    def outcome(self):
        """Do the whole plan; return (number of cells that were run, "reached" or what went wrong, a text)."""
        self.page, step = Page(self.name, self.folder), None
        try:
            for step in plan(self.learner, self.name):
                getattr(self, f"do_{step.action.replace(' ', '_')}")(step)
            step = None
            self.look_back()
            self.look_at_product()
        except Failed as error:
            where = f"{self.page.cells[step.cell].id}, " if step else ""
            return self.page.runs, f"{where}{error}"
        finally:
            self.page.close()
        return self.page.runs, "reached"

    def do_run(self, step):
        cell = self.page.cells[step.cell]
        source = None if step.value is None else with_value(cell.source, step.value)
        outputs = self.page.run(step.cell, source)
        errors = [output for output in outputs if output.output_type == "error"]
        if [output.ename for output in errors] != stored_errors(cell):
            said = "; ".join(f"{output.ename}: {output.evalue}" for output in errors) or "no error where one is shown"
            raise Failed(f"run with {step.value!r}: {said}" if step.value is not None else f"run: {said}")
        warned = "".join(output.text for output in outputs if output.get("name") == "stderr")
        if warned and not any(output.get("name") == "stderr" for output in cell.outputs):
            raise Failed(f"it warns: {warned[:300]}")
        if any("image/png" in output.get("data", {}) for output in outputs):
            self.pictures.add(cell.id)
        self.look_at_field(step.cell)
        if "reveal" in cell.metadata.get("tags", []):
            printed = "".join(output.get("text", "") for output in outputs)
            self.look_at_answer(printed.splitlines())

    def look_at_field(self, k):
        """A question that was answered before shows its guess when its cell runs again, after a restart too."""
        for field in self.page.find(k, description="Your guess"):
            guess = self.guesses.get(self.question(k))
            shown = self.page.widgets(k)[field].get("value", "")
            if shown != ("" if guess is None else f"{guess:g}"):
                raise Failed(f"the field shows {shown!r}, the guess was {guess}")

    def look_at_answer(self, lines):
        """A reveal prints the question, and the guess that was made."""
        if not lines or len(lines) < 2:
            raise Failed("the answer has no two lines")
        guess = self.guesses.get(lines[0])
        if guess is not None and f"your guess: {guess:,g}" not in lines[1]:
            raise Failed(f"the answer does not show the guess {guess:g}: {lines[1]}")
        self.answered.add(lines[0])

    def question(self, k):
        """Return the question that a cell shows, a text."""
        texts = [state.get("value", "") for state in self.page.widgets(k).values()]
        [found] = [re.sub("<.*?>", "", text) for text in texts if str(text).startswith("<p>")]
        return html.unescape(found)

    def do_type(self, step):
        """Type into the field and press Enter; the page must confirm the number, or say in one sentence why not."""
        [field] = self.page.find(step.cell, description="Your guess")
        text, number = typed(step.value)
        unit = next((s["value"] for s in self.page.widgets(step.cell).values() if s["_model_name"] == "LabelModel"), "")
        text = text.format(unit=unit, **step.value[1]).strip()
        question, before = self.question(step.cell), self.page.said(step.cell)
        self.page.set(field, {"value": text})
        said = self.page.said(step.cell)
        if not text:
            if said != before:
                raise Failed(f"an empty guess says {said}")
            return
        if len(said) != 1:
            raise Failed(f"the guess {text!r} is answered by {len(said)} sentences")
        if number is None:
            look_at_sentence(said[0], f"the guess {text!r}")
        elif question in self.answered:
            old = self.guesses.get(question, number)
            if question in self.guesses and f"Your guess was {old:g}" not in said[0]:
                raise Failed(f"a guess after the answer, {text!r}, is answered by {said[0]!r}")
        else:
            if not said[0].startswith(f"Kept: {number:g}"):
                raise Failed(f"the guess {text!r} is answered by {said[0]!r}")
            self.guesses[question] = number

    def do_slide(self, step):
        sliders = self.page.find(step.cell, "labels", "index")
        if not sliders:
            raise Failed("it shows no slider")
        for slider in sliders:
            last = len(self.page.widgets(step.cell)[slider]["labels"]) - 1
            for index in (last, last // 2, 0):
                self.page.set(slider, {"index": index})
                [said] = self.page.said(step.cell)
                if not said.strip() or "cannot be drawn" in said:
                    raise Failed(f"position {index} of a slider says {said!r}")

    def pad(self, k):
        pads = self.page.find(k, "pen_width", "kept_shown")
        if len(pads) != 1:
            raise Failed(f"it shows {len(pads)} pads")
        return pads[0], self.page.widgets(k)[pads[0]]

    def do_draw(self, step):
        pad, state = self.pad(step.cell)
        pixels, strokes = self.page.draw(pad, step.value, self.hand)
        if not state["status"].startswith("Prediction: "):
            look_at_sentence(state["status"], "a drawing")
            if re.search("failed", state["status"]):
                raise Failed(state["status"])
        if not state["keeping"]:
            return
        if not self.page.keep(pad, step.value, pixels, strokes):
            raise Failed(f"a drawing was not kept: {state['kept_note']}")
        self.kept.append(step.value)
        self.page.draw(pad, None, self.hand)  # the browser wipes the pad
        if self.page.keep(pad, step.value, bytes(140 * 140), []):
            raise Failed("an empty pad was kept")
        look_at_sentence(state["kept_note"].removeprefix("There is nothing to keep. "), "a press on an empty pad")
        self.look_at_kept()

    def do_choose(self, step):
        pad, state = self.pad(step.cell)
        for menu in self.page.find(step.cell, "options", "value"):
            for option in self.page.widgets(step.cell)[menu]["options"]:
                self.page.set(menu, {"value": option})
        for way in list(state["ways"]):
            self.page.set(pad, {"preprocess": way})
        if "failed" in state["status"]:
            raise Failed(state["status"])

    def do_upload(self, step):
        [button] = self.page.find(step.cell, _model_name="FileUploadModel")
        self.page.upload(button, b"not a picture" if step.value == "a text" else photo(self.hand))
        [said] = self.page.said(step.cell)
        if step.value == "a text":
            look_at_sentence(said, "a file that is not a picture")
        elif "Found and read: " not in said:
            raise Failed(f"a photo is answered by {said!r}")

    def do_restart(self, step):
        self.page.open()

    do_second_day = do_restart

    def look_back(self):
        """Every guess that the page has confirmed is in the file, and every drawing."""
        file = self.folder / "work" / "guesses.json"
        try:
            stored = {entry["question"]: entry for entry in read_guesses(file)}
        except CourseError as error:
            raise Failed(f"the guesses are lost: {error}") from None
        for question, number in self.guesses.items():
            entry = stored.get(question)
            if entry is None or entry["guess"] != number:
                raise Failed(f"the guess {number:g} for {question!r} is lost")
            if question in self.answered and entry["value"] is None:
                raise Failed(f"the answer to {question!r} is not kept")
        self.look_at_kept()

    def look_at_kept(self):
        try:
            found = [digit.label for digit in load_kept(self.folder / FILE)]
        except DamagedFile as error:
            raise Failed(f"the drawings are lost: {error}") from None
        if found != self.kept:
            raise Failed(f"kept were {self.kept}, in the file are {found}")

    def look_at_product(self):
        """What the header promises is there, and true."""
        product = read_products().get(self.name)
        if product is None:
            return
        for path in product["files"]:
            if not (self.folder / path).is_file():
                raise Failed(f"the product {path} is missing")
        if gone := set(product.get("pictures", ())) - self.pictures:
            raise Failed(f"the picture of {', '.join(sorted(gone))} is missing")
        if failed := self.page.check(product["check"]):
            raise Failed(f"the product is not as promised: {failed}")


def look_at_sentence(text, of):
    """Raise Failed unless a message is one sentence for people: no name of a class, no path, no second sentence."""
    if not re.fullmatch(r"['\"A-Z0-9][^\n]{14,300}\.", text) or re.search(r"\. [A-Z]|Traceback|Error\b|/\w+/", text):
        raise Failed(f"{of} is answered by {text!r}, which is not one clear sentence")


def read_products():
    """Return {lesson: {"says": [texts of its header], "files", "pictures", "check"}} of learners.toml."""
    return tomllib.loads(PRODUCTS.read_text(encoding="utf-8"))
