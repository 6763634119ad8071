"""A stripped .tflite file in LiteRT.js, the runtime for browsers, in a real Chromium: the same answers as in Python.

LiteRT.js knows float32, int32 and uint8 inputs, no int8 ("Element type INT8 is not supported."). So the weights of
mnist_small get a uint8 input and output here, and the stripped float32 file stands for the rest.
"""

import functools
import http.server
import shutil
import threading

import numpy as np
import pytest

from assets.targets.browser import NoBrowser
from assets.web import build
from tests.jupyter_browser import chromium
from tflite_course import evaluation, models
from tflite_course.datasets import load_mnist
from tflite_course.flatbuffer import strip

pytestmark = pytest.mark.xdist_group("browser")
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>LiteRT.js</title>
<script type="importmap">{"imports": {
  "@litertjs/core": "./core/dist/index.js", "@litertjs/wasm-utils": "./wasm-utils/dist/index.js"}}</script>
<script type="module">
import { loadLiteRt, loadAndCompile, Tensor } from "@litertjs/core";
window.answer = async (file, shape, kind, images) => {
  await (window.runtime ??= loadLiteRt("./core/wasm/"));
  const model = await loadAndCompile(file, { accelerator: "wasm" });
  const rows = [];
  for (const image of images) {
    const input = new Tensor(window[kind].from(image), shape);
    const [output] = await model.run([input]);
    rows.push(Array.from(output.toTypedArray()));
    input.delete();
    output.delete();
  }
  return rows;
};
window.loaded = true;
</script></html>
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the page and the runtime, which npm brings once."""
    if not shutil.which("npm"):
        pytest.skip("There is no npm to bring LiteRT.js: install Node.js.")
    folder = tmp_path_factory.mktemp("page")
    for name in ("core", "wasm-utils"):
        (folder / name).symlink_to(build.bring(name))
    (folder / "index.html").write_text(PAGE, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def page(folder):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with chromium() as browser:
            page = browser.new_page()
            page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
            page.wait_for_function("window.loaded")
            yield page
    except NoBrowser as error:
        pytest.skip(str(error))
    finally:
        server.shutdown()
        server.server_close()


def with_uint8(name):
    """Return mnist_small's weights as .tflite bytes with uint8 input and output."""
    import tensorflow as tf

    (images, _), _ = load_mnist()
    converter = tf.lite.TFLiteConverter.from_keras_model(models.load_model(name, batch_size=1))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([images[i].reshape(1, 28, 28, 1)] for i in range(200))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.uint8
    return converter.convert()


def answers(page, folder, content, images):
    (folder / "model.tflite").write_bytes(content)
    details = evaluation.make_interpreter(content).get_input_details()[0]
    values = evaluation.quantize_input(images, details).reshape(len(images), -1)
    kind = {"float32": "Float32Array", "uint8": "Uint8Array"}[np.dtype(details["dtype"]).name]
    shape = [int(length) for length in details["shape"]]
    call = "([file, shape, kind, images]) => window.answer(file, shape, kind, images)"
    return np.array(page.evaluate(call, ["model.tflite", shape, kind, values.tolist()]))


@pytest.mark.parametrize("kind", ["float32", "uint8"])
def test_a_stripped_file_answers_in_the_browser(page, folder, kind):
    images = load_mnist()[1][0][:50]
    content = strip(with_uint8("mnist_small") if kind == "uint8" else models.model_path("mnist_ds", "float32"))
    seen = answers(page, folder, content, images)
    expected = evaluation.predict(content, images)
    details = evaluation.make_interpreter(content).get_output_details()[0]
    assert seen.shape == (50, 10)
    assert np.allclose(evaluation.dequantize_output(seen.astype(details["dtype"]), details), expected, atol=1e-3)


def test_int8_input_is_what_the_browser_refuses(page, folder):
    content = models.model_path("mnist_cnn", "int8").read_bytes()
    (folder / "int8.tflite").write_bytes(content)
    with pytest.raises(Exception, match="INT8 is not supported"):
        page.evaluate("() => window.answer('int8.tflite', [1, 28, 28], 'Int8Array', [[]])")
