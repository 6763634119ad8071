# The course's commands. `make help` lists them; each makes the environment that it needs first, and a second run
# installs nothing.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TOOLS := -m tests.tools
AUTHORING := $(BIN)/python -m tflite_course.authoring
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

.PHONY: help lab check test test-all test-one shake fresh targets outputs labs stale refresh publish lock web grade \
	public classroom gradescope term benchmark benchmark-lessons benchmark-web programs browser sandbox emulators flower \
	other-browsers keras colab clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1 | \2/p' Makefile | awk -F' [|] ' '{ printf "%-24s %s\n", $$1, $$2 }'

# The whole course is served, not notebooks/ alone: lessons show pictures from assets/.
lab: $(VENV)/lab.stamp ## make the environment and open lesson 01 in JupyterLab (LAB_FLAGS: for jupyter lab)
	$(BIN)/python -m jupyterlab $(ROOT_FLAG) $(FAST_FLAG) $(LAB_FLAGS) --LabApp.default_url=/lab/tree/notebooks/01_train_mnist.ipynb

web: $(VENV)/lab.stamp ## build the page of lesson 11 and serve it (WEB_FLAGS: --port 9000, --host 0.0.0.0)
	$(BIN)/python -m tflite_course.targets.web --serve $(WEB_FLAGS)

check: $(VENV)/test.stamp ## the quick tests, after each edit
	$(BIN)/python $(TOOLS).run_all check

test: $(VENV)/test.stamp programs ## every lesson strictly, and at least one test of each kind
	$(BIN)/python $(TOOLS).run_all test

test-all: $(VENV)/test.stamp programs other-browsers ## everything, also what is slow
	$(BIN)/python $(TOOLS).run_all all

test-one: $(VENV)/test.stamp ## one test, lesson or lab (ONE="tests/labs/test_capstone.py -k plan", ONE=notebooks/04*)
	$(BIN)/python -m pytest $(if $(findstring .ipynb,$(ONE))$(filter notebooks/%,$(ONE)),--nbval) $(ONE)

shake: $(VENV)/test.stamp ## lessons, labs and tests with the arithmetic of other processors (SHAKE_FLAGS: --shake 2)
	$(BIN)/python -m tests.shake.run $(SHAKE_FLAGS)

targets: $(VENV)/test.stamp browser emulators flower ## only what runs on the targets of part 3
	$(BIN)/python -m pytest -n 2 --dist loadgroup tests/targets

fresh: ## make lab and make check on fresh Debian 12 and 13, before a release (root, mmdebstrap, 10 GB)
	@"$(PYTHON)" $(TOOLS).programs fresh
	"$(PYTHON)" -m tests.system.fresh $(FRESH_FLAGS)

outputs: $(VENV)/test.stamp ## run notebooks and store what they print (NOTEBOOKS=notebooks/02*)
	$(AUTHORING) outputs $(NOTEBOOKS)

labs: $(VENV)/test.stamp ## labs/ out of solutions/
	$(AUTHORING) labs

stale: $(VENV)/test.stamp ## name what is out of date, and why
	$(AUTHORING) stale

refresh: $(VENV)/test.stamp ## make what is out of date, in order
	$(AUTHORING) refresh

publish: $(VENV)/lab.stamp ## write address and version everywhere (ADDRESS=https://... VERSION=2.0.0)
	$(BIN)/python -m tflite_course.authoring.publish --address "$(ADDRESS)" --version "$(VERSION)"

lock: $(VENV)/test.stamp ## constraints.txt out of the requirements files (LOCK_FLAGS: --upgrade, --upgrade-package NAME)
	$(BIN)/python $(TOOLS).lock $(LOCK_FLAGS)

benchmark: $(VENV)/test.stamp browser ## how fast the pad answers
	$(BIN)/python -m tests.benchmarks.pad

benchmark-lessons: $(VENV)/test.stamp ## the lessons of part 2 (OFFICIAL=folder: beside the official tutorials)
	$(BIN)/python -m tests.benchmarks.lessons $(if $(OFFICIAL),--official $(OFFICIAL))

benchmark-web: $(VENV)/test.stamp browser ## how fast the page of lesson 11 starts and answers
	$(BIN)/python -m tests.benchmarks.web

grade: $(VENV)/test.stamp ## grade a class (SUBMISSIONS=folder, GRADE_FLAGS, SCHEDULER=tcp://... for a Dask cluster)
	$(BIN)/python -m tflite_course.grading "$(SUBMISSIONS)" $(GRADE_FLAGS)

public: $(VENV)/lab.stamp ## a copy of the course for students, without solutions and seeds (OUT=folder, ADDRESS=https://...)
	$(BIN)/python -m tflite_course.authoring.public "$(OUT)" $(if $(ADDRESS),--address "$(ADDRESS)")

classroom: $(VENV)/lab.stamp ## the template repository of a lab in GitHub Classroom (LAB=lab_3_quantize, OUT=folder, ADDRESS=https://...)
	$(BIN)/python -m tflite_course.authoring.classroom "$(LAB)" "$(OUT)" $(if $(ADDRESS),--course "$(ADDRESS)")

term: $(VENV)/lab.stamp ## a plan of a term with dates, and grading.toml (START=2027-02-01, a Monday)
	@$(BIN)/python -m tflite_course.authoring.term "$(START)"

gradescope: $(VENV)/lab.stamp ## the zip file that Gradescope takes for a lab (LAB=lab_3_quantize)
	$(BIN)/python -m tflite_course.authoring.gradescope "$(LAB)"

$(VENV)/python.stamp:
	@command -v "$(PYTHON)" >/dev/null || { echo "There is no program $(PYTHON): install Python 3.11 to 3.13, or name one, as in make lab PYTHON=python3.12." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; v = sys.version_info[:2]; sys.exit(not (3, 11) <= v <= (3, 13) and "This is Python %d.%d, and TensorFlow needs 3.11 to 3.13: install one of them and name it, as in make lab PYTHON=python3.12." % v)'
	@"$(PYTHON)" $(TOOLS).environment make $(VENV) $(WANTED)

$(VENV)/lab.stamp: $(VENV)/python.stamp requirements.txt constraints.txt pyproject.toml
	@$(BIN)/python $(TOOLS).environment install $(VENV) requirements.txt
	@touch $@

$(VENV)/test.stamp: $(VENV)/lab.stamp requirements-targets.txt requirements-grading.txt requirements-dev.txt
	@$(BIN)/python $(TOOLS).environment install $(VENV) requirements-dev.txt
	@touch $@

# The two environments are made at once.
programs: browser sandbox emulators ## install what the tests need beside Python, as far as it can be had
	@$(MAKE) --no-print-directory -j2 flower colab

# Each program is looked for and installed by itself; what cannot be had is one line, and make goes on.
browser: ## Chromium and npm, for the pad and the web page
	@"$(PYTHON)" $(TOOLS).programs $@

other-browsers: ## Firefox and WebKitGTK, for the web page: make test-all looks for them
	@"$(PYTHON)" $(TOOLS).programs $@

sandbox: ## bubblewrap and PostgreSQL, for the grading
	@"$(PYTHON)" $(TOOLS).programs $@

emulators: ## QEMU, compilers, a JDK: for lessons 10, 12 and 13
	@"$(PYTHON)" $(TOOLS).programs $@

flower: $(VENV)/python.stamp ## an environment for Flower, in which lesson 15 runs it
	@$(BIN)/python -m tflite_course.targets.federated.environment || echo "Without Flower lesson 15 shows stored results, and one test is skipped."

keras: $(VENV)/python.stamp ## an environment for Keras 3 and PyTorch, for lesson 02 (3 GB; no other target makes it)
	@$(BIN)/python -m tflite_course.targets.keras3.environment || echo "Without Keras 3 its tests are skipped; what was measured is stored."

colab: ## an environment like Colab's, into which one test installs the course
	@"$(PYTHON)" $(TOOLS).environment colab .venv-colab tests/system/colab-requirements.txt || echo "Without it the tests of the lessons in Colab are skipped."

clean: ## remove environments, builds and what tests left
	rm -rf $(VENV) .venv-colab .venv-flower .venv-keras3 build assets/web/dist tests/artefacts .pytest_cache .ruff_cache
