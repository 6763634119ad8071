"""Firefox and WebKitGTK as people have them, driven without a window by the two standard protocols of the W3C.

Firefox speaks WebDriver BiDi (https://www.w3.org/TR/webdriver-bidi/) by itself. WebKitGTK comes with a program that
speaks WebDriver (https://www.w3.org/TR/webdriver2/), and needs a display: Xvfb. Playwright has builds of its own of
both, and asks Firefox ESR 153 for a command that it does not know (emulation.setMediaFeaturesOverride). Selenium needs
geckodriver for Firefox, which Debian 12 does not have.

Both protocols move mouse and keyboard by the same list of actions. Points are pixels of the window.
"""

import contextlib
import itertools
import json
import os
import queue
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import websocket

from tests.tools.programs import FIREFOX

PATIENCE = 300  # seconds: a busy machine is slow
SIZE = 1024, 768
KEYS = {"ArrowLeft": "\ue012", "ArrowUp": "\ue013", "ArrowRight": "\ue014", "ArrowDown": "\ue015", "Space": " "}
CALL = "Promise.resolve().then(() => ({function})(...JSON.parse({text}))).then((v) => JSON.stringify(v ?? null))"


class DriverError(RuntimeError):
    """What a browser says when it cannot do something."""


class Browser:
    """A browser with one window. What differs between the protocols are open(), _call() and _act()."""

    def open(self, address):
        """Go to an address, and wait until it is loaded."""
        raise NotImplementedError

    def call(self, function, *arguments):
        """Return what a JavaScript function, a text, returns or its promise gives, for arguments of JSON."""
        return json.loads(self._call(function, json.dumps(arguments)))

    def wait(self, function, *arguments):
        """Wait until a JavaScript function returns something true, and return that."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if value := self.call(function, *arguments):
                return value
            time.sleep(0.1)
        raise DriverError(f"This did not become true in {PATIENCE} s: {function}")

    def drag(self, points):
        """Press the mouse at the first of the points (n, 2), move over the others, and let it go at the last."""
        moves = [{"type": "pointerMove", "duration": 0, "x": round(float(x)), "y": round(float(y))} for x, y in points]
        actions = [moves[0], {"type": "pointerDown", "button": 0}, *moves[1:], {"type": "pointerUp", "button": 0}]
        self._act({"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions})

    def press(self, *names):
        """Press keys one after the other: names of KEYS, or letters."""
        keys = [KEYS.get(name, name) for name in names]
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._act({"type": "key", "id": "keyboard", "actions": actions})


class Firefox(Browser):
    """Firefox over WebDriver BiDi: one WebSocket, commands with numbers, replies and events in any order."""

    def __init__(self, address):
        self.socket = websocket.create_connection(address, timeout=PATIENCE, suppress_origin=True)
        self.numbers = itertools.count(1)
        self._send("session.new", capabilities={})
        self.context = self._send("browsingContext.getTree")["contexts"][0]["context"]
        viewport = dict(zip(("width", "height"), SIZE, strict=True))
        self._send("browsingContext.setViewport", context=self.context, viewport=viewport)

    def _send(self, method, **params):
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            reply = json.loads(self.socket.recv())
            if reply.get("id") == number:
                if reply["type"] == "error":
                    raise DriverError(f"{method}: {reply['error']}, {reply['message']}")
                return reply["result"]

    def open(self, address):
        self._send("browsingContext.navigate", context=self.context, url=address, wait="complete")

    def _call(self, function, text):
        declaration = "(text) => " + CALL.format(function=function, text="text")
        reply = self._send(
            "script.callFunction",
            functionDeclaration=declaration,
            arguments=[{"type": "string", "value": text}],
            awaitPromise=True,
            target={"context": self.context},
        )
        if reply["type"] == "exception":
            raise DriverError(reply["exceptionDetails"]["text"])
        return reply["result"]["value"]

    def _act(self, source):
        self._send("input.performActions", context=self.context, actions=[source])


class WebKit(Browser):
    """WebKitGTK over WebDriver: HTTP requests to WebKitWebDriver, which starts the browser."""

    def __init__(self, address):
        self.address = address
        options = {"args": ["--automation"]} | ({"binary": found} if (found := mini_browser()) else {})
        limits = {"script": PATIENCE * 1000, "pageLoad": PATIENCE * 1000}
        asked = {"webkitgtk:browserOptions": options, "timeouts": limits}
        self.session = self._send("POST", "/session", capabilities={"alwaysMatch": asked})["sessionId"]
        self._send("POST", f"/session/{self.session}/window/rect", width=SIZE[0], height=SIZE[1])

    def _send(self, method, path, **body):
        data = json.dumps(body).encode() if method == "POST" else None
        request = urllib.request.Request(self.address + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as reply:
                return json.load(reply)["value"]
        except urllib.error.HTTPError as error:
            said = json.load(error)["value"]
            raise DriverError(f"{path.split('/')[-1]}: {said['error']}, {said['message']}") from None

    def open(self, address):
        self._send("POST", f"/session/{self.session}/url", url=address)

    def _call(self, function, text):
        body = CALL.format(function=function, text="arguments[0]")
        script = f"const done = arguments[1]; {body}.then(done, (error) => done('!' + (error.stack || error)))"
        reply = self._send("POST", f"/session/{self.session}/execute/async", script=script, args=[text])
        if reply.startswith("!"):
            raise DriverError(reply[1:])
        return reply

    def _act(self, source):
        self._send("POST", f"/session/{self.session}/actions", actions=[source])

    def close(self):
        self._send("DELETE", f"/session/{self.session}")


def mini_browser():
    """Return the path of WebKitGTK's small browser, of the version that its driver belongs to, or None."""
    found = sorted(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))
    return str(found[-1]) if found else None


@contextlib.contextmanager
def started(command, line=None, **environment):
    """Start a program in a folder of its own; yields what the pattern `line` finds in its output, and ends it.

    Raises DriverError when the program ends, or says nothing of the kind for PATIENCE seconds.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        process = subprocess.Popen(
            [*command[:1], *(part.replace("{home}", home) for part in command[1:])],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, **environment},
        )
        said = queue.Queue()
        reader = threading.Thread(target=_read, args=(process.stdout, said), daemon=True)
        reader.start()
        try:
            yield _first(said, line, command[0]) if line else None
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            reader.join(15)  # a child of the browser may hold the pipe a little longer


def _read(pipe, said):
    """Put each line that a program prints into a queue, and None at its end; a full pipe would stop the program."""
    with pipe:
        for text in pipe:
            said.put(text)
    said.put(None)


def _first(said, line, name):
    end, seen = time.monotonic() + PATIENCE, []
    while time.monotonic() < end:
        with contextlib.suppress(queue.Empty):
            text = said.get(timeout=1)
            if text is None:
                break
            seen.append(text)
            if found := re.search(line, text):
                return found[1]
    raise DriverError(f"{name} did not start. Its last words: {''.join(seen[-3:]).strip() or 'none'}")


@contextlib.contextmanager
def firefox():
    """Start Firefox with a fresh profile; yields a Browser."""
    program = next(path for path in map(shutil.which, FIREFOX) if path)
    command = [program, "--headless", "--no-remote", "--profile", "{home}", "--remote-debugging-port", "0"]
    with started(command, r"WebDriver BiDi listening on (ws://\S+)") as address:
        browser = Firefox(f"{address}/session")
        try:
            yield browser
        finally:
            browser.socket.close()


@contextlib.contextmanager
def webkit():
    """Start WebKitGTK in a display that nobody sees; yields a Browser."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    screen = ["Xvfb", "-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"]
    with (
        started(screen, r"^(\d+)\s*$") as display,
        started(["WebKitWebDriver", f"--port={port}"], DISPLAY=f":{display}", LIBGL_ALWAYS_SOFTWARE="1"),
    ):
        address = f"http://127.0.0.1:{port}"
        _wait_for(f"{address}/status")
        browser = WebKit(address)
        try:
            yield browser
        finally:
            browser.close()


def _wait_for(address):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5):
            return
        time.sleep(0.1)
    raise DriverError(f"Nothing answers at {address}.")


BROWSERS = {
    "Firefox": (firefox, ("Firefox",)),
    "WebKitGTK": (webkit, ("WebKitWebDriver", "Xvfb")),
}  # and their programs
