"""Lines that are the same on every machine while a measured number lies where it should."""

from tflite_course.errors import CourseError


def near(label, value, expected, tolerance, digits=3):
    """Print one constant line while |value - expected| <= tolerance, and the real value otherwise.

    For numbers that come from training inside a lesson: they differ in the last digits from machine to machine, and a
    regression test that compares printed text must still notice when they are wrong.
    value, expected, tolerance: numbers in the same unit; digits: decimals that are printed.

    Raises CourseError for a tolerance that is not above zero, and for a value that is not a number.
    """
    if not tolerance > 0:
        raise CourseError(f"The tolerance of '{label}' is {tolerance}: give a number above zero.")
    value = float(value)
    if value != value:
        raise CourseError(f"{label} is not a number: the training went wrong, look at the loss.")
    band = f"{expected:.{digits}f} ± {tolerance:.{digits}f}"
    if abs(value - expected) <= tolerance:
        print(f"{label}: {band}, as expected")
    else:
        print(f"{label}: {value:.6g} is OUTSIDE {band}")
