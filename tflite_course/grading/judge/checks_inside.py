"""What a submission finds in the sandbox in place of the checks, their inputs and right answers: `tflite_course.labs`.

A cell that calls check() runs on. Its points are not what this returns: the judge asks for the answer itself.
"""


def check(lab, exercise, answer, *, seed=0):
    """Print that the answer is judged elsewhere; return 0.0."""
    print(f"{exercise} is judged outside of this notebook.")
    return 0.0
