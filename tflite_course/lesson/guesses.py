"""Guess before you measure: a field that keeps what you type, and the answer beside it later."""

import html

import ipywidgets as widgets
from IPython.display import display

from tflite_course.errors import CourseError
from tflite_course.lesson.guess_file import (
    TEXT,
    delete_guesses,
    keep_guess,
    keep_value,
    parse_number,
    read_guesses,
    worst_guess,
)
from tflite_course.lesson.still import StillBox
from tflite_course.lesson.style import COLOURS

__all__ = ["Guess", "delete_guesses", "guess", "read_guesses", "reveal", "worst_guess"]

HOW = "Run this cell in Jupyter to type a number."


class Guess(StillBox):
    """A question with a field for a number; what is typed goes to work/guesses.json.

    question, unit: texts; status: what stands under the field. Without a browser: `keep("4")`.
    """

    def __init__(self, question, unit=""):
        self.question, self.unit = question, unit
        self.status = widgets.HTML()
        self.field = widgets.Text(
            description="Your guess",  # its label, for those who listen too
            placeholder="a number",
            continuous_update=False,  # Enter, or leaving the field
            style={"description_width": "initial"},
            layout=widgets.Layout(width="14rem"),
        )
        label = widgets.HTML(f"<p>{html.escape(question)}</p>")
        after = widgets.Label(unit)
        row = widgets.HBox([self.field, after])
        asked = f"Guess: {question}{f' ({unit})' if unit else ''}"
        shown = f"<p><b>Guess.</b> {html.escape(question)} <i>{HOW}</i></p>"
        super().__init__([label, row, self.status], still={"text/plain": f"{asked} {HOW}", "text/html": shown})
        self._show_what_is_kept()
        self.field.observe(lambda change: self.keep(change["new"]), "value")

    def _show_what_is_kept(self):
        try:
            kept = next((entry for entry in read_guesses() if entry["question"] == self.question), None)
        except CourseError:
            return  # the next guess sets the damaged file aside, with a sentence
        if kept:
            self.field.value = f"{kept['guess']:g}"
            self._say(self._sentence(kept))

    def _say(self, sentence):
        self.status.value = f'<span role="status">{html.escape(sentence)}</span>'

    def _sentence(self, entry):
        said = f"{entry['guess']:g} {self.unit}".strip()
        if entry["value"] is not None:
            return f"Your guess was {said}; the answer is known, so it stays. delete_guesses() begins again."
        return f"Kept: {said}. You can change it until you see the answer."

    def keep(self, text):
        """Keep a guess, a number or its text; say in `status` what is wrong with it. Returns the number, or None."""
        if not str(text).strip():
            return None
        notes = []
        try:
            entry = keep_guess(self.question, parse_number(text, self.unit), self.unit, say=notes.append)
        except CourseError as error:
            self._say(str(error))
            return None
        self._say(" ".join([*notes, self._sentence(entry)]))
        return entry["guess"]


def guess(question, *, unit=""):
    """Show a question with a field for a number, and keep the answer in work/guesses.json beside the notebook.

    question: one line that ends in a question mark; unit: of the number, for example "times" or "points".
    The file stays on your machine; delete_guesses() deletes it. Returns the Guess, which a notebook shows.

    Raises CourseError for a question that is not one line of text.
    """
    if not isinstance(question, str) or not TEXT.fullmatch(question.strip()):
        raise CourseError("A question is one line of text of at most 300 characters: write guess('How many ...?').")
    return Guess(" ".join(question.split()), unit)


def reveal(question, measured, *, unit="", digits=2, expected=None, tolerance=None):
    """Show what was measured and, if there is one, the guess that was made: a small table with bars, and one line.

    question: the text that guess() was given, or the Guess. measured: a number; digits: decimals that are shown.
    expected, tolerance: the band, for a number that differs from machine to machine: the regression masks a value
    that is inside. Without a guess only the measured value is shown. It must come before all else that its cell
    prints: JupyterLab shows the first line of a hidden output.

    Raises CourseError for a value that is not a finite number.
    """
    if isinstance(question, Guess):
        question, unit = question.question, question.unit
    question = " ".join(str(question).split())
    measured = parse_number(measured)
    entry = keep_value(question, measured)
    unit = entry["unit"] if entry else unit
    said = f"{measured:,.{digits}f}"
    if expected is not None:
        inside = abs(measured - expected) <= tolerance
        band = f"{expected:,.{digits}f} ± {tolerance:,.{digits}f}"
        said = f"{said} (expected {band})" if inside else f"{said} is OUTSIDE {band}"
    rows = [("measured", measured, f"{said} {unit}".strip())]
    if entry:
        rows.insert(0, ("your guess", entry["guess"], f"{entry['guess']:,g} {unit}".strip()))
    line = "; ".join(f"{name}: {text}" for name, _, text in rows)
    print(f"{question}\n{line}")  # JupyterLab shows the first line of an output that is hidden: never the answer
    display({"text/plain": f"{question} {line}", "text/html": _picture(question, rows)}, raw=True)


BAR = (
    '<div aria-hidden="true" style="display:inline-block;box-sizing:border-box;height:1em;min-width:3px;'
    'border:2px solid {colour};{fill}width:{width:.0f}%"></div>'
)


def _picture(question, rows):
    """Return rows (name, number, text) as an HTML table: the text stands in it, the bars only repeat it."""
    longest = max(abs(number) for _, number, _ in rows) or 1
    lines = []
    for name, number, text in rows:
        colour = COLOURS["blue"] if name == "measured" else COLOURS["vermillion"]
        fill = f"background:{colour};" if name == "measured" else "border-style:dashed;"
        bar = BAR.format(colour=colour, fill=fill, width=100 * abs(number) / longest)
        lines.append(
            f'<tr><th scope="row" style="text-align:left">{name}</th>'
            f'<td style="text-align:right;white-space:nowrap">{html.escape(text)}</td>'
            f'<td style="width:20rem;text-align:left">{bar}</td></tr>'
        )
    return f'<table class="reveal" aria-label="{html.escape(question)}"><tbody>{"".join(lines)}</tbody></table>'
