"""Questions with immediate feedback, in plain HTML: no JavaScript, works with the keyboard and a screen reader."""

import hashlib
import html
import json
import random
import re

from IPython.display import HTML

from tflite_course.errors import CourseError
from tflite_course.resources import resource

LETTERS = "ABCDE"
# One class name for the style sheet, colours that are readable on light and dark; words and signs say the same.
STYLE = """<style>
.course-quiz { max-width: 46em; }
.course-quiz section { margin: 0 0 16px; padding: 8px 14px 12px; border: 1px solid #767676; border-radius: 6px; }
.course-quiz p { margin: 6px 0; }
.course-quiz details { margin: 6px 0 0; }
.course-quiz summary { display: list-item; padding: 4px 6px; cursor: pointer; }
.course-quiz summary:focus-visible { outline: 3px solid #0072b2; outline-offset: 1px; }
.course-quiz details > p { margin: 2px 0 8px 6px; padding: 4px 10px; border-left: 4px dashed #d55e00; }
.course-quiz details.right > p { border-left: 4px solid #009e73; }
</style>"""


def load_quiz(name):
    """Return the questions in assets/quizzes/<name>.json after checking them, the answers in the order to show.

    A list of {"question": str, "answers": [{"answer": str, "correct": bool, "feedback": str}, ...]}. The order of the
    answers is drawn by chance from the text of the question, so it is the same for everybody and each time.
    Raises CourseError when the file is missing or a question has not exactly one right answer.
    """
    questions = json.loads(resource(f"assets/quizzes/{name}.json").read_text(encoding="utf-8"))
    for question in questions:
        if sum(answer["correct"] for answer in question["answers"]) != 1:
            raise CourseError(f"Quiz {name}: '{question['question']}' needs exactly one right answer: fix the JSON.")
        seed = int.from_bytes(hashlib.sha256(question["question"].encode()).digest()[:8], "big")
        random.Random(seed).shuffle(question["answers"])
    return questions


def show_quiz(name):
    """Return the quiz of a lesson for display: open an answer to see whether it is right, and why."""
    questions = load_quiz(name)
    cards = [_card(question, number, len(questions)) for number, question in enumerate(questions, 1)]
    how = "<p>Choose an answer: click it, or press Enter on it.</p>"
    return HTML(f'{STYLE}<div class="course-quiz">{how}{"".join(cards)}</div>')


def _card(question, number, count):
    """Return one question and its answers as HTML."""
    parts = [f"<section><p>Question {number} of {count}</p><p><b>{_text(question['question'])}</b></p>"]
    for letter, answer in zip(LETTERS, question["answers"], strict=False):
        kind, verdict = (
            ("right", "\N{HEAVY CHECK MARK} Right.")
            if answer["correct"]
            else ("wrong", "\N{HEAVY BALLOT X} Not quite.")
        )
        parts.append(
            f'<details class="{kind}"><summary><b>{letter}</b> {_text(answer["answer"])}</summary>'
            f"<p><b>{verdict}</b> {_text(answer['feedback'])}</p></details>"
        )
    return "".join([*parts, "</section>"])


def _text(text):
    """Return text as HTML; what stands between backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
