"""Take the picture of Model Explorer with mnist_cnn.tflite for lesson 02: assets/figures/model_explorer.png.

    python -m tests.tools.make_viewer_figure .venv-viewer/bin/model-explorer

The argument is the program of an environment with ai-edge-model-explorer (0.1.34 made the stored picture); it needs
660 MB, and neither lessons nor tests need it. Its page is opened in Debian's Chromium and works without a network.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests import ROOT

PORT, WAIT = 18093, 180_000  # milliseconds: a graphics card in software is slow
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-quic", "--use-gl=swiftshader", "--enable-unsafe-swiftshader"]
THIRD_CONVOLUTION = (455, 677)  # where it stands in the window after "Zoom to fit"


def take(page, model):
    """Open the model, unfold all layers, choose the third convolution, and return the picture as PNG."""
    data = urllib.parse.quote(json.dumps({"models": [{"url": str(model)}]}))
    page.goto(f"http://127.0.0.1:{PORT}/?data={data}", wait_until="commit")
    page.get_by_text("op node count").first.wait_for(timeout=WAIT)
    for button in ("unfold_more_double", "fit_screen"):
        page.get_by_text(button).first.click()
        page.wait_for_timeout(8000)
    page.mouse.click(*THIRD_CONVOLUTION)
    page.wait_for_timeout(8000)
    page.mouse.move(700, 870)
    page.wait_for_timeout(2000)
    return page.screenshot(clip={"x": 300, "y": 48, "width": 980, "height": 830})


def main(program):
    folder = Path(tempfile.mkdtemp())
    model = folder / "mnist_cnn.tflite"
    shutil.copy(ROOT / "assets" / "models" / "mnist_cnn_float32.tflite", model)
    options = ["--no_open_in_browser", "--host", "127.0.0.1", "--port", str(PORT), "--skip_health_check"]
    server = subprocess.Popen([program, *options, model], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            wait_for_server()
            (ROOT / "assets" / "figures" / "model_explorer.png").write_bytes(take(page, model))
            browser.close()
    finally:
        server.terminate()
        shutil.rmtree(folder)


def wait_for_server():
    for _ in range(120):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{PORT}/").close()
            return
        except OSError:
            time.sleep(1)
    sys.exit(f"Model Explorer does not answer on port {PORT}: start it by hand to see why.")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Name the program: python -m tests.tools.make_viewer_figure .venv-viewer/bin/model-explorer")
    main(sys.argv[1])
