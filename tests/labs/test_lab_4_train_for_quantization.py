"""The checks of lab_4_train_for_quantization: right answers, wrong answers, and every mistake that they name."""

from tests.labs.answers import lab_4_train_for_quantization as answers
from tests.labs.catalogue import make_tests

test_check, test_known_mistake, test_catalogue = make_tests("lab_4_train_for_quantization", answers)
