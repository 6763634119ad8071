"""What lessons do with their readers: guesses, moving pictures, tables and one style of figures. Plumbing only."""

from tflite_course.lesson.explorables import explore
from tflite_course.lesson.guesses import delete_guesses, guess, reveal
from tflite_course.lesson.pictures import matrix_picture, picture_row, show_pictures
from tflite_course.lesson.style import COLOURS, course_style
from tflite_course.lesson.tables import table

__all__ = [
    "COLOURS",
    "course_style",
    "delete_guesses",
    "explore",
    "guess",
    "matrix_picture",
    "picture_row",
    "reveal",
    "show_pictures",
    "table",
]
