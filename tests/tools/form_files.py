"""The files of tests/forms.py, made once in a session, and where a test finds them."""

import os
from pathlib import Path

from tests.tools import forms


def folder_of_forms(tmp_path_factory):
    """Return the folder where finished forms lie: one for all workers, or COURSE_FORMS, which stays between runs."""
    kept = os.environ.get("COURSE_FORMS")
    base = tmp_path_factory.getbasetemp()
    folder = Path(kept) if kept else (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "forms"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def all_forms(tmp_path_factory):
    """Return ({name: Form}, {name: (bytes, words)}) of forms that must run and of files that must be refused."""
    folder = folder_of_forms(tmp_path_factory)
    return forms.make_forms(folder=folder), forms.make_refused(folder=folder)
