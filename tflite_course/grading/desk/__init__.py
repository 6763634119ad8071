"""The marking desk: `python -m tflite_course.grading desk --work grading`.

A page on this machine, for the keyboard: one criterion of a rubric, or one written answer of a lab, across all
students. Marks go into the gradebook at once. Two people may mark the same; the desk shows how far they agree.
"""


def main(arguments=None):
    """Serve the desk until it is stopped."""
    from tflite_course.grading.desk import server

    server.main(arguments)
