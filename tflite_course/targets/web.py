"""Make the web page of lesson 11: `python -m tflite_course.targets.web`; `--serve` opens it (`make web`).

Writes assets/web/dist/: the page's files, LiteRT.js from npm (pinned, checked, no CDN) and the models of the course in
the form that LiteRT.js takes. The folder needs no program behind it: any static web server can publish it.
"""

import argparse
import gzip
import hashlib
import http.server
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from functools import partial
from pathlib import Path

from tflite_course.errors import CourseError
from tflite_course.models import model_path
from tflite_course.models.flatbuffer import strip

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "assets" / "web"


DIST = SOURCE / "dist"
PACKAGES = ROOT / "build" / "litertjs"  # what npm brought, unpacked
VERSION = "2.5.3"
SHA256 = {
    "core": "a97660833e9e7e1063c95e12016718881240b14f7438728a2f62785e912d30fd",
    "wasm-utils": "ce2a1f8379c067be49e59752e5a7f40db6be09f6e497f0f11e59f17b515366a7",
}
# Of four builds of the runtime this one runs in every browser with WebAssembly SIMD, Safari too.
WASM = "litert_wasm_compat_internal"
PAGE = ["index.html", "page.css", "service_worker.js", "manifest.webmanifest", "icon.svg", "icon_maskable.svg"]
SCRIPTS = ["app.js", "pad.js", "picture.js", "center.js", "tflite.js", "forms.js", "runtime.js", "problem.js"]
SHARED = ["digit_pad.js", "digit_pad.css"]  # the pad of the notebooks, tflite_course/static/
MODELS = [
    ("mnist_small", "uint8"),
    ("mnist_cnn", "float32"),
    ("mnist_cnn", "uint8"),
    ("mnist_ds", "float32"),
    ("mnist_ds", "uint8"),
    ("mnist_tiny", "uint8"),
    ("mnist_nano", "uint8"),
]


def fetch_package(name, folder=PACKAGES):
    """Return the folder of a LiteRT.js package, "core" or "wasm-utils"; npm fetches it the first time.

    It is unpacked whole or not at all, for another process may do the same. Raises CourseError without npm or network,
    and for a package that is not the one that was tried.
    """
    if (folder / name / "package.json").is_file():
        return folder / name
    npm = shutil.which("npm")
    if not npm:
        raise CourseError("There is no npm to fetch LiteRT.js with: install Node.js (Debian: apt-get install npm).")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        command = [npm, "pack", "--silent", f"@litertjs/{name}@{VERSION}"]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True)
        if done.returncode:
            raise CourseError(f"npm could not fetch @litertjs/{name} {VERSION}: check the network, then try again.")
        package = Path(place) / done.stdout.split()[-1]
        if hashlib.sha256(package.read_bytes()).hexdigest() != SHA256[name]:
            raise CourseError(f"@litertjs/{name} {VERSION} is not the package that was tried: do not use it.")
        with tarfile.open(package) as archive:
            archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4 and later have it
            archive.extractall(place)
        try:
            (Path(place) / "package").rename(folder / name)
        except OSError:  # another process was first
            if not (folder / name / "package.json").is_file():
                raise
    return folder / name


def pack_runtime(core):
    """Return the WebAssembly of the runtime, gzipped: 30 % of its size, and no server has to know how to pack it."""
    packed = core / f"{WASM}.wasm.gz"
    if not packed.is_file():
        content = gzip.compress((core / "wasm" / f"{WASM}.wasm").read_bytes(), 9, mtime=0)
        packed.write_bytes(content)
    return packed.read_bytes()


def read_runtime():
    """Return {file: bytes} of what the page needs of LiteRT.js."""
    core, utils = fetch_package("core"), fetch_package("wasm-utils")
    script = (core / "dist" / "index.js").read_text(encoding="utf-8")
    # A bare name needs an import map, an address does not.
    script = script.replace('from "@litertjs/wasm-utils"', 'from "./wasm_utils.js"')
    return {
        "runtime/litert.js": script.encode(),
        "runtime/wasm_utils.js": (utils / "dist" / "index.js").read_bytes(),
        f"runtime/{WASM}.js": (core / "wasm" / f"{WASM}.js").read_bytes(),
        f"runtime/{WASM}.wasm.gz": pack_runtime(core),
    }


def read_model_for_page(name, variant):
    """Return the bytes of a model in the form that LiteRT.js takes: one image at a time, float32 or uint8.

    A float32 file needs only a fixed batch, which strip() gives it. LiteRT.js refuses int8 input, so export_for_browser
    converted the same weights with uint8 input and output.
    """
    if variant == "float32":
        return strip(model_path(name, "float32"))
    return (SOURCE / "models" / f"{name}_uint8.tflite").read_bytes()


def read_models():
    """Return {file: bytes} of the models of the page and of models.json, which describes them."""
    files, rows = {}, []
    for name, variant in MODELS:
        measured = json.loads((ROOT / "assets" / "models" / f"{name}.json").read_text(encoding="utf-8"))
        content = read_model_for_page(name, variant)
        file = f"models/{name}_{variant}.tflite"
        files[file] = content
        accuracy = measured["float32" if variant == "float32" else "int8"]["test_accuracy"]
        rows.append({"name": name, "variant": variant, "file": file, "bytes": len(content), "accuracy": accuracy})
    files["models.json"] = (json.dumps(rows, indent=1) + "\n").encode()
    return files


def build(folder=DIST):
    """Write the page into a folder and return {file: bytes}. Raises CourseError, see fetch_package()."""
    files = {name: (SOURCE / name).read_bytes() for name in PAGE + SCRIPTS}
    files |= {name: (ROOT / "tflite_course" / "pad" / "static" / name).read_bytes() for name in SHARED}
    files |= read_runtime() | read_models()
    # The service worker keeps exactly these files, and throws them away when the version changes.
    digest = hashlib.sha256(b"".join(name.encode() + files[name] for name in sorted(files))).hexdigest()[:12]
    kept = ["./", *sorted(name for name in files if name != "service_worker.js")]
    files["build.js"] = f"self.BUILD = {json.dumps({'version': digest, 'files': kept}, indent=1)};\n".encode()
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_bytes() != content:
            path.write_bytes(content)
    return files


def page_weight(files):
    """Return what a visitor downloads, one dict a part: "part", "files", "bytes", and "packed", bytes after gzip."""

    def part_of(name):
        if name.endswith(".wasm.gz"):
            return "runtime: WebAssembly"
        return {"runtime": "runtime: JavaScript", "models": "models"}.get(name.split("/")[0], "page")

    rows = {part: {"part": part, "files": 0, "bytes": 0, "packed": 0} for part in dict.fromkeys(map(part_of, files))}
    for name, content in files.items():
        row = rows[part_of(name)]
        row["files"] += 1
        row["bytes"] += len(gzip.decompress(content) if name.endswith(".gz") else content)
        row["packed"] += len(content if name.endswith(".gz") else gzip.compress(content, 9, mtime=0))
    return list(rows.values())


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; the browser asks each time whether a file has changed, so a new build is seen at once."""

    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript",  # Windows may say text/plain, and a browser runs no such module
        ".webmanifest": "application/manifest+json",
        ".svg": "image/svg+xml",
    }

    def end_headers(self):
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, *arguments):
        pass


def make_server(folder, host="127.0.0.1", port=0):
    """Return a web server for a folder; port 0 takes a free one. Raises CourseError when the port is taken."""
    try:
        return http.server.ThreadingHTTPServer((host, port), partial(Handler, directory=folder))
    except OSError as error:
        raise CourseError(
            f"The page cannot be served on {host}, port {port} ({error.strerror}): choose another with --port."
        ) from None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--serve", action="store_true", help="serve the page until Ctrl+C")
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 lets other machines in (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8011)
    options = parser.parse_args()
    try:
        weight = page_weight(build())
        for row in weight:
            print(f"{row['part']:22}{row['files']:3} files {row['bytes']:>11,} bytes, {row['packed']:>9,} with gzip")
        total = sum(row["packed"] for row in weight)
        print(f"{DIST.relative_to(ROOT)}: the first visit takes {total / 1e6:.1f} MB, later ones ask for a new version")
        if options.serve:
            with make_server(DIST, options.host, options.port) as server:
                print(
                    f"Open http://localhost:{server.server_port}/ in a browser. Ctrl+C ends this program.", flush=True
                )
                server.serve_forever()
    except CourseError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    main()
