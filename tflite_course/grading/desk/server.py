"""The desk's server: on this machine alone, behind an address that nobody can guess."""

import argparse
import asyncio
import hmac
import json
import logging
import secrets
import sys
import webbrowser
from pathlib import Path

from tflite_course.errors import CourseError
from tflite_course.grading import gradebook

HERE = Path(__file__).parent
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
FILES = {"desk.js": "text/javascript", "desk.css": "text/css"}
MOST_BODY = 100_000


def make_application(desk, token):
    """Return tornado's application for a Desk; every address begins with the token."""
    from tornado import web

    class Base(web.RequestHandler):
        def set_default_headers(self):
            self.set_header("Content-Security-Policy", POLICY)
            for name, value in (
                ("X-Content-Type-Options", "nosniff"),
                ("Referrer-Policy", "no-referrer"),
                ("Cross-Origin-Resource-Policy", "same-origin"),
                ("Cache-Control", "no-store"),
            ):
                self.set_header(name, value)

        def prepare(self):
            """Answer only this machine's browser that has the token, and only the desk's own page."""
            host = self.request.host.rsplit(":", 1)[0]
            given = self.path_args[0] if self.path_args else ""
            origin = self.request.headers.get("Origin", f"http://{self.request.host}")
            allowed = host in ("127.0.0.1", "localhost") and hmac.compare_digest(given.encode(), token.encode())
            if not allowed or origin != f"http://{self.request.host}":
                raise web.HTTPError(403)

        def write_error(self, status_code, **_):
            self.finish({"error": f"The desk does not answer this ({status_code}): open the address that it printed."})

    class Page(Base):
        def get(self, _, name):
            if name in FILES:
                self.set_header("Content-Type", f"{FILES[name]}; charset=utf-8")
            elif name:
                raise web.HTTPError(404)
            self.finish((HERE / (name or "desk.html")).read_bytes())

    class Call(Base):
        def post(self, _, name):
            if self.request.headers.get("Content-Type", "").split(";")[0] != "application/json":
                raise web.HTTPError(415)
            try:
                arguments = json.loads(self.request.body or b"{}")
                answer = CALLS[name](desk, **arguments)
            except CourseError as error:
                answer = {"error": str(error)}
            except (KeyError, TypeError, IndexError, ValueError):
                raise web.HTTPError(400) from None
            except OSError as error:
                if not gradebook.is_disk_full(error):
                    raise
                answer = {"error": gradebook.DISK_FULL}
            self.set_header("Content-Type", "application/json")
            self.finish(json.dumps(answer))

    routes = [(r"/([^/]+)/call/([a-z]+)", Call), (r"/([^/]+)/([a-z.]*)", Page), (r"/(.*)", Base)]
    return web.Application(routes)


CALLS = {
    "overview": lambda desk: {"tasks": desk.overview(), "marker": desk.marker},
    "task": lambda desk, task: desk.task(task),
    "item": lambda desk, task, place, names=False: desk.item(task, place, bool(names)),
    "mark": lambda desk, task, place, points, remark="", settle=False: desk.mark(
        task, place, points, remark, settle=bool(settle)
    ),
    "unmark": lambda desk, task, place: desk.unmark(task, place),
    "bank": lambda desk: desk.bank(),
    "keep": lambda desk, text: desk.keep_remark(text),
    "agreement": lambda desk: desk.agreement(),
}


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m tflite_course.grading desk", description="Mark journals and written answers with the keyboard."
    )
    parser.add_argument("--work", type=Path, default=Path("grading"), help="the work folder of the grading")
    parser.add_argument("--marker", default="by hand", help="your name, when two people mark")
    parser.add_argument("--labs", nargs="*", help="only these labs (journal is one)")
    parser.add_argument("--no-samples", action="store_true", help="without the sample journals")
    parser.add_argument("--no-browser", action="store_true", help="print the address and open nothing")
    parser.add_argument("--port", type=int, default=0, help="of this machine (default: a free one)")
    options = parser.parse_args(arguments)
    from tflite_course.grading.desk.model import Desk

    try:
        if upgraded := gradebook.check_database(options.work):
            print(upgraded)
        desk = Desk(options.work, options.marker, options.labs, not options.no_samples)
        asyncio.run(_serve(desk, options))
    except CourseError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print("The desk is closed. Run the grading command once more: it writes the marks into files and pages.")


async def _serve(desk, options):
    """Serve until the process is interrupted."""
    from tornado import httpserver, netutil

    logging.getLogger("tornado.access").setLevel(logging.ERROR)
    token = secrets.token_urlsafe(24)
    try:
        (socket,) = netutil.bind_sockets(options.port, "127.0.0.1")
    except OSError as error:
        raise CourseError(f"The desk cannot use port {options.port} ({error.strerror}): leave out --port.") from None
    server = httpserver.HTTPServer(make_application(desk, token), max_body_size=MOST_BODY)
    server.add_socket(socket)
    address = f"http://127.0.0.1:{socket.getsockname()[1]}/{token}/"
    print(f"The marking desk: {address}\nCtrl+C closes it.", flush=True)
    if not options.no_browser:
        webbrowser.open(address)
    await asyncio.Event().wait()
