"""The checks of lab_8_browser, tried with right and wrong answers and with every mistake that they name."""

from tests.labs.answers import lab_8_browser
from tests.labs.catalogue import make_tests

test_check, test_known_mistake, test_catalogue = make_tests("lab_8_browser", lab_8_browser)
