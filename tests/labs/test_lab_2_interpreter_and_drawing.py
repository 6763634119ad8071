"""The checks of lab_2_interpreter_and_drawing, tried with right and wrong answers and with every mistake that they name."""

from tests.labs.answers import lab_2_interpreter_and_drawing
from tests.labs.catalogue import make_tests

test_check, test_known_mistake, test_catalogue = make_tests(
    "lab_2_interpreter_and_drawing", lab_2_interpreter_and_drawing
)
