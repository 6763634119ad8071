# make lab: a student's machine.   make test: the tests.   make outputs: run the notebooks and store what they print.
# Each makes the environment that it needs first; a second run installs nothing.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TOOLS := -m tests.tools
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# An environment that cannot be used (half made, moved, its Python gone or another one than `make PYTHON=...` asks for)
# is made again: see tests/tools/environment.py.
WANTED := $(if $(filter command,$(firstword $(origin PYTHON))),$(shell "$(PYTHON)" -c 'import platform; print(platform.python_version())' 2>/dev/null))
ifneq ($(wildcard $(VENV)/python.stamp),)
ifneq ($(shell $(BIN)/python $(TOOLS).environment check $(VENV) $(WANTED) 2>/dev/null),good)
.PHONY: $(VENV)/python.stamp
endif
endif

# Where the home folder cannot be written, Jupyter and the others keep their files in the environment.
HOME_FOLDERS := . .cache .config .ipython .jupyter .keras .local .local/share .local/share/jupyter Library Library/Jupyter
ifneq ($(shell cd "$$HOME" 2>/dev/null || echo no; for f in $(HOME_FOLDERS); do [ ! -e "$$HOME/$$f" ] || [ -w "$$HOME/$$f" ] || echo no; done),)
OWN_HOME := $(CURDIR)/$(VENV)/home
export JUPYTER_CONFIG_DIR ?= $(OWN_HOME)/jupyter
export JUPYTER_DATA_DIR ?= $(OWN_HOME)/jupyter/data
export IPYTHONDIR ?= $(OWN_HOME)/ipython
export MPLCONFIGDIR ?= $(OWN_HOME)/matplotlib
export KERAS_HOME ?= $(OWN_HOME)/keras
export XDG_CACHE_HOME ?= $(OWN_HOME)/cache
export npm_config_cache ?= $(OWN_HOME)/npm
endif

# JupyterLab refuses to run as root unless told so (containers do).
ROOT_FLAG := $(shell [ "$$(id -u)" = 0 ] && echo --allow-root)

# Without it the pad's answer waits up to 40 ms on its way to the page: see tflite_course/lab_server.py.
FAST_FLAG := --ServerApp.kernel_websocket_connection_class=tflite_course.lab_server.Connection

# The tests of part 3
TARGET_TESTS = tests/test_golden.py tests/test_edge_program.py tests/test_web.py tests/test_firmware.py \
	tests/test_coreml.py tests/test_android.py tests/test_server.py tests/test_federated.py tests/test_transfer.py tests/test_watch.py

.PHONY: help lab labs grade test outputs web benchmark benchmark-lessons benchmark-web targets browser sandbox emulators flower colab \
	fresh lock clean

help:
	@sed -n '1,2s/^# //p' Makefile

# The whole course is served, not notebooks/ alone: lessons show pictures from assets/.
lab: $(VENV)/lab.stamp
	$(BIN)/python -m jupyterlab $(ROOT_FLAG) $(FAST_FLAG) $(LAB_FLAGS) --LabApp.default_url=/lab/tree/notebooks/01_train_mnist.ipynb

test: $(VENV)/test.stamp browser sandbox emulators flower colab
	$(BIN)/python tests/run_all.py

outputs: $(VENV)/test.stamp
	$(BIN)/python tests/store_outputs.py $(NOTEBOOKS)

benchmark: $(VENV)/test.stamp browser
	$(BIN)/python tests/benchmark_pad.py

# Only what runs on the targets of part 3. `make test` does it too.
targets: $(VENV)/test.stamp browser emulators flower
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(TARGET_TESTS)

# The page of lesson 11: builds assets/web/dist/ and serves it. WEB_FLAGS: --port 9000, --host 0.0.0.0
web: $(VENV)/lab.stamp
	$(BIN)/python assets/web/build.py --serve $(WEB_FLAGS)

benchmark-web: $(VENV)/test.stamp browser
	$(BIN)/python tests/benchmark_web.py

# labs/ out of solutions/
labs: $(VENV)/test.stamp
	$(BIN)/python -m tflite_course.grading.release

# SUBMISSIONS=folder: zip files, folders or notebooks, one a student. SCHEDULER=tcp://...: on a Dask cluster
grade: $(VENV)/test.stamp
	$(BIN)/python -m tflite_course.grading $(SUBMISSIONS) $(GRADE_FLAGS)

# OFFICIAL=folder: with the official tutorials, which are not part of the course
benchmark-lessons: $(VENV)/test.stamp
	$(BIN)/python tests/benchmark_lessons.py $(if $(OFFICIAL),--official $(OFFICIAL))

$(VENV)/python.stamp:
	@command -v "$(PYTHON)" >/dev/null || { echo "There is no program $(PYTHON): install Python 3.11 to 3.13, or name one, as in make lab PYTHON=python3.12." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; v = sys.version_info[:2]; sys.exit(not (3, 11) <= v <= (3, 13) and "This is Python %d.%d, and TensorFlow needs 3.11 to 3.13: install one of them and name it, as in make lab PYTHON=python3.12." % v)'
	@"$(PYTHON)" $(TOOLS).environment make $(VENV) $(WANTED)

$(VENV)/lab.stamp: $(VENV)/python.stamp requirements.txt constraints.txt pyproject.toml
	@$(BIN)/python $(TOOLS).environment install $(VENV) requirements.txt
	@touch $@

$(VENV)/test.stamp: $(VENV)/lab.stamp requirements-targets.txt requirements-dev.txt
	@$(BIN)/python $(TOOLS).environment install $(VENV) requirements-dev.txt
	@touch $@

# constraints.txt out of the requirements files. LOCK_FLAGS: --upgrade, --upgrade-package NAME
lock: $(VENV)/test.stamp
	$(BIN)/python $(TOOLS).lock $(LOCK_FLAGS)

# Chromium and npm for the pad and the web page; bubblewrap and PostgreSQL for the grading; emulators and compilers for
# lessons 10, 12 and 13. Each is looked for and installed by itself; what cannot be had is one line, and make goes on.
browser sandbox emulators:
	@"$(PYTHON)" $(TOOLS).programs $@

# `make lab` and `make check` on fresh systems, Debian 12 and 13. Before a release; takes root, mmdebstrap and 10 GB.
fresh:
	@"$(PYTHON)" $(TOOLS).programs fresh
	"$(PYTHON)" tests/system/fresh.py $(FRESH_FLAGS)

# Lesson 15 runs Flower in an environment of its own.
flower: $(VENV)/python.stamp
	@$(BIN)/python assets/federated/environment.py || echo "Without Flower lesson 15 shows stored results, and one test is skipped."

# An environment like Colab's: one test installs the course into it.
colab:
	@"$(PYTHON)" $(TOOLS).environment colab .venv-colab tests/colab-requirements.txt || echo "Without it the tests of the lessons in Colab are skipped."

clean:
	rm -rf $(VENV) .venv-colab .venv-flower build assets/web/dist tests/artefacts .pytest_cache .ruff_cache
