"""Python imports this module at its start when its folder is on PYTHONPATH: see shake.py beside it."""

import os

if os.environ.get("COURSE_SHAKE"):
    import shake  # from the same folder

    shake.install()
