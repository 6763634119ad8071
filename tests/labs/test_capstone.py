"""The checks of capstone: right answers, wrong answers, and every mistake that they name."""

from tests.labs.answers import capstone as answers
from tests.labs.catalogue import make_tests

test_check, test_known_mistake, test_catalogue = make_tests("capstone", answers)
