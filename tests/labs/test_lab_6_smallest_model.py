"""The checks of lab_6_smallest_model: right answers, wrong answers, and every mistake that they name."""

from tests.labs.answers import lab_6_smallest_model as answers
from tests.labs.catalogue import make_tests

test_check, test_known_mistake, test_catalogue = make_tests("lab_6_smallest_model", answers)
