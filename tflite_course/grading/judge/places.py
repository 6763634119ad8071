"""Files that a judge hands to an answer: the folder around a path is sent, and made again at the same place."""

import os
import shutil
import tempfile
from pathlib import Path

MOST_FILES, MOST_FILE_BYTES = 500, 64 * 2**20


def pack(path, blob):
    """Return the JSON of a path in a temporary folder, with all that lies in the folder around it.

    blob(content): takes bytes and returns their number. Raises TypeError for a path that is not in such a folder.
    """
    root = Path(path).parent
    if Path(tempfile.gettempdir()) not in root.parents:
        raise TypeError(f"a judge gives the path {path} to an answer, and only temporary folders cross")
    entries, known, total = [], {}, 0
    for found in sorted(root.rglob("*")):
        name, status = str(found.relative_to(root)), found.lstat()
        if found.is_symlink():
            entries.append(["link", name, os.readlink(found)])
        elif found.is_dir():
            entries.append(["folder", name, None])
        elif status.st_ino in known:
            entries.append(["same", name, known[status.st_ino]])
        else:
            known[status.st_ino], total = name, total + status.st_size
            entries.append(["file", name, blob(found.read_bytes())])
    if len(entries) > MOST_FILES or total > MOST_FILE_BYTES:
        raise TypeError(f"a judge gives {len(entries)} files of {total:,} bytes to an answer, that is too much")
    return {"t": "place", "root": str(root), "path": str(path), "entries": entries}


def unpack(entry, blob):
    """Make the folder of pack() again and return the path; used in the submission's process."""
    root, path = Path(entry["root"]), Path(entry["path"])
    if os.environ.get("GRADE_SANDBOX") != "1":
        return path  # without a sandbox both see the same files
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    for kind, name, value in entry["entries"]:
        target = root / name
        if kind == "folder":
            target.mkdir()
        elif kind == "link":
            target.symlink_to(value)
        elif kind == "same":
            os.link(root / value, target)
        else:
            target.write_bytes(blob(value))
    return path
