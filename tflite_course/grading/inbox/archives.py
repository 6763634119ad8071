"""Downloads as a tree: folders, archives and archives in archives, read within bounds and never unpacked to the disk.

An archive counts as a folder. What cannot be read is a node with a problem: one sentence that names cause and cure.
"""

import bz2
import datetime
import gzip
import io
import lzma
import tarfile
import tempfile
import unicodedata
import zipfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

MOST_ENTRIES = 20_000  # of one archive
MOST_NOTEBOOK = 256 * 2**20  # bytes of one file
MOST_NESTED = 512 * 2**20  # bytes of an archive in an archive
MOST_TOTAL = 4 * 2**30  # bytes of all archives in archives
MOST_DEPTH = 4  # archives in archives
MOST_FOLDERS = 40  # in each other
MOST_RATIO = 100  # archives hardly compress: one in an archive that grows more than this is a bomb
JUNK = {"__MACOSX", "__pycache__", "Thumbs.db", "desktop.ini", "venv", "node_modules", "site-packages", "$RECYCLE.BIN"}
STREAMS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
OTHER_KINDS = {b"7z\xbc\xaf\x27\x1c": "a 7z archive", b"Rar!": "a RAR archive"}
ARCHIVES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".gz", ".bz2", ".xz", ".7z", ".rar")


class Opened(ExitStack):
    """Closes what was opened, and counts how much archives in archives may still unpack to."""

    def __init__(self):
        super().__init__()
        self.left = MOST_TOTAL


class TooLarge(Exception):
    """A file is larger than its reader allows."""


@dataclass
class Node:
    """A file (children is None), or a folder or archive with its children."""

    name: str
    children: list | None = None
    size: int = 0
    when: datetime.datetime | None = None  # from an archive: of no time zone
    problem: str | None = None
    is_archive: bool = False
    is_repository: bool = False
    reader: object = None  # limit: bytes
    facts: dict = field(default_factory=dict)  # what others found out about this node

    @property
    def is_folder(self):
        return self.children is not None

    @property
    def stem(self):
        """The name without what tells the kind of an archive or a file."""
        lower = self.name.lower()
        if self.is_folder and not self.is_archive:
            return self.name
        for ending in (".tar.gz", ".tar.bz2", ".tar.xz"):
            if lower.endswith(ending):
                return self.name[: -len(ending)]
        return self.name[: self.name.rindex(".")] if "." in self.name[1:] else self.name

    def read(self, limit):
        """Return the bytes. Raises TooLarge beyond limit, and OSError when they are damaged or need a password."""
        if self.size > limit:
            raise TooLarge
        try:
            content = self.reader(limit + 1)
        except (zipfile.BadZipFile, tarfile.TarError, EOFError, RuntimeError, NotImplementedError, ValueError) as error:
            raise OSError(str(error)) from None
        except Exception as error:  # zlib, lzma and bz2 each have an error of their own
            raise OSError(f"{type(error).__name__}: {error}") from None
        if len(content) > limit:
            raise TooLarge
        return content

    def walk(self, above=()):
        """Yield (names from here, node) of every node below that is a file or has a problem."""
        for child in self.children or ():
            here = (*above, child.name)
            if not child.is_folder or child.problem:
                yield here, child
            yield from child.walk(here)


def is_junk(name):
    """Return whether a file or folder was made by a system or an editor and is nobody's work."""
    return name in JUNK or name.startswith((".", "~$", "._"))


def clean_name(name):
    """Return a name in one form of Unicode; bytes that are not Unicode become a sign for that."""
    return unicodedata.normalize("NFC", name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def open_path(path, stack, depth=0):
    """Return the Node of a file or folder of this disk, or None for a link. stack: closes what was opened."""
    name = clean_name(path.name)
    try:
        if path.is_symlink():
            return None
        if path.is_dir():
            if depth > MOST_FOLDERS:
                return Node(name, [], problem=f"{name} lies in more than {MOST_FOLDERS} folders; it was not read")
            inside = sorted(path.iterdir())
            kept = [open_path(inner, stack, depth + 1) for inner in inside if not is_junk(inner.name)]
            repository = any(inner.name == ".git" for inner in inside)
            return Node(name, [node for node in kept if node], is_repository=repository)
        if not path.is_file():
            return None
        node = Node(name, size=path.stat().st_size, reader=_OnDisk(path).whole)
    except OSError as error:
        return Node(name, [], problem=f"{name} cannot be read ({error.strerror}): look at its permissions")
    return _as_archive(node, stack, lambda: io.BufferedReader(_OnDisk(path), 2**20), 1)


class _OnDisk(io.RawIOBase):
    """A file that is open only while it is read: a class may have more archives than a system lets one open."""

    def __init__(self, path):
        self.path, self.place = path, 0

    def whole(self, limit):
        with open(self.path, "rb") as stream:
            return stream.read(limit)

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=0):
        self.place = offset + (0, self.place, self.path.stat().st_size)[whence]
        if self.place < 0:
            raise ValueError("negative seek")
        return self.place

    def tell(self):
        return self.place

    def readinto(self, buffer):
        with open(self.path, "rb") as stream:
            stream.seek(self.place)
            count = stream.readinto(buffer)
        self.place += count
        return count


def _as_archive(node, stack, opener, depth):
    """Return the node as a folder when it is an archive that can be read, with a problem when it cannot."""
    if not node.name.lower().endswith(ARCHIVES):
        return node
    node.is_archive, node.children = True, []
    if depth > MOST_DEPTH:
        node.problem = f"{node.name} lies in more than {MOST_DEPTH} archives: unpack it and run again"
        return node
    try:
        stream = stack.enter_context(opener())
        start = stream.read(16)
        stream.seek(0)
        for magic, kind in OTHER_KINDS.items():
            if start.startswith(magic):
                node.problem = f"{node.name} is {kind}, which is not read here: unpack it into a folder of that name"
                return node
        if start.lstrip()[:1] == b"<":
            node.problem = f"{node.name} is a web page, not an archive: download it again"
        elif any(start.startswith(magic) for magic in STREAMS) or node.name.lower().endswith(".tar"):
            _open_tar(node, stream, start, stack, depth)
        else:
            _open_zip(node, stream, stack, depth)
    except TooLarge:
        node.problem = f"{node.name} unpacks to too much; nothing of it was taken"
    except Exception:  # each kind of damage has an error of its own, and none may reach the others
        node.problem = f"{node.name} is damaged or not an archive of its name: ask for it once more"
    return node


def _open_zip(node, stream, stack, depth):
    archive = stack.enter_context(zipfile.ZipFile(stream))
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > MOST_ENTRIES:
        raise TooLarge
    for entry in entries:
        if (entry.external_attr >> 16) & 0o170000 == 0o120000:
            continue  # a link
        parts = tuple(part for part in _zip_name(entry).replace("\\", "/").split("/") if part not in ("", "."))
        if not parts or any(is_junk(part) for part in parts if part != ".."):
            continue
        leaf = Node(clean_name(parts[-1]), size=entry.file_size, when=_zip_time(entry))
        leaf.facts["unsafe"] = ".." in parts or _zip_name(entry).startswith(("/", "\\")) or ":" in parts[0]
        if entry.flag_bits & 1:
            leaf.problem = f"{parts[-1]} in {node.name} needs a password: ask for it without one"
        leaf.reader = lambda limit, entry=entry: _read_entry(archive, entry, limit)
        grown = entry.file_size > MOST_RATIO * max(1, entry.compress_size) and entry.file_size > 2**20
        _place(node, parts, _nested(leaf, stack, depth, grown))
    if entries and all(entry.flag_bits & 1 for entry in entries):
        node.children, node.problem = [], f"{node.name} needs a password: ask for it without one"


def _read_entry(archive, entry, limit):
    with archive.open(entry) as stream:
        return stream.read(limit)


def _zip_name(entry):
    """Return the name of an entry; many programs write UTF-8 without saying so."""
    name = entry.filename
    if not entry.flag_bits & 0x800:
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            pass
    return name


def _zip_time(entry):
    try:
        when = datetime.datetime(*entry.date_time)
    except ValueError:
        return None
    return when if when.year > 1980 else None  # 1980 stands for "not known"


def _open_tar(node, stream, start, stack, depth):
    for magic, opener in STREAMS.items():
        if start.startswith(magic):
            stream = _unpacked(opener(stream), stack)
    try:
        archive = stack.enter_context(tarfile.open(fileobj=stream, mode="r:"))
    except tarfile.ReadError:
        if node.name.lower().endswith((".tar", ".tgz", ".tbz2", ".txz")) or ".tar." in node.name.lower():
            raise
        stream.seek(0)
        content = stream.read(MOST_NOTEBOOK + 1)  # lab.ipynb.gz
        node.children = [Node(node.stem, size=len(content), reader=lambda limit: content[:limit])]
        return
    for count, entry in enumerate(archive):
        if count > MOST_ENTRIES:
            raise TooLarge
        parts = tuple(part for part in entry.name.split("/") if part not in ("", "."))
        if not entry.isfile() or not parts or any(is_junk(part) for part in parts if part != ".."):
            continue
        when = datetime.datetime.fromtimestamp(entry.mtime) if entry.mtime else None
        leaf = Node(clean_name(parts[-1]), size=entry.size, when=when)
        leaf.facts["unsafe"] = ".." in parts or entry.name.startswith("/")
        leaf.reader = lambda limit, entry=entry: archive.extractfile(entry).read(limit)
        _place(node, parts, _nested(leaf, stack, depth, False))


def _unpacked(stream, stack):
    whole = stack.enter_context(tempfile.TemporaryFile())
    while block := stream.read(2**20):
        whole.write(block)
        stack.left -= len(block)
        if whole.tell() > MOST_NESTED or stack.left < 0:
            raise TooLarge
    whole.seek(0)
    return whole


def _nested(leaf, stack, depth, grown):
    if not leaf.name.lower().endswith(ARCHIVES) or leaf.problem:
        return leaf
    if grown:
        leaf.children, leaf.is_archive = [], True
        leaf.problem = f"{leaf.name} unpacks to too much; nothing of it was taken"
        return leaf

    def opener():
        content = leaf.read(min(MOST_NESTED, stack.left))
        stack.left -= len(content)
        whole = tempfile.SpooledTemporaryFile(max_size=16 * 2**20)
        whole.write(content)
        whole.seek(0)
        return whole

    return _as_archive(leaf, stack, opener, depth + 1)


def _place(node, parts, leaf):
    """Put a leaf under the folders that its name speaks of; '..' and absolute names stay inside."""
    for part in [part for part in parts[:-1] if part != ".."][:MOST_FOLDERS]:
        part = clean_name(part)
        folders = node.facts.setdefault("folders", {})
        if part not in folders:
            folders[part] = Node(part, [])
            node.children.append(folders[part])
        node = folders[part]
    node.children.append(leaf)


def open_all(folder, stack):
    """Yield the nodes of a folder of downloads, or of one archive, each closed by stack."""
    path = Path(folder)
    if path.is_dir():
        for inner in sorted(path.iterdir()):  # a folder that cannot be read is the caller's to say
            is_work = (inner / "gradebook.db").is_file() or (inner / "handed_in.json").is_file()  # of an earlier run
            if not is_junk(inner.name) and not is_work and (node := open_path(inner, stack)):
                yield node
    elif node := open_path(path, stack):
        yield node
