"""The browser that the tests of what people see share."""

import os

import pytest

from tests.tools.jupyter_browser import ARTEFACTS, chromium
from tflite_course.targets.browser import NoBrowser, find_chromium


@pytest.fixture(scope="module")
def browser():
    try:
        find_chromium()
    except NoBrowser as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    ARTEFACTS.mkdir(exist_ok=True)
    with chromium() as running:
        yield running
