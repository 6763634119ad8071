"""The checks of lab_6_smallest_model, tried with right and wrong answers and with every mistake that they name."""

from tests.labs.answers import lab_6_smallest_model
from tests.labs.catalogue import make_tests

test_check, test_known_mistake, test_catalogue = make_tests("lab_6_smallest_model", lab_6_smallest_model)
