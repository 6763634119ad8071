"""Flags: places of a submission that a marker may want to look at. They cost no points.

Nothing that a submission does can change its marks (see `judge`), so no code is forbidden. A flag is a sentence beside
the automatic points: who looks into the checks, or into the process that runs the notebook, may have had a reason.
"""

import ast

NAMES = {
    "get_ipython": "uses get_ipython",
    "input_transformers_cleanup": "changes the source of later cells",
    "input_transformers_post": "changes the source of later cells",
    "ast_transformers": "changes the source of later cells",
    "builtins": "changes or reads Python's built-in names",
    "__builtins__": "changes or reads Python's built-in names",
    "ctypes": "uses ctypes",
    "_getframe": "looks at the code that calls it",
    "currentframe": "looks at the code that calls it",
    "load_exercises": "looks into the checks",
    "EXERCISES": "looks into the checks",
    "sys.modules": "reads or changes sys.modules",
    "__eq__": "defines what is equal (__eq__)",
    "tflite_course.labs": "looks into the checks",
    "tflite_course.grading": "looks into the grading",
}
TEXTS = {"/proc": "reads /proc", "connection.json": "reads the kernel's connection", "seed=": "writes about a seed"}
PACKAGES = ("tflite_course.labs", "tflite_course.grading")


def find_flags(source):
    """Return the sorted reasons to look at a cell of code, [] when there are none or when it is not Python."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return sorted({reason for node in nodes for reason in _reasons(node)})


def _reasons(node):
    names = []
    if isinstance(node, ast.Name):
        names = [node.id]
        if node.id == "check" and isinstance(node.ctx, ast.Store):
            return ["gives the name check to something else"]
    elif isinstance(node, ast.Attribute):
        names = [ast.unparse(node), node.attr]
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        if node.name == "check":
            return ["gives the name check to something else"]
        names = [node.name]
    elif isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        if node.module == "tflite_course.labs" and [alias.name for alias in node.names] == ["check"]:
            return []  # as the lab's own set-up cell
        names = [node.module or "", *(alias.name for alias in node.names)]
        names += [f"{node.module}.{alias.name}" for alias in node.names]
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        names = [node.value] if node.value.isidentifier() else []
        names += [text for text in TEXTS if text in node.value]
    known = NAMES | TEXTS
    found = [known[name] for name in names if name in known]
    return found + [NAMES[package] for name in names for package in PACKAGES if name.startswith(package + ".")]


def inspect(notebook, released):
    """Return sentences about the cells of code that differ from what was released, "cell 7 uses get_ipython: ..."."""
    known = {cell.source.strip() for cell in released.cells}
    flags = []
    for position, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "code" and cell.source.strip() not in known:
            found = find_flags(cell.source)
            if found:
                flags.append(f"cell {position} {' and '.join(found)}: look at it")
    return flags
