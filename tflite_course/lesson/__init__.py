"""What lessons do with their readers: guesses, moving pictures, tables and one style of figures. Plumbing only."""

from tflite_course.lesson.charts import draw_bars, draw_matrices, draw_parts
from tflite_course.lesson.explorables import explore
from tflite_course.lesson.graphs import draw_fusion
from tflite_course.lesson.guesses import delete_guesses, guess, reveal
from tflite_course.lesson.messages import message_of
from tflite_course.lesson.pictures import (
    picture_row,
    show_answers,
    show_confusion,
    show_history,
    show_images,
    show_pictures,
)
from tflite_course.lesson.records import keep_record, stored_record
from tflite_course.lesson.style import COLOURS, course_style
from tflite_course.lesson.tables import table
from tflite_course.lesson.training import training_curve

__all__ = [
    "COLOURS",
    "course_style",
    "delete_guesses",
    "draw_bars",
    "draw_fusion",
    "draw_matrices",
    "draw_parts",
    "explore",
    "guess",
    "keep_record",
    "message_of",
    "picture_row",
    "reveal",
    "show_answers",
    "show_confusion",
    "show_history",
    "show_images",
    "show_pictures",
    "stored_record",
    "table",
    "training_curve",
]
