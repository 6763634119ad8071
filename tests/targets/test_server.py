"""The server of lesson 14: its rows, its sentences for bad requests, how it starts and ends, and what was stored."""

import importlib.util
import json
import re
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from tests import ROOT
from tflite_course.authoring.targets import server
from tflite_course.models import model_path
from tflite_course.targets import golden

for package in ("fastapi", "uvicorn"):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"The server needs the package {package}: pip install {package}.", allow_module_level=True)

RECORD = json.loads((ROOT / "assets" / "targets" / "server.json").read_text(encoding="utf-8"))

pytestmark = pytest.mark.xdist_group("server")


@pytest.fixture(scope="module")
def port():
    with server.running() as (_, port):
        yield port


@pytest.fixture
def images():
    return golden.golden_images(np.uint8)


@pytest.mark.parametrize("name", ["mnist_cnn", "mnist_nano", "mnist_cnn_float32"])
def test_rows_are_those_of_the_model_in_process(name, images):
    """A model with an open batch, one with a fixed batch, and one in float32."""
    path, images = golden.golden_files()[name], images[:120]
    dtype = np.float32 if name.endswith("float32") else np.int8
    expected = np.stack([server.in_process(path)(image) for image in images])
    with server.running(path) as (_, port):
        status, content = server.ask(port, "raw", images.tobytes())
        rows = np.frombuffer(content, dtype).reshape(-1, 10)
        assert status == 200 and golden.agreement(rows, expected)["argmax"] == 120
        if dtype == np.int8:
            assert golden.agreement(rows, expected)["bit_exact"] == 120
        status, content = server.ask(port, "predict", server.as_json(images))
        assert status == 200 and np.allclose(json.loads(content)["predictions"], rows)


def test_it_says_what_it_serves(port):
    with server.connect(port) as connection:
        connection.request("GET", "/v1/models/digits")
        answer = json.loads(connection.getresponse().read())
    assert (answer["images"], answer["rows"], answer["dtype"]) == ([28, 28], [10], "int8")
    assert re.fullmatch("[0-9a-f]{12}", answer["version"])


PIXELS = [[0] * 28] * 28
BAD = {
    "empty": ("raw", b"", "The request has 0 bytes: send 784 for each image"),
    "cut short": ("raw", bytes(783), "The request has 783 bytes: send 784 for each image"),
    "one byte too many": ("raw", bytes(785), "The request has 785 bytes"),
    "too long": ("raw", bytes(4_000_001), "The request is longer than 4,000,000 bytes: send fewer images"),
    "not text": ("predict", b"\xff\xfe\x00", "The request is not a JSON object"),
    "empty JSON": ("predict", b"", "The request is not a JSON object"),
    "a list": ("predict", [PIXELS], "The request is not a JSON object"),
    "another name": ("predict", {"images": [PIXELS]}, "The request is not a JSON object"),
    "very deep": ("predict", b"[" * 100_000, "The request is not a JSON object"),
    "no instance": ("predict", {"instances": []}, "The instances have the shape [0]: send [n, 28, 28]"),
    "null": ("predict", {"instances": None}, "The instances have the shape []"),
    "one image": ("predict", {"instances": PIXELS}, "The instances are one image, not a list of images"),
    "a row too few": ("predict", {"instances": [PIXELS[:27]]}, "The instances have the shape [1, 27, 28]"),
    "with channel": ("predict", {"instances": [[[[0]] * 28] * 28]}, "The instances have the shape [1, 28, 28, 1]"),
    "ragged": ("predict", {"instances": [[[0] * 28] * 27 + [[0]]]}, "The rows of an image are not equally long"),
    "fractions": ("predict", {"instances": [[[0.5] * 28] * 28]}, "The grey values are not whole numbers from 0"),
    "below 0": ("predict", {"instances": [[[-1] * 28] * 28]}, "The grey values are not whole numbers"),
    "above 255": ("predict", {"instances": [[[256] * 28] * 28]}, "The grey values are not whole numbers"),
    "very large": ("predict", {"instances": [[[10**30] * 28] * 28]}, "The grey values are not whole numbers"),
    "larger than int64": ("predict", {"instances": [[[2**63] * 28] * 28]}, "The grey values are not whole numbers"),
    "words": ("predict", {"instances": [[["ink"] * 28] * 28]}, "The grey values are not whole numbers"),
    "true": ("predict", {"instances": [[[True] * 28] * 28]}, "The grey values are not whole numbers"),
    "not a number": ("predict", {"instances": [[[float("nan")] * 28] * 28]}, "The grey values are not whole numbers"),
}


@pytest.mark.parametrize("path, body, sentence", BAD.values(), ids=BAD)
def test_a_bad_request_gets_a_sentence_and_the_next_one_an_answer(port, path, body, sentence, images):
    status, content = server.ask(port, path, body if isinstance(body, bytes) else json.dumps(body))
    detail = json.loads(content)["detail"]
    assert status == (413 if "longer" in sentence else 400)
    assert detail.startswith(sentence) and detail.endswith(".") and detail.count(". ") == 0
    assert server.ask(port, "raw", images[0].tobytes())[0] == 200


def test_a_client_that_stops_in_the_middle_keeps_nobody_waiting(port, images):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as channel:
        channel.sendall(b"POST /v1/models/digits:raw HTTP/1.1\r\nHost: x\r\nContent-Length: 784\r\n\r\n" + bytes(100))
        assert server.ask(port, "raw", images[0].tobytes())[0] == 200


def test_clients_at_the_same_time_get_their_own_rows(port, images):
    expected = np.stack([server.in_process(model_path("mnist_cnn", "int8"))(image) for image in images[:80]])
    rows = np.zeros_like(expected)

    def ask(numbers):
        with server.connect(port) as connection:
            for number in numbers:
                rows[number] = np.frombuffer(server.post(connection, "raw", images[number].tobytes())[1], np.int8)

    threads = [threading.Thread(target=ask, args=(range(k, 80, 8),)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert np.array_equal(rows, expected)


def test_a_kept_connection_does_not_wait_for_acknowledgements(port, images):
    """With Nagle's algorithm every answer takes 40 ms and more; without it about one."""
    times = []
    with server.connect(port) as connection:
        for _ in range(40):
            start = time.perf_counter()
            server.post(connection, "raw", images[0].tobytes())
            times.append(time.perf_counter() - start)
    assert min(times) < 0.02


def start(*arguments):
    command = [sys.executable, server.PROGRAM, *map(str, arguments), "--until-eof"]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)


def test_it_ends_with_the_program_that_started_it():
    done = start(model_path("mnist_nano", "int8"), "--port", "0")  # its input is closed at once
    assert done.returncode == 0 and done.stdout.startswith("Listening on 127.0.0.1:") and "Traceback" not in done.stderr


def test_a_bad_model_is_named(tmp_path):
    content = model_path("mnist_nano", "int8").read_bytes()
    (tmp_path / "text.tflite").write_text("no model")
    (tmp_path / "cut.tflite").write_bytes(content[:2000])
    for file, sentence in {
        tmp_path / "none.tflite": "none.tflite cannot be read (No such file or directory): give the path of a .tflite",
        tmp_path / "text.tflite": "text.tflite (8 bytes) is no .tflite model: give the file that the converter wrote.",
        tmp_path / "cut.tflite": "cut.tflite (2,000 bytes) is damaged: copy it again, or convert it anew.",
        ROOT / "assets" / "models" / "watch_int8.tflite": "it is not a model for digits.",
    }.items():
        done = start(file)
        assert done.returncode == 1 and sentence in done.stderr and "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_named(port):
    for taken in (port, 99_999):
        done = start(model_path("mnist_nano", "int8"), "--port", taken)
        assert done.returncode == 1 and f"127.0.0.1:{taken} cannot be had" in done.stderr
        assert "give another --port, or 0." in done.stderr and "Traceback" not in done.stderr


def test_the_stored_results_are_those_of_this_server(port, images):
    assert RECORD["rows"] == [
        {"runtime": "LiteRT behind FastAPI", "model": "mnist_cnn", "against": "LiteRT in process"}
        | {"bit_exact": 1000, "within_1": 1000, "argmax": 1000, "largest": 0, "of": 1000}
    ]
    bodies = {"raw": images[0].tobytes(), "predict": server.as_json(images[:1]).encode()}
    assert RECORD["received"] == {path: len(server.received(port, path, body)) for path, body in bodies.items()}
    for name, request in server.bad_requests(images[0]).items():
        assert RECORD["sentences"][name] == json.loads(server.ask(port, *request)[1])["detail"]
    times = RECORD["latency"]
    assert all(found["p50"] > 3 * times["in process"]["p50"] for name, found in times.items() if name != "in process")
