#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the container of an assignment: it installs the course.
# https://gradescope-autograders.readthedocs.io/en/latest/specs/
set -euo pipefail

apt-get update
apt-get install -y python3-venv

mkdir -p /opt/course
cp -r /autograder/source/course/. /opt/course/
cd /opt/course

# uv takes the system's Python when it fits, and fetches one when it does not (Ubuntu 22.04 has Python 3.10)
python3 -m venv /opt/uv
/opt/uv/bin/pip install --quiet "@UV@"
export UV_PYTHON_INSTALL_DIR=/opt/python
/opt/uv/bin/uv venv --python ">=3.11,<3.14" .venv
/opt/uv/bin/uv pip install --python .venv/bin/python -r requirements-grading.txt

# a submission runs as a user of its own: it reads the course, and writes nothing there
mkdir -p /opt/python
chmod -R a+rX,go-w /opt/course /opt/python
