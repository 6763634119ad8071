"""The checks of lab_9_microcontroller, tried with right and wrong answers and with every mistake that they name."""

from tests.labs.answers import lab_9_microcontroller
from tests.labs.catalogue import make_tests

test_check, test_known_mistake, test_catalogue = make_tests("lab_9_microcontroller", lab_9_microcontroller)
