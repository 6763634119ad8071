"""The checks of lab_2_interpreter_and_drawing: right answers, wrong answers, and every mistake that they name."""

from tests.labs.answers import lab_2_interpreter_and_drawing as answers
from tests.labs.catalogue import make_tests

test_check, test_known_mistake, test_catalogue = make_tests("lab_2_interpreter_and_drawing", answers)
