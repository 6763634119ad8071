"""What tests of several targets share."""

import shutil

import pytest

from tflite_course.targets import web as build


@pytest.fixture(scope="session")
def dist(tmp_path_factory):
    """The built page of lesson 11 in a folder of its own."""
    if not shutil.which("npm"):
        pytest.skip("There is no npm to fetch LiteRT.js with: install Node.js.")
    folder = tmp_path_factory.mktemp("web") / "dist"
    build.build(folder)
    return folder
