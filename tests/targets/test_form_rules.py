"""How a model wants its image is found out in three programs that import nothing of each other: by the same rules.

read_digits.py (lesson 10), serve.py (lesson 14) and forms.js (lesson 11). What the rules do with real models is tried
in test_forms_on_devices.py and test_web.py.
"""

import ast
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from tests import ROOT
from tests.targets.test_edge_program import read_digits

DEVICE, SERVER = ROOT / "assets" / "edge" / "read_digits.py", ROOT / "assets" / "server" / "serve.py"
PAGE = ROOT / "assets" / "web" / "forms.js"
SHARED = (
    *("known_digits", "find_layout", "layout_of", "describe", "start", "signal_of", "what_it_is", "explain"),
    *("Model", "possible_ranges", "prepare", "by_image", "answer", "SIDE", "KNOWN", "RANGES", "(ENOUGH, CLEARLY, FEW)"),
)

SIGNATURES = [
    *([784], [-1, 784], [1, 784], [28, 28], [-1, 28, 28], [-1, 28, 28, 1], [1, 1, 28, 28], [32, 28, 28], [28, 28, 28]),
    *([28, 28, 1], [-1, -1, -1, 1], [1, -1, 28], [-1, 28, 28, 3], [-1, 32, 32, 1], [3, 784, 1], [1], [], [1, 1]),
]
SCALES = [(1 / 255, 0), (1.0, 0), (2 / 255, 128), (1 / 255, 255), (1.0, 255), (4 / 255, 64), (3.7, 10), (0.001, 0)]

SCRIPT = """
import { CLEARLY, ENOUGH, findLayout, knownDigits, possibleRanges } from "./forms.mjs";
import { readFileSync } from "node:fs";
const { signatures, scales } = JSON.parse(readFileSync("cases.json", "utf8"));
console.log(JSON.stringify({
  limits: [ENOUGH, CLEARLY],
  digits: knownDigits().map((image) => Array.from(image, (grey) => Math.round(255 * grey))),
  layouts: signatures.map(findLayout),
  floats: possibleRanges({ type: "float32" }),
  ranges: scales.map(([scale, zeroPoint]) => possibleRanges({ type: "uint8", scale, zeroPoint })),
}));
"""


def definitions(path):
    """Return {name: text without comments and layout} of what a program defines at its top level."""
    found = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = ast.unparse(node)
        elif isinstance(node, ast.Assign):
            found[ast.unparse(node.targets[0])] = ast.unparse(node.value)
    return found


def test_the_server_has_the_functions_of_the_device():
    device, server = definitions(DEVICE), definitions(SERVER)
    assert set(SHARED) <= set(device) & set(server)
    assert [name for name in SHARED if device[name] != server[name]] == []


def constant(name):
    """Return a constant of forms.js whose text is also one of Python."""
    return ast.literal_eval(re.search(rf"^const {name} = (\[.*?\]);", PAGE.read_text(encoding="utf-8"), re.M | re.S)[1])


def test_the_page_has_the_constants_of_the_device():
    assert constant("KNOWN") == read_digits.KNOWN
    assert [tuple(ends) for ends in constant("RANGES")] == list(read_digits.RANGES)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Return what forms.js answers to SIGNATURES and SCALES, run by Node."""
    if not shutil.which("node"):
        pytest.skip("There is no Node.js to run forms.js: install it (Debian: apt-get install nodejs).")
    folder = tmp_path_factory.mktemp("forms")
    shutil.copy(PAGE, folder / "forms.mjs")
    (folder / "run.mjs").write_text(SCRIPT, encoding="utf-8")
    (folder / "cases.json").write_text(json.dumps({"signatures": SIGNATURES, "scales": SCALES}), encoding="utf-8")
    done = subprocess.run(["node", "run.mjs"], cwd=folder, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_page_draws_the_same_digits(page):
    assert page["limits"] == [read_digits.ENOUGH, read_digits.CLEARLY]
    difference = np.abs(np.array(page["digits"]) - read_digits.known_digits().reshape(20, 784).astype(int))
    assert difference.max() <= 1  # a half may be rounded to either side


def test_the_page_finds_the_same_layouts(page):
    """It has an open batch, and none, as a batch of one."""
    for signature, found in zip(SIGNATURES, page["layouts"], strict=True):
        layout = read_digits.find_layout(signature)
        if layout is None:
            assert found is None, signature
            continue
        batch, rest = layout
        shape = rest if batch is None else [max(batch, 1), *rest]
        assert found == {"batch": max(batch or 1, 1), "shape": shape}, signature


def test_the_page_tries_the_same_ranges(page):
    def of(dtype, scale, zero_point):
        return read_digits.possible_ranges({"dtype": dtype, "quantization": (scale, zero_point)})

    assert [tuple(ends) for ends in page["floats"]] == of(np.float32, 0.0, 0)
    for (scale, zero_point), found in zip(SCALES, page["ranges"], strict=True):
        wanted = of(np.uint8, scale, zero_point)
        assert np.shape(found) == np.shape(wanted) and np.allclose(found, wanted), (scale, zero_point)
