# make lab: a student's machine.   make test: the tests.   make outputs: run the notebooks and store what they print.
# Each makes the environment that it needs first; a second run installs nothing.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# JupyterLab refuses to run as root unless told so (containers do).
ROOT_FLAG := $(shell [ "$$(id -u)" = 0 ] && echo --allow-root)

# Without it the pad's answer waits up to 40 ms on its way to the page: see tflite_course/lab_server.py.
FAST_FLAG := --ServerApp.kernel_websocket_connection_class=tflite_course.lab_server.Connection

# The tests of part 3
TARGET_TESTS = tests/targets

.PHONY: help lab labs grade test outputs web benchmark benchmark-lessons benchmark-web targets browser sandbox emulators flower colab shake clean

help:
	@sed -n '1,2s/^# //p' Makefile

# The whole course is served, not notebooks/ alone: lessons show pictures from assets/.
lab: $(VENV)/lab.stamp
	$(BIN)/jupyter lab $(ROOT_FLAG) $(FAST_FLAG) $(LAB_FLAGS) --LabApp.default_url=/lab/tree/notebooks/01_train_mnist.ipynb

test: $(VENV)/test.stamp browser sandbox emulators flower colab
	$(BIN)/python -m tests.tools.run_all

outputs: $(VENV)/test.stamp
	$(BIN)/python -m tflite_course.authoring outputs $(NOTEBOOKS)

benchmark: $(VENV)/test.stamp browser
	$(BIN)/python -m tests.benchmarks.pad

# Only what runs on the targets of part 3. `make test` does it too.
targets: $(VENV)/test.stamp browser emulators flower
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(TARGET_TESTS)

# The page of lesson 11: builds assets/web/dist/ and serves it. WEB_FLAGS: --port 9000, --host 0.0.0.0
web: $(VENV)/lab.stamp
	$(BIN)/python -m tflite_course.targets.web --serve $(WEB_FLAGS)

benchmark-web: $(VENV)/test.stamp browser
	$(BIN)/python -m tests.benchmarks.web

# labs/ out of solutions/
labs: $(VENV)/test.stamp
	$(BIN)/python -m tflite_course.grading.release

# SUBMISSIONS=folder: zip files, folders or notebooks, one a student. SCHEDULER=tcp://...: on a Dask cluster
grade: $(VENV)/test.stamp
	$(BIN)/python -m tflite_course.grading $(SUBMISSIONS) $(GRADE_FLAGS)

# OFFICIAL=folder: with the official tutorials, which are not part of the course
benchmark-lessons: $(VENV)/test.stamp
	$(BIN)/python -m tests.benchmarks.lessons $(if $(OFFICIAL),--official $(OFFICIAL))

$(VENV)/python.stamp:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(not (3, 11) <= v <= (3, 13) and "This is Python %d.%d, and TensorFlow needs 3.11 to 3.13: install Python 3.11 and call make with PYTHON=python3.11." % v)'
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python has no venv module: install it (Debian: apt-get install python3-venv) and call make again."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/lab.stamp: $(VENV)/python.stamp requirements.txt constraints.txt pyproject.toml
	$(BIN)/python -m pip install --quiet -r requirements.txt || { echo "The packages could not be installed: check the network and the free disk space (3 GB), then call make again."; exit 1; }
	@touch $@

$(VENV)/test.stamp: $(VENV)/lab.stamp requirements-targets.txt requirements-dev.txt
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt || { echo "The test packages could not be installed: check the network, then call make again."; exit 1; }
	@touch $@

# The tests of the pad and of the web page need a Chromium and npm. Debian's come through apt; nothing else is tried.
browser:
	@if command -v chromium >/dev/null && command -v npm >/dev/null; then :; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		echo "Installing Chromium and npm ..."; apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium fonts-dejavu-core npm >/dev/null; \
	else echo "There is no Chromium or no npm: the tests in a browser will be skipped. Cure: install the packages chromium and npm."; fi

# The tests of the grading run hostile submissions in bubblewrap, and keep one gradebook in PostgreSQL.
sandbox:
	@if command -v bwrap >/dev/null && ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then :; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		echo "Installing bubblewrap and PostgreSQL ..."; apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends bubblewrap postgresql >/dev/null; \
	else echo "There is no bubblewrap or no PostgreSQL: some tests of the grading will be skipped. Cure: install the packages bubblewrap and postgresql."; fi

# Lessons 10 and 12 run models on emulated Arm processors; the tests of lesson 13 compile the sources of its Android app.
emulators:
	@if command -v qemu-aarch64-static >/dev/null && command -v mmdebstrap >/dev/null && command -v qemu-system-arm >/dev/null && command -v arm-none-eabi-gcc >/dev/null && command -v javac >/dev/null && command -v kotlinc >/dev/null; then :; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		echo "Installing emulators and compilers ..."; apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends qemu-user-static mmdebstrap qemu-system-arm gcc-arm-none-eabi default-jdk-headless kotlin >/dev/null; \
	else echo "Emulators or compilers are missing: some tests of the targets will be skipped, lessons 10 and 12 show stored results. Cure: install the packages qemu-user-static, mmdebstrap, qemu-system-arm, gcc-arm-none-eabi, default-jdk-headless and kotlin."; fi

# Lesson 15 runs Flower in an environment of its own.
flower: $(VENV)/python.stamp
	@$(BIN)/python -m tflite_course.targets.federated.environment || echo "Without Flower lesson 15 shows stored results, and one test is skipped."

# An environment as Colab's: one test installs the course into it.
COLAB_KEY = $(shell cksum < tests/system/colab-requirements.txt | cut -d' ' -f1)
colab:
	@[ -e .venv-colab/$(COLAB_KEY).stamp ] || { \
		echo "Making an environment as Colab's ..."; $(PYTHON) -m venv --clear .venv-colab && \
		.venv-colab/bin/python -m pip install --quiet -r tests/system/colab-requirements.txt && touch .venv-colab/$(COLAB_KEY).stamp; } || \
		{ rm -rf .venv-colab; echo "The environment for the Colab test could not be made: check the network; the test says so again."; }

clean:
	rm -rf $(VENV) .venv-colab .venv-flower build assets/web/dist tests/artefacts .pytest_cache .ruff_cache

# Everything once more as another processor would compute it: tests/shake. SHAKE=1, 2 or 3 chooses one.
shake: $(VENV)/test.stamp
	$(BIN)/python tests/shake/run.py --shake $(or $(SHAKE),1 2 3) $(if $(ONLY),--only $(ONLY))
