"""The checks of lab_1_train_and_convert: right answers, wrong answers, and every mistake that they name."""

from tests.labs.answers import lab_1_train_and_convert as answers
from tests.labs.catalogue import make_tests

test_check, test_known_mistake, test_catalogue = make_tests("lab_1_train_and_convert", answers)
