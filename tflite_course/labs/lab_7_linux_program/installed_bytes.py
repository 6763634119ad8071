"""Lab 7, installed_bytes: what the files of a folder take, with its subfolders and without its links."""

import os
import tempfile
from pathlib import Path

from tflite_course.labs.exercise import (
    Exercise,
    KnownMistake,
    Mistake,
    describe,
    require_function,
    require_returned,
    same,
)


def installed_bytes(folder):
    return sum({path.stat().st_ino: path.stat().st_size for path in _files(folder)}.values())


def _files(folder):
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def _sizes(paths):
    return sum(path.lstat().st_size for path in paths)


def _own_sizes(paths):
    """Return the bytes of what has these names, each file once."""
    return sum({path.lstat().st_ino: path.lstat().st_size for path in paths}.values())


def no_subfolders(folder):
    return _sizes(path for path in _files(folder) if path.parent == folder)


def nothing_hidden(folder):
    return _sizes(path for path in _files(folder) if not path.name.startswith("."))


def number_of_files(folder):
    return len(_files(folder))


def mebibytes(folder):
    return installed_bytes(folder) / 2**20


def kibibytes(folder):
    return installed_bytes(folder) / 2**10


def with_subfolders_themselves(folder):
    return _sizes(path for path in folder.rglob("*") if not path.is_symlink())


def with_all_folders_themselves(folder):
    return with_subfolders_themselves(folder) + folder.stat().st_size


def folder_itself(folder):
    return folder.stat().st_size


def blocks(folder):
    return sum(path.stat().st_blocks * 512 for path in _files(folder))


def hard_links_twice(folder):
    return _sizes(_files(folder))


def each_size_once(folder):
    return sum({path.stat().st_size for path in _files(folder)})


def each_name_once(folder):
    return sum({path.name: path.stat().st_size for path in sorted(_files(folder))}.values())


def links_followed(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def links_followed_by_inode(folder):
    return sum({path.stat().st_ino: path.stat().st_size for path in folder.rglob("*") if path.is_file()}.values())


def links_followed_by_own_inode(folder):
    return sum({path.lstat().st_ino: path.stat().st_size for path in folder.rglob("*") if path.is_file()}.values())


def links_to_files_themselves(folder):
    return _own_sizes(path for path in folder.rglob("*") if path.is_file())


def links_themselves(folder):
    return _own_sizes(path for path in folder.rglob("*") if path.is_symlink() or path.is_file())


def links_themselves_and_hard_links_twice(folder):
    return _sizes(path for path in folder.rglob("*") if path.is_symlink() or path.is_file())


FOLDERS = "the size of a folder is its list of names. Count the files only."
FOLLOWED = "you follow symbolic links, so a file is counted once more, or one from outside. Leave links out."
LINKS = "a symbolic link is not a file: leave its own few bytes out."

MISTAKES = [
    KnownMistake("you count the files of the folder itself. Those in its subfolders belong to it too.", no_subfolders),
    KnownMistake("files whose name begins with a dot take bytes too.", nothing_hidden),
    KnownMistake("this is the number of files. Return their bytes.", number_of_files),
    KnownMistake("these are MiB. Return bytes.", mebibytes),
    KnownMistake("these are KiB. Return bytes.", kibibytes),
    KnownMistake(FOLDERS, with_subfolders_themselves),
    KnownMistake(FOLDERS, with_all_folders_themselves),
    KnownMistake("this is the size of the folder's list of names. Walk through its files.", folder_itself),
    KnownMistake(
        "one file has two names (a hard link), and you count it twice. `st_ino` is the same number for both.",
        hard_links_twice,
    ),
    KnownMistake(
        "files of equal size are counted once. Only a file with two names is one: look at `st_ino`.", each_size_once
    ),
    KnownMistake("files of the same name in different folders are counted once. They are two files.", each_name_once),
    KnownMistake(FOLLOWED, links_followed),
    KnownMistake(FOLLOWED, links_followed_by_inode),
    KnownMistake(FOLLOWED, links_followed_by_own_inode),
    KnownMistake(LINKS, links_to_files_themselves),
    KnownMistake(LINKS, links_themselves),
    KnownMistake(LINKS, links_themselves_and_hard_links_twice),
]
if hasattr(os.stat_result, "st_blocks"):  # not on Windows
    MISTAKES.append(KnownMistake("you count the blocks of the disk. Count the bytes of the files, `st_size`.", blocks))


def _fill(folder, rng):
    """Make a folder with subfolders, a hidden file, an empty one, two of one size and two of one name."""
    names = ["program.py", "runtime/core.so", "runtime/kernels/add.so", "runtime/program.py", ".settings"]
    sizes = {name: int(size) for name, size in zip(names, rng.integers(5_000, 90_000, len(names)), strict=True)}
    sizes |= {"runtime/kernels/__init__.py": 0, "runtime/kernels/mul.so": sizes["runtime/kernels/add.so"]}
    for name, size in sizes.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(bytes(size))


def _add_links(folder):
    """Add a second name of a file, and links to a file, to a file outside and to a folder, where the disk has such."""
    outside = folder.parent / "outside.bin"
    outside.write_bytes(bytes(100_003))
    try:
        os.link(folder / "runtime/core.so", folder / "runtime/core.so.1")
        (folder / "a_file").symlink_to(folder / "program.py")
        (folder / "elsewhere").symlink_to(outside)
        (folder / "a_folder").symlink_to(folder / "runtime", target_is_directory=True)
    except OSError:
        pass  # this system or its disk has no such links


def judge(answer, rng):
    require_function(answer)
    for links in (False, True):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "digits"
            _fill(folder, rng)
            if links:
                _add_links(folder)
            _compare(answer, folder, "a folder with subfolders" + " and links" * links)


def _compare(answer, folder, what):
    total = installed_bytes(folder)
    found = require_returned(answer(folder))
    if same(found, total):
        return
    for hint, mistaken in MISTAKES:
        if same(found, mistaken(folder)):
            raise Mistake(hint)
    if not same(found, 0, tolerance=float("inf")):
        raise Mistake(f"a whole number (int) is expected, this is {describe(found)} ({type(found).__name__}).")
    raise Mistake(f"in {what} you count {found:,} bytes, expected {total:,}.")


EXERCISE = Exercise(
    points=2,
    tests="installed_bytes(folder) on folders with subfolders, a hidden and an empty file, and links",
    why="storage is the first limit of a small board, and a wrong count follows every link of an environment.",
    judge=judge,
    mistakes=MISTAKES,
)
