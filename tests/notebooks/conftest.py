"""The kernels of lessons that several tests share."""

import pytest

from tests.notebooks.lesson_kernel import Lesson


@pytest.fixture(scope="module")
def lessons():
    """Return a function that gives the open Lesson of a name; one is open at a time."""
    opened = {}

    def open_lesson(name):
        if name not in opened:
            for lesson in opened.values():
                lesson.close()
            opened.clear()
            opened[name] = Lesson(name)
        return opened[name]

    yield open_lesson
    for lesson in opened.values():
        lesson.close()
