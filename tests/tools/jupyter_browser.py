"""A real Jupyter server and a real Chromium, for the tests, the benchmark and the picture of the drawing pad.

Points on the page are pixels of the window. A digit is a list of strokes, as in tflite_course.pad.strokes.
"""

import ast
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from pathlib import Path

import nbformat
import numpy as np
from playwright.sync_api import sync_playwright

from tests import ROOT
from tflite_course.targets.browser import FLAGS as CHROMIUM_FLAGS
from tflite_course.targets.browser import find_chromium

ARTEFACTS = ROOT / "tests" / "artefacts"  # pictures of what the tests saw

WAIT = 90  # seconds: a busy machine is slow, and a test that waits for a condition is not slowed by a long limit


class Server:
    """A running Jupyter server. `url` ends without a slash; `folder` is where its notebooks lie."""

    def __init__(self, url, token, folder):
        self.url, self.token, self.folder = url, token, folder

    def page_url(self, name, kind="lab"):
        """Return the address of a notebook. kind: "lab", in a workspace of its own, or "notebook"."""
        # JupyterLab opens again what the last page had open: another notebook would be in front for a moment.
        path = {"lab": f"lab/workspaces/{uuid.uuid4().hex}/tree", "notebook": "notebooks"}[kind]
        return f"{self.url}/{path}/{name}?token={self.token}"

    def write(self, name, cells):
        """Write a notebook with one code cell per source."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
        notebook.metadata.kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
        nbformat.write(notebook, self.folder / name)


@contextlib.contextmanager
def jupyter(*options, folder=None):
    """Start Jupyter Server on a free loopback port, with no settings but its own, and stop it at the end.

    options: more words for its command line. folder: the one that it serves and starts in; None makes an empty one.
    """
    with tempfile.TemporaryDirectory(prefix="pad-jupyter-", ignore_cleanup_errors=True) as home:
        home = Path(home)
        if folder is None:
            folder = home / "work"
            folder.mkdir()
        # JupyterLab asks once whether it may fetch news: the question would cover the page.
        page_config = home / "config" / "labconfig" / "page_config.json"
        page_config.parent.mkdir(parents=True)
        off = {"@jupyterlab/apputils-extension:announcements": True}
        page_config.write_text(json.dumps({"disabledExtensions": off}), encoding="utf-8")
        with open(home / "log.txt", "w", encoding="utf-8") as log:
            process = subprocess.Popen(
                [*_server_command(folder), *options],
                cwd=folder,
                env=_server_environment(home),
                stdout=log,
                stderr=log,
            )
            try:
                yield _wait_for_server(process, home, folder)
            finally:
                _stop(process)


def _server_command(folder):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]  # when another process is faster, the server itself takes the next free one
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ServerApp.ip=127.0.0.1"]
    command += [f"--ServerApp.port={port}", f"--ServerApp.root_dir={folder}"]
    command += ["--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    return command


def _server_environment(home):
    own = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    own |= {"IPYTHONDIR": str(home / "ipython"), "HOME": str(home), "PYTHONPATH": str(ROOT)}
    # TFLITE_COURSE_NODELAY: in a terminal of `make lab` it tells of that server, not of this one.
    others = ("JUPYTER", "COVERAGE", "PYTEST", "TFLITE_COURSE_NODELAY")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(others)}
    return kept | own | {"JUPYTER_PLATFORM_DIRS": "1"}


def _wait_for_server(process, home, folder):
    end = time.monotonic() + WAIT
    while time.monotonic() < end and process.poll() is None:
        for path in (home / "runtime").glob("jpserver-*.json"):
            with contextlib.suppress(OSError, ValueError):  # not answering yet, or the file is only half written
                info = json.loads(path.read_text(encoding="utf-8"))
                url = info["url"].rstrip("/")
                with urllib.request.urlopen(f"{url}/api/status?token={info['token']}", timeout=5):
                    return Server(url, info["token"], folder)
        time.sleep(0.1)
    log = (home / "log.txt").read_text(encoding="utf-8")
    raise RuntimeError(f"Jupyter Server did not answer within {WAIT} s. Its last words:\n{log[-2000:]}")


def _stop(process):
    """End the server with its kernels; kill what does not go by itself."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def chromium():
    """Start Chromium with a fresh profile; yields Playwright's browser. Raises NoBrowser."""
    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=CHROMIUM_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class NotebookPage:
    """A notebook that is open in JupyterLab or Notebook 7. `errors` holds what the page wrote to its console."""

    def __init__(self, browser, server, name, *, kind="lab", size=(1100, 900), touch=False, init_script=None):
        self.context = browser.new_context(viewport={"width": size[0], "height": size[1]}, has_touch=touch)
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT * 1000)
        self.errors = []
        self.page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        if init_script:
            self.page.add_init_script(init_script)
        self.cdp = self.context.new_cdp_session(self.page)
        self.name = name
        self.page.goto(server.page_url(name, kind))
        self.wait_for_kernel()
        if kind == "lab":
            self.page.evaluate("() => jupyterapp.commands.execute('application:toggle-left-area')")  # room for the pad

    def wait_for_kernel(self):
        self.page.wait_for_function(
            """name => {
              const context = window.jupyterapp?.shell.currentWidget?.context;
              const idle = context?.sessionContext.session?.kernel?.status === "idle";
              return idle && context.path.endsWith(name) && document.querySelector(".jp-Notebook .jp-Cell");
            }""",
            arg=self.name,
        )

    def run_all(self):
        """Run all cells; raises AssertionError with the message of the first cell that fails."""
        self.command("notebook:run-all-cells")
        failed = self.page.locator('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.error"]')
        assert not failed.count(), failed.first.inner_text()

    def show_cell(self, number):
        """Scroll to a cell; JupyterLab hides those that are far from what the window shows."""
        self.page.evaluate("n => jupyterapp.shell.currentWidget.content.scrollToItem(n, 'start')", number)

    def restart_kernel(self):
        self.page.evaluate(
            "() => jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart().then(() => null)"
        )
        self.wait_for_kernel()

    def command(self, name, **arguments):
        """Run a command of JupyterLab and wait until it is done."""
        self.page.evaluate("([n, a]) => jupyterapp.commands.execute(n, a).then(() => null)", [name, arguments])

    def python(self, code, value="None"):
        """Run code in the notebook's kernel, then return the value of an expression (numbers, text, lists, None)."""
        reply = self.page.evaluate(
            """async ([code, value]) => {
              const kernel = jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
              const future = kernel.requestExecute({ code, user_expressions: { value }, silent: true });
              const content = (await future.done).content;
              return content.user_expressions?.value ?? content;
            }""",
            [code, value],
        )
        assert reply["status"] == "ok", f"{reply['ename']}: {reply['evalue']}"
        return ast.literal_eval(reply["data"]["text/plain"])

    def close(self):
        """End the kernel and the window."""
        self.page.evaluate("() => jupyterapp.shell.currentWidget.context.sessionContext.shutdown()")
        self.context.close()


def fit(strokes, box, extent=0.7):
    """Return strokes, [(n, 2)], in the middle of a square on the page: left, top and side; extent: its part of it."""
    left, top, side = box
    points = np.concatenate(strokes)
    low, high = points.min(0), points.max(0)
    scale = extent * side / (high - low).max()
    return [(s - (low + high) / 2) * scale + side / 2 + (left, top) for s in strokes]


class Pad:
    """A DigitPad on a page: `number` counts the pads of the page from 0."""

    def __init__(self, notebook, number=0):
        self.page, self.cdp = notebook.page, notebook.cdp
        self.root = notebook.page.locator(".digitpad").nth(number)
        self.canvas = self.root.locator(".dp-canvas")
        self.status = self.root.locator(".dp-status")

    def box(self):
        """Scroll the canvas into view and wait until it stands still; return its left, top and side on the page."""
        self.canvas.hover(trial=True)
        box = self.canvas.bounding_box()
        return box["x"], box["y"], box["width"]

    def sent(self):
        """Return the number of the last drawing that the pad has sent."""
        return int(self.root.get_attribute("data-sent"))

    def wait_for_answer(self, after):
        """Wait until a finished drawing later than number `after` has been sent and answered."""
        self.wait("!root.ariaBusy && +root.dataset.sent > arg && +root.dataset.answered >= +root.dataset.sent", after)

    def wait_for_prediction(self, digit):
        """Wait until the bar of a digit is marked; None: until no bar is."""
        self.wait('(root.querySelector(".dp-best th")?.innerText ?? null) == arg', digit)

    def wait(self, condition, arg=None):
        """Wait for a condition in JavaScript on the pad's `root` and an argument `arg`."""
        self.page.wait_for_function(f"([root, arg]) => {condition}", arg=[self.root.element_handle(), arg])

    @contextlib.contextmanager
    def answered(self):
        """Do something that changes the drawing, and wait for the answer to it."""
        before = self.sent()
        yield
        self.wait_for_answer(before)

    def press_button(self, action):
        """Press "undo" or "clear" with the mouse."""
        with self.answered():
            self.root.locator(f'button[data-action="{action}"]').click()

    def key(self, *names):
        self.canvas.focus()
        for name in names:
            self.page.keyboard.press(name)

    def clear(self):
        """Wipe the pad, if there is something on it."""
        if self.ink():
            self.press_button("clear")

    def ink(self):
        """Return how many of the canvas's 78,400 pixels are inked (the keyboard's cursor is coloured: not counted)."""
        return self.canvas.evaluate(
            """canvas => {
              const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
              let n = 0;
              for (let i = 0; i < pixels.length; i += 4) n += Math.min(pixels[i], pixels[i + 1], pixels[i + 2]) > 127;
              return n;
            }"""
        )

    def prediction(self):
        """Return the digit whose bar is marked, or None when no bar is shown."""
        best = self.root.locator("tr.dp-best")
        return int(best.locator("th").inner_text()) if best.count() else None

    def bars(self):
        """Return what stands beside the ten bars, "" where none is shown, and the bars' widths in pixels."""
        texts = self.root.locator(".dp-percent").all_inner_texts()
        return texts, self.root.locator(".dp-fill").evaluate_all("all => all.map(bar => bar.offsetWidth)")

    def place(self, strokes, extent=0.7):
        """Return the strokes of a digit as points on the page, in the middle of the canvas; extent: its part of it."""
        return fit(strokes, self.box(), extent)

    def draw(self, strokes, tool="mouse", extent=0.7):
        """Draw a digit with "mouse", "touch" or "pen", and wait for the answer to it."""
        for stroke in self.place(strokes, extent):
            with self.answered():
                getattr(self, f"{tool}_stroke")(stroke)

    def mouse_stroke(self, points):
        self.mouse_down(points)
        self.page.mouse.up()

    def mouse_down(self, points):
        """Draw, and leave the button down."""
        self.page.mouse.move(*points[0])
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*point)

    def touch_stroke(self, points):
        for i, (x, y) in enumerate(points):
            kind = "touchMove" if i else "touchStart"
            self.cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": float(x), "y": float(y)}]})
        self.cdp.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def pen_stroke(self, points, force=0.5):
        kinds = ["mousePressed"] + ["mouseMoved"] * (len(points) - 1)
        event = {"pointerType": "pen", "force": force, "button": "left", "buttons": 1, "clickCount": 1}
        for kind, (x, y) in zip(kinds, points, strict=True):
            self.cdp.send("Input.dispatchMouseEvent", event | {"type": kind, "x": float(x), "y": float(y)})
        x, y = points[-1]
        release = event | {"type": "mouseReleased", "buttons": 0, "force": 0, "x": float(x), "y": float(y)}
        self.cdp.send("Input.dispatchMouseEvent", release)
