"""The checks of lab_1_train_and_convert, tried with right and wrong answers and with every mistake that they name."""

from tests.labs.answers import lab_1_train_and_convert
from tests.labs.catalogue import make_tests

test_check, test_known_mistake, test_catalogue = make_tests("lab_1_train_and_convert", lab_1_train_and_convert)
