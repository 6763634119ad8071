"""What uv, pip and venv say when they fail, as one sentence with cause and cure."""

import re
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path

GIGABYTE = 1e9
SMALLEST = 50e6  # bytes that an environment with nothing but pip takes

# Tried in this order; the first that is found names the cause. Codes: Linux errno, "os error" of uv, Windows, macOS.
NETWORK = [
    (
        r"certificate verify failed|CERTIFICATE_VERIFY_FAILED|invalid peer certificate|confirming the ssl certificate",
        "the certificate of {host} is not trusted: name your network's certificate file in SSL_CERT_FILE and PIP_CERT",
    ),
    (
        r"ProxyError|tunnel error|Tunnel connection failed|Cannot connect to proxy|407 Proxy",
        "the proxy does not let the installer through: check HTTPS_PROXY",
    ),
    (
        r"dns error|NameResolutionError|Name or service not known|Temporary failure in name resolution"
        r"|getaddrinfo failed|nodename nor servname|No address associated",
        "the name {host} is not found: check the network",
    ),
    (
        r"Connection refused|os error (111|61|10061)\b|Errno (111|61)\b|WinError 10061",
        "{host} refuses the connection: check the network, the proxy, and the package index that pip and uv are set to",
    ),
    (
        r"Network is unreachable|No route to host|os error (101|113)\b|Errno (101|113)\b",
        "there is no way to {host}: check the network",
    ),
    (
        r"timed? ?out|ReadTimeout|ConnectTimeout",
        "{host} does not answer in time: check the network and try again later",
    ),
    (
        r"Connection reset|ConnectionResetError|Connection aborted|IncompleteRead|unexpected (end of file|EOF)"
        r"|os error 104|error decoding response body|Connection broken",
        "the connection to {host} broke off: call make again, it goes on where it was",
    ),
    (
        r"\b(401|403)\b[^\n]*(Client Error|Forbidden|Unauthorized)|returned a (401|403)",
        "{host} does not give access: check the package index that pip and uv are set to, and its password",
    ),
    (
        r"\b(429|50[0234])\b[^\n]*(Error|Unavailable|Gateway|Too Many|Service)|too many 50\d error",
        "{host} is out of order: try again later",
    ),
]
DAMAGED = (
    r"[Hh]ash mismatch for `?(?P<a>[\w.-]+)"
    r"|^\s*(?P<b>[\w.-]+)[^\n]* from https?://[^\n]*\n\s*Expected sha256"
    r"|Wheel '(?P<c>[\w.-]+)' located"
    r"|Because (?P<d>[\w.-]+)==\S+ has an invalid package format"
    r"|[Ss]tructure of `(?P<e>[\w.-]+)`"
)
PINS = "`git checkout -- 'requirements*.txt' constraints.txt` brings back versions that go together"


def explain(output, code=1, folder=".", known_only=False):
    """Return "cause: cure." of an installer's output and exit status. known_only: None where the cause is not known."""
    found = (
        _disk(output, folder) or _packages_first(output) or _network(output) or _packages(output) or _rest(output, code)
    )
    if found or known_only:
        return found and found + "."
    lines = [line.strip() for line in output.splitlines() if re.match(r"\s*(error|cause|fatal)\b", line, re.IGNORECASE)]
    lines = lines or output.strip().splitlines() or [f"the installer ended with {code}"]
    last = re.sub(r"^(error|cause|fatal): *", "", lines[-1], flags=re.IGNORECASE).rstrip(".")
    return f"{last[:300]}."


def _disk(output, folder):
    """Full disks, read-only ones, folders of other users."""
    hidden = "ensurepip" in output and _free_bytes(folder) < SMALLEST  # venv does not say why ensurepip failed
    if hidden or re.search(r"No space left|os error (28|112)\b|Errno 28\b|not enough space|[Qq]uota exceeded", output):
        cure = "free 3 GB, or set TMPDIR to a folder on another disk; then call make again"
        return f"the disk is full ({_free(folder)}): {cure}"
    if re.search(r"Read-only file system|os error 30\b|Errno 30\b", output):
        return f"{_path(output)} cannot be written, its disk is read-only: copy the course to a folder of your own"
    if re.search(r"Permission denied|os error 13\b|Errno 13\b|Access is denied|WinError 5\b", output):
        cure = "make it yours (`chown`), or copy the course to a folder of your own"
        return f"{_path(output)} belongs to another user: {cure}"
    return None


def _free(folder):
    """Return the free space of the folder and of the temporary one."""
    spaces = []
    for name, path in (("the course's folder", folder), ("the temporary folder", tempfile.gettempdir())):
        spaces.append(f"{name} has {_free_bytes(path) / GIGABYTE:.1f} GB")
    return ", ".join(spaces)


def _free_bytes(path):
    path = Path(path).absolute()
    return shutil.disk_usage(next(p for p in (path, *path.parents) if p.exists())).free


def _path(output):
    """Return the path that a message about rights names."""
    denied = r"(?:Permission denied|Read-only file system|Access is denied)"
    found = re.search(rf"`([^`\n]+)`: {denied}", output) or re.search(rf"{denied}: ['\"]([^'\"\n]+)['\"]", output)
    return found[1] if found else "A folder"


def _network(output):
    for pattern, sentence in NETWORK:
        if found := re.search(pattern, output):
            return sentence.format(host=_host(output, found.start()))
    return None


def _host(output, position):
    """Return the host named last before the end of this line; names and passwords of users are left out."""
    end = output.find("\n", position)
    before = output[: end if end >= 0 else len(output)]
    hosts = re.findall(r"https?://(?:[^/\s'\"@]*@)?([^/\s'\"`)<>@]+)|host='([^']+)'|to ([\w.-]+) timed out", before)
    return next(filter(None, hosts[-1])) if hosts else "the package index"


def _packages_first(output):
    """Where pip has come to versions and files, what it says of the network before that was overcome."""
    reached = (
        r"from versions: (?!none)|ResolutionImpossible|requires a different Python|DO NOT MATCH|Wheel '[^']+' located"
    )
    return _packages(output) if re.search(reached, output) else None


def _packages(output):
    """Versions that do not exist, do not go together, need another Python, or came damaged."""
    if found := re.search(DAMAGED, output, re.MULTILINE):
        name = next(filter(None, found.groups()))
        cure = "empty the cache (`uv cache clean`, `pip cache purge`), then call make again"
        return f"the download of {name} is damaged: {cure}"
    return _needs_python(output) or _conflict(output) or _no_version(output)


def _needs_python(output):
    """Return the sentence for a package that this Python is too old or too new for."""
    cure = "install a newer Python 3.11 to 3.13 and call make with it, as in `make lab PYTHON=python3.12`"
    here = sys.version.split()[0]
    if found := re.search(r"Python version \((\S+)\) does not satisfy Python(\S+) and (\S+) depends on", output):
        return f"{found[3]} needs Python {found[2]}, and this is {found[1]}: {cure}"
    if found := re.search(r"Package '([^']+)' requires a different Python: (\S+) not in '([^']+)'", output):
        return f"{found[1]} needs Python {found[3]}, and this is {found[2]}: {cure}"
    missing = re.search(r"No matching distribution found for ([\w.-]+)==([^\s;]+)", output)
    needs = missing and re.search(rf"[ ;]{re.escape(missing[2])} Requires-Python ([^;\n]+)", output)
    return f"{missing[1]}=={missing[2]} needs Python {needs[1]}, and this is {here}: {cure}" if needs else None


def _conflict(output):
    """Return the sentence for requirements that contradict one another."""
    if found := re.search(r"Cannot install (.+?) because these package versions have conflicting", output):
        return f"{found[1]} do not go together: {PINS}"
    if found := re.search(r"Because you require (\S+) and (\S+), we can conclude", output):
        return f"{found[1]} and {found[2]} do not go together: {PINS}"
    if found := re.search(r"[Bb]ecause (\S+) depends on ([^\s,]+(?:,[^\s,]+)*)[^\n]*", output):
        also = re.findall(r"you require ([^\s,]+==[^\s,]+)", output)
        return f"{found[1]} needs {found[2]}, and {also[-1] if also else 'another version'} is asked for: {PINS}"
    return None


def _no_version(output):
    """Return the sentence for a package that the index does not have, or has no file of for this machine."""
    where = f"Python {sys.version_info[0]}.{sys.version_info[1]} on {sysconfig.get_platform()}"
    cure = (
        "use Python 3.11 to 3.13 on Linux (glibc), macOS (Apple silicon) or Windows, and the versions that come in git"
    )
    patterns = [
        r"([\w.-]+)(?:\{[^}]*\})?(==\S+)? has no (?:usable )?wheels",
        r"[Bb]ecause (?:there is no version of )?([\w.-]+)(==\S+)?(?: was not found| and)",
        r"No matching distribution found for ([\w.-]+)(==[^\s;]+)?",
    ]
    for pattern in patterns:
        if found := re.search(pattern, output):
            name = found[1] + (found[2] or "")
            return f"the package index has no {name} for {where}: {cure}"
    return None


def _rest(output, code):
    if code in (-9, 137):
        return (
            "the installer was killed, probably because the memory was full: close other programs, then call make again"
        )
    if re.search(r"No module named pip|ensurepip.*returned non-zero", output):
        return "the environment is half made: remove the folder, then call make again"
    if found := re.search(r"(?:Failed building wheel for|Failed to build(?: wheel)?:?) `?([\w.-]+)", output):
        return f"{found[1]} would have to be compiled: use Python 3.11 to 3.13, for which there are ready files"
    return None
