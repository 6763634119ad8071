"""Questions with immediate feedback, in plain HTML: no JavaScript, works with the keyboard and a screen reader."""

import html
import json

from IPython.display import HTML

from tflite_course.errors import CourseError
from tflite_course.resources import resource


def load_quiz(name):
    """Return the questions in assets/quizzes/<name>.json after checking them.

    A list of {"question": str, "answers": [{"answer": str, "correct": bool, "feedback": str}, ...]}.
    Raises CourseError when the file is missing or a question has not exactly one right answer.
    """
    questions = json.loads(resource(f"assets/quizzes/{name}.json").read_text(encoding="utf-8"))
    for question in questions:
        if sum(answer["correct"] for answer in question["answers"]) != 1:
            raise CourseError(f"Quiz {name}: '{question['question']}' needs exactly one right answer: fix the JSON.")
    return questions


def show_quiz(name):
    """Return the quiz of a lesson for display: open an answer to see whether it is right, and why."""
    parts = []
    for number, question in enumerate(load_quiz(name), 1):
        parts.append(f"<p><b>{number}. {html.escape(question['question'])}</b></p>")
        for answer in question["answers"]:
            verdict = "Right." if answer["correct"] else "Not quite."
            parts.append(
                f"<details><summary>{html.escape(answer['answer'])}</summary>"
                f"<p><b>{verdict}</b> {html.escape(answer['feedback'])}</p></details>"
            )
    return HTML("<p>Choose an answer: click it, or press Enter on it.</p>" + "".join(parts))
