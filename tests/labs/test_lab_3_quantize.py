"""The checks of lab_3_quantize, tried with right and wrong answers and with every mistake that they name."""

from tests.labs.answers import lab_3_quantize
from tests.labs.catalogue import make_tests

test_check, test_known_mistake, test_catalogue = make_tests("lab_3_quantize", lab_3_quantize)
