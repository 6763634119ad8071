"""What honest students do in their notebooks costs no points: forty habits, many at once, and each alone (slow).

A habit is a cell of the student's own, before the answers, between them or after, or another way to write an answer.
"""

import copy

import pytest

from tests.grading import outside
from tests.grading.outside import ALL, EXERCISES, RIGHT, STUBS, edited, own, submission
from tests.grading.submissions import need_sandbox
from tflite_course.grading import lint

pytestmark = pytest.mark.xdist_group("outside")

HABITS = {  # cells that change nothing for the cells after them: all of them go together
    "a helper": "def helper(x):\n    return x + 1",
    "its own check": "check('lab_9_microcontroller', 'fits', print)",
    "gc": "import gc\ngc.collect()",
    "reload": "import importlib, json\nimportlib.reload(json)",
    "autoreload": "%load_ext autoreload\n%autoreload 2",
    "matplotlib": "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
    "time": "%time sum(range(1000))",
    "timeit": "%timeit -n 1 -r 1 sum(range(1000))",
    "a cell magic": "%%time\ntotal = sum(range(1000))",
    "capture": "%%capture\nprint('nothing to see')",
    "a shell line": "!echo hello",
    "pip": "!pip --version",
    "help": "len?",
    "warnings": "import warnings\nwarnings.warn('careful')\nwarnings.filterwarnings('ignore')",
    "an error": "1 / 0",
    "a syntax error": "def (",
    "an import that is missing": "import package_that_nobody_has",
    "stderr": "import sys, os\nprint('a line', file=sys.stderr)\nos.write(2, b'INFO: a line')",
    "input": "name = input('Your name? ')",
    "a thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()",
    "a daemon that prints": "import threading, time\ndef speak():\n    for _ in range(300):\n        print('tick')\n"
    "        time.sleep(0.1)\nthreading.Thread(target=speak, daemon=True).start()",
    "await": "import asyncio\nawait asyncio.sleep(0)",
    "a task": "import asyncio\ntask = asyncio.ensure_future(asyncio.sleep(600))",
    "another folder": "import os\nos.makedirs('/tmp/deep/er', exist_ok=True)\nos.chdir('/tmp/deep/er')",
    "a file": "open('notes.txt', 'w').write('x')\nprint(open('notes.txt').read())",
    "a subprocess": "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'print(1)'], check=True)",
    "multiprocessing": "import multiprocessing as mp\nwith mp.get_context('fork').Pool(2) as pool:\n"
    "    print(pool.map(abs, [-1, -2]))",
    "get_ipython": "get_ipython().run_line_magic('who', '')",
    "seeds": "import random, numpy as np\nrandom.seed(0)\nnp.random.seed(0)",
    "print options": "import numpy as np\nnp.set_printoptions(precision=2, suppress=True)",
    "errors of NumPy": "import numpy as np\nnp.seterr(all='raise')",
    "names of built-ins": "list, str, type, eval = [1], 'text', 'int8', None",
    "names of modules": "json, socket, answers, wire = {}, 'plug', 1, [2]",
    "a long output": "print('x' * 200_000)",
    "a table": "from IPython.display import HTML, display\ndisplay(HTML('<table><tr><td>1</td></tr></table>'))",
    "all values shown": "from IPython.core.interactiveshell import InteractiveShell\n"
    "InteractiveShell.ast_node_interactivity = 'all'\n1\n2",
    "logging": "import logging\nlogging.basicConfig(level=logging.DEBUG)\nlogging.debug('here')",
    "recursion": "import sys\nsys.setrecursionlimit(20_000)",
    "a signal": "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)",
    "exec and eval": "exec('made = 1')\nprint(__builtins__ and made)",
    "sys.exit": "import sys\nsys.exit(0)",
    "an empty cell": "",
    "a comment": "# nothing",
}
ALONE = {  # cells after which the notebook is another
    "exit": "exit()",
    "quit": "quit()",
    "reset": "x = 1\n%reset_selective -f x",
    "a transformer": "get_ipython().input_transformers_cleanup.append(lambda lines: lines)",
    "six thousand lines": "for step in range(6000):\n    print(f'\\rstep {step}', end='', flush=True)",
    "a cell that is too long": "import time\ntime.sleep(60)",
    "a dead socket": "import zmq\nzmq.Context().term()",
}


@pytest.fixture(autouse=True, scope="module")
def needs_sandbox():
    need_sandbox()


def test_there_are_forty():
    assert len(HABITS) + len(ALONE) + len(FORMS) >= 40


def test_all_habits_together(tmp_path):
    cells = [own(source) for source in HABITS.values()]
    points, said, _ = outside.judge(submission(before=cells, between=cells[:5]), tmp_path / "s")
    assert points == ALL, said


@pytest.mark.slow
@pytest.mark.parametrize("place", ["before", "between", "after"])
@pytest.mark.parametrize("name", HABITS)
def test_a_habit(name, place, tmp_path):
    points, said, _ = outside.judge(submission(**{place: [own(HABITS[name])]}), tmp_path / "s")
    assert points == ALL and not said["ended"], said


@pytest.mark.parametrize("name", [n if n == "exit" else pytest.param(n, marks=pytest.mark.slow) for n in ALONE])
def test_a_habit_that_ends_something(name, tmp_path):
    points, said, _ = outside.judge(submission(between=[own(ALONE[name])]), tmp_path / "s", timeout=20)
    assert points == ALL, said
    if name in ("exit", "quit"):
        assert said["notes"] == ["cell 4 ended Python; the cells below it were run all the same."]


def test_what_was_answered_before_python_ended_counts(tmp_path):
    points, said, _ = outside.judge(submission(between=[own("import os\nos._exit(0)")]), tmp_path / "s")
    assert points == {"fits": 2.0, "multiplier_and_shift": 0.0, "fold_bias": 0.0}
    assert said["notes"] == ["cell 4 ended Python; what was answered before it counts."]
    assert "cell 4 ended Python" in said["verdicts"]["check_fold_bias"]["hint"]


# --- other forms of a submission


def in_one_cell():
    everything = "\n\n".join(RIGHT[name].source for name in EXERCISES)
    return submission(before=[own(everything)], answers=STUBS)


def in_the_first_answer():
    everything = "\n\n".join(RIGHT[name].source for name in EXERCISES)
    return submission(answers=STUBS | {"fits": edited(RIGHT["fits"], everything)})


def setup_edited():
    more = f"# mine\nimport os, math\nimport matplotlib\n{STUBS['set-up'].source}\n%matplotlib inline"
    return submission(setup=edited(STUBS["set-up"], more))


def with_a_class():
    source = f"{RIGHT['fits'].source}\n\nclass Fits:\n    right = staticmethod(fits)\n"
    source += "    def __call__(self, *arguments):\n        return self.right(*arguments)\n\nfits = Fits()"
    return submission(answers=RIGHT | {"fits": edited(RIGHT["fits"], source)})


def with_a_cache():
    source = f"import functools\n\n{RIGHT['fits'].source}\n\nright = fits\nfits = lambda *arguments: right(*arguments)"
    return submission(answers=RIGHT | {"fits": edited(RIGHT["fits"], source)})


def with_prints():
    source = f"{RIGHT['fits'].source}\n\nquiet = fits\ndef fits(*arguments):\n"
    source += "    print('x' * 1000, arguments)\n    return quiet(*arguments)"
    return submission(answers=RIGHT | {"fits": edited(RIGHT["fits"], source)})


def with_an_assert():
    source = f"{RIGHT['fits'].source}\n\nassert callable(fits)"
    return submission(answers=RIGHT | {"fits": edited(RIGHT["fits"], source)})


FORMS = {
    "all answers in a cell of their own": in_one_cell,
    "all answers in the first answer": in_the_first_answer,
    "an edited set-up cell": setup_edited,
    "an object that can be called": with_a_class,
    "a lambda": with_a_cache,
    "an answer that prints": with_prints,
    "an assert below": with_an_assert,
}


@pytest.mark.parametrize("name", [n if n.startswith("all") else pytest.param(n, marks=pytest.mark.slow) for n in FORMS])
def test_a_form(name, tmp_path):
    points, said, _ = outside.judge(with_checksums(FORMS[name]()), tmp_path / "s")
    assert points == ALL, said


def with_checksums(notebook):
    """Give answer cells the checksum of their stub, as nbgrader's gradebook does."""
    from nbgrader.utils import compute_checksum

    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in EXERCISES:
            cell.metadata.nbgrader.checksum = compute_checksum(STUBS[name])
    return notebook


def test_a_helper_file_beside_the_notebook(tmp_path):
    folder = tmp_path / "s"
    folder.mkdir()
    (folder / "my_helpers.py").write_text(RIGHT["fits"].source)
    answers = RIGHT | {"fits": edited(RIGHT["fits"], "from my_helpers import fits")}
    points, said, _ = outside.judge(submission(answers=answers), folder)
    assert points == ALL, said


def test_an_output_of_a_student_never_shows_a_seed(tmp_path):
    """The history of the kernel holds no check: an answer that prints what ran before it prints no seed."""
    _, said, done = outside.judge(submission(after=[own("print(In, Out)")]), tmp_path / "s")
    text = str([cell.outputs for cell in done.cells if cell.cell_type == "code"])
    assert "def fits" in text and "seed=" not in text
    assert not any(str(verdict["seed"]) in text for verdict in said["verdicts"].values())


# --- flags


def test_flags_are_neutral_and_few():
    released = submission(answers=STUBS)
    quiet = submission(before=[own(HABITS[name]) for name in HABITS if name not in ("get_ipython", "exec and eval")])
    assert lint.inspect(quiet, released) == []
    loud = submission(before=[own("shell = get_ipython()"), own("check = print"), own("import ctypes")])
    assert lint.inspect(loud, released) == [
        "cell 2 uses get_ipython: look at it",
        "cell 3 gives the name check to something else: look at it",
        "cell 4 uses ctypes: look at it",
    ]
