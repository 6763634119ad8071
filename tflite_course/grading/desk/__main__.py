"""`python -m tflite_course.grading.desk --work grading`."""

from tflite_course.grading import desk

desk.main()
