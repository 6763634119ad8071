"""A Content Security Policy for nbgrader's pages in the marker's Jupyter: nothing that a student made runs or loads.

The pages have scripts of their own, some of them in the page. Those are known from nbgrader's templates: their hashes
go into the header of each answer, and a script that came with a submission has none. Cleaning takes scripts out before;
the policy holds where cleaning fails.
"""

import base64
import functools
import hashlib
import re
from pathlib import Path

SCRIPT = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script\s*>", re.S | re.I)
HANDLER = re.compile(r"""\son[a-z]+\s*=\s*"([^"]*)\"""", re.I)
# values that templates put into scripts: names, ids and paths, no quotes and no marks
VALUE = re.compile(r'"[^"\\<>\n]*"')
POLICY = (
    "default-src 'self'; script-src 'self'{hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; object-src 'none'; frame-src 'none'; media-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
# nbgrader fetches MathJax from a foreign host, and without it does not get to its last line: formulas stay as TeX
MATHJAX = re.compile(r'<script src="https?://[^"]*mathjax[^"]*">\s*</script>', re.I)
NO_MATHJAX = 'window.MathJax = {Hub: {Startup: {signal: {Interest: (call) => setTimeout(() => call("End"))}}}};'


@functools.cache
def known_scripts():
    """Return (scripts, handlers) that stand in nbgrader's templates: sets of str, with "" for each value."""
    import nbgrader

    scripts, handlers = {_skeleton(NO_MATHJAX)}, set()
    folder = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader" / "templates"
    for path in [*folder.rglob("*.tpl"), *folder.rglob("*.j2")]:
        text = re.sub(r"\{\{.*?\}\}", "", path.read_text(encoding="utf-8"))
        scripts |= {_skeleton(script) for script in SCRIPT.findall(text)}
        handlers |= set(HANDLER.findall(text))
    return scripts, handlers


def _skeleton(script):
    return VALUE.sub('""', script).strip()


def policy(page):
    """Return the policy, a str, for a page of HTML: its scripts may run that nbgrader's templates brought."""
    scripts, handlers = known_scripts()
    allowed = [script for script in SCRIPT.findall(page) if _skeleton(script) in scripts]
    marks = [_hash(script) for script in allowed]
    if any(handler in handlers for handler in HANDLER.findall(page)):
        marks += ["'unsafe-hashes'", *(_hash(handler) for handler in sorted(handlers))]
    return POLICY.format(hashes="".join(f" {mark}" for mark in dict.fromkeys(marks)))


def _hash(text):
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def guard():
    """Send the policy with every page of formgrader, when a Jupyter server runs in this process."""
    from jupyter_server.serverapp import ServerApp

    if ServerApp.initialized() and getattr(ServerApp.instance(), "web_app", None):
        application = ServerApp.instance().web_app
        if _transform() not in application.transforms:
            application.transforms.insert(0, _transform())


@functools.cache
def _transform():
    from tornado.web import OutputTransform

    class Guard(OutputTransform):
        """Adds the header to what tornado sends; a page that comes in pieces may run no script of its own."""

        def __init__(self, request):
            self.here = re.search(r"/formgrader(?:/|$)", request.path) is not None

        def transform_first_chunk(self, status_code, headers, chunk, finishing):
            if not self.here:
                return status_code, headers, chunk
            page = ""
            if finishing and "html" in headers.get("Content-Type", ""):
                page = MATHJAX.sub(f"<script>{NO_MATHJAX}</script>", chunk.decode("utf-8", "replace"))
                chunk = page.encode("utf-8")
                headers["Content-Length"] = str(len(chunk))
                # an answer "not modified" has no page to read scripts from, and its policy would replace this one
                headers["Cache-Control"] = "no-store"
                headers.pop("Etag", None)
            headers["Content-Security-Policy"] = policy(page)
            return status_code, headers, chunk

    return Guard
