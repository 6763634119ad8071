"""Reading a .tflite file: its bytes, or one sentence that says what else it is."""

import os
from pathlib import Path

from tflite_course.errors import CourseError

# How files begin that are sometimes given for a .tflite, and what to do with them.
OTHER_FILES = {
    b"PK\x03\x04": "a zip file, as .keras files are: load it with Keras and convert it (lesson 02), or unpack it",
    b"\x89HDF": "an HDF5 file with Keras weights: load it with Keras and convert it (lesson 02)",
    b"\x1f\x8b": "a gzip file: unpack it",
    b"version https://git-lfs": "a pointer of Git LFS, not the file itself: run `git lfs pull`",
    b"\x08\x01\x12": "the graph of a SavedModel: convert the folder that it lies in (lesson 02)",
    b"\x80": "a pickle, as PyTorch writes: export the model and convert it (lesson 02)",
    b"{": "JSON: give the .tflite file",
    b"unsigned char": "C source: give the .tflite file that it was made of",
    b"const unsigned char": "C source: give the .tflite file that it was made of",
    b"<": "a web page: download the file itself, not the page that shows it",
}


def read_model(model):
    """Return the bytes of a .tflite model given as bytes or as a path.

    Raises CourseError when the file is missing, cannot be read, is not a .tflite file or is cut short.
    """
    if isinstance(model, (bytes, bytearray, memoryview)):
        content, name = bytes(model), "The model"
    elif isinstance(model, (str, os.PathLike)):
        name = Path(model).name
        content = _read_file(Path(model), name)
    else:
        raise CourseError(
            f"A model is a path or the bytes that converter.convert() returns, not {type(model).__name__}: "
            f"convert a Keras model first (lesson 02)."
        )
    if not content:
        raise CourseError(f"{name} is empty (0 bytes): write or copy the file again.")
    if content[4:8] != b"TFL3":
        for start, what in OTHER_FILES.items():
            if content.lstrip().startswith(start):
                raise CourseError(f"{name} is not a .tflite file, it is {what}.")
        raise CourseError(
            f"{name} is not a .tflite file (bytes 4 to 7 must read TFL3): give the file that the converter wrote."
        )
    _check_complete(content, name)
    return content


def _read_file(path, name):
    """Return the bytes of a file, or raise CourseError that says why it cannot be read."""
    try:
        return path.read_bytes()
    except IsADirectoryError:
        cause = (
            f"{name} is a folder: give the .tflite file in it, or convert it first if it is a SavedModel (lesson 02)."
        )
    except PermissionError:
        cause = f"{name} cannot be read: it is a folder, or its permissions do not let you."
    except (OSError, ValueError):  # ValueError: a zero byte in the path
        cause = f"There is no file {name} at the path given: check the path and the folder."
    raise CourseError(cause)


def _check_complete(content, name):
    """Raise CourseError for a file that was cut short: then a table or a buffer of it points past its end."""
    import struct

    from ai_edge_litert.schema_py_generated import Model

    try:
        model = Model.GetRootAs(content)
        ends = [model.Buffers(i)._tab.Pos for i in range(model.BuffersLength())]
        for i in range(model.BuffersLength()):
            data = model.Buffers(i).DataAsNumpy()
            ends.append(0 if isinstance(data, int) else len(data))
        for k in range(model.SubgraphsLength()):
            graph = model.Subgraphs(k)
            [graph.Tensors(i).Name() for i in range(graph.TensorsLength())]
            [graph.Operators(i).OpcodeIndex() for i in range(graph.OperatorsLength())]
        whole = max(ends) <= len(content)
    except (struct.error, ValueError, IndexError, TypeError, AttributeError):
        whole = False
    if not whole:
        raise cut_short(name, content)


def cut_short(name, content):
    """Return the CourseError about a file whose tables or buffers point past its end."""
    return CourseError(
        f"{name} is cut short or damaged ({len(content):,} bytes): copy or download it again, or convert it anew."
    )
