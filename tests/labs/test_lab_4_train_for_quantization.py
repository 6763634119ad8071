"""The checks of lab_4_train_for_quantization, tried with right and wrong answers and with every mistake that they name."""

from tests.labs.answers import lab_4_train_for_quantization
from tests.labs.catalogue import make_tests

test_check, test_known_mistake, test_catalogue = make_tests(
    "lab_4_train_for_quantization", lab_4_train_for_quantization
)
