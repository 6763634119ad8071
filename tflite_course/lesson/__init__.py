"""What lessons do with their readers: guesses, moving pictures, tables and one style of figures. Plumbing only."""

from tflite_course.lesson.explorables import explore
from tflite_course.lesson.guesses import delete_guesses, guess, reveal
from tflite_course.lesson.pictures import show_images
from tflite_course.lesson.style import COLOURS, course_style
from tflite_course.lesson.tables import table
from tflite_course.lesson.training import training_curve

__all__ = [
    "COLOURS",
    "course_style",
    "delete_guesses",
    "explore",
    "guess",
    "reveal",
    "show_images",
    "table",
    "training_curve",
]
