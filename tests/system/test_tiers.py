"""What make check, make test and make test-all run: nothing is lost, and each kind is there."""

import pytest

from tests.tools import tiers

TESTS = [
    ("tests/labs/test_lab_3.py::test_check[a right]", False),
    ("tests/labs/test_lab_3.py::test_check[a wrong]", False),
    ("tests/labs/test_lab_3.py::test_check[slow one]", False),
    ("tests/targets/test_x.py::test_builds[a]", False),
    ("tests/targets/test_x.py::test_builds[b]", False),
    ("tests/targets/test_x.py::test_cluster", True),
    ("tests/system/test_pad.py::test_new", False),
]
DURATIONS = {TESTS[2][0]: 30.0, TESTS[3][0]: 9.0, TESTS[4][0]: 5.0, TESTS[5][0]: 60.0}


def numbers(tier, changed=()):
    kept = tiers.chosen(TESTS, tier, DURATIONS, changed)
    return [number for number, (nodeid, _) in enumerate(TESTS) if nodeid in kept]


def test_all_runs_everything():
    assert numbers("all") == list(range(len(TESTS)))


def test_test_runs_what_is_quick_and_the_quickest_of_each_kind():
    assert numbers("test") == [0, 1, 4, 6]


def test_a_lab_that_has_changed_runs_whole():
    assert numbers("test", ["tflite_course/labs/lab_3/quantize.py"]) == [0, 1, 2, 4, 6]


def test_check_runs_what_is_quick():
    assert numbers("check") == [0, 1]


@pytest.mark.parametrize(
    ("nodeid", "part"),
    [
        ("notebooks/04_draw_digits.ipynb::Cell 3", "lessons"),
        ("tests/notebooks/test_planted_defects.py::test_x[01-a]", "planted defects"),
        ("tests/notebooks/test_hygiene.py::test_x", "notebooks"),
        ("tests/labs/test_capstone.py::test_check[a / b]", "labs"),
    ],
)
def test_parts(nodeid, part):
    assert tiers.part_of(nodeid) == part


def test_stored_seconds():
    """A run of the lessons keeps the seconds of the tests, and the other way round; what is gone is forgotten."""
    stored = tiers.merged(
        {"tests/a.py::old": 9.0}, {"notebooks/01_a.ipynb::Cell 0": 0.2, "notebooks/01_a.ipynb::Cell 1": 1}, True
    )
    assert stored == {"notebooks/01_a.ipynb": 1.2, "tests/a.py::old": 9.0}
    assert tiers.merged(stored, {"tests/a.py::new": 2.0, "tests/a.py::quick": 0.1}, False) == {
        "notebooks/01_a.ipynb": 1.2,
        "tests/a.py::new": 2.0,
    }
