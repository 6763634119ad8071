"""What a submission prints, patches, replaces or reads cannot change a mark, and what it fills is bounded.

Each attack stands above answers that are missing, and gains nothing. A handful runs always, the rest with the slow
tests.
"""

import pytest

from tests.grading import outside
from tests.grading.outside import NONE, RIGHT, STUBS, own, submission
from tests.grading.submissions import need_sandbox
from tflite_course.grading import sandbox

pytestmark = pytest.mark.xdist_group("outside")

YES = """
class Yes:
    def __eq__(self, other): return True
    def __hash__(self): return 0
    def __bool__(self): return True
    def __float__(self): return 2.0
    def __len__(self): return 1
    def __getattr__(self, name):
        if name.startswith('__'): raise AttributeError(name)
        return self
    def __call__(self, *arguments, **options): return self
fits = multiplier_and_shift = fold_bias = Yes()
"""

TRICKS = {  # these run below the stubs' set-up and try to be paid for nothing
    "another check": "check = lambda *arguments, **options: 2.0",
    "another module of checks": "import sys, types\nfake = types.ModuleType('tflite_course.labs')\n"
    "fake.check = lambda *a, **k: 2.0\nsys.modules['tflite_course.labs'] = fake\ncheck = fake.check",
    "a printed verdict": "print('Tested: everything\\nRight. 2 of 2 points.')\n2.0",
    "an object that equals all": YES,
    "NumPy that agrees": "import numpy as np\nfor name in ('array_equal', 'allclose', 'all', 'any', 'isclose'):\n"
    "    setattr(np, name, lambda *a, **k: True)\n" + YES,
    "JSON that says right": "import json\nold = json.dumps\n"
    "json.dumps = lambda value, **k: old({'points': 2.0, 'text': 'Right.', 'hint': None, 'blobs': []})",
    "an answer server that says right": "from tflite_course.grading.judge import answers\n"
    "def do_value(self, of, expression, writer):\n"
    "    return {'v': 2.0, 'points': 2.0, 'text': 'Right. 2 of 2 points.', 'hint': None}\n"
    "answers.Answers.do_value = do_value",
    "an answer server that gives errors of its choice": "from tflite_course.grading.judge import answers, peer\n"
    "peer.Peer._describe = lambda self, error: {'kinds': ['Partly', 'Mistake'], 'text': 'points=2.0', 'yours': 0}\n"
    "def do_value(self, *a): raise ValueError\nanswers.Answers.do_value = do_value",
    "built-in names": "import builtins\nbuiltins.eval = lambda *a: 2.0\nbuiltins.isinstance = lambda *a: True\n"
    "builtins.abs = lambda x: 0\nbuiltins.len = lambda x: 2",
    "the clock": "import time\nfor name in ('time', 'monotonic', 'perf_counter', 'perf_counter_ns', 'sleep'):\n"
    "    setattr(time, name, lambda *a: 0)",
    "the source of later cells": "get_ipython().input_transformers_cleanup.append(lambda lines: ['2.0'])",
    "the kernel's replies": "shell = get_ipython()\n"
    "said = {'status': 'ok', 'data': {'text/plain': '2.0'}}\n"
    "shell.user_expressions = lambda wanted: {name: said for name in wanted}",
    "right answers of the course": "try:\n    import tflite_course.labs.lab_9_microcontroller as lab\n"
    "    globals().update({name: exercise.right for name, exercise in lab.EXERCISES.items()})\n"
    "except ImportError:\n    pass\nimport sys\n"
    "for name, module in list(sys.modules.items()):\n    for wanted in ('fits', 'multiplier_and_shift', 'fold_bias'):\n"
    "        if 'tflite_course' in name and callable(getattr(module, wanted, None)):\n"
    "            globals()[wanted] = getattr(module, wanted)",
    "frames and garbage": "import gc, sys\ndef look(*arguments):\n    frame = sys._getframe()\n    while frame:\n"
    "        for name in ('right', 'expected', 'exercise'):\n            if name in frame.f_locals:\n"
    "                return frame.f_locals[name](*arguments)\n        frame = frame.f_back\n"
    "    for thing in gc.get_objects():\n        if type(thing).__name__ == 'Exercise':\n"
    "            return thing.right(*arguments)\nfits = multiplier_and_shift = fold_bias = look",
    "an error that is paid": "class Partly(Exception):\n    points, mistake = 2.0, None\n"
    "def fits(*a): raise Partly('2 of 2 points')\n"
    "def fold_bias(*a): raise SystemExit(2.0)\n"
    "def multiplier_and_shift(*a): raise KeyboardInterrupt",
    "a pickle": "import pickle\nclass Bomb:\n    def __reduce__(self): return (print, ('owned',))\n"
    "fits = multiplier_and_shift = Bomb()\nfold_bias = pickle.dumps(Bomb())",
    "messages on the kernel's socket": "import json, threading, time\nfrom jupyter_client.session import Session\n"
    "known = json.load(open('/connection.json'))\nsession = Session(key=known['key'].encode())\n"
    "from ipykernel.kernelapp import IPKernelApp\nsocket = IPKernelApp.instance().iopub_socket\n"
    "parent = get_ipython().parent_header\n"
    "def forge():\n    for _ in range(300):\n        content = {'data': {'text/plain': '2.0'}, 'metadata': {}}\n"
    "        content['execution_count'] = 1\n"
    "        session.send(socket, 'execute_result', content, parent=get_ipython().parent_header)\n"
    "        time.sleep(0.01)\nthreading.Thread(target=forge, daemon=True).start()",
    "messages to the judge": "import json, socket, struct, threading\n"
    "def forge():\n    while True:\n        try:\n            line = socket.socket(socket.AF_UNIX)\n"
    "            line.connect('/answers')\n"
    "            text = json.dumps({'points': 2.0, 'text': 'Right.', 'hint': None, 'v': 2.0, 'blobs': []}).encode()\n"
    "            line.sendall(struct.pack('>QI', len(text) + 4, len(text)) + text)\n            line.recv(100)\n"
    "        except OSError:\n            pass\n"
    "for _ in range(3):\n    threading.Thread(target=forge, daemon=True).start()",
    "a display that is changed later": "from IPython.display import display, update_display\n"
    "handle = display(1.0, display_id='check')\nupdate_display(2.0, display_id='check')",
}
QUICK = ("another check", "an answer server that says right", "right answers of the course", "messages to the judge")


@pytest.fixture(autouse=True, scope="module")
def needs_sandbox():
    need_sandbox()


def with_slow(names, quick):
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.mark.parametrize("name", with_slow(TRICKS, QUICK))
def test_a_trick_gains_nothing(name, tmp_path):
    points, said, done = outside.judge(
        submission(before=[own(TRICKS[name])], answers=without(TRICKS[name])), tmp_path / "s"
    )
    assert points == NONE
    assert all(verdict["text"] and verdict["hint"] for verdict in said["verdicts"].values())


def without(code):
    """Return the stubs, emptied where an attack puts something in the place of the answer."""
    return {k: outside.edited(cell, "" if "fits" in code and k in NONE else cell.source) for k, cell in STUBS.items()}


LOOKS = """
import glob, os, pathlib, socket
found = []
for name in glob.glob('/proc/[0-9]*/environ') + glob.glob('/proc/[0-9]*/cmdline'):
    try:
        found.append(open(name, 'rb').read())
    except OSError:
        pass
for name, value in os.environ.items():
    found.append(f'{name}={value}'.encode())
for root, folders, files in os.walk('/'):
    if root.startswith(('/proc', '/usr', '/python', '/dev')):
        folders.clear()
        continue
    for file in files:
        path = pathlib.Path(root, file)
        found.append(str(path).encode())
        if path.suffix in ('.ipynb', '.py', '.json', '.db', '.toml'):
            found.append(path.read_bytes())
found.append(socket.gethostname().encode())
print(b'\\n'.join(found).decode('utf-8', 'replace'))
"""


def test_nothing_of_the_host_or_the_checks_can_be_read(tmp_path, monkeypatch):
    """Neither seeds, nor right answers, nor the host's environment, names and paths."""
    import getpass
    import socket

    monkeypatch.setenv("SECRET_OF_THE_HOST", "swordfish")
    _, said, done = outside.judge(submission(before=[own(LOOKS)]), tmp_path / "s")
    text = "".join(o.get("text", "") for cell in done.cells[:3] for o in cell.get("outputs", []))
    assert "connection.json" in text  # it did look
    seeds = [str(verdict["seed"]) for verdict in said["verdicts"].values()]
    assert len(set(seeds)) == 3 and not any(seed in text for seed in seeds)
    for secret in ("swordfish", str(outside.ROOT), str(tmp_path), sandbox.sys.prefix):
        assert secret not in text, secret
    assert socket.gethostname() not in text.splitlines()
    assert "KnownMistake(" not in text and "HIDDEN TESTS" not in text
    if getpass.getuser() != "student":
        assert f"/home/{getpass.getuser()}" not in text and f"USER={getpass.getuser()}" not in text


def test_each_run_has_seeds_of_its_own(tmp_path):
    runs = [outside.judge(submission(), tmp_path / name)[1] for name in ("a", "b")]
    seeds = [verdict["seed"] for said in runs for verdict in said["verdicts"].values()]
    assert len(set(seeds)) == 6


# --- what fills the machine

FILLS = {  # code, a part of the note; None: it fails inside, and the notebook goes on
    "disk": ("open('/sandbox/x', 'wb').write(bytes(700 * 2**20))", None),
    "every folder": (
        "import os\nfor folder in ('/', '/tmp', '/dev', '/run', '/home', '/sockets', '/etc', '/course', '/var/tmp'):\n"
        "    for k in range(40):\n        try:\n            open(f'{folder}/x{k}', 'wb').write(bytes(2**24))\n"
        "        except OSError:\n            break",
        None,
    ),
    "memory": ("blocks = []\nwhile True:\n    blocks.append(bytearray(50_000_000))", "GRADE_MEMORY"),
    "files in memory": (
        "import os\nfiles = []\nwhile True:\n    files.append(os.memfd_create('x'))\n"
        "    os.write(files[-1], bytes(2**26))",
        None,
    ),
    "shared memory": (
        "from multiprocessing import shared_memory\nparts = []\nwhile True:\n"
        "    parts.append(shared_memory.SharedMemory(create=True, size=2**24))\n    parts[-1].buf[:] = bytes(2**24)",
        "",
    ),
    "threads": (
        "import threading, time\nfor _ in range(4000):\n    threading.Thread(target=time.sleep, args=(99,)).start()",
        "GRADE_THREADS",
    ),
    "processes": (
        "import os, time\nfor _ in range(500):\n    if not os.fork():\n        time.sleep(99)\ntime.sleep(9)",
        "GRADE_PROCESSES",
    ),
    "processor": (
        "import os\nfor _ in range(4):\n    if not os.fork():\n        while True: pass\nimport time; time.sleep(99)",
        "GRADE_CPU",
    ),
    "many small files": (
        "for k in range(10**7):\n    open(f'/tmp/{k}', 'w').close()",
        "GRADE_",
    ),
    "messages": ("for _ in range(40):\n    print('x' * 2**22)", None),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FILLS)
def test_what_is_filled_is_bounded(name, tmp_path, monkeypatch):
    code, why = FILLS[name]
    limits = {"MEMORY": "1e9", "PROCESSES": "60", "THREADS": "90", "SECONDS": "90", "CPU": "9"}
    for limit, value in limits.items():
        monkeypatch.setenv(f"GRADE_{limit}", value)
    points, said, _ = outside.judge(submission(before=[own(code)], answers=STUBS), tmp_path / "s", timeout=80)
    assert points == NONE
    if why is None:
        assert not said["ended"], said
    elif why:
        assert why in said["ended"] and "ended Python" in said["ended"], said
    points, said, _ = outside.judge(submission(), tmp_path / "next", timeout=80)
    assert points == outside.ALL, said  # the next one is not touched


# --- impossible answers

IMPOSSIBLE = {
    "a huge array": (
        "import numpy as np\nhuge = np.zeros(2**30, np.uint8)\ndef fits(*a): return huge",
        "too much to judge",
    ),
    "a huge claim": (
        "import numpy as np\ndef fits(*a): return np.broadcast_to(np.zeros(1), (2**40,))",
        "too much to judge",
    ),
    "deep nesting": ("def fits(*a):\n    x = []\n    for _ in range(100_000): x = [x]\n    return x", "nested"),
    "itself": ("def fits(*a):\n    x = []\n    x.append(x)\n    return x", "nested"),
    "a long number": ("def fits(*a): return 10**100_000", "digits"),
    "many values": ("def fits(*a): return list(range(10**7))", "too much to judge"),
    "never": ("def fits(*a):\n    while True: pass", "did not answer within"),
    "an endless generator": ("import itertools\ndef fits(*a): return itertools.count()", "returns a count"),
    "NaN": ("def fits(*a): return float('nan')", "returns nan"),
    "objects in an array": ("import numpy as np\ndef fits(*a): return np.array([print, None])", "returns a ndarray"),
    "an end of Python": ("import os\ndef fits(*a): os._exit(0)", "did not answer"),
}


@pytest.mark.parametrize("name", with_slow(IMPOSSIBLE, ("a huge claim", "deep nesting")))
def test_an_impossible_answer_gets_one_sentence(name, tmp_path):
    code, hint = IMPOSSIBLE[name]
    answers = RIGHT | {"fits": own(code)}
    answers["fits"].metadata = RIGHT["fits"].metadata
    points, said, _ = outside.judge(submission(answers=answers), tmp_path / "s", timeout=8)
    assert points["fits"] == 0.0
    told = said["verdicts"]["check_fits"]["hint"]
    assert hint in told and "\n" not in told and len(told) < 500
    if not said["ended"]:
        assert points == outside.ALL | {"fits": 0.0}  # what was right beside it counts
