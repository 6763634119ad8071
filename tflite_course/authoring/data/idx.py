"""Read published IDX files and store arrays, for the scripts that build the data sets of this folder."""

import hashlib
import sys

import numpy as np


def read_idx(content):
    """Return the uint8 array in IDX bytes: two zero bytes, type 8, the number of axes, big-endian sizes, data."""
    if content[:3] != b"\x00\x00\x08":
        sys.exit("This is not an IDX file of unsigned bytes: the package has changed.")
    axes = content[3]
    shape = np.frombuffer(content, ">i4", axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def read_published(file, content, published):
    """Return the array of a file whose MD5 is the published one; else end the program, nothing is written."""
    found = hashlib.md5(content).hexdigest()
    print(f"{file}: MD5 {found} {'as published' if found == published else 'DIFFERS'}")
    if found != published:
        sys.exit(f"{file} is not the published file (MD5 {published}): nothing was written.")
    return read_idx(content)


def store(output, arrays):
    """Write the arrays to a .npz file, the same bytes on every run, and print its size and SHA-256."""
    np.savez_compressed(output, **arrays)
    digest = hashlib.sha256(output.read_bytes()).hexdigest()
    print(f"{output.name}: {output.stat().st_size:,} bytes, SHA-256 {digest}")
