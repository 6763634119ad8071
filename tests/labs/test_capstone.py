"""The checks of capstone, tried with right and wrong answers and with every mistake that they name."""

from tests.labs.answers import capstone
from tests.labs.catalogue import make_tests

test_check, test_known_mistake, test_catalogue = make_tests("capstone", capstone)
