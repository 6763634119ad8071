"""The checks of lab_10_gestures, tried with right and wrong answers and with every mistake that they name."""

from tests.labs.answers import lab_10_gestures
from tests.labs.catalogue import make_tests

test_check, test_known_mistake, test_catalogue = make_tests("lab_10_gestures", lab_10_gestures)
