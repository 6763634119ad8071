"""The quizzes as a whole: nobody passes them by the place or the length of the answers."""

import collections
import json
import re

import nbformat
import pytest

from tests import ROOT
from tflite_course import quiz
from tflite_course.errors import CourseError

NAMES = sorted(path.stem for path in (ROOT / "assets" / "quizzes").glob("*.json"))
MOST_LONGEST = 0.4  # share of the questions in which the right answer is the longest; by chance it is about 0.3
QUESTIONS = [(name, question) for name in NAMES for question in quiz.load_quiz(name)]


def place_of_right(question):
    return [answer["correct"] for answer in question["answers"]].index(True)


def is_longest(question, length):
    lengths = [length(answer["answer"]) for answer in question["answers"]]
    return lengths[place_of_right(question)] == max(lengths)


def write_quiz(monkeypatch, tmp_path, *questions):
    (tmp_path / "q.json").write_text(json.dumps(list(questions)), encoding="utf-8")
    monkeypatch.setattr(quiz, "resource", lambda name: tmp_path / "q.json")


def question(text="Which?", correct=1, count=4):
    answers = [{"answer": f"answer {k}", "correct": k < correct, "feedback": f"because {k}"} for k in range(count)]
    return {"question": text, "answers": answers}


def test_the_longest_answer_is_seldom_the_right_one():
    assert len(QUESTIONS) > 70
    for length in (len, lambda text: len(text.split())):
        share = sum(is_longest(q, length) for _, q in QUESTIONS) / len(QUESTIONS)
        assert 0.15 < share <= MOST_LONGEST, f"{share:.0%}"  # far below chance it would be a rule to pass by, too


def test_the_right_answer_stands_at_every_place():
    for count in (3, 4):
        places = collections.Counter(place_of_right(q) for _, q in QUESTIONS if len(q["answers"]) == count)
        total = sum(places.values())
        assert sorted(places) == list(range(count)) and max(places.values()) < 0.55 * total, places
    for name in NAMES:
        assert len({place_of_right(q) for other, q in QUESTIONS if other == name}) > 1, f"{name}: always one place"


def test_the_order_is_the_same_each_time_and_loses_nothing(monkeypatch, tmp_path):
    write_quiz(monkeypatch, tmp_path, *[question(f"Question {k}?") for k in range(40)])
    first, second = quiz.load_quiz("q"), quiz.load_quiz("q")
    assert first == second
    assert {place_of_right(q) for q in first} == {0, 1, 2, 3}
    assert all(sorted(a["answer"] for a in q["answers"]) == [f"answer {k}" for k in range(4)] for q in first)


@pytest.mark.parametrize("correct", [0, 2])
def test_a_question_has_one_right_answer(monkeypatch, tmp_path, correct):
    write_quiz(monkeypatch, tmp_path, question(correct=correct))
    with pytest.raises(CourseError, match="exactly one right answer"):
        quiz.load_quiz("q")


def test_code_is_set_as_code_and_the_rest_is_text(monkeypatch, tmp_path):
    asked = question("Is `a < b` <b>?")
    asked["answers"][0] |= {"answer": "`x & y`", "feedback": "5 < 6, `z`"}
    write_quiz(monkeypatch, tmp_path, asked)
    shown = quiz.show_quiz("q").data
    assert "Is <code>a &lt; b</code> &lt;b&gt;?" in shown and "<code>x &amp; y</code>" in shown
    assert "5 &lt; 6, <code>z</code>" in shown and "`" not in shown


@pytest.mark.parametrize("name", NAMES)
def test_the_lesson_shows_the_quiz_of_today(name):
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    [cell] = [cell for cell in notebook.cells if f'show_quiz("{name}")' in cell.source]
    assert cell.outputs[0].data["text/html"] == quiz.show_quiz(name).data


@pytest.mark.parametrize("name", NAMES)
def test_right_and_wrong_are_said_in_words_and_signs(name):
    shown = quiz.show_quiz(name).data
    questions = quiz.load_quiz(name)
    assert shown.count("<section>") == len(questions) and f"Question 1 of {len(questions)}" in shown
    for answer_right, kind, verdict in ((True, "right", "✔ Right."), (False, "wrong", "✘ Not quite.")):
        count = sum(a["correct"] is answer_right for q in questions for a in q["answers"])
        assert shown.count(f"<b>{verdict}</b>") == shown.count(f'<details class="{kind}">') == count
    letters = re.findall(r"<summary><b>([A-E])</b>", shown)
    assert letters == [letter for q in questions for letter in "ABCDE"[: len(q["answers"])]]
    assert "<script" not in shown and "`" not in shown and "onclick" not in shown
