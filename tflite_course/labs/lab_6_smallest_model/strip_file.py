"""Lab 6, strip_file: a .tflite file without what no device reads."""

from tflite_course.labs import tflite_file
from tflite_course.labs.exercise import Exercise, Mistake, mnist, require_function, require_returned, same
from tflite_course.labs.lab_6_smallest_model.common import varied

SAVED = 300  # bytes that a stripped file has less, at least


def judge(answer, rng):
    from tflite_course.models import model_path

    require_function(answer)
    images = mnist()[1][0][rng.choice(10_000, 20, replace=False)]
    for name, variant in (("mnist_ds", "int8"), ("mnist_cnn", "float32")):
        content = varied(model_path(name, variant).read_bytes(), rng)
        stripped = require_returned(answer(content))
        _check_form(stripped)
        if not same(tflite_file.raw_outputs(stripped, images), tflite_file.raw_outputs(content, images)):
            raise Mistake("the answers have changed: weights, scales and operators must stay as they are.")
        left = _left(stripped)
        if left:
            raise Mistake(f"the file still has {', '.join(left)}.")
        if len(stripped) >= len(content) - SAVED:
            raise Mistake(f"the file has {len(stripped):,} bytes and had {len(content):,}: nothing was gained.")


def _check_form(stripped):
    """Raise Mistake unless this is a .tflite file."""
    if type(stripped) is bytearray:
        raise Mistake("this is a bytearray: end with `bytes(builder.Output())`.")
    if type(stripped) is bytes and len(stripped) > 8 and stripped[4:8] != b"TFL3":
        raise Mistake(
            'the file has lost its mark, bytes 4 to 7: write `builder.Finish(..., b"TFL3")` with the identifier.'
        )
    tflite_file.open_file(stripped)


def _left(content):
    """Return the names of the parts that a file should not have any more."""
    from ai_edge_litert import schema_py_generated as schema

    tree = schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
    graph = tree.subgraphs[0]
    parts = {
        "names of tensors": any(tensor.name for tensor in graph.tensors),
        "the name of the graph": graph.name,
        "the description": tree.description,
        "signatures": tree.signatureDefs,
        "metadata": tree.metadata,
    }
    return [part for part, there in parts.items() if there]


EXERCISE = Exercise(
    points=2,
    tests="strip_file(content) on two models: what is gone, what the file answers, and its size",
    why="in a small file names and notes take more than the weights.",
    judge=judge,
)
