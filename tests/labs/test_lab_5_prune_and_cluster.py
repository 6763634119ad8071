"""The checks of lab_5_prune_and_cluster: right answers, wrong answers, and every mistake that they name."""

from tests.labs.answers import lab_5_prune_and_cluster as answers
from tests.labs.catalogue import make_tests

test_check, test_known_mistake, test_catalogue = make_tests("lab_5_prune_and_cluster", answers)
